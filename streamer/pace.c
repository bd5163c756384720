#include "streamer/pace.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>

#include "common/util.h"
#include "streamer/clock.h"

int pace_open(struct pace *pace, unsigned fps_milli, struct error *err)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return error_set(err, -errno, "timerfd: %s", strerror(errno));
	pace->fd = fd;
	pace->fps_milli = fps_milli;
	pace->begin_us = clock_now_us();
	pace_wake_at(pace, pace->begin_us);
	return 0;
}

void pace_close(struct pace *pace)
{
	close_fd(&pace->fd);
}

int64_t pace_due_us(const struct pace *pace, uint64_t tick)
{
	/* In whole rounds of fps_milli ticks, 1,000 s each, so that no product overflows. */
	uint64_t rounds = tick / pace->fps_milli;
	uint64_t rest = tick % pace->fps_milli;

	return pace->begin_us +
	       (int64_t)(rounds * 1000000000 + rest * 1000000000 / pace->fps_milli);
}

void pace_change(struct pace *pace, unsigned fps_milli, uint64_t *tick)
{
	if (*tick > 0) {
		pace->begin_us = pace_due_us(pace, *tick - 1);
		*tick = 1;
	}
	pace->fps_milli = fps_milli;
}

void pace_wake_at(struct pace *pace, int64_t at_us)
{
	/* A time of zero would disarm the timer. */
	int64_t us = max_i64(at_us, 1);
	struct itimerspec when = {
		.it_value = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000},
	};

	/* Cannot fail: the descriptor is a timer and the time is a valid one. */
	timerfd_settime(pace->fd, TFD_TIMER_ABSTIME, &when, NULL);
}
