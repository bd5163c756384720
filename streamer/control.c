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
#include "streamer/clock.h"
#include "streamer/listener.h"
#include "streamer/ops.h"

#define CONNECTIONS_MAX 16
#define IDLE_US         5000000
#define ACCURACY_US     1000 /* of deadlines: sd-event's own is 250 ms */

struct connection {
	struct control *control;
	int fd; /* -1: free */
	sd_event_source *io, *timer;
	bool last;     /* the peer says no more, but hears the answer to its last request */
	json_int_t id; /* of the request in flight */
	struct op op;  /* its wait is set while one is */
};

struct control {
	sd_event *event;
	struct survey survey;
	struct memo state;
	struct op_host host;
	struct listener *listener;
	struct connection connections[CONNECTIONS_MAX];
	char packet[CTL_PACKET_MAX + 1];
};

static void close_connection(struct connection *conn)
{
	conn->io = sd_event_source_disable_unref(conn->io);
	conn->timer = sd_event_source_disable_unref(conn->timer);
	close_fd(&conn->fd);
	op_clear(&conn->op);
	listener_resume(conn->control->listener);
}

static void set_deadline(struct connection *conn, int64_t after_us)
{
	sd_event_source_set_time(conn->timer, (uint64_t)(clock_now_us() + after_us));
	sd_event_source_set_enabled(conn->timer, SD_EVENT_ONESHOT);
}

/* Sends the reply of the operation that ended, and frees it. */
static void send_reply(struct connection *conn)
{
	struct ctl_reply *reply = &conn->op.reply;
	char *packet = conn->control->packet;

	reply->id = conn->id;
	int size = ctl_reply_encode(reply, packet, CTL_PACKET_MAX);
	op_clear(&conn->op);
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

/* The request itself is wrong. */
static void refuse(struct connection *conn, const char *message)
{
	op_fail(&conn->op, CTL_INVALID, NULL, NULL, message);
	send_reply(conn);
}

static void on_news(void *arg)
{
	struct control *control = arg;
	struct stream_status status;

	stream_get_status(control->host.stream, &status);
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *conn = &control->connections[i];
		if (conn->fd >= 0 && conn->op.wait != NULL && op_look(&conn->op, &status))
			send_reply(conn);
	}
}

static void on_packet(struct connection *conn, const char *packet, size_t size)
{
	struct ctl_request req;
	struct error err = {0};

	int r = ctl_request_decode(packet, size, &req, &conn->id, &err);
	if (r < 0) {
		refuse(conn, err.text);
		return;
	}
	op_begin(&conn->op, &conn->control->host, &req);
	ctl_request_clear(&req);
	if (conn->op.wait == NULL)
		send_reply(conn);
	else
		set_deadline(conn, conn->op.timeout_us);
}

/* A peer that shut down its side (`printf ... | socat`) still gets its answer. */
static void on_end(struct connection *conn)
{
	if (conn->op.wait == NULL) {
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
	} else if (conn->op.wait != NULL) {
		log_warn("control", "a second request while one is in flight: closing");
		close_connection(conn);
	} else if (size > CTL_PACKET_MAX) {
		conn->id = 0;
		refuse(conn, "a packet is at most 65536 bytes");
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
	if (conn->op.wait == NULL) {
		close_connection(conn);
		return 0;
	}
	stream_get_status(conn->control->host.stream, &status);
	op_expire(&conn->op, &status);
	send_reply(conn);
	return 0;
}

static struct connection *free_connection(struct control *control)
{
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (control->connections[i].fd < 0)
			return &control->connections[i];
	return NULL;
}

static bool has_room(void *arg)
{
	return free_connection(arg) != NULL;
}

static void on_peer(void *arg, int fd)
{
	struct control *control = arg;
	struct connection *conn = free_connection(control);

	*conn = (struct connection){.control = control, .fd = fd};
	log_debug("control", "uid %u connected", (unsigned)unixsock_peer_uid(fd));
	if (sd_event_add_io(control->event, &conn->io, fd, EPOLLIN, on_readable, conn) < 0 ||
	    sd_event_add_time(control->event, &conn->timer, CLOCK_MONOTONIC, 0, ACCURACY_US,
			      on_deadline, conn) < 0) {
		log_warn("control", "a program cannot be let in: out of memory");
		close_connection(conn);
		return;
	}
	set_deadline(conn, IDLE_US);
}

int control_new(sd_event *event, int listen_fd, struct stream *stream, struct control **ret_control,
		struct error *err)
{
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	control->event = event;
	survey_init(&control->survey, event, on_news, control);
	control->host = (struct op_host){
		.stream = stream,
		.survey = &control->survey,
		.event = event,
		.state = &control->state,
		.start_us = clock_now_us(),
	};
	account_self(&control->host.account);
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		control->connections[i].fd = -1;
	struct listener_config listener = {
		.event = event,
		.fd = listen_fd,
		.name = "control",
		.has_room = has_room,
		.on_peer = on_peer,
		.arg = control,
	};
	int r = listener_new(&listener, &control->listener);
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
	stream_set_listener(control->host.stream, NULL, NULL);
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (control->connections[i].fd >= 0)
			close_connection(&control->connections[i]);
	survey_clear(&control->survey);
	memo_clear(&control->state);
	listener_free(control->listener);
	free(control);
}
