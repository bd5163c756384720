/* What a V4L2 device says that it can do, and its controls. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "streamer/v4l2caps.h"
#include "streamer/v4l2ctl.h"
#include "streamer/v4l2find.h"
#include "tests/unit/fake_v4l2.h"

const struct source_ops *const source_backends[] = {NULL};

#define YUYV V4L2_PIX_FMT_YUYV
#define JPEG V4L2_PIX_FMT_MJPEG
#define H264 V4L2_PIX_FMT_H264

/* As most USB cameras are: raw pictures are slow where they are large. */
static const struct fake_mode webcam[] = {
	{.fourcc = V4L2_PIX_FMT_SBGGR8, 640, 480, {{1, 30}}},
	{.fourcc = YUYV, 640, 480, {{1, 30}, {1, 15}, {1, 5}}},
	{.fourcc = YUYV, 1280, 720, {{1, 10}, {1, 5}}},
	{.fourcc = YUYV, 1920, 1080, {{1, 5}}},
	{.fourcc = YUYV, 351, 289, {{1, 30}}},
	{.fourcc = JPEG, 640, 480, {{1, 60}, {1, 30}}},
	{.fourcc = JPEG, 1280, 720, {{1001, 30000}, {1, 15}}},
	{.fourcc = JPEG, 1920, 1080, {{1, 15}}},
	{.fourcc = H264, 1920, 1080, {{1, 30}, {1, 15}}},
};

static struct v4l2dev open_fake(void)
{
	struct v4l2dev dev;
	struct error err = {0};

	assert_int_equal(v4l2dev_open(&dev, "/dev/video0", &err), 0);
	return dev;
}

static void begin_webcam(void)
{
	fake_begin(webcam, ARRAY_SIZE(webcam));
}

static const struct source_mode *mode_of(const struct source_caps *caps, unsigned width)
{
	for (unsigned i = 0; i < caps->mode_count; i++)
		if (caps->modes[i].width_min <= width && caps->modes[i].width_max >= width)
			return &caps->modes[i];
	fail_msg("no width %u", width);
	return NULL;
}

static void read_caps(struct v4l2caps *own, struct source_caps *told)
{
	struct v4l2dev dev = open_fake();

	memset(told, 0, sizeof(*told));
	v4l2caps_read(&dev, own);
	v4l2caps_tell(own, told);
	v4l2dev_close(&dev);
	fake_end();
}

static void each_size_is_told_once_with_the_best_rate(void **state)
{
	UNUSED_STATE(state);
	struct source_caps told;
	struct v4l2caps own;

	begin_webcam();
	read_caps(&own, &told);
	assert_int_equal(told.mode_count, 3); /* odd ones cannot be 4:2:0, Bayer is not known */
	assert_false(told.encoded);
	assert_int_equal(mode_of(&told, 640)->fps_max_milli, 60000);
	assert_int_equal(mode_of(&told, 1280)->fps_max_milli, 30000); /* 29.97 by its name */
	assert_int_equal(mode_of(&told, 1920)->fps_max_milli, 30000);
	assert_true(source_caps_have(&told, 640, 480, 7000)); /* by leaving pictures out */
	assert_false(source_caps_have(&told, 640, 480, 61000));
	assert_false(source_caps_have(&told, 351, 289, 0));
}

static uint32_t choose(unsigned width, unsigned height, unsigned fps_milli, bool encoded)
{
	struct source_config cfg = {
		.width = width,
		.height = height,
		.fps_milli = fps_milli,
		.encoded = encoded,
	};
	struct source_caps told;
	struct v4l2caps own;

	read_caps(&own, &told);
	const struct v4l2mode *mode = v4l2caps_choose(&own, &cfg);
	return mode != NULL ? mode->fourcc : 0;
}

