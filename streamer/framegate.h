/* framegate: lets through as many of a camera's pictures as were asked for, by their time stamps.
 *
 * Cameras choose among the rates they have, and some do not pace at all. One that is within a tenth
 * of the rate asked for is left alone: taking single pictures from it would only make it stutter.
 * Owned by one source. No I/O, no clock. */
#ifndef STREAMER_FRAMEGATE_H
#define STREAMER_FRAMEGATE_H

#include <stdbool.h>
#include <stdint.h>

struct framegate {
	int64_t interval_us; /* asked for */
	int64_t average_us;  /* between the camera's newest pictures */
	int64_t newest_us;   /* the time stamp of its newest; INT64_MIN: none yet */
	int64_t due_us;      /* when the next may pass */
};

/* fps_milli 0: all pass. camera_milli: the rate that the camera says it has; 0: it does not say.
 * Also to change the rate while running. */
void framegate_init(struct framegate *gate, unsigned fps_milli, unsigned camera_milli);

/* A picture of this time came: is it one of those asked for? */
bool framegate_passes(struct framegate *gate, int64_t pts_us);

#endif
