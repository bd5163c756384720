/* The hardware encoder on fake_m2m: what it is told, what comes of it, and how the chain does
 * without it. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include <linux/videodev2.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/encoder.h"
#include "streamer/h264level.h"
#include "streamer/nal.h"
#include "streamer/sps.h"
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

/* --- the encoder by itself: pictures come from an open lens */

static struct encoder_config config;
static struct encoder *encoder;
static struct source *camera;

static void must_open(void)
{
	struct source_config picture = {.width = 640, .height = 360, .fps_milli = 30000};
	struct error err = {0};

	picture.width = config.in.width;
	picture.height = config.in.height;
	assert_int_equal(source_open(&lens_ops, &picture, &camera, &err), 0);
	if (encoder_open(&encoder_v4l2m2m_ops, &config, &encoder, &err) < 0)
		fail_msg("%s", err.text);
}

static void close_all(void)
{
	encoder_close(encoder);
	encoder = NULL;
	source_close(camera);
	camera = NULL;
}

static int submit(bool force_idr)
{
	struct frame frame;

	lens_give(1);
	assert_int_equal(source_dequeue(camera, &frame), 0);
	int r = encoder_submit(encoder, &frame, force_idr);
	if (r < 0)
		source_release(camera, frame.index);
	return r;
}

/* NULL: none. */
static struct au *collect(void)
{
	struct error err = {0};
	struct au *au = NULL;
	uint32_t index;
	int r = encoder_collect(encoder, &au, &err);

	if (r < 0 && r != -EAGAIN)
		fail_msg("%s", err.text);
	while (encoder_reclaim(encoder, &index) == 0)
		source_release(camera, index);
	return au;
}

/* One picture in, one access unit out; its flags. */
static unsigned encode(bool force_idr)
{
	assert_int_equal(submit(force_idr), 0);
	struct au *au = collect();
	assert_non_null(au);
	assert_int_equal(au->pts_us, lens.pts_us);
	unsigned flags = au->flags;
	au_unref(au);
	return flags;
}

static int set_up(void **state)
{
	UNUSED_STATE(state);
	lens_begin();
	config = (struct encoder_config){
		.in = {FRAME_I420, 640, 360, 30000, {0, 0, 0}},
		.bitrate_bps = 1010000,
		.gop_frames = 60,
	};
	fake_m2m_begin();
	calls_watch_begin();
	fake_m2m.canned = true;
	return 0;
}

static int tear_down(void **state)
{
	UNUSED_STATE(state);
	if (camera != NULL)
		close_all();
	assert_int_equal(calls_watch.open, 0);
	assert_int_equal(calls_watch.mapped, 0);
	v4l2_calls = calls_watch.under;
	fake_m2m_end();
	lens_end();
	return 0;
}

static void driver_is_told_what_we_need(void **state)
{
	UNUSED_STATE(state);
	must_open();
	assert_int_equal(fake_m2m_control(V4L2_CID_MPEG_VIDEO_H264_PROFILE),
			 V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE);
	assert_int_equal(fake_m2m_control(V4L2_CID_MPEG_VIDEO_H264_LEVEL),
			 V4L2_MPEG_VIDEO_H264_LEVEL_3_0);
	assert_int_equal(fake_m2m_control(V4L2_CID_MPEG_VIDEO_BITRATE), 1000000); /* its step */
	assert_int_equal(fake_m2m_control(V4L2_CID_MPEG_VIDEO_BITRATE_MODE), 1);
	assert_int_equal(fake_m2m_control(V4L2_CID_MPEG_VIDEO_H264_I_PERIOD), 60);
	assert_int_equal(fake_m2m_control(V4L2_CID_MPEG_VIDEO_HEADER_MODE), 1);
	assert_int_equal(fake_m2m_control(V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER), 1);
	assert_int_equal(fake_m2m_control(V4L2_CID_MPEG_VIDEO_B_FRAMES), 0);
}

