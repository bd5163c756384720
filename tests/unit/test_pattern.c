#include "tests/unit/unit.h"

#include <stdlib.h>

#include "common/util.h"
#include "streamer/pattern.h"

struct picture {
	unsigned width, height;
	struct pattern *pattern;
	struct pattern_canvas canvas;
};

static const struct {
	unsigned width, height;
} sizes[] = {
	{320, 240}, {640, 480},  {642, 482},  {854, 480},
	{800, 600}, {1280, 720}, {1280, 960}, {1920, 1080},
};

static void picture_init(struct picture *pic, unsigned width, unsigned height)
{
	pic->width = width;
	pic->height = height;
	pic->pattern = pattern_new(width, height);
	assert_non_null(pic->pattern);
	pic->canvas.data = calloc(1, pattern_bytes(width, height));
	pic->canvas.look_drawn = 0;
	assert_non_null(pic->canvas.data);
}

static void picture_clear(struct picture *pic)
{
	free(pic->canvas.data);
	pattern_free(pic->pattern);
}

static void picture_draw(struct picture *pic, uint32_t time_ms, uint32_t frame)
{
	struct pattern_clock clock = {time_ms, frame};

	pattern_draw(pic->pattern, &pic->canvas, &clock);
}

static struct pattern_colour colour_at(const struct picture *pic, unsigned x, unsigned y)
{
	size_t luma = (size_t)pic->width * pic->height;
	size_t chroma = luma + (size_t)(y / 2) * (pic->width / 2) + x / 2;
	struct pattern_colour colour = {
		.y = pic->canvas.data[(size_t)y * pic->width + x],
		.cb = pic->canvas.data[chroma],
		.cr = pic->canvas.data[chroma + luma / 4],
	};

	return colour;
}

static void assert_colour(struct pattern_colour got, struct pattern_colour expected)
{
	assert_int_equal(got.y, expected.y);
	assert_int_equal(got.cb, expected.cb);
	assert_int_equal(got.cr, expected.cr);
}

static void clock_is_read_back_at_every_size(void **state)
{
	UNUSED_STATE(state);
	static const struct pattern_clock clocks[] = {
		{0, 0}, {1, 1}, {0xffffffff, 0xffffff}, {0x12345678, 0xabcdef}, {0x80000001, 42},
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct picture pic;
		picture_init(&pic, sizes[i].width, sizes[i].height);
		for (size_t c = 0; c < ARRAY_SIZE(clocks); c++) {
			struct pattern_clock got;
			picture_draw(&pic, clocks[c].time_ms, clocks[c].frame);
			assert_true(pattern_read_clock(pic.canvas.data, pic.width, pic.width,
						       pic.height, &got));
			assert_int_equal(got.time_ms, clocks[c].time_ms);
			assert_int_equal(got.frame, clocks[c].frame);
		}
		picture_clear(&pic);
	}
}

/* CRC-8 (polynomial 0x07) over 12 34 56 78 ab cd ef is 0x7b: computed with another program. */
static void cells_are_where_the_protocol_says(void **state)
{
	UNUSED_STATE(state);
	const uint32_t bands[] = {0x12345678, 0xabcdef7b};
	struct picture pic;

	picture_init(&pic, 642, 482);
	picture_draw(&pic, 0x12345678, 0xabcdef);
	for (unsigned y = 0; y < 2 * 482 / 24; y++) {
		uint32_t band = bands[y < 482 / 24 ? 0 : 1];
		for (unsigned cell = 0; cell < 32; cell++) {
			uint8_t expected = (band >> (31 - cell) & 1) != 0 ? 235 : 16;
			for (unsigned x = cell * 642 / 32; x < (cell + 1) * 642 / 32; x++)
				assert_int_equal(pic.canvas.data[y * 642 + x], expected);
		}
	}
	picture_clear(&pic);
}

static void damaged_clock_is_not_read(void **state)
{
	UNUSED_STATE(state);
	struct pattern_clock got = {7, 7};
	struct picture pic;

	picture_init(&pic, 640, 480);
	picture_draw(&pic, 1000, 5);
	for (unsigned y = 0; y < 20; y++)
		for (unsigned x = 0; x < 20; x++)
			pic.canvas.data[y * 640 + x] ^= 0xff;
	assert_false(pattern_read_clock(pic.canvas.data, 640, 640, 480, &got));
	assert_int_equal(got.time_ms, 7);
	picture_clear(&pic);
}

/* The centres of all patches. */
static void assert_patches(const struct picture *pic, uint32_t frame)
{
	unsigned top = 2 * pic->height / 24, height = pic->height - top;

	for (unsigned patch = 0; patch < PATTERN_GRID * PATTERN_GRID; patch++) {
		unsigned x = (2 * (patch % PATTERN_GRID) + 1) * pic->width / (2 * PATTERN_GRID);
		unsigned y = top + (2 * (patch / PATTERN_GRID) + 1) * height / (2 * PATTERN_GRID);
		struct pattern_colour expected = pattern_patch(patch, frame);
		expected.y += (uint8_t)pattern_gradient(x, pic->width, frame);
		assert_colour(colour_at(pic, x, y), expected);
	}
}

