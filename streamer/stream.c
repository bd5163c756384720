#include "streamer/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/adaptive.h"
#include "streamer/clock.h"
#include "streamer/darkroom.h"
#include "streamer/jpeg.h"
#include "streamer/trial.h"

#define QUEUE_AUS        64
#define PIPELINE_JOIN_US 1500000

struct stream {
	sd_event *event;
	const struct conf *conf; /* what is in effect: changes as settings do */
	struct settings *settings;
	struct store *store;
	struct auq *auq;
	struct darkroom *darkroom; /* NULL: none can be had */
	struct pipeline *pipeline;
	struct server *server;
	struct adaptive adaptive;
	struct pipeline_report report; /* the newest */

	int64_t running_since_us;
	bool watched;   /* somebody watches */
	bool lingering; /* nobody does, but somebody did a moment ago */
	bool demanded;
	bool is_ending;
	struct changes changes;
	struct trial trial; /* of what was stored */

	void (*on_news)(void *arg);
	void *on_news_arg;
	void (*on_closed)(void *arg);
	void *on_closed_arg;
	sd_event_source *report_source, *linger_timer;
};

static void tell_listener(struct stream *stream)
{
	if (stream->on_news != NULL)
		stream->on_news(stream->on_news_arg);
}

static void follow_demand(struct stream *stream)
{
	bool demanded = settings_running(stream->settings) && !stream->is_ending &&
			(!stream->conf->on_demand || stream->watched || stream->lingering);

	if (demanded == stream->demanded)
		return;
	stream->demanded = demanded;
	pipeline_demand(stream->pipeline, demanded);
	/* Who waited for pictures need not any more; the camera may be long in saying so. */
	tell_listener(stream);
}

