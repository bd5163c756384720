#include "streamer/convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libyuv.h>
#include <turbojpeg.h>

#include "streamer/pixfmt.h"

#define GREY 128

/* libyuv blends as (value * alpha + other * (255 - alpha) + 255) >> 8; with these that is
 * 16 + value * 219 / 255, and 128 + (value - 128) * 224 / 255 (H.264 E.2.1), to 1 of 255. */
#define LUMA_ALPHA   219
#define LUMA_OTHER   113
#define CHROMA_ALPHA 224
#define CHROMA_OTHER 132

struct convert {
	const struct pixfmt *fmt;
	unsigned width, height;
	bool full_range;
	uint8_t *luma_alpha, *luma_other, *chroma_alpha, *chroma_other; /* a row each */
	uint8_t *rows;                                                  /* all four */

	tjhandle jpeg;      /* NULL: none yet, or none that works */
	bool lenient;       /* this camera puts bytes between its JPEG's parts: no damage */
	uint8_t *chroma[2]; /* of a JPEG that is not 4:2:0 */
	size_t chroma_size; /* bytes of each */
};

static bool is_jpeg(const struct pixfmt *fmt)
{
	return fmt->like == FRAME_MJPEG || fmt->like == FRAME_JPEG;
}

static bool is_rgb(const struct pixfmt *fmt)
{
	return fmt->planes == 1 && fmt->plane[0].x_div == 1 && fmt->plane[0].bytes > 1;
}

size_t convert_bytes(unsigned width, unsigned height)
{
	return (size_t)width * height * 3 / 2;
}

void convert_lay_out(uint8_t *data, unsigned width, unsigned height,
		     struct convert_picture *ret_picture)
{
	size_t luma = (size_t)width * height;

	*ret_picture = (struct convert_picture){
		.plane = {data, data + luma, data + luma + luma / 4},
		.stride = {width, width / 2, width / 2},
	};
}

static bool allocate(struct convert *c)
{
	c->rows = malloc(4 * (size_t)c->width);
	if (c->rows == NULL)
		return false;
	c->luma_alpha = c->rows;
	c->luma_other = c->rows + c->width;
	c->chroma_alpha = c->rows + 2 * (size_t)c->width;
	c->chroma_other = c->rows + 3 * (size_t)c->width;
	memset(c->luma_alpha, LUMA_ALPHA, c->width);
	memset(c->luma_other, LUMA_OTHER, c->width);
	memset(c->chroma_alpha, CHROMA_ALPHA, c->width);
	memset(c->chroma_other, CHROMA_OTHER, c->width);
	return true;
}

struct convert *convert_new(uint32_t fourcc, unsigned width, unsigned height, bool full_range)
{
	const struct pixfmt *fmt = pixfmt_find(fourcc);

	if (fmt == NULL || fmt->like == FRAME_H264)
		return NULL;
	struct convert *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->fmt = fmt;
	c->width = width;
	c->height = height;
	c->full_range = is_jpeg(fmt) || (full_range && !is_rgb(fmt));
	if (!allocate(c)) {
		convert_free(c);
		return NULL;
	}
	return c;
}

void convert_free(struct convert *c)
{
	if (c == NULL)
		return;
	if (c->jpeg != NULL)
		tjDestroy(c->jpeg);
	free(c->chroma[0]);
	free(c->chroma[1]);
	free(c->rows);
	free(c);
}

/* --- JPEG */

/* The planes of colour differences are scaled to 4:2:0, from whatever they were. */
static int have_chroma(struct convert *c, int subsampling)
{
	size_t size = (size_t)tjPlaneWidth(1, (int)c->width, subsampling) *
		      (size_t)tjPlaneHeight(1, (int)c->height, subsampling);

	if (c->chroma_size >= size)
		return 0;
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *grown = realloc(c->chroma[i], size);
		if (grown == NULL)
			return -ENOMEM;
		c->chroma[i] = grown;
	}
	c->chroma_size = size;
	return 0;
}

