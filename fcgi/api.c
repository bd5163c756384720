#include "fcgi/api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"
#include "fcgi/fields.h"

#define ASK_TIMEOUT_MS        3000  /* for what nalcastd answers at once */
#define CHANGE_TIMEOUT_MS     5000  /* of a change, unless ?timeout_ms= says another */
#define CHANGE_TIMEOUT_MAX_MS 20000 /* protocol.md section 4 */
#define CHANGE_MARGIN_MS      2000  /* nalcastd is to answer first, with what it knows */
#define RETRY_AFTER_S         2     /* unless nalcastd says another */
#define RETRY_AFTER_MAX_S     3600

#define PARAMS_MAX 4 /* of one endpoint, with the NULL */

_Static_assert(CHANGE_TIMEOUT_MAX_MS + CHANGE_MARGIN_MS <= API_CALL_MAX_MS, "api.h is wrong");

/* One method of one path: a row of the table at the end. */
struct endpoint {
	const char *path;
	enum request_method method;
	/* NULL: the discovery, which is made of the table itself. */
	int (*answer)(struct api *api, const struct request *req, struct response *res);
	const char *params[PARAMS_MAX];
	const struct field *fields; /* of the body; NULL: no member at all */
	enum request_body_need body;
};

static const struct field no_fields[] = {{.key = NULL}};

/* How the words of the control protocol read in HTTP. */
static const struct {
	int status;
	const char *type;
} control_errors[] = {
	[CTL_OK] = {500, "internal"},
	[CTL_INVALID] = {422, "invalid"},
	[CTL_UNSUPPORTED] = {422, "unsupported"},
	[CTL_BUSY] = {409, "busy"},
	[CTL_NOT_FOUND] = {404, "not-found"},
	[CTL_CONFLICT] = {409, "conflict"},
	[CTL_PRECONDITION] = {412, "precondition"},
	[CTL_UNAVAILABLE] = {503, "unavailable"},
	[CTL_INTERNAL] = {500, "internal"},
};

static unsigned retry_after_s(const json_t *error)
{
	json_int_t value = json_integer_value(json_object_get(error, "retry_after_s"));

	return value >= 1 && value <= RETRY_AFTER_MAX_S ? (unsigned)value : RETRY_AFTER_S;
}

/* About the request we made of what the visitor asked, and not about a value in it. */
static bool is_our_mistake(enum ctl_code code, const char *pointer)
{
	return pointer == NULL ? code == CTL_INVALID : strcmp(pointer, "/op") == 0;
}

static int refuse_by_control(const struct ctl_reply *reply, struct response *res)
{
	const char *message = json_string_value(json_object_get(reply->error, "message"));
	const char *pointer = json_string_value(json_object_get(reply->error, "pointer"));
	int status = control_errors[reply->code].status;
	const char *type = control_errors[reply->code].type;
	const char *key;
	json_t *value;

	if (is_our_mistake(reply->code, pointer)) {
		status = 500;
		type = "internal";
	}
	response_problem(res, status, type, "%s", message);
	if (pointer != NULL)
		response_add_error(res, RESPONSE_POINTER, pointer, ctl_code_word(reply->code), "%s",
				   message);
	json_object_foreach(reply->error, key, value)
	{
		if (strcmp(key, "message") != 0 && strcmp(key, "pointer") != 0)
			response_add_member(res, key, json_incref(value));
	}
	if (status == 503)
		res->retry_after_s = retry_after_s(reply->error);
	return RESPONSE_REFUSED;
}

static int refuse_by_transport(const char *op, int r, const struct error *err, struct response *res)
{
	if (r == -ECANCELED) {
		res->retry_after_s = RETRY_AFTER_S;
		return response_problem(res, 503, "unavailable", "The API is being restarted.");
	}
	bool is_late = r == -ETIMEDOUT;
	/* To whoever asks for its health, a nalcastd that cannot answer is simply not well. */
	if (strcmp(op, "health") == 0) {
		res->retry_after_s = RETRY_AFTER_S;
		return response_problem(res, 503, is_late ? "timeout" : "unreachable",
					"nalcastd does not answer: %s.", err->text);
	}
	if (is_late)
		return response_problem(res, 504, "timeout",
					"nalcastd did not answer in time. What was asked for may "
					"still happen: ask for the state.");
	return response_problem(res, 502, "unreachable", "nalcastd cannot be reached: %s.",
				err->text);
}

