#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/adapt.h"
#include "streamer/nal.h"
#include "streamer/sps.h"
#include "tests/unit/scene.h"

const struct encoder_ops *const encoder_backends[] = {
#ifdef WITH_X264
	&encoder_x264_ops,
#endif
	&encoder_pass_ops,
	NULL,
};

#ifdef WITH_X264

#define PATCHES (PATTERN_GRID * PATTERN_GRID)

static struct encoder_config config(unsigned width, unsigned height, unsigned bitrate_bps)
{
	struct encoder_config cfg = {
		.in = {FRAME_I420, width, height, 30000, {0}},
		.bitrate_bps = bitrate_bps,
		.gop_frames = 60,
		.threads = 1,
	};

	return cfg;
}

static struct au *encode(struct encoder *enc, struct scene *scene, bool idr)
{
	scene_draw(scene);
	struct frame frame = scene_frame(scene);
	return scene_encode(enc, &frame, idr);
}

static void assert_shape(const struct au *au)
{
	const uint8_t *pos = au->data, *expected = au->data;
	struct nal nal;
	unsigned count = 0;
	bool idr = (au->flags & AU_IDR) != 0;

	while (nal_next(&pos, au->data + au->size, &nal)) {
		static const uint8_t start_code[] = {0, 0, 0, 1};
		assert_memory_equal(expected, start_code, 4);
		assert_ptr_equal(nal.data, expected + 4);
		expected = nal.data + nal.size;
		if (idr && count == 0)
			assert_int_equal(nal.type, NAL_SPS);
		else if (idr && count == 1)
			assert_int_equal(nal.type, NAL_PPS);
		else
			assert_int_equal(nal.type, idr ? NAL_SLICE_IDR : NAL_SLICE);
		count++;
	}
	assert_ptr_equal(expected, au->data + au->size);
	assert_true(count >= (idr ? 3 : 1));
}

static void every_access_unit_is_in_our_shape(void **state)
{
	UNUSED_STATE(state);
	for (unsigned threads = 1; threads <= 4; threads += 3) {
		struct encoder_config cfg = config(640, 480, 1000000);
		struct scene scene;
		cfg.threads = threads;
		cfg.gop_frames = 10;
		scene_init(&scene, 640, 480);
		struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
		for (unsigned i = 0; i < 35; i++) {
			struct au *au = encode(enc, &scene, false);
			assert_int_equal(au->flags, i % 10 == 0 ? AU_IDR : 0);
			assert_shape(au);
			au_unref(au);
		}
		encoder_close(enc);
		scene_clear(&scene);
	}
}

static void idr_comes_with_the_picture_it_was_asked_for(void **state)
{
	UNUSED_STATE(state);
	struct encoder_config cfg = config(640, 480, 1000000);
	struct scene scene;

	scene_init(&scene, 640, 480);
	struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
	for (unsigned i = 0; i < 100; i++) {
		/* Also two in a row, and the next regular one 60 after the newest. */
		bool forced = i == 7 || i == 8 || i == 31;
		struct au *au = encode(enc, &scene, forced);
		assert_int_equal(au->flags, forced || i == 0 || i == 91 ? AU_IDR : 0);
		au_unref(au);
	}
	encoder_close(enc);
	scene_clear(&scene);
}

static struct sps sps_of(const struct au *au)
{
	const uint8_t *pos = au->data;
	struct nal nal;
	struct sps sps;

	assert_true(nal_next(&pos, au->data + au->size, &nal));
	assert_int_equal(sps_read(nal.data, nal.size, &sps), 0);
	return sps;
}

