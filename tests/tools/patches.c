/* patches list: the colours, "R G B" a line. patches FORMAT 601|709 limited|full: an H.264 picture
 * of them side by side, as nalcastd makes it of a camera's in this pixel format, on standard
 * output. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

#include "common/util.h"
#include "streamer/convert.h"
#include "streamer/encoder.h"
#include "tests/unit/colours.h"

#define PATCH  64
#define WIDTH  (PATCH * (unsigned)ARRAY_SIZE(patches))
#define HEIGHT 64

const struct source_ops *const source_backends[] = {NULL};
const struct encoder_ops *const encoder_backends[] = {&encoder_x264_ops, NULL};

static int fail(const char *words)
{
	fprintf(stderr, "patches: %s\n", words);
	return 1;
}

static int list(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(patches); i++)
		printf("%d %d %d\n", patches[i].r, patches[i].g, patches[i].b);
	return 0;
}

static uint8_t *make_raw(const struct pixfmt *fmt, const struct matrix *m, bool full,
			 struct frame *frame)
{
	uint8_t *pixels = calloc(1, 4 * (size_t)WIDTH * HEIGHT);
	uint8_t *data = pixels;

	if (pixels == NULL)
		return NULL;
	frame->plane_count = fmt->planes;
	for (unsigned i = 0; i < fmt->planes; i++) {
		unsigned stride = pixfmt_row_bytes(fmt, i, WIDTH);
		size_t size = pixfmt_plane_size(fmt, i, WIDTH, HEIGHT, stride);
		paint_plane(fmt, i, data, stride, PATCH, HEIGHT, m, full);
		frame->plane[i] = (struct frame_plane){data, size, stride, -1};
		data += size;
	}
	return pixels;
}

static uint8_t *make_jpeg(struct frame *frame)
{
	struct frame raw = {0};
	uint8_t *rgb = make_raw(pixfmt_find(FRAME_FOURCC('R', 'G', 'B', '3')), &bt601, false, &raw);
	tjhandle handle = tjInitCompress();
	unsigned char *jpeg = NULL;
	unsigned long size = 0;

	if (rgb == NULL || handle == NULL ||
	    tjCompress2(handle, rgb, (int)WIDTH, 0, HEIGHT, TJPF_RGB, &jpeg, &size, TJSAMP_422, 97,
			0) < 0)
		return NULL;
	uint8_t *copy = malloc(size);
	if (copy != NULL)
		memcpy(copy, jpeg, size);
	frame->plane_count = 1;
	frame->plane[0] = (struct frame_plane){copy, size, 0, -1};
	tjFree(jpeg);
	tjDestroy(handle);
	free(rgb);
	return copy;
}

static int encode(const struct convert_picture *picture, uint8_t matrix)
{
	struct encoder_config cfg = {
		.in = {.fourcc = FRAME_I420,
		       .width = WIDTH,
		       .height = HEIGHT,
		       .fps_milli = 25000,
		       .colour = {.primaries = matrix, .transfer = matrix, .matrix = matrix}},
		.bitrate_bps = 20000000,
		.gop_frames = 1,
		.threads = 1,
	};
	struct frame frame = {.fourcc = FRAME_I420,
			      .width = WIDTH,
			      .height = HEIGHT,
			      .plane_count = 3};
	struct encoder *encoder;
	struct error err = {0};
	struct au *au;

	for (unsigned i = 0; i < 3; i++)
		frame.plane[i] =
			(struct frame_plane){picture->plane[i],
					     (size_t)picture->stride[i] * HEIGHT / (i == 0 ? 1 : 2),
					     picture->stride[i], -1};
	if (encoder_open(&encoder_x264_ops, &cfg, &encoder, &err) < 0)
		return fail(err.text);
	if (encoder_submit(encoder, &frame, true) < 0 || encoder_collect(encoder, &au, &err) < 0)
		return fail("no access unit");
	size_t written = fwrite(au->data, 1, au->size, stdout);
	bool complete = written == au->size;
	au_unref(au);
	encoder_close(encoder);
	return complete ? 0 : fail("standard output takes no more");
}

static int make(const char *name, bool is_709, bool full)
{
	uint32_t fourcc = strlen(name) == 4 ? FRAME_FOURCC(name[0], name[1], name[2], name[3]) : 0;
	const struct pixfmt *fmt = pixfmt_find(fourcc);
	struct convert *convert = convert_new(fourcc, WIDTH, HEIGHT, full);
	struct frame frame = {.fourcc = fourcc, .width = WIDTH, .height = HEIGHT};
	uint8_t *out = malloc(convert_bytes(WIDTH, HEIGHT));
	struct convert_picture picture;

	if (convert == NULL || out == NULL)
		return fail("no such format");
	uint8_t *in = fourcc == FRAME_MJPEG ? make_jpeg(&frame)
					    : make_raw(fmt, is_709 ? &bt709 : &bt601, full, &frame);
	convert_lay_out(out, WIDTH, HEIGHT, &picture);
	if (in == NULL || convert_to_i420(convert, &frame, &picture) < 0)
		return fail("it cannot be converted");
	int status = encode(&picture, is_709 ? 1 : 6);
	convert_free(convert);
	free(out);
	free(in);
	return status;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list();
	if (argc != 4)
		return fail("see the head of patches.c");
	return make(argv[1], strcmp(argv[2], "709") == 0, strcmp(argv[3], "full") == 0);
}
