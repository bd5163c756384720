/* A camera of dma-bufs and the hardware encoder joined: nothing is copied; and hardware that fails
 * costs pictures, but neither the camera nor the viewers. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/videodev2.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/chain.h"
#include "tests/unit/calls_watch.h"
#include "tests/unit/fake_m2m.h"
#include "tests/unit/lens.h"
#include "tests/unit/quiet.h"

const struct source_ops *const source_backends[] = {&lens_ops, NULL};
const struct encoder_ops *const encoder_backends[] = {
	&encoder_v4l2m2m_ops,
#ifdef WITH_X264
	&encoder_x264_ops,
#endif
	NULL,
};

static struct encpick pick;
static struct chain_config cfg;
static struct chain *chain;
static unsigned made, idrs, breaks; /* access units that came out, and which of them are so */
static int64_t made_us;             /* the newest one's time stamp */

static void on_au(void *arg, struct au *au)
{
	(void)arg;
	assert_true(made > 0 || (au->flags & AU_IDR) != 0);
	made++;
	idrs += (au->flags & AU_IDR) != 0;
	breaks += (au->flags & AU_DISCONTINUITY) != 0;
	assert_true(au->pts_us > made_us);
	made_us = au->pts_us;
	au_unref(au);
}

static int pump(unsigned pictures)
{
	struct error err = {0};
	int r = 0;

	while (r >= 0 && pictures-- > 0) {
		lens_give(1);
		r = chain_pump(chain, false, on_au, NULL, &err);
	}
	if (r < 0)
		assert_true(err.text[0] != '\0');
	return r;
}

static int try_open(struct error *err)
{
	made = idrs = breaks = 0;
	made_us = 0;
	return chain_open(&cfg, &chain, err);
}

static void must_open(void)
{
	struct error err = {0};

	if (try_open(&err) < 0)
		fail_msg("%s", err.text);
}

static void close_chain(void)
{
	chain_close(chain);
	chain = NULL;
	assert_int_equal(calls_watch.open, 0);
	assert_int_equal(calls_watch.mapped, 0);
}

static void assert_encoder(const char *name)
{
	assert_string_equal(chain_encoder(chain)->name, name);
}

static int set_up(void **state)
{
	UNUSED_STATE(state);
	lens_begin();
	memset(&pick, 0, sizeof(pick));
	cfg = (struct chain_config){
		.source = &lens_ops,
		.picture = {.width = 320, .height = 240, .fps_milli = 30000},
		.encoder = "auto",
		.encoder_preset = "auto",
		.pick = &pick,
		.bitrate_bps = 500000,
		.gop_frames = 1000,
	};
	fake_m2m_begin();
	calls_watch_begin();
	fake_m2m.canned = true;
	return 0;
}

static int tear_down(void **state)
{
	UNUSED_STATE(state);
	close_chain();
	v4l2_calls = calls_watch.under;
	fake_m2m_end();
	lens_end();
	return 0;
}

static void no_picture_is_copied_from_camera_to_encoder(void **state)
{
	UNUSED_STATE(state);
	must_open();
	assert_encoder("v4l2m2m");
	assert_int_equal(chain_copy(chain), ENCODER_COPY_UNKNOWN);
	assert_true(pump(100) >= 0);
	struct chain_stats stats = chain_get_stats(chain);
	assert_int_equal(stats.frames_captured, 100);
	assert_int_equal(stats.frames_copied, 0);
	assert_int_equal(stats.frames_dropped, 0);
	assert_int_equal(chain_copy(chain), ENCODER_COPY_NONE);
	assert_int_equal(made, 100);
	assert_int_equal(idrs, 1);
	assert_int_equal(breaks, 0);
}

static void pictures_that_the_driver_refuses_are_copied_and_counted(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.dmabuf_errno = EINVAL;
	must_open();
	assert_true(pump(100) >= 0);
	assert_int_equal(chain_get_stats(chain).frames_copied, 100);
	assert_int_equal(chain_copy(chain), ENCODER_COPY_ONE);
	assert_int_equal(made, 100);
}

/* A driver whose queues are empty says for ever that it is ready. */
static void device_is_polled_only_while_it_owes_something(void **state)
{
	UNUSED_STATE(state);
	struct pollfd fds[CHAIN_FDS];

	must_open();
	chain_poll_fds(chain, fds);
	assert_int_equal(fds[1].fd, -1);
	fake_m2m.manual = true;
	pump(1);
	chain_poll_fds(chain, fds);
	assert_true(fds[1].fd >= 0);
	fake_m2m_work(1);
	pump(0);
	struct error err = {0};
	assert_true(chain_pump(chain, false, on_au, NULL, &err) >= 0);
	chain_poll_fds(chain, fds);
	assert_int_equal(fds[1].fd, -1);
}

