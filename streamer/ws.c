#include "streamer/ws.h"

#include <errno.h>
#include <string.h>

#include <nettle/base64.h>
#include <nettle/sha1.h>

#include "streamer/utf8.h"

#define KEY_LEN 24 /* 16 bytes in base64, 4.1 */

#define BIT_FIN    0x80
#define BITS_RSV   0x70
#define BITS_OP    0x0f
#define BIT_MASKED 0x80
#define BITS_LEN   0x7f
#define LEN_IS_16  126
#define LEN_IS_64  127

int ws_accept(const char *key, char ret_accept[static WS_ACCEPT_SIZE])
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* 1.3 */
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha1;

	/* Nettle's decoder passes over white space, which 4.1 does not know. */
	if (strspn(key, alphabet) != KEY_LEN - 2 || strcmp(key + KEY_LEN - 2, "==") != 0)
		return -EINVAL;
	sha1_init(&sha1);
	sha1_update(&sha1, KEY_LEN, (const uint8_t *)key);
	sha1_update(&sha1, sizeof(guid) - 1, (const uint8_t *)guid);
	sha1_digest(&sha1, sizeof(digest), digest);
	base64_encode_raw(ret_accept, sizeof(digest), digest);
	ret_accept[WS_ACCEPT_SIZE - 1] = '\0';
	return 0;
}

