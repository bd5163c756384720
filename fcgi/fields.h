/* fields: what the members of a request's body must be, as a table. Foreign values; pure. */
#ifndef FCGI_FIELDS_H
#define FCGI_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "fcgi/response.h"

enum field_type {
	FIELD_INTEGER,
	FIELD_NUMBER, /* with or without a fraction */
};

struct field {
	const char *key; /* NULL ends a table */
	enum field_type type;
	bool is_needed;
	double min, max; /* what can be meant at all; what the camera can do nalcastd says */
};

/* Does body (NULL: like an empty object) hold these fields and no others? 0, or RESPONSE_REFUSED
 * with a 422 in res that names all that is wrong, by pointer, and what is allowed. */
int fields_check(const json_t *body, const struct field *fields, struct response *res);

#endif
