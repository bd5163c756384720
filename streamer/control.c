#include "streamer/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "common/ctlproto.h"
#include "common/log.h"
#include "common/unixsock.h"
#include "common/util.h"
#include "streamer/args.h"
#include "streamer/clock.h"
#include "streamer/diagnostics.h"
#include "streamer/statejson.h"

#define CONNECTIONS_MAX 16
#define IDLE_US         5000000
#define RETRY_AFTER_S   2
#define NEAREST_MAX     3
#define ACCEPT_PAUSE_US 1000000 /* when descriptors ran out */

enum waiting_for {
	WAITING_FOR_REQUEST,
	WAITING_FOR_FLOW,    /* start */
	WAITING_FOR_IDLE,    /* stop */
	WAITING_FOR_PICTURE, /* set-resolution */
};

struct connection {
	struct control *control;
	int fd; /* -1: free */
	sd_event_source *io, *timer;
	enum waiting_for waiting_for;
	bool last;     /* the peer says no more, but hears the answer to its last request */
	json_int_t id; /* of the request in flight */
	bool changed;
	uint64_t generation;
	struct pipeline_picture requested;
};

struct control {
	sd_event *event;
	const struct conf *conf;
	struct stream *stream;
	int64_t start_us;
	int listen_fd;
	bool descriptors_ran_out;
	sd_event_source *listen_source;
	sd_event_source *accept_timer; /* runs while accepting pauses */
	struct connection connections[CONNECTIONS_MAX];
	char packet[CTL_PACKET_MAX + 1];
};

static void close_connection(struct connection *conn)
{
	conn->io = sd_event_source_disable_unref(conn->io);
	conn->timer = sd_event_source_disable_unref(conn->timer);
	close_fd(&conn->fd);
	/* There is room again. */
	sd_event_source_set_enabled(conn->control->listen_source, SD_EVENT_ON);
}

static void set_deadline(struct connection *conn, int64_t after_us)
{
	sd_event_source_set_time(conn->timer, (uint64_t)(clock_now_us() + after_us));
	sd_event_source_set_enabled(conn->timer, SD_EVENT_ONESHOT);
}

