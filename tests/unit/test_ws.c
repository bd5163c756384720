#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "streamer/ws.h"
#include "tests/unit/chunks.h"

#define CAPACITY 200

#define PROTOCOL "error 1002: "
#define UTF8     "error 1007: "

/* A client's bytes in the making. */
struct script {
	uint8_t bytes[70000];
	size_t size;
};

static void put(struct script *s, const void *data, size_t size)
{
	assert_true(s->size + size <= sizeof(s->bytes));
	memcpy(s->bytes + s->size, data, size);
	s->size += size;
}

static void put_byte(struct script *s, unsigned byte)
{
	put(s, &(uint8_t){(uint8_t)byte}, 1);
}

/* A masked frame with its length in length_bytes (0: seven bits, 2 or 8). */
static void put_frame_sized(struct script *s, unsigned first, const void *payload, size_t size,
			    unsigned length_bytes)
{
	static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

	put_byte(s, first);
	put_byte(s, 0x80 | (length_bytes == 0 ? (unsigned)size : length_bytes == 2 ? 126 : 127));
	for (unsigned i = 0; i < length_bytes; i++)
		put_byte(s, (unsigned)((uint64_t)size >> 8 * (length_bytes - 1 - i)));
	put(s, mask, sizeof(mask));
	for (size_t i = 0; i < size; i++)
		put_byte(s, ((const uint8_t *)payload)[i] ^ mask[i % 4]);
}

static void put_frame(struct script *s, unsigned first, const char *payload)
{
	size_t size = strlen(payload);

	put_frame_sized(s, first, payload, size, size < 126 ? 0 : 2);
}

/* Events as text, one line each. */
struct transcript {
	char text[4096];
	size_t len;
};

static void note(struct transcript *t, const struct ws_event *event)
{
	static const char *const names[] = {"none", "message", "ping", "pong", "close", "error"};
	char *out = t->text + t->len;
	size_t room = sizeof(t->text) - t->len;
	int len = 0;

	if (event->type == WS_EVENT_ERROR)
		len = snprintf(out, room, "error %u: %s\n", event->close_code, event->why);
	else if (event->type == WS_EVENT_CLOSE)
		len = snprintf(out, room, "close %u '%.*s'\n", event->close_code, (int)event->size,
			       (const char *)event->payload);
	else if (event->type != WS_EVENT_NONE)
		len = snprintf(out, room, "%s %x '%.*s'\n", names[event->type], event->opcode,
			       (int)event->size, (const char *)event->payload);
	t->len += (size_t)len;
	assert_true(t->len < sizeof(t->text));
}

static void read_all(struct ws_reader *r, const uint8_t *data, size_t size, struct transcript *t)
{
	struct ws_event event;

	while (size > 0) {
		size_t used = ws_read(r, data, size, &event);
		assert_in_range(used, 1, size);
		note(t, &event);
		data += used;
		size -= used;
	}
}

static void assert_reads(const struct script *s, const char *expected)
{
	struct transcript t = {.len = 0};
	struct ws_reader r;
	uint8_t buf[CAPACITY];

	ws_reader_init(&r, buf, sizeof(buf));
	read_all(&r, s->bytes, s->size, &t);
	assert_string_equal(t.text, expected);
}

static void accept_key_is_that_of_the_rfc(void **state)
{
	UNUSED_STATE(state);
	char accept[WS_ACCEPT_SIZE];

	assert_int_equal(ws_accept("dGhlIHNhbXBsZSBub25jZQ==", accept), 0); /* 1.3 */
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void keys_that_are_not_16_bytes_in_base64_are_refused(void **state)
{
	UNUSED_STATE(state);
	static const char *const keys[] = {
		"",
		"==",
		"dGhlIHNhbXBsZSBub25jZQ=",
		"dGhlIHNhbXBsZSBub25jZQ===",
		"dGhlIHNhbXBsZSBub25jZTE=",
		"dGhlIHNhbXBsZSBub25jZTEy",
		"dGhlIHNhbXBsZSBub25j Q==",
		"dGhlIHNhbXBsZSBub25j-Q==",
		"dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==",
	};
	char accept[WS_ACCEPT_SIZE] = "untouched";

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(ws_accept(keys[i], accept), -EINVAL);
	assert_string_equal(accept, "untouched");
}

static void headers_use_the_shortest_length(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		uint64_t payload_bytes;
		size_t size;
		uint8_t bytes[WS_HEADER_MAX];
	} cases[] = {
		{0, 2, {0x82, 0}},
		{125, 2, {0x82, 125}},
		{126, 4, {0x82, 126, 0, 126}},
		{256, 4, {0x82, 126, 1, 0}}, /* 5.7 */
		{65535, 4, {0x82, 126, 0xff, 0xff}},
		{65536, 10, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}}, /* 5.7 */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t out[WS_HEADER_MAX];
		size_t size = ws_header(out, WS_BINARY, cases[i].payload_bytes);
		assert_int_equal(size, cases[i].size);
		assert_memory_equal(out, cases[i].bytes, size);
	}
}

