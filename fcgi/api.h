/* api: the HTTP API (protocol.md section 4): which path and method mean what, what nalcastd is
 * asked for it, and what its answer is in HTTP. Holds no state of the camera: a control reply's
 * result is the answer's body. Any number of threads at a time. */
#ifndef FCGI_API_H
#define FCGI_API_H

#include <stdatomic.h>

#include "common/ctlproto.h"
#include "fcgi/request.h"
#include "fcgi/response.h"

/* Asks nalcastd; ctlclient_call() in the program. */
typedef int api_call_fn(void *ctx, const char *op, json_t *args, int timeout_ms,
			struct ctl_reply *ret_reply, struct error *err);

struct api {
	api_call_fn *call;
	void *call_ctx;
	const char *allow_origin; /* see origin_allowed() */
	unsigned changes_max;     /* threads that may wait for a change at a time */

	/* Counters only, nothing is published through them: relaxed. */
	atomic_uint changes;      /* threads that do */
	atomic_uint calls_failed; /* since nalcastd last answered */
};

/* Longest a call may wait: what nginx's fastcgi_read_timeout must be above. */
#define API_CALL_MAX_MS 22000

/* Answer one request. res is zero before; the caller clears it. */
void api_answer(struct api *api, const struct request_input *in, struct response *res);

#endif
