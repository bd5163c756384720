#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "streamer/sps.h"
#include "tests/unit/h264_write.h"

static int read_written(const struct h264_sps *p, struct sps *ret_sps)
{
	struct h264_stream s = {.size = 0};

	h264_nal_bytes(&s, 0x67, h264_sps_rbsp(p));
	return sps_read(s.bytes, s.size, ret_sps);
}

static struct sps good(struct h264_sps p)
{
	struct sps sps;

	assert_int_equal(read_written(&p, &sps), 0);
	return sps;
}

static void everything_written_is_read(void **state)
{
	UNUSED_STATE(state);
	struct sps sps = good((struct h264_sps){.constraints = 0xc0,
						.level = 31,
						.id = 31,
						.log2_max_frame_num = 16,
						.log2_max_poc_lsb = 16,
						.refs = 16,
						.gaps = true,
						.mbs_across = 80,
						.mbs_down = 45,
						.vui = true,
						.timing = true,
						.tick = 1001,
						.scale = 60000,
						.colour = true,
						.hrd = true,
						.restriction = true,
						.reorder = 2,
						.buffering = 16});

	assert_int_equal(sps.profile_idc, 66);
	assert_int_equal(sps.constraints, 0xc0);
	assert_int_equal(sps.level_idc, 31);
	assert_int_equal(sps.id, 31);
	assert_int_equal(sps.chroma_format_idc, 1);
	assert_int_equal(sps.log2_max_frame_num, 16);
	assert_int_equal(sps.poc_type, 0);
	assert_int_equal(sps.log2_max_poc_lsb, 16);
	assert_int_equal(sps.num_ref_frames, 16);
	assert_true(sps.gaps_allowed);
	assert_true(sps.frame_mbs_only);
	assert_int_equal(sps.width, 1280);
	assert_int_equal(sps.height, 720);
	assert_true(sps.vui_present && sps.full_range);
	assert_int_equal(sps.primaries, 9);
	assert_int_equal(sps.transfer, 10);
	assert_int_equal(sps.matrix, 11);
	assert_int_equal(sps_fps_milli(&sps), 29970);
	assert_true(sps.restriction_present);
	assert_int_equal(sps.max_num_reorder_frames, 2);
	assert_int_equal(sps.max_dec_frame_buffering, 16);
}

static void what_is_unsaid_has_its_default(void **state)
{
	UNUSED_STATE(state);
	struct sps sps = good((struct h264_sps){.poc_type = 2});

	assert_false(sps.vui_present || sps.full_range || sps.restriction_present);
	assert_int_equal(sps.primaries, 2);
	assert_int_equal(sps.matrix, 2);
	assert_int_equal(sps_fps_milli(&sps), 0);
	sps = good((struct h264_sps){.poc_type = 1, .delta_always_zero = true});
	assert_int_equal(sps.poc_type, 1);
	assert_true(sps.delta_pic_order_always_zero);
}

static void cropping_counts_in_its_units(void **state)
{
	UNUSED_STATE(state);
	struct sps sps =
		good((struct h264_sps){.crop = true, .left = 1, .right = 2, .top = 3, .bottom = 4});

	assert_int_equal(sps.coded_width, 64);
	assert_int_equal(sps.coded_height, 64);
	assert_int_equal(sps.crop_left, 2);
	assert_int_equal(sps.crop_top, 6);
	assert_int_equal(sps.width, 64 - 6);
	assert_int_equal(sps.height, 64 - 14);
	sps = good((struct h264_sps){.fields = true, .crop = true, .top = 1, .bottom = 1});
	assert_int_equal(sps.coded_height, 128);
	assert_int_equal(sps.crop_top, 4);
	assert_int_equal(sps.height, 120);
	struct au_format format;
	sps_format(&sps, &format);
	assert_int_equal(format.crop_top, 4);
	assert_int_equal(format.coded_height, 128);
	assert_int_equal(format.height, 120);
}