static void stream_says_what_it_is(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		unsigned width, height, fps_milli, bitrate_bps;
		unsigned coded_width, coded_height;
		const char *codec;
	} cases[] = {
		{160, 120, 5000, 100000, 160, 128, "avc1.42C00B"},
		{320, 240, 30000, 500000, 320, 240, "avc1.42C00D"},
		{642, 482, 30000, 1000000, 656, 496, "avc1.42C01E"},
		{854, 480, 30000, 1000000, 864, 480, "avc1.42C01F"},
		{1280, 720, 30000, 2000000, 1280, 720, "avc1.42C01F"},
		{1280, 720, 30000, 15000000, 1280, 720, "avc1.42C020"},
		{1920, 1080, 30000, 4000000, 1920, 1088, "avc1.42C028"},
		{1920, 1080, 59940, 4000000, 1920, 1088, "avc1.42C02A"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct encoder_config cfg =
			config(cases[i].width, cases[i].height, cases[i].bitrate_bps);
		struct scene scene;
		cfg.in.fps_milli = cases[i].fps_milli;
		scene_init(&scene, cases[i].width, cases[i].height);
		struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
		struct au *au = encode(enc, &scene, false);
		struct sps sps = sps_of(au);
		assert_string_equal(au->format.codec, cases[i].codec);
		assert_int_equal(au->format.width, cases[i].width);
		assert_int_equal(au->format.height, cases[i].height);
		assert_int_equal(au->format.coded_width, cases[i].coded_width);
		assert_int_equal(au->format.coded_height, cases[i].coded_height);
		assert_int_equal(au->format.fps_milli, cases[i].fps_milli);
		assert_true(sps_is_baseline(&sps));
		assert_int_equal(sps.poc_type, 2);
		assert_int_equal(sps_decoder_delay(&sps), 0);
		assert_int_equal(sps_fps_milli(&sps), cases[i].fps_milli);
		assert_true(sps.restriction_present);
		assert_int_equal(sps.max_num_reorder_frames, 0);
		assert_false(sps.full_range);
		assert_int_equal(sps.primaries, 6);
		assert_int_equal(sps.transfer, 6);
		assert_int_equal(sps.matrix, 6);
		au_unref(au);
		encoder_close(enc);
		scene_clear(&scene);
	}
}

/* What encoder.h promises, and an eighth, of what x264 cannot foresee. */
static size_t largest_bytes(const struct encoder_config *cfg, unsigned bitrate_bps)
{
	size_t macroblocks = (size_t)((cfg->in.width + 15) / 16) * ((cfg->in.height + 15) / 16);
	size_t least_bits = 8000 + 20 * macroblocks;
	size_t bits = bitrate_bps / 30 * 3 / 2;

	return (bits > least_bits ? bits : least_bits) / 8 * 9 / 8;
}

static void colours_are_told_in_the_sps(void **state)
{
	UNUSED_STATE(state);
	struct encoder_config cfg = config(320, 240, 500000);
	struct scene scene;

	cfg.in.colour = (struct source_colour){.primaries = 1, .transfer = 13, .matrix = 1};
	scene_init(&scene, 320, 240);
	struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
	struct au *au = encode(enc, &scene, false);
	struct sps sps = sps_of(au);
	assert_int_equal(sps.primaries, 1);
	assert_int_equal(sps.transfer, 13);
	assert_int_equal(sps.matrix, 1);
	assert_false(sps.full_range);
	au_unref(au);
	encoder_close(enc);
	scene_clear(&scene);
}

/* Noise is the worst there is; the first picture, forced IDR pictures and the change from a calm
 * picture to noise are where an encoder would like to spend. */
static void largest_access_unit_is_bounded(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		unsigned width, height, bitrate_bps;
	} cases[] = {
		{320, 240, 300000},   {640, 480, 1000000}, {642, 482, 2000000},
		{1280, 720, 2000000}, {1280, 720, 400000}, {1280, 720, 200000},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct encoder_config cfg =
			config(cases[i].width, cases[i].height, cases[i].bitrate_bps);
		size_t bound = largest_bytes(&cfg, cases[i].bitrate_bps);
		struct scene scene;
		scene_init(&scene, cases[i].width, cases[i].height);
		struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
		for (unsigned n = 0; n < 130; n++) {
			if (n / 30 % 2 == 0)
				scene_draw(&scene);
			else
				scene_draw_noise(&scene);
			struct frame frame = scene_frame(&scene);
			struct au *au = scene_encode(enc, &frame, n == 15 || n == 45);
			assert_in_range(au->size, 1, bound);
			au_unref(au);
		}
		encoder_close(enc);
		scene_clear(&scene);
	}
}

static size_t mean_size(struct encoder *enc, struct scene *scene, unsigned frames)
{
	size_t sum = 0;

	for (unsigned i = 0; i < frames; i++) {
		scene_draw_noise(scene);
		struct frame frame = scene_frame(scene);
		struct au *au = scene_encode(enc, &frame, false);
		sum += au->size;
		au_unref(au);
	}
	return sum / frames;
}

