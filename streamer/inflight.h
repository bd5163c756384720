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
	bool acking;        /* has acknowledged at least once */
	int64_t rtt_min_us; /* smallest seen; 0 until acking */
	int64_t rtt_us;     /* newest seen */
	uint32_t seq[INFLIGHT_MAX];
	int64_t sent_us[INFLIGHT_MAX];
};

/* A message's first byte goes out. A full list forgets its newest: the viewer is hopeless. That of
 * a viewer that never acknowledged anything (raw mode) forgets its oldest: it says nothing. */
void inflight_sent(struct inflight *f, uint32_t seq, int64_t now_us);

/* The viewer says that it got everything up to seq. Returns how many messages that settles; what
 * it was never sent, or has acknowledged before, settles none. */
unsigned inflight_ack(struct inflight *f, uint32_t seq, int64_t now_us);

/* It acknowledges, and not what it was sent lately. */
bool inflight_is_full(const struct inflight *f);

/* How long the oldest unacknowledged message has been out; 0 when there is none, or while the
 * viewer has never acknowledged anything. */
int64_t inflight_age_us(const struct inflight *f, int64_t now_us);

/* The age past which a viewer gets nothing more (protocol.md section 2, Slow viewers). */
int64_t inflight_limit_us(const struct inflight *f, int64_t lag_max_us);

#endif
