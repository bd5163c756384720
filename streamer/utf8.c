#include "streamer/utf8.h"

#include <string.h>

/* The state is what the next byte may be: bytes missing in bits 0-7, smallest and largest value of
 * the next one in bits 8-15 and 16-23 (RFC 3629 4: only the second byte's range is special). */
static uint32_t state_of(uint32_t missing, uint32_t low, uint32_t high)
{
	return missing | low << 8 | high << 16;
}

/* State after a first byte of several; UTF8_COMPLETE if it cannot be one. */
static uint32_t lead_state(uint8_t c)
{
	if (c >= 0xc2 && c <= 0xdf)
		return state_of(1, 0x80, 0xbf);
	if (c == 0xe0)
		return state_of(2, 0xa0, 0xbf); /* shorter forms exist below */
	if (c == 0xed)
		return state_of(2, 0x80, 0x9f); /* surrogates above */
	if (c >= 0xe1 && c <= 0xef)
		return state_of(2, 0x80, 0xbf);
	if (c == 0xf0)
		return state_of(3, 0x90, 0xbf);
	if (c >= 0xf1 && c <= 0xf3)
		return state_of(3, 0x80, 0xbf);
	if (c == 0xf4)
		return state_of(3, 0x80, 0x8f); /* U+10FFFF is the last */
	return UTF8_COMPLETE;
}

static bool feed_byte(uint32_t *state, uint8_t c)
{
	uint32_t missing = *state & 0xff;

	if (missing == 0) {
		if (c < 0x80)
			return true;
		*state = lead_state(c);
		return *state != UTF8_COMPLETE;
	}
	if (c < (*state >> 8 & 0xff) || c > (*state >> 16 & 0xff))
		return false;
	*state = missing == 1 ? UTF8_COMPLETE : state_of(missing - 1, 0x80, 0xbf);
	return true;
}

/* How many whole eights of bytes are ASCII, as most of what comes is. */
static size_t ascii_size(const uint8_t *data, size_t size)
{
	uint64_t eight;
	size_t at = 0;

	for (; size - at >= sizeof(eight); at += sizeof(eight)) {
		memcpy(&eight, data + at, sizeof(eight));
		if ((eight & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	return at;
}

bool utf8_feed(uint32_t *state, const uint8_t *data, size_t size, size_t *ret_used)
{
	size_t used = *state == UTF8_COMPLETE ? ascii_size(data, size) : 0;

	while (used < size && feed_byte(state, data[used]))
		used++;
	if (ret_used != NULL)
		*ret_used = used;
	return used == size;
}

size_t utf8_cut(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len <= max)
		return len;
	for (len = max; len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80;)
		len--;
	return len;
}