static void raw_is_taken_where_it_is_fast_enough_then_jpeg_then_h264(void **state)
{
	UNUSED_STATE(state);
	begin_webcam();
	assert_int_equal(choose(640, 480, 30000, false), YUYV);
	assert_int_equal(choose(640, 480, 60000, false), JPEG);
	assert_int_equal(choose(1280, 720, 10000, false), YUYV);
	assert_int_equal(choose(1280, 720, 30000, false), JPEG);
	assert_int_equal(choose(1920, 1080, 5000, false), YUYV);
	assert_int_equal(choose(1920, 1080, 15000, false), JPEG);
	assert_int_equal(choose(1920, 1080, 30000, false), H264);
	assert_int_equal(choose(1920, 1080, 60000, false), H264); /* nearest to it */
	assert_int_equal(choose(1280, 720, 0, false), JPEG);
	assert_int_equal(choose(1000, 720, 30000, false), 0);
}

static void own_h264_is_taken_where_it_is_asked_for(void **state)
{
	UNUSED_STATE(state);
	begin_webcam();
	assert_int_equal(choose(1920, 1080, 5000, true), H264);
	assert_int_equal(choose(640, 480, 30000, true), YUYV); /* it has none */
}

static void camera_with_nothing_but_h264_says_so(void **state)
{
	UNUSED_STATE(state);
	static const struct fake_mode modes[] = {{.fourcc = H264, 1280, 720, {{1, 30}, {1, 15}}}};
	struct source_caps told;
	struct v4l2caps own;

	fake_begin(modes, 1);
	read_caps(&own, &told);
	assert_true(told.encoded);
	assert_int_equal(told.modes[0].fps_min_milli, 15000); /* none of it can be left out */
}

static void ranges_are_told_with_their_even_sizes(void **state)
{
	UNUSED_STATE(state);
	static const struct fake_mode modes[] = {
		{.fourcc = V4L2_PIX_FMT_NV12,
		 .width = 33,
		 .height = 33,
		 .intervals = {{1, 60}, {1, 1}},
		 .width_max = 4001,
		 .height_max = 3001,
		 .step = 1},
		{.fourcc = V4L2_PIX_FMT_YUV420,
		 .width = 48,
		 .height = 32,
		 .intervals = {{1, 30}, {1, 1}},
		 .width_max = 2048,
		 .height_max = 1536,
		 .step = 16},
		{.fourcc = V4L2_PIX_FMT_GREY,
		 .width = 5,
		 .height = 5,
		 .intervals = {{1, 30}, {1, 1}},
		 .width_max = 99,
		 .height_max = 99,
		 .step = 2},
	};
	struct source_caps told;
	struct v4l2caps own;

	fake_begin(modes, ARRAY_SIZE(modes));
	read_caps(&own, &told);
	assert_int_equal(told.mode_count, 2); /* the third has odd sizes only */
	assert_true(source_caps_have(&told, 34, 34, 60000));
	assert_true(source_caps_have(&told, 4000, 3000, 60000));
	assert_false(source_caps_have(&told, 35, 34, 60000));
	assert_false(source_caps_have(&told, 4002, 3000, 60000));
	assert_int_equal(told.modes[0].width_step, 2);
	assert_int_equal(told.modes[1].width_step, 16);
	assert_int_equal(choose(640, 480, 30000, false), V4L2_PIX_FMT_YUV420);
	assert_int_equal(choose(640, 480, 60000, false), V4L2_PIX_FMT_NV12);
}

/* vivid's TV input: larger than anybody takes. */
static void range_beyond_what_we_take_is_cut_not_refused(void **state)
{
	UNUSED_STATE(state);
	static const struct fake_mode modes[] = {
		{.fourcc = V4L2_PIX_FMT_YUV420,
		 .width = 16,
		 .height = 16,
		 .intervals = {{1, 25}, {1, 25}},
		 .width_max = 16384,
		 .height_max = 8640,
		 .step = 2},
	};
	struct source_caps told;
	struct v4l2caps own;

	fake_begin(modes, ARRAY_SIZE(modes));
	read_caps(&own, &told);
	assert_int_equal(told.mode_count, 1);
	assert_int_equal(told.modes[0].width_max, 8192);
	assert_int_equal(told.modes[0].height_max, 8192);
	assert_int_equal(choose(320, 240, 25000, false), V4L2_PIX_FMT_YUV420);
}

