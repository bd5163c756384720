#include "tests/unit/unit.h"

#include <errno.h>

#include "common/util.h"
#include "streamer/nal.h"
#include "tests/unit/scene.h"

const struct encoder_ops *const encoder_backends[] = {NULL};

static struct encoder *open_pass(bool any_profile, unsigned fps_milli)
{
	struct encoder_config cfg = {
		.in = {.fourcc = FRAME_H264, .width = 642, .height = 482, .fps_milli = fps_milli},
		.any_profile = any_profile,
	};

	return scene_encoder(&encoder_pass_ops, &cfg);
}

static void rubbish_does_not_pass(void **state)
{
	UNUSED_STATE(state);
	static const uint8_t cases[][12] = {
		{0},
		{0, 0, 0, 1},
		{0, 0, 0, 1, 0x65, 0x88, 0x84},             /* an IDR without SPS */
		{0, 0, 0, 1, 0x67, 0xff, 0, 0, 1, 0x65, 1}, /* with half an SPS */
	};
	struct encoder *enc = open_pass(false, 0);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct frame frame = {
			.fourcc = FRAME_H264,
			.plane_count = 1,
			.plane = {{.data = cases[i], .size = sizeof(cases[i]), .dmabuf_fd = -1}},
		};
		assert_int_equal(encoder_submit(enc, &frame, false), -EAGAIN);
	}
	encoder_close(enc);
}

#ifdef WITH_X264

/* What the pass-through is fed with: a frame that holds an access unit. */
static struct frame frame_of(const struct au *au)
{
	struct frame frame = {
		.fourcc = FRAME_H264,
		.width = au->format.width,
		.height = au->format.height,
		.plane_count = 1,
		.plane = {{.data = au->data, .size = au->size, .dmabuf_fd = -1}},
		.pts_us = au->pts_us,
		.index = 3,
	};

	return frame;
}

#define STREAM_AUS 6 /* an IDR, two P, an IDR, two P */

static void make_stream(struct au **aus)
{
	struct encoder_config cfg = {
		.in = {.fourcc = FRAME_I420, .width = 642, .height = 482, .fps_milli = 30000},
		.bitrate_bps = 1000000,
		.gop_frames = 60,
		.threads = 1,
	};
	struct scene scene;

	scene_init(&scene, 642, 482);
	struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
	for (unsigned i = 0; i < STREAM_AUS; i++) {
		scene_draw(&scene);
		struct frame frame = scene_frame(&scene);
		aus[i] = scene_encode(enc, &frame, i == 3);
	}
	encoder_close(enc);
	scene_clear(&scene);
}

static void free_stream(struct au **aus)
{
	for (unsigned i = 0; i < STREAM_AUS; i++)
		au_unref(aus[i]);
}

static void passed_access_units_are_the_same_bytes(void **state)
{
	UNUSED_STATE(state);
	struct au *aus[STREAM_AUS];

	make_stream(aus);
	for (unsigned fps_milli = 0; fps_milli <= 50000; fps_milli += 50000) {
		struct encoder *enc = open_pass(false, fps_milli);
		for (unsigned i = 0; i < STREAM_AUS; i++) {
			struct frame frame = frame_of(aus[i]);
			struct au *au = scene_encode(enc, &frame, false);
			assert_int_equal(au->size, aus[i]->size);
			assert_memory_equal(au->data, aus[i]->data, au->size);
			assert_int_equal(au->flags, aus[i]->flags);
			assert_string_equal(au->format.codec, aus[i]->format.codec);
			assert_int_equal(au->format.width, 642);
			assert_int_equal(au->format.coded_height, 496);
			assert_int_equal(au->format.fps_milli, fps_milli != 0 ? fps_milli : 30000);
			au_unref(au);
		}
		assert_int_equal(encoder_set_rate(enc, 1000000, 30000), -ENOTSUP);
		assert_false(enc->ops->can_force_idr);
		encoder_close(enc);
	}
	free_stream(aus);
}

static void nothing_passes_after_a_hole_until_an_idr(void **state)
{
	UNUSED_STATE(state);
	struct encoder *enc = open_pass(false, 0);
	struct au *aus[STREAM_AUS];

	make_stream(aus);
	struct frame frame = frame_of(aus[1]);
	assert_int_equal(encoder_submit(enc, &frame, false), -EAGAIN); /* begins with a P */
	frame = frame_of(aus[0]);
	struct au *au = scene_encode(enc, &frame, false);
	assert_int_equal(au->flags, AU_IDR | AU_DISCONTINUITY);
	au_unref(au);
	frame = frame_of(aus[1]);
	frame.flags = FRAME_DISCONTINUITY;
	assert_int_equal(encoder_submit(enc, &frame, false), -EAGAIN);
	frame = frame_of(aus[2]);
	assert_int_equal(encoder_submit(enc, &frame, false), -EAGAIN);
	frame = frame_of(aus[3]);
	au = scene_encode(enc, &frame, false);
	assert_int_equal(au->flags, AU_IDR | AU_DISCONTINUITY);
	au_unref(au);
	frame = frame_of(aus[4]);
	au = scene_encode(enc, &frame, false);
	assert_int_equal(au->flags, 0);
	au_unref(au);
	encoder_close(enc);
	free_stream(aus);
}

/* As what x264 calls it: the SPS of a Baseline stream is a valid one of Main, too. */
static void relabel(struct au *au, uint8_t profile_idc)
{
	assert_int_equal(au->data[4] & 31, NAL_SPS);
	au->data[5] = profile_idc;
	au->data[6] = 0;
}

static void main_profile_passes_only_where_any_may(void **state)
{
	UNUSED_STATE(state);
	struct encoder *strict = open_pass(false, 0), *any = open_pass(true, 0);
	struct au *aus[STREAM_AUS], *au = NULL;
	struct error err = {0};
	uint32_t index = 99;

	make_stream(aus);
	relabel(aus[0], 77);
	struct frame frame = frame_of(aus[0]);
	assert_int_equal(encoder_submit(strict, &frame, false), 0);
	assert_int_equal(encoder_collect(strict, &au, &err), -EPROTONOSUPPORT);
	assert_null(au);
	assert_non_null(strstr(err.text, "Main"));
	assert_non_null(strstr(err.text, "--profiles=any"));
	assert_int_equal(encoder_reclaim(strict, &index), 0);
	assert_int_equal(index, frame.index);
	frame = frame_of(aus[1]);
	assert_int_equal(encoder_submit(strict, &frame, false), -EAGAIN);
	encoder_close(strict);

	frame = frame_of(aus[0]);
	au = scene_encode(any, &frame, false);
	assert_string_equal(au->format.codec, "avc1.4D001E");
	au_unref(au);
	encoder_close(any);
	free_stream(aus);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef WITH_X264
		cmocka_unit_test(passed_access_units_are_the_same_bytes),
		cmocka_unit_test(nothing_passes_after_a_hole_until_an_idr),
		cmocka_unit_test(main_profile_passes_only_where_any_may),
#endif
		cmocka_unit_test(rubbish_does_not_pass),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
