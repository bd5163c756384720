#include "tests/vm/uvc_descriptors.h"

#include <string.h>

#include "common/util.h"

const struct uvc_size uvc_sizes[UVC_SIZES] = {{320, 240}, {160, 120}, {640, 480}, {1280, 720}};
const uint32_t uvc_intervals[UVC_INTERVALS] = {333333, 666666, 1000000, 2000000};

struct writer {
	uint8_t *out;
	size_t used;
};

static void put8(struct writer *w, unsigned value)
{
	w->out[w->used++] = (uint8_t)value;
}

static void put16(struct writer *w, unsigned value)
{
	put8(w, value);
	put8(w, value >> 8);
}

static void put32(struct writer *w, uint32_t value)
{
	put16(w, value);
	put16(w, value >> 16);
}

static void put_bytes(struct writer *w, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		put8(w, bytes[i]);
}

/* What was written after this place gets its length there. */
static void set_length16(struct writer *w, size_t begin, size_t field)
{
	size_t length = w->used - begin;

	w->out[field] = (uint8_t)length;
	w->out[field + 1] = (uint8_t)(length >> 8);
}

/* USB's media formats are its own codes in the tail of one GUID. */
static void put_guid(struct writer *w, const char fourcc[static 4])
{
	static const uint8_t tail[] = {0x00, 0x00, 0x10, 0x00, 0x80, 0x00,
				       0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71};

	put_bytes(w, (const uint8_t *)fourcc, 4);
	put_bytes(w, tail, sizeof(tail));
}

static void put_configuration(struct writer *w)
{
	static const uint8_t bytes[] = {
		9, 2,  0, 0, 2,  1, 0, 0x80, 50, /* two interfaces, 100 mA */
		8, 11, 0, 2, 14, 3, 0, 0,        /* interface association: video */
	};

	put_bytes(w, bytes, sizeof(bytes));
}

/* UVC 1.1, 3.7: a camera, a processing unit, an output. */
static void put_control_interface(struct writer *w)
{
	static const uint8_t interface[] = {9, 4, UVC_INTERFACE_CONTROL, 0, 0, 14, 1, 0, 0};
	static const uint8_t camera[] = {
		18, 0x24, 2, UVC_ENTITY_CAMERA, 0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0,
	};
	/* Controls: bit 0 brightness, bit 10 power line frequency. */
	static const uint8_t processing[] = {
		12, 0x24, 5, UVC_ENTITY_PROCESSING, UVC_ENTITY_CAMERA, 0, 0, 3, 0x01, 0x04, 0, 0,
	};
	static const uint8_t output[] = {
		9, 0x24, 3, UVC_ENTITY_OUTPUT, 0x01, 0x01, 0, UVC_ENTITY_PROCESSING, 0,
	};

	put_bytes(w, interface, sizeof(interface));
	size_t begin = w->used;
	put8(w, 13);
	put8(w, 0x24);
	put8(w, 1);
	put16(w, 0x110);
	put16(w, 0);
	put32(w, UVC_CLOCK_HZ);
	put8(w, 1);
	put8(w, UVC_INTERFACE_STREAM);
	put_bytes(w, camera, sizeof(camera));
	put_bytes(w, processing, sizeof(processing));
	put_bytes(w, output, sizeof(output));
	set_length16(w, begin, begin + 5);
}

/* UVC 1.1, frame based payload 3.1.1; uncompressed and MJPEG payloads 3.1.1, 3.1.2. */
static void put_format(struct writer *w, enum uvc_format format, uint8_t index)
{
	switch (format) {
	case UVC_YUYV:
		put_bytes(w, (const uint8_t[]){27, 0x24, 4, index, UVC_SIZES}, 5);
		put_guid(w, "YUY2");
		put_bytes(w, (const uint8_t[]){16, 1, 0, 0, 0, 0}, 6);
		break;
	case UVC_H264:
		put_bytes(w, (const uint8_t[]){28, 0x24, 0x10, index, UVC_SIZES}, 5);
		put_guid(w, "H264");
		put_bytes(w, (const uint8_t[]){16, 1, 0, 0, 0, 0, 1}, 7);
		break;
	case UVC_MJPEG:
		put_bytes(w, (const uint8_t[]){11, 0x24, 6, index, UVC_SIZES, 0, 1, 0, 0, 0, 0},
			  11);
		break;
	}
}

