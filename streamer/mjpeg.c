#include "streamer/mjpeg.h"

#include <errno.h>
#include <string.h>

/* T.81 table B.1 */
enum marker {
	SOF0 = 0xC0,
	SOF15 = 0xCF,
	DHT = 0xC4,
	JPG = 0xC8,
	DAC = 0xCC,
	RST0 = 0xD0,
	RST7 = 0xD7,
	SOI = 0xD8,
	EOI = 0xD9,
	SOS = 0xDA,
	DQT = 0xDB,
	DRI = 0xDD,
	APP0 = 0xE0,
	APP15 = 0xEF,
	COM = 0xFE,
};

#define COMPONENTS_MAX 3
#define TABLES         4  /* of each kind; Huffman tables in baseline: 2 */
#define BLOCKS_MAX     10 /* of a unit: T.81 B.2.3 */

/* The usual tables, T.81 K.3, as the DHT segment that they make. */
static const uint8_t usual_tables[] =
	{0xFF, DHT, 0x01, 0xA2,
	 /* K.3: DC, luminance */
	 0x00, 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
	 /* K.5: AC, luminance */
	 0x10, 0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125, 0x01, 0x02, 0x03, 0x00, 0x04, 0x11,
	 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81,
	 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72,
	 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34,
	 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53,
	 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A,
	 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
	 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6,
	 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
	 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9,
	 0xDA, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4,
	 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
	 /* K.4: DC, chrominance */
	 0x01, 0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
	 /* K.6: AC, chrominance */
	 0x11, 0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119, 0x00, 0x01, 0x02, 0x03, 0x11, 0x04,
	 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22, 0x32, 0x81, 0x08,
	 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72, 0xD1,
	 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29,
	 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A,
	 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
	 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
	 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4,
	 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA,
	 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7,
	 0xD8, 0xD9, 0xDA, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4,
	 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA};

_Static_assert(sizeof(usual_tables) == 2 + 0x01A2, "a segment is as long as it says");

struct component {
	uint8_t id, across, down, quantizer;
};

struct look { /* what was seen of a picture so far */
	const uint8_t *bytes;
	size_t size, at;
	unsigned width, height;   /* wanted */
	unsigned component_count; /* 0: no frame header yet */
	struct component components[COMPONENTS_MAX];
	unsigned units;              /* MCU, of the picture */
	unsigned blocks;             /* of a unit */
	unsigned restart_interval;   /* in units; 0: none */
	unsigned quantizers, dc, ac; /* tables that it has: a bit each */
};

static unsigned u16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* T.81 B.2.4.1 */
static int read_quantizers(struct look *l, const uint8_t *at, size_t size)
{
	while (size > 0) {
		unsigned wide = at[0] >> 4, id = at[0] & 15;
		if (wide != 0)
			return wide == 1 ? -ENOTSUP : -EBADMSG;
		if (id >= TABLES || size < 65)
			return -EBADMSG;
		l->quantizers |= 1u << id;
		at += 65;
		size -= 65;
	}
	return 0;
}

/* T.81 B.2.4.2 */
static int read_huffman(struct look *l, const uint8_t *at, size_t size)
{
	while (size > 0) {
		unsigned class = at[0] >> 4, id = at[0] & 15;
		size_t codes = 0;
		if (class > 1 || id >= TABLES || size < 17)
			return -EBADMSG;
		for (unsigned i = 1; i <= 16; i++)
			codes += at[i];
		if (codes == 0 || codes > 256 || size < 17 + codes)
			return -EBADMSG;
		*(class == 0 ? &l->dc : &l->ac) |= 1u << id;
		at += 17 + codes;
		size -= 17 + codes;
	}
	return 0;
}

static int read_restart(struct look *l, const uint8_t *at, size_t size)
{
	if (size != 2)
		return -EBADMSG;
	l->restart_interval = u16(at);
	return 0;
}

/* T.81 A.1.1, A.2.3: units of one component alone are blocks, whatever its sampling. */
static int count_units(struct look *l)
{
	unsigned across = 1, down = 1;

	l->blocks = 0;
	for (unsigned i = 0; i < l->component_count; i++) {
		const struct component *c = &l->components[i];
		across = c->across > across ? c->across : across;
		down = c->down > down ? c->down : down;
		l->blocks += (unsigned)c->across * c->down;
	}
	if (l->component_count == 1)
		across = down = l->blocks = 1;
	if (l->blocks > BLOCKS_MAX)
		return -EBADMSG;
	l->units = ((l->width + 8 * across - 1) / (8 * across)) *
		   ((l->height + 8 * down - 1) / (8 * down));
	return 0;
}

/* T.81 B.2.2 */
static int read_frame(struct look *l, const uint8_t *at, size_t size)
{
	if (l->component_count != 0 || size < 6)
		return -EBADMSG;
	unsigned count = at[5];
	if (at[0] != 8 || (count != 1 && count != COMPONENTS_MAX))
		return -ENOTSUP;
	if (u16(at + 1) != l->height || u16(at + 3) != l->width || size != 6 + 3 * count)
		return -EBADMSG;
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *of = at + 6 + 3 * i;
		struct component c = {of[0], of[1] >> 4, of[1] & 15, of[2]};
		if (c.across < 1 || c.across > 4 || c.down < 1 || c.down > 4 ||
		    c.quantizer >= TABLES)
			return -EBADMSG;
		l->components[i] = c;
	}
	l->component_count = count;
	return count_units(l);
}

