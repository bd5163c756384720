/* hub: gives every access unit to every subscriber, and keeps the slow from harming the fast.
 *
 * Holds the latest access units in one ring, each with its framings made once; a subscriber is a
 * place in that ring plus the message it is in the middle of. Publishing costs the same for one
 * viewer as for a thousand. Nobody is ever given a P picture after a hole.
 *
 * Knows no sockets, no clock and no threads: all calls come from the loop's thread, and time
 * (CLOCK_MONOTONIC, microseconds) is an argument. */
#ifndef STREAMER_HUB_H
#define STREAMER_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "streamer/au.h"
#include "streamer/carry.h"
#include "streamer/inflight.h"

#define HUB_HEADER_MAX 34 /* bytes a framing may put before an access unit */
#define HUB_FRAMINGS   3  /* ways to put an access unit on the wire */

enum subscriber_state {
	SUBSCRIBER_WAIT_IDR, /* gets nothing until it can begin at an IDR */
	SUBSCRIBER_LIVE,
	SUBSCRIBER_DRAINING, /* too far behind: gets nothing until what it was sent arrived */
	SUBSCRIBER_PAUSED,   /* asked for nothing */
};

struct hub_slot; /* an access unit with its framings, counted */

struct subscriber { /* embedded in its owner; private to hub.c but for the counters */
	/* A cache line of what every access unit asks for. */
	enum subscriber_state state;
	uint8_t framing;
	bool acknowledges; /* as inflight.expected, which lies lines away */
	uint64_t seq;      /* the next message it has not begun */
	int64_t placed_us; /* when it was put there: older messages count as due since then */
	struct hub_slot *sending;      /* half-sent message, held; NULL at a message's border */
	size_t sent;                   /* bytes of it already written */
	int64_t progress_us;           /* when it last took or acknowledged anything */
	uint64_t sent_aus, sent_bytes; /* wholly sent; bytes of messages */

	struct subscriber *prev, *next;
	int64_t spared_us;    /* acknowledgements, from one to the next: see hub_expect_acks() */
	uint64_t skipped_aus; /* since its first: published while it did not pause, never given */

	struct carry carry;
	struct inflight inflight;
};

typedef size_t hub_frame_fn(uint8_t out[static HUB_HEADER_MAX], unsigned framing,
			    const struct au *au, uint32_t seq, int64_t publish_us);

struct hub_config {
	unsigned ring_aus_max;        /* access units kept */
	size_t ring_bytes_max;        /* of access units kept */
	int64_t lag_max_us;           /* viewer_lag_max_ms */
	int64_t join_age_max_us;      /* start at an IDR in the ring if it is at most this old... */
	size_t join_bytes_max;        /* ...and this much follows it; else ask for a new one */
	int64_t idr_join_interval_us; /* at most one IDR asked for in this time, for joins */
	int64_t idr_recover_interval_us; /* the same for laggards and lost decoders */

	/* Write what precedes au on the wire in that framing; return its length. Called once per
	 * access unit and framing. That of the framing which most subscribers have is put right
	 * before the access unit: one piece of memory, which costs the least to send. */
	hub_frame_fn *frame;

	/* Somebody needs an IDR. Within the budgets above, at most once until one is published. */
	void (*need_idr)(void *arg);
	void *arg;
};

struct hub_message { /* what a subscriber is to be sent next */
	const struct au *au;
	uint32_t seq;
	bool begun; /* some of it is sent: it must be finished before anything else */
	unsigned iov_count;
	struct iovec iov[2];
};

struct hub *hub_new(const struct hub_config *cfg); /* NULL: no memory */
void hub_free(struct hub *hub);                    /* no subscribers may be left */

/* An encoder that cannot be asked for an IDR (H.264 from a camera or a file): joins are served
 * from the ring's newest IDR, however much follows it. */
void hub_set_can_force_idr(struct hub *hub, bool can);

void hub_set_lag_max(struct hub *hub, int64_t lag_max_us);