static void forbidden_values_are_refused(void **state)
{
	UNUSED_STATE(state);
	static const struct h264_sps cases[] = {
		{.id = 32},
		{.log2_max_frame_num = 17},
		{.log2_max_poc_lsb = 17},
		{.poc_type = 3},
		{.refs = 17},
		{.mbs_across = 1056},
		{.mbs_down = 1056},
		{.mbs_across = 1000, .mbs_down = 1000},
		{.fields = true, .mbs_down = 600},
		{.crop = true, .left = 16, .right = 16},
		{.crop = true, .bottom = 32},
		{.crop = true, .left = 0xfffffffe, .right = 0xfffffffe},
		{.vui = true, .restriction = true, .reorder = 17},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sps sps = {.id = 99};
		assert_int_equal(read_written(&cases[i], &sps), -EINVAL);
		assert_int_equal(sps.id, 99);
	}
}

static void every_cut_off_one_is_refused(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};
	struct h264_sps p = {.vui = true,
			     .timing = true,
			     .tick = 1,
			     .scale = 50,
			     .restriction = true};
	struct sps sps;

	h264_nal_bytes(&s, 0x67, h264_sps_rbsp(&p));
	for (size_t size = 0; size < s.size - 1; size++)
		assert_int_equal(sps_read(s.bytes, size, &sps), -EINVAL);
	assert_int_equal(sps_read(s.bytes, s.size, &sps), 0);
	s.bytes[0] = 0x68;
	assert_int_equal(sps_read(s.bytes, s.size, &sps), -EINVAL);
	s.bytes[0] = 0xe7;
	assert_int_equal(sps_read(s.bytes, s.size, &sps), -EINVAL);
}

static void high_profile_from_x264_is_read(void **state)
{
	UNUSED_STATE(state);
	/* 1920x1080, 25 fps, level 4.0, reordering 2: x264's default for such a picture. */
	static const uint8_t nal[] = {0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02,
				      0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04,
				      0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc6, 0x58};
	struct sps sps;

	assert_int_equal(sps_read(nal, sizeof(nal), &sps), 0);
	assert_int_equal(sps.width, 1920);
	assert_int_equal(sps.height, 1080);
	assert_int_equal(sps.coded_height, 1088);
	assert_int_equal(sps_fps_milli(&sps), 25000);
	assert_string_equal(sps_profile_name(&sps), "High");
	assert_false(sps_is_baseline(&sps));
	assert_int_equal(sps_decoder_delay(&sps), sps.max_num_reorder_frames);
}

static void profiles_have_names_and_codec_strings(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		uint8_t profile, constraints;
		const char *name, *codec;
		bool baseline;
	} cases[] = {
		{66, 0xc0, "Constrained Baseline", "avc1.42C01F", true},
		{66, 0x00, "Baseline", "avc1.42001F", true},
		{77, 0x40, "Main", "avc1.4D401F", false},
		{77, 0x80, "Main", "avc1.4D801F", true},
		{88, 0x00, "Extended", "avc1.58001F", false},
		{100, 0x0c, "Constrained High", "avc1.640C1F", false},
		{244, 0x00, "High 4:4:4 Predictive", "avc1.F4001F", false},
		{110, 0x10, "High 10 Intra", "avc1.6E101F", false},
		{200, 0x00, "unknown", "avc1.C8001F", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sps sps = {.profile_idc = cases[i].profile,
				  .constraints = cases[i].constraints,
				  .level_idc = 31,
				  .poc_type = 2};
		struct au_format format;
		sps_format(&sps, &format);
		assert_string_equal(sps_profile_name(&sps), cases[i].name);
		assert_string_equal(format.codec, cases[i].codec);
		assert_int_equal(sps_is_baseline(&sps), cases[i].baseline);
	}
}

static void fps_comes_from_two_ticks_a_frame(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		uint32_t tick, scale;
		unsigned fps_milli;
	} cases[] = {
		{1, 50, 25000},     {1001, 60000, 29970}, {1, 0, 0},          {0, 50, 0},
		{UINT32_MAX, 1, 0}, {1, UINT32_MAX, 0},   {1, 2000, 1000000}, {2, 25, 6250},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sps sps = {.num_units_in_tick = cases[i].tick, .time_scale = cases[i].scale};
		assert_int_equal(sps_fps_milli(&sps), cases[i].fps_milli);
	}
}

