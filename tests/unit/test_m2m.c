/* The state machine of a stateful encoder, on fake_m2m; or, with a device, on the kernel's:
 *
 *     M2M_DEVICE=/dev/video2 M2M_CODEC=FWHT M2M_CAMERA=/dev/video0 test_m2m
 *
 * (vicodec and vivid, in the laboratory). What only the fake can do is left out then. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/videodev2.h>

#include "common/log.h"
#include "common/util.h"
#include "tests/unit/calls_watch.h"
#include "tests/unit/fake_m2m.h"
#include "tests/unit/m2m_scene.h"
#include "tests/unit/quiet.h"

const struct source_ops *const source_backends[] = {&source_v4l2_ops, NULL};
const struct encoder_ops *const encoder_backends[] = {NULL};

/* --- cases for both */

static int set_up(void **state)
{
	UNUSED_STATE(state);
	if (device == NULL)
		fake_m2m_begin();
	calls_watch_begin();
	make_buffers();
	now_us = 1000000;
	return 0;
}

static int tear_down(void **state)
{
	UNUSED_STATE(state);
	m2m_close(&m2m);
	m2m_close(&m2m);
	assert_int_equal(calls_watch.open, 0);
	assert_int_equal(calls_watch.mapped, 0);
	v4l2_calls = calls_watch.under;
	free_buffers();
	stride = WIDTH;
	if (device == NULL)
		fake_m2m_end();
	return 0;
}

static void every_picture_comes_out_with_its_time(void **state)
{
	UNUSED_STATE(state);
	must_open();
	assert_false(m2m_is_busy(&m2m));
	must_encode(20, false);
	assert_true(m2m_is_copying(&m2m));
	assert_int_equal(m2m.copied, 20);
	assert_int_equal(lent(), 0);
	assert_false(m2m_is_busy(&m2m));
}

static void as_many_as_it_has_room_for_come_out_in_order(void **state)
{
	UNUSED_STATE(state);
	unsigned in = 0, refused = 0;

	must_open();
	while (in < 30) {
		int r = submit(false);
		assert_true(r == 0 || r == -EAGAIN);
		in += r == 0;
		refused += r < 0;
		if (r < 0 || in % 5 == 0)
			assert_int_equal(take_all(), -EAGAIN);
	}
	assert_int_equal(take_all(), -EAGAIN);
	assert_int_equal(expected_count, 0);
	assert_true(refused < 1000);
}

static void drained_it_has_given_all(void **state)
{
	UNUSED_STATE(state);
	must_open();
	for (unsigned i = 0; i < M2M_PICTURES; i++)
		assert_int_equal(submit(false), 0);
	assert_int_equal(m2m_drain(&m2m), 0);
	assert_int_equal(submit(false), -EAGAIN);
	assert_int_equal(take_all(), -ENODATA);
	assert_int_equal(expected_count, 0);
	assert_int_equal(take(), -ENODATA);
	assert_false(m2m_is_busy(&m2m));
	assert_int_equal(m2m_restart(&m2m), 0);
	must_encode(5, false);
}

static void drained_before_the_first_picture_it_ends_at_once(void **state)
{
	UNUSED_STATE(state);
	must_open();
	assert_int_equal(m2m_drain(&m2m), 0);
	assert_int_equal(take(), -ENODATA);
	assert_int_equal(m2m_restart(&m2m), 0);
	must_encode(2, false);
}

static void restarted_it_goes_on(void **state)
{
	UNUSED_STATE(state);
	must_open();
	for (unsigned round = 0; round < 5; round++) {
		must_encode(3, false);
		assert_int_equal(submit(false), 0);
		assert_int_equal(m2m_restart(&m2m), 0);
		reclaim();
		assert_int_equal(lent(), 0);
		expected_count = 0;
	}
	must_encode(3, false);
}