static void level_is_the_lowest_that_holds_it(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		unsigned width, height, fps_milli, bitrate_bps, idc;
	} cases[] = {
		{160, 120, 5000, 60000, 10},       {320, 240, 30000, 500000, 13},
		{640, 480, 30000, 2000000, 30},    {1280, 720, 30000, 2000000, 31},
		{1280, 720, 30000, 14000001, 32},  {1920, 1080, 30000, 4000000, 40},
		{1920, 1080, 30000, 25000000, 41}, {1920, 1080, 31000, 4000000, 42},
		{1920, 1080, 60000, 4000000, 42},  {4096, 2304, 25000, 4000000, 51},
		{2560, 16, 1000, 60000, 31},       {4096, 2304, 240000, 100000000, 52},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(h264level_for(cases[i].width, cases[i].height, cases[i].fps_milli,
					       cases[i].bitrate_bps)
					 ->idc,
				 cases[i].idc);
}

static void assert_shape(const struct au *au)
{
	const uint8_t *pos = au->data, *expected = au->data;
	bool idr = (au->flags & AU_IDR) != 0;
	unsigned count = 0;
	struct nal nal;

	while (nal_next(&pos, au->data + au->size, &nal)) {
		static const uint8_t start_code[] = {0, 0, 0, 1};
		unsigned wanted = !idr         ? NAL_SLICE
				  : count == 0 ? NAL_SPS
				  : count == 1 ? NAL_PPS
					       : NAL_SLICE_IDR;
		assert_memory_equal(expected, start_code, sizeof(start_code));
		assert_int_equal(nal.type, wanted);
		expected = nal.data + nal.size;
		count++;
	}
	assert_ptr_equal(expected, au->data + au->size);
	assert_true(count >= (idr ? 3 : 1));
	assert_int_equal(au->format.width, 640);
	assert_int_equal(au->format.fps_milli, 30000);
	assert_int_equal(au->format.decoder_delay_frames, 0);
}

static void encode_shapes(unsigned gop_frames)
{
	config.gop_frames = gop_frames;
	must_open();
	for (unsigned i = 0; i < 25; i++) {
		assert_int_equal(submit(false), 0);
		struct au *au = collect();
		assert_non_null(au);
		assert_int_equal(au->flags, i % gop_frames == 0 ? AU_IDR : 0);
		assert_int_equal(au->pts_us, lens.pts_us);
		assert_shape(au);
		au_unref(au);
	}
	close_all();
}

static void access_units_are_in_our_shape_however_the_driver_writes_them(void **state)
{
	UNUSED_STATE(state);
	static const uint32_t no_repeat[] = {V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 0};

	fake_m2m.rows_align = 8;
	for (unsigned round = 0; round < 8; round++) {
		fake_m2m.missing = round & 1 ? no_repeat : NULL;
		fake_m2m.headers_apart = (round & 2) != 0;
		fake_m2m.canned = (round & 4) != 0;
		config.in.height = fake_m2m.canned ? 368 : 362; /* 362 of 368 rows are shown */
		encode_shapes(10);
	}
}

static void idr_comes_with_the_picture_it_was_asked_for(void **state)
{
	UNUSED_STATE(state);
	must_open();
	for (unsigned i = 0; i < 50; i++) {
		bool forced = i == 7 || i == 8 || i == 31;
		assert_int_equal(encode(forced), forced || i == 0 ? AU_IDR : 0);
	}
	assert_int_equal(fake_m2m.restarts, 1);
}

/* Until it comes, which may be pictures later, who wants it keeps asking. */
static void idr_that_is_under_way_is_not_asked_for_again(void **state)
{
	UNUSED_STATE(state);
	must_open();
	encode(false);
	encode(false);
	fake_m2m.manual = true;
	fake_m2m.idrs = 0;
	assert_int_equal(submit(true), 0);
	fake_m2m_work(0);
	assert_int_equal(submit(true), 0);
	fake_m2m_work(1);
	assert_int_equal(submit(true), 0);
	fake_m2m_work(2);
	for (unsigned i = 0; i < 3; i++)
		au_unref(collect());
	assert_int_equal(fake_m2m.idrs, 1);
}

