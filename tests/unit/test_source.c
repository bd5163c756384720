#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/pattern.h"
#include "streamer/source.h"
#include "tests/unit/wait_frame.h"

const struct source_ops *const source_backends[] = {&source_test_ops, NULL};

static struct source *open_test(unsigned width, unsigned height, unsigned fps_milli)
{
	struct source_config cfg = {.width = width, .height = height, .fps_milli = fps_milli};
	struct source *src = NULL;
	struct error err = {0};

	assert_int_equal(source_open(source_find("test"), &cfg, &src, &err), 0);
	return src;
}

static uint32_t frame_number(const struct frame *frame)
{
	struct pattern_clock clock;

	assert_true(pattern_read_clock(frame->plane[0].data, frame->plane[0].stride, frame->width,
				       frame->height, &clock));
	assert_int_equal(clock.time_ms, (uint32_t)(clock_wire_us(frame->pts_us) / 1000));
	return clock.frame;
}

static void every_mode_gives_frames_that_rise(void **state)
{
	UNUSED_STATE(state);
	static const unsigned fps[] = {5000, 30000, 60000};
	struct source_caps caps;
	struct error err = {0};
	uint32_t number = 0;

	assert_int_equal(source_probe(&source_test_ops, "", &caps, &err), 0);
	assert_string_equal(caps.name, "Test pattern");
	assert_string_equal(caps.backend, "test");
	assert_false(caps.encoded);
	for (unsigned i = 0; i < caps.mode_count; i++) {
		struct source *src = open_test(caps.modes[i].width_min, caps.modes[i].height_min,
					       fps[i % ARRAY_SIZE(fps)]);
		int64_t pts_us = 0;
		for (unsigned n = 0; n < 3; n++) {
			struct frame frame;
			assert_int_equal(wait_frame(src, &frame), 0);
			assert_int_equal(frame.width, caps.modes[i].width_min);
			assert_int_equal(frame.height, caps.modes[i].height_min);
			assert_int_equal(frame.fourcc, FRAME_I420);
			assert_true(frame.pts_us > pts_us);
			assert_true(frame.pts_us <= clock_now_us());
			pts_us = frame.pts_us;
			if (frame.width >= 320) {
				assert_true(frame_number(&frame) > number);
				number = frame_number(&frame);
			}
			source_release(src, frame.index);
		}
		source_close(src);
	}
}

static void times_stay_on_the_grid_of_the_rate(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_test(320, 240, 60000);
	struct frame frame;

	assert_int_equal(wait_frame(src, &frame), 0);
	int64_t first_us = frame.pts_us;
	source_release(src, frame.index);
	for (unsigned n = 0; n < 30; n++) {
		assert_int_equal(wait_frame(src, &frame), 0);
		/* A multiple of 1/60 s, but for rounding. */
		int64_t off_us = ((frame.pts_us - first_us) * 60) % 1000000;
		assert_true(off_us < 120 || off_us > 1000000 - 120);
		source_release(src, frame.index);
	}
	source_close(src);
}

static void own_format_is_given_where_none_is_asked(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_test(0, 0, 0);
	struct source_format format;

	source_get_format(src, &format);
	assert_int_equal(format.width, 1280);
	assert_int_equal(format.height, 720);
	assert_int_equal(format.fps_milli, 30000);
	assert_int_equal(format.fourcc, FRAME_I420);
	source_close(src);
}

static void what_it_cannot_do_is_refused_with_words(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		struct source_config cfg;
		int code;
		const char *words;
	} cases[] = {
		{{.width = 641, .height = 480}, -EINVAL, "641x480"},
		{{.width = 4096, .height = 2304}, -EINVAL, "4096x2304"},
		{{.width = 640, .height = 480, .fps_milli = 60001}, -EINVAL, "60 frames"},
		{{.width = 640, .height = 480, .fps_milli = 4999}, -EINVAL, "5 to"},
		{{.device = "/dev/video0"}, -ENODEV, "/dev/video0"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct source *src = NULL;
		struct error err = {0};
		assert_int_equal(source_open(&source_test_ops, &cases[i].cfg, &src, &err),
				 cases[i].code);
		assert_non_null(strstr(err.text, cases[i].words));
		assert_null(src);
	}
}

