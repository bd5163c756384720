#include "streamer/nal.h"

#include <string.h>

/* The 1 of the next 00 00 01 in [pos, end), which may lean on the bytes back to start; NULL if
 * there is none. The memchr() is what makes it fast: a 1 is met every 256 bytes or so. */
static const uint8_t *find_prefix(const uint8_t *start, const uint8_t *pos, const uint8_t *end)
{
	while (pos < end && (pos = memchr(pos, 1, (size_t)(end - pos))) != NULL) {
		if (pos - start >= 2 && pos[-1] == 0 && pos[-2] == 0)
			return pos;
		pos++;
	}
	return NULL;
}

bool nal_next(const uint8_t **pos, const uint8_t *end, struct nal *ret_nal)
{
	const uint8_t *one = find_prefix(*pos, *pos, end);

	while (one != NULL) {
		const uint8_t *data = one + 1;
		one = find_prefix(data, data, end);
		const uint8_t *last = one != NULL ? one - 2 : end;
		/* trailing_zero_8bits of this one, zero_byte of the next (Annex B.1). */
		while (last > data && last[-1] == 0)
			last--;
		if (last == data)
			continue;
		*pos = one != NULL ? one - 2 : end;
		*ret_nal = (struct nal){.type = data[0] & 0x1f,
					.ref_idc = data[0] >> 5 & 3,
					.data = data,
					.size = (size_t)(last - data)};
		return true;
	}
	*pos = end;
	return false;
}

uint32_t nal_types(const uint8_t *data, size_t size)
{
	const uint8_t *pos = data, *end = data + size;
	uint32_t types = 0;
	struct nal nal;

	while (nal_next(&pos, end, &nal))
		types |= 1u << nal.type;
	return types;
}

uint8_t *nal_write(uint8_t *out, const uint8_t *data, size_t size)
{
	static const uint8_t start_code[NAL_START_CODE_BYTES] = {0, 0, 0, 1};

	memcpy(out, start_code, sizeof(start_code));
	memcpy(out + sizeof(start_code), data, size);
	return out + sizeof(start_code) + size;
}