void hub_subscribe(struct hub *hub, struct subscriber *sub, unsigned framing, int64_t now_us);
void hub_unsubscribe(struct hub *hub, struct subscriber *sub);
unsigned hub_subscriber_count(const struct hub *hub);

/* Takes the reference. Afterwards hub_peek() may have news for every subscriber.
 * -ENOMEM: au is lost; since nobody may cross the hole, everyone waits for the next IDR. */
int hub_publish(struct hub *hub, const struct au *au, int64_t now_us);

/* Production stopped: what is in the ring is no longer live, nobody shall be started from it. */
void hub_clear(struct hub *hub);

/* What sub should be sent next; false: nothing now. The policy for the slow is applied here.
 * Valid until the next call on sub or hub. */
bool hub_peek(struct hub *hub, struct subscriber *sub, int64_t now_us,
	      struct hub_message *ret_message);

/* The socket took that many bytes (> 0, at most all) of what hub_peek() showed last. */
void hub_advance(struct hub *hub, struct subscriber *sub, size_t bytes, int64_t now_us);

/* True in the middle of a message: no control frame may be written now. */
bool subscriber_mid_message(const struct subscriber *sub);

/* It got everything up to seq. gathered: who knows when; no time is measured by it. Returns how
 * many messages that settles; *ret_publish_us (if not NULL) is when the newest of them was
 * published, or 0 where that is no longer known. */
unsigned hub_ack(struct hub *hub, struct subscriber *sub, uint32_t seq, bool gathered,
		 int64_t now_us, int64_t *ret_publish_us);

/* It acknowledges and has got all that comes, which is much: its acknowledgements may be heard
 * late, but before hub_peek() whenever hub_must_hear(), for then it might be taken for a laggard.
 */
bool hub_keeps_up(const struct hub *hub, const struct subscriber *sub, int64_t now_us);
bool hub_must_hear(const struct hub *hub, const struct subscriber *sub, int64_t now_us);

/* It is one of those who acknowledge; spared_us: so much less often than every 50 ms or so, while
 * nothing is late. Such a one is to be pinged before its first message, and
 * whenever hub_wants_ping(): to tell long round trips from a slow link, and whether it is silent.
 * Of anybody else nothing is noted as in flight, and an acknowledgement settles nothing. */
void hub_expect_acks(struct subscriber *sub, int64_t spared_us);
bool hub_wants_ping(const struct hub *hub, const struct subscriber *sub, int64_t now_us);
void hub_pong(struct subscriber *sub, int64_t ping_us, int64_t now_us);

void hub_pause(struct subscriber *sub);
void hub_resume(struct hub *hub, struct subscriber *sub, int64_t now_us);

/* Its decoder lost the thread: ask for an IDR within the budget for such. false: one is awaited
 * already. */
bool hub_request_idr(struct hub *hub, int64_t now_us);

/* How far behind it is: the age of the oldest thing it should have by now. */
int64_t hub_lag_us(const struct hub *hub, const struct subscriber *sub, int64_t now_us);

/* How everyone did who acknowledges and watches, since the last survey: whether it lagged, and what
 * it carried meanwhile (0: nothing that could be measured). Not those who came moments ago. */
void hub_survey(struct hub *hub, int64_t now_us,
		void (*tell)(void *arg, bool lagged, unsigned carried_bps), void *arg);

/* The newest IDR that is kept, and when it was published; NULL: none. Borrowed, until the next call
 * on hub, or au_ref(). */
const struct au *hub_newest_idr(const struct hub *hub, int64_t *ret_publish_us);

uint32_t hub_live_seq(const struct hub *hub); /* of the newest published; UINT32_MAX before */
const struct au_format *hub_format(const struct hub *hub); /* of the newest; NULL before any */
size_t hub_pinned_bytes(const struct hub *hub);            /* kept only for half-sent messages */
uint64_t hub_published(const struct hub *hub);             /* access units so far */

#endif
