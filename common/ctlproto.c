#include "common/ctlproto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/jsonscan.h"
#include "common/util.h"

static const char *const code_words[] = {
	[CTL_OK] = "ok",
	[CTL_INVALID] = "invalid",
	[CTL_UNSUPPORTED] = "unsupported",
	[CTL_BUSY] = "busy",
	[CTL_NOT_FOUND] = "not-found",
	[CTL_CONFLICT] = "conflict",
	[CTL_PRECONDITION] = "precondition",
	[CTL_UNAVAILABLE] = "unavailable",
	[CTL_INTERNAL] = "internal",
};

const char *ctl_code_word(enum ctl_code code)
{
	return code_words[code];
}

enum ctl_code ctl_code_from_word(const char *word)
{
	for (unsigned i = 0; i < ARRAY_SIZE(code_words); i++)
		if (strcmp(code_words[i], word) == 0)
			return (enum ctl_code)i;
	return CTL_INTERNAL;
}

#define ENCODE_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(9)) /* 29.97, not 29.969999999999999 */

/* Takes the reference to root, which may be NULL: out of memory. */
static int encode(json_t *root, char *buf, size_t size)
{
	if (root == NULL)
		return -ENOMEM;
	size_t len = json_dumpb(root, buf, size, ENCODE_FLAGS);
	json_decref(root);
	if (len == 0)
		return -ENOMEM;
	return len > size || len > CTL_PACKET_MAX ? -EMSGSIZE : (int)len;
}

/* --- what most packets look like: read and written without building what is in them */

/* Behind word, where it stands at p; else NULL. */
static const char *pass(const char *p, const char *end, const char *word)
{
	size_t len = strlen(word);

	return p != NULL && (size_t)(end - p) >= len && memcmp(p, word, len) == 0 ? p + len : NULL;
}

static const char *pass_id(const char *p, const char *end, json_int_t *ret_id)
{
	char digits[20];
	size_t len = 0;
	uint64_t id;

	if (p == NULL)
		return NULL;
	while (p + len < end && len < sizeof(digits) - 1 && p[len] >= '0' && p[len] <= '9') {
		digits[len] = p[len];
		len++;
	}
	digits[len] = '\0';
	if (parse_unsigned(digits, 0, INT64_MAX, &id) < 0)
		return NULL;
	*ret_id = (json_int_t)id;
	return p + len;
}

/* How long it is, if it is made of such letters as operations are. */
static size_t word_length(const char *p, const char *end)
{
	size_t len = 0;

	while (p + len < end && ((p[len] >= 'a' && p[len] <= 'z') || p[len] == '-'))
		len++;
	return len;
}

/* -EAGAIN: it is not such a one. */
static int encode_plain(const struct ctl_request *req, char *buf, size_t size)
{
	size_t len = strlen(req->op);

	if (json_object_size(req->args) > 0 || word_length(req->op, req->op + len) < len)
		return -EAGAIN;
	int written = snprintf(buf, size, "{\"v\":%d,\"id\":%lld,\"op\":\"%s\",\"args\":{}}",
			       CTL_VERSION, (long long)req->id, req->op);
	return written < 0 || (size_t)written > size - 1 ? -EAGAIN : written;
}

static int decode_plain(const char *buf, size_t len, struct ctl_request *ret_req)
{
	const char *end = buf + len;
	json_int_t id;

	const char *op =
		pass(pass_id(pass(buf, end, "{\"v\":1,\"id\":"), end, &id), end, ",\"op\":\"");
	size_t op_len = op != NULL ? word_length(op, end) : 0;
	if (op == NULL || op_len >= sizeof(ret_req->op) ||
	    pass(op + op_len, end, "\",\"args\":{}}") != end)
		return -EAGAIN;
	json_t *args = json_object();
	if (args == NULL)
		return -EAGAIN;
	*ret_req = (struct ctl_request){.id = id, .args = args};
	memcpy(ret_req->op, op, op_len);
	return 0;
}

/* --- requests */

