/* Takes a picture of a camera in each pixel format that it offers and nalcastd takes, as if there
 * were no other, and holds it against the first one's: a line a format,
 *   NAME PLANES LUMA CHROMA
 * with the pieces of memory that its buffers have and the largest difference of a sample that is no
 * edge's (of 255). The camera must see something that stands still: vivid without its text. Ends
 * with 1 when a format does not show it. */
#include <errno.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/convert.h"
#include "streamer/pixfmt.h"
#include "streamer/source.h"
#include "streamer/v4l2dev.h"

#define PICTURE_MS     30000
#define PICTURES       3
#define FORMATS_MAX    128
#define DIFFERENCE_MAX 3 /* of rounding, there and back */

struct formats {
	const char *device;
	unsigned width, height;
	unsigned count;
	uint32_t fourcc[FORMATS_MAX];
	uint8_t *first, *picture; /* I420 without padding */
};

/* --- a camera that offers one format */

static const struct v4l2_calls *kernel;
static uint32_t offered;

static int enum_format(int fd, struct v4l2_fmtdesc *desc)
{
	struct v4l2_fmtdesc found = {.type = desc->type};

	if (desc->index > 0) {
		errno = EINVAL;
		return -1;
	}
	do
		if (kernel->ioctl(fd, VIDIOC_ENUM_FMT, &found) < 0)
			return -1;
	while (found.pixelformat != offered && ++found.index < FORMATS_MAX);
	*desc = found;
	desc->index = 0;
	return 0;
}

static int call(int fd, unsigned long request, void *arg)
{
	return request == VIDIOC_ENUM_FMT ? enum_format(fd, arg) : kernel->ioctl(fd, request, arg);
}

/* --- a picture of it */

static void keep(struct formats *formats, const struct frame *frame)
{
	struct convert_picture to;

	convert_lay_out(formats->picture, formats->width, formats->height, &to);
	for (unsigned i = 0; i < FRAME_PLANES_MAX; i++)
		for (unsigned y = 0; y < (i == 0 ? formats->height : formats->height / 2); y++)
			memcpy(to.plane[i] + (size_t)y * to.stride[i],
			       frame->plane[i].data + (size_t)y * frame->plane[i].stride,
			       i == 0 ? formats->width : formats->width / 2);
}

/* The first may be of before the format was set. */
static int take(struct formats *formats, struct source *src)
{
	int64_t end_us = clock_now_us() + PICTURE_MS * INT64_C(1000);
	struct frame frame;

	for (unsigned taken = 0; taken < PICTURES;) {
		struct pollfd fd = {source_fd(src), POLLIN, 0};
		if (clock_now_us() > end_us)
			return -ETIMEDOUT;
		poll(&fd, 1, PICTURE_MS);
		int r = source_dequeue(src, &frame);
		if (r == -EAGAIN || r == -ENODATA)
			continue;
		if (r < 0)
			return r;
		keep(formats, &frame);
		source_release(src, frame.index);
		taken++;
	}
	return 0;
}

static int take_in(struct formats *formats, uint32_t fourcc, struct error *err)
{
	struct source_config cfg = {.width = formats->width, .height = formats->height};
	struct source *src;

	offered = fourcc;
	snprintf(cfg.device, sizeof(cfg.device), "%s", formats->device);
	int r = source_open(&source_v4l2_ops, &cfg, &src, err);
	if (r < 0)
		return r;
	r = take(formats, src);
	source_close(src);
	return r < 0 ? error_set(err, r, "no picture: %s", strerror(-r)) : 0;
}

/* --- the same as before? */

/* Chroma of 4:2:2 and 4:4:4 is averaged, at edges one way or another. */
static bool is_edge(const uint8_t *row, unsigned x, unsigned width)
{
	return x == 0 || x + 1 == width || abs(row[x] - row[x - 1]) > DIFFERENCE_MAX ||
	       abs(row[x] - row[x + 1]) > DIFFERENCE_MAX;
}

static int difference(const uint8_t *a, const uint8_t *b, unsigned width, unsigned rows)
{
	int largest = 0;

	for (unsigned y = 0; y < rows; y++, a += width, b += width)
		for (unsigned x = 0; x < width; x++)
			if (!is_edge(a, x, width) && abs(a[x] - b[x]) > largest)
				largest = abs(a[x] - b[x]);
	return largest;
}

static bool is_same(const struct formats *formats, const struct pixfmt *pix)
{
	size_t luma = (size_t)formats->width * formats->height;
	int of_luma = difference(formats->first, formats->picture, formats->width, formats->height);
	int of_chroma = difference(formats->first + luma, formats->picture + luma,
				   formats->width / 2, formats->height);

	printf("%s %u %d %d\n", pix->name, pix->apart ? pix->planes : 1U, of_luma, of_chroma);
	/* vivid makes grey of RGB by weights of its own. */
	return pix->fourcc == V4L2_PIX_FMT_GREY ||
	       (of_luma <= DIFFERENCE_MAX && of_chroma <= DIFFERENCE_MAX);
}

static void list(struct formats *formats, const struct v4l2dev *dev)
{
	struct v4l2_fmtdesc desc = {.type = dev->type};

	for (; v4l2dev_call(dev, VIDIOC_ENUM_FMT, &desc) == 0 && formats->count < FORMATS_MAX;
	     desc.index++)
		if (pixfmt_find(desc.pixelformat) != NULL)
			formats->fourcc[formats->count++] = desc.pixelformat;
}

static bool compare_all(struct formats *formats)
{
	static struct v4l2_calls calls;
	bool all_same = formats->count > 0;
	struct error err;

	kernel = v4l2_calls;
	calls = *kernel;
	calls.ioctl = call;
	v4l2_calls = &calls;
	for (unsigned i = 0; i < formats->count; i++) {
		const struct pixfmt *pix = pixfmt_find(formats->fourcc[i]);
		if (take_in(formats, pix->fourcc, &err) < 0) {
			printf("%s failed: %s\n", pix->name, err.text);
			all_same = false;
			continue;
		}
		if (i == 0)
			memcpy(formats->first, formats->picture,
			       convert_bytes(formats->width, formats->height));
		all_same = is_same(formats, pix) && all_same;
	}
	return all_same;
}

static int run(struct formats *formats)
{
	struct v4l2dev dev;
	struct error err;

	if (v4l2dev_open(&dev, formats->device, &err) < 0) {
		fprintf(stderr, "formats: %s\n", err.text);
		return 1;
	}
	list(formats, &dev);
	v4l2dev_close(&dev);
	size_t size = convert_bytes(formats->width, formats->height);
	formats->first = calloc(1, size);
	formats->picture = calloc(1, size);
	bool good = formats->first != NULL && formats->picture != NULL && compare_all(formats);
	free(formats->first);
	free(formats->picture);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct formats formats = {0};
	uint64_t width, height;

	if (argc != 4 || parse_unsigned(argv[2], 2, 8192, &width) < 0 ||
	    parse_unsigned(argv[3], 2, 8192, &height) < 0) {
		fputs("Usage: formats DEVICE WIDTH HEIGHT\n", stderr);
		return 2;
	}
	clock_init();
	formats.device = argv[1];
	formats.width = (unsigned)width;
	formats.height = (unsigned)height;
	return run(&formats);
}
