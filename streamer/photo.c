#include "streamer/photo.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"

#define VALUE_MAX 16

/* The value of a name in the query; false: it is not there. One that is too long is cut, and so
 * no number within any limit. */
static bool find_value(const char *query, const char *name, char ret_value[static VALUE_MAX])
{
	size_t name_len = strlen(name);

	for (const char *at = query; *at != '\0';) {
		size_t len = strcspn(at, "&");
		if (len > name_len && at[name_len] == '=' && strncmp(at, name, name_len) == 0) {
			snprintf(ret_value, VALUE_MAX, "%.*s", (int)(len - name_len - 1),
				 at + name_len + 1);
			return true;
		}
		at += len + (at[len] == '&');
	}
	return false;
}

/* The value stays as it was where there is none. Returns the status. */
static int read_number(const char *query, const char *name, uint64_t min, uint64_t max,
		       uint64_t *value, char why[static PHOTO_WHY_MAX])
{
	char text[VALUE_MAX];

	if (!find_value(query, name, text))
		return 200;
	int r = parse_unsigned(text, min, max, value);
	if (r == 0)
		return 200;
	snprintf(why, PHOTO_WHY_MAX, "%s is a whole number from %llu to %llu", name,
		 (unsigned long long)min, (unsigned long long)max);
	return r == -ERANGE ? 422 : 400;
}

static bool is_asked(const struct http_request *req, bool *ret_is_endless)
{
	size_t len = strlen(req->path);
	char action[VALUE_MAX];

	*ret_is_endless = http_path_ends(req, "stream.mjpg");
	if (*ret_is_endless || http_path_ends(req, "snapshot.jpg"))
		return true;
	if (len == 0 || req->path[len - 1] != '/' || !find_value(req->query, "action", action))
		return false;
	*ret_is_endless = strcmp(action, "stream") == 0;
	return *ret_is_endless || strcmp(action, "snapshot") == 0;
}

int photo_read(const struct http_request *req, struct photo_request *ret_request,
	       char ret_why[static PHOTO_WHY_MAX])
{
	uint64_t quality = 0, age_ms = UINT64_MAX;
	bool is_endless;

	if (!is_asked(req, &is_endless))
		return 0;
	int status = 200;
	if (!is_endless)
		status = read_number(req->query, "quality", 1, 100, &quality, ret_why);
	if (!is_endless && status == 200)
		status = read_number(req->query, "max_age_ms", 0, PHOTO_AGE_MAX_MS, &age_ms,
				     ret_why);
	if (status != 200)
		return status;
	bool is_age_told = age_ms != UINT64_MAX;
	*ret_request = (struct photo_request){
		.is_endless = is_endless,
		.quality = (unsigned)quality,
		.is_age_told = is_age_told,
		.max_age_us = is_age_told ? (int64_t)age_ms * 1000 : 0,
	};
	snprintf(ret_request->peer, sizeof(ret_request->peer), "%s", req->peer);
	return 200;
}

size_t photo_write_head(char out[static PHOTO_HEAD_MAX], bool is_endless, size_t size,
			int64_t captured_us)
{
	int len;

	/* The preamble of RFC 2046 5.1.1 is empty: the first boundary begins the body. */
	if (is_endless)
		len = snprintf(out, PHOTO_HEAD_MAX,
			       "HTTP/1.1 200 OK\r\n"
			       "Content-Type: multipart/x-mixed-replace; boundary=" PHOTO_BOUNDARY
			       "\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n"
			       "Connection: close\r\n" PHOTO_NEXT);
	else
		len = snprintf(out, PHOTO_HEAD_MAX,
			       "HTTP/1.1 200 OK\r\n"
			       "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n"
			       "Cache-Control: no-store\r\nX-Timestamp: %lld.%06lld\r\n"
			       "Connection: close\r\n\r\n",
			       size, (long long)(captured_us / 1000000),
			       (long long)(captured_us % 1000000));
	assert(len > 0 && len < PHOTO_HEAD_MAX);
	return (size_t)len;
}