static void put_frame(struct writer *w, enum uvc_format format, unsigned index)
{
	static const uint8_t subtype[] = {[UVC_YUYV] = 5, [UVC_H264] = 0x11, [UVC_MJPEG] = 7};
	const struct uvc_size *size = &uvc_sizes[index];
	uint32_t bytes = size->width * size->height * 2;

	put8(w, 26 + 4 * UVC_INTERVALS);
	put8(w, 0x24);
	put8(w, subtype[format]);
	put8(w, index + 1);
	put8(w, 0);
	put16(w, size->width);
	put16(w, size->height);
	put32(w, bytes * 8 * 5);
	put32(w, bytes * 8 * 30);
	if (format != UVC_H264)
		put32(w, bytes);
	put32(w, UVC_INTERVAL_DEFAULT);
	put8(w, UVC_INTERVALS);
	if (format == UVC_H264)
		put32(w, 0); /* bytes per line: varies */
	for (unsigned i = 0; i < UVC_INTERVALS; i++)
		put32(w, uvc_intervals[i]);
}

/* UVC 1.1, 3.9.2.6: BT.709 primaries, BT.709 transfer, BT.601 matrix. */
static void put_colour(struct writer *w)
{
	put_bytes(w, (const uint8_t[]){6, 0x24, 13, 1, 1, 4}, 6);
}

static void put_stream_interface(struct writer *w, const struct uvc_offer *offer)
{
	static const uint8_t interface[] = {9, 4, UVC_INTERFACE_STREAM, 0, 1, 14, 2, 0, 0};

	put_bytes(w, interface, sizeof(interface));
	size_t begin = w->used;
	put8(w, 13 + offer->count);
	put8(w, 0x24);
	put8(w, 1);
	put8(w, offer->count);
	put16(w, 0);
	put_bytes(w, (const uint8_t[]){0x80 | UVC_ENDPOINT, 0, UVC_ENTITY_OUTPUT, 0, 0, 0, 1}, 7);
	for (unsigned i = 0; i < offer->count; i++)
		put8(w, 0);
	for (unsigned i = 0; i < offer->count; i++) {
		put_format(w, offer->formats[i], (uint8_t)(i + 1));
		for (unsigned size = 0; size < UVC_SIZES; size++)
			put_frame(w, offer->formats[i], size);
		put_colour(w);
	}
	set_length16(w, begin, begin + 4);
	put_bytes(w, (const uint8_t[]){7, 5, 0x80 | UVC_ENDPOINT, 2, 0, 2, 0}, 7);
}

size_t uvc_describe(uint8_t out[static UVC_DESCRIPTORS_MAX], const struct uvc_offer *offer)
{
	struct writer w = {.out = out};

	put_configuration(&w);
	put_control_interface(&w);
	put_stream_interface(&w, offer);
	set_length16(&w, 0, 2);
	return w.used;
}

size_t uvc_describe_device(uint8_t out[static UVC_ANSWER_MAX])
{
	/* USB 2.0; vendor and product are of the Linux Foundation's gadgets. */
	static const uint8_t bytes[] = {18,   1,    0x00, 0x02, 0xef, 2, 1, 64, 0x6b,
					0x1d, 0x02, 0x01, 0x00, 0x01, 1, 2, 3,  1};

	memcpy(out, bytes, sizeof(bytes));
	return sizeof(bytes);
}

size_t uvc_describe_string(uint8_t out[static UVC_ANSWER_MAX], unsigned index)
{
	static const char *const strings[] = {"", "nalcast", "nalcast test camera", "vm0001"};
	struct writer w = {.out = out};

	if (index >= ARRAY_SIZE(strings))
		return 0;
	size_t length = strlen(strings[index]);
	put8(&w, index == 0 ? 4 : 2 + 2 * (unsigned)length);
	put8(&w, 3);
	if (index == 0)
		put16(&w, 0x0409); /* English */
	for (size_t i = 0; i < length; i++)
		put16(&w, (uint8_t)strings[index][i]);
	return w.used;
}
