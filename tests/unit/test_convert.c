#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

#include "common/util.h"
#include "streamer/convert.h"
#include "streamer/pixfmt.h"
#include "tests/unit/colours.h"

#define PATCH   32
#define WIDTH   (PATCH * (unsigned)ARRAY_SIZE(patches))
#define HEIGHT  48
#define PADDING 12 /* bytes at the end of each row */
#define CLOSE   3  /* of 255, in every channel */

struct source_picture {
	struct frame frame;
	uint8_t *plane[FRAME_PLANES_MAX];
};

static void paint(struct source_picture *p, const struct pixfmt *fmt, const struct matrix *m,
		  bool full)
{
	*p = (struct source_picture){0};
	p->frame.fourcc = fmt->fourcc;
	p->frame.width = WIDTH;
	p->frame.height = HEIGHT;
	p->frame.plane_count = fmt->planes;
	for (unsigned i = 0; i < fmt->planes; i++) {
		unsigned stride = pixfmt_row_bytes(fmt, i, WIDTH) + PADDING;
		/* Not a byte more than that: what reads on is found by the sanitizer. */
		size_t size = pixfmt_plane_size(fmt, i, WIDTH, HEIGHT, stride);
		uint8_t *padded = malloc((size_t)stride * pixfmt_rows(fmt, i, HEIGHT));
		p->plane[i] = malloc(size);
		assert_non_null(padded);
		assert_non_null(p->plane[i]);
		memset(padded, 0xAA, (size_t)stride * pixfmt_rows(fmt, i, HEIGHT));
		paint_plane(fmt, i, padded, stride, PATCH, HEIGHT, m, full);
		memcpy(p->plane[i], padded, size);
		free(padded);
		p->frame.plane[i] = (struct frame_plane){p->plane[i], size, stride, -1};
	}
}

static void wipe(struct source_picture *p)
{
	for (unsigned i = 0; i < FRAME_PLANES_MAX; i++)
		free(p->plane[i]);
}

static bool is_close(struct colour a, struct colour b)
{
	return abs(a.r - b.r) <= CLOSE && abs(a.g - b.g) <= CLOSE && abs(a.b - b.b) <= CLOSE;
}

/* In the middle of each patch: at its border chroma is of both. */
static void assert_patches(const struct convert_picture *out, const struct matrix *m, bool grey)
{
	for (unsigned i = 0; i < ARRAY_SIZE(patches); i++) {
		unsigned x = i * PATCH + PATCH / 2, y = HEIGHT / 2;
		int ycc[3] = {
			out->plane[0][y * out->stride[0] + x],
			out->plane[1][y / 2 * out->stride[1] + x / 2],
			out->plane[2][y / 2 * out->stride[2] + x / 2],
		};
		struct colour seen = ycc_to_rgb(ycc, m), wanted = patches[i];
		if (grey) {
			rgb_to_ycc(patches[i], m, true, ycc);
			wanted = (struct colour){ycc[0], ycc[0], ycc[0]};
		}
		if (!is_close(seen, wanted))
			fail_msg("patch %u: %d %d %d, not %d %d %d", i, seen.r, seen.g, seen.b,
				 wanted.r, wanted.g, wanted.b);
	}
}

static uint8_t *new_picture(struct convert_picture *ret_picture)
{
	uint8_t *pixels = malloc(convert_bytes(WIDTH, HEIGHT));

	assert_non_null(pixels);
	convert_lay_out(pixels, WIDTH, HEIGHT, ret_picture);
	return pixels;
}

static void check_raw(const char *name, const struct matrix *m, bool full)
{
	const struct pixfmt *fmt = pixfmt_find(FRAME_FOURCC(name[0], name[1], name[2], name[3]));
	struct convert_picture out;
	struct source_picture in;

	assert_non_null(fmt);
	paint(&in, fmt, m, full);
	uint8_t *pixels = new_picture(&out);
	struct convert *convert = convert_new(fmt->fourcc, WIDTH, HEIGHT, full);
	assert_non_null(convert);
	assert_int_equal(convert_to_i420(convert, &in.frame, &out), 0);
	assert_patches(&out, m, strcmp(name, "GREY") == 0);

	/* Cut off by a byte, in any plane. */
	for (unsigned i = 0; i < fmt->planes; i++) {
		in.frame.plane[i].size--;
		assert_int_equal(convert_to_i420(convert, &in.frame, &out), -EMSGSIZE);
		in.frame.plane[i].size++;
	}
	in.frame.plane_count--;
	assert_int_equal(convert_to_i420(convert, &in.frame, &out), -EMSGSIZE);
	convert_free(convert);
	free(pixels);
	wipe(&in);
}

