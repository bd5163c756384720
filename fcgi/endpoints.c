#include "fcgi/endpoints.h"

#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "fcgi/ask.h"
#include "fcgi/openapi.h"

#define VIEWERS_LIMIT     100
#define VIEWERS_LIMIT_MAX 200 /* a page of them that fits a packet */
#define METRICS_TYPE      "text/plain; version=0.0.4; charset=utf-8"

static const char segment_letters[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

/* Where "{word}" begins in the pattern; its length where there is none. */
static size_t fixed_len(const char *pattern)
{
	return strcspn(pattern, "{");
}

bool endpoint_has_path(const struct endpoint *endpoint, const struct request *req)
{
	size_t len = fixed_len(endpoint->path);

	if (endpoint->is_of_all && req->is_nested)
		return false;
	if (endpoint->path[len] == '\0')
		return strcmp(endpoint->path, req->path) == 0;
	if (strncmp(endpoint->path, req->path, len) != 0)
		return false;
	const char *segment = req->path + len;
	size_t segment_len = strspn(segment, segment_letters);
	return segment_len > 0 && segment_len <= ENDPOINT_SEGMENT_MAX &&
	       segment[segment_len] == '\0';
}

/* {"word": what stands in the path for {word}}. */
static json_t *segment_args(const struct endpoint *endpoint, const struct request *req)
{
	size_t len = fixed_len(endpoint->path);
	char word[16];

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(endpoint->path + len + 1, "}"),
		 endpoint->path + len + 1);
	return json_pack("{s:s}", word, req->path + len);
}

static int get(const struct api *api, const struct endpoint *endpoint, const struct request *req,
	       struct response *res)
{
	return ask(api, req, endpoint->op, json_object(), res);
}

/* RFC 9110 13.2.2. A field that is empty names no tag: whoever sends it meant to name one. */
static int get_tagged(const struct api *api, const struct endpoint *endpoint,
		      const struct request *req, struct response *res)
{
	const char *if_match = req->in->param(req->in->ctx, "HTTP_IF_MATCH");
	int r = ask_json(api, req, endpoint->op, json_object(), res);

	if (r < 0)
		return r;
	etag_of(res->body, res->etag);
	if (if_match != NULL && !etag_matches(if_match, res->etag))
		return response_problem(res, 412, "precondition",
					"It has another entity tag now than those of If-Match.");
	if (etag_matches(request_input_param(req->in, "HTTP_IF_NONE_MATCH"), res->etag))
		response_empty(res, 304);
	return 0;
}

static int get_health(const struct api *api, const struct endpoint *endpoint,
		      const struct request *req, struct response *res)
{
	uint64_t ready = 0;

	if (request_param_unsigned(req, "ready", 0, 1, &ready, res) < 0)
		return RESPONSE_REFUSED;
	return ask(api, req, endpoint->op, json_pack("{s:b}", "ready", (int)ready), res);
}

static int get_metrics(const struct api *api, const struct endpoint *endpoint,
		       const struct request *req, struct response *res)
{
	int r = ask_json(api, req, endpoint->op, json_object(), res);

	if (r == 0)
		response_string(res, METRICS_TYPE, json_incref(res->body));
	return r;
}

/* What a request shows of the web server in front of us. */
static int get_diagnostics(const struct api *api, const struct endpoint *endpoint,
			   const struct request *req, struct response *res)
{
	static const struct {
		const char *key, *param;
	} shown[] = {
		{"host", "HTTP_HOST"},
		{"scheme", "REQUEST_SCHEME"},
		{"forwarded_proto", "HTTP_X_FORWARDED_PROTO"},
		{"https", "HTTPS"},
		{"origin", "HTTP_ORIGIN"},
		{"path", "DOCUMENT_URI"},
		{"remote_addr", "REMOTE_ADDR"},
		{"include", "NALCAST_INCLUDE"},
	};
	json_t *request = json_object();

	/* One that is absent, or no UTF-8, is not shown. */
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		const char *value = request_input_param(req->in, shown[i].param);
		if (value[0] != '\0')
			json_object_set_new(request, shown[i].key, json_string(value));
	}
	return ask(api, req, endpoint->op, json_pack("{s:o}", "request", request), res);
}