/* A failure that repeats is logged when it begins and when it ends. */
static void count_failure(struct api *api, const char *op, int r, const struct error *err)
{
	if (r == 0) {
		unsigned failed =
			atomic_exchange_explicit(&api->calls_failed, 0, memory_order_relaxed);
		if (failed > 0)
			log_info("control", "nalcastd answers again after %u failed calls", failed);
	} else if (r != -ECANCELED &&
		   atomic_fetch_add_explicit(&api->calls_failed, 1, memory_order_relaxed) == 0) {
		log_warn("control", "%s: %s", op, err->text);
	}
}

/* Takes the reference to args. */
static int call(struct api *api, const char *op, json_t *args, int timeout_ms, struct response *res)
{
	struct ctl_reply reply;
	struct error err = {0};

	if (args == NULL)
		return response_problem(res, 500, "internal", "out of memory");
	int r = api->call(api->call_ctx, op, args, timeout_ms, &reply, &err);
	json_decref(args);
	count_failure(api, op, r, &err);
	if (r < 0)
		return refuse_by_transport(op, r, &err, res);
	if (reply.code == CTL_OK)
		response_json(res, reply.pending ? 202 : 200, json_incref(reply.result));
	else
		r = refuse_by_control(&reply, res);
	ctl_reply_clear(&reply);
	return r;
}

/* A change may wait for the camera: some threads are kept for those who only ask. args (taken)
 * gets "timeout_ms". */
static int call_change(struct api *api, const struct request *req, const char *op, json_t *args,
		       struct response *res)
{
	uint64_t timeout_ms = CHANGE_TIMEOUT_MS;
	int r = request_param_unsigned(req, "timeout_ms", 0, CHANGE_TIMEOUT_MAX_MS, &timeout_ms,
				       res);

	if (r < 0 || json_object_set_new(args, "timeout_ms", json_integer((int)timeout_ms)) < 0) {
		json_decref(args);
		return r < 0 ? r : response_problem(res, 500, "internal", "out of memory");
	}
	if (atomic_fetch_add_explicit(&api->changes, 1, memory_order_relaxed) < api->changes_max) {
		r = call(api, op, args, (int)timeout_ms + CHANGE_MARGIN_MS, res);
	} else {
		json_decref(args);
		res->retry_after_s = RETRY_AFTER_S;
		r = response_problem(res, 503, "overloaded",
				     "%u changes are being made at this moment, and that is the "
				     "most there may be.",
				     api->changes_max);
	}
	atomic_fetch_sub_explicit(&api->changes, 1, memory_order_relaxed);
	return r;
}

static int answer_health(struct api *api, const struct request *req, struct response *res)
{
	uint64_t ready = 0;

	if (request_param_unsigned(req, "ready", 0, 1, &ready, res) < 0)
		return RESPONSE_REFUSED;
	return call(api, "health", json_pack("{s:b}", "ready", (int)ready), ASK_TIMEOUT_MS, res);
}

static int answer_state(struct api *api, const struct request *req, struct response *res)
{
	(void)req;
	return call(api, "state", json_object(), ASK_TIMEOUT_MS, res);
}

static int answer_diagnostics(struct api *api, const struct request *req, struct response *res)
{
	(void)req;
	return call(api, "diagnostics", json_object(), ASK_TIMEOUT_MS, res);
}

static int answer_start(struct api *api, const struct request *req, struct response *res)
{
	return call_change(api, req, "start", json_object(), res);
}

static int answer_stop(struct api *api, const struct request *req, struct response *res)
{
	return call_change(api, req, "stop", json_object(), res);
}

static int answer_resolution(struct api *api, const struct request *req, struct response *res)
{
	(void)req;
	return call(api, "resolution", json_object(), ASK_TIMEOUT_MS, res);
}

/* Loose on purpose: which sizes there are nalcastd knows, and names the nearest. */
static const struct field resolution_fields[] = {
	{.key = "width", .type = FIELD_INTEGER, .is_needed = true, .min = 1, .max = 65535},
	{.key = "height", .type = FIELD_INTEGER, .is_needed = true, .min = 1, .max = 65535},
	{.key = "fps", .type = FIELD_NUMBER, .min = 0.001, .max = 1000},
	{.key = NULL},
};

static int set_resolution(struct api *api, const struct request *req, struct response *res)
{
	uint64_t dry_run = 0, persist = 1;

	if (request_param_unsigned(req, "dry_run", 0, 1, &dry_run, res) < 0 ||
	    request_param_unsigned(req, "persist", 0, 1, &persist, res) < 0)
		return RESPONSE_REFUSED;
	json_t *args = json_pack("{s:b, s:b}", "dry_run", (int)dry_run, "persist", (int)persist);
	if (args != NULL && json_object_update(args, req->body) < 0) {
		json_decref(args);
		args = NULL;
	}
	return call_change(api, req, "set-resolution", args, res);
}