/* Some cameras put bytes between the parts of a JPEG that belong to none, in every picture, and
 * libjpeg warns of them. They alone are no damage; anything else that it warns of is. */
static bool is_harmless(tjhandle jpeg)
{
	return tjGetErrorCode(jpeg) == TJERR_WARNING &&
	       strstr(tjGetErrorStr2(jpeg), "extraneous bytes") != NULL;
}

static int decode(struct convert *c, const struct frame_plane *in, uint8_t **planes, int *strides)
{
	int flags = TJFLAG_LIMITSCANS | (c->lenient ? 0 : TJFLAG_STOPONWARNING);
	int r = tjDecompressToYUVPlanes(c->jpeg, in->data, in->size, planes, (int)c->width, strides,
					(int)c->height, flags);

	if (r == 0)
		return 0;
	if (!is_harmless(c->jpeg))
		return -EBADMSG;
	if (c->lenient)
		return 0;
	c->lenient = true;
	return decode(c, in, planes, strides);
}

static void scale_chroma(const struct convert *c, int subsampling, const struct convert_picture *to)
{
	int width = tjPlaneWidth(1, (int)c->width, subsampling);
	int height = tjPlaneHeight(1, (int)c->height, subsampling);

	for (unsigned i = 0; i < 2; i++)
		ScalePlane(c->chroma[i], width, width, height, to->plane[1 + i],
			   (int)to->stride[1 + i], (int)c->width / 2, (int)c->height / 2,
			   kFilterBox);
}

static void fill_grey(const struct convert *c, const struct convert_picture *to)
{
	for (unsigned i = 1; i < 3; i++)
		SetPlane(to->plane[i], (int)to->stride[i], (int)c->width / 2, (int)c->height / 2,
			 GREY);
}

static int decode_jpeg(struct convert *c, const struct frame_plane *in,
		       const struct convert_picture *to)
{
	int width, height, subsampling, colours;

	if (tjDecompressHeader3(c->jpeg, in->data, in->size, &width, &height, &subsampling,
				&colours) < 0)
		return -EBADMSG;
	if ((unsigned)width != c->width || (unsigned)height != c->height ||
	    (colours != TJCS_YCbCr && colours != TJCS_GRAY))
		return -EBADMSG;
	bool direct = subsampling == TJSAMP_420 || subsampling == TJSAMP_GRAY;
	if (!direct && have_chroma(c, subsampling) < 0)
		return -ENOMEM;
	int chroma_width = tjPlaneWidth(1, width, subsampling);
	uint8_t *planes[3] = {to->plane[0], direct ? to->plane[1] : c->chroma[0],
			      direct ? to->plane[2] : c->chroma[1]};
	int strides[3] = {(int)to->stride[0], direct ? (int)to->stride[1] : chroma_width,
			  direct ? (int)to->stride[2] : chroma_width};
	int r = decode(c, in, planes, strides);
	if (r < 0)
		return r;
	if (subsampling == TJSAMP_GRAY)
		fill_grey(c, to);
	else if (!direct)
		scale_chroma(c, subsampling, to);
	return 0;
}

/* libturbojpeg 2.1 does not find its feet again after some headers that it cannot read. */
static int from_jpeg(struct convert *c, const struct frame_plane *in,
		     const struct convert_picture *to)
{
	if (c->jpeg == NULL)
		c->jpeg = tjInitDecompress();
	if (c->jpeg == NULL)
		return -ENOMEM;
	int r = decode_jpeg(c, in, to);
	if (r == -EBADMSG) {
		tjDestroy(c->jpeg);
		c->jpeg = NULL;
	}
	return r;
}

/* --- raw */

static int check_planes(const struct convert *c, const struct frame *in)
{
	if (in->plane_count != c->fmt->planes)
		return -EMSGSIZE;
	for (unsigned i = 0; i < in->plane_count; i++) {
		const struct frame_plane *plane = &in->plane[i];
		if (plane->stride < pixfmt_row_bytes(c->fmt, i, c->width) ||
		    plane->size < pixfmt_plane_size(c->fmt, i, c->width, c->height, plane->stride))
			return -EMSGSIZE;
	}
	return 0;
}

