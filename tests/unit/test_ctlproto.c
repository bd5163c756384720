#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "common/ctlproto.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_survives_the_wire),
		cmocka_unit_test(reply_survives_the_wire),
		cmocka_unit_test(error_travels_with_its_word_and_its_pointer),
		cmocka_unit_test(malformed_requests_are_named),
		cmocka_unit_test(another_version_is_answered_with_its_id),
		cmocka_unit_test(packet_that_does_not_fit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
