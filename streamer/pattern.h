/* pattern: draws the test picture (protocol.md section 7) into I420, and reads its clock back.
 *
 * Over the top a clock that machines read: the time of capture and the number of the frame. Below
 * it 8 by 8 patches, one of which changes with every frame, under a gradient that moves. All of it
 * follows from size, look and frame number alone.
 * No I/O, no clock of its own. A pattern and its canvases are one thread's. */
#ifndef STREAMER_PATTERN_H
#define STREAMER_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_FRAME_BITS 24 /* of a frame's number are in the clock */
#define PATTERN_GRID       8  /* patches across and down */

struct pattern_clock {
	uint32_t time_ms; /* low 32 bits */
	uint32_t frame;   /* low PATTERN_FRAME_BITS bits */
};

struct pattern_look { /* acts on the picture under the clock, never on the clock */
	bool hflip, vflip;
	double brightness; /* -1..1, 0 is neutral: added to luma */
	double contrast;   /* 0..2, 1 is neutral: stretches luma about its middle */
	double red, blue;  /* -1..1, 0 is neutral: added to Cr and Cb, half of their range */
};

struct pattern_colour { /* limited range, BT.601 */
	uint8_t y, cb, cr;
};

struct pattern; /* a size, a look, and room to work in */

struct pattern_canvas {      /* one picture: I420, rows without padding */
	uint8_t *data;       /* pattern_bytes(): Y, Cb, Cr; the caller's */
	unsigned look_drawn; /* private: what still is right of the last picture; begins as 0 */
};

size_t pattern_bytes(unsigned width, unsigned height); /* of an I420 picture */

struct pattern *pattern_new(unsigned width, unsigned height); /* even pixels. NULL: no memory */
void pattern_free(struct pattern *p);
void pattern_set_look(struct pattern *p, const struct pattern_look *look);
void pattern_draw(const struct pattern *p, struct pattern_canvas *canvas,
		  const struct pattern_clock *clock);

/* False: no clock in it, or damaged (its CRC). Promised from 320x240 up. */
bool pattern_read_clock(const uint8_t *luma, size_t stride, unsigned width, unsigned height,
			struct pattern_clock *ret_clock);

/* What a neutral look gives: of a patch (row * PATTERN_GRID + column) without the gradient, and of
 * the gradient that is added to its luma. */
struct pattern_colour pattern_patch(unsigned patch, uint32_t frame);
unsigned pattern_gradient(unsigned x, unsigned width, uint32_t frame);

#endif