static void driver_that_cannot_be_asked_for_an_idr_begins_anew(void **state)
{
	UNUSED_STATE(state);
	static const uint32_t no_force[] = {V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 0};

	fake_m2m.missing = no_force;
	must_open();
	for (unsigned i = 0; i < 20; i++) {
		unsigned flags = encode(i == 10) & ~(unsigned)AU_DISCONTINUITY;
		assert_int_equal(flags, i == 0 || i == 10 ? AU_IDR : 0);
	}
	assert_int_equal(fake_m2m.restarts, 2);
}

static void idrs_that_do_not_come_by_themselves_are_asked_for(void **state)
{
	UNUSED_STATE(state);
	static const uint32_t no_period[] = {V4L2_CID_MPEG_VIDEO_H264_I_PERIOD,
					     V4L2_CID_MPEG_VIDEO_GOP_SIZE, 0};

	fake_m2m.missing = no_period;
	config.gop_frames = 10;
	must_open();
	for (unsigned i = 0; i < 60; i++)
		encode(false);
	assert_in_range(fake_m2m.idrs, 4, 6);
	assert_int_equal(encoder_set_gop(encoder, 20), 0);
	assert_int_equal(encoder_set_gop(encoder, 0), -EINVAL);
}

static void every_control_may_be_missing(void **state)
{
	UNUSED_STATE(state);
	static const uint32_t ids[] = {
		V4L2_CID_MPEG_VIDEO_BITRATE,         V4L2_CID_MPEG_VIDEO_BITRATE_MODE,
		V4L2_CID_MPEG_VIDEO_H264_I_PERIOD,   V4L2_CID_MPEG_VIDEO_H264_LEVEL,
		V4L2_CID_MPEG_VIDEO_H264_PROFILE,    V4L2_CID_MPEG_VIDEO_HEADER_MODE,
		V4L2_CID_MPEG_VIDEO_B_FRAMES,        V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER,
		V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 0,
	};

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		const uint32_t one[] = {ids[i], 0};
		fake_m2m.missing = i + 1 < ARRAY_SIZE(ids) ? one : ids; /* all, at last */
		must_open();
		for (unsigned n = 0; n < 20; n++)
			assert_int_equal((encode(n == 5) & AU_IDR) != 0, n == 0 || n == 5);
		bool no_rate = fake_m2m.missing == ids || ids[i] == V4L2_CID_MPEG_VIDEO_BITRATE;
		assert_int_equal(encoder_set_rate(encoder, 300000, 30000), no_rate ? -ENOTSUP : 0);
		close_all();
	}
}

static void rate_changes_while_it_runs(void **state)
{
	UNUSED_STATE(state);
	must_open();
	encode(false);
	assert_int_equal(encoder_set_rate(encoder, 500000, 30000), 0);
	assert_int_equal(fake_m2m_control(V4L2_CID_MPEG_VIDEO_BITRATE), 500000);
	assert_int_equal(encode(false), 0);
	assert_int_equal(encoder_set_rate(encoder, 20000000, 30000), -ENOTSUP); /* the level */
	assert_int_equal(encoder_set_rate(encoder, 500000, 15000), -ENOTSUP);
	assert_int_equal(encoder_set_rate(encoder, 0, 30000), -EINVAL);
}

static void damaged_picture_is_followed_by_an_idr(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.damage_at = 5;
	must_open();
	for (unsigned i = 0; i < 4; i++)
		encode(false);
	assert_int_equal(submit(false), 0);
	assert_null(collect());
	assert_int_equal(encode(false), AU_IDR | AU_DISCONTINUITY);
	assert_int_equal(encode(false), 0);
}

