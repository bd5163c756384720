/* The router and what becomes of nalcastd's answers, without a socket: see also tests/fcgi. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fcgi/api.h"
#include "tests/unit/fcgi_input.h"

struct nalcastd { /* what it is asked, and what it answers */
	unsigned calls;
	char camera[40], op[32];
	char *args;
	int timeout_ms;
	bool is_change;
	int r;
	enum ctl_code code;
	const char *reply; /* JSON: the result, or the error */
	bool pending;
};

static int fake_call(void *ctx, const struct api_call *call, struct ctl_reply *ret_reply,
		     struct error *err)
{
	struct nalcastd *fake = ctx;

	fake->calls++;
	snprintf(fake->camera, sizeof(fake->camera), "%s", call->camera);
	snprintf(fake->op, sizeof(fake->op), "%s", call->op);
	free(fake->args);
	fake->args = json_dumps(call->args, JSON_SORT_KEYS | JSON_COMPACT);
	fake->timeout_ms = call->timeout_ms;
	fake->is_change = call->is_change;
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

static bool fake_knows(void *ctx, const char *camera)
{
	(void)ctx;
	return strcmp(camera, "main") == 0 || strcmp(camera, "door") == 0;
}

static json_t *fake_list(void *ctx)
{
	(void)ctx;
	return json_pack("[{s:s}]", "name", "main");
}

static const struct api_backend fake_backend = {fake_call, fake_knows, fake_list};

struct question {
	const char *method, *path, *query, *body;
	const char *header, *value; /* one more parameter, or NULL */
};

static void ask_api(struct api *api, const struct question *question, struct response *res)
{
	char length[24];
	snprintf(length, sizeof(length), "%zu", strlen(question->body));
	char uri[200];
	snprintf(uri, sizeof(uri), "/camera/api/v1/%s", question->path);
	const struct pair pairs[PAIRS_MAX] = {{"REQUEST_METHOD", question->method},
					      {"DOCUMENT_URI", uri},
					      {"QUERY_STRING", question->query},
					      {"CONTENT_LENGTH", length},
					      {"CONTENT_TYPE", "application/json"},
					      {"REQUEST_SCHEME", "https"},
					      {question->header, question->value}};
	struct request_input in = input_of(pairs, question->body);

	*res = (struct response){.head_only = false};
	api_answer(api, &in, res);
}

static int status_of(struct api *api, const char *method, const char *path, const char *query,
		     const char *body)
{
	const struct question question = {method, path, query, body, NULL, NULL};
	struct response res;

	ask_api(api, &question, &res);
	int status = res.status;
	response_clear(&res);
	return status;
}

static struct api api_of(struct nalcastd *fake)
{
	return (struct api){.backend = &fake_backend, .ctx = fake, .allow_origin = ""};
}

#define FLAGS "\"dry_run\":false,"
#define TAIL  "\"persist\":true,\"timeout_ms\":5000}"

static void each_route_asks_its_operation(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *method, *path, *query, *body, *op, *args;
		int timeout_ms, status;
	} cases[] = {
		{"GET", "health", "", "", "health", "{\"ready\":false}", 3000, 200},
		{"HEAD", "health", "ready=1", "", "health", "{\"ready\":true}", 3000, 200},
		{"GET", "state", "", "", "state", "{}", 3000, 200},
		{"GET", "diagnostics", "", "", "diagnostics",
		 "{\"request\":{\"path\":\"/camera/api/v1/diagnostics\",\"scheme\":\"https\"}}",
		 3000, 200},
		{"GET", "resolution", "", "", "resolution", "{}", 3000, 200},
		{"POST", "start", "", "", "start", "{\"timeout_ms\":5000}", 7000, 200},
		{"POST", "stop", "timeout_ms=20000", "{}", "stop", "{\"timeout_ms\":20000}", 22000,
		 200},
		{"POST", "keyframe", "", "", "keyframe", "{}", 3000, 202},
		{"PUT", "resolution", "dry_run=1&persist=0&timeout_ms=0",
		 "{\"width\":2,\"height\":3}", "set-resolution",
		 "{\"dry_run\":true,\"height\":3,\"persist\":false,\"timeout_ms\":0,\"width\":2}",
		 2000, 200},
		{"GET", "config", "", "", "config", "{}", 3000, 200},
		{"PATCH", "config", "", "{\"fps\":5,\"x\":null}", "set-config",
		 "{" FLAGS "\"patch\":{\"fps\":5,\"x\":null}," TAIL, 7000, 200},
		{"PATCH", "config", "dry_run=1", "{}", "set-config",
		 "{\"dry_run\":true,\"patch\":{}," TAIL, 7000, 200},
		{"DELETE", "config/gop_frames", "", "", "reset-config",
		 "{" FLAGS "\"key\":\"gop_frames\"," TAIL, 7000, 200},
		{"GET", "controls", "", "", "controls", "{}", 3000, 200},
		{"PATCH", "controls", "", "{\"gain\":1.5}", "set-controls",
		 "{" FLAGS "\"patch\":{\"gain\":1.5}," TAIL, 7000, 200},
		{"DELETE", "controls/af_mode", "persist=0", "", "reset-control",
		 "{" FLAGS "\"name\":\"af_mode\",\"persist\":false,\"timeout_ms\":5000}", 7000,
		 200},
		{"GET", "sources", "", "", "sources", "{}", 3000, 200},
		{"GET", "viewers", "", "", "viewers", "{\"limit\":100,\"offset\":0}", 3000, 200},
		{"GET", "viewers", "offset=200&limit=7", "", "viewers",
		 "{\"limit\":7,\"offset\":200}", 3000, 200},
		{"DELETE", "viewers/18", "", "", "close-viewer", "{\"id\":18}", 3000, 204},
	};
	struct nalcastd fake = {.reply = "{}"};
	struct api api = api_of(&fake);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = status_of(&api, cases[i].method, cases[i].path, cases[i].query,
				       cases[i].body);
		assert_int_equal(status, cases[i].status);
		assert_string_equal(fake.camera, "main");
		assert_string_equal(fake.op, cases[i].op);
		assert_string_equal(fake.args, cases[i].args);
		assert_int_equal(fake.timeout_ms, cases[i].timeout_ms);
		/* Who may wait longer is who is counted. */
		assert_int_equal(fake.is_change, strstr(fake.args, "timeout_ms") != NULL);
	}
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
		{"GET", "openapi.json", "", "", 200},
		{"GET", "cameras", "", "", 200},
		{"GET", "settings", "", "", 404},
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
		{"PATCH", "config", "", "", 400},
		{"PATCH", "config", "", "[]", 422},
		{"PATCH", "config", "ready=1", "{}", 422},
		{"PUT", "config", "", "{}", 405},
		{"GET", "config/fps", "", "", 405},
		{"OPTIONS", "config/fps", "", "", 204},
		{"DELETE", "config", "", "", 405},
		{"DELETE", "config/", "", "", 404},
		{"DELETE", "config/a/b", "", "", 404},
		{"DELETE", "config/a b", "", "", 404},
		{"DELETE", "config/\xc3\xbc", "", "", 404},
		{"DELETE", "config/fps", "", "{\"x\":1}", 422},
		{"DELETE",
		 "controls/a23456789a123456789b123456789c123456789d123456789e123456789f12345", "",
		 "", 404},
		{"DELETE", "viewers/x", "", "", 404},
		{"DELETE", "viewers/-1", "", "", 404},
		{"DELETE", "viewers/9223372036854775808", "", "", 404},
		{"GET", "viewers", "limit=0", "", 422},
		{"GET", "viewers", "limit=201", "", 422},
		{"GET", "viewers", "offset=-1", "", 422},
		{"POST", "keyframe", "timeout_ms=1", "", 422},
		{"POST", "keyframe", "", "{\"x\":1}", 422},
		{"GET", "cameras/main", "", "", 308},
		{"GET", "cameras/main/", "", "", 200},
		{"GET", "cameras/main/cameras", "", "", 404},
		{"GET", "cameras/yard", "", "", 404},
		{"GET", "cameras/yard/state", "", "", 404},
		{"OPTIONS", "cameras/yard/state", "", "", 404},
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
}

