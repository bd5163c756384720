/* api: the HTTP API (protocol.md section 4): finds what a path and a method mean, and answers.
 * Holds no state. Any number of threads at a time. */
#ifndef FCGI_API_H
#define FCGI_API_H

#include <stdbool.h>

#include "common/ctlproto.h"
#include "fcgi/request.h"
#include "fcgi/response.h"

/* One question to the nalcastd of one camera. */
struct api_call {
	const char *camera;
	const char *op;
	json_t *args; /* stays the caller's */
	int timeout_ms;
	bool is_change; /* may wait for the camera */
	bool as_text;   /* the result is only handed on: ctl_reply_decode_text() */
};

/* The nalcastds there are: cameras.h in the program. */
struct api_backend {
	/* As ctlclient_call(), and -EBUSY: too many changes are waiting already. */
	int (*call)(void *ctx, const struct api_call *call, struct ctl_reply *ret_reply,
		    struct error *err);
	bool (*knows)(void *ctx, const char *camera);
	/* GET cameras; NULL: out of memory. */
	json_t *(*list)(void *ctx);
};

struct api {
	const struct api_backend *backend;
	void *ctx;
	const char *allow_origin; /* see origin_allowed() */
};

/* Longest a call may wait: what nginx's fastcgi_read_timeout must be above. */
#define API_CALL_MAX_MS 22000

/* Answer one request. res is zero before; the caller clears it. */
void api_answer(const struct api *api, const struct request_input *in, struct response *res);

#endif
