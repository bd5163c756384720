/* Which packets are messages. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "streamer/capproto.h"

static union capproto_message msg;

static void be(uint32_t type)
{
	memset(&msg, 0, sizeof(msg));
	msg.type = type;
}

static int check(void)
{
	return capproto_check(&msg, capproto_size(msg.type), NULL);
}

static void be_camera(void)
{
	be(CAPPROTO_CAMERA);
	struct source_caps *caps = &msg.camera.caps;
	memcpy(caps->id, "/base/i2c@1/imx219@10", 22);
	caps->mode_count = caps->control_count = caps->menu_count = 1;
	caps->modes[0] = (struct source_mode){64, 3280, 2, 64, 2464, 2, 1000, 120000};
	caps->controls[0] = (struct source_control){.name = "awb_mode", .max = 6, .menu_count = 1};
	memcpy(caps->menu[0].name, "Tungstène", 11);
}

static void be_opened(void)
{
	be(CAPPROTO_OPENED);
	msg.opened.width = 640;
	msg.opened.height = 480;
	msg.opened.buffer_count = 4;
	msg.opened.plane_count = 1;
	msg.opened.plane[0].size = 640 * 480 * 2;
}

static void be_result(uint32_t type, int32_t code, const char *text)
{
	be(type);
	msg.result.code = code;
	memcpy(msg.result.text, text, strlen(text) + 1);
}

static void be_control(const char *name, uint32_t count, double value)
{
	be(CAPPROTO_CONTROL);
	memcpy(msg.control.name, name, strlen(name) + 1);
	msg.control.count = count;
	msg.control.value[0] = value;
}

static void message_has_exactly_its_size(void **state)
{
	UNUSED_STATE(state);
	for (uint32_t type = 0; type < 20; type++) {
		size_t size = capproto_size(type);
		be(type);
		assert_int_equal(size > 0, type >= CAPPROTO_HELLO && type <= CAPPROTO_LOST);
		assert_true(size <= sizeof(msg));
		assert_int_equal(capproto_check(&msg, size - 1, NULL), -EPROTO);
		assert_int_equal(capproto_check(&msg, size + 1, NULL), -EPROTO);
	}
	be(UINT32_MAX);
	for (size_t size = 0; size <= sizeof(msg); size++)
		assert_int_equal(capproto_check(&msg, size, NULL), -EPROTO);
}

static void what_is_right_passes(void **state)
{
	UNUSED_STATE(state);
	static const uint32_t plain[] = {CAPPROTO_HELLO,   CAPPROTO_LIST,  CAPPROTO_LISTED,
					 CAPPROTO_OPEN,    CAPPROTO_FRAME, CAPPROTO_DONE,
					 CAPPROTO_SET_FPS, CAPPROTO_RESULT};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		be(plain[i]);
		assert_int_equal(check(), 0);
	}
	be_camera();
	assert_int_equal(check(), 0);
	be_opened();
	assert_int_equal(check(), 0);
	be(CAPPROTO_BUFFER);
	msg.buffer.bytes = 1;
	assert_int_equal(check(), 0);
	be_control("gain", 1, -2.5);
	assert_int_equal(check(), 0);
	be_result(CAPPROTO_RESULT, -EBUSY, "libcamera: in use");
	assert_int_equal(check(), 0);
	be_result(CAPPROTO_LOST, -ENODEV, "gone");
	assert_int_equal(check(), 0);
}

/* One byte or number of what is right, made wrong. */
#define wrong_if(make, change)                      \
	do {                                        \
		make;                               \
		change;                             \
		assert_int_equal(check(), -EPROTO); \
	} while (false)

static void texts_end_and_have_no_control_characters(void **state)
{
	UNUSED_STATE(state);
	static const char *const bad[] = {"a\nb", "\x1b[2J", "\x7f", "\xff", "\xc3", "\xc2\x85"};
	char *name = msg.camera.caps.name;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		wrong_if(be_camera(), memcpy(name, bad[i], strlen(bad[i])));
		wrong_if(be_result(CAPPROTO_LOST, -EIO, bad[i]), (void)0);
	}
	wrong_if(be_camera(), memset(name, 'a', sizeof(msg.camera.caps.name)));
	wrong_if(be_camera(), msg.camera.caps.id[0] = '\0');
	wrong_if(be_camera(), memset(msg.camera.caps.menu[0].name, 'a', 32));
	wrong_if(be(CAPPROTO_HELLO), memset(msg.hello.libcamera, 'a', 32));
	wrong_if(be(CAPPROTO_OPEN), msg.open.id[0] = '\t');
	wrong_if(be_control("", 1, 0), (void)0);
	/* What is behind a text's end is nobody's business. */
	be_camera();
	msg.camera.caps.name[5] = '\xff';
	assert_int_equal(check(), 0);
}

