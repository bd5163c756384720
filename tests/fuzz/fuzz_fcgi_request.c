/* A whole request as nginx might hand it over, through the API to the bytes of the answer.
 *
 * The input: lines "NAME value" of FastCGI parameters, an empty line, the body. nalcastd answers
 * each call with what it was asked. Whatever comes in, out comes an answer with a status of ours,
 * its exact length, and JSON in it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* What reaches nalcastd is a packet that it can read, and of a camera that may have that name. */
static void check_call(const struct api_call *call)
{
	static char packet[CTL_PACKET_MAX];
	struct ctl_request req = {.id = 1, .args = call->args}, got;
	json_int_t id;

	if (call->op[0] == '\0' || strlen(call->op) >= sizeof(req.op) ||
	    !json_is_object(call->args) || call->timeout_ms <= 0 ||
	    call->timeout_ms > API_CALL_MAX_MS || !camname_is_valid(call->camera))
		abort();
	snprintf(req.op, sizeof(req.op), "%s", call->op);
	int size = ctl_request_encode(&req, packet, sizeof(packet));
	if (size == -EMSGSIZE)
		return;
	if (size < 0 || ctl_request_decode(packet, (size_t)size, &got, &id, NULL) < 0)
		abort();
	ctl_request_clear(&got);
}

static int echo_call(void *ctx, const struct api_call *call, struct ctl_reply *ret_reply,
		     struct error *err)
{
	(void)ctx;
	check_call(call);
	if (strcmp(call->op, "state") == 0)
		return error_set(err, -ETIMEDOUT, "late");
	*ret_reply = (struct ctl_reply){.result = strcmp(call->op, "metrics") == 0
							  ? json_string("metrics")
							  : json_incref(call->args)};
	return 0;
}

static bool knows(void *ctx, const char *camera)
{
	(void)ctx;
	return strcmp(camera, "none") != 0;
}

static json_t *list(void *ctx)
{
	(void)ctx;
	return json_array();
}

static const struct api_backend backend = {echo_call, knows, list};

/* The head ends in an empty line, the rest is as long as it says and JSON. */
static void check_bytes(const struct response *res, const char *bytes, size_t size)
{
	const char *body = memmem(bytes, size, "\r\n\r\n", 4);
	char length[64];

	if (body == NULL || memcmp(bytes, "Status: ", 8) != 0)
		abort();
	size_t body_size = size - (size_t)(body + 4 - bytes);
	if (res->status == 204 || res->status == 304 || res->head_only) {
		if (body_size != 0)
			abort();
		return;
	}
	snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", body_size);
	if (memmem(bytes, size, length, strlen(length)) == NULL)
		abort();
	if (memmem(bytes, size, "\r\nContent-Type: text/plain;", 26) != NULL)
		return;
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
	const struct api api = {.backend = &backend, .allow_origin = "https://a.example"};
	const uint8_t *empty = size > 0 ? memmem(data, size, "\n\n", 2) : NULL;
	size_t head_size = empty != NULL ? (size_t)(empty - data) : size;
	size_t body_at = empty != NULL ? head_size + 2 : size;
	struct response res = {0};

	if (size - body_at > REQUEST_BODY_MAX + 1)
		return 0;
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
