#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "streamer/viewmsg.h"

static const struct au_format format = {
	.codec = "avc1.42C01F",
	.width = 1920,
	.height = 1080,
	.crop_left = 2,
	.crop_top = 4,
	.coded_width = 1936,
	.coded_height = 1088,
	.fps_milli = 29970,
	.broadway = true,
};

#define FORMAT_JSON                                                       \
	"\"codec\":\"avc1.42C01F\",\"width\":1920,\"height\":1080,"       \
	"\"crop\":{\"left\":2,\"top\":4,\"width\":1920,\"height\":1080}," \
	"\"coded_width\":1936,\"coded_height\":1088,\"fps\":29.97,\"broadway\":true"

static void header_is_big_endian_and_24_bytes(void **state)
{
	UNUSED_STATE(state);
	static const uint8_t expected[] = {1,    3,    0,    0,    0x89, 0xab, 0xcd, 0xef,
					   0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
					   0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18};
	uint8_t out[VIEWMSG_HEADER_BYTES];

	viewmsg_write_header(out,
			     &(struct viewmsg_header){.flags = VIEWMSG_IDR | VIEWMSG_DISCONTINUITY,
						      .seq = 0x89abcdef,
						      .capture_us = 0x0102030405060708,
						      .publish_us = 0x1112131415161718});
	assert_memory_equal(out, expected, sizeof(expected));
}

static void hello_says_everything(void **state)
{
	UNUSED_STATE(state);
	char out[VIEWMSG_OUT_MAX];
	struct viewmsg_hello hello = {.format = &format,
				      .live_seq = 4294967295u,
				      .server = "nalcastd 0.1.0",
				      .camera = "main",
				      .running = true,
				      .ack_ms = 50};
	size_t len = viewmsg_write_hello(out, sizeof(out), &hello);

	assert_int_equal(len, strlen(out));
	assert_string_equal(out, "{\"type\":\"hello\"," FORMAT_JSON ",\"live_seq\":4294967295,"
				 "\"server\":\"nalcastd 0.1.0\",\"camera\":\"main\","
				 "\"running\":true,\"ack_ms\":50}");
}

static void hello_before_the_first_picture_has_nulls(void **state)
{
	UNUSED_STATE(state);
	char out[VIEWMSG_OUT_MAX];
	struct viewmsg_hello hello = {.server = "s", .camera = "c"};

	viewmsg_write_hello(out, sizeof(out), &hello);
	assert_string_equal(out,
			    "{\"type\":\"hello\",\"codec\":null,\"width\":null,"
			    "\"height\":null,\"crop\":null,\"coded_width\":null,"
			    "\"coded_height\":null,\"fps\":null,\"broadway\":null,\"live_seq\":0,"
			    "\"server\":\"s\",\"camera\":\"c\",\"running\":false,"
			    "\"ack_ms\":0}");
}

static void fps_is_the_shortest_number(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		unsigned fps_milli;
		const char *text;
	} cases[] = {
		{30000, "\"fps\":30,"},     {29970, "\"fps\":29.97,"}, {12500, "\"fps\":12.5,"},
		{59940, "\"fps\":59.94,"},  {1001, "\"fps\":1.001,"},  {50, "\"fps\":0.05,"},
		{23976, "\"fps\":23.976,"}, {0, "\"fps\":null,"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[VIEWMSG_OUT_MAX];
		struct au_format f = format;
		f.fps_milli = cases[i].fps_milli;
		viewmsg_write_format(out, sizeof(out), &f);
		assert_non_null(strstr(out, cases[i].text));
	}
}

static void format_alone_is_the_same_fields(void **state)
{
	UNUSED_STATE(state);
	char out[VIEWMSG_OUT_MAX];

	viewmsg_write_format(out, sizeof(out), &format);
	assert_string_equal(out, "{\"type\":\"format\"," FORMAT_JSON "}");
	viewmsg_write_format(out, sizeof(out), &(struct au_format){.width = 16});
	assert_non_null(strstr(out, "\"codec\":null,\"width\":16,"));
}