static void silent_driver_is_said_to_be_so(void **state)
{
	UNUSED_STATE(state);
	int r = 0;

	fake_m2m.silent_after = 5;
	must_open();
	for (unsigned i = 0; i < 5; i++)
		encode(false);
	int64_t begin_us = lens.pts_us;
	while (r == 0 || r == -EAGAIN) {
		r = submit(false);
		assert_null(collect());
		assert_true(lens.pts_us - begin_us < 3000000);
	}
	assert_int_equal(r, -ETIMEDOUT);
	assert_true(lens.pts_us - begin_us > 2000000);
}

static void slow_pictures_are_no_silence(void **state)
{
	UNUSED_STATE(state);
	must_open();
	for (unsigned i = 0; i < 10; i++) {
		lens.pts_us += 5000000;
		encode(false);
	}
}

static void profile_that_browsers_may_not_have_is_refused(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};
	struct au *au;

	fake_m2m.main_profile = true;
	must_open();
	assert_int_equal(submit(false), 0);
	assert_int_equal(encoder_collect(encoder, &au, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.text, "Main"));
	close_all();
	config.any_profile = true;
	must_open();
	assert_int_equal(encode(false), AU_IDR);
}

static void open_fails(int code, const char *words)
{
	struct error err = {0};

	assert_int_equal(encoder_open(&encoder_v4l2m2m_ops, &config, &encoder, &err), code);
	if (strstr(err.text, words) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, words);
	assert_null(encoder);
}

static void what_cannot_be_opened_is_said_in_words(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.no_encoder = true;
	open_fails(-ENODEV, "no hardware encoder");
	fake_m2m.no_encoder = false;
	fake_m2m.denied = true;
	open_fails(-EACCES, "group 'video'");
	fake_m2m.denied = false;
	config.in.width = 2560;
	open_fails(-ENOTSUP, "2560x360");
	config.in.width = 641;
	open_fails(-EINVAL, "641x360");
	config.in.width = 640;
	config.gop_frames = 0;
	open_fails(-EINVAL, "GOP");
}

#ifdef WITH_X264

/* A wrong stride or offset would show. */
static void picture_is_the_same_with_and_without_a_copy(void **state)
{
	UNUSED_STATE(state);
	struct au *au[3];

	fake_m2m.canned = false;
	for (unsigned i = 0; i < ARRAY_SIZE(au); i++) {
		lens.no_dmabuf = i > 0;
		lens.shown = 0;
		fake_m2m.stride_align = i == 2 ? 512 : 1;
		must_open();
		assert_int_equal(submit(false), 0);
		assert_int_equal(encoder_copy(encoder),
				 i == 0 ? ENCODER_COPY_NONE : ENCODER_COPY_ONE);
		au[i] = collect();
		assert_non_null(au[i]);
		close_all();
		assert_int_equal(au[i]->size, au[0]->size);
		assert_memory_equal(au[i]->data, au[0]->data, au[0]->size);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(au); i++)
		au_unref(au[i]);
}

#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(driver_is_told_what_we_need),
		TEST(level_is_the_lowest_that_holds_it),
		TEST(access_units_are_in_our_shape_however_the_driver_writes_them),
		TEST(idr_comes_with_the_picture_it_was_asked_for),
		TEST(idr_that_is_under_way_is_not_asked_for_again),
		TEST(driver_that_cannot_be_asked_for_an_idr_begins_anew),
		TEST(idrs_that_do_not_come_by_themselves_are_asked_for),
		TEST(every_control_may_be_missing),
		TEST(rate_changes_while_it_runs),
		TEST(damaged_picture_is_followed_by_an_idr),
		TEST(silent_driver_is_said_to_be_so),
		TEST(slow_pictures_are_no_silence),
		TEST(profile_that_browsers_may_not_have_is_refused),
		TEST(what_cannot_be_opened_is_said_in_words),
#ifdef WITH_X264
		TEST(picture_is_the_same_with_and_without_a_copy),
#endif
	};

	log_set_hook(quiet);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
