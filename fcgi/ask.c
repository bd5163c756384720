#include "fcgi/ask.h"

#include <errno.h>
#include <string.h>

#include "common/util.h"

#define ASK_TIMEOUT_MS        3000  /* for what nalcastd answers at once */
#define CHANGE_TIMEOUT_MS     5000  /* of a change, unless ?timeout_ms= says another */
#define CHANGE_TIMEOUT_MAX_MS 20000 /* protocol.md section 4 */
#define CHANGE_MARGIN_MS      2000  /* nalcastd is to answer first, with what it knows */
#define RETRY_AFTER_S         2     /* unless nalcastd says another */
#define RETRY_AFTER_MAX_S     3600

_Static_assert(CHANGE_TIMEOUT_MAX_MS + CHANGE_MARGIN_MS <= API_CALL_MAX_MS, "api.h is wrong");

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

/* Without a body, what nalcastd was given came from path and query. */
static void add_fault(const struct request *req, const char *pointer, const char *code,
		      const char *message, struct response *res)
{
	bool is_of_body = json_object_size(req->body) > 0 || pointer[0] != '/';

	response_add_error(res, is_of_body ? RESPONSE_POINTER : RESPONSE_PARAMETER,
			   is_of_body ? pointer : pointer + 1, code, "%s", message);
}

/* All that nalcastd found wrong at once. */
static void add_faults(const struct request *req, const struct ctl_reply *reply,
		       const json_t *faults, struct response *res)
{
	static const char *const members[] = {"allowed", "nearest"};
	size_t at;
	json_t *fault;

	json_array_foreach(faults, at, fault)
	{
		const char *pointer = json_string_value(json_object_get(fault, "pointer"));
		const char *code = json_string_value(json_object_get(fault, "code"));
		const char *message = json_string_value(json_object_get(fault, "message"));
		if (pointer == NULL || code == NULL || message == NULL)
			continue;
		/* Words that we know only: openapi.json lists them. */
		enum ctl_code known = ctl_code_from_word(code);
		add_fault(req, pointer, ctl_code_word(known != CTL_INTERNAL ? known : reply->code),
			  message, res);
		for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
			json_t *value = json_object_get(fault, members[i]);
			if (value != NULL)
				response_add_to_error(res, members[i], json_incref(value));
		}
	}
}

static int refuse_by_control(const struct request *req, const struct ctl_reply *reply,
			     struct response *res)
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
	const json_t *faults = json_object_get(reply->error, "errors");
	if (json_array_size(faults) > 0)
		add_faults(req, reply, faults, res);
	else if (pointer != NULL)
		add_fault(req, pointer, ctl_code_word(reply->code), message, res);
	json_object_foreach(reply->error, key, value)
	{
		if (strcmp(key, "message") != 0 && strcmp(key, "pointer") != 0)
			response_add_member(res, key, json_incref(value));
	}
	if (status == 503)
		res->retry_after_s = retry_after_s(reply->error);
	return RESPONSE_REFUSED;
}

static int refuse_with_retry(struct response *res, const char *type, const char *words)
{
	response_problem(res, 503, type, "%s", words);
	res->retry_after_s = RETRY_AFTER_S;
	return RESPONSE_REFUSED;
}

static int refuse_by_transport(const char *op, int r, const struct error *err, struct response *res)
{
	bool is_late = r == -ETIMEDOUT;

	if (r == -ECANCELED)
		return refuse_with_retry(res, "unavailable", "The API is being restarted.");
	if (r == -EBUSY)
		return refuse_with_retry(res, "overloaded", err->text);
	if (r == -E2BIG)
		return response_problem(res, 413, "too-large",
					"The body does not fit a packet to nalcastd: %s.",
					err->text);
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

static int make_call(const struct api *api, const struct request *req, const struct api_call *call,
		     struct response *res)
{
	struct ctl_reply reply;
	struct error err = {0};

	int r = api->backend->call(api->ctx, call, &reply, &err);
	if (r < 0)
		return refuse_by_transport(call->op, r, &err, res);
	if (reply.text != NULL) {
		response_json_text(res, reply.pending ? 202 : 200, reply.text, reply.text_size);
		reply.text = NULL;
	} else if (reply.code == CTL_OK) {
		response_json(res, reply.pending ? 202 : 200, json_incref(reply.result));
	} else {
		r = refuse_by_control(req, &reply, res);
	}
	ctl_reply_clear(&reply);
	return r;
}

/* Takes the reference to call->args. */
static int ask_at_once(const struct api *api, const struct request *req,
		       const struct api_call *call, struct response *res)
{
	if (call->args == NULL)
		return response_problem(res, 500, "internal", "out of memory");
	int r = make_call(api, req, call, res);
	json_decref(call->args);
	return r;
}

int ask(const struct api *api, const struct request *req, const char *op, json_t *args,
	struct response *res)
{
	const struct api_call call = {req->camera, op, args, ASK_TIMEOUT_MS, .as_text = true};

	return ask_at_once(api, req, &call, res);
}

int ask_json(const struct api *api, const struct request *req, const char *op, json_t *args,
	     struct response *res)
{
	const struct api_call call = {req->camera, op, args, ASK_TIMEOUT_MS, .as_text = false};

	return ask_at_once(api, req, &call, res);
}

int ask_change(const struct api *api, const struct request *req, const char *op, json_t *args,
	       struct response *res)
{
	uint64_t timeout_ms = CHANGE_TIMEOUT_MS;
	int r = request_param_unsigned(req, "timeout_ms", 0, CHANGE_TIMEOUT_MAX_MS, &timeout_ms,
				       res);
	const struct api_call call = {req->camera,
				      op,
				      args,
				      (int)timeout_ms + CHANGE_MARGIN_MS,
				      .is_change = true,
				      .as_text = true};

	if (r == 0 && json_object_set_new(args, "timeout_ms", json_integer((int)timeout_ms)) < 0)
		r = response_problem(res, 500, "internal", "out of memory");
	if (r == 0)
		r = make_call(api, req, &call, res);
	json_decref(args);
	return r;
}
