/* The router and what becomes of nalcastd's answers, without a socket: see also tests/fcgi. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "fcgi/api.h"
#include "tests/unit/fcgi_input.h"

struct nalcastd { /* what it is asked, and what it answers */
	unsigned calls;
	char op[32];
	char *args;
	int timeout_ms;
	int r;
	enum ctl_code code;
	const char *reply; /* JSON: the result, or the error */
	bool pending;
};

static int fake_call(void *ctx, const char *op, json_t *args, int timeout_ms,
		     struct ctl_reply *ret_reply, struct error *err)
{
	struct nalcastd *fake = ctx;

	fake->calls++;
	snprintf(fake->op, sizeof(fake->op), "%s", op);
	free(fake->args);
	fake->args = json_dumps(args, JSON_SORT_KEYS | JSON_COMPACT);
	fake->timeout_ms = timeout_ms;
	if (fake->r < 0)
		return error_set(err, fake->r, "words");
	json_t *json = json_loads(fake->reply, JSON_DECODE_ANY, NULL);
	*ret_reply = (struct ctl_reply){.code = fake->code, .pending = fake->pending};
	if (fake->code == CTL_OK)
		ret_reply->result = json;
	else
		ret_reply->error = json;
	return 0;
}

static void ask(struct api *api, const char *method, const char *path, const char *query,
		const char *body, struct response *res)
{
	char length[24];
	snprintf(length, sizeof(length), "%zu", strlen(body));
	char uri[200];
	snprintf(uri, sizeof(uri), "/camera/api/v1/%s", path);
	const struct pair pairs[PAIRS_MAX] = {{"REQUEST_METHOD", method},
					      {"DOCUMENT_URI", uri},
					      {"QUERY_STRING", query},
					      {"CONTENT_LENGTH", length},
					      {"CONTENT_TYPE", "application/json"}};
	struct request_input in = input_of(pairs, body);

	*res = (struct response){0};
	api_answer(api, &in, res);
}

static int status_of(struct api *api, const char *method, const char *path, const char *query,
		     const char *body)
{
	struct response res;

	ask(api, method, path, query, body, &res);
	int status = res.status;
	response_clear(&res);
	return status;
}

static struct api api_of(struct nalcastd *fake)
{
	return (struct api){.call = fake_call,
			    .call_ctx = fake,
			    .allow_origin = "",
			    .changes_max = 2};
}

static void each_route_asks_its_operation(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *method, *path, *query, *body, *op, *args;
		int timeout_ms;
	} cases[] = {
		{"GET", "health", "", "", "health", "{\"ready\":false}", 3000},
		{"HEAD", "health", "ready=1", "", "health", "{\"ready\":true}", 3000},
		{"GET", "state", "", "", "state", "{}", 3000},
		{"GET", "diagnostics", "", "", "diagnostics", "{}", 3000},
		{"GET", "resolution", "", "", "resolution", "{}", 3000},
		{"POST", "start", "", "", "start", "{\"timeout_ms\":5000}", 7000},
		{"POST", "stop", "timeout_ms=20000", "{}", "stop", "{\"timeout_ms\":20000}", 22000},
		{"PUT", "resolution", "dry_run=1&persist=0&timeout_ms=0",
		 "{\"width\":2,\"height\":3}", "set-resolution",
		 "{\"dry_run\":true,\"height\":3,\"persist\":false,\"timeout_ms\":0,\"width\":2}",
		 2000},
	};
	struct nalcastd fake = {.reply = "{}"};
	struct api api = api_of(&fake);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(status_of(&api, cases[i].method, cases[i].path, cases[i].query,
					   cases[i].body),
				 200);
		assert_string_equal(fake.op, cases[i].op);
		assert_string_equal(fake.args, cases[i].args);
		assert_int_equal(fake.timeout_ms, cases[i].timeout_ms);
	}
	assert_int_equal(api.changes, 0);
	free(fake.args);
}

static void wrong_requests_never_reach_nalcastd(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *method, *path, *query, *body;
		int status;
	} cases[] = {
		{"GET", "", "", "", 200},
		{"GET", "config", "", "", 404},
		{"GET", "STATE", "", "", 404},
		{"GET", "state/", "", "", 404},
		{"POST", "state", "", "", 405},
		{"GET", "start", "", "", 405},
		{"DELETE", "resolution", "", "", 405},
		{"OPTIONS", "resolution", "", "", 204},
		{"OPTIONS", "nothing", "", "", 404},
		{"GET", "state", "x=1", "", 422},
		{"GET", "health", "ready=yes", "", 422},
		{"POST", "start", "timeout_ms=20001", "", 422},
		{"POST", "start", "", "{\"x\":1}", 422},
		{"PUT", "resolution", "", "", 400},
		{"PUT", "resolution", "", "{}", 422},
		{"PUT", "resolution", "persist=2", "{\"width\":2,\"height\":2}", 422},
		{"PUT", "resolution", "timeout_ms=x", "{\"width\":2,\"height\":2}", 422},
	};
	struct nalcastd fake = {.reply = "{}"};
	struct api api = api_of(&fake);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = status_of(&api, cases[i].method, cases[i].path, cases[i].query,
				       cases[i].body);
		if (status != cases[i].status)
			fail_msg("%s %s?%s: %d", cases[i].method, cases[i].path, cases[i].query,
				 status);
	}
	assert_int_equal(fake.calls, 0);
	assert_int_equal(api.changes, 0);
}

