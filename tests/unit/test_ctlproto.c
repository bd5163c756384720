#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "common/ctlproto.h"
#include "common/util.h"

static void request_survives_the_wire(void **state)
{
	UNUSED_STATE(state);
	char packet[CTL_PACKET_MAX];
	struct ctl_request sent = {.id = 7, .op = "set-resolution"};
	struct ctl_request got;
	json_int_t id;
	struct error err = {0};

	sent.args = json_pack("{s:i}", "width", 1280);
	int len = ctl_request_encode(&sent, packet, sizeof(packet));
	assert_true(len > 0);
	assert_int_equal(ctl_request_decode(packet, (size_t)len, &got, &id, &err), 0);
	assert_int_equal(id, 7);
	assert_int_equal(got.id, 7);
	assert_string_equal(got.op, "set-resolution");
	assert_true(json_equal(got.args, sent.args));
	ctl_request_clear(&got);
	ctl_request_clear(&sent);
}

static void reply_survives_the_wire(void **state)
{
	UNUSED_STATE(state);
	char packet[CTL_PACKET_MAX];
	struct ctl_reply sent = {.id = 9, .pending = true};
	struct ctl_reply got;
	struct error err = {0};

	sent.result = json_pack("{s:b}", "running", 1);
	int len = ctl_reply_encode(&sent, packet, sizeof(packet));
	assert_int_equal(ctl_reply_decode(packet, (size_t)len, &got, &err), 0);
	assert_int_equal(got.id, 9);
	assert_int_equal(got.code, CTL_OK);
	assert_true(got.pending);
	assert_true(json_equal(got.result, sent.result));
	ctl_reply_clear(&got);
	ctl_reply_clear(&sent);
}

static void error_travels_with_its_word_and_its_pointer(void **state)
{
	UNUSED_STATE(state);
	char packet[CTL_PACKET_MAX];
	struct ctl_reply sent = {.id = 1, .code = CTL_UNSUPPORTED};
	struct ctl_reply got;
	struct error err = {0};

	sent.error = json_pack("{s:s, s:s}", "message", "no such mode", "pointer", "/width");
	int len = ctl_reply_encode(&sent, packet, sizeof(packet));
	packet[len] = '\0';
	assert_non_null(strstr(packet, "\"unsupported\""));
	assert_int_equal(ctl_reply_decode(packet, (size_t)len, &got, &err), 0);
	assert_int_equal(got.code, CTL_UNSUPPORTED);
	assert_string_equal(json_string_value(json_object_get(got.error, "pointer")), "/width");
	ctl_reply_clear(&got);
	ctl_reply_clear(&sent);
}

static int decode(const char *text, json_int_t *ret_id, struct error *err)
{
	struct ctl_request req;
	int r = ctl_request_decode(text, strlen(text), &req, ret_id, err);

	if (r == 0)
		ctl_request_clear(&req);
	return r;
}

static void malformed_requests_are_named(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *text;
		int code;
		const char *words;
	} cases[] = {
		{"", -EPROTO, "not JSON"},
		{"[]", -EPROTO, "not a JSON object"},
		{"{\"v\":1", -EPROTO, "line 1"},
		{"{\"id\":1,\"op\":\"x\"}", -EPROTO, "\"v\" is missing"},
		{"{\"v\":2,\"id\":5,\"op\":\"x\"}", -EPROTONOSUPPORT, "version 2"},
		{"{\"v\":1,\"op\":\"x\"}", -EPROTO, "\"id\""},
		{"{\"v\":1,\"id\":1}", -EPROTO, "\"op\""},
		{"{\"v\":1,\"id\":1,\"op\":\"a-word-that-is-longer-than-32-letters\"}", -EPROTO,
		 "\"op\""},
		{"{\"v\":1,\"id\":1,\"op\":\"x\",\"args\":[]}", -EPROTO, "\"args\""},
		{"{\"v\":1,\"v\":1,\"id\":1,\"op\":\"x\"}", -EPROTO, "duplicate"},
		{"{\"v\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}", -EPROTO, "nested deeper"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		json_int_t id = -1;
		assert_int_equal(decode(cases[i].text, &id, &err), cases[i].code);
		assert_non_null(strstr(err.text, cases[i].words));
	}
}

static void another_version_is_answered_with_its_id(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};
	json_int_t id = -1;

	assert_int_equal(decode("{\"v\":9,\"id\":42,\"op\":\"x\"}", &id, &err), -EPROTONOSUPPORT);
	assert_int_equal(id, 42);
}

static void packet_that_does_not_fit_is_refused(void **state)
{
	UNUSED_STATE(state);
	char packet[16];
	struct ctl_request req = {.id = 1, .op = "state"};

	req.args = json_object();
	assert_int_equal(ctl_request_encode(&req, packet, sizeof(packet)), -EMSGSIZE);
	ctl_request_clear(&req);
}

