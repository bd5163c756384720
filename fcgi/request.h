/* request: one HTTP request as nginx hands it over: method, path, query, body, within limits.
 * Foreign bytes; no I/O, no libfcgi: parameters come through a function, so that a test or a
 * fuzzer can be nginx. Any thread. */
#ifndef FCGI_REQUEST_H
#define FCGI_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/camname.h"
#include "fcgi/response.h"

#define REQUEST_BODY_MAX   65536 /* bytes */
#define REQUEST_DEPTH_MAX  16    /* of arrays and objects in the body */
#define REQUEST_PATH_MAX   1024  /* bytes */
#define REQUEST_QUERY_MAX  1024  /* bytes */
#define REQUEST_PARAMS_MAX 8     /* parameters in the query */

enum request_method {
	REQUEST_GET,
	REQUEST_HEAD,
	REQUEST_POST,
	REQUEST_PUT,
	REQUEST_PATCH,
	REQUEST_DELETE,
	REQUEST_OPTIONS,
	REQUEST_OTHER,
};

struct request_input {
	/* A FastCGI parameter ("HTTP_HOST"), or NULL. Borrowed while the request lives. */
	const char *(*param)(void *ctx, const char *name);
	void *ctx;
	const char *body; /* what came on FCGI_STDIN, at most REQUEST_BODY_MAX + 1 of it */
	size_t body_size;
};

struct request_param {
	char name[32], value[64]; /* decoded */
};

struct request {
	const struct request_input *in;
	enum request_method method;
	char camera[CAMNAME_MAX + 1];
	bool is_nested; /* asked for as cameras/NAME/... */
	/* After the last "/api/v1/", and after cameras/NAME/: "state"; NULL: that slash is
	 * missing. */
	const char *path;
	unsigned param_count;
	struct request_param params[REQUEST_PARAMS_MAX];
	json_t *body; /* after request_read_body(): an object, or NULL: none; owned */
};

/* All below return 0, or RESPONSE_REFUSED with the answer in res. */

/* Method, camera, path and query. The camera is the path's (cameras/NAME/...), else that of the
 * FastCGI parameter NALCAST_CAMERA, else CAMNAME_MAIN; whether it exists is not looked at. 404 for
 * a path that is none of ours and for what no camera is called, 414, 400 for a query that cannot
 * be read. in is borrowed; request_clear() in any case. */
int request_read(struct request *req, const struct request_input *in, struct response *res);
void request_clear(struct request *req);

/* For methods that change something: is it a program, or a page of ours? 403 otherwise.
 * allow: see origin_allowed(). */
int request_check_origin(const struct request_input *in, const char *allow, struct response *res);

/* A FastCGI parameter; "" where there is none. */
const char *request_input_param(const struct request_input *in, const char *name);

/* Parameters other than these (NULL-terminated) are 422. */
int request_check_params(const struct request *req, const char *const *names, struct response *res);

/* A parameter's value; *ret_value is untouched where it was not given. 422 outside the range. */
int request_param_unsigned(const struct request *req, const char *name, uint64_t min, uint64_t max,
			   uint64_t *ret_value, struct response *res);

enum request_body_need {
	REQUEST_BODY_OPTIONAL,
	REQUEST_BODY_NEEDED,
};

/* The body into req->body: 411, 413, 415, 400 with line and column, 422 where it is JSON but no
 * object. PATCH may call it application/merge-patch+json (RFC 7396), too. */
int request_read_body(struct request *req, enum request_body_need need, struct response *res);

const char *request_method_word(enum request_method method); /* "GET"; "" for OTHER */

#endif
