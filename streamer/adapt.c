#include "streamer/adapt.h"

#include <limits.h>
#include <string.h>

#include "common/util.h"

#define HOLD_MIN_US  4000000
#define HOLD_MAX_US  60000000
#define SETTLE_US    2000000 /* encoder and queues follow a step down within so long */
#define SHARE_NUM    85      /* of what is carried: in hundredths, so that queues can drain */
#define DROP_MAX     4       /* one step down is to a quarter at most: a measure may be wrong */
#define STEP_FAR     10      /* up by a tenth... */
#define STEP_NEAR    25      /* ...by a 25th where lag came last time */
#define FLOOR_PART   10
#define OCTAVE_STEPS 16

/* Millibits a pixel and picture. Measured with x264, the test pattern and 30 fps, 640x480 to
 * 1920x1080: at 7 (1280x720: 194 kbit/s) every patch is right, and an IDR takes a link that carries
 * no more a fifth of a second; at 4 it takes 0.3 s, past the lag at which viewers skip to the next
 * IDR, and patches are wrong, up to a tenth of them. */
#define PICTURE_MILLIBITS 7

unsigned adapt_picture_floor_bps(unsigned width, unsigned height, unsigned fps_milli)
{
	uint64_t pixels = (uint64_t)width * height;

	return (unsigned)min_i64((int64_t)(pixels * fps_milli / 1000 * PICTURE_MILLIBITS / 1000),
				 UINT_MAX);
}

void adapt_init(struct adapt *a, unsigned setting_bps)
{
	*a = (struct adapt){
		.setting_bps = setting_bps,
		.target_bps = setting_bps,
		.ceiling_bps = UINT_MAX,
		.hold_us = HOLD_MIN_US,
		.calm_since_us = INT64_MIN / 2,
		.settled_us = INT64_MIN,
	};
}

static unsigned floor_bps(const struct adapt *a)
{
	int64_t least = max_i64(ADAPT_FLOOR_BPS, a->setting_bps / FLOOR_PART);

	least = max_i64(least, a->picture_floor_bps);
	return (unsigned)min_i64(least, a->setting_bps);
}

void adapt_set(struct adapt *a, unsigned setting_bps, unsigned picture_floor_bps)
{
	bool limited = a->target_bps < a->setting_bps;

	a->setting_bps = setting_bps;
	a->picture_floor_bps = picture_floor_bps;
	if (!limited || a->target_bps > setting_bps)
		a->target_bps = setting_bps;
	else if (a->target_bps < floor_bps(a))
		a->target_bps = floor_bps(a);
}

static unsigned bucket_of(unsigned bps)
{
	if (bps < OCTAVE_STEPS)
		return 0;
	unsigned octave = 31 - (unsigned)__builtin_clz(bps);

	return octave * OCTAVE_STEPS + (bps >> (octave - 4)) % OCTAVE_STEPS;
}

/* The least that falls into it. */
static unsigned bucket_bps(unsigned bucket)
{
	unsigned octave = bucket / OCTAVE_STEPS;

	return octave < 4 ? 0 : (OCTAVE_STEPS + bucket % OCTAVE_STEPS) << (octave - 4);
}

void adapt_add(struct adapt *a, bool lagged, unsigned carried_bps)
{
	if (!lagged) {
		a->calm++;
	} else if (carried_bps == 0) {
		a->stalled++;
	} else {
		a->lagging++;
		a->carried[bucket_of(carried_bps)]++;
	}
}

/* What more than half of the viewers carry; UINT_MAX: more than the present rate. */
static unsigned majority_bps(const struct adapt *a)
{
	unsigned needed = (a->calm + a->lagging) / 2 + 1;
	unsigned so_far = a->calm;
	unsigned bucket = ADAPT_BUCKETS;

	if (so_far >= needed || a->lagging == 0)
		return UINT_MAX;
	while (bucket > 0 && so_far < needed)
		so_far += a->carried[--bucket];
	return bucket_bps(bucket);
}

static unsigned share_of(unsigned bps)
{
	return (unsigned)((uint64_t)bps * SHARE_NUM / 100);
}

static void step_down(struct adapt *a, unsigned carried_bps, int64_t now_us)
{
	a->calm_since_us = now_us;
	if (now_us < a->settled_us)
		return;
	int64_t wanted = min_i64(share_of(carried_bps), share_of(a->target_bps));
	wanted = max_i64(wanted, a->target_bps / DROP_MAX);
	if (a->has_raised)
		a->hold_us = min_i64(2 * a->hold_us, HOLD_MAX_US);
	a->has_raised = false;
	a->ceiling_bps = (unsigned)min_i64(carried_bps, a->target_bps);
	a->target_bps = (unsigned)min_i64(a->target_bps, max_i64(wanted, floor_bps(a)));
	a->settled_us = now_us + SETTLE_US;
}

/* The setting holds without lag: as if nothing had been. */
static void forget(struct adapt *a)
{
	a->has_raised = false;
	a->ceiling_bps = UINT_MAX;
	a->hold_us = HOLD_MIN_US;
}

static void step_up(struct adapt *a, int64_t now_us)
{
	if (!a->has_raised && now_us - a->calm_since_us < a->hold_us)
		return;
	if (a->target_bps >= a->setting_bps) {
		if (now_us - a->calm_since_us >= HOLD_MAX_US)
			forget(a);
		return;
	}
	bool near = a->target_bps >= a->ceiling_bps - a->ceiling_bps / 10;
	if (near && a->target_bps / 5 * 4 > a->ceiling_bps)
		a->ceiling_bps = UINT_MAX; /* the link is another than it was */
	unsigned step = a->target_bps / (near ? STEP_NEAR : STEP_FAR) + 1;
	a->target_bps = (unsigned)min_i64((int64_t)a->target_bps + step, a->setting_bps);
	a->has_raised = true;
	a->calm_since_us = now_us;
}

unsigned adapt_decide(struct adapt *a, int64_t now_us)
{
	unsigned carried_bps = majority_bps(a);
	bool knows_nothing = a->calm + a->lagging == 0 && a->stalled > 0;

	if (carried_bps != UINT_MAX)
		step_down(a, carried_bps, now_us);
	else if (!knows_nothing)
		step_up(a, now_us);
	memset(a->carried, 0, sizeof(a->carried));
	a->lagging = a->calm = a->stalled = 0;
	return a->target_bps;
}
