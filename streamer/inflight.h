/* inflight: which messages a viewer was sent and has not acknowledged, and how long that takes.
 *
 * With stock nginx and the kernel between us and a viewer, megabytes vanish before the socket says
 * EAGAIN: acknowledgements are the only way to see a viewer's true lag. Part of one subscriber;
 * loop thread. No clock: time is an argument. */
#ifndef STREAMER_INFLIGHT_H
#define STREAMER_INFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#define INFLIGHT_MAX 128 /* messages: 2 s at 60 fps, more than any lag limit lets pass */

struct inflight {
	unsigned head, count;
	bool expected;      /* to acknowledge */
	bool acking;        /* has acknowledged at least once */
	bool silent;        /* has got something for certain and has not acknowledged it */
	bool confirmed;     /* the smallest round trip: no picture was in the way */
	int64_t empty_us;   /* when all that had been sent was acknowledged */
	int64_t rtt_min_us; /* smallest seen; 0 before any */
	int64_t rtt_us;     /* newest seen */
	/* Side by side, and short: with a thousand viewers what is touched is what it costs. */
	struct {
		uint32_t seq;
		uint32_t sent_us; /* the low 32 bits: none is out for an hour */
	} message[INFLIGHT_MAX];
};

/* A message's first byte goes out. A full list forgets its newest: the viewer is hopeless. That of
 * a viewer that never acknowledged anything forgets its oldest: it says nothing. */
void inflight_sent(struct inflight *f, uint32_t seq, int64_t now_us);

/* The viewer said that it got everything up to seq; gathered: some time before now. Returns how
 * many messages that settles; what it was never sent, or has acknowledged before, settles none. */
unsigned inflight_ack(struct inflight *f, uint32_t seq, bool gathered, int64_t now_us);

/* It answered a ping, sent at ping_us. */
void inflight_pong(struct inflight *f, int64_t ping_us, int64_t now_us);

/* Has what was sent first not arrived, or does it never acknowledge? Nothing more should be sent
 * until that is known; the answer to a ping sent now will say. */
bool inflight_is_in_doubt(const struct inflight *f, int64_t now_us);

/* Its round trip gives it more time than others have, and might be its link's slowness: a ping may
 * share a TLS record with an IDR. Nothing is on its way: a ping sent now will say, provided that
 * nothing is sent after it until its pong. */
bool inflight_may_be_nearer(const struct inflight *f, int64_t lag_max_us);

/* A message was begun at this very moment: one sent now would share its TLS record, and the first
 * arrives no sooner than the last of a record. */
bool inflight_has_just_sent(const struct inflight *f, int64_t now_us);

/* It acknowledges, something is on its way, and nothing for longer than that. */
bool inflight_is_fresh(const struct inflight *f, int64_t lag_max_us, int64_t now_us);

/* It never acknowledged anything, and there is no reason to wait for it. */
bool inflight_says_nothing(const struct inflight *f);

/* It acknowledges, and not what it was sent lately. */
bool inflight_is_full(const struct inflight *f);

/* How long the oldest unacknowledged message has been out; 0 when there is none, or while the
 * viewer has never acknowledged anything, or when it was sent later than now_us. */
int64_t inflight_age_us(const struct inflight *f, int64_t now_us);

/* The age past which a viewer gets nothing more (protocol.md section 2, Slow viewers); begun_us:
 * when it was begun with, at an IDR. */
int64_t inflight_limit_us(const struct inflight *f, int64_t lag_max_us, int64_t begun_us,
			  int64_t now_us);

#endif