/* T.81 B.2.3, and that every table is there; those of Huffman may all be missing. */
static int read_scan(const struct look *l, const uint8_t *at, size_t size)
{
	unsigned count = l->component_count;
	bool usual = l->dc == 0 && l->ac == 0;

	if (count == 0 || size < 1)
		return -EBADMSG;
	if (at[0] != count)
		return at[0] < count ? -ENOTSUP : -EBADMSG;
	if (size != 4 + 2 * (size_t)count)
		return -EBADMSG;
	for (unsigned i = 0; i < count; i++) {
		const struct component *c = &l->components[i];
		unsigned dc = at[2 + 2 * i] >> 4, ac = at[2 + 2 * i] & 15;
		if (at[1 + 2 * i] != c->id || dc > 1 || ac > 1)
			return -EBADMSG;
		if (!usual && ((l->dc >> dc & 1) == 0 || (l->ac >> ac & 1) == 0))
			return -EBADMSG;
		if ((l->quantizers >> c->quantizer & 1) == 0)
			return -EBADMSG;
	}
	const uint8_t *spectrum = at + 1 + 2 * count;
	return spectrum[0] == 0 && spectrum[1] == 63 && spectrum[2] == 0 ? 0 : -EBADMSG;
}

static int read_segment(struct look *l, unsigned marker, const uint8_t *at, size_t size)
{
	if ((marker >= APP0 && marker <= APP15) || marker == COM)
		return 0;
	switch (marker) {
	case DQT:
		return read_quantizers(l, at, size);
	case DHT:
		return read_huffman(l, at, size);
	case DRI:
		return read_restart(l, at, size);
	case SOF0:
		return read_frame(l, at, size);
	case SOS:
		return read_scan(l, at, size);
	default:
		return marker > SOF0 && marker <= SOF15 && marker != JPG && marker != DAC
			       ? -ENOTSUP
			       : -EBADMSG;
	}
}

/* The segments up to the scan's data. *ret_scan_at: where SOS is. */
static int read_head(struct look *l, size_t *ret_scan_at)
{
	for (;;) {
		size_t marker_at = l->at;
		if (l->size - l->at < 4 || l->bytes[l->at] != 0xFF)
			return -EBADMSG;
		unsigned marker = l->bytes[l->at + 1];
		if (marker == 0xFF) { /* T.81 B.1.1.2: fill */
			l->at++;
			continue;
		}
		size_t length = u16(l->bytes + l->at + 2);
		if (length < 2 || length > l->size - l->at - 2)
			return -EBADMSG;
		int r = read_segment(l, marker, l->bytes + l->at + 4, length - 2);
		if (r < 0)
			return r;
		l->at += 2 + length;
		if (marker == SOS) {
			*ret_scan_at = marker_at;
			return 0;
		}
	}
}

/* The next marker in entropy-coded data (T.81 B.1.1.5); l->at is behind it then. 0: none. */
static unsigned next_marker(struct look *l)
{
	while (l->at < l->size) {
		const uint8_t *found = memchr(l->bytes + l->at, 0xFF, l->size - l->at);
		if (found == NULL)
			return 0;
		l->at = (size_t)(found - l->bytes) + 1;
		if (l->at < l->size && l->bytes[l->at] != 0 && l->bytes[l->at] != 0xFF)
			return l->bytes[l->at++];
	}
	return 0;
}

/* Each piece of it ends with the marker whose turn it is, and none is missing; no picture takes
 * fewer than 2 bits a block. */
static int read_data(struct look *l)
{
	size_t begin = l->at;
	unsigned interval = l->restart_interval;
	unsigned restarts = interval == 0 ? 0 : (l->units - 1) / interval;

	for (unsigned i = 0; i < restarts; i++)
		if (next_marker(l) != RST0 + i % 8)
			return -EBADMSG;
	if (next_marker(l) != EOI)
		return -EBADMSG;
	return (l->at - begin) * 4 < (size_t)l->units * l->blocks ? -EBADMSG : 0;
}

static bool is_padding(const uint8_t *bytes, size_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

int mjpeg_check(const uint8_t *bytes, size_t size, unsigned width, unsigned height,
		struct mjpeg *ret_jpeg)
{
	struct look l = {.bytes = bytes, .size = size, .at = 2, .width = width, .height = height};
	size_t scan_at;

	if (size < 4 || bytes[0] != 0xFF || bytes[1] != SOI || width == 0 || height == 0)
		return -EBADMSG;
	int r = read_head(&l, &scan_at);
	if (r == 0)
		r = read_data(&l);
	if (r < 0)
		return r;
	if (!is_padding(bytes + l.at, size - l.at))
		return -EBADMSG;
	*ret_jpeg = (struct mjpeg){
		.bytes = bytes,
		.size = l.at,
		.tables_at = l.dc == 0 && l.ac == 0 ? scan_at : 0,
	};
	return 0;
}

size_t mjpeg_bytes(const struct mjpeg *jpeg)
{
	return jpeg->size + (jpeg->tables_at != 0 ? sizeof(usual_tables) : 0);
}

void mjpeg_write(const struct mjpeg *jpeg, uint8_t *out)
{
	memcpy(out, jpeg->bytes, jpeg->tables_at);
	out += jpeg->tables_at;
	if (jpeg->tables_at != 0) {
		memcpy(out, usual_tables, sizeof(usual_tables));
		out += sizeof(usual_tables);
	}
	memcpy(out, jpeg->bytes + jpeg->tables_at, jpeg->size - jpeg->tables_at);
}