static void a_camera_has_all_of_the_table(void **state)
{
	UNUSED_STATE(state);
	struct nalcastd fake = {.reply = "{}"};
	struct api api = api_of(&fake);
	const struct question root = {"GET", "cameras/door/", "", "", NULL, NULL};
	const struct question bare = {"GET", "cameras/door", "", "", NULL, NULL};
	struct response res;

	assert_int_equal(status_of(&api, "GET", "cameras/door/state", "", ""), 200);
	assert_string_equal(fake.camera, "door");
	assert_int_equal(status_of(&api, "DELETE", "cameras/door/config/fps", "", ""), 200);
	assert_string_equal(fake.op, "reset-config");
	assert_string_equal(fake.camera, "door");
	ask_api(&api, &root, &res);
	const json_t *links = json_object_get(res.body, "links");
	assert_string_equal(json_string_value(json_object_get(links, "config")), "config");
	assert_null(json_object_get(links, "cameras"));
	response_clear(&res);
	ask_api(&api, &bare, &res);
	assert_string_equal(res.location, "door/");
	response_clear(&res);
	free(fake.args);
}

static void allow_is_whole_for_every_path(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *path, *allow;
	} cases[] = {
		{"", "GET, HEAD, OPTIONS"},
		{"start", "POST, OPTIONS"},
		{"keyframe", "POST, OPTIONS"},
		{"resolution", "GET, HEAD, PUT, OPTIONS"},
		{"config", "GET, HEAD, PATCH, OPTIONS"},
		{"controls", "GET, HEAD, PATCH, OPTIONS"},
		{"config/any", "DELETE, OPTIONS"},
		{"viewers/1", "DELETE, OPTIONS"},
		{"openapi.json", "GET, HEAD, OPTIONS"},
		{"cameras/door/config", "GET, HEAD, PATCH, OPTIONS"},
	};
	struct nalcastd fake = {.reply = "{}"};
	struct api api = api_of(&fake);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct question options = {"OPTIONS", cases[i].path, "", "", NULL, NULL};
		const struct question trace = {"TRACE", cases[i].path, "", "", NULL, NULL};
		struct response res;
		ask_api(&api, &options, &res);
		assert_int_equal(res.status, 204);
		assert_string_equal(res.allow, cases[i].allow);
		response_clear(&res);
		ask_api(&api, &trace, &res);
		assert_int_equal(res.status, 405);
		assert_string_equal(res.allow, cases[i].allow);
		response_clear(&res);
	}
}

