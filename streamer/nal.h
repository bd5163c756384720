/* nal: walks an H.264 byte stream (Annex B) that is wholly in memory, NAL unit by NAL unit.
 * No I/O; any thread. */
#ifndef STREAMER_NAL_H
#define STREAMER_NAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nal_type { /* H.264 table 7-1: the ones we care about; others pass through */
		NAL_SLICE = 1,
		NAL_SLICE_PARTITION_A = 2,
		NAL_SLICE_PARTITION_C = 4,
		NAL_SLICE_IDR = 5,
		NAL_SEI = 6,
		NAL_SPS = 7,
		NAL_PPS = 8,
		NAL_AUD = 9,
		NAL_END_OF_SEQUENCE = 10,
		NAL_END_OF_STREAM = 11,
		NAL_FILLER = 12,
};

#define NAL_START_CODE_BYTES 4 /* of those we write: zero_byte and the prefix, Annex B.1.1 */

struct nal {
	unsigned type;       /* nal_unit_type, 0..31 */
	unsigned ref_idc;    /* nal_ref_idc, 0..3 */
	const uint8_t *data; /* after the start code; points into the caller's buffer */
	size_t size;         /* bytes, trailing zeros left out; never 0 */
};

/* The next 00 00 01 that is wholly in [pos, end), or end. */
const uint8_t *nal_find_prefix(const uint8_t *pos, const uint8_t *end);

/* Step through [*pos, end). False at the end. Bytes before the first start code are passed over.
 * Never reads outside, whatever the bytes. */
bool nal_next(const uint8_t **pos, const uint8_t *end, struct nal *ret_nal);

/* Which NAL unit types occur, one bit each: types & (1u << NAL_SPS). */
uint32_t nal_types(const uint8_t *data, size_t size);

/* Write start code and NAL unit; the caller has made sure of NAL_START_CODE_BYTES + size bytes. */
uint8_t *nal_write(uint8_t *out, const uint8_t *data, size_t size);

#endif