static void decoder_delay_is_what_the_dpb_allows(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		struct h264_sps sps;
		unsigned delay;
	} cases[] = {
		{{.poc_type = 2}, 0},
		{{.vui = true, .restriction = true, .reorder = 0}, 0},
		{{.vui = true, .restriction = true, .reorder = 2, .buffering = 4}, 2},
		{{.level = 30, .mbs_across = 40, .mbs_down = 30}, 6},
		{{.level = 40, .mbs_across = 120, .mbs_down = 68}, 4},
		{{.level = 51, .mbs_across = 120, .mbs_down = 68}, 16},
		{{.vui = true, .level = 30, .mbs_across = 40, .mbs_down = 30}, 6},
		{{.level = 10, .mbs_across = 11, .mbs_down = 9}, 4},
		{{.level = 11, .mbs_across = 11, .mbs_down = 9}, 9},
		{{.level = 11, .constraints = 0x10, .mbs_across = 11, .mbs_down = 9}, 4},
		{{.level = 10, .refs = 3, .mbs_across = 80, .mbs_down = 45}, 3},
		{{.level = 255}, 16},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sps sps = good(cases[i].sps);
		assert_int_equal(sps_decoder_delay(&sps), cases[i].delay);
	}
}

static void broadway_is_for_what_its_heap_holds(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		struct h264_sps sps;
		bool suits;
	} cases[] = {
		{{.poc_type = 2, .refs = 4, .level = 40, .mbs_across = 120, .mbs_down = 68}, true},
		{{.poc_type = 2, .refs = 10, .level = 51, .mbs_across = 120, .mbs_down = 68}, true},
		{{.poc_type = 2, .refs = 11, .level = 51, .mbs_across = 120, .mbs_down = 68},
		 false},
		{{.poc_type = 2, .refs = 4, .level = 51, .mbs_across = 256, .mbs_down = 144},
		 false},
		/* As many pictures as the level allows, where nothing says that fewer will do. */
		{{.refs = 1, .level = 51, .mbs_across = 120, .mbs_down = 68}, false},
		{{.refs = 1, .level = 40, .mbs_across = 120, .mbs_down = 68}, true},
		{{.refs = 1,
		  .level = 51,
		  .mbs_across = 120,
		  .mbs_down = 68,
		  .vui = true,
		  .restriction = true,
		  .buffering = 1},
		 true},
		{{.poc_type = 2, .refs = 1, .profile = 77}, false},
		{{.poc_type = 2, .refs = 1, .profile = 77, .constraints = 0x80}, true},
		{{.poc_type = 2, .refs = 1, .fields = true}, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sps sps = good(cases[i].sps);
		struct au_format format;
		sps_format(&sps, &format);
		assert_int_equal(format.broadway, cases[i].suits);
	}
}

/* The rewritten SPS, read. */
static void read_rewritten(const struct h264_stream *s, struct sps *ret_sps)
{
	uint8_t out[SPS_REWRITE_MAX(sizeof(s->bytes))];

	ssize_t size = sps_rewrite(s->bytes, s->size, out, sizeof(out));
	assert_true(size > 0);
	assert_int_equal(out[0], s->bytes[0]);
	for (ssize_t i = 2; i < size; i++) /* 7.4.1: what may not stand in a NAL unit */
		assert_false(out[i - 2] == 0 && out[i - 1] == 0 && out[i] < 3);
	assert_int_equal(sps_read(out, (size_t)size, ret_sps), 0);
}

