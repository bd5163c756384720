#include "streamer/viewer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/origin.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/conf.h"
#include "streamer/framing.h"
#include "streamer/http.h"
#include "streamer/outbox.h"
#include "streamer/viewmsg.h"

#define SECOND_US   INT64_C(1000000)
#define CLOSING_US  (2 * SECOND_US) /* for our close frame to be answered */
#define SUBPROTOCOL "nalcast.v1"

enum viewer_state {
	VIEWER_HANDSHAKE,
	VIEWER_WATCHING,
	VIEWER_CLOSING, /* the last bytes are in out; then, for WebSocket, the peer's close */
};

struct viewer {
	struct viewer_host *host;
	int fd;
	uint64_t id;
	enum viewer_state state;
	enum framing framing;
	bool subscribed;
	bool blocked;         /* the socket took less than it was given: wait for EPOLLOUT */
	bool close_when_sent; /* CLOSING without a WebSocket close handshake */
	bool peer_closed;     /* its close frame came */
	struct subscriber sub;
	struct outbox outbox; /* its format is the one that the viewer was told last */

	int64_t since_us;   /* it connected */
	int64_t closing_us; /* CLOSING began */
	int64_t ping_us;    /* the newest ping */
	int64_t pong_us;    /* the newest pong */
	int64_t message_us; /* the message in the middle of which it is was begun */
	int64_t said_us;    /* the second in which what it says is counted */
	unsigned texts;
	size_t said_bytes;

	double latency_ms; /* what the page said last: as in struct viewer_facts */
	char decoder[VIEWMSG_WORD_SIZE];

	struct ws_reader reader;
	uint8_t in_message[VIEWMSG_IN_MAX];
	char head[HTTP_HEAD_MAX]; /* request head; afterwards the receive buffer */
	size_t head_size;
	char peer[64];
};

struct viewer *viewer_new(struct viewer_host *host, int fd, uint64_t id, int64_t now_us)
{
	struct viewer *v = calloc(1, sizeof(*v));

	if (v == NULL) {
		close(fd);
		return NULL;
	}
	v->host = host;
	v->fd = fd;
	v->id = id;
	v->since_us = v->ping_us = v->pong_us = now_us;
	v->latency_ms = -1;
	return v;
}

static void stop_watching(struct viewer *v)
{
	if (!v->subscribed)
		return;
	v->subscribed = false;
	hub_unsubscribe(v->host->hub, &v->sub);
	v->host->watching--;
	v->host->on_watching(v->host->arg);
}

void viewer_free(struct viewer *v)
{
	if (v == NULL)
		return;
	if (v->subscribed)
		log_info("viewer",
			 "%llu: gone after %lld s: %llu access units, %llu skipped, %llu bytes",
			 (unsigned long long)v->id,
			 (long long)(clock_now_us() - v->since_us) / 1000000,
			 (unsigned long long)v->sub.sent_aus,
			 (unsigned long long)v->sub.skipped_aus,
			 (unsigned long long)v->sub.sent_bytes);
	stop_watching(v);
	close_fd(&v->fd);
	free(v);
}

static bool is_websocket(const struct viewer *v)
{
	return v->framing != FRAMING_BARE;
}

static bool is_v1(const struct viewer *v)
{
	return v->framing == FRAMING_V1;
}

