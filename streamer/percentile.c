#include "streamer/percentile.h"

#include <string.h>

#define GENERATION_US 10000000
#define STEPS         8 /* buckets a power of two */

static unsigned bucket_of(int64_t value_us)
{
	if (value_us < STEPS)
		return value_us < 0 ? 0 : (unsigned)value_us;
	unsigned log2 = 63 - (unsigned)__builtin_clzll((unsigned long long)value_us);
	unsigned step = (unsigned)(value_us >> (log2 - 3)) & (STEPS - 1);
	unsigned bucket = (log2 - 2) * STEPS + step;

	return bucket < PERCENTILE_BUCKETS ? bucket : PERCENTILE_BUCKETS - 1;
}

/* The largest value that falls into it. */
static int64_t bucket_end(unsigned bucket)
{
	if (bucket < STEPS)
		return bucket;
	unsigned log2 = bucket / STEPS + 2;

	return ((int64_t)(STEPS + bucket % STEPS + 1) << (log2 - 3)) - 1;
}

static void forget(struct percentile *p, unsigned generation)
{
	memset(p->count[generation], 0, sizeof(p->count[generation]));
	p->total[generation] = 0;
}

static void turn(struct percentile *p, int64_t now_us)
{
	if (now_us - p->since_us < GENERATION_US)
		return;
	if (now_us - p->since_us >= 2 * GENERATION_US)
		forget(p, p->young);
	p->young = !p->young;
	forget(p, p->young);
	p->since_us = now_us;
}

void percentile_add(struct percentile *p, int64_t value_us, int64_t now_us)
{
	turn(p, now_us);
	p->count[p->young][bucket_of(value_us)]++;
	p->total[p->young]++;
}

int64_t percentile_get(struct percentile *p, unsigned permille, int64_t now_us)
{
	turn(p, now_us);
	uint64_t total = (uint64_t)p->total[0] + p->total[1];
	uint64_t wanted = (total * permille + 999) / 1000;
	uint64_t seen = 0;

	if (total == 0)
		return 0;
	for (unsigned i = 0; i < PERCENTILE_BUCKETS; i++) {
		seen += (uint64_t)p->count[0][i] + p->count[1][i];
		if (seen >= wanted)
			return bucket_end(i);
	}
	return bucket_end(PERCENTILE_BUCKETS - 1);
}
