/* fake_coder: what fake_m2m makes of pictures: H.264 by libx264, or headers only. */
#ifndef TESTS_UNIT_FAKE_CODER_H
#define TESTS_UNIT_FAKE_CODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_CODER_BYTES (256 << 10)

struct encoder;

struct fake_coder {
	bool canned;       /* headers only; so it is where this build has no x264 */
	bool main_profile; /* canned: what the SPS says */
	unsigned width, height, stride, rows;
	unsigned frame_num;
	struct encoder *encoder;
};

/* Returns the bytes of an access unit, at most FAKE_CODER_BYTES, with SPS and PPS if it is an IDR.
 */
size_t fake_coder_make(struct fake_coder *coder, const uint8_t *pixels, bool idr, uint8_t *out);

/* A delimiter, SPS and PPS, slices: what of it there is to be. out: as large, and 16 bytes. */
size_t fake_coder_arrange(const uint8_t *data, size_t size, bool headers, bool slices,
			  uint8_t *out);

void fake_coder_clear(struct fake_coder *coder);

#endif