static void tags_come_with_what_can_be_changed(void **state)
{
	UNUSED_STATE(state);
	static const char *const paths[] = {"config", "controls", "resolution"};
	struct nalcastd fake = {.reply = "{\"b\":1,\"a\":29.97}"};
	struct api api = api_of(&fake);
	struct response res;
	char etag[ETAG_SIZE], other[ETAG_SIZE];
	json_t *body = json_pack("{s:f, s:i}", "a", 29.97, "b", 1);

	etag_of(body, etag);
	json_decref(body);
	snprintf(other, sizeof(other), "%s", etag);
	other[1] = other[1] == '0' ? '1' : '0';
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const struct question plain = {"GET", paths[i], "", "", NULL, NULL};
		const struct question same = {"HEAD", paths[i], "", "", "HTTP_IF_NONE_MATCH", etag};
		const struct question changed = {"GET", paths[i], "", "", "HTTP_IF_NONE_MATCH",
						 other};
		ask_api(&api, &plain, &res);
		assert_int_equal(res.status, 200);
		assert_string_equal(res.etag, etag);
		response_clear(&res);
		ask_api(&api, &same, &res);
		assert_int_equal(res.status, 304);
		assert_string_equal(res.etag, etag);
		assert_null(res.body);
		response_clear(&res);
		ask_api(&api, &changed, &res);
		assert_int_equal(res.status, 200);
		response_clear(&res);
	}
	const struct question state_question = {"GET", "state", "", "", "HTTP_IF_NONE_MATCH", "*"};
	ask_api(&api, &state_question, &res);
	assert_int_equal(res.status, 200);
	assert_string_equal(res.etag, "");
	response_clear(&res);
	free(fake.args);
}

static void conditions_of_changes_are_nalcastds_to_judge(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *method, *path, *body;
	} cases[] = {
		{"PUT", "resolution", "{\"width\":2,\"height\":2}"},
		{"PATCH", "config", "{}"},
		{"DELETE", "config/fps", ""},
		{"PATCH", "controls", "{}"},
		{"DELETE", "controls/gain", ""},
	};
	struct nalcastd fake = {.code = CTL_PRECONDITION, .reply = "{\"message\":\"m\"}"};
	struct api api = api_of(&fake);
	struct response res;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct question question = {cases[i].method, cases[i].path,   "",
					    cases[i].body,   "HTTP_IF_MATCH", "W/\"a\", \"b\""};
		ask_api(&api, &question, &res);
		assert_int_equal(res.status, 412);
		assert_non_null(strstr(fake.args, "\"if_match\":\"W/\\\"a\\\", \\\"b\\\"\""));
		response_clear(&res);
		unsigned calls = fake.calls;
		question.value = "\xff";
		ask_api(&api, &question, &res);
		assert_int_equal(res.status, 400);
		assert_int_equal(fake.calls, calls);
		response_clear(&res);
	}
	free(fake.args);
}