static uint8_t *put_be(uint8_t *out, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		out[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
	return out + bytes;
}

size_t ws_header(uint8_t out[static WS_HEADER_MAX], enum ws_opcode opcode, uint64_t payload_bytes)
{
	uint8_t *p = out + 2;

	out[0] = (uint8_t)(BIT_FIN | opcode);
	if (payload_bytes < LEN_IS_16) {
		out[1] = (uint8_t)payload_bytes;
	} else if (payload_bytes <= UINT16_MAX) {
		out[1] = LEN_IS_16;
		p = put_be(p, payload_bytes, 2);
	} else {
		out[1] = LEN_IS_64;
		p = put_be(p, payload_bytes, 8);
	}
	return (size_t)(p - out);
}

size_t ws_close_frame(uint8_t out[static WS_CONTROL_FRAME_MAX], enum ws_close_code code,
		      const char *reason)
{
	if (code == WS_CLOSE_NO_STATUS)
		return ws_header(out, WS_CLOSE, 0);
	size_t len = utf8_cut(reason, WS_CONTROL_MAX - 2);
	uint8_t *p = out + ws_header(out, WS_CLOSE, 2 + len);
	p = put_be(p, code, 2);
	memcpy(p, reason, len);
	return (size_t)(p + len - out);
}

void ws_reader_init(struct ws_reader *r, uint8_t *buf, size_t capacity)
{
	memset(r, 0, sizeof(*r));
	r->buf = buf;
	r->capacity = capacity;
}

size_t ws_reader_pending(const struct ws_reader *r)
{
	return r->in_message && !r->ended ? r->used : 0;
}

static bool is_control(enum ws_opcode opcode)
{
	return (opcode & 0x8) != 0;
}

/* Always false, so that checks can write `return fail(...)`. */
static bool fail(struct ws_reader *r, struct ws_event *event, unsigned code, const char *why)
{
	r->ended = true;
	*event = (struct ws_event){.type = WS_EVENT_ERROR, .close_code = code, .why = why};
	return false;
}

static bool check_first_byte(struct ws_reader *r, struct ws_event *event)
{
	r->fin = (r->header[0] & BIT_FIN) != 0;
	r->opcode = (enum ws_opcode)(r->header[0] & BITS_OP);
	if ((r->header[0] & BITS_RSV) != 0)
		return fail(r, event, WS_CLOSE_PROTOCOL_ERROR, "reserved bits set");
	switch (r->opcode) {
	case WS_CONTINUATION:
		if (!r->in_message)
			return fail(r, event, WS_CLOSE_PROTOCOL_ERROR, "nothing to continue");
		return true;
	case WS_TEXT:
	case WS_BINARY:
		if (r->in_message)
			return fail(r, event, WS_CLOSE_PROTOCOL_ERROR, "message within a message");
		return true;
	case WS_CLOSE:
	case WS_PING:
	case WS_PONG:
		if (!r->fin)
			return fail(r, event, WS_CLOSE_PROTOCOL_ERROR, "fragmented control frame");
		return true;
	}
	return fail(r, event, WS_CLOSE_PROTOCOL_ERROR, "reserved opcode");
}

static bool check_second_byte(struct ws_reader *r, struct ws_event *event)
{
	if ((r->header[1] & BIT_MASKED) == 0)
		return fail(r, event, WS_CLOSE_PROTOCOL_ERROR, "frame without mask");
	if (is_control(r->opcode) && (r->header[1] & BITS_LEN) > WS_CONTROL_MAX)
		return fail(r, event, WS_CLOSE_PROTOCOL_ERROR, "control frame over 125 bytes");
	return true;
}

static unsigned length_bytes(const struct ws_reader *r)
{
	unsigned len = r->header[1] & BITS_LEN;

	if (len == LEN_IS_64)
		return 8;
	return len == LEN_IS_16 ? 2 : 0;
}

static uint64_t read_length(const struct ws_reader *r)
{
	unsigned bytes = length_bytes(r);
	uint64_t len = 0;

	for (unsigned i = 0; i < bytes; i++)
		len = len << 8 | r->header[2 + i];
	return bytes > 0 ? len : r->header[1] & BITS_LEN;
}

/* 5.2: the minimal number of bytes, and the most significant bit 0. */
static bool check_length(struct ws_reader *r, struct ws_event *event)
{
	unsigned bytes = length_bytes(r);
	uint64_t len = read_length(r);

	if ((bytes == 2 && len < LEN_IS_16) || (bytes == 8 && len <= UINT16_MAX))
		return fail(r, event, WS_CLOSE_PROTOCOL_ERROR, "length in too many bytes");
	if (len > INT64_MAX)
		return fail(r, event, WS_CLOSE_PROTOCOL_ERROR, "length over 63 bits");
	if (!is_control(r->opcode) && len > r->capacity - (r->in_message ? r->used : 0))
		return fail(r, event, WS_CLOSE_TOO_BIG, "message too long");
	return true;
}

static void begin_payload(struct ws_reader *r)
{
	memcpy(r->mask, r->header + 2 + length_bytes(r), sizeof(r->mask));
	r->frame_left = read_length(r);
	r->mask_pos = 0;
	r->header_used = 0;
	r->in_payload = true;
	r->control_used = 0;
	if (is_control(r->opcode) || r->opcode == WS_CONTINUATION)
		return;
	r->in_message = true;
	r->message_opcode = r->opcode;
	r->utf8_state = UTF8_COMPLETE;
	r->used = 0;
}

/* Every byte is judged when it comes, so that a broken frame is refused at the same place however
 * the bytes were cut. */
static bool take_header_byte(struct ws_reader *r, uint8_t byte, struct ws_event *event)
{
	r->header[r->header_used++] = byte;
	if (r->header_used == 1)
		return check_first_byte(r, event);
	if (r->header_used == 2 && !check_second_byte(r, event))
		return false;
	unsigned mask_at = 2 + length_bytes(r);
	if (r->header_used == mask_at && !check_length(r, event))
		return false;
	if (r->header_used == mask_at + sizeof(r->mask))
		begin_payload(r);
	return true;
}

/* 5.3, eight bytes at a time: all that comes from pages is masked. */
static void unmask(struct ws_reader *r, uint8_t *out, const uint8_t *data, size_t size)
{
	uint8_t mask[8];
	uint64_t eight_of_mask, eight;
	size_t at = 0;

	for (unsigned i = 0; i < sizeof(mask); i++)
		mask[i] = r->mask[(r->mask_pos + i) % sizeof(r->mask)];
	memcpy(&eight_of_mask, mask, sizeof(mask));
	for (; size - at >= sizeof(eight); at += sizeof(eight)) {
		memcpy(&eight, data + at, sizeof(eight));
		eight ^= eight_of_mask;
		memcpy(out + at, &eight, sizeof(eight));
	}
	for (; at < size; at++)
		out[at] = data[at] ^ mask[at % sizeof(mask)];
	r->mask_pos = (r->mask_pos + size) % sizeof(r->mask);
}

static bool take_payload(struct ws_reader *r, const uint8_t *data, size_t size,
			 struct ws_event *event)
{
	bool control = is_control(r->opcode);
	uint8_t *out = control ? r->control + r->control_used : r->buf + r->used;

	unmask(r, out, data, size);
	r->frame_left -= size;
	if (control) {
		r->control_used += size;
		return true;
	}
	r->used += size;
	if (r->message_opcode == WS_TEXT && !utf8_feed(&r->utf8_state, out, size, NULL))
		return fail(r, event, WS_CLOSE_INVALID_DATA, "text is not UTF-8");
	return true;
}

static bool is_close_code(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1011) ||
	       (code >= 3000 && code <= 4999);
}