/* Sends the reply and takes what it holds. */
static void send_reply(struct connection *conn, struct ctl_reply *reply)
{
	char *packet = conn->control->packet;

	reply->id = conn->id;
	int size = ctl_reply_encode(reply, packet, CTL_PACKET_MAX);
	ctl_reply_clear(reply);
	conn->waiting_for = WAITING_FOR_REQUEST;
	set_deadline(conn, IDLE_US);
	ssize_t sent = -1;
	if (size >= 0)
		sent = send(conn->fd, packet, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		log_warn("control", "a reply cannot be sent: %s",
			 strerror(size < 0 ? -size : errno));
	if (sent < 0 || conn->last)
		close_connection(conn);
}

static void reply_result(struct connection *conn, json_t *result, bool pending)
{
	struct ctl_reply reply = {.pending = pending, .result = result};

	if (result == NULL) {
		reply.code = CTL_INTERNAL;
		reply.error = json_pack("{s:s}", "message", "out of memory");
	}
	send_reply(conn, &reply);
}

/* extra: further keys for the problem document, or NULL; taken. */
static void reply_error(struct connection *conn, enum ctl_code code, const char *pointer,
			json_t *extra, const char *message)
{
	struct ctl_reply reply = {.code = code, .error = json_object()};

	json_object_set_new(reply.error, "message", json_string(message));
	if (pointer != NULL)
		json_object_set_new(reply.error, "pointer", json_string(pointer));
	if (extra != NULL)
		json_object_update(reply.error, extra);
	json_decref(extra);
	send_reply(conn, &reply);
}

static void op_health(struct connection *conn, const json_t *args)
{
	struct stream_status status;

	stream_get_status(conn->control->stream, &status);
	if (json_is_true(json_object_get(args, "ready")) && !status.pipeline.flowing) {
		const char *why = !status.running           ? "the stream is stopped"
				  : !status.pipeline.online ? status.pipeline.reason
				  : !status.demanded ? "nobody watches, so the camera is closed"
						     : "the camera is starting";
		reply_error(conn, CTL_UNAVAILABLE, NULL,
			    json_pack("{s:i}", "retry_after_s", RETRY_AFTER_S), why);
		return;
	}
	reply_result(conn, json_pack("{s:s}", "status", "ok"), false);
}

static void op_state(struct connection *conn, const json_t *args)
{
	struct control *control = conn->control;
	struct stream_status status;
	struct au_format format;

	(void)args;
	stream_get_status(control->stream, &status);
	bool known = stream_get_format(control->stream, &format);
	reply_result(conn,
		     statejson_state(control->conf, &status, known ? &format : NULL,
				     clock_now_us() - control->start_us),
		     false);
}

static void reply_running(struct connection *conn, const struct stream_status *status, bool pending)
{
	reply_result(conn,
		     json_pack("{s:b, s:b, s:b}", "running", status->running, "active",
			       status->pipeline.state == PIPELINE_RUNNING, "changed",
			       conn->changed),
		     pending);
}

/* {"nearest":[...]}: what the camera has instead. */
static json_t *nearest_modes(const struct connection *conn, unsigned width, unsigned height)
{
	struct source_caps caps;
	struct source_mode nearest[NEAREST_MAX];
	json_t *modes = json_array();

	stream_get_caps(conn->control->stream, &caps);
	unsigned count = source_caps_nearest(&caps, width, height, nearest, NEAREST_MAX);
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(modes, statejson_mode(&nearest[i]));
	return json_pack("{s:o}", "nearest", modes);
}

/* What the pipeline said to a picture that cannot be had. */
static void reply_picture_error(struct connection *conn, const struct error *error)
{
	switch (error->code) {
	case -ERANGE:
		reply_error(conn, CTL_UNSUPPORTED, "/width",
			    nearest_modes(conn, conn->requested.width, conn->requested.height),
			    error->text);
		break;
	case -EOPNOTSUPP:
		reply_error(conn, CTL_CONFLICT, NULL, NULL, error->text);
		break;
	case -EBUSY:
		reply_error(conn, CTL_BUSY, NULL, NULL, error->text);
		break;
	default:
		reply_error(conn, CTL_UNAVAILABLE, NULL,
			    json_pack("{s:i}", "retry_after_s", RETRY_AFTER_S), error->text);
	}
}

static bool is_done(const struct connection *conn, const struct stream_status *status)
{
	const struct pipeline_change *change = &status->pipeline.change;

	switch (conn->waiting_for) {
	case WAITING_FOR_REQUEST:
		return false;
	case WAITING_FOR_FLOW: /* or somebody stopped it meanwhile, or the last viewer left */
		return status->pipeline.flowing || !status->demanded;
	case WAITING_FOR_IDLE:
		return status->pipeline.state == PIPELINE_IDLE || status->demanded;
	case WAITING_FOR_PICTURE:
		return change->generation >= conn->generation && !change->pending;
	}
	return false;
}

static void finish(struct connection *conn, const struct stream_status *status, bool pending)
{
	const struct error *error = &status->pipeline.change.error;

	if (conn->waiting_for != WAITING_FOR_PICTURE)
		reply_running(conn, status, pending);
	else if (!pending && error->code != 0)
		reply_picture_error(conn, error);
	else
		reply_result(conn,
			     statejson_change(&conn->requested, status, conn->changed, pending),
			     pending);
}

/* The answer is given when it is done, or when the deadline passes. */
static void wait_for(struct connection *conn, enum waiting_for what, int64_t timeout_us)
{
	struct stream_status status;

	conn->waiting_for = what;
	stream_get_status(conn->control->stream, &status);
	if (is_done(conn, &status))
		finish(conn, &status, false);
	else
		set_deadline(conn, timeout_us);
}

static void on_news(void *arg)
{
	struct control *control = arg;
	struct stream_status status;

	stream_get_status(control->stream, &status);
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *conn = &control->connections[i];
		if (conn->fd >= 0 && is_done(conn, &status))
			finish(conn, &status, false);
	}
}

