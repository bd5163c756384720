/* A camera that is not there: draws the test picture, and acts out what real ones do wrong.
 *
 * Pictures are drawn when they are asked for, with the time they were due as time of exposure, so
 * nothing runs between two of them. */
#include "streamer/source.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/pace.h"
#include "streamer/pattern.h"
#include "streamer/pixfmt.h"

#define SUBSYSTEM     "source test"
#define BUFFERS       6 /* one more than a burst has */
#define BURST_FRAMES  5
#define SLOW_FACTOR   5
#define FPS_MIN_MILLI 5000
#define FPS_MAX_MILLI 60000

static const struct {
	unsigned width, height;
} sizes[] = {
	{160, 120}, {320, 240},  {640, 360},  {640, 480},  {642, 482},   {800, 600},
	{854, 480}, {1024, 768}, {1280, 720}, {1280, 960}, {1920, 1080},
};

static const struct source_config default_config = {
	.width = 1280,
	.height = 720,
	.fps_milli = 30000,
};

/* What outlives a source: like a cable, and like the camera's own counter. Relaxed: each stands
 * for itself, nothing else is published with it. */
static atomic_int test_fault = SOURCE_FAULT_NONE;
static atomic_uint test_frame_number;

struct source_test {
	struct source source;
	struct source_format format;
	struct pace pace;
	struct pattern *pattern;
	struct pattern_look look;
	struct pattern_canvas canvas[BUFFERS];
	bool lent[BUFFERS];
	uint64_t tick;    /* of the frame that is due next */
	uint64_t skipped; /* frames nobody had a buffer for, or came for */
};

enum test_control {
	TEST_BRIGHTNESS,
	TEST_CONTRAST,
	TEST_AWB_GAINS,
	TEST_HFLIP,
	TEST_VFLIP,
};

static const struct source_control controls[] = {
	[TEST_BRIGHTNESS] = {.name = "brightness",
			     .type = SOURCE_CONTROL_FLOAT,
			     .writable = true,
			     .min = -1,
			     .max = 1},
	[TEST_CONTRAST] = {.name = "contrast",
			   .type = SOURCE_CONTROL_FLOAT,
			   .writable = true,
			   .value = 1,
			   .max = 2,
			   .default_value = 1},
	[TEST_AWB_GAINS] = {.name = "awb_gains", /* of red and blue */
			    .type = SOURCE_CONTROL_FLOAT,
			    .writable = true,
			    .value_count = 2,
			    .values = {1, 1},
			    .max = 2,
			    .default_values = {1, 1}},
	[TEST_HFLIP] = {.name = "hflip",
			.type = SOURCE_CONTROL_BOOL,
			.writable = true,
			.max = 1,
			.step = 1},
	[TEST_VFLIP] = {.name = "vflip",
			.type = SOURCE_CONTROL_BOOL,
			.writable = true,
			.max = 1,
			.step = 1},
};

static struct source_test *test_of(struct source *src)
{
	return container_of(src, struct source_test, source);
}

static enum source_fault fault_now(void)
{
	return (enum source_fault)atomic_load_explicit(&test_fault, memory_order_relaxed);
}

static void test_set_fault(enum source_fault fault)
{
	atomic_store_explicit(&test_fault, (int)fault, memory_order_relaxed);
}

static uint32_t frame_number_next(void)
{
	return atomic_fetch_add_explicit(&test_frame_number, 1, memory_order_relaxed);
}

static void frame_numbers_skip(unsigned count)
{
	atomic_fetch_add_explicit(&test_frame_number, count, memory_order_relaxed);
}

static void test_caps(struct source_caps *ret_caps)
{
	memset(ret_caps, 0, sizeof(*ret_caps));
	snprintf(ret_caps->backend, sizeof(ret_caps->backend), "test");
	snprintf(ret_caps->name, sizeof(ret_caps->name), "Test pattern");
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		ret_caps->modes[i] = (struct source_mode){
			.width_min = sizes[i].width,
			.width_max = sizes[i].width,
			.height_min = sizes[i].height,
			.height_max = sizes[i].height,
			.fps_min_milli = FPS_MIN_MILLI,
			.fps_max_milli = FPS_MAX_MILLI,
		};
	}
	ret_caps->mode_count = ARRAY_SIZE(sizes);
	memcpy(ret_caps->controls, controls, sizeof(controls));
	ret_caps->control_count = ARRAY_SIZE(controls);
}

