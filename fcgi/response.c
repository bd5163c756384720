#include "fcgi/response.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define WORDS_MAX 512 /* bytes of a detail */
#define HEAD_MAX  512 /* bytes; all fields are ours and short */

static const char out_of_memory[] =
	"{\"type\":\"problems/internal\",\"title\":\"Internal Server Error\",\"status\":500,"
	"\"detail\":\"out of memory\"}";

const char *response_reason(int status)
{
	static const struct {
		int status;
		const char *words;
	} reasons[] = {
		{200, "OK"},
		{202, "Accepted"},
		{204, "No Content"},
		{304, "Not Modified"},
		{308, "Permanent Redirect"},
		{400, "Bad Request"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{409, "Conflict"},
		{411, "Length Required"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{422, "Unprocessable Content"},
		{500, "Internal Server Error"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].words;
	return "Unknown";
}

/* Text that is not UTF-8 keeps its ASCII: a problem must not fail for what a visitor sent. */
static json_t *text_to_json(const char *text)
{
	char ascii[WORDS_MAX];
	json_t *string = json_string(text);

	if (string != NULL)
		return string;
	snprintf(ascii, sizeof(ascii), "%s", text);
	for (char *p = ascii; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(ascii);
}

__attribute__((format(printf, 1, 0))) static json_t *words_to_json(const char *fmt, va_list args)
{
	char words[WORDS_MAX];

	vsnprintf(words, sizeof(words), fmt, args);
	return text_to_json(words);
}

static void drop_body(struct response *res)
{
	json_decref(res->body);
	free(res->owned);
	res->body = NULL;
	res->text = res->owned = NULL;
}

void response_json(struct response *res, int status, json_t *body)
{
	drop_body(res);
	res->status = body != NULL ? status : 500;
	res->is_problem = body == NULL;
	res->body = body;
	res->etag[0] = '\0';
}

void response_text(struct response *res, const char *type, const char *text, size_t size)
{
	drop_body(res);
	res->status = 200;
	res->is_problem = false;
	res->type = type;
	res->text = text;
	res->text_size = size;
}

void response_json_text(struct response *res, int status, char *text, size_t size)
{
	response_text(res, "application/json", text, size);
	res->status = status;
	res->owned = text;
}

void response_string(struct response *res, const char *type, json_t *body)
{
	if (!json_is_string(body)) {
		json_decref(body);
		response_problem(res, 500, "internal", "nalcastd's answer is no text.");
		return;
	}
	response_text(res, type, json_string_value(body), json_string_length(body));
	res->body = body;
}

void response_empty(struct response *res, int status)
{
	drop_body(res);
	res->status = status;
	res->is_problem = false;
}

int response_problem(struct response *res, int status, const char *type, const char *fmt, ...)
{
	char relative[64];
	va_list args;

	snprintf(relative, sizeof(relative), "problems/%s", type);
	va_start(args, fmt);
	json_t *detail = words_to_json(fmt, args);
	va_end(args);
	json_t *problem = json_object();
	json_object_set_new(problem, "type", json_string(relative));
	json_object_set_new(problem, "title", json_string(response_reason(status)));
	json_object_set_new(problem, "status", json_integer(status));
	json_object_set_new(problem, "detail", detail);
	response_json(res, status, problem);
	res->is_problem = true;
	return RESPONSE_REFUSED;
}

int response_add_error(struct response *res, enum response_place place, const char *where,
		       const char *code, const char *fmt, ...)
{
	va_list args;
	json_t *errors = json_object_get(res->body, "errors");

	if (errors == NULL) {
		json_object_set_new(res->body, "errors", json_array());
		errors = json_object_get(res->body, "errors");
	}
	va_start(args, fmt);
	json_t *detail = words_to_json(fmt, args);
	va_end(args);
	json_t *error = json_object();
	json_object_set_new(error, place == RESPONSE_POINTER ? "pointer" : "parameter",
			    text_to_json(where));
	json_object_set_new(error, "code", json_string(code));
	json_object_set_new(error, "detail", detail);
	json_array_append_new(errors, error);
	return RESPONSE_REFUSED;
}

void response_add_to_error(struct response *res, const char *name, json_t *value)
{
	json_t *errors = json_object_get(res->body, "errors");
	json_t *last = json_array_get(errors, json_array_size(errors) - 1);

	json_object_set_new(last, name, value);
}

void response_add_member(struct response *res, const char *name, json_t *value)
{
	static const char *const ours[] = {"type",   "title",    "status",
					   "detail", "instance", "errors"};

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (strcmp(ours[i], name) == 0) {
			json_decref(value);
			return;
		}
	json_object_set_new(res->body, name, value);
}

/* What is sent: text, and whether a line's end goes behind it, for people with curl. */
struct content {
	const char *type; /* NULL: there is none, not even an empty one */
	const char *text;
	size_t size;
	bool is_line;
};

__attribute__((format(printf, 3, 4))) static void add(char *head, size_t *len, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	*len += (size_t)vsnprintf(head + *len, HEAD_MAX - *len, fmt, args);
	va_end(args);
}

static size_t write_head(const struct response *res, const struct content *content, char *out)
{
	size_t len = 0;

	add(out, &len, "Status: %d %s\r\n", res->status, response_reason(res->status));
	/* RFC 9110 8.6: 204 has no length, and 304 not one of its own. */
	if (content->type != NULL)
		add(out, &len, "Content-Type: %s\r\nContent-Length: %zu\r\n", content->type,
		    content->size + content->is_line);
	if (res->etag[0] != '\0')
		add(out, &len, "ETag: %s\r\n", res->etag);
	if (res->allow[0] != '\0')
		add(out, &len, "Allow: %s\r\n", res->allow);
	if (res->location[0] != '\0')
		add(out, &len, "Location: %s\r\n", res->location);
	if (res->retry_after_s > 0)
		add(out, &len, "Retry-After: %u\r\n", res->retry_after_s);
	add(out, &len, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n");
	return len;
}

static char *write_bytes(const struct response *res, const struct content *content,
			 size_t *ret_size)
{
	char *out = malloc(HEAD_MAX + content->size + 1);

	if (out == NULL)
		return NULL;
	size_t size = write_head(res, content, out);
	if (content->type != NULL && !res->head_only) {
		memcpy(out + size, content->text, content->size);
		size += content->size;
		if (content->is_line)
			out[size++] = '\n';
	}
	*ret_size = size;
	return out;
}

/* 15 digits: 29.97 stays 29.97. */
#define BODY_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

static char *write_json(const struct response *res, size_t *ret_size)
{
	struct response failed = {.status = 500, .is_problem = true, .head_only = res->head_only};
	char *text = res->body != NULL ? json_dumps(res->body, BODY_FLAGS) : NULL;

	if (text == NULL)
		res = &failed;
	const struct content content = {
		.type = res->is_problem ? "application/problem+json" : "application/json",
		.text = text != NULL ? text : out_of_memory,
		.size = strlen(text != NULL ? text : out_of_memory),
		.is_line = true,
	};
	char *out = write_bytes(res, &content, ret_size);
	free(text);
	return out;
}

char *response_write(const struct response *res, size_t *ret_size)
{
	const struct content nothing = {.type = NULL};
	const struct content text = {res->type, res->text, res->text_size, res->owned != NULL};

	if (res->text != NULL)
		return write_bytes(res, &text, ret_size);
	if (res->body == NULL && !res->is_problem)
		return write_bytes(res, &nothing, ret_size);
	return write_json(res, ret_size);
}

void response_clear(struct response *res)
{
	drop_body(res);
	*res = (struct response){0};
}