/* Rows of one path stand together, what GET answers first. */
static const struct endpoint endpoints[] = {
	{"", REQUEST_GET, NULL, {NULL}, NULL, REQUEST_BODY_OPTIONAL},
	{"health", REQUEST_GET, answer_health, {"ready"}, NULL, REQUEST_BODY_OPTIONAL},
	{"state", REQUEST_GET, answer_state, {NULL}, NULL, REQUEST_BODY_OPTIONAL},
	{"diagnostics", REQUEST_GET, answer_diagnostics, {NULL}, NULL, REQUEST_BODY_OPTIONAL},
	{"start", REQUEST_POST, answer_start, {"timeout_ms"}, no_fields, REQUEST_BODY_OPTIONAL},
	{"stop", REQUEST_POST, answer_stop, {"timeout_ms"}, no_fields, REQUEST_BODY_OPTIONAL},
	{"resolution", REQUEST_GET, answer_resolution, {NULL}, NULL, REQUEST_BODY_OPTIONAL},
	{"resolution",
	 REQUEST_PUT,
	 set_resolution,
	 {"timeout_ms", "dry_run", "persist"},
	 resolution_fields,
	 REQUEST_BODY_NEEDED},
};

static int answer_root(struct response *res)
{
	json_t *links = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++)
		if (endpoints[i].path[0] != '\0')
			json_object_set_new(links, endpoints[i].path,
					    json_string(endpoints[i].path));
	response_json(res, 200,
		      json_pack("{s:s, s:s, s:o}", "name", PACKAGE_NAME, "version", PACKAGE_VERSION,
				"links", links));
	return 0;
}

static void write_allow(const char *path, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++)
		if (strcmp(endpoints[i].path, path) == 0)
			len += (size_t)snprintf(out + len, size - len, "%s%s, ",
						request_method_word(endpoints[i].method),
						endpoints[i].method == REQUEST_GET ? ", HEAD" : "");
	snprintf(out + len, size - len, "OPTIONS");
}

static bool is_path(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++)
		if (strcmp(endpoints[i].path, path) == 0)
			return true;
	return false;
}

static const struct endpoint *find_endpoint(const char *path, enum request_method method)
{
	if (method == REQUEST_HEAD)
		method = REQUEST_GET;
	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++)
		if (endpoints[i].method == method && strcmp(endpoints[i].path, path) == 0)
			return &endpoints[i];
	return NULL;
}

static int answer_endpoint(struct api *api, const struct endpoint *endpoint, struct request *req,
			   const struct request_input *in, struct response *res)
{
	if (endpoint->fields != NULL && (request_check_origin(in, api->allow_origin, res) < 0))
		return RESPONSE_REFUSED;
	if (request_check_params(req, endpoint->params, res) < 0)
		return RESPONSE_REFUSED;
	if (endpoint->fields != NULL && (request_read_body(req, in, endpoint->body, res) < 0 ||
					 fields_check(req->body, endpoint->fields, res) < 0))
		return RESPONSE_REFUSED;
	if (endpoint->answer == NULL)
		return answer_root(res);
	return endpoint->answer(api, req, res);
}

static void route(struct api *api, struct request *req, const struct request_input *in,
		  struct response *res)
{
	if (req->path == NULL) { /* the root, but for its slash: relative links would go astray */
		response_problem(res, 308, "moved", "The path needs a slash at its end.");
		res->location = "v1/";
		return;
	}
	if (!is_path(req->path)) {
		response_problem(res, 404, "not-found", "The API has no such path.");
		return;
	}
	const struct endpoint *endpoint = find_endpoint(req->path, req->method);
	if (endpoint != NULL) {
		answer_endpoint(api, endpoint, req, in, res);
		return;
	}
	write_allow(req->path, res->allow, sizeof(res->allow));
	if (req->method == REQUEST_OPTIONS)
		res->status = 204;
	else
		response_problem(res, 405, "method-not-allowed", "Allowed here: %s.", res->allow);
}

void api_answer(struct api *api, const struct request_input *in, struct response *res)
{
	struct request req;

	if (request_read(&req, in, res) == 0)
		route(api, &req, in, res);
	request_clear(&req);
}
