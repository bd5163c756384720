/* colours: patches of known colours in every pixel format, worked out plainly, in floating point,
 * and what a viewer makes of what comes out. */
#ifndef TESTS_UNIT_COLOURS_H
#define TESTS_UNIT_COLOURS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "streamer/pixfmt.h"

struct colour {
	int r, g, b;
};

struct matrix {
	double kr, kb; /* ITU-R BT.601 2.5.1, BT.709 3.2 */
};

static const struct matrix bt601 = {0.299, 0.114};
static const struct matrix bt709 = {0.2126, 0.0722};

static const struct colour patches[] = {
	{0, 0, 0},     {255, 255, 255}, {128, 128, 128}, {255, 0, 0},
	{0, 255, 0},   {0, 0, 255},     {255, 255, 0},   {0, 255, 255},
	{255, 0, 255}, {200, 120, 40},  {30, 90, 160},   {17, 17, 17},
};

static inline int clip(double value)
{
	return value < 0 ? 0 : value > 255 ? 255 : (int)lround(value);
}

static inline void rgb_to_ycc(struct colour c, const struct matrix *m, bool full, int ycc[3])
{
	double kg = 1 - m->kr - m->kb;
	double y = (m->kr * c.r + kg * c.g + m->kb * c.b) / 255;
	double cb = (c.b / 255.0 - y) / (2 * (1 - m->kb));
	double cr = (c.r / 255.0 - y) / (2 * (1 - m->kr));

	ycc[0] = clip(full ? 255 * y : 16 + 219 * y);
	ycc[1] = clip(128 + (full ? 255 : 224) * cb);
	ycc[2] = clip(128 + (full ? 255 : 224) * cr);
}

/* Of limited range: what nalcastd sends. */
static inline struct colour ycc_to_rgb(const int ycc[3], const struct matrix *m)
{
	double kg = 1 - m->kr - m->kb;
	double y = (ycc[0] - 16) / 219.0;
	double cb = (ycc[1] - 128) / 224.0, cr = (ycc[2] - 128) / 224.0;
	double r = y + 2 * (1 - m->kr) * cr, b = y + 2 * (1 - m->kb) * cb;
	double g = (y - m->kr * r - m->kb * b) / kg;

	return (struct colour){clip(255 * r), clip(255 * g), clip(255 * b)};
}

/* One sample of a plane, from the colours that meet in it: they are all the same. */
static inline void put_sample(const struct pixfmt *fmt, unsigned plane, uint8_t *at,
			      struct colour c, const int ycc[3])
{
	const char *name = fmt->name;
	bool cr_first = fmt->like == FRAME_FOURCC('Y', 'V', '1', '2') ||
			fmt->like == FRAME_FOURCC('N', 'V', '2', '1');
	uint8_t y = (uint8_t)ycc[0], u = (uint8_t)ycc[1], v = (uint8_t)ycc[2];
	uint8_t rgb[3] = {(uint8_t)c.r, (uint8_t)c.g, (uint8_t)c.b};

	if (fmt->planes > 1 || strcmp(name, "GREY") == 0) {
		if (plane == 0) {
			at[0] = y;
		} else if (fmt->planes == 2) {
			at[0] = cr_first ? v : u;
			at[1] = cr_first ? u : v;
		} else {
			at[0] = (plane == 1) != cr_first ? u : v;
		}
	} else if (fmt->plane[0].x_div == 2) {
		const uint8_t values[256] = {['Y'] = y, ['U'] = u, ['V'] = v};
		for (unsigned i = 0; i < 4; i++)
			at[i] = values[(unsigned char)name[i]];
	} else if (strcmp(name, "RGB3") == 0) {
		memcpy(at, rgb, 3);
	} else if (strcmp(name, "BX24") == 0 || strcmp(name, "BA24") == 0 ||
		   strcmp(name, "RGB4") == 0) { /* x R G B in memory: videodev2.h */
		at[0] = 0;
		memcpy(at + 1, rgb, 3);
	} else { /* B G R, and perhaps one more */
		at[0] = rgb[2];
		at[1] = rgb[1];
		at[2] = rgb[0];
		if (fmt->plane[0].bytes == 4)
			at[3] = 0;
	}
}

/* Patches side by side, each patch_width wide (even), as high as the picture. */
static inline void paint_plane(const struct pixfmt *fmt, unsigned plane, uint8_t *data,
			       unsigned stride, unsigned patch_width, unsigned height,
			       const struct matrix *m, bool full)
{
	unsigned patch_count = sizeof(patches) / sizeof(patches[0]);
	unsigned x_div = fmt->plane[plane].x_div, bytes = fmt->plane[plane].bytes;

	for (unsigned row = 0; row < pixfmt_rows(fmt, plane, height); row++) {
		for (unsigned x = 0; x < patch_count * patch_width / x_div; x++) {
			struct colour c = patches[x * x_div / patch_width];
			int ycc[3];
			rgb_to_ycc(c, m, full, ycc);
			put_sample(fmt, plane, data + (size_t)row * stride + (size_t)x * bytes, c,
				   ycc);
		}
	}
}

#endif
