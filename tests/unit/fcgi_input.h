/* fcgi_input: a request as nginx would hand it over, from a table: for the tests of fcgi/. */
#ifndef TESTS_UNIT_FCGI_INPUT_H
#define TESTS_UNIT_FCGI_INPUT_H

#include <stddef.h>
#include <string.h>

#include "fcgi/request.h"

#define PAIRS_MAX 12

struct pair {
	const char *name, *value;
};

static inline const char *pairs_param(void *ctx, const char *name)
{
	const struct pair *pairs = ctx;

	for (unsigned i = 0; i < PAIRS_MAX && pairs[i].name != NULL; i++)
		if (strcmp(pairs[i].name, name) == 0)
			return pairs[i].value;
	return NULL;
}

/* pairs has PAIRS_MAX elements. */
static inline struct request_input input_of(const struct pair *pairs, const char *body)
{
	return (struct request_input){
		.param = pairs_param,
		.ctx = (void *)pairs,
		.body = body,
		.body_size = strlen(body),
	};
}

#endif
