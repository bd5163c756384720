/* convert: a camera's pictures, raw or JPEG, as I420, which encoders take.
 *
 * What comes out is always of limited range (16 to 235): Broadway can show no other, and hardware
 * decoders are known to overlook the flag. So full range, which every JPEG has, is scaled here
 * (libyuv, exact to 1 of 255). The matrix is not touched: it is told in the SPS; only RGB, which
 * has none, becomes BT.601. Reads foreign bytes, does no I/O. Owned by one source; its thread
 * only. */
#ifndef STREAMER_CONVERT_H
#define STREAMER_CONVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "streamer/frame.h"

struct convert;

/* A picture's worth of I420, without padding. */
struct convert_picture {
	uint8_t *plane[FRAME_PLANES_MAX];
	unsigned stride[FRAME_PLANES_MAX];
};

/* width and height: even. full_range: raw pictures are (JPEG always is, RGB is taken as such).
 * NULL: no memory, or fourcc is not one of pixfmt.h's but H.264. */
struct convert *convert_new(uint32_t fourcc, unsigned width, unsigned height, bool full_range);
void convert_free(struct convert *convert); /* NULL is nothing */

/* in: as many planes as pixfmt.h says for its fourcc, or one of JPEG. -EMSGSIZE: it is cut off.
 * -EBADMSG: no JPEG of this size, or damaged. Then ret_picture's pixels are whatever. */
int convert_to_i420(struct convert *convert, const struct frame *in,
		    const struct convert_picture *ret_picture);

size_t convert_bytes(unsigned width, unsigned height); /* of a picture */
void convert_lay_out(uint8_t *data, unsigned width, unsigned height,
		     struct convert_picture *ret_picture);

#endif
