#include "streamer/viewer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/conf.h"
#include "streamer/leftover.h"
#include "streamer/outbox.h"
#include "streamer/ration.h"
#include "streamer/wire.h"

#define SECOND_US    INT64_C(1000000)
#define BYTES_A_TEXT (2 * VIEWMSG_IN_MAX) /* of whatever: above, no answer is worth the work */
#define CLOSING_US   (2 * SECOND_US)      /* for our close frame to be answered */

enum viewer_state {
	VIEWER_HANDSHAKE,
	VIEWER_WATCHING,
	VIEWER_CLOSING, /* the last is said; then, for WebSocket, the peer's close is waited for */
};

struct viewer {
	/* One cache line, with what every access unit asks for. */
	TAILQ_ENTRY(viewer) in_list;
	struct viewer_host *host;
	struct wire wire;
	enum viewer_state state;
	enum framing framing;
	bool subscribed;
	bool close_when_sent; /* CLOSING without a WebSocket close handshake */
	bool deaf;            /* CLOSING, and what it still says is not listened to */
	bool peer_closed;     /* its close frame came */
	struct attention attention;

	struct outbox outbox; /* its format is the one that the viewer was told last */
	struct subscriber sub;
	struct leftover unread; /* of a request head, or of a message: what came of it */

	uint64_t id;
	int64_t since_us;   /* it connected */
	int64_t closing_us; /* CLOSING began */
	int64_t message_us; /* the message in the middle of which it is was begun */
	struct ration ration;

	double latency_ms; /* what the page said last: as in struct viewer_facts */
	char decoder[VIEWMSG_WORD_SIZE];

	struct ws_reader reader; /* its buffer is the host's */
	char peer[64];
};

int viewer_new(struct viewer_host *host, int fd, uint64_t id, int64_t now_us)
{
	struct viewer *v = calloc(1, sizeof(*v));

	if (v == NULL) {
		close_fd(&fd);
		return -ENOMEM;
	}
	v->host = host;
	v->id = id;
	v->since_us = now_us;
	v->latency_ms = -1;
	int r = wire_open(&v->wire, fd, host->epoll_fd, v);
	if (r < 0) {
		free(v);
		return r;
	}
	TAILQ_INSERT_TAIL(&host->viewers, v, in_list);
	attention_begin(&v->attention, host->limits->ack_interval_ms, ++host->count, now_us);
	return 0;
}

void viewer_add_to_sums(const struct viewer *v, struct viewer_sums *sums)
{
	if (!v->subscribed)
		return;
	sums->viewers++;
	sums->sent_aus += v->sub.sent_aus;
	sums->sent_bytes += v->sub.sent_bytes;
	sums->skipped_aus += v->sub.skipped_aus;
}