static void on_watched(void *arg, bool watched)
{
	struct stream *stream = arg;
	int64_t linger_us = stream->conf->idle_stop_s * INT64_C(1000000);

	stream->watched = watched;
	stream->lingering = !watched && linger_us > 0;
	if (stream->lingering)
		sd_event_source_set_time(stream->linger_timer,
					 (uint64_t)(clock_now_us() + linger_us));
	sd_event_source_set_enabled(stream->linger_timer,
				    stream->lingering ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	follow_demand(stream);
	adaptive_set_watched(&stream->adaptive, watched);
}

static int on_linger(sd_event_source *source, uint64_t usec, void *arg)
{
	struct stream *stream = arg;

	(void)source;
	(void)usec;
	stream->lingering = false;
	follow_demand(stream);
	return 0;
}

static void on_need_idr(void *arg)
{
	struct stream *stream = arg;

	pipeline_force_idr(stream->pipeline);
}

static void on_server_closed(void *arg)
{
	struct stream *stream = arg;

	stream->on_closed(stream->on_closed_arg);
}

/* What lives in the loop follows the settings at once. */
static void on_outcome(void *arg)
{
	struct stream *stream = arg;

	server_follow_conf(stream->server);
	follow_demand(stream);
	tell_listener(stream);
}

static int on_report(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct stream *stream = arg;

	(void)source;
	(void)fd;
	(void)events;
	pipeline_take_news(stream->pipeline);
	pipeline_get_report(stream->pipeline, &stream->report);
	server_set_report(stream->server, &stream->report);
	trial_follow(&stream->trial, &stream->report);
	changes_follow(&stream->changes, &stream->report);
	tell_listener(stream);
	return 0;
}

static int add_sources(struct stream *stream)
{
	int r = sd_event_add_io(stream->event, &stream->report_source,
				pipeline_fd(stream->pipeline), EPOLLIN, on_report, stream);

	if (r >= 0)
		r = sd_event_add_time(stream->event, &stream->linger_timer, CLOCK_MONOTONIC, 0, 0,
				      on_linger, stream);
	if (r >= 0)
		r = sd_event_source_set_enabled(stream->linger_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = adaptive_init(&stream->adaptive, stream->event, stream->conf, stream->pipeline,
				  stream->server);
	return r;
}

/* The pipeline's thread. */
static void on_frame(void *arg, const struct frame *frame, const struct source_format *format)
{
	bool bt709 = format->colour.matrix == 1; /* H.264 table E-5 */

	darkroom_offer(arg, frame, bt709 ? JFIF_FROM_BT709 : JFIF_FROM_BT601);
}

static int build(struct stream *stream, int listen_fd, struct error *err)
{
	struct pipeline_control controls[SOURCE_CONTROLS_MAX];
	struct pipeline_config pipeline = {
		.conf = stream->conf,
		.controls = controls,
		.control_count = settings_controls(stream->settings, controls),
		.out = stream->auq,
		.on_frame = stream->darkroom != NULL ? on_frame : NULL,
		.on_frame_arg = stream->darkroom,
	};
	struct server_config server = {
		.event = stream->event,
		.listen_fd = listen_fd,
		.conf = stream->conf,
		.auq = stream->auq,
		.darkroom = stream->darkroom,
		.on_watched = on_watched,
		.need_idr = on_need_idr,
		.on_closed = on_server_closed,
		.arg = stream,
	};

	int r = server_new(&server, &stream->server, err);
	if (r < 0)
		return r;
	pipeline_settings_init(&pipeline.settings, stream->conf);
	r = pipeline_new(&pipeline, &stream->pipeline, err);
	if (r < 0)
		return r;
	stream->changes = (struct changes){
		.settings = stream->settings,
		.pipeline = stream->pipeline,
		.on_outcome = on_outcome,
		.arg = stream,
	};
	stream->trial = (struct trial){
		.settings = stream->settings,
		.pipeline = stream->pipeline,
	};
	r = add_sources(stream);
	return r < 0 ? error_set(err, r, "the event loop: %s", strerror(-r)) : 0;
}

int stream_new(sd_event *event, struct settings *settings, struct store *store, int listen_fd,
	       struct stream **ret_stream, struct error *err)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	stream->event = event;
	stream->conf = settings_conf(settings);
	stream->settings = settings;
	stream->store = store;
	stream->running_since_us = clock_now_us();
	stream->auq = auq_new(QUEUE_AUS);
	int r = stream->auq == NULL ? error_set(err, -ENOMEM, "out of memory") : 0;
	if (r == 0 && jpeg_is_built())
		r = darkroom_new(&stream->darkroom, err);
	if (r == 0)
		r = build(stream, listen_fd, err);
	if (r < 0) {
		stream_free(stream);
		return r;
	}
	server_set_running(stream->server, settings_running(settings));
	if (!settings_running(settings))
		log_info("stream", "stopped by its owner: start it over the API");
	follow_demand(stream);
	*ret_stream = stream;
	return 0;
}

void stream_close(struct stream *stream, void (*on_closed)(void *arg), void *arg)
{
	stream->on_closed = on_closed;
	stream->on_closed_arg = arg;
	server_close(stream->server);
}

bool stream_free(struct stream *stream)
{
	if (stream == NULL)
		return true;
	if (!pipeline_free(stream->pipeline, PIPELINE_JOIN_US))
		return false;
	/* The last viewers' leaving changes nothing any more. */
	stream->is_ending = true;
	stream->demanded = false;
	changes_clear(&stream->changes);
	sd_event_source_disable_unref(stream->report_source);
	adaptive_clear(&stream->adaptive);
	server_free(stream->server);
	darkroom_free(stream->darkroom);
	sd_event_source_disable_unref(stream->linger_timer);
	auq_free(stream->auq);
	free(stream);
	return true;
}

void stream_get_status(struct stream *stream, struct stream_status *ret_status)
{
	/* Not the report of the last news: its numbers go on without any. */
	pipeline_get_report(stream->pipeline, &ret_status->pipeline);
	ret_status->running = settings_running(stream->settings);
	ret_status->running_since_us = stream->running_since_us;
	ret_status->demanded = stream->demanded;
	ret_status->outcome = stream->changes.outcome;
	ret_status->settings_kept = store_is_kept(stream->store, &ret_status->settings_error);
	ret_status->settings_left_out = settings_left_out(stream->settings);
	if (ret_status->settings_left_out != 0)
		ret_status->settings_refused = stream->trial.refused;
	else
		ret_status->settings_refused = (struct error){0};
	server_get_stats(stream->server, &ret_status->server);
}

void stream_get_caps(struct stream *stream, struct source_caps *ret_caps)
{
	pipeline_get_caps(stream->pipeline, ret_caps);
}

bool stream_get_format(const struct stream *stream, struct au_format *ret_format)
{
	return server_get_format(stream->server, ret_format);
}

void stream_set_listener(struct stream *stream, void (*on_news)(void *arg), void *arg)
{
	stream->on_news = on_news;
	stream->on_news_arg = arg;
}

bool stream_set_running(struct stream *stream, bool running)
{
	if (settings_running(stream->settings) == running)
		return false;
	stream->running_since_us = clock_now_us();
	log_info("stream", "%s by its owner", running ? "started" : "stopped");
	json_t *change = json_pack("{s:b}", "running", running);
	settings_apply(stream->settings, change, true);
	json_decref(change);
	server_set_running(stream->server, running);
	follow_demand(stream);
	return true;
}

uint64_t stream_change(struct stream *stream, json_t *what, bool persist)
{
	trial_end(&stream->trial);
	return changes_add(&stream->changes, what, persist);
}

bool stream_is_changing(const struct stream *stream)
{
	return changes_are_under_way(&stream->changes);
}

const struct settings *stream_settings(const struct stream *stream)
{
	return stream->settings;
}

const struct store *stream_store(const struct stream *stream)
{
	return stream->store;
}

const struct server *stream_server(const struct stream *stream)
{
	return stream->server;
}

bool stream_close_viewer(struct stream *stream, uint64_t id)
{
	return server_close_viewer(stream->server, id, "closed by the owner");
}

bool stream_request_idr(struct stream *stream, uint32_t *ret_seq)
{
	return server_request_idr(stream->server, ret_seq);
}

void stream_set_fault(struct stream *stream, enum source_fault fault)
{
	pipeline_set_fault(stream->pipeline, fault);
}