static void it_can_be_opened_again_and_again(void **state)
{
	UNUSED_STATE(state);
	for (unsigned round = 0; round < 10; round++) {
		must_open();
		must_encode(round % 3, false);
		if (round % 2 == 0)
			assert_int_equal(submit(false), 0);
		m2m_close(&m2m);
		assert_int_equal(calls_watch.open, 0);
		assert_int_equal(calls_watch.mapped, 0);
	}
}

/* The n-th call of each kind fails, for all n that there are: the machine says so, or does
 * without; nothing hangs, is used twice or is left open; and then it works again. */
static int run_all(bool dmabuf)
{
	struct error err = {0};
	int r = open_m2m(&err);

	for (unsigned i = 0; r == 0 && i < 4; i++) {
		r = submit(dmabuf);
		if (r == 0)
			r = take_all();
		r = r == -EAGAIN ? 0 : r;
	}
	if (r == 0)
		r = m2m_restart(&m2m);
	expected_count = 0;
	if (r == 0)
		r = submit(dmabuf);
	if (r == 0)
		r = m2m_drain(&m2m);
	if (r == 0)
		r = take_all();
	m2m_close(&m2m);
	reclaim();
	assert_int_equal(lent(), 0);
	assert_int_equal(calls_watch.open, 0);
	assert_int_equal(calls_watch.mapped, 0);
	return r == -ENODATA ? 0 : r;
}

static void an_error_in_any_call_is_survived(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		unsigned long request;
		bool needed; /* it cannot do without */
	} calls[] = {
		{VIDIOC_QUERYCAP, false}, {VIDIOC_ENUM_FMT, false},    {VIDIOC_S_FMT, true},
		{VIDIOC_S_PARM, false},   {VIDIOC_S_SELECTION, false}, {VIDIOC_REQBUFS, false},
		{VIDIOC_QUERYBUF, true},  {VIDIOC_QBUF, false},        {VIDIOC_DQBUF, false},
		{VIDIOC_STREAMON, true},  {VIDIOC_STREAMOFF, false},   {VIDIOC_ENCODER_CMD, false},
	};
	static const int codes[] = {EIO, ENODEV, EINVAL, ENOMEM};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		bool dmabuf = device == NULL && i % 2 == 0;
		for (unsigned at = 1;; at++) {
			calls_watch_fail(calls[i].request, at, codes[at % ARRAY_SIZE(codes)]);
			int r = run_all(dmabuf);
			if (!calls_watch_has_failed())
				break;
			assert_true(r < 0 || !calls[i].needed);
			calls_watch.fail_request = 0;
		}
		calls_watch.fail_request = 0;
		assert_int_equal(run_all(dmabuf), 0);
	}
}

static void memory_that_cannot_be_mapped_is_an_error(void **state)
{
	UNUSED_STATE(state);
	calls_watch.map_fails = true;
	assert_true(run_all(false) < 0);
	calls_watch.map_fails = false;
	assert_int_equal(run_all(false), 0);
}

/* --- a case of real devices: a camera's own buffers */

static void open_camera(void)
{
	struct source_config cfg = {.width = 640, .height = 480, .fps_milli = 30000};
	struct error err = {0};

	snprintf(cfg.device, sizeof(cfg.device), "%s", getenv("M2M_CAMERA"));
	if (source_open(&source_v4l2_ops, &cfg, &camera, &err) < 0)
		fail_msg("%s", err.text);
}

static void encode_a_picture_of_the_camera(void)
{
	struct pollfd fd = {.fd = source_fd(camera), .events = POLLIN};
	struct frame frame;
	int r;

	while ((r = source_dequeue(camera, &frame)) < 0) {
		assert_true(r == -EAGAIN || r == -ENODATA);
		assert_true(poll(&fd, 1, PATIENCE_MS) > 0);
	}
	assert_int_equal(m2m_submit(&m2m, &frame), 0);
	expected_us[expected_count++] = frame.pts_us;
	assert_int_equal(take_all(), -EAGAIN);
}