int ctl_request_encode(const struct ctl_request *req, char *buf, size_t size)
{
	int r = encode_plain(req, buf, size);

	if (r != -EAGAIN)
		return r;
	return encode(json_pack("{s:i, s:I, s:s, s:O}", "v", CTL_VERSION, "id", req->id, "op",
				req->op, "args", req->args),
		      buf, size);
}

static json_t *error_with_code(const struct ctl_reply *reply)
{
	json_t *error = json_pack("{s:s}", "code", ctl_code_word(reply->code));

	if (error != NULL && reply->error != NULL && json_object_update(error, reply->error) < 0) {
		json_decref(error);
		return NULL;
	}
	return error;
}

char *ctl_result_text(const json_t *result)
{
	return json_dumps(result, ENCODE_FLAGS);
}

static int encode_text(const struct ctl_reply *reply, char *buf, size_t size)
{
	int len = snprintf(buf, size, "{\"v\":%d,\"id\":%lld,\"ok\":true,\"result\":%s%s}",
			   CTL_VERSION, (long long)reply->id, reply->text,
			   reply->pending ? ",\"pending\":true" : "");

	return len < 0 || (size_t)len >= size ? -EMSGSIZE : len;
}

int ctl_reply_encode(const struct ctl_reply *reply, char *buf, size_t size)
{
	if (reply->text != NULL)
		return encode_text(reply, buf, size);
	if (reply->code != CTL_OK) {
		json_t *error = error_with_code(reply);
		return encode(json_pack("{s:i, s:I, s:b, s:o}", "v", CTL_VERSION, "id", reply->id,
					"ok", 0, "error", error),
			      buf, size);
	}
	json_t *root = json_pack("{s:i, s:I, s:b, s:O}", "v", CTL_VERSION, "id", reply->id, "ok", 1,
				 "result", reply->result);
	if (root != NULL && reply->pending &&
	    json_object_set_new(root, "pending", json_true()) < 0) {
		json_decref(root);
		return -ENOMEM;
	}
	return encode(root, buf, size);
}

/* Jansson refuses depth over 2048; a packet that small of ours has no use for more than a few. */
bool ctl_is_too_deep(const char *buf, size_t len, unsigned depth_max)
{
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = buf[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > depth_max)
				return true;
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return false;
}

static json_t *load(const char *buf, size_t len, struct error *err)
{
	json_error_t where;

	if (ctl_is_too_deep(buf, len, CTL_DEPTH_MAX)) {
		error_set(err, -EPROTO, "nested deeper than %d", CTL_DEPTH_MAX);
		return NULL;
	}
	json_t *root = json_loadb(buf, len, JSON_REJECT_DUPLICATES, &where);
	if (root == NULL) {
		error_set(err, -EPROTO, "not JSON: line %d, column %d: %s", where.line,
			  where.column, where.text);
		return NULL;
	}
	if (!json_is_object(root)) {
		error_set(err, -EPROTO, "not a JSON object");
		json_decref(root);
		return NULL;
	}
	return root;
}

static int check_version(const json_t *root, struct error *err)
{
	const json_t *version = json_object_get(root, "v");

	if (!json_is_integer(version))
		return error_set(err, -EPROTO, "\"v\" is missing: this program speaks %d",
				 CTL_VERSION);
	if (json_integer_value(version) != CTL_VERSION)
		return error_set(err, -EPROTONOSUPPORT, "version %lld is not spoken here: %d is",
				 (long long)json_integer_value(version), CTL_VERSION);
	return 0;
}

