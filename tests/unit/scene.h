/* scene: pictures to encode (the test pattern, or noise), and what comes out, for the tests of
 * encoders and files. Everything asserts; nothing is to be checked by the caller. */
#ifndef TESTS_UNIT_SCENE_H
#define TESTS_UNIT_SCENE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "streamer/encoder.h"
#include "streamer/pattern.h"
#include "streamer/pixfmt.h"
#include "tests/unit/unit.h"

struct scene {
	unsigned width, height;
	struct pattern *pattern;
	struct pattern_canvas canvas;
	uint32_t frames; /* drawn so far */
	uint32_t seed;   /* of the noise */
};

static inline void scene_init(struct scene *scene, unsigned width, unsigned height)
{
	memset(scene, 0, sizeof(*scene));
	scene->width = width;
	scene->height = height;
	scene->pattern = pattern_new(width, height);
	scene->canvas.data = malloc(pattern_bytes(width, height));
	scene->seed = 1;
	assert_non_null(scene->pattern);
	assert_non_null(scene->canvas.data);
}

static inline void scene_clear(struct scene *scene)
{
	pattern_free(scene->pattern);
	free(scene->canvas.data);
}

static inline void scene_draw(struct scene *scene)
{
	struct pattern_clock clock = {scene->frames * 33, scene->frames};

	pattern_draw(scene->pattern, &scene->canvas, &clock);
	scene->frames++;
}

/* xorshift: the same noise in every run. */
static inline void scene_draw_noise(struct scene *scene)
{
	size_t size = pattern_bytes(scene->width, scene->height);

	for (size_t i = 0; i < size; i++) {
		scene->seed ^= scene->seed << 13;
		scene->seed ^= scene->seed >> 17;
		scene->seed ^= scene->seed << 5;
		scene->canvas.data[i] = (uint8_t)(scene->seed >> 8);
	}
	scene->canvas.look_drawn = 0;
	scene->frames++;
}

static inline struct frame scene_frame(const struct scene *scene)
{
	struct frame frame = pixfmt_i420(scene->canvas.data, scene->width, scene->height);

	frame.pts_us = (int64_t)scene->frames * 33333;
	frame.index = scene->frames % 7;
	return frame;
}

/* One picture in, one access unit out, and the frame back. */
static inline struct au *scene_encode(struct encoder *enc, const struct frame *frame, bool idr)
{
	struct error err = {0};
	struct au *au = NULL;
	uint32_t index = ~frame->index;

	assert_int_equal(encoder_submit(enc, frame, idr), 0);
	assert_int_equal(encoder_collect(enc, &au, &err), 0);
	assert_int_equal(encoder_reclaim(enc, &index), 0);
	assert_int_equal(index, frame->index);
	assert_int_equal(encoder_reclaim(enc, &index), -EAGAIN);
	assert_int_equal(au->pts_us, frame->pts_us);
	assert_in_range(au->size, 1, au->capacity);
	return au;
}

static inline struct encoder *scene_encoder(const struct encoder_ops *ops,
					    const struct encoder_config *cfg)
{
	struct encoder *enc = NULL;
	struct error err = {0};

	assert_int_equal(encoder_open(ops, cfg, &enc, &err), 0);
	assert_int_equal(encoder_fd(enc), -1);
	return enc;
}

#endif