static void stop_watching(struct viewer *v)
{
	log_info("viewer", "%llu: gone after %lld s: %llu access units, %llu skipped, %llu bytes",
		 (unsigned long long)v->id, (long long)(clock_now_us() - v->since_us) / SECOND_US,
		 (unsigned long long)v->sub.sent_aus, (unsigned long long)v->sub.skipped_aus,
		 (unsigned long long)v->sub.sent_bytes);
	viewer_add_to_sums(v, &v->host->gone);
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
		stop_watching(v);
	TAILQ_REMOVE(&v->host->viewers, v, in_list);
	v->host->count--;
	leftover_clear(&v->unread);
	wire_close(&v->wire);
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

static bool lack_memory(const struct viewer *v)
{
	log_warn("viewer", "%llu: closed: out of memory", (unsigned long long)v->id);
	return false;
}

/* Says it now or later; r is what the wire answered. */
static bool said(const struct viewer *v, int r)
{
	return r == 0 || (r == -ENOMEM && lack_memory(v));
}

static bool send_item(struct viewer *v)
{
	struct outbox_facts facts = {
		.format_now = hub_format(v->host->hub),
		.live_seq = hub_live_seq(v->host->hub),
		.camera = v->host->camera,
		.running = v->host->running,
		.online = v->host->online,
		.reason = v->host->reason,
		.online_since_us = v->host->online_since_us,
		.ack_ms = v->attention.ack_ms,
	};
	uint8_t bytes[OUTBOX_BYTES];
	enum outbox_item item;

	size_t size = outbox_make(&v->outbox, &facts, bytes, &item);
	if (item == OUTBOX_CLOSE)
		v->close_when_sent = v->peer_closed;
	return said(v, wire_say(&v->wire, bytes, size));
}

/* A picture of another format than the viewer knows: it must hear of that first. */
static bool needs_format(struct viewer *v, const struct hub_message *message)
{
	return is_v1(v) && !message->begun && (message->au->flags & AU_IDR) != 0 &&
	       outbox_want_format(&v->outbox, &message->au->format);
}

static void ping(struct viewer *v, int64_t now_us)
{
	attention_ping(&v->attention, now_us);
	v->outbox.wanted |= OUTBOX_PING;
}

static bool ping_if_wanted(struct viewer *v, int64_t now_us)
{
	if (!is_v1(v) || attention_awaits_pong(&v->attention) ||
	    !hub_wants_ping(v->host->hub, &v->sub, now_us))
		return false;
	ping(v, now_us);
	return true;
}

/* Sends of the next message what fits. *ret_more: there may be another. */
static bool send_message(struct viewer *v, int64_t now_us, bool *ret_more)
{
	struct hub_message message;
	size_t sent;

	*ret_more = false;
	if (!v->subscribed)
		return true;
	if (!hub_peek(v->host->hub, &v->sub, now_us, &message)) {
		*ret_more = ping_if_wanted(v, now_us);
		return true;
	}
	if (needs_format(v, &message)) {
		*ret_more = true;
		return true;
	}
	if (wire_send(&v->wire, message.iov, message.iov_count, &sent) < 0)
		return false;
	if (sent == 0)
		return true;
	if (!message.begun)
		v->message_us = now_us;
	hub_advance(v->host->hub, &v->sub, sent, now_us);
	*ret_more = true;
	return true;
}

static bool is_mid_message(const struct viewer *v)
{
	return v->subscribed && subscriber_mid_message(&v->sub);
}

static bool send_all(struct viewer *v, int64_t now_us)
{
	bool more = true;

	while (more && !v->wire.blocked) {
		if (v->wire.unsent.size > 0) {
			if (wire_send_unsent(&v->wire) < 0)
				return false;
		} else if (v->outbox.wanted != 0 && !is_mid_message(v)) {
			if (!send_item(v))
				return false;
		} else if (v->state == VIEWER_CLOSING && !is_mid_message(v)) {
			/* All is said; who spoke WebSocket is to say so too. Who is not
			 * listened to may be speaking at this moment: closed with that
			 * unread, its socket might lose what was said. */
			if (v->deaf)
				wire_end(&v->wire);
			return !v->close_when_sent;
		} else if (!send_message(v, now_us, &more)) {
			return false;
		}
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

static bool start_watching(struct viewer *v, int64_t now_us)
{
	v->state = VIEWER_WATCHING;
	if (is_v1(v)) {
		/* Before it is subscribed: live_seq is the newest access unit of this moment. */
		v->outbox.wanted |= OUTBOX_HELLO;
		if (!v->host->online)
			v->outbox.wanted |= OUTBOX_SOURCE;
		ping(v, now_us); /* its answer is a round trip with nothing queued */
	}
	v->subscribed = true;
	hub_subscribe(v->host->hub, &v->sub, v->framing, now_us);
	if (is_v1(v))
		hub_expect_acks(&v->sub, v->attention.spared_us);
	v->host->watching++;
	v->host->on_watching(v->host->arg);
	log_info("viewer", "%llu: %s watches, %s", (unsigned long long)v->id, v->peer,
		 framing_name(v->framing));
	return viewer_flush(v, now_us);
}

/* Let in, told why not, or let in to be told why not. */
static bool follow(struct viewer *v, const struct welcome *w, int64_t now_us)
{
	v->framing = w->framing;
	if (!said(v, wire_say(&v->wire, w->bytes, w->size)))
		return false;
	if (w->status == 101)
		ws_reader_init(&v->reader, v->host->message, sizeof(v->host->message));
	if (w->is_full) {
		log_info("viewer", "%llu: %s: refused, %u are watching", (unsigned long long)v->id,
			 v->peer, v->host->watching);
		v->state = VIEWER_WATCHING;
		return viewer_close(v, WS_CLOSE_TRY_AGAIN,
				    "as many viewers as allowed are watching", now_us);
	}
	if (w->status == 101 || w->status == 200)
		return start_watching(v, now_us);
	log_info("viewer", "%llu: %s: %d: %s", (unsigned long long)v->id, v->peer, w->status,
		 w->detail);
	v->deaf = true;
	v->state = VIEWER_CLOSING;
	v->closing_us = now_us;
	return viewer_flush(v, now_us);
}

static bool count_bytes(struct viewer *v, size_t bytes, int64_t now_us)
{
	if (ration_bytes(&v->ration, bytes, now_us) <= v->host->limits->texts_max * BYTES_A_TEXT)
		return true;
	log_info("viewer", "%llu: says too much", (unsigned long long)v->id);
	return false;
}

static void on_ack(struct viewer *v, const struct viewmsg_in *in, int64_t now_us)
{
	int64_t publish_us;

	if (in->latency_ms >= 0)
		v->latency_ms = in->latency_ms;
	if (in->decoder[0] != '\0')
		memcpy(v->decoder, in->decoder, sizeof(v->decoder));
	bool gathered = v->attention.gathered;
	unsigned settled = hub_ack(v->host->hub, &v->sub, in->seq, gathered, now_us, &publish_us);
	if (settled > 0 && !gathered && publish_us > 0)
		percentile_add(&v->host->publish_to_ack, now_us - publish_us, now_us);
	ping_if_wanted(v, now_us);
}

static void on_text(struct viewer *v, const struct ws_event *event, int64_t now_us)
{
	struct viewmsg_in in;
	const char *why;

	if (viewmsg_read((const char *)event->payload, event->size, &in, &why) < 0) {
		begin_close(v, WS_CLOSE_INVALID_DATA, why, now_us);
		return;
	}
	switch (in.type) {
	case VIEWMSG_ACK:
		on_ack(v, &in, now_us);
		return;
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
	attention_hold(&v->attention, now_us);
}

static void on_message(struct viewer *v, const struct ws_event *event, int64_t now_us)
{
	unsigned said = ration_text(&v->ration, now_us);

	if (is_v1(v) && event->opcode != WS_TEXT)
		begin_close(v, WS_CLOSE_UNSUPPORTED_DATA, "only text is understood", now_us);
	else if (said > v->host->limits->texts_max)
		begin_close(v, WS_CLOSE_POLICY, "too many messages a second", now_us);
	else if (is_v1(v) && said <= v->host->limits->texts_heard_max)
		on_text(v, event, now_us);
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
		if (is_v1(v) && attention_awaits_pong(&v->attention))
			hub_pong(&v->sub, v->attention.ping_us, now_us);
		attention_pong(&v->attention, now_us);
		break;
	case WS_EVENT_CLOSE:
		on_close(v, event, now_us);
		break;
	case WS_EVENT_ERROR:
		begin_close(v, (enum ws_close_code)event->close_code, event->why, now_us);
		v->deaf = true; /* what else it says cannot be understood */
		break;
	case WS_EVENT_NONE:
		break;
	}
}

/* The host's buffers are this viewer's for the time of one call: what is unfinished is kept. */
static bool read_frames(struct viewer *v, const uint8_t *data, size_t size, int64_t now_us)
{
	struct ws_event event;

	if (!is_websocket(v) || v->deaf)
		return true; /* whatever it still says */
	leftover_take(&v->unread, v->host->message);
	do {
		size_t used = ws_read(&v->reader, data, size, &event);
		data += used;
		size -= used;
		on_ws_event(v, &event, now_us);
	} while (event.type != WS_EVENT_NONE && event.type != WS_EVENT_ERROR);
	if (leftover_keep(&v->unread, v->host->message, ws_reader_pending(&v->reader)) < 0)
		return lack_memory(v);
	return true;
}

static bool read_head(struct viewer *v, const char *head, size_t size, int64_t now_us)
{
	struct welcome_rules rules = {
		.allow_origin = v->host->allow_origin,
		.is_full = v->host->watching >= v->host->viewers_max,
	};
	struct welcome welcome;

	size_t used = welcome_read(head, size, &rules, &v->host->requests, &welcome);
	if (used == 0)
		return leftover_keep(&v->unread, head, size) == 0 || lack_memory(v);
	if (welcome.is_photo) {
		v->host->on_photo(v->host->arg, wire_take_fd(&v->wire), v->id, &welcome.photo);
		return false;
	}
	memcpy(v->peer, welcome.peer, sizeof(v->peer));
	if (!follow(v, &welcome, now_us))
		return false;
	if (v->state != VIEWER_WATCHING)
		return true;
	return read_frames(v, (const uint8_t *)head + used, size - used, now_us);
}

/* One buffer at a time: who floods is not to keep the others from their pictures. *ret_more: there
 * may be more to read. */
static bool read_some(struct viewer *v, int64_t now_us, bool *ret_more)
{
	char *buffer = v->host->received;
	bool handshake = v->state == VIEWER_HANDSHAKE;
	size_t kept = handshake ? leftover_take(&v->unread, buffer) : 0;
	size_t room = sizeof(v->host->received) - kept;

	ssize_t received = wire_receive(&v->wire, buffer + kept, room);
	*ret_more = received == (ssize_t)room;
	if (received == -EAGAIN) {
		attention_heard(&v->attention, v->wire.gathers, now_us);
		return leftover_keep(&v->unread, buffer, kept) == 0 || lack_memory(v);
	}
	if (received < 0 || !count_bytes(v, (size_t)received, now_us))
		return false;
	bool stays = handshake ? read_head(v, buffer, kept + (size_t)received, now_us)
			       : read_frames(v, (uint8_t *)buffer, (size_t)received, now_us);
	if (!*ret_more)
		attention_heard(&v->attention, v->wire.gathers, now_us);
	return stays;
}

/* Sends what there is, before going back to the loop; more: to be read. */
static bool go_on(struct viewer *v, bool more, int64_t now_us)
{
	if (!send_all(v, now_us))
		return false;
	bool keeps_up = v->state == VIEWER_WATCHING && is_v1(v) && !v->wire.blocked && !more &&
			hub_keeps_up(v->host->hub, &v->sub, now_us);
	bool gather = attention_gathers(&v->attention, v->host->count, keeps_up, now_us);
	return wire_watch(&v->wire, gather, more) == 0;
}

bool viewer_flush(struct viewer *v, int64_t now_us)
{
	bool more = false;

	if (v->wire.gathers && hub_must_hear(v->host->hub, &v->sub, now_us) &&
	    !read_some(v, now_us, &more))
		return false;
	return go_on(v, more, now_us);
}

bool viewer_on_events(struct viewer *v, uint32_t epoll_events, int64_t now_us)
{
	const uint32_t gone = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
	bool more = false;

	if (epoll_events & EPOLLOUT)
		v->wire.blocked = false;
	if ((epoll_events & (EPOLLIN | gone)) && !read_some(v, now_us, &more))
		return false;
	if ((epoll_events & gone) && !more)
		return false; /* that was its last word */
	return go_on(v, more, now_us);
}

static bool tick_watching(struct viewer *v, int64_t now_us)
{
	const struct conf_limits *limits = v->host->limits;
	bool busy = v->wire.blocked || v->sub.state == SUBSCRIBER_DRAINING;
	int64_t still_us = now_us - max_i64(v->sub.progress_us, v->since_us);

	/* Something is under way, and nothing of it arrives. */
	if (busy && still_us > limits->progress_timeout_s * SECOND_US) {
		log_info("viewer", "%llu: took nothing for %u s", (unsigned long long)v->id,
			 limits->progress_timeout_s);
		return false;
	}
	if (!is_websocket(v))
		return true;
	if (attention_silent_us(&v->attention, now_us) > limits->pong_timeout_s * SECOND_US) {
		log_info("viewer", "%llu: no pong for %u s", (unsigned long long)v->id,
			 limits->pong_timeout_s);
		return false;
	}
	if (attention_wants_ping(&v->attention, limits->ping_interval_s * SECOND_US, now_us))
		ping(v, now_us);
	return viewer_flush(v, now_us);
}

bool viewer_tick(struct viewer *v, int64_t now_us)
{
	if (v->state == VIEWER_WATCHING)
		return tick_watching(v, now_us);
	if (v->state == VIEWER_CLOSING)
		return now_us - v->closing_us < CLOSING_US;
	return now_us - v->since_us < v->host->limits->handshake_timeout_s * SECOND_US;
}

struct viewer *viewer_next(const struct viewer *v)
{
	return TAILQ_NEXT(v, in_list);
}

bool viewer_is_watching(const struct viewer *v)
{
	return v->state == VIEWER_WATCHING;
}

int64_t viewer_stalled_us(const struct viewer *v, int64_t now_us)
{
	return is_mid_message(v) ? now_us - v->message_us : 0;
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
		.lag_us = hub_lag_us(v->host->hub, &v->sub,
				     v->wire.gathers ? v->attention.heard_us : now_us),
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
