#include "tests/unit/unit.h"

#include <stdio.h>

#include "fcgi/request.h"
#include "tests/unit/fcgi_input.h"

static int read_target(const char *path, const char *query, struct request *req,
		       struct response *res)
{
	const struct pair pairs[PAIRS_MAX] = {{"REQUEST_METHOD", "GET"},
					      {"DOCUMENT_URI", path},
					      {"QUERY_STRING", query}};
	struct request_input in = input_of(pairs, "");

	return request_read(req, &in, res);
}

static void methods_are_words(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *word;
		enum request_method method;
	} cases[] = {
		{"GET", REQUEST_GET},     {"HEAD", REQUEST_HEAD},       {"POST", REQUEST_POST},
		{"PUT", REQUEST_PUT},     {"OPTIONS", REQUEST_OPTIONS}, {"DELETE", REQUEST_DELETE},
		{"PATCH", REQUEST_PATCH}, {"TRACE", REQUEST_OTHER},     {"get", REQUEST_OTHER},
		{"", REQUEST_OTHER},      {NULL, REQUEST_OTHER},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pair pairs[PAIRS_MAX] = {{"DOCUMENT_URI", "/api/v1/"},
						      {"REQUEST_METHOD", cases[i].word}};
		struct request_input in = input_of(pairs, "");
		struct request req;
		struct response res = {0};
		assert_int_equal(request_read(&req, &in, &res), 0);
		assert_int_equal(req.method, cases[i].method);
		assert_int_equal(res.head_only, req.method == REQUEST_HEAD);
		request_clear(&req);
	}
}

static void a_camera_is_named_by_the_web_server_or_the_path(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *param, *tail, *camera, *path; /* path NULL: a slash is missing */
		int status;                               /* 0: fine */
		bool is_nested;
	} cases[] = {
		{NULL, "stop", "main", "stop", 0, false},
		{"", "stop", "main", "stop", 0, false},
		{"door", "stop", "door", "stop", 0, false},
		{"door", "cameras", "door", "cameras", 0, false},
		{"door", "cameras/yard/stop", "yard", "stop", 0, true},
		{NULL, "cameras/yard/", "yard", "", 0, true},
		{NULL, "cameras/yard", "yard", NULL, 0, true},
		{NULL, "cameras/yard/cameras/main/state", "yard", "cameras/main/state", 0, true},
		{NULL, "cameras/a2345678901234567890123456789012/state",
		 "a2345678901234567890123456789012", "state", 0, true},
		{NULL, "cameras/a23456789012345678901234567890123/state", NULL, NULL, 404, true},
		{"Main", "stop", NULL, NULL, 404, false},
		{"../etc", "stop", NULL, NULL, 404, false},
		{"api", "stop", NULL, NULL, 404, false},
		{NULL, "cameras/", NULL, NULL, 404, true},
		{NULL, "cameras//state", NULL, NULL, 404, true},
		{NULL, "cameras/../state", NULL, NULL, 404, true},
		{NULL, "cameras/stream/state", NULL, NULL, 404, true},
		{NULL, "cameras/\xff/state", NULL, NULL, 404, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char uri[128];
		snprintf(uri, sizeof(uri), "/mount/api/v1/%s", cases[i].tail);
		const struct pair pairs[PAIRS_MAX] = {{"REQUEST_METHOD", "POST"},
						      {"DOCUMENT_URI", uri},
						      {"NALCAST_CAMERA", cases[i].param}};
		struct request_input in = input_of(pairs, "");
		struct request req;
		struct response res = {0};
		int r = request_read(&req, &in, &res);
		assert_int_equal(r, cases[i].status == 0 ? 0 : RESPONSE_REFUSED);
		assert_int_equal(res.status, cases[i].status);
		assert_int_equal(req.is_nested, cases[i].is_nested);
		if (r == 0)
			assert_string_equal(req.camera, cases[i].camera);
		if (r == 0 && cases[i].path != NULL)
			assert_string_equal(req.path, cases[i].path);
		else if (r == 0)
			assert_null(req.path);
		request_clear(&req);
		response_clear(&res);
	}
}

