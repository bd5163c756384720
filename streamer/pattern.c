#include "streamer/pattern.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define CELLS            32 /* of a clock band: one bit each */
#define CLOCK_BANDS      2
#define BANDS_A_HEIGHT   24 /* a band is a 24th of the picture */
#define LUMA_ZERO        16
#define LUMA_ONE         235
#define LUMA_MIDDLE      128
#define CHROMA_NEUTRAL   128
#define CHROMA_MIN       16
#define CHROMA_MAX       240
#define CHROMA_SHIFT_MAX 112
#define GRADIENT_CYCLE   512 /* steps from one crest to the next: the width of the picture */
#define GRADIENT_SPEED   4   /* steps a frame */

struct pattern {
	unsigned width, height; /* pixels */
	unsigned clock_height;  /* rows of the clock */
	struct pattern_look look;
	unsigned look_serial; /* of look; never 0 */
	uint8_t tone[256];    /* luma in, luma out: brightness and contrast */
	int cr_added, cb_added;
	uint8_t *line;     /* room for one row of luma */
	uint8_t *gradient; /* and for the gradient of one row */
};

struct span { /* rows or columns [from, to) */
	unsigned from, to;
};

size_t pattern_bytes(unsigned width, unsigned height)
{
	return (size_t)width * height * 3 / 2;
}

/* Mixes every bit of x into every bit of the result; JavaScript's Math.imul() gives the same. */
static uint32_t hash(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352d;
	x ^= x >> 15;
	x *= 0x846ca68b;
	x ^= x >> 16;
	return x;
}

/* Every patch keeps its colour for 64 frames, and another one changes with every frame: a picture
 * that is pleasant to look at and costs an encoder little, of which no part may be stale. */
struct pattern_colour pattern_patch(unsigned patch, uint32_t frame)
{
	const uint32_t patches = PATTERN_GRID * PATTERN_GRID;
	uint32_t number = frame & ((1u << PATTERN_FRAME_BITS) - 1);
	uint32_t turn = (number + patch * 37 % patches) / patches;
	uint32_t h = hash(turn * patches + patch);
	struct pattern_colour colour = {
		.y = (uint8_t)(56 + 16 * (h & 7)),
		.cb = (uint8_t)(104 + 16 * (h >> 3 & 3)),
		.cr = (uint8_t)(104 + 16 * (h >> 5 & 3)),
	};
	return colour;
}

unsigned pattern_gradient(unsigned x, unsigned width, uint32_t frame)
{
	uint32_t step = x * GRADIENT_CYCLE / width + frame * GRADIENT_SPEED;

	step %= GRADIENT_CYCLE;
	return (step < GRADIENT_CYCLE / 2 ? step : GRADIENT_CYCLE - 1 - step) / 8;
}

static uint8_t luma_of_look(const struct pattern_look *look, unsigned luma)
{
	double y = ((double)luma - LUMA_MIDDLE) * look->contrast + LUMA_MIDDLE +
		   look->brightness * LUMA_MIDDLE;

	if (y < LUMA_ZERO)
		return LUMA_ZERO;
	return y > LUMA_ONE ? LUMA_ONE : (uint8_t)(y + 0.5);
}

static uint8_t chroma_of_look(unsigned chroma, int added)
{
	int c = (int)chroma + added;

	if (c < CHROMA_MIN)
		return CHROMA_MIN;
	return c > CHROMA_MAX ? CHROMA_MAX : (uint8_t)c;
}

void pattern_set_look(struct pattern *p, const struct pattern_look *look)
{
	p->look = *look;
	if (++p->look_serial == 0)
		p->look_serial = 1;
	for (unsigned luma = 0; luma < 256; luma++)
		p->tone[luma] = luma_of_look(look, luma);
	p->cr_added = (int)(look->red * CHROMA_SHIFT_MAX);
	p->cb_added = (int)(look->blue * CHROMA_SHIFT_MAX);
}