static void ycbcr_of_both_matrices_and_ranges_keeps_its_colours(void **state)
{
	UNUSED_STATE(state);
	static const char *const names[] = {"YU12", "YM12", "YV12", "YM21", "NV12", "NM12",
					    "NV21", "NM21", "YUYV", "YVYU", "UYVY", "GREY"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		check_raw(names[i], &bt601, false);
		check_raw(names[i], &bt601, true);
		check_raw(names[i], &bt709, false);
		check_raw(names[i], &bt709, true);
	}
}

static void rgb_becomes_bt601(void **state)
{
	UNUSED_STATE(state);
	static const char *const names[] = {"RGB3", "BGR3", "XR24", "AR24",
					    "BGR4", "BX24", "BA24", "RGB4"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		check_raw(names[i], &bt601, false);
}

/* --- JPEG */

struct jpeg {
	unsigned char *data;
	unsigned long size;
};

static struct jpeg make_jpeg(int subsampling, unsigned width, unsigned height)
{
	tjhandle handle = tjInitCompress();
	uint8_t *rgb = malloc((size_t)width * height * 3);
	struct jpeg jpeg = {0};

	assert_non_null(handle);
	assert_non_null(rgb);
	for (unsigned y = 0; y < height; y++)
		for (unsigned x = 0; x < width; x++) {
			struct colour c = patches[x / PATCH % ARRAY_SIZE(patches)];
			uint8_t *at = rgb + 3 * ((size_t)y * width + x);
			at[0] = (uint8_t)c.r;
			at[1] = (uint8_t)c.g;
			at[2] = (uint8_t)c.b;
		}
	assert_int_equal(tjCompress2(handle, rgb, (int)width, 0, (int)height, TJPF_RGB, &jpeg.data,
				     &jpeg.size, subsampling, 97, TJFLAG_ACCURATEDCT),
			 0);
	free(rgb);
	tjDestroy(handle);
	return jpeg;
}

static int convert_jpeg(struct convert *convert, const uint8_t *data, size_t size,
			const struct convert_picture *out)
{
	/* A copy without a byte more, for the sanitizer. */
	uint8_t *copy = malloc(size > 0 ? size : 1);
	struct frame frame = {
		.fourcc = FRAME_MJPEG,
		.width = WIDTH,
		.height = HEIGHT,
		.plane_count = 1,
	};

	assert_non_null(copy);
	memcpy(copy, data, size);
	frame.plane[0] = (struct frame_plane){copy, size, 0, -1};
	int r = convert_to_i420(convert, &frame, out);
	free(copy);
	return r;
}

static void jpeg_of_every_subsampling_keeps_its_colours(void **state)
{
	UNUSED_STATE(state);
	static const int subsamplings[] = {TJSAMP_420, TJSAMP_422, TJSAMP_444,
					   TJSAMP_440, TJSAMP_411, TJSAMP_GRAY};
	struct convert *convert = convert_new(FRAME_MJPEG, WIDTH, HEIGHT, false);
	struct convert_picture out;
	uint8_t *pixels = new_picture(&out);

	assert_non_null(convert);
	for (size_t i = 0; i < ARRAY_SIZE(subsamplings); i++) {
		struct jpeg jpeg = make_jpeg(subsamplings[i], WIDTH, HEIGHT);
		assert_int_equal(convert_jpeg(convert, jpeg.data, jpeg.size, &out), 0);
		assert_patches(&out, &bt601, subsamplings[i] == TJSAMP_GRAY);
		tjFree(jpeg.data);
	}
	convert_free(convert);
	free(pixels);
}

static void damaged_jpeg_is_refused_and_the_next_one_taken(void **state)
{
	UNUSED_STATE(state);
	struct convert *convert = convert_new(FRAME_MJPEG, WIDTH, HEIGHT, false);
	struct jpeg jpeg = make_jpeg(TJSAMP_422, WIDTH, HEIGHT);
	struct jpeg other = make_jpeg(TJSAMP_422, WIDTH / 2, HEIGHT);
	struct convert_picture out;
	uint8_t *pixels = new_picture(&out);

	assert_non_null(convert);
	assert_int_equal(convert_jpeg(convert, other.data, other.size, &out), -EBADMSG);
	for (size_t size = 0; size + 3 < jpeg.size; size += 1 + size / 16)
		assert_int_equal(convert_jpeg(convert, jpeg.data, size, &out), -EBADMSG);
	memset(jpeg.data + jpeg.size / 2, 0xFF, 64);
	assert_int_equal(convert_jpeg(convert, jpeg.data, jpeg.size, &out), -EBADMSG);
	memset(jpeg.data, 0x55, jpeg.size);
	assert_int_equal(convert_jpeg(convert, jpeg.data, jpeg.size, &out), -EBADMSG);
	tjFree(jpeg.data);
	jpeg = make_jpeg(TJSAMP_422, WIDTH, HEIGHT);
	assert_int_equal(convert_jpeg(convert, jpeg.data, jpeg.size, &out), 0);
	assert_patches(&out, &bt601, false);
	tjFree(jpeg.data);
	tjFree(other.data);
	convert_free(convert);
	free(pixels);
}

/* Cameras that say that all of their buffer was used; and such as put a few bytes before the end
 * of image, in every picture. */
static void bytes_that_belong_to_nothing_are_no_damage(void **state)
{
	UNUSED_STATE(state);
	struct convert *convert = convert_new(FRAME_MJPEG, WIDTH, HEIGHT, false);
	struct jpeg jpeg = make_jpeg(TJSAMP_422, WIDTH, HEIGHT);
	struct convert_picture out;
	uint8_t *pixels = new_picture(&out);
	uint8_t *data = calloc(2, jpeg.size);

	assert_non_null(convert);
	assert_non_null(data);
	memcpy(data, jpeg.data, jpeg.size);
	assert_int_equal(convert_jpeg(convert, data, 2 * jpeg.size, &out), 0);
	assert_patches(&out, &bt601, false);
	memset(data + jpeg.size - 2, 0, 7); /* over the marker EOI */
	data[jpeg.size + 5] = 0xFF;
	data[jpeg.size + 6] = 0xD9;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(convert_jpeg(convert, data, jpeg.size + 7, &out), 0);
		assert_patches(&out, &bt601, false);
	}
	/* Since then what is really damaged still is. */
	assert_int_equal(convert_jpeg(convert, jpeg.data, jpeg.size / 2, &out), -EBADMSG);
	free(data);
	tjFree(jpeg.data);
	convert_free(convert);
	free(pixels);
}