static void words_of_nalcastd_become_statuses(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		enum ctl_code code;
		const char *error;
		int status;
		unsigned retry_after_s;
	} cases[] = {
		{CTL_INVALID, "{\"message\":\"m\",\"pointer\":\"/width\"}", 422, 0},
		{CTL_INVALID, "{\"message\":\"m\"}", 500, 0},
		{CTL_UNSUPPORTED, "{\"message\":\"m\"}", 422, 0},
		{CTL_BUSY, "{\"message\":\"m\"}", 409, 0},
		{CTL_NOT_FOUND, "{\"message\":\"m\"}", 404, 0},
		{CTL_NOT_FOUND, "{\"message\":\"m\",\"pointer\":\"/op\"}", 500, 0},
		{CTL_CONFLICT, "{\"message\":\"m\"}", 409, 0},
		{CTL_UNAVAILABLE, "{\"message\":\"m\"}", 503, 2},
		{CTL_UNAVAILABLE, "{\"message\":\"m\",\"retry_after_s\":30}", 503, 30},
		{CTL_UNAVAILABLE, "{\"message\":\"m\",\"retry_after_s\":99999}", 503, 2},
		{CTL_INTERNAL, "{\"message\":\"m\"}", 500, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nalcastd fake = {.code = cases[i].code, .reply = cases[i].error};
		struct api api = api_of(&fake);
		struct response res;
		ask(&api, "GET", "state", "", "", &res);
		assert_int_equal(res.status, cases[i].status);
		assert_int_equal(res.retry_after_s, cases[i].retry_after_s);
		assert_string_equal(json_string_value(json_object_get(res.body, "detail")), "m");
		response_clear(&res);
		free(fake.args);
	}
}

static void failures_of_the_way_become_statuses(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		int r, status, health_status;
	} cases[] = {
		{-ENOENT, 502, 503},    {-ECONNREFUSED, 502, 503}, {-EACCES, 502, 503},
		{-EPROTO, 502, 503},    {-ECONNRESET, 502, 503},   {-ETIMEDOUT, 504, 503},
		{-ECANCELED, 503, 503},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nalcastd fake = {.r = cases[i].r};
		struct api api = api_of(&fake);
		assert_int_equal(status_of(&api, "GET", "state", "", ""), cases[i].status);
		assert_int_equal(status_of(&api, "GET", "health", "", ""), cases[i].health_status);
		free(fake.args);
	}
}

static void a_pending_change_is_accepted(void **state)
{
	UNUSED_STATE(state);
	struct nalcastd fake = {.reply = "{}", .pending = true};
	struct api api = api_of(&fake);

	assert_int_equal(status_of(&api, "POST", "start", "", ""), 202);
	free(fake.args);
}

static void changes_over_the_limit_are_refused_and_reads_are_not(void **state)
{
	UNUSED_STATE(state);
	struct nalcastd fake = {.reply = "{}"};
	struct api api = api_of(&fake);
	struct response res;

	api.changes = api.changes_max;
	ask(&api, "POST", "start", "", "", &res);
	assert_int_equal(res.status, 503);
	assert_int_equal(res.retry_after_s, 2);
	response_clear(&res);
	assert_int_equal(fake.calls, 0);
	assert_int_equal(status_of(&api, "GET", "state", "", ""), 200);
	assert_int_equal(api.changes, api.changes_max);
	api.changes--;
	assert_int_equal(status_of(&api, "POST", "start", "", ""), 200);
	free(fake.args);
}

static void quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_route_asks_its_operation),
		cmocka_unit_test(wrong_requests_never_reach_nalcastd),
		cmocka_unit_test(words_of_nalcastd_become_statuses),
		cmocka_unit_test(failures_of_the_way_become_statuses),
		cmocka_unit_test(a_pending_change_is_accepted),
		cmocka_unit_test(changes_over_the_limit_are_refused_and_reads_are_not),
	};
	log_set_hook(quiet);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