static void pace_changes_while_it_runs(void **state)
{
	UNUSED_STATE(state);
	static const unsigned rates_milli[] = {20000, 60000, 5000, 29970};
	struct source *src = open_test(320, 240, 60000);
	struct source_format format;
	struct frame frame;

	assert_int_equal(wait_frame(src, &frame), 0);
	source_release(src, frame.index);
	for (size_t i = 0; i < ARRAY_SIZE(rates_milli); i++) {
		int64_t before_us = frame.pts_us;
		int64_t period_us = 1000000000 / rates_milli[i];
		assert_int_equal(source_set_fps(src, rates_milli[i]), 0);
		source_get_format(src, &format);
		assert_int_equal(format.fps_milli, rates_milli[i]);
		/* In the new time already the first, if some may be missed on a busy machine. */
		assert_int_equal(wait_frame(src, &frame), 0);
		int64_t rest_us = (frame.pts_us - before_us) % period_us;
		assert_true(frame.pts_us - before_us >= period_us - 50);
		assert_true(rest_us < 50 || rest_us > period_us - 50);
		source_release(src, frame.index);
	}
	assert_true(source_set_fps(src, 60001) < 0);
	assert_true(source_set_fps(src, 4999) < 0);
	source_close(src);
}

static void frame_without_a_buffer_is_skipped_but_counted(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_test(320, 240, 60000);
	struct frame frame, lent[32];
	unsigned count = 0;

	assert_int_equal(wait_frame(src, &lent[count++]), 0);
	uint32_t last = frame_number(&lent[0]);
	/* Keep all, until nothing comes any more for some frame times. */
	for (unsigned empty = 0; empty < 3;) {
		struct pollfd pfd = {.fd = source_fd(src), .events = POLLIN};
		assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
		if (source_dequeue(src, &frame) < 0) {
			empty++;
			continue;
		}
		assert_true(count < ARRAY_SIZE(lent));
		lent[count++] = frame;
		last = frame_number(&frame);
		empty = 0;
	}
	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(lent[i].index, lent[j].index);
	source_release(src, lent[0].index);
	assert_int_equal(wait_frame(src, &frame), 0);
	assert_true(frame_number(&frame) > last + 1);
	source_close(src);
}

static void act_out(enum source_fault fault)
{
	struct error err = {0};

	assert_int_equal(source_set_fault(&source_test_ops, fault, &err), 0);
}

static void unplugged_one_stays_away_until_it_is_plugged_in(void **state)
{
	UNUSED_STATE(state);
	struct source_config cfg = {.width = 320, .height = 240, .fps_milli = 60000};
	struct source *src = open_test(320, 240, 60000);
	struct source_caps caps;
	struct error err = {0};
	struct frame frame;

	assert_int_equal(wait_frame(src, &frame), 0);
	uint32_t before = frame_number(&frame);
	source_release(src, frame.index);
	act_out(SOURCE_FAULT_UNPLUG);
	assert_int_equal(wait_frame(src, &frame), -ENODEV);
	source_close(src);
	src = NULL;
	assert_int_equal(source_open(&source_test_ops, &cfg, &src, &err), -ENODEV);
	assert_null(src);
	assert_non_null(strstr(err.text, "unplugged"));
	assert_int_equal(source_probe(&source_test_ops, "", &caps, &err), -ENODEV);

	act_out(SOURCE_FAULT_NONE);
	src = open_test(320, 240, 60000);
	assert_int_equal(wait_frame(src, &frame), 0);
	assert_true(frame_number(&frame) > before);
	source_close(src);
}

static void stalled_one_gives_nothing_until_it_is_over(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_test(320, 240, 60000);
	struct frame frame;

	act_out(SOURCE_FAULT_STALL);
	for (unsigned i = 0; i < 5; i++) {
		struct pollfd pfd = {.fd = source_fd(src), .events = POLLIN};
		assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
		assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
	}
	act_out(SOURCE_FAULT_NONE);
	assert_int_equal(wait_frame(src, &frame), 0);
	source_close(src);
}

static void slow_one_gives_a_fifth_of_the_frames(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_test(320, 240, 60000);
	struct frame first, second;

	act_out(SOURCE_FAULT_SLOW);
	assert_int_equal(wait_frame(src, &first), 0);
	assert_int_equal(wait_frame(src, &second), 0);
	act_out(SOURCE_FAULT_NONE);
	assert_true(second.pts_us - first.pts_us >= 5 * 16666);
	source_close(src);
}