struct pattern *pattern_new(unsigned width, unsigned height)
{
	static const struct pattern_look neutral = {.contrast = 1};
	struct pattern *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->line = malloc((size_t)width * 2);
	if (p->line == NULL) {
		free(p);
		return NULL;
	}
	p->gradient = p->line + width;
	p->width = width;
	p->height = height;
	p->clock_height = CLOCK_BANDS * height / BANDS_A_HEIGHT;
	pattern_set_look(p, &neutral);
	return p;
}

void pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	free(p->line);
	free(p);
}

static struct span span_of_part(unsigned part, unsigned parts, unsigned begin, unsigned size)
{
	struct span span = {begin + part * size / parts, begin + (part + 1) * size / parts};

	return span;
}

static struct span span_mirrored(struct span span, unsigned begin, unsigned end)
{
	struct span mirrored = {begin + end - span.to, begin + end - span.from};

	return mirrored;
}

/* Where the camera would put these columns and these rows. */
static struct span columns_shown(const struct pattern *p, struct span columns)
{
	return p->look.hflip ? span_mirrored(columns, 0, p->width) : columns;
}

static struct span rows_shown(const struct pattern *p, struct span rows)
{
	return p->look.vflip ? span_mirrored(rows, p->clock_height, p->height) : rows;
}

/* A chroma sample belongs to the upper left one of its four pixels. */
static struct span span_of_chroma(struct span span)
{
	struct span half = {(span.from + 1) / 2, (span.to + 1) / 2};

	return half;
}

static void rows_repeat(uint8_t *plane, unsigned stride, struct span rows, const uint8_t *line)
{
	for (unsigned row = rows.from; row < rows.to; row++)
		memcpy(plane + (size_t)row * stride, line, stride);
}

static void area_fill(uint8_t *plane, unsigned stride, struct span rows, struct span columns,
		      uint8_t value)
{
	for (unsigned row = rows.from; row < rows.to; row++)
		memset(plane + (size_t)row * stride + columns.from, value,
		       columns.to - columns.from);
}

static void area_fill_chroma(const struct pattern *p, uint8_t *data, struct span rows,
			     struct span columns, struct pattern_colour colour)
{
	uint8_t *cb = data + (size_t)p->width * p->height;
	uint8_t *cr = cb + (size_t)p->width * p->height / 4;

	rows = span_of_chroma(rows);
	columns = span_of_chroma(columns);
	area_fill(cb, p->width / 2, rows, columns, colour.cb);
	area_fill(cr, p->width / 2, rows, columns, colour.cr);
}

static uint8_t crc8(const uint8_t *data, size_t size)
{
	unsigned crc = 0;

	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = (crc & 0x80) != 0 ? (crc << 1 ^ 0x07) & 0xff : crc << 1;
	}
	return (uint8_t)crc;
}

static void clock_pack(const struct pattern_clock *clock, uint32_t *ret_bands)
{
	uint32_t words[CLOCK_BANDS] = {htobe32(clock->time_ms), htobe32(clock->frame << 8)};
	uint8_t bytes[sizeof(words)];

	memcpy(bytes, words, sizeof(words));
	ret_bands[0] = clock->time_ms;
	ret_bands[1] = clock->frame << 8 | crc8(bytes, sizeof(bytes) - 1);
}

static void draw_clock(const struct pattern *p, uint8_t *luma, const struct pattern_clock *clock)
{
	uint32_t bands[CLOCK_BANDS];

	clock_pack(clock, bands);
	for (unsigned band = 0; band < CLOCK_BANDS; band++) {
		for (unsigned cell = 0; cell < CELLS; cell++) {
			struct span columns = span_of_part(cell, CELLS, 0, p->width);
			bool one = (bands[band] >> (CELLS - 1 - cell) & 1) != 0;
			memset(p->line + columns.from, one ? LUMA_ONE : LUMA_ZERO,
			       columns.to - columns.from);
		}
		rows_repeat(luma, p->width, span_of_part(band, BANDS_A_HEIGHT, 0, p->height),
			    p->line);
	}
}