static void the_tail_of_the_path_counts(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *path, *tail; /* tail NULL: the slash is missing */
		int status;              /* 0: fine */
	} cases[] = {
		{"/api/v1/", "", 0},
		{"/camera/api/v1/state", "state", 0},
		{"/a/b/c/api/v1/x/y", "x/y", 0},
		{"/api/v1/api/v1/state", "state", 0},
		{"/api/v1/state/api/v1", NULL, 0},
		{"/camera/api/v1", NULL, 0},
		{"/api/v1x/", NULL, 404},
		{"/camera/", NULL, 404},
		{"/xapi/v1/", NULL, 404},
		{"api/v1/", NULL, 404},
		{"", NULL, 500},
		{NULL, NULL, 500},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request req;
		struct response res = {0};
		int r = read_target(cases[i].path, "", &req, &res);
		assert_int_equal(res.status, cases[i].status);
		assert_int_equal(r, cases[i].status == 0 ? 0 : RESPONSE_REFUSED);
		if (r == 0 && cases[i].tail != NULL)
			assert_string_equal(req.path, cases[i].tail);
		else if (r == 0)
			assert_null(req.path);
		request_clear(&req);
		response_clear(&res);
	}
}

static void parameters_are_decoded(void **state)
{
	UNUSED_STATE(state);
	struct request req;
	struct response res = {0};

	assert_int_equal(read_target("/api/v1/", "&a=1&&b=x%20y+z%C3%BC&c&d=&%65=e=e&", &req, &res),
			 0);
	static const struct pair wanted[] = {{"a", "1"},
					     {"b", "x y z\xc3\xbc"},
					     {"c", ""},
					     {"d", ""},
					     {"e", "e=e"}};
	assert_int_equal(req.param_count, 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_string_equal(req.params[i].name, wanted[i].name);
		assert_string_equal(req.params[i].value, wanted[i].value);
	}
	request_clear(&req);
}

static void queries_that_cannot_be_read_are_refused(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *query;
		int status;
	} cases[] = {
		{"a=%", 400},
		{"a=%1", 400},
		{"a=%1g", 400},
		{"a=%00", 400},
		{"a=%0a", 400},
		{"a=%7f", 400},
		{"%", 400},
		{"=", 400},
		{"=1", 400},
		{"a&a", 400},
		{"a=1&%61=2", 400},
		{"0&1&2&3&4&5&6&7", 0},
		{"0&1&2&3&4&5&6&7&8", 400},
		{"a234567890123456789012345678901=", 0},
		{"a2345678901234567890123456789012=", 400},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request req;
		struct response res = {0};
		read_target("/api/v1/", cases[i].query, &req, &res);
		if (res.status != cases[i].status)
			fail_msg("%s: %d", cases[i].query, res.status);
		request_clear(&req);
		response_clear(&res);
	}
}

static void numbers_in_the_query_have_a_range(void **state)
{
	UNUSED_STATE(state);
	struct request req;
	struct response res = {0};
	uint64_t value = 42;

	assert_int_equal(read_target("/api/v1/", "a=7&b=-1&c=&d=11", &req, &res), 0);
	assert_int_equal(request_param_unsigned(&req, "none", 0, 10, &value, &res), 0);
	assert_int_equal(value, 42);
	assert_int_equal(request_param_unsigned(&req, "a", 0, 10, &value, &res), 0);
	assert_int_equal(value, 7);
	assert_int_equal(request_param_unsigned(&req, "b", 0, 10, &value, &res), RESPONSE_REFUSED);
	assert_int_equal(request_param_unsigned(&req, "c", 0, 10, &value, &res), RESPONSE_REFUSED);
	assert_int_equal(request_param_unsigned(&req, "d", 0, 10, &value, &res), RESPONSE_REFUSED);
	assert_int_equal(value, 7);
	assert_int_equal(res.status, 422);
	assert_int_equal(json_array_size(json_object_get(res.body, "errors")), 3);
	request_clear(&req);
	response_clear(&res);
}