static void close_frame_carries_code_and_reason(void **state)
{
	UNUSED_STATE(state);
	uint8_t out[WS_CONTROL_FRAME_MAX];

	assert_int_equal(ws_close_frame(out, WS_CLOSE_GOING_AWAY, "bye"), 7);
	assert_memory_equal(out,
			    "\x88\x05\x03\xe9"
			    "bye",
			    7);
	assert_int_equal(ws_close_frame(out, WS_CLOSE_NO_STATUS, "unsaid"), 2);
	assert_memory_equal(out, "\x88\x00", 2);
}

static void long_close_reason_is_cut_between_characters(void **state)
{
	UNUSED_STATE(state);
	uint8_t out[WS_CONTROL_FRAME_MAX];
	char reason[200];

	memset(reason, 'a', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	assert_int_equal(ws_close_frame(out, WS_CLOSE_NORMAL, reason), 127);
	memcpy(reason + 121, "\xe2\x82\xac", 3); /* would end at 124 */
	assert_int_equal(ws_close_frame(out, WS_CLOSE_NORMAL, reason), 4 + 121);
	assert_int_equal(out[1], 2 + 121);
}

static void single_frames_are_read(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		unsigned first;
		const char *payload, *expected;
	} cases[] = {
		{0x81, "Hello", "message 1 'Hello'\n"},
		{0x81, "", "message 1 ''\n"},
		{0x82, "\xff\xfe", "message 2 '\xff\xfe'\n"},
		{0x89, "Hello", "ping 9 'Hello'\n"},
		{0x8a, "", "pong a ''\n"},
		{0x88, "", "close 1005 ''\n"},
		{0x88, "\x03\xe8", "close 1000 ''\n"},
		{0x88,
		 "\x03\xf3"
		 "bye",
		 "close 1011 'bye'\n"},
		{0x88, "\x0b\xb8", "close 3000 ''\n"},
		{0x88, "\x13\x87", "close 4999 ''\n"},
		{0x88, "\x03", PROTOCOL "close code cut off\n"},
		{0x88, "\x03\xe7", PROTOCOL "close code not allowed\n"}, /* 999 */
		{0x88, "\x03\xec", PROTOCOL "close code not allowed\n"}, /* 1004 */
		{0x88, "\x03\xed", PROTOCOL "close code not allowed\n"}, /* 1005 */
		{0x88, "\x03\xee", PROTOCOL "close code not allowed\n"}, /* 1006 */
		{0x88, "\x03\xf7", PROTOCOL "close code not allowed\n"}, /* 1015 */
		{0x88, "\x0b\xb7", PROTOCOL "close code not allowed\n"}, /* 2999 */
		{0x88, "\x13\x88", PROTOCOL "close code not allowed\n"}, /* 5000 */
		{0x88, "\x03\xe8\xff", UTF8 "close reason is not UTF-8\n"},
		{0x88, "\x03\xe8\xe2\x82", UTF8 "close reason is not UTF-8\n"},
		{0x80, "x", PROTOCOL "nothing to continue\n"},
		{0x00, "x", PROTOCOL "nothing to continue\n"},
		{0x83, "x", PROTOCOL "reserved opcode\n"},
		{0x87, "x", PROTOCOL "reserved opcode\n"},
		{0x8b, "x", PROTOCOL "reserved opcode\n"},
		{0x8f, "x", PROTOCOL "reserved opcode\n"},
		{0xc1, "x", PROTOCOL "reserved bits set\n"},
		{0xa1, "x", PROTOCOL "reserved bits set\n"},
		{0x91, "x", PROTOCOL "reserved bits set\n"},
		{0x09, "x", PROTOCOL "fragmented control frame\n"},
		{0x08, "", PROTOCOL "fragmented control frame\n"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct script s = {.size = 0};
		put_frame(&s, cases[i].first, cases[i].payload);
		assert_reads(&s, cases[i].expected);
	}
}

static void text_must_be_utf8(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
		{"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", true},
		{"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80", true},
		{"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", true},
		{"\x80", false},
		{"\xc0\xaf", false},
		{"\xc1\xbf", false},
		{"\xe0\x9f\xbf", false},
		{"\xed\xa0\x80", false},
		{"\xf0\x8f\xbf\xbf", false},
		{"\xf4\x90\x80\x80", false},
		{"\xf5\x80\x80\x80", false},
		{"\xfe", false},
		{"\xe2\x28\xa1", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct script s = {.size = 0};
		char expected[64];
		put_frame(&s, 0x81, cases[i].text);
		snprintf(expected, sizeof(expected), "message 1 '%s'\n", cases[i].text);
		assert_reads(&s, cases[i].valid ? expected : UTF8 "text is not UTF-8\n");
	}
}

static void broken_text_is_refused_before_the_frame_ends(void **state)
{
	UNUSED_STATE(state);
	struct script s = {.size = 0};

	put_frame(&s, 0x01, "ok \xe2\x82");
	put_frame(&s, 0x00, "\x28 and more that is still on its way");
	s.size -= 10;
	assert_reads(&s, UTF8 "text is not UTF-8\n");
}

static void text_that_ends_within_a_character_is_refused(void **state)
{
	UNUSED_STATE(state);
	struct script s = {.size = 0};

	put_frame(&s, 0x01, "ok \xe2");
	put_frame(&s, 0x80, "\x82");
	assert_reads(&s, UTF8 "text ends within a character\n");
}

static void fragments_are_joined_around_control_frames(void **state)
{
	UNUSED_STATE(state);
	struct script s = {.size = 0};

	put_frame(&s, 0x01, "Hel\xe2");
	put_frame(&s, 0x89, "are you there");
	put_frame(&s, 0x00, "");
	put_frame(&s, 0x00, "\x82");
	put_frame(&s, 0x8a, "");
	put_frame(&s, 0x80,
		  "\xac"
		  "lo");
	put_frame(&s, 0x82, "next");
	assert_reads(&s, "ping 9 'are you there'\npong a ''\n"
			 "message 1 'Hel\xe2\x82\xaclo'\nmessage 2 'next'\n");
}

static void new_message_within_a_fragmented_one_is_refused(void **state)
{
	UNUSED_STATE(state);
	struct script s = {.size = 0};

	put_frame(&s, 0x01, "a");
	put_frame(&s, 0x81, "b");
	assert_reads(&s, PROTOCOL "message within a message\n");
}

static void unmasked_frame_is_refused(void **state)
{
	UNUSED_STATE(state);
	struct script s = {.size = 0};

	put(&s, "\x81\x05Hello", 7);
	assert_reads(&s, PROTOCOL "frame without mask\n");
}

static void lengths_must_be_minimal(void **state)
{
	UNUSED_STATE(state);
	struct script text16 = {.size = 0}, text64 = {.size = 0}, ping16 = {.size = 0};
	struct script negative = {.size = 0}, exact = {.size = 0};
	uint8_t payload[126];

	memset(payload, 'x', sizeof(payload));
	put_frame_sized(&text16, 0x81, payload, 125, 2);
	assert_reads(&text16, PROTOCOL "length in too many bytes\n");
	put_frame_sized(&text64, 0x81, payload, 126, 8);
	assert_reads(&text64, PROTOCOL "length in too many bytes\n");
	put_frame_sized(&ping16, 0x89, payload, 126, 2);
	assert_reads(&ping16, PROTOCOL "control frame over 125 bytes\n");
	put(&negative, "\x82\xff\x80\0\0\0\0\0\0\0", 10);
	assert_reads(&negative, PROTOCOL "length over 63 bits\n");
	put_frame_sized(&exact, 0x89, payload, 125, 0);
	put_frame_sized(&exact, 0x88, NULL, 0, 0);
	struct transcript t = {.len = 0};
	struct ws_reader r;
	uint8_t buf[1];
	ws_reader_init(&r, buf, sizeof(buf));
	read_all(&r, exact.bytes, exact.size, &t);
	assert_non_null(strstr(t.text, "xxx'\nclose 1005"));
}

static void message_longer_than_the_buffer_is_too_big(void **state)
{
	UNUSED_STATE(state);
	uint8_t payload[CAPACITY + 1];
	struct script fits = {.size = 0}, one = {.size = 0}, pieces = {.size = 0};
	char expected[CAPACITY + 32];

	memset(payload, 'x', sizeof(payload));
	put_frame_sized(&fits, 0x82, payload, CAPACITY, 2);
	snprintf(expected, sizeof(expected), "message 2 '%.*s'\n", CAPACITY, (char *)payload);
	assert_reads(&fits, expected);
	put_frame_sized(&one, 0x82, payload, CAPACITY + 1, 2);
	assert_reads(&one, "error 1009: message too long\n");
	put_frame_sized(&pieces, 0x02, payload, CAPACITY, 2);
	put_frame_sized(&pieces, 0x00, payload, 0, 0);
	put_frame_sized(&pieces, 0x80, payload, 1, 0);
	assert_reads(&pieces, "error 1009: message too long\n");
}

static void nothing_is_read_after_close_or_error(void **state)
{
	UNUSED_STATE(state);
	struct script closed = {.size = 0}, broken = {.size = 0};

	put_frame(&closed, 0x88, "\x03\xe8");
	put_frame(&closed, 0x81, "more");
	assert_reads(&closed, "close 1000 ''\n");
	put_frame(&broken, 0x83, "");
	put_frame(&broken, 0x81, "more");
	assert_reads(&broken, PROTOCOL "reserved opcode\n");
}

struct mixed {
	struct script script;
	char expected[4096];
};

static void check_mixed(void *ctx, struct chunks *c)
{
	struct mixed *m = ctx;
	struct transcript t = {.len = 0};
	struct ws_reader r;
	uint8_t buf[CAPACITY];

	ws_reader_init(&r, buf, sizeof(buf));
	for (size_t n; (n = chunks_next(c)) > 0; c->pos += n)
		read_all(&r, m->script.bytes + c->pos, n, &t);
	if (m->expected[0] == '\0')
		memcpy(m->expected, t.text, sizeof(t.text));
	assert_string_equal(t.text, m->expected);
}

static void cutting_the_bytes_changes_nothing(void **state)
{
	UNUSED_STATE(state);
	static struct mixed m;
	char text[CAPACITY + 1];

	memset(text, 'y', CAPACITY);
	text[CAPACITY] = '\0';
	put_frame(&m.script, 0x81, "{\"type\":\"ack\",\"seq\":1}");
	put_frame(&m.script, 0x01, "\xf0\x9f");
	put_frame(&m.script, 0x89, "ping");
	put_frame(&m.script, 0x80, "\x8e\xa5");
	put_frame(&m.script, 0x82, "");
	put_frame(&m.script, 0x81, text);
	put_frame(&m.script, 0x8a, "");
	put_frame(&m.script, 0x01, "bad: \xc3");
	put_frame(&m.script, 0x80, "\x28");
	put_frame(&m.script, 0x88, "");
	chunks_try(m.script.size, 1, &m, check_mixed);
	assert_non_null(strstr(m.expected, "message 1 '\xf0\x9f\x8e\xa5'\nmessage 2 ''\n"));
	assert_non_null(strstr(m.expected, "pong a ''\n" UTF8 "text is not UTF-8\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accept_key_is_that_of_the_rfc),
		cmocka_unit_test(keys_that_are_not_16_bytes_in_base64_are_refused),
		cmocka_unit_test(headers_use_the_shortest_length),
		cmocka_unit_test(close_frame_carries_code_and_reason),
		cmocka_unit_test(long_close_reason_is_cut_between_characters),
		cmocka_unit_test(single_frames_are_read),
		cmocka_unit_test(text_must_be_utf8),
		cmocka_unit_test(broken_text_is_refused_before_the_frame_ends),
		cmocka_unit_test(text_that_ends_within_a_character_is_refused),
		cmocka_unit_test(fragments_are_joined_around_control_frames),
		cmocka_unit_test(new_message_within_a_fragmented_one_is_refused),
		cmocka_unit_test(unmasked_frame_is_refused),
		cmocka_unit_test(lengths_must_be_minimal),
		cmocka_unit_test(message_longer_than_the_buffer_is_too_big),
		cmocka_unit_test(nothing_is_read_after_close_or_error),
		cmocka_unit_test(cutting_the_bytes_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
