/* capture_open: the libcamera source on capture_scene.h's nalcast-capture, for the tests of it. */
#ifndef TESTS_UNIT_CAPTURE_OPEN_H
#define TESTS_UNIT_CAPTURE_OPEN_H

#include "streamer/pattern.h"
#include "streamer/source.h"
#include "tests/unit/capture_scene.h"

#define WIDTH  320
#define HEIGHT 240
#define ID     "/base/soc/i2c0mux/i2c@1/imx219@10"

static const struct source_ops *const ops = &source_libcamera_ops;

static inline int open_with(const char *device, unsigned fps_milli, struct source **ret_src,
			    struct error *err)
{
	struct source_config cfg = {.width = WIDTH, .height = HEIGHT, .fps_milli = fps_milli};

	snprintf(cfg.device, sizeof(cfg.device), "%s", device);
	return source_open(ops, &cfg, ret_src, err);
}

static inline struct source *open_camera(const char *what)
{
	struct source *src = NULL;
	struct error err = {0};

	play(what);
	if (open_with("", 30000, &src, &err) < 0)
		fail_msg("%s: %s", what, err.text);
	return src;
}

static inline int dequeue(struct source *src, struct frame *ret_frame)
{
	int r;

	while ((r = source_dequeue(src, ret_frame)) == -EAGAIN || r == -ENODATA)
		if (r == -EAGAIN)
			await_readable(source_fd(src));
	return r;
}

static inline void expect_frame(struct source *src, struct frame *ret_frame)
{
	if (dequeue(src, ret_frame) < 0)
		fail_msg("%s", source_reason(src));
}

static inline int set_control(struct source *src, const char *name, double value, struct error *err)
{
	return source_set_control(src, name, &value, 1, err);
}

static inline uint32_t number_of(const struct frame *frame)
{
	struct pattern_clock clock;

	if (!pattern_read_clock(frame->plane[0].data, frame->plane[0].stride, frame->width,
				frame->height, &clock))
		fail_msg("there is no pattern in it");
	return clock.frame;
}

#endif