static void a_plain_result_comes_as_text(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *packet, *text; /* text NULL: the other decoder knows */
		bool pending;
	} cases[] = {
		{"{\"v\":1,\"id\":7,\"ok\":true,\"result\":{\"a\":[1.5,null]}}",
		 "{\"a\":[1.5,null]}", false},
		{"{\"v\":1,\"id\":7,\"ok\":true,\"result\":[],\"pending\":true}", "[]", true},
		{"{\"v\":1,\"id\":7,\"ok\":true,\"result\":{}", NULL, false},
		{"{\"v\":1,\"id\":7,\"ok\":true,\"result\":{}}}", NULL, false},
		{"{\"v\":1,\"id\":7,\"ok\":true,\"result\":{}} ", NULL, false},
		{"{\"v\":1,\"id\":7,\"ok\":true,\"result\":{},\"pending\":false}", NULL, false},
		{"{\"v\":1,\"id\":7,\"ok\":true,\"result\":{},\"more\":1}", NULL, false},
		{"{\"v\":1,\"id\":7,\"ok\":true,\"result\":nonsense}", NULL, false},
		{"{\"v\":1,\"id\":7,\"ok\":true,\"result\":\"\xc3\xbc\"}", NULL, false},
		{"{\"v\":1,\"id\":7,\"ok\":false,\"error\":{}}", NULL, false},
		{"{\"v\":2,\"id\":7,\"ok\":true,\"result\":{}}", NULL, false},
		{"{\"v\":1,\"id\":-7,\"ok\":true,\"result\":{}}", NULL, false},
		{"{\"v\":1,\"id\":,\"ok\":true,\"result\":{}}", NULL, false},
		{"{\"v\":1,\"id\":99999999999999999999,\"ok\":true,\"result\":{}}", NULL, false},
		{"{ \"v\":1,\"id\":7,\"ok\":true,\"result\":{}}", NULL, false},
		{"", NULL, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctl_reply reply = {.id = 42};
		int r = ctl_reply_decode_text(cases[i].packet, strlen(cases[i].packet), &reply);
		assert_int_equal(r, cases[i].text != NULL ? 0 : -EAGAIN);
		assert_int_equal(reply.id, r == 0 ? 7 : 42);
		if (r == 0) {
			assert_string_equal(reply.text, cases[i].text);
			assert_int_equal(reply.text_size, strlen(cases[i].text));
			assert_int_equal(reply.pending, cases[i].pending);
			assert_int_equal(reply.code, CTL_OK);
		}
		ctl_reply_clear(&reply);
	}
}

/* The fast way must be the one that is taken. */
static void what_we_encode_is_plain(void **state)
{
	UNUSED_STATE(state);
	struct ctl_reply reply = {.id = 3,
				  .pending = true,
				  .result = json_pack("{s:f}", "fps", 29.97)};
	struct ctl_reply got;
	char packet[200];

	int size = ctl_reply_encode(&reply, packet, sizeof(packet));
	assert_true(size > 0);
	assert_int_equal(ctl_reply_decode_text(packet, (size_t)size, &got), 0);
	assert_string_equal(got.text, "{\"fps\":29.97}");
	assert_int_equal(got.id, 3);
	assert_true(got.pending);
	ctl_reply_clear(&got);
	ctl_reply_clear(&reply);
}

/* Which way it goes must not be seen. */
static void plain_request_is_as_any_other(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *packet, *op; /* NULL: it is none */
		json_int_t id;
	} cases[] = {
		{"{\"v\":1,\"id\":7,\"op\":\"state\",\"args\":{}}", "state", 7},
		{"{\"v\":1,\"id\":7,\"op\":\"state\",\"args\":{} }", "state", 7},
		{"{ \"v\":1,\"id\":-7,\"op\":\"reset-config\",\"args\":{}}", "reset-config", -7},
		{"{\"v\":1,\"id\":7,\"op\":\"\",\"args\":{}}", "", 7},
		{"{\"v\":1,\"id\":7,\"op\":\"a\\u0062\",\"args\":{}}", "ab", 7},
		{"{\"v\":1,\"id\":7,\"op\":\"state\",\"args\":{}}}", NULL, 0},
		{"{\"v\":1,\"id\":7,\"op\":\"state\",\"args\":{}", NULL, 0},
		{"{\"v\":1,\"id\":,\"op\":\"state\",\"args\":{}}", NULL, 0},
		{"{\"v\":1,\"id\":7,\"op\":\"a-word-of-more-letters-than-any-is\",\"args\":{}}",
		 NULL, 0},
		{"{\"v\":2,\"id\":7,\"op\":\"state\",\"args\":{}}", NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ctl_request got;
		json_int_t id;
		int r = ctl_request_decode(cases[i].packet, strlen(cases[i].packet), &got, &id,
					   NULL);
		assert_int_equal(r == 0, cases[i].op != NULL);
		if (r < 0)
			continue;
		assert_string_equal(got.op, cases[i].op);
		assert_int_equal(got.id, cases[i].id);
		assert_int_equal(id, cases[i].id);
		assert_int_equal(json_object_size(got.args), 0);
		ctl_request_clear(&got);
	}
}

static void text_is_sent_as_its_result_would_be(void **state)
{
	UNUSED_STATE(state);
	struct ctl_reply reply = {.id = 3, .result = json_pack("{s:f}", "fps", 29.97)};
	char by_result[200], by_text[200];

	for (int pending = 0; pending <= 1; pending++) {
		reply.pending = pending;
		int size = ctl_reply_encode(&reply, by_result, sizeof(by_result));
		assert_true(size > 0);
		struct ctl_reply text = {.id = 3,
					 .pending = pending,
					 .text = ctl_result_text(reply.result)};
		assert_int_equal(ctl_reply_encode(&text, by_text, sizeof(by_text)), size);
		assert_memory_equal(by_text, by_result, (size_t)size);
		assert_int_equal(ctl_reply_encode(&text, by_text, (size_t)size), -EMSGSIZE);
		ctl_reply_clear(&text);
	}
	ctl_reply_clear(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_result_comes_as_text),
		cmocka_unit_test(what_we_encode_is_plain),
		cmocka_unit_test(plain_request_is_as_any_other),
		cmocka_unit_test(text_is_sent_as_its_result_would_be),
		cmocka_unit_test(request_survives_the_wire),
		cmocka_unit_test(reply_survives_the_wire),
		cmocka_unit_test(error_travels_with_its_word_and_its_pointer),
		cmocka_unit_test(malformed_requests_are_named),
		cmocka_unit_test(another_version_is_answered_with_its_id),
		cmocka_unit_test(packet_that_does_not_fit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
