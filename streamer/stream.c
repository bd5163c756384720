#include "streamer/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/adaptive.h"
#include "streamer/clock.h"

#define QUEUE_AUS        64
#define PIPELINE_JOIN_US 1500000

struct stream {
	sd_event *event;
	const struct conf *conf;
	struct store *store;
	struct auq *auq;
	struct pipeline *pipeline;
	struct server *server;
	struct adaptive adaptive;
	struct pipeline_report report; /* the newest */

	bool running;
	int64_t running_since_us;
	bool watched;   /* somebody watches */
	bool lingering; /* nobody does, but somebody did a moment ago */
	bool demanded;
	struct pipeline_settings asked; /* by generation asked_generation */
	uint64_t asked_generation;      /* 0: nothing yet */
	bool to_be_kept;                /* in the store, once it ended well */

	void (*on_news)(void *arg);
	void *on_news_arg;
	void (*on_closed)(void *arg);
	void *on_closed_arg;
	sd_event_source *report_source, *linger_timer;
};

static void follow_demand(struct stream *stream)
{
	bool demanded = stream->running &&
			(!stream->conf->on_demand || stream->watched || stream->lingering);

	if (demanded == stream->demanded)
		return;
	stream->demanded = demanded;
	pipeline_demand(stream->pipeline, demanded);
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

/* Settings that were asked for and work are kept. */
static void keep_settings(struct stream *stream)
{
	const struct pipeline_change *change = &stream->report.change;
	struct store_settings settings = *store_get(stream->store);

	if (!stream->to_be_kept || change->generation < stream->asked_generation || change->pending)
		return;
	stream->to_be_kept = false;
	if (change->error.code != 0)
		return;
	settings.has_picture = true;
	settings.width = stream->asked.picture.width;
	settings.height = stream->asked.picture.height;
	settings.fps_milli = stream->asked.picture.fps_milli;
	store_set(stream->store, &settings);
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
	keep_settings(stream);
	if (stream->on_news != NULL)
		stream->on_news(stream->on_news_arg);
	return 0;
}

static void first_settings(const struct stream *stream, struct pipeline_settings *ret_settings)
{
	const struct store_settings *kept = store_get(stream->store);

	pipeline_settings_init(ret_settings, stream->conf);
	if (kept->has_picture)
		ret_settings->picture =
			(struct pipeline_picture){kept->width, kept->height, kept->fps_milli};
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

static int build(struct stream *stream, int listen_fd, struct error *err)
{
	struct pipeline_config pipeline = {.conf = stream->conf, .out = stream->auq};
	struct server_config server = {
		.event = stream->event,
		.listen_fd = listen_fd,
		.conf = stream->conf,
		.auq = stream->auq,
		.on_watched = on_watched,
		.need_idr = on_need_idr,
		.on_closed = on_server_closed,
		.arg = stream,
	};

	int r = server_new(&server, &stream->server, err);
	if (r < 0)
		return r;
	first_settings(stream, &pipeline.settings);
	r = pipeline_new(&pipeline, &stream->pipeline, err);
	if (r < 0)
		return r;
	r = add_sources(stream);
	return r < 0 ? error_set(err, r, "the event loop: %s", strerror(-r)) : 0;
}

int stream_new(sd_event *event, const struct conf *conf, struct store *store, int listen_fd,
	       struct stream **ret_stream, struct error *err)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	stream->event = event;
	stream->conf = conf;
	stream->store = store;
	stream->running = !store_get(store)->has_running || store_get(store)->running;
	stream->running_since_us = clock_now_us();
	stream->auq = auq_new(QUEUE_AUS);
	int r = stream->auq == NULL ? error_set(err, -ENOMEM, "out of memory")
				    : build(stream, listen_fd, err);
	if (r < 0) {
		stream_free(stream);
		return r;
	}
	server_set_running(stream->server, stream->running);
	if (!stream->running)
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
	stream->running = stream->demanded = false;
	sd_event_source_disable_unref(stream->report_source);
	adaptive_clear(&stream->adaptive);
	server_free(stream->server);
	sd_event_source_disable_unref(stream->linger_timer);
	auq_free(stream->auq);
	free(stream);
	return true;
}

void stream_get_status(struct stream *stream, struct stream_status *ret_status)
{
	/* Not the report of the last news: its numbers go on without any. */
	pipeline_get_report(stream->pipeline, &ret_status->pipeline);
	ret_status->running = stream->running;
	ret_status->running_since_us = stream->running_since_us;
	ret_status->demanded = stream->demanded;
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
	struct store_settings settings = *store_get(stream->store);

	if (stream->running == running)
		return false;
	stream->running = running;
	stream->running_since_us = clock_now_us();
	log_info("stream", "%s by its owner", running ? "started" : "stopped");
	settings.has_running = true;
	settings.running = running;
	store_set(stream->store, &settings);
	server_set_running(stream->server, running);
	follow_demand(stream);
	return true;
}

uint64_t stream_set(struct stream *stream, const struct pipeline_settings *settings, bool persist)
{
	stream->asked = *settings;
	stream->asked_generation = pipeline_set(stream->pipeline, settings);
	stream->to_be_kept = persist;
	return stream->asked_generation;
}

void stream_get_settings(struct stream *stream, struct pipeline_settings *ret_settings)
{
	struct pipeline_report report;

	pipeline_get_report(stream->pipeline, &report);
	/* The pipeline may not have seen the newest wish yet. */
	*ret_settings = report.change.generation < stream->asked_generation ? stream->asked
									    : report.settings;
}

uint64_t stream_set_controls(struct stream *stream, const struct pipeline_control *list,
			     unsigned count)
{
	return pipeline_set_controls(stream->pipeline, list, count);
}

uint64_t stream_set_picture(struct stream *stream, const struct pipeline_picture *picture,
			    bool persist)
{
	struct pipeline_settings settings;

	stream_get_settings(stream, &settings);
	settings.picture = *picture;
	return stream_set(stream, &settings, persist);
}

void stream_set_fault(struct stream *stream, enum source_fault fault)
{
	pipeline_set_fault(stream->pipeline, fault);
}
