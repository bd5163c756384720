/* percentile: p50 and p99 of durations over the last 10 to 20 seconds, in constant space.
 *
 * Buckets grow by an eighth each, so an answer is at most 12 % too large. Two generations: the
 * older is forgotten when the younger is 10 s old. Loop thread. */
#ifndef STREAMER_PERCENTILE_H
#define STREAMER_PERCENTILE_H

#include <stdint.h>

#define PERCENTILE_BUCKETS 160 /* up to 2^20 us with 8 a power of two; the last takes the rest */

struct percentile {
	int64_t since_us; /* of the younger generation */
	uint32_t count[2][PERCENTILE_BUCKETS];
	uint32_t total[2];
	unsigned young; /* 0 or 1 */
};

void percentile_add(struct percentile *p, int64_t value_us, int64_t now_us);

/* The duration that permille of 1000 did not exceed; 0 when nothing was recorded. */
int64_t percentile_get(struct percentile *p, unsigned permille, int64_t now_us);

#endif
