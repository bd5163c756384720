/* adapt: which bitrate the encoder should make, so that most viewers' links carry it.
 *
 * About once a second it is told of every viewer that acknowledges whether it lagged and what it
 * carried meanwhile; then it decides. What counts is the rate that more than half of them carry:
 * one bad link among good ones changes nothing, alone it is the majority. Down at once, to a share
 * of what was carried; up slowly after a calm while, and later each time that brought lag again.
 *
 * Pure policy: no clock (time is an argument, microseconds), no I/O, no allocation. Part of the
 * stream; loop thread. */
#ifndef STREAMER_ADAPT_H
#define STREAMER_ADAPT_H

#include <stdbool.h>
#include <stdint.h>

#define ADAPT_FLOOR_BPS 100000 /* never below this, a tenth of the setting, the picture's floor */
#define ADAPT_BUCKETS   512

struct adapt {
	unsigned setting_bps; /* never above this */
	unsigned picture_floor_bps;
	unsigned target_bps;

	/* This round: how many viewers carry so much (in sixteenths of an octave), how many go
	 * without lag, and how many took nothing at all. */
	unsigned carried[ADAPT_BUCKETS];
	unsigned lagging, calm, stalled;

	bool has_raised;       /* since the last step down: lag is of our making, then */
	unsigned ceiling_bps;  /* what was carried when lag came last; UINT_MAX: forgotten */
	int64_t hold_us;       /* so long without lag before the first step up */
	int64_t calm_since_us; /* or since the last step */
	int64_t settled_us;    /* before then, lag is still that of the rate before */
};

/* What a moving picture of this size and rate needs: below, those who skip some of it see more.
 * 0 where one of them is not known. */
unsigned adapt_picture_floor_bps(unsigned width, unsigned height, unsigned fps_milli);

void adapt_init(struct adapt *a, unsigned setting_bps);

/* What people set, and the floor of the picture that makes; both may be as they were. */
void adapt_set(struct adapt *a, unsigned setting_bps, unsigned picture_floor_bps);

/* One viewer since the last round. carried_bps says something of one that lagged only; 0: it took
 * nothing, so no rate would have been low enough, and it is not asked. */
void adapt_add(struct adapt *a, bool lagged, unsigned carried_bps);

/* Ends the round; returns the encoder's bitrate from now on. */
unsigned adapt_decide(struct adapt *a, int64_t now_us);

#endif