static void burst_comes_five_at_a_time(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_test(320, 240, 30000);
	struct frame frame;
	int64_t pts_us = 0;

	act_out(SOURCE_FAULT_BURST);
	for (unsigned n = 0; n < 10; n++) {
		/* Nobody waits inside a bunch. */
		int r = n % 5 == 0 ? wait_frame(src, &frame) : source_dequeue(src, &frame);
		assert_int_equal(r, 0);
		if (n % 5 != 0)
			assert_in_range(frame.pts_us - pts_us, 33333, 33334);
		pts_us = frame.pts_us;
		source_release(src, frame.index);
	}
	act_out(SOURCE_FAULT_NONE);
	source_close(src);
}

/* At column 39 of the upper left patch, as a neutral look has it. */
static unsigned first_patch_luma(const struct frame *frame)
{
	struct pattern_clock clock;

	assert_true(pattern_read_clock(frame->plane[0].data, frame->plane[0].stride, frame->width,
				       frame->height, &clock));
	return pattern_patch(0, clock.frame).y + pattern_gradient(39, frame->width, clock.frame);
}

static int set_one(struct source *src, const char *name, double value, struct error *err)
{
	return source_set_control(src, name, &value, 1, err);
}

static void controls_change_the_picture(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_test(640, 480, 60000);
	struct error err = {0};
	struct frame frame;

	assert_int_equal(set_one(src, "hflip", 1, &err), 0);
	assert_int_equal(wait_frame(src, &frame), 0);
	assert_int_equal(frame.plane[0].data[60 * 640 + 600], first_patch_luma(&frame));
	source_release(src, frame.index);
	assert_int_equal(set_one(src, "hflip", 0, &err), 0);
	assert_int_equal(set_one(src, "brightness", 0.25, &err), 0);
	assert_int_equal(wait_frame(src, &frame), 0);
	assert_int_equal(frame.plane[0].data[60 * 640 + 39], first_patch_luma(&frame) + 32);
	source_close(src);
}

/* Of the upper left patch. */
static void assert_tint(const struct frame *frame, int red, int blue)
{
	struct pattern_clock clock;
	size_t at = 30 * 320 + 19;

	assert_true(pattern_read_clock(frame->plane[0].data, frame->plane[0].stride, frame->width,
				       frame->height, &clock));
	struct pattern_colour colour = pattern_patch(0, clock.frame);
	assert_int_equal(frame->plane[1].data[at], max_i64(16, min_i64(240, colour.cb + blue)));
	assert_int_equal(frame->plane[2].data[at], max_i64(16, min_i64(240, colour.cr + red)));
}

static void gains_colour_the_picture_each_in_its_way(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		double gains[2];
		int red, blue;
	} cases[] = {{{1, 1}, 0, 0}, {{1.5, 0.75}, 56, -28}, {{0, 2}, -112, 112}};
	struct source *src = open_test(640, 480, 60000);
	struct error err = {0};
	struct frame frame;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(source_set_control(src, "awb_gains", cases[i].gains, 2, &err), 0);
		assert_int_equal(wait_frame(src, &frame), 0);
		assert_tint(&frame, cases[i].red, cases[i].blue);
		assert_int_equal(frame.plane[1].data[0], 128); /* the clock stays grey */
		source_release(src, frame.index);
	}
	source_close(src);
}

static void assert_limits(struct source *src, const struct source_control *c)
{
	unsigned count = source_value_count(c->value_count);
	double bad[] = {c->min - 0.1, c->max + 0.1, (double)NAN};
	double values[SOURCE_VALUES_MAX + 1];
	struct error err = {0};

	for (unsigned i = 0; i < ARRAY_SIZE(values); i++)
		values[i] = c->min;
	assert_int_equal(source_set_control(src, c->name, values, count, &err), 0);
	assert_int_equal(source_set_control(src, c->name, values, count - 1, &err), -ERANGE);
	assert_int_equal(source_set_control(src, c->name, values, count + 1, &err), -ERANGE);
	for (unsigned i = 0; i < count; i++) {
		values[i] = c->max;
		assert_int_equal(source_set_control(src, c->name, values, count, &err), 0);
		for (size_t n = 0; n < ARRAY_SIZE(bad); n++) {
			values[i] = bad[n];
			assert_int_equal(source_set_control(src, c->name, values, count, &err),
					 -ERANGE);
			assert_non_null(strstr(err.text, c->name));
		}
		values[i] = c->min;
	}
}

static void controls_have_limits(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_test(320, 240, 60000);
	struct source_caps caps;
	struct error err = {0};

	assert_int_equal(source_probe(&source_test_ops, "", &caps, &err), 0);
	assert_int_equal(caps.control_count, 5);
	for (unsigned i = 0; i < caps.control_count; i++)
		assert_limits(src, &caps.controls[i]);
	assert_int_equal(set_one(src, "gain", 1, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "gain"));
	source_close(src);
}