static void end_close(struct ws_reader *r, struct ws_event *event)
{
	uint32_t state = UTF8_COMPLETE;

	r->ended = true;
	*event = (struct ws_event){.type = WS_EVENT_CLOSE,
				   .opcode = WS_CLOSE,
				   .payload = r->control,
				   .close_code = WS_CLOSE_NO_STATUS};
	if (r->control_used == 0)
		return;
	if (r->control_used == 1) {
		fail(r, event, WS_CLOSE_PROTOCOL_ERROR, "close code cut off");
		return;
	}
	event->close_code = (unsigned)r->control[0] << 8 | r->control[1];
	event->payload += 2;
	event->size = r->control_used - 2;
	if (!is_close_code(event->close_code))
		fail(r, event, WS_CLOSE_PROTOCOL_ERROR, "close code not allowed");
	else if (!utf8_feed(&state, event->payload, event->size, NULL) || state != UTF8_COMPLETE)
		fail(r, event, WS_CLOSE_INVALID_DATA, "close reason is not UTF-8");
}

static void end_message(struct ws_reader *r, struct ws_event *event)
{
	if (!r->fin)
		return;
	r->in_message = false;
	if (r->message_opcode == WS_TEXT && r->utf8_state != UTF8_COMPLETE) {
		fail(r, event, WS_CLOSE_INVALID_DATA, "text ends within a character");
		return;
	}
	*event = (struct ws_event){.type = WS_EVENT_MESSAGE,
				   .opcode = r->message_opcode,
				   .payload = r->buf,
				   .size = r->used};
}

static void end_frame(struct ws_reader *r, struct ws_event *event)
{
	r->in_payload = false;
	if (r->opcode == WS_CLOSE) {
		end_close(r, event);
	} else if (is_control(r->opcode)) {
		*event = (struct ws_event){.type = r->opcode == WS_PING ? WS_EVENT_PING
									: WS_EVENT_PONG,
					   .opcode = r->opcode,
					   .payload = r->control,
					   .size = r->control_used};
	} else {
		end_message(r, event);
	}
}

size_t ws_read(struct ws_reader *r, const uint8_t *data, size_t size, struct ws_event *ret_event)
{
	size_t used = 0;

	*ret_event = (struct ws_event){.type = WS_EVENT_NONE};
	if (r->ended)
		return size;
	while (used < size && ret_event->type == WS_EVENT_NONE) {
		if (!r->in_payload) {
			if (!take_header_byte(r, data[used++], ret_event))
				break;
		} else {
			const uint8_t *part = data + used;
			size_t left = size - used;
			size_t part_size = r->frame_left < left ? (size_t)r->frame_left : left;
			used += part_size;
			if (!take_payload(r, part, part_size, ret_event))
				break;
		}
		if (r->in_payload && r->frame_left == 0)
			end_frame(r, ret_event);
	}
	return used;
}
