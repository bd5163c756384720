#include "fcgi/api.h"

#include <stdio.h>
#include <string.h>

#include "fcgi/endpoints.h"

/* Paths that stand for many have no link of their own. */
static bool is_linked(const struct endpoint *endpoint, const struct request *req)
{
	return endpoint->path[0] != '\0' && strchr(endpoint->path, '{') == NULL &&
	       !(endpoint->is_of_all && req->is_nested);
}

static int answer_root(const struct request *req, struct response *res)
{
	json_t *links = json_object();

	for (size_t i = 0; i < endpoint_count; i++)
		if (is_linked(&endpoints[i], req))
			json_object_set_new(links, endpoints[i].path,
					    json_string(endpoints[i].path));
	response_json(res, 200,
		      json_pack("{s:s, s:s, s:o}", "name", PACKAGE_NAME, "version", PACKAGE_VERSION,
				"links", links));
	return 0;
}

static void write_allow(const struct request *req, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < endpoint_count; i++)
		if (endpoint_has_path(&endpoints[i], req))
			len += (size_t)snprintf(out + len, size - len, "%s%s, ",
						request_method_word(endpoints[i].method),
						endpoints[i].method == REQUEST_GET ? ", HEAD" : "");
	snprintf(out + len, size - len, "OPTIONS");
}

static bool is_path(const struct request *req)
{
	for (size_t i = 0; i < endpoint_count; i++)
		if (endpoint_has_path(&endpoints[i], req))
			return true;
	return false;
}

static const struct endpoint *find_endpoint(const struct request *req)
{
	enum request_method method = req->method == REQUEST_HEAD ? REQUEST_GET : req->method;

	for (size_t i = 0; i < endpoint_count; i++)
		if (endpoints[i].method == method && endpoint_has_path(&endpoints[i], req))
			return &endpoints[i];
	return NULL;
}

/* What may change something: who asks, and with which body. */
static int check_change(const struct api *api, const struct endpoint *endpoint, struct request *req,
			struct response *res)
{
	if (request_check_origin(req->in, api->allow_origin, res) < 0 ||
	    request_check_params(req, endpoint->params, res) < 0 ||
	    request_read_body(req, endpoint->body, res) < 0)
		return RESPONSE_REFUSED;
	return endpoint->fields != NULL ? fields_check(req->body, endpoint->fields, res) : 0;
}

static int answer_endpoint(const struct api *api, const struct endpoint *endpoint,
			   struct request *req, struct response *res)
{
	int r = endpoint->method == REQUEST_GET ? request_check_params(req, endpoint->params, res)
						: check_change(api, endpoint, req, res);

	if (r < 0)
		return r;
	if (endpoint->answer == NULL)
		return answer_root(req, res);
	return endpoint->answer(api, endpoint, req, res);
}

/* The root, but for its slash: relative links would go astray. */
static void move_to_root(const struct request *req, struct response *res)
{
	response_problem(res, 308, "moved", "The path needs a slash at its end.");
	snprintf(res->location, sizeof(res->location), "%s/", req->is_nested ? req->camera : "v1");
}

static void route(const struct api *api, struct request *req, struct response *res)
{
	if (!api->backend->knows(api->ctx, req->camera)) {
		response_problem(res, 404, "not-found", "There is no camera '%s'.", req->camera);
		return;
	}
	if (req->path == NULL) {
		move_to_root(req, res);
		return;
	}
	if (!is_path(req)) {
		response_problem(res, 404, "not-found", "The API has no such path.");
		return;
	}
	const struct endpoint *endpoint = find_endpoint(req);
	if (endpoint != NULL) {
		answer_endpoint(api, endpoint, req, res);
		return;
	}
	write_allow(req, res->allow, sizeof(res->allow));
	if (req->method == REQUEST_OPTIONS)
		response_empty(res, 204);
	else
		response_problem(res, 405, "method-not-allowed", "Allowed here: %s.", res->allow);
}

void api_answer(const struct api *api, const struct request_input *in, struct response *res)
{
	struct request req;

	if (request_read(&req, in, res) == 0)
		route(api, &req, res);
	request_clear(&req);
}