static void bitrate_changes_while_running(void **state)
{
	UNUSED_STATE(state);
	static const unsigned rates_bps[] = {2000000, 600000, 3000000};
	struct encoder_config cfg = config(640, 480, rates_bps[0]);
	struct scene scene;

	scene_init(&scene, 640, 480);
	struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
	for (size_t i = 0; i < ARRAY_SIZE(rates_bps); i++) {
		size_t share = rates_bps[i] / 8 / 30;
		assert_int_equal(encoder_set_rate(enc, rates_bps[i], 30000), 0);
		mean_size(enc, &scene, 15);
		assert_in_range(mean_size(enc, &scene, 60), share / 2, share * 11 / 10);
	}
	encoder_close(enc);
	scene_clear(&scene);
}

/* Adaptive bitrate steps so: a link that carries only the new rate must not wait for the old. */
static void access_units_follow_a_lower_bitrate_within_a_second(void **state)
{
	UNUSED_STATE(state);
	static const unsigned rates_bps[] = {4000000, 1000000, 850000, 2000000, 300000};
	struct encoder_config cfg = config(640, 480, rates_bps[0]);
	struct scene scene;

	cfg.gop_frames = 1000;
	scene_init(&scene, 640, 480);
	struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
	for (size_t i = 0; i < ARRAY_SIZE(rates_bps); i++) {
		size_t bound = largest_bytes(&cfg, rates_bps[i]);
		assert_int_equal(encoder_set_rate(enc, rates_bps[i], 30000), 0);
		for (unsigned n = 0; n < 120; n++) {
			struct au *au = encode(enc, &scene, n == 100);
			assert_int_equal(au->flags, n == 100 || (i == 0 && n == 0) ? AU_IDR : 0);
			if (n >= 30)
				assert_in_range(au->size, 1, bound);
			au_unref(au);
		}
	}
	encoder_close(enc);
	scene_clear(&scene);
}

static void idrs_come_at_another_distance_when_told(void **state)
{
	UNUSED_STATE(state);
	struct encoder_config cfg = config(320, 240, 1000000);
	struct scene scene;

	scene_init(&scene, 320, 240);
	struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
	for (unsigned n = 0; n < 200; n++) {
		if (n == 20)
			assert_int_equal(encoder_set_gop(enc, 10), 0); /* overdue: at once */
		if (n == 35)
			assert_int_equal(encoder_set_gop(enc, 100), 0); /* 100 after the last */
		struct au *au = encode(enc, &scene, false);
		bool is_idr = n == 0 || n == 20 || n == 30 || n == 130;
		assert_int_equal(au->flags, is_idr ? AU_IDR : 0);
		au_unref(au);
	}
	assert_int_equal(encoder_set_gop(enc, 0), -EINVAL);
	encoder_close(enc);
	scene_clear(&scene);
}

static void what_the_sps_forbids_takes_a_new_stream(void **state)
{
	UNUSED_STATE(state);
	struct encoder_config cfg = config(640, 480, 1000000);
	struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);

	assert_int_equal(encoder_set_rate(enc, 1000000, 25000), -ENOTSUP);
	/* Level 3 ends at 10 Mbit/s. */
	assert_int_equal(encoder_set_rate(enc, 10000000, 30000), 0);
	assert_int_equal(encoder_set_rate(enc, 10001000, 30000), -ENOTSUP);
	assert_int_equal(encoder_set_rate(enc, 0, 30000), -EINVAL);
	encoder_close(enc);
}

static void nonsense_is_refused_with_words(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		struct encoder_config cfg;
		const char *words;
	} cases[] = {
		{{.in = {FRAME_I420, 641, 480, 30000, {0}}, 1000000, 60, 1, false}, "641x480"},
		{{.in = {FRAME_I420, 0, 0, 30000, {0}}, 1000000, 60, 1, false}, "0x0"},
		{{.in = {FRAME_I420, 640, 480, 30000, {0}}, 0, 60, 1, false}, "bitrate"},
		{{.in = {FRAME_I420, 640, 480, 30000, {0}}, 1000000, 0, 1, false}, "GOP"},
		{{.in = {FRAME_I420, 20000, 20000, 30000, {0}}, 1000000, 60, 1, false}, "x264"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct encoder *enc = NULL;
		struct error err = {0};
		assert_int_equal(encoder_open(&encoder_x264_ops, &cases[i].cfg, &enc, &err),
				 -EINVAL);
		assert_non_null(strstr(err.text, cases[i].words));
		assert_null(enc);
	}
}