#define SOURCE(i) in->plane[i].data, (int)in->plane[i].stride
#define TARGET(i) to->plane[i], (int)to->stride[i]
#define SIZE      (int)c->width, (int)c->height

static void from_planar(const struct convert *c, const struct frame *in,
			const struct convert_picture *to)
{
	switch (c->fmt->like) {
	case FRAME_FOURCC('Y', 'V', '1', '2'):
		I420Copy(SOURCE(0), SOURCE(2), SOURCE(1), TARGET(0), TARGET(1), TARGET(2), SIZE);
		break;
	case FRAME_FOURCC('N', 'V', '1', '2'):
		NV12ToI420(SOURCE(0), SOURCE(1), TARGET(0), TARGET(1), TARGET(2), SIZE);
		break;
	case FRAME_FOURCC('N', 'V', '2', '1'):
		NV21ToI420(SOURCE(0), SOURCE(1), TARGET(0), TARGET(1), TARGET(2), SIZE);
		break;
	default:
		I420Copy(SOURCE(0), SOURCE(1), SOURCE(2), TARGET(0), TARGET(1), TARGET(2), SIZE);
		break;
	}
}

/* libyuv names RGB by the order in a little-endian word, V4L2 by that in memory. */
static void from_packed(const struct convert *c, const struct frame *in,
			const struct convert_picture *to)
{
	switch (c->fmt->like) {
	case FRAME_FOURCC('Y', 'U', 'Y', 'V'):
		YUY2ToI420(SOURCE(0), TARGET(0), TARGET(1), TARGET(2), SIZE);
		break;
	case FRAME_FOURCC('Y', 'V', 'Y', 'U'):
		YUY2ToI420(SOURCE(0), TARGET(0), TARGET(2), TARGET(1), SIZE);
		break;
	case FRAME_FOURCC('U', 'Y', 'V', 'Y'):
		UYVYToI420(SOURCE(0), TARGET(0), TARGET(1), TARGET(2), SIZE);
		break;
	case FRAME_FOURCC('R', 'G', 'B', '3'):
		RAWToI420(SOURCE(0), TARGET(0), TARGET(1), TARGET(2), SIZE);
		break;
	case FRAME_FOURCC('B', 'G', 'R', '3'):
		RGB24ToI420(SOURCE(0), TARGET(0), TARGET(1), TARGET(2), SIZE);
		break;
	case FRAME_FOURCC('B', 'X', '2', '4'):
	case FRAME_FOURCC('B', 'A', '2', '4'):
	case FRAME_FOURCC('R', 'G', 'B', '4'):
		BGRAToI420(SOURCE(0), TARGET(0), TARGET(1), TARGET(2), SIZE);
		break;
	case FRAME_FOURCC('G', 'R', 'E', 'Y'):
		CopyPlane(SOURCE(0), TARGET(0), SIZE);
		fill_grey(c, to);
		break;
	default:
		ARGBToI420(SOURCE(0), TARGET(0), TARGET(1), TARGET(2), SIZE);
		break;
	}
}

static void limit_range(const struct convert *c, const struct convert_picture *to)
{
	BlendPlane(TARGET(0), c->luma_other, 0, c->luma_alpha, 0, TARGET(0), SIZE);
	for (unsigned i = 1; i < 3; i++)
		BlendPlane(TARGET(i), c->chroma_other, 0, c->chroma_alpha, 0, TARGET(i),
			   (int)c->width / 2, (int)c->height / 2);
}

int convert_to_i420(struct convert *c, const struct frame *in, const struct convert_picture *to)
{
	int r = 0;

	if (is_jpeg(c->fmt)) {
		r = in->plane_count == 1 ? from_jpeg(c, &in->plane[0], to) : -EMSGSIZE;
	} else {
		r = check_planes(c, in);
		if (r == 0 && c->fmt->planes > 1)
			from_planar(c, in, to);
		else if (r == 0)
			from_packed(c, in, to);
	}
	if (r == 0 && c->full_range)
		limit_range(c, to);
	return r;
}
