#include "streamer/pixfmt.h"

#include "common/util.h"

#define FOUR(letters)  FRAME_FOURCC((letters)[0], (letters)[1], (letters)[2], (letters)[3])
#define ALONE(letters) .fourcc = FOUR(letters), .name = letters, .like = FOUR(letters)
#define APART(letters, whole) \
	.fourcc = FOUR(letters), .name = letters, .like = FOUR(whole), .apart = true

#define PLANAR                        \
	{                             \
		{1, 1, 1}, {1, 2, 2}, \
		{                     \
			1, 2, 2       \
		}                     \
	}
#define SEMI_PLANAR             \
	{                       \
		{1, 1, 1},      \
		{               \
			2, 2, 2 \
		}               \
	}
#define PACKED(bytes, pixels)            \
	{                                \
		{                        \
			bytes, pixels, 1 \
		}                        \
	}

/* Planar pictures go to the encoder as they are or nearly so; 4:2:2 is halved, RGB multiplied,
 * JPEG decoded. Grey loses to whatever has colours. A camera's own H.264 costs nothing, but comes
 * with its own delay, bitrate and profile: see v4l2caps.h. */
static const struct pixfmt formats[] = {
	{ALONE("YU12"), .planes = 3, .preference = 0, .plane = PLANAR},
	{APART("YM12", "YU12"), .planes = 3, .preference = 0, .plane = PLANAR},
	{ALONE("YV12"), .planes = 3, .preference = 1, .plane = PLANAR},
	{APART("YM21", "YV12"), .planes = 3, .preference = 1, .plane = PLANAR},
	{ALONE("NV12"), .planes = 2, .preference = 1, .plane = SEMI_PLANAR},
	{APART("NM12", "NV12"), .planes = 2, .preference = 1, .plane = SEMI_PLANAR},
	{ALONE("NV21"), .planes = 2, .preference = 1, .plane = SEMI_PLANAR},
	{APART("NM21", "NV21"), .planes = 2, .preference = 1, .plane = SEMI_PLANAR},
	{ALONE("YUYV"), .planes = 1, .preference = 2, .plane = PACKED(4, 2)},
	{ALONE("YVYU"), .planes = 1, .preference = 2, .plane = PACKED(4, 2)},
	{ALONE("UYVY"), .planes = 1, .preference = 2, .plane = PACKED(4, 2)},
	{ALONE("RGB3"), .planes = 1, .preference = 3, .plane = PACKED(3, 1)},
	{ALONE("BGR3"), .planes = 1, .preference = 3, .plane = PACKED(3, 1)},
	{ALONE("XR24"), .planes = 1, .preference = 4, .plane = PACKED(4, 1)}, /* B G R x */
	{ALONE("AR24"), .planes = 1, .preference = 4, .plane = PACKED(4, 1)},
	{ALONE("BGR4"), .planes = 1, .preference = 4, .plane = PACKED(4, 1)},
	{ALONE("BX24"), .planes = 1, .preference = 4, .plane = PACKED(4, 1)}, /* x R G B */
	{ALONE("BA24"), .planes = 1, .preference = 4, .plane = PACKED(4, 1)},
	{ALONE("RGB4"), .planes = 1, .preference = 4, .plane = PACKED(4, 1)},
	{ALONE("MJPG"), .planes = 0, .preference = 5},
	{ALONE("JPEG"), .planes = 0, .preference = 5},
	{ALONE("GREY"), .planes = 1, .preference = 6, .plane = PACKED(1, 1)},
	{ALONE("H264"), .planes = 0, .preference = 7},
};

const struct pixfmt *pixfmt_find(uint32_t fourcc)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i].fourcc == fourcc)
			return &formats[i];
	return NULL;
}

unsigned pixfmt_row_bytes(const struct pixfmt *fmt, unsigned plane, unsigned width)
{
	const struct pixfmt_plane *p = &fmt->plane[plane];

	return (width + p->x_div - 1) / p->x_div * p->bytes;
}

unsigned pixfmt_rows(const struct pixfmt *fmt, unsigned plane, unsigned height)
{
	unsigned y_div = fmt->plane[plane].y_div;

	return (height + y_div - 1) / y_div;
}

unsigned pixfmt_stride(const struct pixfmt *fmt, unsigned plane, unsigned first_stride)
{
	const struct pixfmt_plane *first = &fmt->plane[0], *p = &fmt->plane[plane];

	return first_stride * first->x_div / first->bytes * p->bytes / p->x_div;
}

size_t pixfmt_plane_size(const struct pixfmt *fmt, unsigned plane, unsigned width, unsigned height,
			 unsigned stride)
{
	return (size_t)stride * (pixfmt_rows(fmt, plane, height) - 1) +
	       pixfmt_row_bytes(fmt, plane, width);
}

struct frame pixfmt_i420(const uint8_t *data, unsigned width, unsigned height)
{
	size_t luma = (size_t)width * height, chroma = luma / 4;

	return (struct frame){
		.fourcc = FRAME_I420,
		.width = width,
		.height = height,
		.plane_count = 3,
		.plane = {{data, luma, width, -1},
			  {data + luma, chroma, width / 2, -1},
			  {data + luma + chroma, chroma, width / 2, -1}},
	};
}