static void frame_of_another_size_is_not_read(void **state)
{
	UNUSED_STATE(state);
	struct encoder_config cfg = config(640, 480, 1000000);
	struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
	struct error err = {0};
	struct au *au = NULL;
	struct scene scene;

	scene_init(&scene, 320, 240);
	scene_draw(&scene);
	struct frame frame = scene_frame(&scene);
	assert_int_equal(encoder_submit(enc, &frame, false), -EINVAL);
	assert_int_equal(encoder_collect(enc, &au, &err), -EAGAIN);
	encoder_close(enc);
	scene_clear(&scene);
}

static void access_unit_not_collected_holds_up_the_next(void **state)
{
	UNUSED_STATE(state);
	struct encoder_config cfg = config(640, 480, 1000000);
	struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
	struct scene scene;

	scene_init(&scene, 640, 480);
	scene_draw(&scene);
	struct frame frame = scene_frame(&scene);
	assert_int_equal(encoder_submit(enc, &frame, false), 0);
	assert_int_equal(encoder_submit(enc, &frame, false), -EAGAIN);
	encoder_close(enc); /* with all that is still in it */
	scene_clear(&scene);
}

static void skip_without_ffmpeg(void)
{
	if (system("command -v ffmpeg >/dev/null 2>&1") == 0)
		return;
	print_message("# no ffmpeg here to decode with\n");
	skip();
}

/* Of all patches, by the pixel in the middle of each. */
static unsigned patches_right(const uint8_t *luma, unsigned width, unsigned height, uint32_t frame)
{
	unsigned top = height / 12, right = 0;

	for (unsigned patch = 0; patch < PATCHES; patch++) {
		unsigned x = (2 * (patch % PATTERN_GRID) + 1) * width / (2 * PATTERN_GRID);
		unsigned y = (2 * (patch / PATTERN_GRID) + 1) * (height - top) / (2 * PATTERN_GRID);
		int is = luma[(size_t)(top + y) * width + x];
		int off = is - pattern_patch(patch, frame).y;
		off -= (int)pattern_gradient(x, width, frame);
		right += off >= -16 && off <= 16;
	}
	return right;
}

/* What an independent decoder makes of it: every picture is the one that was drawn, its clock
 * says. Returns how many patches were right, in a hundred. */
static unsigned decode(const char *path, unsigned width, unsigned height, unsigned frames)
{
	char command[256];
	size_t size = pattern_bytes(width, height);
	uint8_t *data = malloc(size);
	unsigned right = 0;

	assert_non_null(data);
	snprintf(command, sizeof(command),
		 "ffmpeg -nostdin -v error -i %s -f rawvideo -pix_fmt yuv420p -", path);
	FILE *decoder = popen(command, "r");
	assert_non_null(decoder);
	for (unsigned n = 0; n < frames; n++) {
		struct pattern_clock clock;
		assert_int_equal(fread(data, 1, size, decoder), size);
		assert_true(pattern_read_clock(data, width, width, height, &clock));
		assert_int_equal(clock.frame, n);
		right += patches_right(data, width, height, n);
	}
	assert_int_equal(fread(data, 1, 1, decoder), 0);
	assert_int_equal(pclose(decoder), 0);
	free(data);
	return right * 100 / (frames * PATCHES);
}

static void encode_to(FILE *file, struct encoder *enc, struct scene *scene, bool idr)
{
	struct au *au = encode(enc, scene, idr);

	assert_int_equal(fwrite(au->data, 1, au->size, file), au->size);
	au_unref(au);
}

static void pictures_survive_an_independent_decoder(void **state)
{
	UNUSED_STATE(state);
	static const unsigned sizes[][2] = {{320, 240}, {642, 482}, {854, 480}, {1920, 1080}};
	char path[] = "/tmp/nalcast-test-XXXXXX";

	skip_without_ffmpeg();
	assert_true(close(mkstemp(path)) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct encoder_config cfg = config(sizes[i][0], sizes[i][1], 2000000);
		struct scene scene;
		scene_init(&scene, sizes[i][0], sizes[i][1]);
		struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
		FILE *file = fopen(path, "wb");
		assert_non_null(file);
		for (unsigned n = 0; n < 20; n++)
			encode_to(file, enc, &scene, n == 9);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(decode(path, sizes[i][0], sizes[i][1], 20), 100);
		encoder_close(enc);
		scene_clear(&scene);
	}
	unlink(path);
}

