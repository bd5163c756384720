/* endpoints: the table of the API's paths and methods, and what each asks nalcastd for. */
#ifndef FCGI_ENDPOINTS_H
#define FCGI_ENDPOINTS_H

#include "fcgi/api.h"
#include "fcgi/fields.h"

#define ENDPOINT_PARAMS_MAX  4  /* of one endpoint, with the NULL */
#define ENDPOINT_SEGMENT_MAX 64 /* bytes of what stands in a path for {word} */

/* One method of one path. */
struct endpoint {
	/* A last segment "{word}" stands for one of letters, digits, '_', '-' and '.'; nalcastd is
	 * given it as an argument of that name. */
	const char *path;
	enum request_method method;
	const char *op; /* what nalcastd is asked for */
	int (*answer)(const struct api *api, const struct endpoint *endpoint,
		      const struct request *req, struct response *res);
	const char *params[ENDPOINT_PARAMS_MAX];
	/* What changes something has a body, or may have one: */
	enum request_body_need body;
	const struct field *fields; /* of the body; NULL: nalcastd judges them */
	bool is_of_all;             /* of no one camera: not below cameras/NAME/ */
};

/* Rows of one path stand together, what GET answers first. */
extern const struct endpoint endpoints[];
extern const size_t endpoint_count;

/* Does this row's pattern fit the path of a request? */
bool endpoint_has_path(const struct endpoint *endpoint, const struct request *req);

#endif