static void pictures_of_a_camera_go_in_without_a_copy(void **state)
{
	UNUSED_STATE(state);
	struct source_format seen;
	struct error err = {0};

	if (getenv("M2M_CAMERA") == NULL)
		skip();
	open_camera();
	source_get_format(camera, &seen);
	assert_int_equal(m2m_open(&m2m, device, codec, &err), 0);
	assert_int_equal(m2m_set_up(&m2m, &seen, &err), 0);
	for (unsigned i = 0; i < 60; i++)
		encode_a_picture_of_the_camera();
	assert_false(m2m_is_copying(&m2m));
	assert_int_equal(m2m.copied, 0);
	assert_int_equal(expected_count, 0);
	m2m_close(&m2m);
	source_close(camera);
	camera = NULL;
}

/* --- cases of the fake */

static void dmabufs_go_in_without_a_copy(void **state)
{
	UNUSED_STATE(state);
	must_open();
	must_encode(20, true);
	assert_false(m2m_is_copying(&m2m));
	assert_int_equal(m2m.copied, 0);
	assert_int_equal(lent(), 0);
}

static void dmabufs_are_lent_until_the_driver_gives_them_back(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.manual = true;
	must_open();
	for (unsigned i = 1; i <= M2M_PICTURES; i++) {
		assert_int_equal(submit(true), 0);
		assert_int_equal(take(), -EAGAIN);
		assert_int_equal(lent(), i);
	}
	assert_int_equal(submit(true), -EAGAIN);
	fake_m2m_work(1);
	assert_int_equal(take(), 0);
	assert_int_equal(lent(), M2M_PICTURES - 1);
	assert_int_equal(submit(true), 0);
	m2m_close(&m2m);
	reclaim();
	assert_int_equal(lent(), 0);
}

static void buffers_may_come_back_in_any_order(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.manual = fake_m2m.inputs_late = true;
	must_open();
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < M2M_PICTURES; i++)
			assert_int_equal(submit(true), 0);
		fake_m2m_work(M2M_PICTURES);
		assert_int_equal(take_all(), -EAGAIN);
		assert_int_equal(expected_count, 0);
		assert_int_equal(lent(), 0);
	}
}

static void refused_dmabufs_are_copied(void **state)
{
	UNUSED_STATE(state);
	for (unsigned taken = 0; taken < 3; taken++) {
		fake_m2m.dmabuf_errno = taken == 1 ? EFAULT : EINVAL;
		fake_m2m.dmabufs_taken = taken;
		must_open();
		must_encode(taken, true);
		assert_int_equal(m2m.copied, 0);
		must_encode(5, true);
		assert_int_equal(m2m.copied, 5);
		assert_true(m2m_is_copying(&m2m));
		m2m_close(&m2m);
	}
	fake_m2m.no_dmabuf = true;
	must_open();
	must_encode(3, true);
	assert_int_equal(m2m.copied, 3);
}

static void pictures_that_lie_otherwise_are_copied(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.stride_align = 128; /* and it is 640: as it is */
	must_open();
	must_encode(2, true);
	assert_false(m2m_is_copying(&m2m));
	m2m_close(&m2m);
	fake_m2m.stride_align = 512;
	must_open();
	must_encode(2, true);
	assert_true(m2m_is_copying(&m2m));
	m2m_close(&m2m);
	fake_m2m.stride_align = 1;
	fake_m2m.rows_align = 16;
	must_open();
	must_encode(2, true);
	assert_true(m2m_is_copying(&m2m));
}

static void driver_takes_the_stride_that_pictures_have(void **state)
{
	UNUSED_STATE(state);
	free_buffers();
	stride = 704;
	make_buffers();
	fake_m2m.stride_align = 64;
	must_open();
	assert_int_equal(m2m.format.stride, WIDTH);
	must_encode(3, true);
	assert_int_equal(m2m.format.stride, 704);
	assert_false(m2m_is_copying(&m2m));
}

