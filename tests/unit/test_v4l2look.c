#include "tests/unit/unit.h"

#include <string.h>

#include "streamer/v4l2look.h"
#include "tests/unit/fake_v4l2.h"
#include "tests/unit/folder.h"

const struct source_ops *const source_backends[] = {NULL};

static const struct fake_mode camera_modes[] = {
	{.fourcc = V4L2_PIX_FMT_YUYV, .width = 640, .height = 480, .intervals = {{1, 30}}},
	{.fourcc = V4L2_PIX_FMT_MJPEG, .width = 640, .height = 480, .intervals = {{1, 30}}},
	{.fourcc = V4L2_PIX_FMT_MJPEG, .width = 1280, .height = 720, .intervals = {{1, 30}}},
};

static const struct fake_mode coded[] = {
	{.fourcc = V4L2_PIX_FMT_H264, .width = 640, .height = 480},
};

static void begin(void)
{
	folder_begin();
	folder_put("video11", "", 0666);
	folder_put("video2", "", 0666);
	v4l2_folder = folder_path("");
}

static void formats_of_a_camera_are_named_once(void **state)
{
	UNUSED_STATE(state);
	char words[64];

	fake_begin(camera_modes, ARRAY_SIZE(camera_modes));
	v4l2look_formats("/dev/video0", words, sizeof(words));
	assert_string_equal(words, "YUYV MJPG");
	v4l2look_formats("/dev/none", words, sizeof(words));
	assert_string_equal(words, "");
	v4l2look_formats("/dev/video0", words, 6);
	assert_string_equal(words, "YUYV ");
	fake_end();
}

static void encoders_are_found_by_what_they_do(void **state)
{
	static const struct {
		const struct fake_mode *modes;
		uint32_t capabilities;
		bool planar;
		unsigned expected;
	} cases[] = {
		{coded, V4L2_CAP_VIDEO_M2M_MPLANE | V4L2_CAP_STREAMING, true, 2},
		{coded, V4L2_CAP_VIDEO_M2M | V4L2_CAP_STREAMING, false, 2},
		{camera_modes, V4L2_CAP_VIDEO_M2M_MPLANE | V4L2_CAP_STREAMING, true, 0},
		/* A camera that makes H.264 is none. */
		{coded, V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING, false, 0},
	};
	UNUSED_STATE(state);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct v4l2look_encoder found[4];
		begin();
		fake_begin(cases[i].modes, 1);
		fake.capabilities = cases[i].capabilities;
		fake.planar = cases[i].planar;
		assert_int_equal(v4l2look_encoders(found, ARRAY_SIZE(found)), cases[i].expected);
		if (cases[i].expected > 0) {
			assert_non_null(strstr(found[0].path, "/video2"));
			assert_string_equal(found[1].card, "Fake Camera");
			assert_int_equal(v4l2look_encoders(found, 1), 1);
		}
		fake_end();
		folder_end();
	}
}

static void encoder_that_may_not_be_opened_is_left_out(void **state)
{
	UNUSED_STATE(state);
	struct v4l2look_encoder found[1];

	begin();
	fake_begin(coded, 1);
	fake.capabilities = V4L2_CAP_VIDEO_M2M_MPLANE | V4L2_CAP_STREAMING;
	fake.planar = true;
	fake.fail_open = EACCES;
	assert_int_equal(v4l2look_encoders(found, 1), 0);
	fake_end();
	folder_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_of_a_camera_are_named_once),
		cmocka_unit_test(encoders_are_found_by_what_they_do),
		cmocka_unit_test(encoder_that_may_not_be_opened_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