static void source_has_reason_and_time(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		int64_t since_us;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{1795348878042999, "2026-11-22T12:01:18.042Z"},
		{951782400000000, "2000-02-29T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{-1000000, "1969-12-31T23:59:59.000Z"},
	};
	char out[VIEWMSG_OUT_MAX], expected[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(expected, sizeof(expected),
			 "{\"type\":\"source\",\"online\":true,\"reason\":null,\"since\":\"%s\"}",
			 cases[i].text);
		viewmsg_write_source(out, sizeof(out), true, "", cases[i].since_us);
		assert_string_equal(out, expected);
	}
	viewmsg_write_source(out, sizeof(out), false, "a \"b\"", 0);
	assert_non_null(strstr(out, "\"online\":false,\"reason\":\"a \\\"b\\\"\","));
}

static void the_other_texts_are_exact(void **state)
{
	UNUSED_STATE(state);
	char out[VIEWMSG_OUT_MAX];

	viewmsg_write_stream(out, sizeof(out), false);
	assert_string_equal(out, "{\"type\":\"stream\",\"running\":false}");
	viewmsg_write_time(out, sizeof(out), -1, 1795348878042999, 2);
	assert_string_equal(out, "{\"type\":\"time\",\"t0\":-1,\"t1\":1795348878042999,\"t2\":2}");
	viewmsg_write_bye(out, sizeof(out), "too many viewers");
	assert_string_equal(out, "{\"type\":\"bye\",\"reason\":\"too many viewers\"}");
}