static int get_viewers(const struct api *api, const struct endpoint *endpoint,
		       const struct request *req, struct response *res)
{
	uint64_t offset = 0, limit = VIEWERS_LIMIT;

	if (request_param_unsigned(req, "offset", 0, INT32_MAX, &offset, res) < 0 ||
	    request_param_unsigned(req, "limit", 1, VIEWERS_LIMIT_MAX, &limit, res) < 0)
		return RESPONSE_REFUSED;
	json_t *args =
		json_pack("{s:I, s:I}", "offset", (json_int_t)offset, "limit", (json_int_t)limit);
	return ask(api, req, endpoint->op, args, res);
}

static int get_cameras(const struct api *api, const struct endpoint *endpoint,
		       const struct request *req, struct response *res)
{
	(void)endpoint;
	(void)req;
	response_json(res, 200, api->backend->list(api->ctx));
	return 0;
}

static int get_openapi(const struct api *api, const struct endpoint *endpoint,
		       const struct request *req, struct response *res)
{
	(void)api;
	(void)endpoint;
	(void)req;
	response_text(res, "application/json", (const char *)openapi_json, openapi_json_size);
	return 0;
}

static int run(const struct api *api, const struct endpoint *endpoint, const struct request *req,
	       struct response *res)
{
	return ask_change(api, req, endpoint->op, json_object(), res);
}

static int post_keyframe(const struct api *api, const struct endpoint *endpoint,
			 const struct request *req, struct response *res)
{
	int r = get(api, endpoint, req, res);

	if (r == 0)
		res->status = 202; /* it comes with one of the next pictures */
	return r;
}

static int delete_viewer(const struct api *api, const struct endpoint *endpoint,
			 const struct request *req, struct response *res)
{
	uint64_t id;

	if (parse_unsigned(req->path + fixed_len(endpoint->path), 0, INT64_MAX, &id) < 0)
		return response_problem(res, 404, "not-found", "There is no such viewer.");
	int r = ask(api, req, endpoint->op, json_pack("{s:I}", "id", (json_int_t)id), res);
	if (r == 0)
		response_empty(res, 204);
	return r;
}

static int add_tags(const struct request *req, const char *name, const char *key, json_t *args,
		    struct response *res)
{
	const char *tags = req->in->param(req->in->ctx, name);

	if (tags == NULL || json_object_set_new(args, key, json_string(tags)) == 0)
		return 0;
	return response_problem(res, 400, "malformed-request", "%s is no text.", key);
}

/* How a setting is changed: ?dry_run=, ?persist=, If-Match, If-None-Match. nalcastd looks at
 * those last ones itself: between our look and its change, somebody else's could come. */
static int add_conditions(const struct request *req, json_t *args, struct response *res)
{
	uint64_t dry_run = 0, persist = 1;

	if (request_param_unsigned(req, "dry_run", 0, 1, &dry_run, res) < 0 ||
	    request_param_unsigned(req, "persist", 0, 1, &persist, res) < 0)
		return RESPONSE_REFUSED;
	json_object_set_new(args, "dry_run", json_boolean(dry_run));
	json_object_set_new(args, "persist", json_boolean(persist));
	if (add_tags(req, "HTTP_IF_MATCH", "if_match", args, res) < 0)
		return RESPONSE_REFUSED;
	return add_tags(req, "HTTP_IF_NONE_MATCH", "if_none_match", args, res);
}

/* Takes the reference to args; NULL is out of memory. */
static int set(const struct api *api, const struct endpoint *endpoint, const struct request *req,
	       json_t *args, struct response *res)
{
	if (args == NULL)
		return response_problem(res, 500, "internal", "out of memory");
	if (add_conditions(req, args, res) < 0) {
		json_decref(args);
		return RESPONSE_REFUSED;
	}
	return ask_change(api, req, endpoint->op, args, res);
}

static int put(const struct api *api, const struct endpoint *endpoint, const struct request *req,
	       struct response *res)
{
	return set(api, endpoint, req, json_copy(req->body), res);
}