static void pictures_of_another_shape_are_refused(void **state)
{
	UNUSED_STATE(state);
	must_open();
	struct frame frame = next_frame(false);
	frame.width = WIDTH / 2;
	assert_int_equal(m2m_submit(&m2m, &frame), -EINVAL);
	must_encode(1, false);
}

static void size_that_cannot_be_had_is_said(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};

	fake_m2m.width_max = 320;
	assert_int_equal(open_m2m(&err), -ENOTSUP);
	assert_non_null(strstr(err.text, "640x360"));
	m2m_close(&m2m);
	fake_m2m.width_max = 1920;
	fake_m2m.rows_align = 16;
	fake_m2m.no_crop = true;
	assert_int_equal(open_m2m(&err), -ENOTSUP);
}

static void driver_without_the_stop_command_is_drained_too(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.no_stop = true;
	fake_m2m.manual = true;
	must_open();
	assert_int_equal(submit(false), 0);
	assert_int_equal(submit(false), 0);
	assert_int_equal(m2m_drain(&m2m), 0);
	assert_int_equal(take(), -EAGAIN);
	fake_m2m_work(2);
	assert_int_equal(take_all(), -ENODATA);
	assert_int_equal(expected_count, 0);
}

static void single_planar_driver_works_the_same(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.single_plane = true;
	must_open();
	must_encode(5, true);
	assert_false(m2m_is_copying(&m2m));
	m2m_close(&m2m);
	assert_int_equal(run_all(false), 0);
}

static void times_that_are_not_copied_are_the_oldest_ones(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.no_timestamps = true;
	must_open();
	must_encode(5, false);
}

static void picture_that_gives_nothing_leaves_no_trace(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.nothing_at = 2;
	must_open();
	must_encode(1, false);
	assert_int_equal(submit(false), 0);
	assert_int_equal(take(), -EAGAIN);
	expected_count = 0;
	must_encode(3, false);
	assert_false(m2m_is_busy(&m2m));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* clang-format off */
#define FOR_BOTH \
	TEST(every_picture_comes_out_with_its_time), \
	TEST(as_many_as_it_has_room_for_come_out_in_order), \
	TEST(drained_it_has_given_all), \
	TEST(drained_before_the_first_picture_it_ends_at_once), \
	TEST(restarted_it_goes_on), \
	TEST(it_can_be_opened_again_and_again), \
	TEST(an_error_in_any_call_is_survived), \
	TEST(memory_that_cannot_be_mapped_is_an_error)
/* clang-format on */

int main(void)
{
	const struct CMUnitTest of_a_device[] = {
		FOR_BOTH,
		TEST(pictures_of_a_camera_go_in_without_a_copy),
	};
	const struct CMUnitTest of_the_fake[] = {
		FOR_BOTH,
		TEST(dmabufs_go_in_without_a_copy),
		TEST(dmabufs_are_lent_until_the_driver_gives_them_back),
		TEST(buffers_may_come_back_in_any_order),
		TEST(refused_dmabufs_are_copied),
		TEST(pictures_that_lie_otherwise_are_copied),
		TEST(driver_takes_the_stride_that_pictures_have),
		TEST(pictures_of_another_shape_are_refused),
		TEST(size_that_cannot_be_had_is_said),
		TEST(driver_without_the_stop_command_is_drained_too),
		TEST(single_planar_driver_works_the_same),
		TEST(times_that_are_not_copied_are_the_oldest_ones),
		TEST(picture_that_gives_nothing_leaves_no_trace),
	};
	const char *word = getenv("M2M_CODEC");

	device = getenv("M2M_DEVICE");
	if (word != NULL && strlen(word) == 4)
		codec = v4l2_fourcc(word[0], word[1], word[2], word[3]);
	log_set_hook(quiet);
	return device != NULL ? cmocka_run_group_tests(of_a_device, NULL, NULL)
			      : cmocka_run_group_tests(of_the_fake, NULL, NULL);
}