static int test_check_device(const char *device, struct error *err)
{
	if (device[0] != '\0')
		return error_set(err, -ENODEV, "the test pattern has no device '%s'", device);
	if (fault_now() == SOURCE_FAULT_UNPLUG)
		return error_set(err, -ENODEV, "the test pattern is unplugged (test fault)");
	return 0;
}

static int test_probe(const char *device, struct source_caps *ret_caps, struct error *err)
{
	int r = test_check_device(device, err);

	if (r < 0)
		return r;
	test_caps(ret_caps);
	return 0;
}

static int test_choose_format(const struct source_config *cfg, struct source_format *ret_format,
			      struct error *err)
{
	struct source_caps caps;
	struct source_format format = {
		.fourcc = FRAME_I420,
		.width = cfg->width != 0 ? cfg->width : default_config.width,
		.height = cfg->height != 0 ? cfg->height : default_config.height,
		.fps_milli = cfg->fps_milli != 0 ? cfg->fps_milli : default_config.fps_milli,
	};

	test_caps(&caps);
	if (!source_caps_have(&caps, format.width, format.height, 0))
		return error_set(err, -EINVAL, "the test pattern has no size %ux%u", format.width,
				 format.height);
	if (!source_caps_have(&caps, format.width, format.height, format.fps_milli))
		return error_set(err, -EINVAL, "the test pattern does %u to %u frames per second",
				 FPS_MIN_MILLI / 1000, FPS_MAX_MILLI / 1000);
	*ret_format = format;
	return 0;
}

static void test_close(struct source *src)
{
	struct source_test *test = test_of(src);

	if (test->skipped > 0)
		log_info(SUBSYSTEM, "%llu frames skipped: nobody was ready for them",
			 (unsigned long long)test->skipped);
	pace_close(&test->pace);
	for (unsigned i = 0; i < BUFFERS; i++)
		free(test->canvas[i].data);
	pattern_free(test->pattern);
	free(test);
}

static int test_allocate(struct source_test *test, struct error *err)
{
	size_t bytes = pattern_bytes(test->format.width, test->format.height);

	test->pattern = pattern_new(test->format.width, test->format.height);
	bool complete = test->pattern != NULL;
	for (unsigned i = 0; i < BUFFERS; i++) {
		test->canvas[i].data = malloc(bytes);
		complete = complete && test->canvas[i].data != NULL;
	}
	return complete ? 0 : error_set(err, -ENOMEM, "no memory for the test pattern");
}

static int test_open(const struct source_config *cfg, struct source **ret_source, struct error *err)
{
	struct source_format format;
	int r = test_check_device(cfg->device, err);

	if (r == 0)
		r = test_choose_format(cfg, &format, err);
	if (r < 0)
		return r;
	struct source_test *test = calloc(1, sizeof(*test));
	if (test == NULL)
		return error_set(err, -ENOMEM, "no memory for the test pattern");
	test->source.ops = &source_test_ops;
	test->format = format;
	test->pace.fd = -1;
	test->look.contrast = 1;
	r = test_allocate(test, err);
	if (r == 0)
		r = pace_open(&test->pace, format.fps_milli, err);
	if (r < 0) {
		test_close(&test->source);
		return r;
	}
	*ret_source = &test->source;
	return 0;
}

static void test_get_format(const struct source *src, struct source_format *ret_format)
{
	*ret_format = ((const struct source_test *)src)->format;
}

static int test_get_fd(const struct source *src)
{
	return ((const struct source_test *)src)->pace.fd;
}

/* In a burst, frames wait for the last one of their bunch. */
static int64_t ready_us(const struct source_test *test, enum source_fault fault)
{
	uint64_t tick = test->tick;

	if (fault == SOURCE_FAULT_BURST)
		tick += BURST_FRAMES - 1 - tick % BURST_FRAMES;
	return pace_due_us(&test->pace, tick);
}

static void wait_for_next(struct source_test *test, enum source_fault fault)
{
	test->tick += fault == SOURCE_FAULT_SLOW ? SLOW_FACTOR : 1;
	pace_wake_at(&test->pace, ready_us(test, fault));
}

/* Frames that were due while nobody came are gone, as they are in a camera, but for the newest:
 * who is late gets a recent picture. Bunches stay whole. */