static int read_request(const json_t *root, struct ctl_request *ret_req, struct error *err)
{
	const char *op = json_string_value(json_object_get(root, "op"));
	json_t *args = json_object_get(root, "args");

	if (!json_is_integer(json_object_get(root, "id")))
		return error_set(err, -EPROTO, "\"id\" must be an integer");
	if (op == NULL || strlen(op) >= sizeof(ret_req->op))
		return error_set(err, -EPROTO, "\"op\" must be a word of at most %zu letters",
				 sizeof(ret_req->op) - 1);
	if (args != NULL && !json_is_object(args))
		return error_set(err, -EPROTO, "\"args\" must be an object");

	args = args != NULL ? json_incref(args) : json_object();
	if (args == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	ret_req->id = json_integer_value(json_object_get(root, "id"));
	memcpy(ret_req->op, op, strlen(op) + 1);
	ret_req->args = args;
	return 0;
}

int ctl_request_decode(const char *buf, size_t len, struct ctl_request *ret_req, json_int_t *ret_id,
		       struct error *err)
{
	if (decode_plain(buf, len, ret_req) == 0) {
		*ret_id = ret_req->id;
		return 0;
	}
	json_t *root = load(buf, len, err);
	*ret_id = 0;
	if (root == NULL)
		return -EPROTO;
	*ret_id = json_integer_value(json_object_get(root, "id"));
	int r = check_version(root, err);
	if (r == 0)
		r = read_request(root, ret_req, err);
	json_decref(root);
	return r;
}

static int read_error(const json_t *root, struct ctl_reply *ret_reply, struct error *err)
{
	json_t *error = json_object_get(root, "error");
	const char *code = json_string_value(json_object_get(error, "code"));

	if (!json_is_object(error) || code == NULL)
		return error_set(err, -EPROTO, "a reply that is not ok needs an error with a code");
	if (!json_is_string(json_object_get(error, "message")))
		return error_set(err, -EPROTO, "an error needs a message");
	enum ctl_code value = ctl_code_from_word(code);
	ret_reply->code = value == CTL_OK ? CTL_INTERNAL : value;
	json_object_del(error, "code");
	ret_reply->error = json_incref(error);
	return 0;
}

static int read_reply(const json_t *root, struct ctl_reply *ret_reply, struct error *err)
{
	struct ctl_reply reply = {0};
	const json_t *ok = json_object_get(root, "ok");
	json_t *result = json_object_get(root, "result");

	if (!json_is_integer(json_object_get(root, "id")) || !json_is_boolean(ok))
		return error_set(err, -EPROTO, "a reply needs \"id\" and \"ok\"");
	reply.id = json_integer_value(json_object_get(root, "id"));
	if (json_is_false(ok)) {
		int r = read_error(root, &reply, err);
		if (r < 0)
			return r;
	} else {
		if (result == NULL)
			return error_set(err, -EPROTO, "a reply that is ok needs a result");
		reply.pending = json_is_true(json_object_get(root, "pending"));
		reply.result = json_incref(result);
	}
	*ret_reply = reply;
	return 0;
}

int ctl_reply_decode(const char *buf, size_t len, struct ctl_reply *ret_reply, struct error *err)
{
	json_t *root = load(buf, len, err);

	if (root == NULL)
		return -EPROTO;
	int r = check_version(root, err);
	if (r == 0)
		r = read_reply(root, ret_reply, err);
	json_decref(root);
	return r;
}

int ctl_reply_decode_text(const char *buf, size_t len, struct ctl_reply *ret_reply)
{
	const char *end = buf + len;
	struct ctl_reply reply = {.code = CTL_OK};

	const char *p = pass_id(pass(buf, end, "{\"v\":1,\"id\":"), end, &reply.id);
	const char *text = pass(p, end, ",\"ok\":true,\"result\":");
	const char *text_end = text != NULL ? jsonscan(text, end) : NULL;
	const char *pending_end = pass(text_end, end, ",\"pending\":true");
	p = pass(pending_end != NULL ? pending_end : text_end, end, "}");
	if (p == NULL || p != end)
		return -EAGAIN;
	reply.pending = pending_end != NULL;
	reply.text_size = (size_t)(text_end - text);
	reply.text = malloc(reply.text_size + 1);
	if (reply.text == NULL)
		return -EAGAIN;
	memcpy(reply.text, text, reply.text_size);
	reply.text[reply.text_size] = '\0';
	*ret_reply = reply;
	return 0;
}

void ctl_request_clear(struct ctl_request *req)
{
	json_decref(req->args);
	req->args = NULL;
}

void ctl_reply_clear(struct ctl_reply *reply)
{
	json_decref(reply->result);
	json_decref(reply->error);
	reply->result = reply->error = NULL;
	free(reply->text);
	reply->text = NULL;
}
