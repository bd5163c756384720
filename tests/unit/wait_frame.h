/* wait_frame: the next frame of a source that paces itself, waited for as the pipeline does. */
#ifndef TESTS_UNIT_WAIT_FRAME_H
#define TESTS_UNIT_WAIT_FRAME_H

#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>

#include "streamer/clock.h"
#include "streamer/source.h"

#define PATIENCE_MS 10000 /* for what is due within milliseconds: only a broken build waits */

/* Returns what dequeue said when it had something to say. */
static inline int wait_frame(struct source *src, struct frame *ret_frame)
{
	int64_t deadline_us = clock_now_us() + PATIENCE_MS * 1000;

	while (clock_now_us() < deadline_us) {
		struct pollfd pfd = {.fd = source_fd(src), .events = POLLIN};
		assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
		int r = source_dequeue(src, ret_frame);
		if (r != -EAGAIN)
			return r;
	}
	fail_msg("no frame came");
	return -EAGAIN;
}

#endif