static unsigned cell_mean(const uint8_t *luma, size_t stride, struct span rows, struct span columns)
{
	unsigned third_rows = (rows.to - rows.from) / 3;
	unsigned third_columns = (columns.to - columns.from) / 3;
	uint64_t sum = 0;
	unsigned count = 0;

	for (unsigned y = rows.from + third_rows; y < rows.to - third_rows; y++) {
		for (unsigned x = columns.from + third_columns; x < columns.to - third_columns; x++)
			sum += luma[y * stride + x];
		count += columns.to - columns.from - 2 * third_columns;
	}
	return count == 0 ? 0 : (unsigned)(sum / count);
}

bool pattern_read_clock(const uint8_t *luma, size_t stride, unsigned width, unsigned height,
			struct pattern_clock *ret_clock)
{
	uint32_t bands[CLOCK_BANDS] = {0};
	uint32_t expected[CLOCK_BANDS];

	for (unsigned band = 0; band < CLOCK_BANDS; band++) {
		struct span rows = span_of_part(band, BANDS_A_HEIGHT, 0, height);
		for (unsigned cell = 0; cell < CELLS; cell++) {
			struct span columns = span_of_part(cell, CELLS, 0, width);
			unsigned mean = cell_mean(luma, stride, rows, columns);
			bands[band] = bands[band] << 1 | (mean > LUMA_MIDDLE);
		}
	}
	struct pattern_clock clock = {bands[0], bands[1] >> 8};
	clock_pack(&clock, expected);
	if (expected[1] != bands[1])
		return false;
	*ret_clock = clock;
	return true;
}

/* What stays: the clock's chroma. */
static void draw_still(const struct pattern *p, uint8_t *data)
{
	const struct pattern_colour neutral = {.cb = CHROMA_NEUTRAL, .cr = CHROMA_NEUTRAL};
	const struct span all_columns = {0, p->width};
	const struct span clock_rows = {0, p->clock_height};

	area_fill_chroma(p, data, clock_rows, all_columns, neutral);
}

static struct span patch_rows(const struct pattern *p, unsigned row)
{
	return rows_shown(p, span_of_part(row, PATTERN_GRID, p->clock_height,
					  p->height - p->clock_height));
}

/* One row of patches' luma, at columns [from, to) of the unflipped picture. */
static void line_fill_patch(const struct pattern *p, struct span columns, unsigned luma)
{
	for (unsigned x = columns.from; x < columns.to; x++) {
		unsigned at = p->look.hflip ? p->width - 1 - x : x;
		p->line[at] = p->tone[luma + p->gradient[x]];
	}
}

static void draw_patches(const struct pattern *p, uint8_t *data, uint32_t frame)
{
	for (unsigned x = 0; x < p->width; x++)
		p->gradient[x] = (uint8_t)pattern_gradient(x, p->width, frame);
	for (unsigned row = 0; row < PATTERN_GRID; row++) {
		struct span rows = patch_rows(p, row);
		for (unsigned column = 0; column < PATTERN_GRID; column++) {
			struct pattern_colour colour =
				pattern_patch(row * PATTERN_GRID + column, frame);
			struct span columns = span_of_part(column, PATTERN_GRID, 0, p->width);
			colour.cb = chroma_of_look(colour.cb, p->cb_added);
			colour.cr = chroma_of_look(colour.cr, p->cr_added);
			line_fill_patch(p, columns, colour.y);
			area_fill_chroma(p, data, rows, columns_shown(p, columns), colour);
		}
		rows_repeat(data, p->width, rows, p->line);
	}
}

void pattern_draw(const struct pattern *p, struct pattern_canvas *canvas,
		  const struct pattern_clock *clock)
{
	if (canvas->look_drawn != p->look_serial)
		draw_still(p, canvas->data);
	canvas->look_drawn = p->look_serial;
	draw_patches(p, canvas->data, clock->frame);
	draw_clock(p, canvas->data, clock);
}