static void op_diagnostics(struct connection *conn, const json_t *args)
{
	struct stream_status status;
	struct au_format format;

	(void)args;
	stream_get_status(conn->control->stream, &status);
	bool known = stream_get_format(conn->control->stream, &format);
	reply_result(conn, diagnostics_run(&status, known ? &format : NULL), false);
}

static bool read_timeout(struct connection *conn, const json_t *args, int64_t *ret_us)
{
	const char *pointer;
	struct error err;

	if (args_timeout(args, ret_us, &pointer, &err) == 0)
		return true;
	reply_error(conn, CTL_INVALID, pointer, NULL, err.text);
	return false;
}

static void set_running(struct connection *conn, const json_t *args, bool running)
{
	int64_t timeout_us;

	if (!read_timeout(conn, args, &timeout_us))
		return;
	conn->changed = stream_set_running(conn->control->stream, running);
	wait_for(conn, running ? WAITING_FOR_FLOW : WAITING_FOR_IDLE, timeout_us);
}

static void op_start(struct connection *conn, const json_t *args)
{
	set_running(conn, args, true);
}

static void op_stop(struct connection *conn, const json_t *args)
{
	set_running(conn, args, false);
}

static void op_resolution(struct connection *conn, const json_t *args)
{
	struct stream_status status;
	struct source_caps caps;

	(void)args;
	stream_get_status(conn->control->stream, &status);
	stream_get_caps(conn->control->stream, &caps);
	reply_result(conn, statejson_resolution(&status, &caps), false);
}

/* No rate was asked for: as it is now, or as fast as that size goes. */
static unsigned usual_fps_milli(struct connection *conn, unsigned current_milli)
{
	const struct pipeline_picture *picture = &conn->requested;
	struct source_caps caps;
	struct source_mode mode;

	stream_get_caps(conn->control->stream, &caps);
	if (!source_caps_have(&caps, picture->width, picture->height, 0) ||
	    source_caps_nearest(&caps, picture->width, picture->height, &mode, 1) != 1)
		return current_milli;
	return (unsigned)max_i64(mode.fps_min_milli, min_i64(current_milli, mode.fps_max_milli));
}

static bool same_picture(const struct pipeline_picture *a, const struct pipeline_picture *b)
{
	return a->width == b->width && a->height == b->height && a->fps_milli == b->fps_milli;
}

/* Would it work? Answered from what the camera said it can do. */
static void answer_dry_run(struct connection *conn, const struct stream_status *status)
{
	const struct pipeline_picture *wanted = &conn->requested;
	struct source_caps caps;
	struct error error = {0};

	stream_get_caps(conn->control->stream, &caps);
	if (caps.backend[0] == '\0')
		error_set(&error, -ENODEV, "the camera is offline: %s", status->pipeline.reason);
	else if (caps.mode_count == 0)
		error_set(&error, -EOPNOTSUPP, "%s brings its own H.264 and offers no other size",
			  caps.backend);
	else if (!source_caps_have(&caps, wanted->width, wanted->height, wanted->fps_milli))
		error_set(&error, -ERANGE, "the camera has no mode %ux%u at that rate",
			  wanted->width, wanted->height);
	if (error.code != 0) {
		reply_picture_error(conn, &error);
		return;
	}
	json_t *result = statejson_change(&conn->requested, status, conn->changed, true);
	json_object_set_new(result, "effective", statejson_picture(wanted));
	reply_result(conn, result, false);
}

