#include "fcgi/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/ctlproto.h"
#include "common/origin.h"
#include "common/util.h"

static const char *const method_words[] = {
	[REQUEST_GET] = "GET",         [REQUEST_HEAD] = "HEAD",   [REQUEST_POST] = "POST",
	[REQUEST_PUT] = "PUT",         [REQUEST_PATCH] = "PATCH", [REQUEST_DELETE] = "DELETE",
	[REQUEST_OPTIONS] = "OPTIONS", [REQUEST_OTHER] = "",
};

const char *request_method_word(enum request_method method)
{
	return method_words[method];
}

/* A parameter nginx was not told to pass reads as one that is empty. */
const char *request_input_param(const struct request_input *in, const char *name)
{
	const char *value = in->param(in->ctx, name);

	return value != NULL ? value : "";
}

static enum request_method method_from_word(const char *word)
{
	for (unsigned i = 0; i < REQUEST_OTHER; i++)
		if (strcmp(method_words[i], word) == 0)
			return (enum request_method)i;
	return REQUEST_OTHER;
}

/* The last "/api/v1/" counts: whatever stands before it is where nginx mounts us. */
static int read_path(const struct request_input *in, const char **ret_path, struct response *res)
{
	static const char root[] = "/api/v1";
	const size_t root_len = sizeof(root) - 1;
	const char *path = request_input_param(in, "DOCUMENT_URI");
	const char *found = NULL;
	size_t len = strlen(path);

	if (len == 0)
		return response_problem(res, 500, "internal",
					"The web server does not pass DOCUMENT_URI: add "
					"'fastcgi_param DOCUMENT_URI $document_uri;'.");
	if (len > REQUEST_PATH_MAX)
		return response_problem(res, 414, "uri-too-long",
					"The path has %zu bytes, %d are allowed.", len,
					REQUEST_PATH_MAX);
	for (const char *p = path; (p = strstr(p, root)) != NULL; p += root_len)
		if (p[root_len] == '/' || p[root_len] == '\0')
			found = p;
	if (found == NULL)
		return response_problem(res, 404, "not-found", "There is nothing at this path.");
	*ret_path = found[root_len] == '/' ? found + root_len + 1 : NULL;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* application/x-www-form-urlencoded, into room bytes with NUL. -EINVAL: cannot be read. */
static int decode(const char *text, size_t len, char *out, size_t room)
{
	size_t out_len = 0;

	for (size_t i = 0; i < len; i++) {
		int c = text[i] == '+' ? ' ' : (unsigned char)text[i];
		if (c == '%') {
			int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
			if (low < 0)
				return -EINVAL;
			c = high << 4 | low;
			i += 2;
		}
		if (c < ' ' || c == 0x7f || out_len + 1 >= room)
			return -EINVAL;
		out[out_len++] = (char)c;
	}
	out[out_len] = '\0';
	return 0;
}

static const struct request_param *find_param(const struct request *req, const char *name)
{
	for (unsigned i = 0; i < req->param_count; i++)
		if (strcmp(req->params[i].name, name) == 0)
			return &req->params[i];
	return NULL;
}

static int add_param(struct request *req, const char *text, size_t len, struct response *res)
{
	struct request_param param = {{0}, {0}};
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals != NULL ? (size_t)(equals - text) : len;
	size_t value_len = equals != NULL ? len - name_len - 1 : 0;

	if (req->param_count == REQUEST_PARAMS_MAX)
		return response_problem(res, 400, "malformed-query",
					"The query has more than %d parameters.",
					REQUEST_PARAMS_MAX);
	if (name_len == 0 || decode(text, name_len, param.name, sizeof(param.name)) < 0 ||
	    decode(text + len - value_len, value_len, param.value, sizeof(param.value)) < 0)
		return response_problem(res, 400, "malformed-query",
					"Parameter %u of the query cannot be read.",
					req->param_count + 1);
	if (find_param(req, param.name) != NULL)
		return response_problem(res, 400, "malformed-query",
					"The query has '%s' more than once.", param.name);
	req->params[req->param_count++] = param;
	return 0;
}

static int read_query(struct request *req, const char *query, struct response *res)
{
	size_t size = strlen(query);

	if (size > REQUEST_QUERY_MAX)
		return response_problem(res, 414, "uri-too-long",
					"The query has %zu bytes, %d are allowed.", size,
					REQUEST_QUERY_MAX);
	while (*query != '\0') {
		size_t len = strcspn(query, "&");
		if (len > 0 && add_param(req, query, len, res) < 0)
			return RESPONSE_REFUSED;
		query += len + (query[len] == '&');
	}
	return 0;
}

static int set_camera(struct request *req, const char *name, size_t len, struct response *res)
{
	snprintf(req->camera, sizeof(req->camera), "%.*s", (int)len, name);
	if (len <= CAMNAME_MAX && camname_is_valid(req->camera))
		return 0;
	return response_problem(res, 404, "not-found", "No camera is called '%.*s'.",
				(int)min_size(len, 40), name);
}

/* cameras/NAME/... becomes NAME and what follows; anything else stays. */
static int read_camera(struct request *req, struct response *res)
{
	static const char prefix[] = "cameras/";
	const char *camera = request_input_param(req->in, "NALCAST_CAMERA");

	if (camera[0] == '\0')
		camera = CAMNAME_MAIN;
	if (set_camera(req, camera, strlen(camera), res) < 0)
		return RESPONSE_REFUSED;
	if (req->path == NULL || strncmp(req->path, prefix, sizeof(prefix) - 1) != 0)
		return 0;
	const char *name = req->path + sizeof(prefix) - 1;
	size_t len = strcspn(name, "/");
	req->is_nested = true;
	req->path = name[len] == '/' ? name + len + 1 : NULL;
	return set_camera(req, name, len, res);
}

int request_read(struct request *req, const struct request_input *in, struct response *res)
{
	*req = (struct request){
		.in = in,
		.method = method_from_word(request_input_param(in, "REQUEST_METHOD")),
	};
	res->head_only = req->method == REQUEST_HEAD;
	if (read_path(in, &req->path, res) < 0 || read_camera(req, res) < 0)
		return RESPONSE_REFUSED;
	return read_query(req, request_input_param(in, "QUERY_STRING"), res);
}

void request_clear(struct request *req)
{
	json_decref(req->body);
	req->body = NULL;
}

int request_check_origin(const struct request_input *in, const char *allow, struct response *res)
{
	const char *origin = in->param(in->ctx, "HTTP_ORIGIN");
	const char *host = request_input_param(in, "HTTP_HOST");
	const char *proto = request_input_param(in, "HTTP_X_FORWARDED_PROTO");
	const char *site = request_input_param(in, "HTTP_SEC_FETCH_SITE");

	if (proto[0] == '\0')
		proto = request_input_param(in, "REQUEST_SCHEME");
	/* nginx passes a header with no value as an empty parameter: no browser sends that. */
	if (origin != NULL && origin[0] == '\0')
		origin = NULL;
	if (!origin_allowed(origin, host, proto, allow))
		return response_problem(res, 403, "foreign-origin",
					"A page of %.100s may not change anything here: this is "
					"%.8s%s%.100s. (nalcast-fcgi --allow-origin can allow it.)",
					origin, proto, proto[0] != '\0' ? "://" : "", host);
	if (site[0] != '\0' && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
		return response_problem(res, 403, "foreign-origin",
					"A page of another site may not change anything here "
					"(Sec-Fetch-Site: %.40s).",
					site);
	return 0;
}

/* The problem that the first error of a list begins. */
static int refuse_param(struct response *res)
{
	if (res->is_problem)
		return RESPONSE_REFUSED;
	return response_problem(res, 422, "invalid", "A parameter of the query is not accepted.");
}

int request_check_params(const struct request *req, const char *const *names, struct response *res)
{
	int r = 0;

	for (unsigned i = 0; i < req->param_count; i++) {
		const char *const *name = names;
		while (*name != NULL && strcmp(*name, req->params[i].name) != 0)
			name++;
		if (*name != NULL)
			continue;
		r = refuse_param(res);
		response_add_error(res, RESPONSE_PARAMETER, req->params[i].name, "unknown",
				   "There is no such parameter here.");
	}
	return r;
}

int request_param_unsigned(const struct request *req, const char *name, uint64_t min, uint64_t max,
			   uint64_t *ret_value, struct response *res)
{
	const struct request_param *param = find_param(req, name);

	if (param == NULL || parse_unsigned(param->value, min, max, ret_value) == 0)
		return 0;
	refuse_param(res);
	return response_add_error(res, RESPONSE_PARAMETER, name, "out-of-range",
				  "A whole number from %llu to %llu, not '%s'.",
				  (unsigned long long)min, (unsigned long long)max, param->value);
}

/* Its parameters ("; charset=utf-8") say nothing: JSON is UTF-8 (RFC 8259 8.1). */
static bool is_type(const char *type, const char *wanted)
{
	size_t len = strcspn(type, "; \t");

	return len == strlen(wanted) && strncasecmp(type, wanted, len) == 0;
}

static int check_type(const struct request *req, struct response *res)
{
	const char *type = request_input_param(req->in, "CONTENT_TYPE");
	bool is_patch = req->method == REQUEST_PATCH;

	if (is_type(type, "application/json") ||
	    (is_patch && is_type(type, "application/merge-patch+json")))
		return 0;
	return response_problem(res, 415, "unsupported-media-type",
				"The body must be application/json%s, not '%.80s'. With curl use "
				"--json instead of -d or --data.",
				is_patch ? " or application/merge-patch+json" : "", type);
}

static int check_length(const struct request_input *in, enum request_body_need need,
			uint64_t *ret_length, struct response *res)
{
	const char *text = request_input_param(in, "CONTENT_LENGTH");

	if (text[0] == '\0') {
		if (need == REQUEST_BODY_NEEDED)
			return response_problem(res, 411, "length-required",
						"This needs a body with a Content-Length.");
		*ret_length = 0;
		return 0;
	}
	int r = parse_unsigned(text, 0, REQUEST_BODY_MAX, ret_length);
	if (r == -ERANGE)
		return response_problem(res, 413, "too-large",
					"The body may have at most %d bytes.", REQUEST_BODY_MAX);
	if (r < 0)
		return response_problem(res, 400, "malformed-request",
					"Content-Length is not a number.");
	if (in->body_size < *ret_length)
		return response_problem(res, 400, "malformed-request",
					"The body ended after %zu of %llu bytes.", in->body_size,
					(unsigned long long)*ret_length);
	return 0;
}

static int load(const char *text, size_t size, json_t **ret_body, struct response *res)
{
	json_error_t where;

	if (ctl_is_too_deep(text, size, REQUEST_DEPTH_MAX))
		return response_problem(res, 400, "malformed-json",
					"The JSON is nested deeper than %d.", REQUEST_DEPTH_MAX);
	json_t *body = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
	if (body != NULL) {
		*ret_body = body;
		return 0;
	}
	response_problem(res, 400, "malformed-json", "Line %d, column %d: %s.", where.line,
			 where.column, where.text);
	response_add_member(res, "line", json_integer(where.line));
	response_add_member(res, "column", json_integer(where.column));
	return RESPONSE_REFUSED;
}

int request_read_body(struct request *req, enum request_body_need need, struct response *res)
{
	uint64_t length;

	if (check_length(req->in, need, &length, res) < 0)
		return RESPONSE_REFUSED;
	if (length == 0 && need == REQUEST_BODY_OPTIONAL)
		return 0;
	if (length == 0)
		return response_problem(res, 400, "malformed-json", "The body is empty.");
	if (check_type(req, res) < 0 || load(req->in->body, (size_t)length, &req->body, res) < 0)
		return RESPONSE_REFUSED;
	if (json_is_object(req->body))
		return 0;
	response_problem(res, 422, "invalid", "The body must be a JSON object.");
	return response_add_error(res, RESPONSE_POINTER, "", "wrong-type", "An object.");
}
