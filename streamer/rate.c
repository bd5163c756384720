#include "streamer/rate.h"

#define WINDOW_US 1000000

void rate_begin(struct rate *rate, int64_t now_us)
{
	*rate = (struct rate){.since_us = now_us};
}

bool rate_turn(struct rate *rate, int64_t now_us, unsigned *ret_fps_milli, unsigned *ret_bps)
{
	int64_t passed_us = now_us - rate->since_us;

	if (passed_us < WINDOW_US)
		return false;
	*ret_fps_milli = (unsigned)((int64_t)rate->frames * 1000000000 / passed_us);
	*ret_bps = (unsigned)((int64_t)rate->bytes * 8000000 / passed_us);
	rate_begin(rate, now_us);
	return true;
}