static void driver_that_lists_nothing_has_what_it_is_set_to(void **state)
{
	UNUSED_STATE(state);
	static const struct fake_mode modes[] = {{.fourcc = YUYV, 0, 0}};
	struct source_caps told;
	struct v4l2caps own;

	fake_begin(modes, 1);
	fake.sizes_untold = true;
	fake.width = 720;
	fake.height = 576;
	fake.interval = (struct v4l2_fract){1, 25};
	read_caps(&own, &told);
	assert_int_equal(told.mode_count, 1);
	assert_true(source_caps_have(&told, 720, 576, 25000));
	assert_int_equal(told.modes[0].fps_max_milli, 25000);
}

static void slowest_rate_that_is_fast_enough_is_asked_for(void **state)
{
	UNUSED_STATE(state);
	begin_webcam();
	struct v4l2dev dev = open_fake();

	assert_int_equal(v4l2caps_choose_fps(&dev, YUYV, 640, 480, 30000), 30000);
	assert_int_equal(v4l2caps_choose_fps(&dev, YUYV, 640, 480, 20000), 30000);
	assert_int_equal(v4l2caps_choose_fps(&dev, YUYV, 640, 480, 15000), 15000);
	assert_int_equal(v4l2caps_choose_fps(&dev, YUYV, 640, 480, 1000), 5000);
	assert_int_equal(v4l2caps_choose_fps(&dev, YUYV, 640, 480, 60000), 30000);
	assert_int_equal(v4l2caps_choose_fps(&dev, JPEG, 1280, 720, 30000), 29970);
	assert_int_equal(v4l2caps_choose_fps(&dev, H264, 640, 480, 30000), 30000); /* untold */
	v4l2dev_close(&dev);
}

/* --- devices that are none for us */

static void open_fails(int code, const char *words)
{
	struct v4l2dev dev;
	struct error err = {0};

	assert_int_equal(v4l2dev_open(&dev, "/dev/video0", &err), code);
	if (strstr(err.text, words) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, words);
	assert_int_equal(dev.fd, -1);
	fake_end();
}

static void what_is_no_camera_is_refused_in_words(void **state)
{
	UNUSED_STATE(state);
	begin_webcam();
	fake.capabilities = V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING;
	open_fails(-ENODEV, "captures no pictures");
	fake.capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_READWRITE;
	open_fails(-ENOTSUP, "cannot stream");
	fake.capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_IO_MC;
	open_fails(-ENOTSUP, "libcamera");
	begin_webcam();
	fake.input_capabilities = V4L2_IN_CAP_DV_TIMINGS;
	open_fails(-ENOTSUP, "DV timings");
	begin_webcam();
	fake.fail_open = EACCES;
	open_fails(-EACCES, "group 'video'");
	fake.fail_open = EBUSY;
	open_fails(-EBUSY, "in use by");
	fake.fail_open = ENXIO;
	open_fails(-ENODEV, "no camera");
	fake.fail_open = EMFILE;
	open_fails(-EMFILE, "/dev/video0");
}

/* --- controls */

