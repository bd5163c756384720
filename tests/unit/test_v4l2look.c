#include "tests/unit/unit.h"

#include <string.h>

#include "streamer/encoder.h"
#include "streamer/v4l2look.h"
#include "tests/unit/fake_m2m.h"
#include "tests/unit/fake_v4l2.h"

const struct source_ops *const source_backends[] = {NULL};
const struct encoder_ops *const encoder_backends[] = {NULL};

static const struct fake_mode camera_modes[] = {
	{.fourcc = V4L2_PIX_FMT_YUYV, .width = 640, .height = 480, .intervals = {{1, 30}}},
	{.fourcc = V4L2_PIX_FMT_MJPEG, .width = 640, .height = 480, .intervals = {{1, 30}}},
	{.fourcc = V4L2_PIX_FMT_MJPEG, .width = 1280, .height = 720, .intervals = {{1, 30}}},
};

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
	UNUSED_STATE(state);
	struct v4l2look_encoder found[4];
	struct error err = {0};

	fake_m2m_begin();
	assert_int_equal(v4l2look_encoders(found, ARRAY_SIZE(found), &err), 1);
	assert_int_equal(err.code, 0);
	assert_non_null(strstr(found[0].path, v4l2_folder));
	assert_string_not_equal(found[0].card, "");
	assert_non_null(strstr(found[0].takes, "YU12"));
	fake_m2m_end();
}

static void why_there_is_none_is_said(void **state)
{
	UNUSED_STATE(state);
	struct v4l2look_encoder found[1];
	struct error err = {0};

	fake_m2m_begin();
	fake_m2m.no_encoder = true;
	assert_int_equal(v4l2look_encoders(found, 1, &err), 0);
	assert_int_equal(err.code, -ENODEV);
	fake_m2m_end();
	fake_m2m_begin();
	fake_m2m.denied = true;
	assert_int_equal(v4l2look_encoders(found, 1, &err), 0);
	assert_int_equal(err.code, -EACCES);
	fake_m2m_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_of_a_camera_are_named_once),
		cmocka_unit_test(encoders_are_found_by_what_they_do),
		cmocka_unit_test(why_there_is_none_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
