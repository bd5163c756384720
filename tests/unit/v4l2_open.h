/* v4l2_open: the V4L2 source on fake_v4l2.h's driver, for the tests of it. */
#ifndef TESTS_UNIT_V4L2_OPEN_H
#define TESTS_UNIT_V4L2_OPEN_H

#include <string.h>

#include "streamer/source.h"
#include "tests/unit/fake_v4l2.h"

#define WIDTH  640
#define HEIGHT 480

static const struct fake_mode modes[] = {
	{.fourcc = V4L2_PIX_FMT_YUYV, WIDTH, HEIGHT, {{1, 30}, {1, 15}}},
	{.fourcc = V4L2_PIX_FMT_YUYV, 1280, 720, {{1, 10}}},
	{.fourcc = V4L2_PIX_FMT_MJPEG, 1280, 720, {{1, 30}}},
};

static uint8_t picture[WIDTH * HEIGHT * 2]; /* to push; zero is fine */

static inline int open_with(unsigned width, unsigned height, unsigned fps_milli,
			    struct source **ret_src, struct error *err)
{
	struct source_config cfg = {
		.device = "/dev/video0",
		.width = width,
		.height = height,
		.fps_milli = fps_milli,
	};

	return source_open(&source_v4l2_ops, &cfg, ret_src, err);
}

static inline struct source *open_fake(unsigned width, unsigned height, unsigned fps_milli)
{
	struct source *src = NULL;
	struct error err = {0};

	if (open_with(width, height, fps_milli, &src, &err) < 0)
		fail_msg("%s", err.text);
	return src;
}

static inline void open_fails(int code, const char *words)
{
	struct source *src = NULL;
	struct error err = {0};

	assert_int_equal(open_with(WIDTH, HEIGHT, 30000, &src, &err), code);
	if (strstr(err.text, words) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, words);
	fake_end();
}

static inline int64_t begin_time(void)
{
	return clock_now_us() - 500000; /* pictures of the past, so that their time is believed */
}

#endif