static void op_set_resolution(struct connection *conn, const json_t *args)
{
	struct pipeline_picture wish = args_wish(args);
	struct stream_status status;
	const char *pointer;
	struct error err;
	int64_t timeout_us;

	if (!read_timeout(conn, args, &timeout_us))
		return;
	if (args_picture(args, &conn->requested, &pointer, &err) < 0) {
		reply_error(conn, CTL_INVALID, pointer,
			    nearest_modes(conn, wish.width, wish.height), err.text);
		return;
	}
	stream_get_status(conn->control->stream, &status);
	if (conn->requested.fps_milli == 0)
		conn->requested.fps_milli = usual_fps_milli(conn, status.pipeline.wanted.fps_milli);
	struct pipeline_picture effective = statejson_effective(&status);
	conn->changed = !same_picture(&conn->requested, &effective) ||
			!same_picture(&conn->requested, &status.pipeline.wanted);
	if (json_is_true(json_object_get(args, "dry_run"))) {
		answer_dry_run(conn, &status);
		return;
	}
	if (!conn->changed) {
		reply_result(conn,
			     statejson_change(&conn->requested, &status, conn->changed, false),
			     false);
		return;
	}
	bool persist = !json_is_false(json_object_get(args, "persist"));
	conn->generation = stream_set_picture(conn->control->stream, &conn->requested, persist);
	wait_for(conn, WAITING_FOR_PICTURE, timeout_us);
}

static void op_fault(struct connection *conn, const json_t *args)
{
	const char *kind = json_string_value(json_object_get(args, "kind"));
	struct stream_status status;
	enum source_fault fault;

	stream_get_status(conn->control->stream, &status);
	if (strcmp(status.pipeline.backend, "test") != 0) {
		reply_error(conn, CTL_UNSUPPORTED, NULL, NULL, "only the test source has faults");
	} else if (kind == NULL || source_fault_parse(kind, &fault) < 0) {
		reply_error(conn, CTL_INVALID, "/kind", NULL,
			    "kind is none, unplug, stall, slow or burst");
	} else {
		stream_set_fault(conn->control->stream, fault);
		reply_result(conn, json_pack("{s:s}", "fault", kind), false);
	}
}

static const struct {
	const char *name;
	void (*run)(struct connection *conn, const json_t *args);
} ops[] = {
	{"health", op_health},
	{"state", op_state},
	{"diagnostics", op_diagnostics},
	{"start", op_start},
	{"stop", op_stop},
	{"resolution", op_resolution},
	{"set-resolution", op_set_resolution},
	{"fault", op_fault},
};

static void dispatch(struct connection *conn, const struct ctl_request *req)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (strcmp(ops[i].name, req->op) == 0) {
			ops[i].run(conn, req->args);
			return;
		}
	}
	reply_error(conn, CTL_NOT_FOUND, "/op", NULL, "there is no such operation");
}

static void on_packet(struct connection *conn, const char *packet, size_t size)
{
	struct ctl_request req;
	struct error err = {0};

	int r = ctl_request_decode(packet, size, &req, &conn->id, &err);
	if (r < 0) {
		reply_error(conn, CTL_INVALID, NULL, NULL, err.text);
		return;
	}
	conn->changed = false;
	dispatch(conn, &req);
	ctl_request_clear(&req);
}

/* A peer that shut down its side (`printf ... | socat`) still gets its answer. */
static void on_end(struct connection *conn)
{
	if (conn->waiting_for == WAITING_FOR_REQUEST) {
		close_connection(conn);
		return;
	}
	conn->last = true;
	sd_event_source_set_enabled(conn->io, SD_EVENT_OFF);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct connection *conn = arg;
	char *packet = conn->control->packet;

	(void)source;
	(void)events;
	/* MSG_TRUNC: the true length, so that a packet over the limit is noticed. */
	ssize_t size = recv(fd, packet, CTL_PACKET_MAX, MSG_DONTWAIT | MSG_TRUNC);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (size < 0) {
		close_connection(conn);
	} else if (size == 0) {
		on_end(conn);
	} else if (conn->waiting_for != WAITING_FOR_REQUEST) {
		log_warn("control", "a second request while one is in flight: closing");
		close_connection(conn);
	} else if (size > CTL_PACKET_MAX) {
		conn->id = 0;
		reply_error(conn, CTL_INVALID, NULL, NULL, "a packet is at most 65536 bytes");
	} else {
		on_packet(conn, packet, (size_t)size);
	}
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *arg)
{
	struct connection *conn = arg;
	struct stream_status status;

	(void)source;
	(void)usec;
	if (conn->waiting_for == WAITING_FOR_REQUEST) {
		close_connection(conn);
		return 0;
	}
	stream_get_status(conn->control->stream, &status);
	finish(conn, &status, true);
	return 0;
}