static void metrics_are_plain_text(void **state)
{
	UNUSED_STATE(state);
	struct nalcastd fake = {.reply = "\"a_total 1\\n\""};
	struct api api = api_of(&fake);
	const struct question question = {"GET", "metrics", "", "", NULL, NULL};
	struct response res;
	size_t size;

	ask_api(&api, &question, &res);
	char *bytes = response_write(&res, &size);
	assert_non_null(memmem(bytes, size, "Content-Type: text/plain; version=0.0.4;", 40));
	assert_non_null(memmem(bytes, size, "Content-Length: 10\r\n", 20));
	assert_memory_equal(bytes + size - 14, "\r\n\r\na_total 1\n", 14);
	free(bytes);
	response_clear(&res);
	fake.reply = "{}";
	ask_api(&api, &question, &res);
	assert_int_equal(res.status, 500);
	response_clear(&res);
	free(fake.args);
}

static void the_description_is_json(void **state)
{
	UNUSED_STATE(state);
	struct api api = api_of(NULL);
	const struct question question = {"GET", "openapi.json", "", "", NULL, NULL};
	struct response res;

	ask_api(&api, &question, &res);
	assert_int_equal(res.status, 200);
	assert_string_equal(res.type, "application/json");
	json_t *json = json_loadb(res.text, res.text_size, JSON_REJECT_DUPLICATES, NULL);
	assert_memory_equal(json_string_value(json_object_get(json, "openapi")), "3.1.", 4);
	json_decref(json);
	response_clear(&res);
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
		{CTL_PRECONDITION, "{\"message\":\"m\"}", 412, 0},
		{CTL_UNAVAILABLE, "{\"message\":\"m\"}", 503, 2},
		{CTL_UNAVAILABLE, "{\"message\":\"m\",\"retry_after_s\":30}", 503, 30},
		{CTL_UNAVAILABLE, "{\"message\":\"m\",\"retry_after_s\":99999}", 503, 2},
		{CTL_INTERNAL, "{\"message\":\"m\"}", 500, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nalcastd fake = {.code = cases[i].code, .reply = cases[i].error};
		struct api api = api_of(&fake);
		const struct question question = {"GET", "state", "", "", NULL, NULL};
		struct response res;
		ask_api(&api, &question, &res);
		assert_int_equal(res.status, cases[i].status);
		assert_int_equal(res.retry_after_s, cases[i].retry_after_s);
		assert_string_equal(json_string_value(json_object_get(res.body, "detail")), "m");
		response_clear(&res);
		free(fake.args);
	}
}

static void what_came_by_the_path_is_a_parameter(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		struct question question;
		const char *reply, *key, *value;
	} cases[] = {
		{{"DELETE", "viewers/7", "", "", NULL, NULL},
		 "{\"message\":\"m\",\"pointer\":\"/id\"}",
		 "parameter",
		 "id"},
		{{"DELETE", "config/fps", "", "{}", NULL, NULL},
		 "{\"message\":\"m\",\"pointer\":\"/key\"}",
		 "parameter",
		 "key"},
		{{"PATCH", "config", "", "{\"fps\":1}", NULL, NULL},
		 "{\"message\":\"m\",\"pointer\":\"/fps\"}",
		 "pointer",
		 "/fps"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nalcastd fake = {.code = CTL_NOT_FOUND, .reply = cases[i].reply};
		struct api api = api_of(&fake);
		struct response res;
		ask_api(&api, &cases[i].question, &res);
		assert_int_equal(res.status, 404);
		const json_t *error = json_array_get(json_object_get(res.body, "errors"), 0);
		const json_t *place = json_object_get(error, cases[i].key);
		assert_string_equal(json_string_value(place), cases[i].value);
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
		{-ECANCELED, 503, 503}, {-EBUSY, 503, 503},        {-E2BIG, 413, 413},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_came_by_the_path_is_a_parameter),
		cmocka_unit_test(each_route_asks_its_operation),
		cmocka_unit_test(wrong_requests_never_reach_nalcastd),
		cmocka_unit_test(a_camera_has_all_of_the_table),
		cmocka_unit_test(allow_is_whole_for_every_path),
		cmocka_unit_test(tags_come_with_what_can_be_changed),
		cmocka_unit_test(conditions_of_changes_are_nalcastds_to_judge),
		cmocka_unit_test(metrics_are_plain_text),
		cmocka_unit_test(the_description_is_json),
		cmocka_unit_test(words_of_nalcastd_become_statuses),
		cmocka_unit_test(failures_of_the_way_become_statuses),
		cmocka_unit_test(a_pending_change_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
