#include "common/origin.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/util.h"

struct span {
	const char *start;
	size_t len;
};

struct origin {
	struct span scheme, authority;
};

static struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

static bool is_same(struct span a, struct span b)
{
	return a.len == b.len && strncasecmp(a.start, b.start, a.len) == 0;
}

static bool ends_with(struct span span, const char *end)
{
	size_t len = strlen(end);

	return span.len >= len && memcmp(span.start + span.len - len, end, len) == 0;
}

/* https://cam:443 and https://cam are one origin (RFC 6454 5). */
static struct span without_default_port(struct span authority, struct span scheme)
{
	const char *port = "";

	if (is_same(scheme, span_of("https")))
		port = ":443";
	else if (is_same(scheme, span_of("http")))
		port = ":80";
	if (ends_with(authority, port))
		authority.len -= strlen(port);
	return authority;
}

/* scheme "://" authority and nothing else: a path, a user or a second origin make it none. */
static bool read_origin(struct span text, struct origin *ret_origin)
{
	const char *mark = memmem(text.start, text.len, "://", 3);

	if (mark == NULL || mark == text.start)
		return false;
	struct span scheme = {text.start, (size_t)(mark - text.start)};
	struct span authority = {mark + 3, text.len - scheme.len - 3};
	for (size_t i = 0; i < authority.len; i++) {
		unsigned char c = (unsigned char)authority.start[i];
		if (c <= ' ' || c >= 0x7f || strchr("/?#@\\,", c) != NULL)
			return false;
	}
	authority = without_default_port(authority, scheme);
	if (authority.len == 0)
		return false;
	*ret_origin = (struct origin){scheme, authority};
	return true;
}

static struct span trimmed(struct span span)
{
	while (span.len > 0 && span.start[0] == ' ') {
		span.start++;
		span.len--;
	}
	while (span.len > 0 && span.start[span.len - 1] == ' ')
		span.len--;
	return span;
}

static bool is_listed(const struct origin *origin, const char *allow)
{
	struct origin listed;

	for (;;) {
		struct span item = {allow, strcspn(allow, ",")};
		if (read_origin(trimmed(item), &listed) && is_same(listed.scheme, origin->scheme) &&
		    is_same(listed.authority, origin->authority))
			return true;
		if (allow[item.len] == '\0')
			return false;
		allow += item.len + 1;
	}
}

bool origin_allowed(const char *origin, const char *host, const char *proto, const char *allow)
{
	struct origin from;

	if (origin == NULL)
		return true;
	if (!read_origin(span_of(origin), &from))
		return false;
	if (is_listed(&from, allow))
		return true;
	if (proto[0] != '\0' && !is_same(from.scheme, span_of(proto)))
		return false;
	return is_same(from.authority, without_default_port(span_of(host), from.scheme));
}

int origin_list_check(const char *allow, struct error *err)
{
	struct origin listed;

	for (;;) {
		struct span item = {allow, strcspn(allow, ",")};
		struct span text = trimmed(item);
		if (text.len > 0 && !read_origin(text, &listed))
			return error_set(err, -EINVAL,
					 "'%.*s' is no origin: write https://cam.example or "
					 "https://cam.example:8443",
					 (int)min_size(text.len, 100), text.start);
		if (allow[item.len] == '\0')
			return 0;
		allow += item.len + 1;
	}
}
