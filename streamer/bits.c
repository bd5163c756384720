#include "streamer/bits.h"

#define UE_ZEROS_MAX 31 /* 9.1 and 7.2: values end at 2^32 - 2 */

void bits_init(struct bits *b, const uint8_t *data, size_t size)
{
	*b = (struct bits){.data = data, .size = size};
}

/* After two zeros a 3 is no data (7.4.1). */
static bool at_emulation_prevention(const struct bits *b)
{
	return b->zeros >= 2 && b->pos < b->size && b->data[b->pos] == 3;
}

static bool load(struct bits *b)
{
	if (at_emulation_prevention(b)) {
		b->pos++;
		b->skipped++;
		b->zeros = 0;
	}
	if (b->pos == b->size) {
		b->failed = true;
		return false;
	}
	b->current = b->data[b->pos++];
	b->zeros = b->current == 0 ? b->zeros + 1 : 0;
	b->left = 8;
	return true;
}

uint32_t bits_u(struct bits *b, unsigned n)
{
	uint32_t value = 0;

	while (n > 0) {
		if (b->failed || (b->left == 0 && !load(b)))
			return 0;
		unsigned part = n < b->left ? n : b->left;
		b->left -= part;
		n -= part;
		value = value << part | (b->current >> b->left & ((1u << part) - 1));
	}
	return value;
}

uint32_t bits_ue(struct bits *b)
{
	unsigned zeros = 0;

	while (bits_u(b, 1) == 0) {
		if (b->failed || ++zeros > UE_ZEROS_MAX) {
			b->failed = true;
			return 0;
		}
	}
	uint32_t rest = bits_u(b, zeros);
	return b->failed ? 0 : (uint32_t)((UINT64_C(1) << zeros) - 1 + rest);
}

int32_t bits_se(struct bits *b)
{
	uint32_t k = bits_ue(b);
	int32_t half = (int32_t)(k / 2);

	return k % 2 == 1 ? half + 1 : -half;
}

/* There is more as long as the last 1 in the data, rbsp_stop_one_bit, is not the next bit. */
bool bits_more_rbsp_data(const struct bits *b)
{
	size_t pos = b->pos, last = b->size; /* behind the byte with the stop bit */

	while (last > pos && b->data[last - 1] == 0)
		last--;
	if (b->failed)
		return false;
	if (b->left > 0) {
		unsigned rest = b->current & ((1u << b->left) - 1);
		return last > pos || (rest != 0 && rest != 1u << (b->left - 1));
	}
	pos += at_emulation_prevention(b);
	return last > pos + 1 || (last == pos + 1 && b->data[pos] != 0x80);
}

size_t bits_position(const struct bits *b)
{
	return (b->pos - b->skipped) * 8 - b->left;
}

void bits_out_init(struct bits_out *o, uint8_t *data, size_t size)
{
	*o = (struct bits_out){.data = data, .size = size};
}

static void put_raw(struct bits_out *o, uint8_t byte)
{
	if (o->used == o->size) {
		o->failed = true;
		return;
	}
	o->data[o->used++] = byte;
	o->zeros = byte == 0 ? o->zeros + 1 : 0;
}

void bits_put_u(struct bits_out *o, uint32_t value, unsigned n)
{
	while (n-- > 0) {
		o->current = (uint8_t)(o->current << 1 | (value >> n & 1));
		if (++o->filled < 8)
			continue;
		if (o->zeros >= 2 && o->current <= 3)
			put_raw(o, 3);
		put_raw(o, o->current);
		o->filled = 0;
	}
}

void bits_put_ue(struct bits_out *o, uint32_t value)
{
	unsigned len = 0;

	while ((value + 1) >> len > 1)
		len++;
	bits_put_u(o, 0, len);
	bits_put_u(o, value + 1, len + 1);
}

size_t bits_put_end(struct bits_out *o)
{
	bits_put_u(o, 1, 1);
	while (o->filled != 0)
		bits_put_u(o, 0, 1);
	return o->failed ? 0 : o->used;
}