static int patch(const struct api *api, const struct endpoint *endpoint, const struct request *req,
		 struct response *res)
{
	return set(api, endpoint, req, json_pack("{s:O}", "patch", req->body), res);
}

static int reset(const struct api *api, const struct endpoint *endpoint, const struct request *req,
		 struct response *res)
{
	return set(api, endpoint, req, segment_args(endpoint, req), res);
}

static const struct field no_fields[] = {{.key = NULL}};

/* Loose on purpose: which sizes there are nalcastd knows, and names the nearest. */
static const struct field resolution_fields[] = {
	{.key = "width", .type = FIELD_INTEGER, .is_needed = true, .min = 1, .max = 65535},
	{.key = "height", .type = FIELD_INTEGER, .is_needed = true, .min = 1, .max = 65535},
	{.key = "fps", .type = FIELD_NUMBER, .min = 0.001, .max = 1000},
	{.key = NULL},
};

#define CHANGE_PARAMS                              \
	{                                          \
		"timeout_ms", "dry_run", "persist" \
	}

/* clang-format off */
const struct endpoint endpoints[] = {
	{.path = "", .method = REQUEST_GET}, /* the discovery, which is made of this table */
	{.path = "health", .method = REQUEST_GET, .op = "health", .answer = get_health,
	 .params = {"ready"}},
	{.path = "state", .method = REQUEST_GET, .op = "state", .answer = get},
	{.path = "diagnostics", .method = REQUEST_GET, .op = "diagnostics",
	 .answer = get_diagnostics},
	{.path = "metrics", .method = REQUEST_GET, .op = "metrics", .answer = get_metrics},
	{.path = "start", .method = REQUEST_POST, .op = "start", .answer = run,
	 .params = {"timeout_ms"}, .fields = no_fields},
	{.path = "stop", .method = REQUEST_POST, .op = "stop", .answer = run,
	 .params = {"timeout_ms"}, .fields = no_fields},
	{.path = "keyframe", .method = REQUEST_POST, .op = "keyframe", .answer = post_keyframe,
	 .fields = no_fields},
	{.path = "resolution", .method = REQUEST_GET, .op = "resolution", .answer = get_tagged},
	{.path = "resolution", .method = REQUEST_PUT, .op = "set-resolution", .answer = put,
	 .params = CHANGE_PARAMS, .body = REQUEST_BODY_NEEDED, .fields = resolution_fields},
	{.path = "config", .method = REQUEST_GET, .op = "config", .answer = get_tagged},
	{.path = "config", .method = REQUEST_PATCH, .op = "set-config", .answer = patch,
	 .params = CHANGE_PARAMS, .body = REQUEST_BODY_NEEDED},
	{.path = "config/{key}", .method = REQUEST_DELETE, .op = "reset-config", .answer = reset,
	 .params = CHANGE_PARAMS, .fields = no_fields},
	{.path = "controls", .method = REQUEST_GET, .op = "controls", .answer = get_tagged},
	{.path = "controls", .method = REQUEST_PATCH, .op = "set-controls", .answer = patch,
	 .params = CHANGE_PARAMS, .body = REQUEST_BODY_NEEDED},
	{.path = "controls/{name}", .method = REQUEST_DELETE, .op = "reset-control",
	 .answer = reset, .params = CHANGE_PARAMS, .fields = no_fields},
	{.path = "sources", .method = REQUEST_GET, .op = "sources", .answer = get},
	{.path = "viewers", .method = REQUEST_GET, .op = "viewers", .answer = get_viewers,
	 .params = {"offset", "limit"}},
	{.path = "viewers/{id}", .method = REQUEST_DELETE, .op = "close-viewer",
	 .answer = delete_viewer, .fields = no_fields},
	{.path = "cameras", .method = REQUEST_GET, .answer = get_cameras, .is_of_all = true},
	{.path = "openapi.json", .method = REQUEST_GET, .answer = get_openapi},
};
/* clang-format on */

const size_t endpoint_count = ARRAY_SIZE(endpoints);
