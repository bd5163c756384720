#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/fields.h"
#include "fcgi/response.h"

/* Writes res, clears it, and compares. */
static void assert_bytes(struct response *res, const char *wanted)
{
	size_t size;
	char *bytes = response_write(res, &size);

	assert_non_null(bytes);
	assert_int_equal(size, strlen(wanted));
	assert_memory_equal(bytes, wanted, size);
	free(bytes);
	response_clear(res);
}

#define COMMON "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n"

static void an_answer_has_its_exact_length(void **state)
{
	UNUSED_STATE(state);
	struct response res = {0};

	response_json(&res, 200, json_pack("{s:f, s:s}", "fps", 29.97, "x", "\xc3\xbc"));
	assert_bytes(&res, "Status: 200 OK\r\nContent-Type: application/json\r\n"
			   "Content-Length: 23\r\n" COMMON "{\"fps\":29.97,\"x\":\"\xc3\xbc\"}\n");
}

static void head_has_the_length_and_no_body(void **state)
{
	UNUSED_STATE(state);
	struct response res = {.head_only = true};

	response_json(&res, 202, json_object());
	assert_bytes(&res, "Status: 202 Accepted\r\nContent-Type: application/json\r\n"
			   "Content-Length: 3\r\n" COMMON);
}

static void no_content_has_no_length(void **state)
{
	UNUSED_STATE(state);
	struct response res = {.status = 204, .allow = "GET, OPTIONS"};

	assert_bytes(&res, "Status: 204 No Content\r\nAllow: GET, OPTIONS\r\n" COMMON);
}

static void a_problem_is_complete(void **state)
{
	UNUSED_STATE(state);
	struct response res = {0};

	assert_int_equal(response_problem(&res, 503, "unavailable", "not %s", "now"),
			 RESPONSE_REFUSED);
	response_add_error(&res, RESPONSE_POINTER, "/a", "word", "n%d", 1);
	response_add_error(&res, RESPONSE_PARAMETER, "b", "word", "n%d", 2);
	response_add_member(&res, "holder", json_string("me"));
	response_add_member(&res, "status", json_integer(200));
	response_add_member(&res, "errors", json_array());
	res.retry_after_s = 3;
	assert_bytes(&res,
		     "Status: 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
		     "Content-Length: 210\r\nRetry-After: 3\r\n" COMMON
		     "{\"type\":\"problems/unavailable\",\"title\":\"Service Unavailable\","
		     "\"status\":503,\"detail\":\"not now\",\"errors\":["
		     "{\"pointer\":\"/a\",\"code\":\"word\",\"detail\":\"n1\"},"
		     "{\"parameter\":\"b\",\"code\":\"word\",\"detail\":\"n2\"}],"
		     "\"holder\":\"me\"}\n");
}

static void a_second_problem_replaces_the_first(void **state)
{
	UNUSED_STATE(state);
	struct response res = {0};

	response_problem(&res, 400, "a", "first");
	response_problem(&res, 404, "b", "second");
	assert_int_equal(res.status, 404);
	assert_string_equal(json_string_value(json_object_get(res.body, "detail")), "second");
	response_clear(&res);
}

static void words_that_are_no_utf8_keep_their_ascii(void **state)
{
	UNUSED_STATE(state);
	struct response res = {0};

	response_problem(&res, 400, "x", "a\xff-\xc3\xbc");
	assert_string_equal(json_string_value(json_object_get(res.body, "detail")), "a?-??");
	response_add_error(&res, RESPONSE_PARAMETER, "\xfe", "c", "d");
	const json_t *error = json_array_get(json_object_get(res.body, "errors"), 0);
	assert_string_equal(json_string_value(json_object_get(error, "parameter")), "?");
	response_clear(&res);
}

static void out_of_memory_is_a_problem_too(void **state)
{
	UNUSED_STATE(state);
	struct response res = {0};
	size_t size;

	response_json(&res, 200, NULL);
	char *bytes = response_write(&res, &size);
	assert_memory_equal(bytes, "Status: 500 Internal Server Error\r\n", 35);
	bytes[size - 1] = '\0';
	assert_non_null(strstr(bytes, "\r\n\r\n{\"type\":\"problems/internal\""));
	free(bytes);
	response_clear(&res);
}

static const struct field fields[] = {
	{.key = "width", .type = FIELD_INTEGER, .is_needed = true, .min = 1, .max = 10},
	{.key = "fps", .type = FIELD_NUMBER, .min = 0.5, .max = 60},
	{.key = NULL},
};

/* "pointer code,": of each error, or "" where the body is fine. */
static void describe(const char *body, char *out, size_t size)
{
	struct response res = {0};
	json_t *json = json_loads(body, JSON_DECODE_ANY, NULL);
	size_t i, len = 0;
	json_t *error;

	out[0] = '\0';
	int r = fields_check(json, fields, &res);
	assert_int_equal(r, res.status == 0 ? 0 : RESPONSE_REFUSED);
	json_array_foreach(json_object_get(res.body, "errors"), i, error)
	{
		len += (size_t)snprintf(out + len, size - len, "%s %s,",
					json_string_value(json_object_get(error, "pointer")),
					json_string_value(json_object_get(error, "code")));
	}
	json_decref(json);
	response_clear(&res);
}

static void fields_are_checked_by_their_table(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *body, *errors;
	} cases[] = {
		{"{\"width\":1}", ""},
		{"{\"width\":10,\"fps\":0.5}", ""},
		{"{\"width\":10,\"fps\":60}", ""},
		{"{}", "/width missing,"},
		{"{\"width\":0}", "/width out-of-range,"},
		{"{\"width\":11}", "/width out-of-range,"},
		{"{\"width\":1.0}", "/width wrong-type,"},
		{"{\"width\":null}", "/width wrong-type,"},
		{"{\"width\":\"1\",\"fps\":true}", "/width wrong-type,/fps wrong-type,"},
		{"{\"width\":1,\"fps\":60.1}", "/fps out-of-range,"},
		{"{\"Width\":1}", "/width missing,/Width unknown,"},
		{"{\"width\":1,\"~/\":1}", "/~0~1 unknown,"},
		{"{\"width\":1,\"\":1}", "/ unknown,"},
	};
	char found[1000];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		describe(cases[i].body, found, sizeof(found));
		assert_string_equal(found, cases[i].errors);
	}
}

static void a_body_full_of_mistakes_gets_eight_errors(void **state)
{
	UNUSED_STATE(state);
	struct response res = {0};
	json_t *body = json_object();
	char key[300];

	for (unsigned i = 0; i < 100; i++) {
		memset(key, '~', sizeof(key) - 1);
		key[sizeof(key) - 1] = '\0';
		key[0] = (char)(' ' + i % 90);
		json_object_set_new(body, key, json_null());
	}
	assert_int_equal(fields_check(body, fields, &res), RESPONSE_REFUSED);
	assert_int_equal(json_array_size(json_object_get(res.body, "errors")), 8);
	json_decref(body);
	response_clear(&res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_has_its_exact_length),
		cmocka_unit_test(head_has_the_length_and_no_body),
		cmocka_unit_test(no_content_has_no_length),
		cmocka_unit_test(a_problem_is_complete),
		cmocka_unit_test(a_second_problem_replaces_the_first),
		cmocka_unit_test(words_that_are_no_utf8_keep_their_ascii),
		cmocka_unit_test(out_of_memory_is_a_problem_too),
		cmocka_unit_test(fields_are_checked_by_their_table),
		cmocka_unit_test(a_body_full_of_mistakes_gets_eight_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