static void skip_missed(struct source_test *test, enum source_fault fault, int64_t now_us)
{
	unsigned step = fault == SOURCE_FAULT_BURST ? BURST_FRAMES : 1;

	if (test->tick % step != 0)
		return;
	while (pace_due_us(&test->pace, test->tick + 2 * step - 1) <= now_us) {
		test->tick += step;
		test->skipped += step;
		frame_numbers_skip(step);
	}
}

static int free_buffer(const struct source_test *test)
{
	for (unsigned i = 0; i < BUFFERS; i++)
		if (!test->lent[i])
			return (int)i;
	return -1;
}

static void fill(struct source_test *test, unsigned index, int64_t pts_us, struct frame *ret_frame)
{
	struct pattern_clock clock = {
		.time_ms = (uint32_t)(clock_wire_us(pts_us) / 1000),
		.frame = frame_number_next() & ((1u << PATTERN_FRAME_BITS) - 1),
	};

	pattern_draw(test->pattern, &test->canvas[index], &clock);
	test->lent[index] = true;
	*ret_frame = pixfmt_i420(test->canvas[index].data, test->format.width, test->format.height);
	ret_frame->pts_us = pts_us;
	ret_frame->index = index;
}

static int test_dequeue(struct source *src, struct frame *ret_frame)
{
	struct source_test *test = test_of(src);
	enum source_fault fault = fault_now();
	int64_t now_us = clock_now_us();

	if (fault == SOURCE_FAULT_UNPLUG)
		return -ENODEV;
	if (now_us < ready_us(test, fault)) {
		pace_wake_at(&test->pace, ready_us(test, fault));
		return -EAGAIN;
	}
	if (fault == SOURCE_FAULT_STALL) {
		wait_for_next(test, fault);
		return -EAGAIN;
	}
	skip_missed(test, fault, now_us);
	int index = free_buffer(test);
	int64_t pts_us = pace_due_us(&test->pace, test->tick);
	wait_for_next(test, fault);
	if (index < 0) {
		frame_numbers_skip(1);
		test->skipped++;
		return -EAGAIN;
	}
	fill(test, (unsigned)index, pts_us, ret_frame);
	return 0;
}

static void test_release(struct source *src, uint32_t index)
{
	test_of(src)->lent[index] = false;
}

static void change_look(struct pattern_look *look, enum test_control control, const double *values)
{
	switch (control) {
	case TEST_BRIGHTNESS:
		look->brightness = values[0];
		break;
	case TEST_CONTRAST:
		look->contrast = values[0];
		break;
	case TEST_AWB_GAINS:
		look->red = values[0] - 1;
		look->blue = values[1] - 1;
		break;
	case TEST_HFLIP:
		look->hflip = values[0] != 0;
		break;
	case TEST_VFLIP:
		look->vflip = values[0] != 0;
		break;
	}
}

static int test_set_control(struct source *src, const char *name, const double *values,
			    unsigned count, struct error *err)
{
	struct source_test *test = test_of(src);
	size_t i = 0;

	while (i < ARRAY_SIZE(controls) && strcmp(controls[i].name, name) != 0)
		i++;
	if (i == ARRAY_SIZE(controls))
		return error_set(err, -ENOTSUP, "the test pattern has no control '%s'", name);
	if (!source_control_takes(&controls[i], values, count))
		return error_set(err, -ERANGE, "%s is %u of %g to %g", name,
				 source_value_count(controls[i].value_count), controls[i].min,
				 controls[i].max);
	change_look(&test->look, (enum test_control)i, values);
	pattern_set_look(test->pattern, &test->look);
	return 0;
}

static int test_set_fps(struct source *src, unsigned fps_milli)
{
	struct source_test *test = test_of(src);

	if (fps_milli < FPS_MIN_MILLI || fps_milli > FPS_MAX_MILLI)
		return -ERANGE;
	pace_change(&test->pace, fps_milli, &test->tick);
	test->format.fps_milli = fps_milli;
	pace_wake_at(&test->pace, ready_us(test, fault_now()));
	return 0;
}

static bool test_is_present(void)
{
	return true;
}

const struct source_ops source_test_ops = {
	.name = "test",
	.probe = test_probe,
	.open = test_open,
	.close = test_close,
	.get_format = test_get_format,
	.get_fd = test_get_fd,
	.dequeue = test_dequeue,
	.release = test_release,
	.set_control = test_set_control,
	.set_fps = test_set_fps,
	.set_fault = test_set_fault,
	.is_present = test_is_present,
};
