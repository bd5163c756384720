/* frame: one picture lent by a source: raw, or compressed by the camera (then plane[0] holds it).
 *
 * The lender's until source_release(index). Made so that it can also describe a buffer of another
 * process: bytes mapped once, or a dma-buf that is only passed on. */
#ifndef STREAMER_FRAME_H
#define STREAMER_FRAME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FRAME_PLANES_MAX 3

#define FRAME_FOURCC(a, b, c, d) \
	((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* The values are V4L2's (V4L2_PIX_FMT_*), so that drivers' answers need no translation. */
enum frame_fourcc {
	FRAME_I420 = FRAME_FOURCC('Y', 'U', '1', '2'), /* planar 4:2:0: Y, Cb, Cr */
	FRAME_H264 = FRAME_FOURCC('H', '2', '6', '4'), /* Annex B */
	FRAME_MJPEG = FRAME_FOURCC('M', 'J', 'P', 'G'),
	FRAME_JPEG = FRAME_FOURCC('J', 'P', 'E', 'G'),
};

enum frame_flag {
	FRAME_DISCONTINUITY = 1 << 0, /* frames were lost before this one, or it begins anew */
	FRAME_NEWEST = 1 << 1,        /* the source has looked: there was no newer one */
};

struct frame_plane {
	const uint8_t *data; /* mapped bytes, or NULL when only the dma-buf is valid */
	size_t size;         /* bytes */
	unsigned stride;     /* bytes per row; 0 for compressed formats */
	int dmabuf_fd;       /* borrowed; -1 when there is none. Planes of one buffer share it: a
				plane begins as far behind the first one's beginning as data does */
};

struct frame {
	uint32_t fourcc;        /* enum frame_fourcc */
	unsigned width, height; /* pixels */
	unsigned flags;         /* enum frame_flag */
	unsigned plane_count;
	struct frame_plane plane[FRAME_PLANES_MAX];
	/* The same picture as the camera's own JPEG, unchecked; valid as long as the planes are.
	 * NULL: it gave none. */
	const uint8_t *jpeg;
	size_t jpeg_size; /* bytes */
	int64_t pts_us;   /* time of exposure, CLOCK_MONOTONIC */
	uint32_t index;   /* the source's own buffer number; opaque to everyone else */
};

#ifdef __cplusplus
}
#endif
#endif
