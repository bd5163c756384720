/* pixfmt: how the pixels of each V4L2 format that we take lie in memory. A table; any thread. */
#ifndef STREAMER_PIXFMT_H
#define STREAMER_PIXFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "streamer/frame.h"

struct pixfmt_plane {
	uint8_t bytes;        /* of one group of samples */
	uint8_t x_div, y_div; /* pixels that share it */
};

struct pixfmt {
	uint32_t fourcc;    /* V4L2_PIX_FMT_* */
	char name[5];       /* its letters */
	uint32_t like;      /* the same in one piece of memory: 'NV12' of 'NM12', else itself */
	uint8_t planes;     /* 0: compressed */
	bool apart;         /* each plane is a piece of memory of its own */
	uint8_t preference; /* what costs less to encode comes first: 0 is best */
	struct pixfmt_plane plane[FRAME_PLANES_MAX];
};

const struct pixfmt *pixfmt_find(uint32_t fourcc); /* NULL: none that we take */

unsigned pixfmt_row_bytes(const struct pixfmt *fmt, unsigned plane, unsigned width);
unsigned pixfmt_rows(const struct pixfmt *fmt, unsigned plane, unsigned height);

/* Bytes per row of a plane behind the first, from those of the first. */
unsigned pixfmt_stride(const struct pixfmt *fmt, unsigned plane, unsigned first_stride);

/* Bytes from the first to the last pixel of a plane: the last row need not be padded. */
size_t pixfmt_plane_size(const struct pixfmt *fmt, unsigned plane, unsigned width, unsigned height,
			 unsigned stride);

/* One picture of I420, rows without padding: Y, Cb, Cr. Its time and index are 0. */
struct frame pixfmt_i420(const uint8_t *data, unsigned width, unsigned height);

#endif