/* As most cameras send it (UVC 1.5, Payload MJPEG 2.1:): with the usual tables left out.
 */
static void jpeg_without_huffman_tables_is_taken(void **state)
{
	UNUSED_STATE(state);
	struct convert *convert = convert_new(FRAME_MJPEG, WIDTH, HEIGHT, false);
	struct jpeg jpeg = make_jpeg(TJSAMP_422, WIDTH, HEIGHT);
	struct convert_picture out;
	uint8_t *pixels = new_picture(&out), *data = malloc(jpeg.size);
	size_t size = 2;

	assert_non_null(convert);
	assert_non_null(data);
	memcpy(data, jpeg.data, 2);
	for (size_t at = 2; at < jpeg.size;) {
		size_t segment = 2 + (size_t)jpeg.data[at + 2] * 256 + jpeg.data[at + 3];
		bool scan = jpeg.data[at + 1] == 0xDA, tables = jpeg.data[at + 1] == 0xC4;
		if (scan)
			segment = jpeg.size - at;
		if (!tables) {
			memcpy(data + size, jpeg.data + at, segment);
			size += segment;
		}
		at += segment;
	}
	assert_true(size < jpeg.size);
	assert_int_equal(convert_jpeg(convert, data, size, &out), 0);
	assert_patches(&out, &bt601, false);
	free(data);
	tjFree(jpeg.data);
	convert_free(convert);
	free(pixels);
}

static void what_is_no_picture_has_no_converter(void **state)
{
	UNUSED_STATE(state);
	assert_null(convert_new(FRAME_H264, WIDTH, HEIGHT, false));
	assert_null(convert_new(FRAME_FOURCC('B', 'A', '8', '1'), WIDTH, HEIGHT, false));
	convert_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ycbcr_of_both_matrices_and_ranges_keeps_its_colours),
		cmocka_unit_test(rgb_becomes_bt601),
		cmocka_unit_test(jpeg_of_every_subsampling_keeps_its_colours),
		cmocka_unit_test(damaged_jpeg_is_refused_and_the_next_one_taken),
		cmocka_unit_test(bytes_that_belong_to_nothing_are_no_damage),
		cmocka_unit_test(jpeg_without_huffman_tables_is_taken),
		cmocka_unit_test(what_is_no_picture_has_no_converter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
