/* jpeg: makes JPEG of pictures, where configure found libturbojpeg. One is one thread's. */
#ifndef STREAMER_JPEG_H
#define STREAMER_JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct jpeg_encoder;

bool jpeg_is_built(void); /* false: no encoder can be had */

struct jpeg_encoder *jpeg_encoder_new(void); /* NULL: no memory */
void jpeg_encoder_free(struct jpeg_encoder *encoder);

size_t jpeg_bytes_max(unsigned width, unsigned height);

/* Of I420, even pixels, rows without padding, as jfif_convert() leaves it. quality: 1..100. out
 * has jpeg_bytes_max(). */
int jpeg_encode(struct jpeg_encoder *encoder, const uint8_t *i420, unsigned width, unsigned height,
		unsigned quality, uint8_t *out, size_t *ret_size, struct error *err);

#endif