/* Sends what fits. false: the connection is broken. */
static bool send_some(struct viewer *v, const struct iovec *iov, unsigned iov_count,
		      size_t *ret_sent)
{
	struct msghdr message = {
		.msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = iov_count,
	};
	size_t wanted = 0;
	ssize_t sent;

	for (unsigned i = 0; i < iov_count; i++)
		wanted += iov[i].iov_len;
	do {
		sent = sendmsg(v->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		return false;
	*ret_sent = sent > 0 ? (size_t)sent : 0;
	v->blocked = *ret_sent < wanted;
	return true;
}

static bool send_piece(struct viewer *v)
{
	struct outbox *o = &v->outbox;
	struct iovec iov = {o->bytes + o->sent, o->size - o->sent};
	size_t sent;

	if (!send_some(v, &iov, 1, &sent))
		return false;
	outbox_advance(o, sent);
	return true;
}

static void make_piece(struct viewer *v)
{
	struct outbox_facts facts = {
		.format_now = hub_format(v->host->hub),
		.live_seq = hub_live_seq(v->host->hub),
		.camera = v->host->camera,
		.running = v->host->running,
		.online = v->host->online,
		.reason = v->host->reason,
		.online_since_us = v->host->online_since_us,
	};

	if (outbox_make(&v->outbox, &facts) == OUTBOX_CLOSE)
		v->close_when_sent = v->peer_closed;
}

/* A picture of another format than the viewer knows: it must hear of that first. */
static bool needs_format(struct viewer *v, const struct hub_message *message)
{
	if (!is_v1(v) || message->begun || !(message->au->flags & AU_IDR))
		return false;
	if (memcmp(&message->au->format, &v->outbox.format, sizeof(v->outbox.format)) == 0)
		return false;
	v->outbox.format = message->au->format;
	v->outbox.wanted |= OUTBOX_FORMAT;
	return true;
}

/* Sends of the next message what fits. *ret_more: there may be another. */
static bool send_message(struct viewer *v, int64_t now_us, bool *ret_more)
{
	struct hub_message message;
	size_t sent;

	*ret_more = false;
	if (!v->subscribed || !hub_peek(v->host->hub, &v->sub, now_us, &message))
		return true;
	if (needs_format(v, &message)) {
		*ret_more = true;
		return true;
	}
	if (!send_some(v, message.iov, message.iov_count, &sent))
		return false;
	if (sent == 0)
		return true;
	if (!message.begun)
		v->message_us = now_us;
	hub_advance(v->host->hub, &v->sub, sent, now_us);
	*ret_more = true;
	return true;
}

/* Everything is said that was to be said. */
static bool is_over(const struct viewer *v)
{
	return v->state == VIEWER_CLOSING && v->close_when_sent && outbox_is_empty(&v->outbox);
}

bool viewer_flush(struct viewer *v, int64_t now_us)
{
	bool more = true;

	while (more && !v->blocked) {
		if (outbox_has_piece(&v->outbox)) {
			if (!send_piece(v))
				return false;
			continue;
		}
		if (is_over(v))
			return false;
		bool mid_message = v->subscribed && subscriber_mid_message(&v->sub);
		if (!outbox_is_empty(&v->outbox) && !mid_message) {
			make_piece(v);
			continue;
		}
		if (v->state == VIEWER_CLOSING && !mid_message)
			return true;
		if (!send_message(v, now_us, &more))
			return false;
	}
	return true;
}

bool viewer_tell(struct viewer *v, unsigned news, int64_t now_us)
{
	if (v->state != VIEWER_WATCHING || !is_v1(v))
		return true;
	if (news & VIEWER_NEWS_STREAM)
		v->outbox.wanted |= OUTBOX_STREAM;
	if (news & VIEWER_NEWS_SOURCE)
		v->outbox.wanted |= OUTBOX_SOURCE;
	return viewer_flush(v, now_us);
}

/* The message in progress is finished, then bye and close are said, then nothing more. */
static void begin_close(struct viewer *v, enum ws_close_code code, const char *reason,
			int64_t now_us)
{
	if (v->state == VIEWER_CLOSING)
		return;
	bool was_v1 = v->state == VIEWER_WATCHING && is_v1(v);
	v->state = VIEWER_CLOSING;
	v->closing_us = now_us;
	if (is_websocket(v))
		outbox_want_close(&v->outbox, code, reason, was_v1 && !v->peer_closed);
	else
		v->close_when_sent = true;
}

bool viewer_close(struct viewer *v, enum ws_close_code code, const char *reason, int64_t now_us)
{
	if (v->state == VIEWER_HANDSHAKE)
		return false;
	begin_close(v, code, reason, now_us);
	return viewer_flush(v, now_us);
}

/* Answer the request with an error, and that is all. */
static bool refuse(struct viewer *v, int status, const char *detail, const char *extra,
		   int64_t now_us)
{
	log_info("viewer", "%llu: %s: %d: %s", (unsigned long long)v->id, v->peer, status, detail);
	v->outbox.size = http_write_problem(v->outbox.bytes, OUTBOX_BYTES, status, detail, extra);
	v->framing = FRAMING_BARE;
	v->close_when_sent = true;
	v->state = VIEWER_CLOSING;
	v->closing_us = now_us;
	return viewer_flush(v, now_us);
}

static bool start_watching(struct viewer *v, enum framing framing, int64_t now_us)
{
	v->framing = framing;
	v->state = VIEWER_WATCHING;
	if (is_v1(v)) {
		/* Before it is subscribed: live_seq is the newest access unit of this moment. */
		v->outbox.wanted |= OUTBOX_HELLO;
		if (!v->host->online)
			v->outbox.wanted |= OUTBOX_SOURCE;
	}
	v->subscribed = true;
	hub_subscribe(v->host->hub, &v->sub, framing, now_us);
	v->host->watching++;
	v->host->on_watching(v->host->arg);
	log_info("viewer", "%llu: %s watches, %s", (unsigned long long)v->id, v->peer,
		 framing_name(framing));
	return viewer_flush(v, now_us);
}

static bool is_full(const struct viewer *v)
{
	return v->host->watching >= v->host->viewers_max;
}

static bool answer_stream_h264(struct viewer *v, int64_t now_us)
{
	if (is_full(v))
		return refuse(v, 503, "as many viewers as allowed are watching",
			      "Retry-After: 10\r\n", now_us);
	v->outbox.size = (size_t)snprintf(v->outbox.bytes, OUTBOX_BYTES,
					  "HTTP/1.1 200 OK\r\nContent-Type: video/h264\r\n"
					  "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n"
					  "Connection: close\r\n\r\n");
	return start_watching(v, FRAMING_BARE, now_us);
}

/* A browser cannot see a refused upgrade: nalcast.v1 is let in to be told, and closed. */
static bool answer_upgrade(struct viewer *v, const struct http_request *req, int64_t now_us)
{
	char accept[WS_ACCEPT_SIZE];
	bool v1 = http_list_has(req->ws_protocols, SUBPROTOCOL);

	if (strcmp(req->ws_version, "13") != 0)
		return refuse(v, 426, "WebSocket version 13 is spoken here",
			      "Sec-WebSocket-Version: 13\r\n", now_us);
	if (ws_accept(req->ws_key, accept) < 0)
		return refuse(v, 400, "Sec-WebSocket-Key must be 16 bytes in base64", "", now_us);
	if (is_full(v) && !v1)
		return refuse(v, 503, "as many viewers as allowed are watching",
			      "Retry-After: 10\r\n", now_us);
	v->outbox.size =
		http_write_upgrade(v->outbox.bytes, OUTBOX_BYTES, accept, v1 ? SUBPROTOCOL : "");
	ws_reader_init(&v->reader, v->in_message, sizeof(v->in_message));
	if (is_full(v)) {
		log_info("viewer", "%llu: %s: refused, %u are watching", (unsigned long long)v->id,
			 v->peer, v->host->watching);
		v->framing = FRAMING_V1;
		v->state = VIEWER_WATCHING;
		return viewer_close(v, WS_CLOSE_TRY_AGAIN,
				    "as many viewers as allowed are watching", now_us);
	}
	return start_watching(v, v1 ? FRAMING_V1 : FRAMING_RAW, now_us);
}

static bool answer(struct viewer *v, const struct http_request *req, int64_t now_us)
{
	bool is_stream = http_path_ends(req, "stream");

	snprintf(v->peer, sizeof(v->peer), "%s", req->peer[0] != '\0' ? req->peer : "local");
	if (!is_stream && !http_path_ends(req, "stream.h264"))
		return refuse(v, 404, "here are only stream and stream.h264", "", now_us);
	if (strcmp(req->method, "GET") != 0)
		return refuse(v, 405, "only GET is allowed here", "Allow: GET\r\n", now_us);
	if (!origin_allowed(req->has_origin ? req->origin : NULL, req->host, req->forwarded_proto,
			    v->host->allow_origin)) {
		char detail[400];
		snprintf(detail, sizeof(detail),
			 "pages of origin %.200s may not watch: see allow-origin", req->origin);
		return refuse(v, 403, detail, "", now_us);
	}
	if (!is_stream)
		return answer_stream_h264(v, now_us);
	if (!req->upgrade_websocket)
		return refuse(v, 426, "this is a WebSocket: connect with wss",
			      "Sec-WebSocket-Version: 13\r\n", now_us);
	return answer_upgrade(v, req, now_us);
}

static void renew_second(struct viewer *v, int64_t now_us)
{
	if (now_us - v->said_us < SECOND_US)
		return;
	v->said_us = now_us;
	v->texts = 0;
	v->said_bytes = 0;
}

/* Bytes a second, of whatever: twice what as many texts as are allowed can be. Past it no answer
 * is worth the work. */
static bool count_bytes(struct viewer *v, size_t bytes, int64_t now_us)
{
	renew_second(v, now_us);
	v->said_bytes += bytes;
	if (v->said_bytes / (2 * VIEWMSG_IN_MAX) < v->host->limits->texts_max)
		return true;
	log_info("viewer", "%llu: says too much", (unsigned long long)v->id);
	return false;
}

/* Texts a second, counted in whole seconds. false: so many that it must go. */
static bool count_text(struct viewer *v, int64_t now_us, bool *ret_ignore)
{
	const struct conf_limits *limits = v->host->limits;

	renew_second(v, now_us);
	v->texts++;
	*ret_ignore = v->texts > limits->texts_heard_max;
	return v->texts <= limits->texts_max;
}

static void on_ack(struct viewer *v, const struct viewmsg_in *in, int64_t now_us)
{
	int64_t publish_us;

	if (in->latency_ms >= 0)
		v->latency_ms = in->latency_ms;
	if (in->decoder[0] != '\0')
		memcpy(v->decoder, in->decoder, sizeof(v->decoder));
	if (hub_ack(v->host->hub, &v->sub, in->seq, now_us, &publish_us) > 0 && publish_us > 0)
		percentile_add(&v->host->publish_to_ack, now_us - publish_us, now_us);
}

static void on_text(struct viewer *v, const struct ws_event *event, int64_t now_us)
{
	struct viewmsg_in in;
	const char *why;
	bool ignore;

	if (!count_text(v, now_us, &ignore)) {
		begin_close(v, WS_CLOSE_POLICY, "too many messages a second", now_us);
		return;
	}
	if (ignore)
		return;
	if (viewmsg_read((const char *)event->payload, event->size, &in, &why) < 0) {
		begin_close(v, WS_CLOSE_INVALID_DATA, why, now_us);
		return;
	}
	switch (in.type) {
	case VIEWMSG_ACK:
		on_ack(v, &in, now_us);
		break;
	case VIEWMSG_TIME:
		v->outbox.time_t0_us = in.t0_us;
		v->outbox.time_t1_us = clock_wire_us(now_us);
		v->outbox.wanted |= OUTBOX_TIME;
		break;
	case VIEWMSG_PAUSE:
		hub_pause(&v->sub);
		break;
	case VIEWMSG_RESUME:
		hub_resume(v->host->hub, &v->sub, now_us);
		break;
	case VIEWMSG_KEYFRAME:
		hub_request_idr(v->host->hub, now_us);
		break;
	case VIEWMSG_UNKNOWN:
		break;
	}
}

static void on_message(struct viewer *v, const struct ws_event *event, int64_t now_us)
{
	bool ignore;

	if (is_v1(v) && event->opcode == WS_TEXT)
		on_text(v, event, now_us);
	else if (is_v1(v))
		begin_close(v, WS_CLOSE_UNSUPPORTED_DATA, "only text is understood", now_us);
	else if (!count_text(v, now_us, &ignore))
		begin_close(v, WS_CLOSE_POLICY, "too many messages a second", now_us);
}

static void on_close(struct viewer *v, const struct ws_event *event, int64_t now_us)
{
	v->peer_closed = true;
	if (v->state == VIEWER_CLOSING) {
		v->close_when_sent = true;
		return;
	}
	begin_close(v,
		    event->close_code == WS_CLOSE_NO_STATUS ? WS_CLOSE_NORMAL
							    : (enum ws_close_code)event->close_code,
		    "", now_us);
}

static void on_ws_event(struct viewer *v, const struct ws_event *event, int64_t now_us)
{
	switch (event->type) {
	case WS_EVENT_MESSAGE:
		if (v->state == VIEWER_WATCHING)
			on_message(v, event, now_us);
		break;
	case WS_EVENT_PING:
		if (v->state == VIEWER_WATCHING)
			outbox_want_pong(&v->outbox, event->payload, event->size);
		break;
	case WS_EVENT_PONG:
		v->pong_us = now_us;
		break;
	case WS_EVENT_CLOSE:
		on_close(v, event, now_us);
		break;
	case WS_EVENT_ERROR:
		begin_close(v, (enum ws_close_code)event->close_code, event->why, now_us);
		v->peer_closed = true; /* what else it says cannot be understood */
		break;
	case WS_EVENT_NONE:
		break;
	}
}

static void read_frames(struct viewer *v, const uint8_t *data, size_t size, int64_t now_us)
{
	struct ws_event event;

	if (!is_websocket(v))
		return; /* whatever a plain HTTP client still says */
	do {
		size_t used = ws_read(&v->reader, data, size, &event);
		data += used;
		size -= used;
		on_ws_event(v, &event, now_us);
	} while (event.type != WS_EVENT_NONE && event.type != WS_EVENT_ERROR);
}

static bool read_head(struct viewer *v, size_t received, int64_t now_us)
{
	struct http_request req;
	int status;

	v->head_size += received;
	ssize_t used = http_read(v->head, v->head_size, &req, &status);
	if (used == 0)
		return true;
	if (used < 0)
		return refuse(v, status, "the request head cannot be understood", "", now_us);
	if (!answer(v, &req, now_us))
		return false;
	if (v->state == VIEWER_WATCHING)
		read_frames(v, (const uint8_t *)v->head + used, v->head_size - (size_t)used,
			    now_us);
	return true;
}

/* Edge-triggered: until the socket has no more. */
static bool read_all(struct viewer *v, int64_t now_us)
{
	for (;;) {
		bool handshake = v->state == VIEWER_HANDSHAKE;
		size_t from = handshake ? v->head_size : 0;
		ssize_t received = recv(v->fd, v->head + from, sizeof(v->head) - from, 0);
		if (received < 0 && errno == EINTR)
			continue;
		if (received < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		if (received == 0 || !count_bytes(v, (size_t)received, now_us))
			return false;
		if (handshake) {
			if (!read_head(v, (size_t)received, now_us))
				return false;
		} else {
			read_frames(v, (const uint8_t *)v->head, (size_t)received, now_us);
		}
	}
}

bool viewer_on_events(struct viewer *v, uint32_t epoll_events, int64_t now_us)
{
	if (epoll_events & EPOLLOUT)
		v->blocked = false;
	if ((epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !read_all(v, now_us))
		return false;
	return viewer_flush(v, now_us);
}

/* Something is under way, and nothing of it arrives. */
static bool is_stuck(const struct viewer *v, int64_t now_us)
{
	bool busy = v->blocked || v->sub.state == SUBSCRIBER_DRAINING;

	return busy && now_us - max_i64(v->sub.progress_us, v->since_us) >
			       v->host->limits->progress_timeout_s * SECOND_US;
}

static bool tick_watching(struct viewer *v, int64_t now_us)
{
	const struct conf_limits *limits = v->host->limits;

	if (is_stuck(v, now_us)) {
		log_info("viewer", "%llu: took nothing for %u s", (unsigned long long)v->id,
			 limits->progress_timeout_s);
		return false;
	}
	if (!is_websocket(v))
		return true;
	if (v->ping_us > v->pong_us) {
		if (now_us - v->ping_us <= limits->pong_timeout_s * SECOND_US)
			return true;
		log_info("viewer", "%llu: no pong for %u s", (unsigned long long)v->id,
			 limits->pong_timeout_s);
		return false;
	}
	if (now_us - v->pong_us >= limits->ping_interval_s * SECOND_US) {
		v->ping_us = now_us;
		v->outbox.wanted |= OUTBOX_PING;
		return viewer_flush(v, now_us);
	}
	return true;
}

bool viewer_tick(struct viewer *v, int64_t now_us)
{
	switch (v->state) {
	case VIEWER_HANDSHAKE:
		return now_us - v->since_us < v->host->limits->handshake_timeout_s * SECOND_US;
	case VIEWER_CLOSING:
		return now_us - v->closing_us < CLOSING_US;
	case VIEWER_WATCHING:
		break;
	}
	return tick_watching(v, now_us);
}

bool viewer_is_watching(const struct viewer *v)
{
	return v->state == VIEWER_WATCHING;
}

int64_t viewer_stalled_us(const struct viewer *v, int64_t now_us)
{
	return v->subscribed && subscriber_mid_message(&v->sub) ? now_us - v->message_us : 0;
}

uint64_t viewer_id(const struct viewer *v)
{
	return v->id;
}

void viewer_get_facts(const struct viewer *v, int64_t now_us, struct viewer_facts *ret_facts)
{
	*ret_facts = (struct viewer_facts){
		.id = v->id,
		.since_us = v->since_us,
		.framing = v->framing,
		.paused = v->sub.state == SUBSCRIBER_PAUSED,
		.lag_us = hub_lag_us(v->host->hub, &v->sub, now_us),
		.sent_aus = v->sub.sent_aus,
		.sent_bytes = v->sub.sent_bytes,
		.skipped_aus = v->sub.skipped_aus,
		.rtt_us = v->sub.inflight.rtt_us,
		.rtt_min_us = v->sub.inflight.rtt_min_us,
		.latency_ms = v->latency_ms,
	};
	memcpy(ret_facts->peer, v->peer, sizeof(ret_facts->peer));
	memcpy(ret_facts->decoder, v->decoder, sizeof(ret_facts->decoder));
}