static int read_body(const char *length, const char *type, const char *body,
		     enum request_body_need need, json_t **ret_body)
{
	const struct pair pairs[PAIRS_MAX] = {{"CONTENT_LENGTH", length}, {"CONTENT_TYPE", type}};
	struct request_input in = input_of(pairs, body);
	struct request req = {.in = &in};
	struct response res = {0};

	int r = request_read_body(&req, need, &res);
	int status = res.status;
	assert_int_equal(r, status == 0 ? 0 : RESPONSE_REFUSED);
	*ret_body = req.body;
	response_clear(&res);
	return status;
}

static void bodies_are_held_to_their_limits(void **state)
{
	UNUSED_STATE(state);
	static const char json[] = "application/json";
	static const struct {
		const char *length, *type, *body;
		enum request_body_need need;
		int status;
	} cases[] = {
		{"2", json, "{}", REQUEST_BODY_NEEDED, 0},
		{"2", json, "{}more", REQUEST_BODY_NEEDED, 0},
		{"2", "application/json ; q", "{}", REQUEST_BODY_NEEDED, 0},
		{NULL, json, "{}", REQUEST_BODY_NEEDED, 411},
		{"", json, "{}", REQUEST_BODY_NEEDED, 411},
		{"", NULL, "", REQUEST_BODY_OPTIONAL, 0},
		{"0", "text/plain", "", REQUEST_BODY_OPTIONAL, 0},
		{"0", json, "", REQUEST_BODY_NEEDED, 400},
		{"3", json, "{}", REQUEST_BODY_NEEDED, 400},
		{"0x2", json, "{}", REQUEST_BODY_NEEDED, 400},
		{" 2", json, "{}", REQUEST_BODY_NEEDED, 400},
		{"65537", json, "{}", REQUEST_BODY_NEEDED, 413},
		{"18446744073709551616", json, "{}", REQUEST_BODY_NEEDED, 413},
		{"2", "text/json", "{}", REQUEST_BODY_NEEDED, 415},
		{"2", NULL, "{}", REQUEST_BODY_OPTIONAL, 415},
		{"2", json, "[]", REQUEST_BODY_OPTIONAL, 422},
		{"1", json, "7", REQUEST_BODY_NEEDED, 422},
		{"2", json, "{x", REQUEST_BODY_NEEDED, 400},
		{"1", json, "{}", REQUEST_BODY_NEEDED, 400},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *body = NULL;
		int status = read_body(cases[i].length, cases[i].type, cases[i].body, cases[i].need,
				       &body);
		if (status != cases[i].status)
			fail_msg("case %zu: %d", i, status);
		json_decref(body);
	}
}

/* The members "line" and "column" of the problem for this body; -1: no problem. */
static void find_mistake(const char *body, int *ret_line, int *ret_column)
{
	char length[24];
	snprintf(length, sizeof(length), "%zu", strlen(body));
	const struct pair pairs[PAIRS_MAX] = {{"CONTENT_LENGTH", length},
					      {"CONTENT_TYPE", "application/json"}};
	struct request_input in = input_of(pairs, body);
	struct request req = {.in = &in};
	struct response res = {0};

	request_read_body(&req, REQUEST_BODY_NEEDED, &res);
	assert_int_equal(res.status, 400);
	*ret_line = (int)json_integer_value(json_object_get(res.body, "line"));
	*ret_column = (int)json_integer_value(json_object_get(res.body, "column"));
	request_clear(&req);
	response_clear(&res);
}

static void mistakes_in_json_have_a_place(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *body;
		int line, column;
	} cases[] = {
		{"{\n\"a\":\n?}", 3, 1},    {"{\"a\":1,}", 1, 8}, {"{\"a\":01}", 1, 6},
		{"{\"a\":\"\xff\"}", 1, 6}, {"{} {}", 1, 4},      {"\n\n", 3, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int line, column;
		find_mistake(cases[i].body, &line, &column);
		if (line != cases[i].line || column != cases[i].column)
			fail_msg("'%s': line %d, column %d", cases[i].body, line, column);
	}
}

