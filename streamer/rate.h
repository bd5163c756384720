/* rate: frames and bytes a second, over windows of one second. No clock: time is an argument. Part
 * of a pipeline; its thread. */
#ifndef STREAMER_RATE_H
#define STREAMER_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	int64_t since_us; /* the window began */
	unsigned frames;
	uint64_t bytes;
};

void rate_begin(struct rate *rate, int64_t now_us);

/* Has the window passed? Then its rates are told, and the next begins. */
bool rate_turn(struct rate *rate, int64_t now_us, unsigned *ret_fps_milli, unsigned *ret_bps);

#endif
