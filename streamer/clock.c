#include "streamer/clock.h"

#include <pthread.h>
#include <time.h>

static pthread_once_t offset_once = PTHREAD_ONCE_INIT;
static int64_t offset_us; /* written once, under offset_once */

static int64_t read_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void take_offset(void)
{
	offset_us = read_us(CLOCK_REALTIME) - read_us(CLOCK_MONOTONIC);
}

void clock_init(void)
{
	pthread_once(&offset_once, take_offset);
}

int64_t clock_now_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_wire_us(int64_t monotonic_us)
{
	clock_init();
	return monotonic_us + offset_us;
}