static void encoder_that_is_slower_costs_pictures_only(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.manual = true;
	must_open();
	for (unsigned i = 0; i < 100; i++) {
		assert_true(pump(1) >= 0);
		if (i % 3 == 0)
			fake_m2m_work(1);
		assert_true(lens_lent() <= 3);
	}
	assert_in_range(made, 30, 36);
	assert_in_range(chain_get_stats(chain).frames_dropped, 60, 70);
	assert_int_equal(breaks, 0);
}

static void silent_hardware_is_opened_again(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.silent_after = 50;
	must_open();
	assert_int_equal(chain_set_rate(chain, 200000), 0);
	assert_true(pump(130) >= 0);
	assert_int_equal(fake_m2m_control(V4L2_CID_MPEG_VIDEO_BITRATE), 200000);
	assert_encoder("v4l2m2m");
	assert_int_equal(fake_m2m.opened, 2);
	assert_int_equal(lens.opens, 1);
	assert_int_equal(idrs, 2);
	assert_int_equal(breaks, 1);
	assert_int_equal(pick.failures, 1);
	fake_m2m.silent_after = 0;
	assert_true(pump(300) >= 0);
	assert_int_equal(pick.failures, 0);
}

static void named_hardware_that_fails_again_and_again_ends_the_chain(void **state)
{
	UNUSED_STATE(state);
	snprintf(cfg.encoder, sizeof(cfg.encoder), "v4l2m2m");
	fake_m2m.silent_after = 10;
	must_open();
	assert_int_equal(pump(1000), -ETIMEDOUT);
	assert_int_equal(fake_m2m.opened, ENCPICK_FAILURES_MAX);
}

static void named_hardware_that_is_not_there_is_an_error(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};

	snprintf(cfg.encoder, sizeof(cfg.encoder), "v4l2m2m");
	fake_m2m.no_encoder = true;
	assert_int_equal(try_open(&err), -ENODEV);
	assert_non_null(strstr(err.text, "no hardware encoder"));
}

static void change(int expected)
{
	struct error err = {0};

	assert_int_equal(chain_change(chain, &cfg, &err), expected);
}

static void bitrate_and_gop_change_without_an_idr(void **state)
{
	UNUSED_STATE(state);
	must_open();
	pump(3);
	cfg.bitrate_bps = 250000;
	cfg.gop_frames = 500;
	cfg.encoder_threads = 3; /* of x264 */
	change(0);
	assert_int_equal(fake_m2m_control(V4L2_CID_MPEG_VIDEO_BITRATE), 250000);
	pump(3);
	assert_int_equal(idrs, 1);
	assert_int_equal(fake_m2m.opened, 1);
}

static void pictures_under_way_are_seen_before_those_of_another_rate(void **state)
{
	UNUSED_STATE(state);
	must_open();
	pump(3);
	fake_m2m.manual = true;
	assert_true(pump(2) >= 0);
	assert_int_equal(made, 3);
	fake_m2m.manual = false;
	cfg.picture.fps_milli = 15000;
	change(0);
	assert_int_equal(lens_lent(), 0);
	assert_int_equal(fake_m2m.opened, 2);
	pump(2);
	assert_int_equal(made, 7);
	assert_int_equal(idrs, 2);
	assert_int_equal(breaks, 0);
	assert_int_equal(lens.opens, 1);
}

/* Then it is as it was; of hardware, opened anew. */
static void change_that_the_hardware_cannot_make_leaves_it_running(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};

	snprintf(cfg.encoder, sizeof(cfg.encoder), "v4l2m2m");
	must_open();
	pump(3);
	struct chain_config wanted = cfg;
	wanted.picture.fps_milli = 15000;
	wanted.gop_frames = 0;
	assert_int_equal(chain_change(chain, &wanted, &err), -EINVAL);
	pump(3);
	assert_int_equal(made, 6);
	assert_encoder("v4l2m2m");
}

#ifdef WITH_X264

static void auto_takes_x264_where_no_hardware_can_be_had_and_says_why(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.no_encoder = true;
	must_open();
	assert_encoder("x264");
	assert_non_null(strstr(pick.reason.text, "no hardware encoder"));
	pump(3);
	assert_int_equal(made, 3);
	assert_int_equal(chain_get_stats(chain).frames_copied, 0);
	close_chain();
	fake_m2m.no_encoder = false;
	fake_m2m.width_max = 160;
	must_open();
	assert_encoder("x264");
	assert_non_null(strstr(pick.reason.text, "320x240"));
	close_chain();
	fake_m2m.width_max = 1920;
	must_open();
	assert_encoder("v4l2m2m");
	assert_int_equal(pick.reason.code, 0);
}