static void assert_rewrites_only_the_restriction(const struct h264_sps *p)
{
	struct h264_stream s = {.size = 0};
	struct sps before, after;

	h264_nal_bytes(&s, 0x67, h264_sps_rbsp(p));
	assert_int_equal(sps_read(s.bytes, s.size, &before), 0);
	read_rewritten(&s, &after);
	assert_int_equal(sps_decoder_delay(&after), 0);
	if (sps_decoder_delay(&before) > 0) {
		assert_int_equal(after.max_dec_frame_buffering, before.num_ref_frames);
		before.vui_present = before.restriction_present = true;
		before.max_num_reorder_frames = 0;
		before.max_dec_frame_buffering = before.num_ref_frames;
	}
	assert_memory_equal(&after, &before, sizeof(after));
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void rewriting_changes_nothing_but_the_restriction(void **state)
{
	UNUSED_STATE(state);
	uint32_t seed = 20261122;

	for (int i = 0; i < 5000; i++) {
		uint32_t r = next_random(&seed), q = next_random(&seed);
		struct h264_sps p = {.constraints = r & 0xc0,
				     .level = 10 + r % 42,
				     .id = q % 32,
				     .log2_max_frame_num = 4 + q % 13,
				     .poc_type = r % 3,
				     .log2_max_poc_lsb = 4 + r % 13,
				     .delta_always_zero = r >> 8 & 1,
				     .refs = r >> 9 & 15,
				     .gaps = r >> 13 & 1,
				     .fields = r >> 14 & 1,
				     .mbs_across = 1 + (q >> 8) % 120,
				     .mbs_down = 1 + (q >> 16) % 68,
				     .vui = r >> 15 & 1,
				     .timing = r >> 16 & 1,
				     .restriction = r >> 17 & 1,
				     .hrd = r >> 18 & 1,
				     .colour = r >> 19 & 1,
				     .tick = (r >> 20 & 3) != 0 ? 1u << (r >> 20 & 15) : 0,
				     .scale = q >> 24 << (q & 7),
				     .reorder = (r >> 24) % 5,
				     .buffering = 4 + (r >> 28)};
		p.buffering = p.buffering > 16 ? 16 : p.buffering;
		assert_rewrites_only_the_restriction(&p);
	}
}

static void sps_that_holds_nothing_back_is_copied(void **state)
{
	UNUSED_STATE(state);
	static const struct h264_sps cases[] = {
		{.poc_type = 2},
		{.vui = true, .restriction = true, .reorder = 0, .buffering = 3, .refs = 2},
	};
	for (size_t i = 0; i < 2; i++) {
		struct h264_stream s = {.size = 0};
		uint8_t out[200];
		h264_nal_bytes(&s, 0x67, h264_sps_rbsp(&cases[i]));
		assert_int_equal(sps_rewrite(s.bytes, s.size, out, sizeof(out)), s.size);
		assert_memory_equal(out, s.bytes, s.size);
	}
}

static void rewriting_refuses_garbage_and_small_buffers(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};
	uint8_t out[200] = {0x99};

	h264_nal_bytes(&s, 0x67, h264_sps_rbsp(&(struct h264_sps){.refs = 1}));
	assert_int_equal(sps_rewrite(s.bytes, 3, out, sizeof(out)), -EINVAL);
	assert_int_equal(sps_rewrite(s.bytes, s.size, out, s.size), -ENOSPC);
	assert_int_equal(out[0], 0x99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_written_is_read),
		cmocka_unit_test(what_is_unsaid_has_its_default),
		cmocka_unit_test(cropping_counts_in_its_units),
		cmocka_unit_test(forbidden_values_are_refused),
		cmocka_unit_test(every_cut_off_one_is_refused),
		cmocka_unit_test(high_profile_from_x264_is_read),
		cmocka_unit_test(profiles_have_names_and_codec_strings),
		cmocka_unit_test(fps_comes_from_two_ticks_a_frame),
		cmocka_unit_test(decoder_delay_is_what_the_dpb_allows),
		cmocka_unit_test(broadway_is_for_what_its_heap_holds),
		cmocka_unit_test(rewriting_changes_nothing_but_the_restriction),
		cmocka_unit_test(sps_that_holds_nothing_back_is_copied),
		cmocka_unit_test(rewriting_refuses_garbage_and_small_buffers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