static void no_text_can_make_a_message_too_long(void **state)
{
	UNUSED_STATE(state);
	char out[VIEWMSG_OUT_MAX], text[3000];
	struct au_format f = {.width = UINT32_MAX,
			      .height = UINT32_MAX,
			      .crop_left = UINT32_MAX,
			      .crop_top = UINT32_MAX,
			      .coded_width = UINT32_MAX,
			      .coded_height = UINT32_MAX,
			      .fps_milli = UINT32_MAX};
	struct viewmsg_hello hello = {.format = &f,
				      .live_seq = UINT32_MAX,
				      .server = text,
				      .camera = text};

	memset(text, 1, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_true(viewmsg_write_hello(out, sizeof(out), &hello) <= VIEWMSG_OUT_MAX);
	assert_true(viewmsg_write_source(out, sizeof(out), true, text, INT64_MAX) <=
		    VIEWMSG_OUT_MAX);
	assert_true(viewmsg_write_source(out, sizeof(out), true, text, INT64_MIN) <=
		    VIEWMSG_OUT_MAX);
	assert_true(viewmsg_write_bye(out, sizeof(out), text) <= VIEWMSG_OUT_MAX);
	assert_true(viewmsg_write_time(out, sizeof(out), INT64_MIN, INT64_MIN, INT64_MIN) <=
		    VIEWMSG_OUT_MAX);
}

static struct viewmsg_in read_good(const char *text)
{
	struct viewmsg_in in;
	const char *why = NULL;

	assert_int_equal(viewmsg_read(text, strlen(text), &in, &why), 0);
	return in;
}

static void acks_are_read(void **state)
{
	UNUSED_STATE(state);
	struct viewmsg_in in = read_good("{\"type\":\"ack\",\"seq\":4294967295,\"shown\":7,"
					 "\"queue\":2,\"latency_ms\":61.5,"
					 "\"decoder\":\"webcodecs\"}");

	assert_int_equal(in.type, VIEWMSG_ACK);
	assert_int_equal(in.seq, 4294967295u);
	assert_int_equal(in.shown, 7);
	assert_int_equal(in.queue, 2);
	assert_true(in.latency_ms == 61.5);
	assert_string_equal(in.decoder, "webcodecs");
}

static void decoder_is_a_short_word_or_not_said(void **state)
{
	UNUSED_STATE(state);
	static const char *const texts[] = {
		"{\"type\":\"ack\",\"seq\":1,\"decoder\":\"sixteen-letters-\"}",
		"{\"type\":\"ack\",\"seq\":1,\"decoder\":\"a b\"}",
		"{\"type\":\"ack\",\"seq\":1,\"decoder\":\"\\n\"}",
		"{\"type\":\"ack\",\"seq\":1,\"decoder\":null}",
		"{\"type\":\"ack\",\"seq\":1}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_string_equal(read_good(texts[i]).decoder, "");
}

static void ack_needs_only_its_seq(void **state)
{
	UNUSED_STATE(state);
	struct viewmsg_in in = read_good("{\"seq\":5,\"type\":\"ack\"}");

	assert_int_equal(in.seq, 5);
	assert_int_equal(in.shown, 5);
	assert_int_equal(in.queue, 0);
	assert_true(in.latency_ms < 0);
	in = read_good("{\"type\":\"ack\",\"seq\":5,\"shown\":null,\"latency_ms\":null}");
	assert_int_equal(in.shown, 5);
	assert_true(in.latency_ms < 0);
}

static void the_other_types_are_read(void **state)
{
	UNUSED_STATE(state);
	struct viewmsg_in in = read_good("{\"type\":\"time\",\"t0\":1795348878042999}");

	assert_int_equal(in.type, VIEWMSG_TIME);
	assert_true(in.t0_us == 1795348878042999);
	assert_int_equal(read_good("{\"type\":\"pause\"}").type, VIEWMSG_PAUSE);
	assert_int_equal(read_good("{\"type\":\"resume\"}").type, VIEWMSG_RESUME);
	assert_int_equal(read_good("{\"type\":\"keyframe\",\"why\":[{}]}").type, VIEWMSG_KEYFRAME);
}

static void unknown_types_are_no_error(void **state)
{
	UNUSED_STATE(state);
	assert_int_equal(read_good("{}").type, VIEWMSG_UNKNOWN);
	assert_int_equal(read_good("{\"type\":null}").type, VIEWMSG_UNKNOWN);
	assert_int_equal(read_good("{\"type\":\"Ack\",\"seq\":\"x\"}").type, VIEWMSG_UNKNOWN);
	assert_int_equal(read_good("{\"nested\":{\"type\":\"pause\"}}").type, VIEWMSG_UNKNOWN);
}

static void wrong_values_are_refused_with_words(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "not a JSON object"},
		{"{\"type\":\"ack\"", "not JSON"},
		{"{\"type\":1}", "type is not a string"},
		{"{\"type\":\"ack\"}", "ack: seq"},
		{"{\"type\":\"ack\",\"seq\":-1}", "ack: seq"},
		{"{\"type\":\"ack\",\"seq\":4294967296}", "ack: seq"},
		{"{\"type\":\"ack\",\"seq\":1.5}", "ack: seq"},
		{"{\"type\":\"ack\",\"seq\":\"1\"}", "ack: seq"},
		{"{\"type\":\"ack\",\"seq\":1,\"shown\":[]}", "ack: shown"},
		{"{\"type\":\"ack\",\"seq\":1,\"queue\":true}", "ack: queue"},
		{"{\"type\":\"ack\",\"seq\":1,\"latency_ms\":\"9\"}", "ack: latency_ms"},
		{"{\"type\":\"ack\",\"seq\":1,\"decoder\":9}", "ack: decoder"},
		{"{\"type\":\"ack\",\"seq\":1,\"latency_ms\":1e400}", "ack: latency_ms"},
		{"{\"type\":\"time\"}", "time: t0"},
		{"{\"type\":\"time\",\"t0\":0.5}", "time: t0"},
		{"{\"type\":\"time\",\"t0\":99999999999999999999}", "time: t0"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct viewmsg_in in = {.seq = 42};
		const char *why = "";
		assert_int_equal(viewmsg_read(cases[i].text, strlen(cases[i].text), &in, &why),
				 -EINVAL);
		assert_non_null(strstr(why, cases[i].why));
		assert_int_equal(in.seq, 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_big_endian_and_24_bytes),
		cmocka_unit_test(hello_says_everything),
		cmocka_unit_test(hello_before_the_first_picture_has_nulls),
		cmocka_unit_test(fps_is_the_shortest_number),
		cmocka_unit_test(format_alone_is_the_same_fields),
		cmocka_unit_test(source_has_reason_and_time),
		cmocka_unit_test(the_other_texts_are_exact),
		cmocka_unit_test(no_text_can_make_a_message_too_long),
		cmocka_unit_test(acks_are_read),
		cmocka_unit_test(decoder_is_a_short_word_or_not_said),
		cmocka_unit_test(ack_needs_only_its_seq),
		cmocka_unit_test(the_other_types_are_read),
		cmocka_unit_test(unknown_types_are_no_error),
		cmocka_unit_test(wrong_values_are_refused_with_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