static void hardware_that_fails_again_and_again_is_left_alone(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.silent_after = 10;
	must_open();
	assert_true(pump(400) >= 0);
	assert_encoder("x264");
	assert_non_null(strstr(pick.reason.text, "nothing comes out"));
	assert_int_equal(fake_m2m.opened, ENCPICK_FAILURES_MAX);
	assert_int_equal(lens.opens, 1);
	assert_int_equal(lens_lent(), 0);
	assert_int_equal(breaks, ENCPICK_FAILURES_MAX);
	close_chain();
	must_open(); /* the next who watches need not find out again */
	assert_encoder("x264");
	assert_int_equal(fake_m2m.opened, ENCPICK_FAILURES_MAX);
	close_chain();
	pick.again_us = 0; /* ten minutes later */
	must_open();
	assert_encoder("v4l2m2m");
}

static void encoder_can_be_changed_while_pictures_flow(void **state)
{
	UNUSED_STATE(state);
	must_open();
	pump(3);
	snprintf(cfg.encoder, sizeof(cfg.encoder), "x264");
	change(0);
	assert_encoder("x264");
	pump(3);
	snprintf(cfg.encoder, sizeof(cfg.encoder), "auto");
	change(0);
	assert_encoder("v4l2m2m");
	pump(3);
	assert_int_equal(made, 9);
	assert_int_equal(idrs, 3);
	assert_int_equal(breaks, 0);
}

static void preset_and_threads_of_x264_begin_anew(void **state)
{
	UNUSED_STATE(state);
	snprintf(cfg.encoder, sizeof(cfg.encoder), "x264");
	must_open();
	pump(2);
	snprintf(cfg.encoder_preset, sizeof(cfg.encoder_preset), "veryfast");
	change(0);
	pump(2);
	cfg.encoder_threads = 2;
	change(0);
	pump(2);
	assert_int_equal(made, 6);
	assert_int_equal(idrs, 3);
	struct error err = {0};
	snprintf(cfg.encoder_preset, sizeof(cfg.encoder_preset), "quick");
	assert_int_equal(chain_change(chain, &cfg, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "quick"));
}

/* The n-th call of each kind, for all n that there are. */
static void an_error_in_any_call_costs_neither_camera_nor_viewers(void **state)
{
	UNUSED_STATE(state);
	static const unsigned long calls[] = {
		VIDIOC_QUERYCAP,    VIDIOC_ENUM_FMT,  VIDIOC_S_FMT,     VIDIOC_S_PARM,
		VIDIOC_REQBUFS,     VIDIOC_QUERYBUF,  VIDIOC_QBUF,      VIDIOC_DQBUF,
		VIDIOC_STREAMON,    VIDIOC_STREAMOFF, VIDIOC_QUERYCTRL, VIDIOC_S_CTRL,
		VIDIOC_ENCODER_CMD,
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		for (unsigned at = 1; at == 1 || calls_watch_has_failed(); at++) {
			memset(&pick, 0, sizeof(pick));
			lens.opens = 0;
			calls_watch_fail(calls[i], at, at % 2 == 0 ? EIO : ENODEV);
			must_open();
			assert_true(pump(5) >= 0);
			cfg.picture.fps_milli = cfg.picture.fps_milli == 30000 ? 15000 : 30000;
			change(0);
			assert_true(pump(5) >= 0);
			assert_in_range(made, 7, 10);
			assert_int_equal(lens.opens, 1);
			assert_int_equal(lens_lent(), 0);
			close_chain();
		}
}

#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_picture_is_copied_from_camera_to_encoder),
		TEST(pictures_that_the_driver_refuses_are_copied_and_counted),
		TEST(device_is_polled_only_while_it_owes_something),
		TEST(encoder_that_is_slower_costs_pictures_only),
		TEST(silent_hardware_is_opened_again),
		TEST(named_hardware_that_fails_again_and_again_ends_the_chain),
		TEST(named_hardware_that_is_not_there_is_an_error),
		TEST(bitrate_and_gop_change_without_an_idr),
		TEST(pictures_under_way_are_seen_before_those_of_another_rate),
		TEST(change_that_the_hardware_cannot_make_leaves_it_running),
#ifdef WITH_X264
		TEST(auto_takes_x264_where_no_hardware_can_be_had_and_says_why),
		TEST(hardware_that_fails_again_and_again_is_left_alone),
		TEST(encoder_can_be_changed_while_pictures_flow),
		TEST(preset_and_threads_of_x264_begin_anew),
		TEST(an_error_in_any_call_costs_neither_camera_nor_viewers),
#endif
	};

	log_set_hook(quiet);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
