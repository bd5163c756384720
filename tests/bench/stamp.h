/* stamp: what the benches' sources write into every message, so that whoever receives it knows when
 * it was made and how many went before. Text, so that nothing in it looks like a start code; any
 * thread. CLOCK_MONOTONIC is the same for all processes of one machine.
 *
 * ws.mjs and ws4py_server.py write the same. */
#ifndef TESTS_BENCH_STAMP_H
#define TESTS_BENCH_STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define STAMP_MARK       "nalcast bench 01" /* as long as the UUID of H.264 D.1.7 */
#define STAMP_MARK_BYTES 16
#define STAMP_BYTES      (STAMP_MARK_BYTES + 16 + 8)

struct stamp {
	int64_t made_us; /* CLOCK_MONOTONIC */
	uint32_t count;  /* messages made before this one */
};

static inline int64_t stamp_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* Of this moment. */
static inline void stamp_write(uint8_t out[static STAMP_BYTES], uint32_t count)
{
	char text[STAMP_BYTES + 1];

	snprintf(text, sizeof(text), STAMP_MARK "%016llx%08x", (unsigned long long)stamp_now_us(),
		 count);
	memcpy(out, text, STAMP_BYTES);
}

static inline bool stamp_read_hex(const uint8_t *digits, unsigned count, uint64_t *ret_value)
{
	static const char known[] = "0123456789abcdef";
	uint64_t value = 0;

	for (unsigned i = 0; i < count; i++) {
		const char *digit = memchr(known, digits[i], sizeof(known) - 1);
		if (digit == NULL)
			return false;
		value = value << 4 | (uint64_t)(digit - known);
	}
	*ret_value = value;
	return true;
}

/* The first one in data. false: there is none. */
static inline bool stamp_find(const uint8_t *data, size_t size, struct stamp *ret_stamp)
{
	const uint8_t *at = memmem(data, size, STAMP_MARK, STAMP_MARK_BYTES);
	uint64_t made_us, count;

	if (at == NULL || size - (size_t)(at - data) < STAMP_BYTES)
		return false;
	at += STAMP_MARK_BYTES;
	if (!stamp_read_hex(at, 16, &made_us) || !stamp_read_hex(at + 16, 8, &count))
		return false;
	*ret_stamp = (struct stamp){(int64_t)made_us, (uint32_t)count};
	return true;
}

#endif
