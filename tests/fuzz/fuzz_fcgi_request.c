/* A whole request as nginx might hand it over, through the API to the bytes of the answer.
 *
 * The input: lines "NAME value" of FastCGI parameters, an empty line, the body. nalcastd answers
 * each call with what it was asked. Whatever comes in, out comes an answer with a status of ours,
 * its exact length, and JSON in it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "fcgi/api.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "fcgi_request";

struct lines {
	char *text; /* each line ended by NUL */
	size_t size;
};

static const char *find_param(void *ctx, const char *name)
{
	const struct lines *lines = ctx;
	size_t len = strlen(name);

	for (size_t at = 0; at < lines->size; at += strlen(lines->text + at) + 1) {
		const char *line = lines->text + at;
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			return line + len + 1;
	}
	return NULL;
}

static int echo_call(void *ctx, const char *op, json_t *args, int timeout_ms,
		     struct ctl_reply *ret_reply, struct error *err)
{
	(void)ctx;
	if (op[0] == '\0' || !json_is_object(args) || timeout_ms <= 0 ||
	    timeout_ms > API_CALL_MAX_MS)
		abort();
	if (strcmp(op, "state") == 0)
		return error_set(err, -ETIMEDOUT, "late");
	*ret_reply = (struct ctl_reply){.result = json_incref(args)};
	return 0;
}

static void quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

/* The head ends in an empty line, the rest is as long as it says and JSON. */
static void check_bytes(const struct response *res, const char *bytes, size_t size)
{
	const char *body = memmem(bytes, size, "\r\n\r\n", 4);
	char length[64];

	if (body == NULL || memcmp(bytes, "Status: ", 8) != 0)
		abort();
	size_t body_size = size - (size_t)(body + 4 - bytes);
	if (res->status == 204 || res->head_only) {
		if (body_size != 0)
			abort();
		return;
	}
	snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", body_size);
	if (memmem(bytes, size, length, strlen(length)) == NULL)
		abort();
	json_t *json = json_loadb(body + 4, body_size, JSON_REJECT_DUPLICATES, NULL);
	if (json == NULL)
		abort();
	json_decref(json);
}

static void check(const struct response *res)
{
	size_t size;
	char *bytes = response_write(res, &size);

	if (bytes == NULL || strcmp(response_reason(res->status), "Unknown") == 0)
		abort();
	check_bytes(res, bytes, size);
	free(bytes);
}

static struct lines read_lines(const char *data, size_t size)
{
	struct lines lines = {.text = malloc(size + 1), .size = size};

	memcpy(lines.text, data, size);
	lines.text[size] = '\0';
	for (size_t i = 0; i < size; i++)
		if (lines.text[i] == '\n')
			lines.text[i] = '\0';
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api api = {.call = echo_call, .allow_origin = "https://a.example", .changes_max = 1};
	const uint8_t *empty = size > 0 ? memmem(data, size, "\n\n", 2) : NULL;
	size_t head_size = empty != NULL ? (size_t)(empty - data) : size;
	size_t body_at = empty != NULL ? head_size + 2 : size;
	struct response res = {0};

	if (size - body_at > REQUEST_BODY_MAX + 1)
		return 0;
	log_set_hook(quiet);
	struct lines lines = read_lines((const char *)data, head_size);
	/* A copy without a NUL behind it: the body has a length and nothing else. */
	char *body = malloc(size - body_at + (size == body_at));
	memcpy(body, data + body_at, size - body_at);
	const struct request_input in = {.param = find_param,
					 .ctx = &lines,
					 .body = body,
					 .body_size = size - body_at};
	api_answer(&api, &in, &res);
	check(&res);
	response_clear(&res);
	free(body);
	free(lines.text);
	return 0;
}