static struct connection *free_connection(struct control *control)
{
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (control->connections[i].fd < 0)
			return &control->connections[i];
	return NULL;
}

/* Who waits keeps the socket readable: without a pause, the loop would do nothing else. */
static void pause_accepting(struct control *control, const char *why)
{
	if (!control->descriptors_ran_out)
		log_warn("control", "accepting nobody for now: %s", why);
	control->descriptors_ran_out = true;
	sd_event_source_set_enabled(control->listen_source, SD_EVENT_OFF);
	sd_event_source_set_time(control->accept_timer,
				 (uint64_t)(clock_now_us() + ACCEPT_PAUSE_US));
	sd_event_source_set_enabled(control->accept_timer, SD_EVENT_ONESHOT);
}

static int on_accept_again(sd_event_source *source, uint64_t usec, void *arg)
{
	struct control *control = arg;

	(void)source;
	(void)usec;
	sd_event_source_set_enabled(control->listen_source, SD_EVENT_ON);
	return 0;
}

static int on_listen(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct control *control = arg;
	struct connection *conn = free_connection(control);

	(void)events;
	if (conn == NULL) { /* the others wait in the backlog */
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
		return 0;
	}
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			pause_accepting(control, strerror(errno));
		return 0;
	}
	control->descriptors_ran_out = false;
	*conn = (struct connection){.control = control, .fd = peer};
	log_debug("control", "uid %u connected", (unsigned)unixsock_peer_uid(peer));
	if (sd_event_add_io(control->event, &conn->io, peer, EPOLLIN, on_readable, conn) < 0 ||
	    sd_event_add_time(control->event, &conn->timer, CLOCK_MONOTONIC, 0, 0, on_deadline,
			      conn) < 0) {
		close_connection(conn);
		return 0;
	}
	set_deadline(conn, IDLE_US);
	return 0;
}

int control_new(sd_event *event, int listen_fd, const struct conf *conf, struct stream *stream,
		struct control **ret_control, struct error *err)
{
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	control->event = event;
	control->conf = conf;
	control->stream = stream;
	control->start_us = clock_now_us();
	control->listen_fd = listen_fd;
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		control->connections[i].fd = -1;
	int r = sd_event_add_io(event, &control->listen_source, listen_fd, EPOLLIN, on_listen,
				control);
	if (r >= 0)
		r = sd_event_add_time(event, &control->accept_timer, CLOCK_MONOTONIC, 0, 0,
				      on_accept_again, control);
	if (r >= 0)
		r = sd_event_source_set_enabled(control->accept_timer, SD_EVENT_OFF);
	if (r < 0) {
		control_free(control);
		return error_set(err, r, "the control socket: %s", strerror(-r));
	}
	stream_set_listener(stream, on_news, control);
	*ret_control = control;
	return 0;
}

void control_free(struct control *control)
{
	if (control == NULL)
		return;
	stream_set_listener(control->stream, NULL, NULL);
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (control->connections[i].fd >= 0)
			close_connection(&control->connections[i]);
	sd_event_source_disable_unref(control->listen_source);
	sd_event_source_disable_unref(control->accept_timer);
	close_fd(&control->listen_fd);
	free(control);
}
