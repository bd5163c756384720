#include "streamer/nal.h"

#include <string.h>

#define PREFIX_BYTES 3 /* start_code_prefix_one_3bytes */

/* The memchr() is what makes it fast: in what an encoder puts out a 1 is met every 256 bytes. */
const uint8_t *nal_find_prefix(const uint8_t *pos, const uint8_t *end)
{
	const uint8_t *start = pos;

	while (pos < end && (pos = memchr(pos, 1, (size_t)(end - pos))) != NULL) {
		if (pos - start >= 2 && pos[-1] == 0 && pos[-2] == 0)
			return pos - 2;
		pos++;
	}
	return end;
}

bool nal_next(const uint8_t **pos, const uint8_t *end, struct nal *ret_nal)
{
	const uint8_t *prefix = nal_find_prefix(*pos, end);

	while (prefix < end) {
		const uint8_t *data = prefix + PREFIX_BYTES;
		prefix = nal_find_prefix(data, end);
		/* Without trailing_zero_8bits of this one and zero_byte of the next (B.1). */
		const uint8_t *last = prefix;
		while (last > data && last[-1] == 0)
			last--;
		if (last == data)
			continue;
		*pos = prefix;
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