static void deep_json_is_not_recursed_into(void **state)
{
	UNUSED_STATE(state);
	char body[4001];
	json_t *read = NULL;

	memset(body, '[', 2000);
	memset(body + 2000, ']', 2000);
	body[4000] = '\0';
	assert_int_equal(read_body("4000", "application/json", body, REQUEST_BODY_NEEDED, &read),
			 400);
	assert_null(read);
}

static void patches_may_be_called_by_their_own_type(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		enum request_method method;
		const char *type;
		int status;
	} cases[] = {
		{REQUEST_PATCH, "application/json", 0},
		{REQUEST_PATCH, "application/merge-patch+json", 0},
		{REQUEST_PATCH, "Application/Merge-Patch+JSON; charset=utf-8", 0},
		{REQUEST_PATCH, "application/json-patch+json", 415},
		{REQUEST_PATCH, "application/merge-patch", 415},
		{REQUEST_PUT, "application/merge-patch+json", 415},
		{REQUEST_DELETE, "application/merge-patch+json", 415},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pair pairs[PAIRS_MAX] = {{"CONTENT_LENGTH", "2"},
						      {"CONTENT_TYPE", cases[i].type}};
		struct request_input in = input_of(pairs, "{}");
		struct request req = {.in = &in, .method = cases[i].method};
		struct response res = {0};
		request_read_body(&req, REQUEST_BODY_NEEDED, &res);
		assert_int_equal(res.status, cases[i].status);
		const char *detail = json_string_value(json_object_get(res.body, "detail"));
		if (cases[i].status != 0)
			assert_non_null(strstr(detail, "--json"));
		request_clear(&req);
		response_clear(&res);
	}
}

static int check_origin(const char *origin, const char *site, const char *forwarded,
			const char *scheme)
{
	const struct pair pairs[PAIRS_MAX] = {
		{"HTTP_HOST", "cam"},          {"HTTP_ORIGIN", origin},
		{"HTTP_SEC_FETCH_SITE", site}, {"HTTP_X_FORWARDED_PROTO", forwarded},
		{"REQUEST_SCHEME", scheme},
	};
	struct request_input in = input_of(pairs, "");
	struct response res = {0};

	int r = request_check_origin(&in, "https://listed", &res);
	int status = res.status;
	assert_int_equal(r, status == 0 ? 0 : RESPONSE_REFUSED);
	response_clear(&res);
	return status;
}

static void only_our_own_pages_may_change_things(void **state)
{
	UNUSED_STATE(state);
	assert_int_equal(check_origin(NULL, NULL, NULL, NULL), 0);
	assert_int_equal(check_origin("https://cam", "same-origin", NULL, "https"), 0);
	assert_int_equal(check_origin("https://cam", NULL, "https", "http"), 0);
	assert_int_equal(check_origin("https://cam", NULL, "http", "https"), 403);
	assert_int_equal(check_origin("https://cam", NULL, "", "http"), 403);
	assert_int_equal(check_origin("https://evil", NULL, NULL, NULL), 403);
	assert_int_equal(check_origin("https://listed", NULL, "http", NULL), 0);
	assert_int_equal(check_origin("https://listed", "cross-site", NULL, NULL), 403);
	assert_int_equal(check_origin(NULL, "cross-site", NULL, NULL), 403);
	assert_int_equal(check_origin(NULL, "none", NULL, NULL), 0);
	assert_int_equal(check_origin("\xff\xfe", NULL, NULL, NULL), 403);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods_are_words),
		cmocka_unit_test(a_camera_is_named_by_the_web_server_or_the_path),
		cmocka_unit_test(the_tail_of_the_path_counts),
		cmocka_unit_test(parameters_are_decoded),
		cmocka_unit_test(queries_that_cannot_be_read_are_refused),
		cmocka_unit_test(numbers_in_the_query_have_a_range),
		cmocka_unit_test(bodies_are_held_to_their_limits),
		cmocka_unit_test(mistakes_in_json_have_a_place),
		cmocka_unit_test(deep_json_is_not_recursed_into),
		cmocka_unit_test(patches_may_be_called_by_their_own_type),
		cmocka_unit_test(only_our_own_pages_may_change_things),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