static void caps_stay_within_their_arrays(void **state)
{
	UNUSED_STATE(state);
	struct source_caps *caps = &msg.camera.caps;

	wrong_if(be_camera(), caps->mode_count = SOURCE_MODES_MAX + 1);
	wrong_if(be_camera(), caps->control_count = SOURCE_CONTROLS_MAX + 1);
	wrong_if(be_camera(), caps->menu_count = SOURCE_MENU_MAX + 1);
	wrong_if(be_camera(), caps->controls[0].menu_first = 1);
	wrong_if(be_camera(), caps->controls[0].menu_first = UINT32_MAX);
	wrong_if(be_camera(), caps->controls[0].menu_count = UINT32_MAX);
	wrong_if(be_camera(), memset(&caps->encoded, 2, 1));
	wrong_if(be_camera(), memset(&caps->controls[0].writable, 255, 1));
	wrong_if(be_camera(), memset(&caps->controls[0].type, 255, 4));
	wrong_if(be_camera(), caps->controls[0].name[0] = '\0');
	wrong_if(be_camera(), caps->controls[0].max = -1);
	wrong_if(be_camera(), caps->controls[0].step = -1);
	wrong_if(be_camera(), caps->controls[0].default_value = NAN);
	wrong_if(be_camera(), caps->controls[0].value = INFINITY);
	wrong_if(be_camera(), caps->controls[0].value_count = SOURCE_VALUES_MAX + 1);
	wrong_if(be_camera(),
		 (caps->controls[0].value_count = 2, caps->controls[0].values[1] = NAN));
	wrong_if(be_camera(), caps->modes[0].width_min = 0);
	wrong_if(be_camera(), caps->modes[0].height_max = 63);
	wrong_if(be_camera(), caps->modes[0].width_max = 40000);
	wrong_if(be_camera(), caps->modes[0].height_step = 0);
	wrong_if(be_camera(), caps->modes[0].fps_min_milli = 120001);
}

static void opened_has_planes_and_buffers_that_can_be(void **state)
{
	UNUSED_STATE(state);
	wrong_if(be_opened(), msg.opened.width = 0);
	wrong_if(be_opened(), msg.opened.height = 40000);
	wrong_if(be_opened(), msg.opened.fps_milli = 1000001);
	wrong_if(be_opened(), msg.opened.full_range = 2);
	wrong_if(be_opened(), msg.opened.buffer_count = 0);
	wrong_if(be_opened(), msg.opened.buffer_count = CAPPROTO_BUFFERS_MAX + 1);
	wrong_if(be_opened(), msg.opened.plane_count = 0);
	wrong_if(be_opened(), msg.opened.plane_count = CAPPROTO_PLANES_MAX + 1);
	wrong_if(be_opened(), msg.opened.plane[0].size = 0);
	wrong_if(be_opened(), msg.opened.plane_count = 2);
	wrong_if(be_opened(), msg.opened.plane[0].offset = UINT32_MAX);
	wrong_if(be(CAPPROTO_BUFFER), msg.buffer.bytes = 0);
	wrong_if(be(CAPPROTO_BUFFER), (msg.buffer.bytes = 1, msg.buffer.dmabuf = 2));
	wrong_if(be(CAPPROTO_BUFFER), (msg.buffer.bytes = 1, msg.buffer.index = 16));
	wrong_if(be(CAPPROTO_FRAME), msg.frame.index = CAPPROTO_BUFFERS_MAX);
	wrong_if(be(CAPPROTO_FRAME), msg.frame.pts_us = -1);
	wrong_if(be(CAPPROTO_DONE), msg.done.index = CAPPROTO_BUFFERS_MAX);
}

static void orders_and_answers_have_numbers_that_can_be(void **state)
{
	UNUSED_STATE(state);
	wrong_if(be_control("gain", 0, 0), (void)0);
	wrong_if(be_control("gain", 5, 0), (void)0);
	wrong_if(be_control("gain", 1, NAN), (void)0);
	wrong_if(be_control("roi", 4, 0), msg.control.value[3] = INFINITY);
	wrong_if(be(CAPPROTO_SET_FPS), msg.set_fps.fps_milli = 1000001);
	wrong_if(be(CAPPROTO_OPEN), msg.open.fps_milli = 1000001);
	wrong_if(be(CAPPROTO_OPEN), msg.open.width = 40000);
	wrong_if(be_result(CAPPROTO_RESULT, 1, "fine"), (void)0);
	wrong_if(be_result(CAPPROTO_RESULT, -4096, "no such"), (void)0);
	wrong_if(be_result(CAPPROTO_RESULT, -EIO, ""), (void)0);
	wrong_if(be_result(CAPPROTO_LOST, 0, "lost"), (void)0);
	wrong_if(be_result(CAPPROTO_LOST, -EIO, ""), (void)0);
}

static void refusal_says_which_message_and_why(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};

	be_opened();
	msg.opened.full_range = 7;
	assert_int_equal(capproto_check(&msg, sizeof(msg.opened), &err), -EPROTO);
	assert_string_equal(err.text, "OPENED: a flag that is neither 0 nor 1");
	assert_int_equal(capproto_check(&msg, 5, &err), -EPROTO);
	assert_non_null(strstr(err.text, "OPENED: 5 bytes, not "));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_has_exactly_its_size),
		cmocka_unit_test(what_is_right_passes),
		cmocka_unit_test(texts_end_and_have_no_control_characters),
		cmocka_unit_test(caps_stay_within_their_arrays),
		cmocka_unit_test(opened_has_planes_and_buffers_that_can_be),
		cmocka_unit_test(orders_and_answers_have_numbers_that_can_be),
		cmocka_unit_test(refusal_says_which_message_and_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
