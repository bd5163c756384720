/* ackring: which viewers will acknowledge, and when: a ring in the order of time, of those who all
 * wait equally long. Part of the load client. */
#ifndef TESTS_BENCH_ACKRING_H
#define TESTS_BENCH_ACKRING_H

#include <stdint.h>

struct ackring_entry {
	unsigned viewer;
	int64_t due_us;
};

struct ackring {
	struct ackring_entry *at;
	unsigned capacity, first, count; /* each viewer is in it once at most */
};

static inline void ackring_push(struct ackring *ring, unsigned viewer, int64_t due_us)
{
	ring->at[(ring->first + ring->count++) % ring->capacity] =
		(struct ackring_entry){viewer, due_us};
}

/* INT64_MAX: there is nobody. */
static inline int64_t ackring_due_us(const struct ackring *ring)
{
	return ring->count > 0 ? ring->at[ring->first].due_us : INT64_MAX;
}

static inline unsigned ackring_pop(struct ackring *ring)
{
	unsigned viewer = ring->at[ring->first].viewer;

	ring->first = (ring->first + 1) % ring->capacity;
	ring->count--;
	return viewer;
}

#endif