/* Three seconds, from the tenth picture on at another rate; returns how many patches are right. */
static unsigned patches_with_rates(const char *path, const unsigned size[2], unsigned before_bps,
				   unsigned rate_bps)
{
	struct encoder_config cfg = config(size[0], size[1], before_bps);
	FILE *file = fopen(path, "wb");
	struct scene scene;

	assert_non_null(file);
	scene_init(&scene, size[0], size[1]);
	struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
	for (unsigned n = 0; n < 90; n++) {
		if (n == 10 && rate_bps != before_bps)
			assert_int_equal(encoder_set_rate(enc, rate_bps, 30000), 0);
		encode_to(file, enc, &scene, n == 45);
	}
	assert_int_equal(fclose(file), 0);
	encoder_close(enc);
	scene_clear(&scene);
	return decode(path, size[0], size[1], 90);
}

static void starved_picture_still_moves(void **state)
{
	UNUSED_STATE(state);
	static const unsigned sizes[][2] = {{320, 240}, {640, 480}, {1280, 720}, {1920, 1080}};
	char path[] = "/tmp/nalcast-test-XXXXXX";

	skip_without_ffmpeg();
	assert_true(close(mkstemp(path)) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* As low as adaptive bitrate goes. */
		unsigned floor_bps = adapt_picture_floor_bps(sizes[i][0], sizes[i][1], 30000);
		if (floor_bps < ADAPT_FLOOR_BPS)
			floor_bps = ADAPT_FLOOR_BPS;
		assert_in_range(patches_with_rates(path, sizes[i], floor_bps, floor_bps), 95, 100);
	}
	/* One step down, and an IDR soon after. */
	assert_in_range(patches_with_rates(path, sizes[0], 400000, 100000), 95, 100);
	assert_in_range(patches_with_rates(path, sizes[2], 1600000, 400000), 95, 100);
	unlink(path);
}

static void encoder_is_found_by_name_and_by_what_it_takes(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};

	assert_ptr_equal(encoder_find("auto", FRAME_I420, &err), &encoder_x264_ops);
	assert_ptr_equal(encoder_find("x264", FRAME_I420, &err), &encoder_x264_ops);
	assert_ptr_equal(encoder_find("auto", FRAME_H264, &err), &encoder_pass_ops);
	assert_ptr_equal(encoder_find("x264", FRAME_H264, &err), &encoder_pass_ops);
	assert_null(encoder_find("x264", FRAME_FOURCC('Y', 'U', 'Y', 'V'), &err));
	assert_int_equal(err.code, -ENOTSUP);
	assert_non_null(strstr(err.text, "YUYV"));
	assert_null(encoder_find("v4l2m2m", FRAME_I420, &err));
	assert_int_equal(err.code, -ENOENT);
	assert_non_null(strstr(err.text, "v4l2m2m"));
	assert_null(encoder_find("auto", FRAME_FOURCC('Y', 'U', 'Y', 'V'), &err));
	encoder_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_access_unit_is_in_our_shape),
		cmocka_unit_test(idr_comes_with_the_picture_it_was_asked_for),
		cmocka_unit_test(stream_says_what_it_is),
		cmocka_unit_test(colours_are_told_in_the_sps),
		cmocka_unit_test(largest_access_unit_is_bounded),
		cmocka_unit_test(bitrate_changes_while_running),
		cmocka_unit_test(access_units_follow_a_lower_bitrate_within_a_second),
		cmocka_unit_test(idrs_come_at_another_distance_when_told),
		cmocka_unit_test(what_the_sps_forbids_takes_a_new_stream),
		cmocka_unit_test(nonsense_is_refused_with_words),
		cmocka_unit_test(frame_of_another_size_is_not_read),
		cmocka_unit_test(access_unit_not_collected_holds_up_the_next),
		cmocka_unit_test(pictures_survive_an_independent_decoder),
		cmocka_unit_test(starved_picture_still_moves),
		cmocka_unit_test(encoder_is_found_by_name_and_by_what_it_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void encoder_tests_need_x264(void **state)
{
	UNUSED_STATE(state);
	print_message("# this build has no x264\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encoder_tests_need_x264),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
