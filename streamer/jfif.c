#include "streamer/jfif.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Of the values from 16 to 235 (chroma: 240) into 0 to 255; beyond them there is nothing. */
#define LUMA_SCALE   (255.0 / 219)
#define CHROMA_SCALE (255.0 / 224)

/* One colour of BT.709 in BT.601's terms, both in full range (BT.601 2.5.1, BT.709 3.2: R'G'B' by
 * one matrix, Y'CbCr by the other's inverse, multiplied). */
#define LUMA_OF_CB 0.101579
#define LUMA_OF_CR 0.196076
#define CB_OF_CB   0.989854
#define CB_OF_CR   -0.110653
#define CR_OF_CB   -0.072453
#define CR_OF_CR   0.983398

static uint8_t clamp(double value)
{
	return (uint8_t)lrint(fmin(fmax(value, 0), 255));
}

static void look_up(uint8_t *samples, size_t count, const uint8_t table[static 256])
{
	for (size_t i = 0; i < count; i++)
		samples[i] = table[samples[i]];
}

static void stretch(uint8_t *i420, size_t luma_size, size_t chroma_size)
{
	uint8_t luma[256], chroma[256];

	for (int i = 0; i < 256; i++) {
		luma[i] = clamp((i - 16) * LUMA_SCALE);
		chroma[i] = clamp((i - 128) * CHROMA_SCALE + 128);
	}
	look_up(i420, luma_size, luma);
	look_up(i420 + luma_size, chroma_size, chroma);
}

struct turn { /* in 65536ths: what each value of a chroma sample adds */
	int luma[256];
	int luma_of_cb[256], luma_of_cr[256];
	int cb_of_cb[256], cb_of_cr[256], cr_of_cb[256], cr_of_cr[256];
};

static int fixed(double value)
{
	return (int)lrint(value * 65536);
}

static void fill_turn(struct turn *t, bool is_full)
{
	for (int i = 0; i < 256; i++) {
		double chroma = (i - 128) * (is_full ? 1 : CHROMA_SCALE);
		t->luma[i] = fixed((is_full ? i : (i - 16) * LUMA_SCALE) + 0.5);
		t->luma_of_cb[i] = fixed(chroma * LUMA_OF_CB);
		t->luma_of_cr[i] = fixed(chroma * LUMA_OF_CR);
		t->cb_of_cb[i] = fixed(chroma * CB_OF_CB + 128.5);
		t->cb_of_cr[i] = fixed(chroma * CB_OF_CR);
		t->cr_of_cb[i] = fixed(chroma * CR_OF_CB);
		t->cr_of_cr[i] = fixed(chroma * CR_OF_CR + 128.5);
	}
}

static uint8_t whole(int sum)
{
	return (uint8_t)(sum < 0 ? 0 : sum > (255 << 16) ? 255 : sum >> 16);
}

static void turn_luma(const struct turn *t, uint8_t *luma, unsigned width, int added)
{
	luma[0] = whole(t->luma[luma[0]] + added);
	luma[1] = whole(t->luma[luma[1]] + added);
	luma[width] = whole(t->luma[luma[width]] + added);
	luma[width + 1] = whole(t->luma[luma[width + 1]] + added);
}

/* Four pixels share their chroma. */
static void turn(uint8_t *i420, unsigned width, unsigned height, bool is_full)
{
	uint8_t *cb = i420 + (size_t)width * height, *cr = cb + (size_t)width * height / 4;
	struct turn t;

	fill_turn(&t, is_full);
	for (unsigned y = 0; y < height; y += 2) {
		uint8_t *luma = i420 + (size_t)y * width;
		for (unsigned x = 0; x < width; x += 2, cb++, cr++) {
			int b = *cb, r = *cr;
			turn_luma(&t, luma + x, width, t.luma_of_cb[b] + t.luma_of_cr[r]);
			*cb = whole(t.cb_of_cb[b] + t.cb_of_cr[r]);
			*cr = whole(t.cr_of_cb[b] + t.cr_of_cr[r]);
		}
	}
}

void jfif_convert(uint8_t *i420, unsigned width, unsigned height, enum jfif_matrix from)
{
	size_t luma_size = (size_t)width * height;

	if (from == JFIF_FROM_BT709 || from == JFIF_FROM_BT709_FULL)
		turn(i420, width, height, from == JFIF_FROM_BT709_FULL);
	else if (from == JFIF_FROM_BT601)
		stretch(i420, luma_size, luma_size / 2);
}