static void patches_follow_from_the_frame_number(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct picture pic;
		picture_init(&pic, sizes[i].width, sizes[i].height);
		for (uint32_t frame = 0; frame < 130; frame++) {
			picture_draw(&pic, frame * 33, frame);
			assert_patches(&pic, frame);
		}
		picture_draw(&pic, 5, 0xfffffe);
		assert_patches(&pic, 0xfffffe);
		picture_clear(&pic);
	}
}

static void one_patch_takes_its_turn_with_every_frame(void **state)
{
	UNUSED_STATE(state);
	bool changed[64] = {false};

	for (uint32_t frame = 1; frame < 2000; frame++) {
		unsigned differ = 0;
		for (unsigned patch = 0; patch < 64; patch++) {
			struct pattern_colour now = pattern_patch(patch, frame);
			struct pattern_colour before = pattern_patch(patch, frame - 1);
			if (now.y == before.y && now.cb == before.cb && now.cr == before.cr)
				continue;
			differ++;
			changed[patch] = true;
		}
		assert_in_range(differ, 0, 1);
	}
	for (unsigned patch = 0; patch < 64; patch++)
		assert_true(changed[patch]);
}

static void flips_leave_the_clock_alone(void **state)
{
	UNUSED_STATE(state);
	for (unsigned flips = 0; flips < 4; flips++) {
		struct pattern_look look = {.hflip = (flips & 1) != 0,
					    .vflip = (flips & 2) != 0,
					    .contrast = 1};
		struct picture plain, flipped;
		struct pattern_clock got;
		picture_init(&plain, 642, 482);
		picture_init(&flipped, 642, 482);
		pattern_set_look(flipped.pattern, &look);
		picture_draw(&plain, 1, 77);
		picture_draw(&flipped, 1, 77);
		for (unsigned y = 40; y < 482; y++) {
			for (unsigned x = 0; x < 642; x++) {
				unsigned at_x = look.hflip ? 641 - x : x;
				unsigned at_y = look.vflip ? 40 + 481 - y : y;
				assert_int_equal(colour_at(&plain, x, y).y,
						 colour_at(&flipped, at_x, at_y).y);
			}
		}
		assert_true(pattern_read_clock(flipped.canvas.data, 642, 642, 482, &got));
		assert_int_equal(got.frame, 77);
		picture_clear(&plain);
		picture_clear(&flipped);
	}
}

static void patches_reach_from_the_clock_to_the_last_row(void **state)
{
	UNUSED_STATE(state);
	struct picture pic;

	picture_init(&pic, 640, 480);
	picture_draw(&pic, 1, 9);
	struct pattern_colour first = pattern_patch(0, 9), last = pattern_patch(63, 9);
	first.y += (uint8_t)pattern_gradient(0, 640, 9);
	last.y += (uint8_t)pattern_gradient(639, 640, 9);
	assert_colour(colour_at(&pic, 0, 40), first);
	assert_colour(colour_at(&pic, 639, 479), last);
	picture_clear(&pic);
}

static void flips_keep_the_colours(void **state)
{
	UNUSED_STATE(state);
	struct pattern_look look = {.hflip = true, .vflip = true, .contrast = 1};
	struct picture pic;

	picture_init(&pic, 640, 480);
	pattern_set_look(pic.pattern, &look);
	picture_draw(&pic, 1, 1);
	for (unsigned column = 0; column < PATTERN_GRID; column++) {
		struct pattern_colour expected = pattern_patch(column, 1);
		expected.y += (uint8_t)pattern_gradient(40 + 80 * column, 640, 1);
		assert_colour(colour_at(&pic, 639 - 40 - 80 * column, 479 - 20), expected);
	}
	picture_clear(&pic);
}

static void brightness_and_contrast_change_the_picture_only(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		int brightness_64ths, contrast_halves;
	} cases[] = {{0, 2}, {16, 2}, {-16, 2}, {0, 1}, {0, 0}, {0, 4}, {64, 4}, {-64, 2}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pattern_look look = {.brightness = cases[i].brightness_64ths / 64.0,
					    .contrast = cases[i].contrast_halves / 2.0};
		struct pattern_colour expected = pattern_patch(12, 2);
		struct pattern_clock got;
		struct picture pic;
		picture_init(&pic, 640, 480);
		picture_draw(&pic, 1, 1);
		pattern_set_look(pic.pattern, &look);
		picture_draw(&pic, 2, 2);
		int luma = expected.y + (int)pattern_gradient(360, 640, 2) - 128;
		luma = luma * cases[i].contrast_halves + cases[i].brightness_64ths * 4 + 256;
		luma = (luma + 1) / 2; /* rounded as the pattern does */
		expected.y = (uint8_t)(luma < 16 ? 16 : luma > 235 ? 235 : luma);
		assert_colour(colour_at(&pic, 360, 120), expected);
		assert_true(pattern_read_clock(pic.canvas.data, 640, 640, 480, &got));
		assert_int_equal(got.frame, 2);
		picture_clear(&pic);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_is_read_back_at_every_size),
		cmocka_unit_test(cells_are_where_the_protocol_says),
		cmocka_unit_test(damaged_clock_is_not_read),
		cmocka_unit_test(patches_reach_from_the_clock_to_the_last_row),
		cmocka_unit_test(patches_follow_from_the_frame_number),
		cmocka_unit_test(one_patch_takes_its_turn_with_every_frame),
		cmocka_unit_test(flips_leave_the_clock_alone),
		cmocka_unit_test(flips_keep_the_colours),
		cmocka_unit_test(brightness_and_contrast_change_the_picture_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
