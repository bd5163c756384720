/* A verdict on a request head never depends on how much more is there. */
#include <stdlib.h>
#include <string.h>

#include "streamer/http.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "http";

static void check_request(const struct http_request *req)
{
	char out[2048];

	if (req->method[0] == '\0' || (req->path[0] != '/' && strcmp(req->path, "*") != 0))
		abort();
	if (!req->has_origin && req->origin[0] != '\0')
		abort();
	http_path_ends(req, "stream");
	http_list_has(req->ws_protocols, "nalcast.v1");
	if (http_write_problem(out, sizeof(out), 404, req->path, "") >= sizeof(out) ||
	    http_write_problem(out, sizeof(out), 403, req->origin, "") >= sizeof(out))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct http_request req, again;
	int status = 0, again_status = 0;

	memset(&req, 0, sizeof(req));
	memset(&again, 0, sizeof(again));
	ssize_t r = http_read(text, size, &req, &status);
	if (r > 0)
		check_request(&req);
	for (size_t n = 0; n < size; n = n < 64 ? n + 1 : n + n / 8) {
		ssize_t early = http_read(text, n, &again, &again_status);
		if (early != 0 && (early != r || again_status != status))
			abort();
		if (r > 0 && (early > 0) != (n >= (size_t)r))
			abort();
	}
	if (r > 0 && http_read(text, (size_t)r, &again, &again_status) != r)
		abort();
	return 0;
}
