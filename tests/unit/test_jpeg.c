/* JPEG of known pictures, decoded again: every colour is what the video meant, within 3. */
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

#include "streamer/jfif.h"
#include "streamer/jpeg.h"
#include "streamer/pattern.h"

#define WIDTH  640
#define HEIGHT 480
#define TOP    (HEIGHT / 12) /* of the patches, below the clock */

struct rgb {
	double r, g, b;
};

static struct rgb meant_in_full(double luma, double blue, double red, double kr, double kb)
{
	struct rgb c = {.r = luma + 2 * (1 - kr) * red, .b = luma + 2 * (1 - kb) * blue};

	c.g = (luma - kr * c.r - kb * c.b) / (1 - kr - kb);
	return (struct rgb){fmin(fmax(c.r, 0), 255), fmin(fmax(c.g, 0), 255),
			    fmin(fmax(c.b, 0), 255)};
}

static struct rgb meant(double y, double cb, double cr, double kr, double kb)
{
	return meant_in_full((y - 16) / 219 * 255, (cb - 128) / 224 * 255, (cr - 128) / 224 * 255,
			     kr, kb);
}

/* Encodes, decodes; the RGB is the caller's. */
static uint8_t *through(uint8_t *i420, enum jfif_matrix matrix, unsigned quality, size_t *ret_size)
{
	struct jpeg_encoder *encoder = jpeg_encoder_new();
	uint8_t *jpeg = malloc(jpeg_bytes_max(WIDTH, HEIGHT)), *rgb = malloc(WIDTH * HEIGHT * 3);
	struct error err = {0};

	assert_non_null(encoder);
	jfif_convert(i420, WIDTH, HEIGHT, matrix);
	assert_int_equal(jpeg_encode(encoder, i420, WIDTH, HEIGHT, quality, jpeg, ret_size, &err),
			 0);
	tjhandle decoder = tjInitDecompress();
	assert_int_equal(tjDecompress2(decoder, jpeg, *ret_size, rgb, WIDTH, 0, HEIGHT, TJPF_RGB,
				       0),
			 0);
	tjDestroy(decoder);
	jpeg_encoder_free(encoder);
	free(jpeg);
	return rgb;
}

static struct rgb mean(const uint8_t *rgb, unsigned x, unsigned y, unsigned width, unsigned height)
{
	struct rgb sum = {0, 0, 0};
	double count = (double)width * height;

	for (unsigned row = y; row < y + height; row++)
		for (unsigned column = x; column < x + width; column++) {
			const uint8_t *pixel = rgb + ((size_t)row * WIDTH + column) * 3;
			sum = (struct rgb){sum.r + pixel[0], sum.g + pixel[1], sum.b + pixel[2]};
		}
	return (struct rgb){sum.r / count, sum.g / count, sum.b / count};
}

static void assert_near(struct rgb got, struct rgb wanted)
{
	if (fabs(got.r - wanted.r) > 3 || fabs(got.g - wanted.g) > 3 || fabs(got.b - wanted.b) > 3)
		fail_msg("%.1f %.1f %.1f is not %.1f %.1f %.1f", got.r, got.g, got.b, wanted.r,
			 wanted.g, wanted.b);
}

static void the_pattern_comes_back_with_its_colours(void **state)
{
	struct pattern *pattern = pattern_new(WIDTH, HEIGHT);
	struct pattern_canvas canvas = {.data = malloc(pattern_bytes(WIDTH, HEIGHT))};
	const unsigned width = WIDTH / 8, height = (HEIGHT - TOP) / 8, frame = 4711;
	size_t size;

	UNUSED_STATE(state);
	pattern_draw(pattern, &canvas, &(struct pattern_clock){1, frame});
	uint8_t *rgb = through(canvas.data, JFIF_FROM_BT601, 80, &size);
	for (unsigned patch = 0; patch < PATTERN_GRID * PATTERN_GRID; patch++) {
		unsigned x = patch % 8 * width + width / 3,
			 y = TOP + patch / 8 * height + height / 3;
		struct pattern_colour c = pattern_patch(patch, frame);
		double added = 0;
		for (unsigned i = 0; i < width / 3; i++)
			added += pattern_gradient(x + i, WIDTH, frame);
		assert_near(mean(rgb, x, y, width / 3, height / 3),
			    meant(c.y + added / (width / 3), c.cb, c.cr, 0.299, 0.114));
	}
	free(rgb);
	free(canvas.data);
	pattern_free(pattern);
}

/* One colour all over the picture. */
static void check_colour(uint8_t y, uint8_t cb, uint8_t cr, enum jfif_matrix matrix)
{
	uint8_t *i420 = malloc(WIDTH * HEIGHT * 3 / 2);
	bool is_709 = matrix == JFIF_FROM_BT709 || matrix == JFIF_FROM_BT709_FULL;
	bool is_full = matrix == JFIF_FROM_BT601_FULL || matrix == JFIF_FROM_BT709_FULL;
	double kr = is_709 ? 0.2126 : 0.299, kb = is_709 ? 0.0722 : 0.114;
	size_t size;

	memset(i420, y, WIDTH * HEIGHT);
	memset(i420 + WIDTH * HEIGHT, cb, WIDTH * HEIGHT / 4);
	memset(i420 + WIDTH * HEIGHT * 5 / 4, cr, WIDTH * HEIGHT / 4);
	uint8_t *rgb = through(i420, matrix, 95, &size);
	assert_near(mean(rgb, 0, 0, WIDTH, HEIGHT),
		    is_full ? meant_in_full(y, cb - 128, cr - 128, kr, kb)
			    : meant(y, cb, cr, kr, kb));
	free(rgb);
	free(i420);
}

static void matrices_and_ranges_are_honoured(void **state)
{
	/* Black, white, grey, R'G'B' primaries at 75 % of both matrices, and mixtures. */
	static const uint8_t colours[][3] = {
		{16, 128, 128}, {235, 128, 128}, {126, 128, 128}, {65, 100, 212},  {112, 72, 58},
		{35, 212, 114}, {51, 109, 212},  {133, 63, 52},   {28, 212, 120},  {150, 100, 160},
		{90, 160, 100}, {180, 110, 120}, {0, 128, 128},   {255, 128, 128},
	};

	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		for (enum jfif_matrix from = JFIF_FROM_BT601; from <= JFIF_FROM_BT709_FULL; from++)
			check_colour(colours[i][0], colours[i][1], colours[i][2], from);
}

static void quality_costs_bytes(void **state)
{
	struct pattern *pattern = pattern_new(WIDTH, HEIGHT);
	struct pattern_canvas canvas = {.data = malloc(pattern_bytes(WIDTH, HEIGHT))};
	size_t size, before = 0;

	UNUSED_STATE(state);
	for (unsigned quality = 1; quality <= 100; quality += 33) {
		canvas.look_drawn = 0;
		pattern_draw(pattern, &canvas, &(struct pattern_clock){1, 1});
		free(through(canvas.data, JFIF_FROM_BT601, quality, &size));
		assert_true(size > before);
		before = size;
	}
	free(canvas.data);
	pattern_free(pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pattern_comes_back_with_its_colours),
		cmocka_unit_test(matrices_and_ranges_are_honoured),
		cmocka_unit_test(quality_costs_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
