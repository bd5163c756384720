/* pace: a descriptor that becomes readable when the next picture is due.
 *
 * Due times are counted from where it began, not from one another, so nothing adds up to a drift.
 * For sources without a camera's clock; owned by one source, its thread only. */
#ifndef STREAMER_PACE_H
#define STREAMER_PACE_H

#include <stdint.h>

#include "common/error.h"

struct pace {
	int fd;             /* timerfd, or -1 */
	int64_t begin_us;   /* CLOCK_MONOTONIC: when tick 0 is due */
	unsigned fps_milli; /* thousandths of a tick per second; not 0 */
};

/* Tick 0 is due now. */
int pace_open(struct pace *pace, unsigned fps_milli, struct error *err);
void pace_close(struct pace *pace);

/* Go on at another pace: *tick, the next, follows the one before it in the new time, and counting
 * begins again (*tick is 1, or still 0). */
void pace_change(struct pace *pace, unsigned fps_milli, uint64_t *tick);

int64_t pace_due_us(const struct pace *pace, uint64_t tick); /* CLOCK_MONOTONIC */

/* Readable from then on (at once, if that is past) until it is set anew. */
void pace_wake_at(struct pace *pace, int64_t at_us);

#endif
