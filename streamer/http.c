#include "streamer/http.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "streamer/jsontext.h"

#define PROBLEM_MAX 640 /* bytes of body */
#define DETAIL_MAX  480 /* bytes of it, escaped */

/* Text within what was received. */
struct span {
	const char *p;
	size_t len;
};

struct head { /* in the making */
	struct http_request req;
	int minor; /* HTTP/1.minor */
	bool complete;
	bool absolute_target;
	bool has_host, has_proto, has_peer, has_key, has_version, has_length;
	bool upgrade_lists_websocket, connection_lists_upgrade;
};

/* ---- characters and lists (RFC 9110 5.6) ---- */

static bool is_tchar(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_tchar(s.p[i]))
			return false;
	return s.len > 0;
}

static bool is_digits(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.len > 0;
}

static bool is_visible(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

/* 5.5: anything but control characters; a tab is one that may be. */
static bool is_field_value(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((uint8_t)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span trim(struct span s)
{
	while (s.len > 0 && is_blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

static bool equals(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static bool equals_nocase(struct span s, const char *text)
{
	return s.len == strlen(text) && strncasecmp(s.p, text, s.len) == 0;
}

static struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

/* Takes what is before the separator, or all, off the front of s. False when nothing is left. */
static bool cut(struct span *s, char separator, struct span *ret_part)
{
	if (s->p == NULL)
		return false;
	const char *end = s->len > 0 ? memchr(s->p, separator, s->len) : NULL;
	*ret_part = (struct span){s->p, end != NULL ? (size_t)(end - s->p) : s->len};
	if (end == NULL)
		*s = (struct span){NULL, 0};
	else
		*s = (struct span){end + 1, s->len - ret_part->len - 1};
	return true;
}

static bool list_has_nocase(struct span list, const char *token)
{
	struct span element;

	while (cut(&list, ',', &element))
		if (equals_nocase(trim(element), token))
			return true;
	return false;
}

/* ---- reading; these return the status to answer, 0 while all is well ---- */

static int copy(struct span s, char *out, size_t size)
{
	if (s.len >= size)
		return 431;
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return 0;
}

/* "HTTP/1.1" (RFC 9112 2.3: case matters, one digit each). */
static int read_version(struct span s, struct head *head)
{
	if (s.len != 8 || memcmp(s.p, "HTTP/", 5) != 0 || s.p[6] != '.' ||
	    !is_digits((struct span){s.p + 5, 1}) || !is_digits((struct span){s.p + 7, 1}))
		return 400;
	if (s.p[5] != '1')
		return 505;
	head->minor = s.p[7] - '0';
	return 0;
}

/* An authority without user information (RFC 9112 3.2: refuse what is none). May be empty. */
static bool is_host(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (strchr("/?#@,\\\"<>", s.p[i]) != NULL)
			return false;
	return is_visible(s);
}

/* "http://authority/path": RFC 9112 3.2.2 wants it understood, and its authority to replace Host.
 * Leaves the path in *s. */
static int read_authority(struct span *s, struct head *head)
{
	static const char *const schemes[] = {"http://", "https://"};
	size_t skip = 0;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t len = strlen(schemes[i]);
		if (s->len > len && strncasecmp(s->p, schemes[i], len) == 0)
			skip = len;
	}
	if (skip == 0)
		return 400;
	struct span authority = {s->p + skip, 0};
	while (skip + authority.len < s->len && strchr("/?", authority.p[authority.len]) == NULL)
		authority.len++;
	if (authority.len == 0 || !is_host(authority))
		return 400;
	head->absolute_target = true;
	s->p += skip + authority.len;
	s->len -= skip + authority.len;
	return copy(authority, head->req.host, sizeof(head->req.host));
}

static int read_target(struct span s, struct head *head)
{
	struct http_request *req = &head->req;
	struct span path = {NULL, 0};
	int status = 0;

	if (s.len == 0 || !is_visible(s) || memchr(s.p, '#', s.len) != NULL)
		return 400;
	if (equals(s, "*"))
		return strcmp(req->method, "OPTIONS") == 0 ? copy(s, req->path, sizeof(req->path))
							   : 400;
	if (s.p[0] != '/')
		status = read_authority(&s, head);
	if (status != 0)
		return status;
	cut(&s, '?', &path);
	if (path.len == 0)
		path = span_of("/");
	status = copy(path, req->path, sizeof(req->path));
	if (status == 0 && s.p != NULL)
		status = copy(s, req->query, sizeof(req->query));
	return status;
}

/* method SP request-target SP HTTP-version (RFC 9112 3), single spaces. */
static int read_request_line(struct span line, struct head *head)
{
	struct span method, target = {NULL, 0};

	if (!cut(&line, ' ', &method) || !is_token(method) || !cut(&line, ' ', &target) ||
	    line.p == NULL)
		return 400;
	int status = read_version(line, head);
	if (status == 0)
		status = copy(method, head->req.method, sizeof(head->req.method));
	return status != 0 ? status : read_target(target, head);
}

/* A field that may come only once. */
static int read_once(struct span value, bool *has, char *out, size_t size)
{
	if (*has)
		return 400;
	*has = true;
	return copy(value, out, size);
}

static int read_host(struct span value, struct head *head)
{
	char ignored[sizeof(head->req.host)];

	if (!is_host(value))
		return 400;
	return read_once(value, &head->has_host, head->absolute_target ? ignored : head->req.host,
			 sizeof(ignored));
}

/* A GET of ours has no body. Other methods may: they are refused for what they are, and what comes
 * after the head is never read. */
static int body_status(const struct head *head)
{
	const char *method = head->req.method;

	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ? 501 : 0;
}

static int read_length(struct span value, struct head *head)
{
	if (head->has_length || !is_digits(value))
		return 400;
	head->has_length = true;
	for (size_t i = 0; i < value.len; i++)
		if (value.p[i] != '0')
			return body_status(head);
	return 0;
}

static int join_protocols(struct span value, char *list, size_t size)
{
	size_t len = strlen(list);

	if (value.len == 0)
		return 0;
	if (len == 0)
		return copy(value, list, size);
	if (len + 2 >= size)
		return 431;
	memcpy(list + len, ", ", 2);
	return copy(value, list + len + 2, size - len - 2);
}

static int read_known_field(struct span name, struct span value, struct head *head)
{
	struct http_request *req = &head->req;

	if (equals_nocase(name, "Host"))
		return read_host(value, head);
	if (equals_nocase(name, "Origin"))
		return read_once(value, &req->has_origin, req->origin, sizeof(req->origin));
	if (equals_nocase(name, "X-Forwarded-Proto"))
		return read_once(value, &head->has_proto, req->forwarded_proto,
				 sizeof(req->forwarded_proto));
	if (equals_nocase(name, "X-Real-IP"))
		return read_once(value, &head->has_peer, req->peer, sizeof(req->peer));
	if (equals_nocase(name, "Sec-WebSocket-Key"))
		return read_once(value, &head->has_key, req->ws_key, sizeof(req->ws_key));
	if (equals_nocase(name, "Sec-WebSocket-Version"))
		return read_once(value, &head->has_version, req->ws_version,
				 sizeof(req->ws_version));
	if (equals_nocase(name, "Sec-WebSocket-Protocol"))
		return join_protocols(value, req->ws_protocols, sizeof(req->ws_protocols));
	if (equals_nocase(name, "Content-Length"))
		return read_length(value, head);
	if (equals_nocase(name, "Transfer-Encoding"))
		return body_status(head);
	if (equals_nocase(name, "Upgrade"))
		head->upgrade_lists_websocket |= list_has_nocase(value, "websocket");
	else if (equals_nocase(name, "Connection"))
		head->connection_lists_upgrade |= list_has_nocase(value, "upgrade");
	return 0;
}

/* field-name ":" OWS value OWS (RFC 9112 5). A line that begins with a blank (obs-fold) has no
 * token before its colon, and so is refused with the rest. */
static int read_field(struct span line, struct head *head)
{
	struct span name;

	if (!cut(&line, ':', &name) || line.p == NULL || !is_token(name) || !is_field_value(line))
		return 400;
	return read_known_field(name, trim(line), head);
}

static int finish(struct head *head)
{
	if (head->minor >= 1 && !head->has_host)
		return 400; /* RFC 9112 3.2 */
	/* RFC 9110 7.8: an HTTP/1.0 request cannot be upgraded. */
	head->req.upgrade_websocket =
		head->minor >= 1 && head->upgrade_lists_websocket && head->connection_lists_upgrade;
	head->complete = true;
	return 0;
}

/* The line at *pos without its CRLF. 0 and *ret_line.p == NULL: not all of it is here. */
static int next_line(const char *buf, size_t size, size_t *pos, struct span *ret_line)
{
	size_t readable = size < HTTP_HEAD_MAX ? size : HTTP_HEAD_MAX;
	const char *start = buf + *pos;
	const char *end = *pos < readable ? memchr(start, '\n', readable - *pos) : NULL;

	*ret_line = (struct span){NULL, 0};
	if (end == NULL)
		return size >= HTTP_HEAD_MAX ? 431 : 0;
	if (end == start || end[-1] != '\r')
		return 400;
	*ret_line = (struct span){start, (size_t)(end - 1 - start)};
	*pos += ret_line->len + 2;
	return 0;
}

/* Lines are judged in their order, so that what a longer buffer brings never changes the verdict.
 */
static int read_head(const char *buf, size_t size, size_t *pos, struct head *head)
{
	struct span line;
	bool first = true;

	for (;;) {
		int status = next_line(buf, size, pos, &line);
		if (status != 0 || line.p == NULL)
			return status;
		if (line.len == 0 && !first)
			return finish(head);
		if (line.len == 0 && *pos == 2)
			continue; /* RFC 9112 2.2: one empty line before the request */
		status = first ? read_request_line(line, head) : read_field(line, head);
		if (status != 0)
			return status;
		first = false;
	}
}

ssize_t http_read(const char *buf, size_t size, struct http_request *ret_req, int *ret_status)
{
	struct head head = {.minor = -1};
	size_t pos = 0;

	int status = read_head(buf, size, &pos, &head);
	if (status != 0) {
		*ret_status = status;
		return -EPROTO;
	}
	if (!head.complete)
		return 0;
	*ret_req = head.req;
	return (ssize_t)pos;
}

/* ---- questions ---- */

bool http_path_ends(const struct http_request *req, const char *name)
{
	size_t path_len = strlen(req->path), len = strlen(name);

	if (path_len < len || strcmp(req->path + path_len - len, name) != 0)
		return false;
	return path_len == len || req->path[path_len - len - 1] == '/';
}

static bool list_has(const char *list, struct span token)
{
	struct span rest = span_of(list), element;

	while (token.len > 0 && cut(&rest, ',', &element)) {
		element = trim(element);
		if (element.len == token.len && memcmp(element.p, token.p, token.len) == 0)
			return true;
	}
	return false;
}

bool http_list_has(const char *list, const char *token)
{
	return list_has(list, span_of(token));
}

/* ---- writing ---- */

const char *http_reason(int status)
{
	switch (status) {
	case 101:
		return "Switching Protocols";
	case 200:
		return "OK";
	case 308:
		return "Permanent Redirect";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 422:
		return "Unprocessable Content";
	case 426:
		return "Upgrade Required";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 501:
		return "Not Implemented";
	case 502:
		return "Bad Gateway";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	}
	return "Error";
}

size_t http_write_upgrade(char *out, size_t size, const char *accept, const char *protocol)
{
	bool has_protocol = protocol != NULL && protocol[0] != '\0';
	int len = snprintf(out, size,
			   "HTTP/1.1 101 Switching Protocols\r\n"
			   "Upgrade: websocket\r\n"
			   "Connection: Upgrade\r\n"
			   "Sec-WebSocket-Accept: %s\r\n"
			   "%s%s%s"
			   "\r\n",
			   accept, has_protocol ? "Sec-WebSocket-Protocol: " : "",
			   has_protocol ? protocol : "", has_protocol ? "\r\n" : "");

	assert(len > 0 && (size_t)len < size);
	return (size_t)len;
}

size_t http_write_problem(char *out, size_t size, int status, const char *detail, const char *extra)
{
	char body[PROBLEM_MAX];
	struct jsontext json;

	jsontext_init(&json, body, sizeof(body));
	jsontext_put(&json, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":",
		     http_reason(status), status);
	jsontext_string(&json, detail, DETAIL_MAX);
	jsontext_put(&json, "}\n");
	assert(!json.full);
	int len = snprintf(out, size,
			   "HTTP/1.1 %d %s\r\n"
			   "Content-Type: application/problem+json\r\n"
			   "Content-Length: %zu\r\n"
			   "Cache-Control: no-store\r\n"
			   "%s%s"
			   "\r\n"
			   "%s",
			   status, http_reason(status), json.len, extra,
			   status == 426 ? "Upgrade: websocket\r\nConnection: upgrade, close\r\n"
					 : "Connection: close\r\n",
			   body);
	assert(len > 0 && (size_t)len < size);
	return (size_t)len;
}
