/* carry: what a viewer's link carries, and how long it will therefore take to what is sent next.
 *
 * Of one message at a time it is measured how much arrived from its sending to its acknowledgement:
 * the link carried that. It is the truth while the link is busy and less than that while it is
 * not: so the most of the last seconds counts, and only viewers that lagged lately are judged.
 * Links that rested pass some packets at once (token buckets): what begins with those is more than
 * the truth, and counts only while nothing better is known. Part of one subscriber; loop thread. No
 * clock: time is an argument. */
#ifndef STREAMER_CARRY_H
#define STREAMER_CARRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct carry { /* what the sending of a message looks at comes last, beside struct inflight */
	/* Since the last survey. */
	uint64_t bytes;
	int64_t us;
	bool lagged;
	int64_t joined_us; /* lag of the first moments says nothing of a link */

	/* The most that was seen, bytes a second: in this period, in the one before. */
	uint64_t most, most_before;
	bool guessed;      /* they are of messages that a link at rest was given */
	int64_t period_us; /* when this one began */
	int64_t judged_until_us;

	/* Places in the stream, in bytes: to there it was sent and has acknowledged. */
	uint64_t sent, acked;

	bool timing;          /* a message... */
	uint64_t timed;       /* ...that ends there... */
	uint64_t timed_acked; /* ...of before which that had been acknowledged... */
	int64_t timed_us;     /* ...when it was sent */
	bool rested;          /* ...while the link was at rest */
	int64_t acked_us;     /* when anything was acknowledged last */
};

/* A message of so many bytes goes out that ends there. */
void carry_sent(struct carry *c, uint64_t end, size_t size, int64_t now_us);

/* All that ends there or before has arrived; gathered: who knows when. */
void carry_acked(struct carry *c, uint64_t end, bool gathered, int64_t now_us);

/* It fell behind: it will be judged for a while. */
void carry_lagged(struct carry *c, int64_t now_us);

/* It fell behind lately. */
bool carry_is_judged(const struct carry *c, int64_t now_us);

/* How long until a further message of so many bytes is there, after all that is on its way; 0 where
 * nothing is known or the viewer is not to be judged. */
int64_t carry_takes_us(const struct carry *c, size_t size, int64_t now_us);

/* What was carried since the last survey; 0 when that was too little to say. Begins anew. */
unsigned carry_survey_bps(struct carry *c);

#endif