static void backend_is_found_by_its_name(void **state)
{
	UNUSED_STATE(state);
	assert_ptr_equal(source_find("test"), &source_test_ops);
	assert_null(source_find("tes"));
	assert_null(source_find(""));
	source_close(NULL);
}

static void fault_words_go_both_ways(void **state)
{
	UNUSED_STATE(state);
	enum source_fault fault = SOURCE_FAULT_SLOW;

	for (unsigned i = SOURCE_FAULT_NONE; i <= SOURCE_FAULT_BURST; i++) {
		assert_int_equal(source_fault_parse(source_fault_word((enum source_fault)i),
						    &fault),
				 0);
		assert_int_equal(fault, i);
	}
	assert_int_equal(source_fault_parse("fire", &fault), -EINVAL);
	assert_int_equal(fault, SOURCE_FAULT_BURST);
}

static const struct source_caps some_caps = {
	.mode_count = 3,
	.modes =
		{
			{640, 640, 0, 480, 480, 0, 5000, 30000},
			{1280, 1280, 0, 720, 720, 0, 5000, 60000},
			{64, 4056, 2, 64, 3040, 4, 1000, 10000},
		},
};

static void modes_are_found_singly_and_in_ranges(void **state)
{
	UNUSED_STATE(state);
	static const struct source_caps none;

	assert_true(source_caps_have(&some_caps, 640, 480, 0));
	assert_true(source_caps_have(&some_caps, 640, 480, 30000));
	assert_false(source_caps_have(&some_caps, 640, 480, 30001));
	assert_true(source_caps_have(&some_caps, 1280, 720, 60000));
	assert_true(source_caps_have(&some_caps, 642, 480, 0));
	assert_false(source_caps_have(&some_caps, 642, 480, 30000));
	assert_false(source_caps_have(&some_caps, 643, 480, 0));
	assert_false(source_caps_have(&some_caps, 642, 482, 0));
	assert_false(source_caps_have(&some_caps, 4058, 480, 0));
	assert_false(source_caps_have(&none, 640, 480, 0));
}

static void nearest_modes_come_nearest_first(void **state)
{
	UNUSED_STATE(state);
	struct source_mode modes[4];

	assert_int_equal(source_caps_nearest(&some_caps, 1284, 721, modes, 4), 3);
	assert_int_equal(modes[0].width_min, 1284);
	assert_int_equal(modes[0].width_max, 1284);
	assert_int_equal(modes[0].height_min, 720);
	assert_int_equal(modes[0].width_step, 0);
	assert_int_equal(modes[1].width_min, 1280);
	assert_int_equal(modes[2].width_min, 640);

	assert_int_equal(source_caps_nearest(&some_caps, 9999, 9999, modes, 1), 1);
	assert_int_equal(modes[0].width_min, 4056);
	assert_int_equal(modes[0].height_min, 3040);
	assert_int_equal(source_caps_nearest(&some_caps, 1, 1, modes, 4), 3);
	assert_int_equal(modes[0].width_min, 64);
	assert_int_equal(source_caps_nearest(&some_caps, 0, 1, modes, 4), 0);
	assert_int_equal(source_caps_nearest(&some_caps, 640, 480, modes, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mode_gives_frames_that_rise),
		cmocka_unit_test(times_stay_on_the_grid_of_the_rate),
		cmocka_unit_test(own_format_is_given_where_none_is_asked),
		cmocka_unit_test(what_it_cannot_do_is_refused_with_words),
		cmocka_unit_test(pace_changes_while_it_runs),
		cmocka_unit_test(frame_without_a_buffer_is_skipped_but_counted),
		cmocka_unit_test(unplugged_one_stays_away_until_it_is_plugged_in),
		cmocka_unit_test(stalled_one_gives_nothing_until_it_is_over),
		cmocka_unit_test(slow_one_gives_a_fifth_of_the_frames),
		cmocka_unit_test(burst_comes_five_at_a_time),
		cmocka_unit_test(controls_change_the_picture),
		cmocka_unit_test(gains_colour_the_picture_each_in_its_way),
		cmocka_unit_test(controls_have_limits),
		cmocka_unit_test(backend_is_found_by_its_name),
		cmocka_unit_test(fault_words_go_both_ways),
		cmocka_unit_test(modes_are_found_singly_and_in_ranges),
		cmocka_unit_test(nearest_modes_come_nearest_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