static struct fake_control controls[] = {
	{.id = V4L2_CID_USER_CLASS,
	 V4L2_CTRL_TYPE_CTRL_CLASS,
	 V4L2_CTRL_FLAG_READ_ONLY,
	 "User Controls"},
	{.id = V4L2_CID_BRIGHTNESS, V4L2_CTRL_TYPE_INTEGER, 0, "Brightness", -64, 64, 1, 0, 5},
	{.id = V4L2_CID_AUTO_WHITE_BALANCE,
	 V4L2_CTRL_TYPE_BOOLEAN,
	 0,
	 "White Balance, Automatic",
	 0,
	 1,
	 1,
	 1,
	 1},
	{.id = V4L2_CID_RED_BALANCE,
	 V4L2_CTRL_TYPE_INTEGER,
	 V4L2_CTRL_FLAG_DISABLED,
	 "Red",
	 0,
	 1,
	 1,
	 0,
	 0},
	{.id = V4L2_CID_POWER_LINE_FREQUENCY,
	 V4L2_CTRL_TYPE_MENU,
	 0,
	 "Power Line Frequency",
	 0,
	 2,
	 1,
	 1,
	 2,
	 {"Disabled", "50 Hz", "60 Hz"}},
	{.id = V4L2_CID_EXPOSURE_AUTO,
	 V4L2_CTRL_TYPE_MENU,
	 0,
	 "Auto Exposure",
	 0,
	 3,
	 1,
	 3,
	 3,
	 {NULL, "Manual Mode", NULL, "Aperture Priority Mode"}},
	{.id = V4L2_CID_EXPOSURE_ABSOLUTE,
	 V4L2_CTRL_TYPE_INTEGER,
	 V4L2_CTRL_FLAG_INACTIVE,
	 "Exposure Time, Absolute",
	 3,
	 2047,
	 1,
	 250,
	 250},
	{.id = V4L2_CID_FOCUS_RELATIVE,
	 V4L2_CTRL_TYPE_INTEGER,
	 V4L2_CTRL_FLAG_WRITE_ONLY,
	 "Focus, Relative",
	 -5,
	 5,
	 1,
	 0,
	 0},
	{.id = V4L2_CID_PRIVACY,
	 V4L2_CTRL_TYPE_BOOLEAN,
	 V4L2_CTRL_FLAG_READ_ONLY,
	 "Privacy",
	 0,
	 1,
	 1,
	 0,
	 1},
	{.id = V4L2_CID_AUTO_EXPOSURE_BIAS,
	 V4L2_CTRL_TYPE_INTEGER_MENU,
	 0,
	 "Auto Exposure, Bias",
	 0,
	 2,
	 1,
	 1,
	 1,
	 {"-", "-", "-"}},
	{.id = 0x0a000001, V4L2_CTRL_TYPE_BUTTON, 0, "Reset", 0, 0, 0, 0, 0},
	{.id = 0x0a000002, V4L2_CTRL_TYPE_INTEGER64, 0, "Long  One!", 0, INT64_C(1) << 40, 1, 0, 7},
	{.id = 0x0a000003, V4L2_CTRL_TYPE_BITMASK, 0, "Bits", 0, 0xFFFFFFFF, 0, 0, 0x80000001},
	{.id = 0x0a000004, V4L2_CTRL_TYPE_INTEGER, 0, "bits", 0, 1, 1, 0, 0},
	{.id = 0x0a000005, V4L2_CTRL_TYPE_STRING, 0, "Text", 0, 8, 1, 0, 0},
};

static struct v4l2dev begin_controls(struct source_caps *caps)
{
	begin_webcam();
	fake.controls = controls;
	fake.control_count = ARRAY_SIZE(controls);
	struct v4l2dev dev = open_fake();
	memset(caps, 0, sizeof(*caps));
	v4l2ctl_read(&dev, caps);
	return dev;
}

static const struct source_control *control_of(const struct source_caps *caps, const char *name)
{
	for (unsigned i = 0; i < caps->control_count; i++)
		if (strcmp(caps->controls[i].name, name) == 0)
			return &caps->controls[i];
	fail_msg("no control %s", name);
	return NULL;
}

static void controls_have_our_names_units_and_limits(void **state)
{
	UNUSED_STATE(state);
	struct source_caps caps;
	struct v4l2dev dev = begin_controls(&caps);

	assert_int_equal(caps.control_count, 10);
	const struct source_control *c = control_of(&caps, "brightness");
	assert_true(c->value == 5 && c->min == -64 && c->max == 64 && c->step == 1);
	assert_true(c->default_value == 0 && c->type == SOURCE_CONTROL_INTEGER && c->writable);
	assert_int_equal(control_of(&caps, "awb")->type, SOURCE_CONTROL_BOOL);
	c = control_of(&caps, "exposure_us");
	assert_true(c->value == 25000 && c->min == 300 && c->max == 204700 && c->step == 100);
	assert_string_equal(c->unit, "us");
	assert_true(c->writable); /* once auto_exposure lets it */
	assert_false(control_of(&caps, "privacy")->writable);
	assert_true(control_of(&caps, "focus_relative")->value == 0);
	assert_true(control_of(&caps, "long_one")->value == 7);
	assert_true(control_of(&caps, "long_one")->max == 1099511627776.0);
	assert_true(control_of(&caps, "bits")->value == 2147483649.0);
	v4l2dev_close(&dev);
}

static void menus_have_the_items_that_are_there(void **state)
{
	UNUSED_STATE(state);
	struct source_caps caps;
	struct v4l2dev dev = begin_controls(&caps);

	const struct source_control *c = control_of(&caps, "power_line_frequency");
	assert_int_equal(c->menu_count, 3);
	assert_string_equal(caps.menu[c->menu_first + 1].name, "50 Hz");
	c = control_of(&caps, "auto_exposure");
	assert_int_equal(c->menu_count, 2);
	assert_int_equal(caps.menu[c->menu_first].value, 1);
	assert_int_equal(caps.menu[c->menu_first + 1].value, 3);
	assert_string_equal(caps.menu[c->menu_first + 1].name, "Aperture Priority Mode");
	c = control_of(&caps, "auto_exposure_bias");
	assert_string_equal(caps.menu[c->menu_first + 2].name, "200");
	assert_int_equal(control_of(&caps, "brightness")->menu_count, 0);
	v4l2dev_close(&dev);
}

static int set_one(const struct v4l2dev *dev, const char *name, double value, struct error *err)
{
	return v4l2ctl_set(dev, name, &value, 1, err);
}

static void values_are_set_in_the_drivers_units(void **state)
{
	UNUSED_STATE(state);
	struct source_caps caps;
	struct v4l2dev dev = begin_controls(&caps);
	struct fake_control *exposure = fake_control_of(V4L2_CID_EXPOSURE_ABSOLUTE);
	struct error err = {0};

	assert_int_equal(set_one(&dev, "brightness", -64, &err), 0);
	assert_int_equal(fake_control_of(V4L2_CID_BRIGHTNESS)->value, -64);
	assert_int_equal(set_one(&dev, "exposure_us", 5000, &err), -EACCES);
	assert_non_null(strstr(err.text, "another control"));
	exposure->flags = 0;
	assert_int_equal(set_one(&dev, "exposure_us", 5000, &err), 0);
	assert_int_equal(exposure->value, 50);
	exposure->flags = V4L2_CTRL_FLAG_INACTIVE;
	assert_int_equal(set_one(&dev, "long_one", 1099511627776.0, &err), 0);
	assert_int_equal(fake_control_of(0x0a000002)->value, INT64_C(1) << 40);
	assert_int_equal(set_one(&dev, "bits", 4294967295.0, &err), 0);
	assert_int_equal((uint32_t)fake_control_of(0x0a000003)->value, 0xFFFFFFFF);
	assert_int_equal(set_one(&dev, "brightness", 65, &err), -ERANGE);
	assert_int_equal(set_one(&dev, "brightness", NAN, &err), -ERANGE);
	assert_int_equal(set_one(&dev, "auto_exposure", 2, &err), -ERANGE);
	assert_int_equal(v4l2ctl_set(&dev, "brightness", (const double[]){1, 1}, 2, &err), -ERANGE);
	assert_int_equal(set_one(&dev, "reset", 1, &err), -ENOTSUP);
	assert_int_equal(set_one(&dev, "zoom", 1, &err), -ENOTSUP);
	v4l2dev_close(&dev);
	fake_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_size_is_told_once_with_the_best_rate),
		cmocka_unit_test(raw_is_taken_where_it_is_fast_enough_then_jpeg_then_h264),
		cmocka_unit_test(own_h264_is_taken_where_it_is_asked_for),
		cmocka_unit_test(camera_with_nothing_but_h264_says_so),
		cmocka_unit_test(ranges_are_told_with_their_even_sizes),
		cmocka_unit_test(range_beyond_what_we_take_is_cut_not_refused),
		cmocka_unit_test(driver_that_lists_nothing_has_what_it_is_set_to),
		cmocka_unit_test(slowest_rate_that_is_fast_enough_is_asked_for),
		cmocka_unit_test(what_is_no_camera_is_refused_in_words),
		cmocka_unit_test(controls_have_our_names_units_and_limits),
		cmocka_unit_test(menus_have_the_items_that_are_there),
		cmocka_unit_test(values_are_set_in_the_drivers_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
