/* response: what goes back: a status, a few header fields, a JSON body or a problem document
 * (RFC 9457). One request's; pure, no I/O, any thread. */
#ifndef FCGI_RESPONSE_H
#define FCGI_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "common/camname.h"
#include "common/etag.h"

/* All is zero at first. json_t is owned; response_clear() frees it. */
struct response {
	int status;
	json_t *body; /* NULL: none */
	bool is_problem;
	const char *type; /* of text */
	const char *text; /* NULL: the body as JSON; else these bytes, body's or static ones */
	size_t text_size;
	char *owned;                    /* text, where it is to be freed */
	bool head_only;                 /* HEAD: the header of the answer to GET, and no body */
	char allow[64];                 /* Allow, or "" */
	char etag[ETAG_SIZE];           /* ETag, or "" */
	char location[CAMNAME_MAX + 2]; /* Location, or "" */
	unsigned retry_after_s;         /* Retry-After; 0: none */
};

/* What response_problem() returns: "the answer is in res, go no further". */
#define RESPONSE_REFUSED (-1)

/* Takes the reference to body; NULL becomes the 500 that out of memory is. */
void response_json(struct response *res, int status, json_t *body);

/* Bytes that are no JSON of ours, or are it already. They are static. */
void response_text(struct response *res, const char *type, const char *text, size_t size);

/* JSON as text, which is the response's from now on. */
void response_json_text(struct response *res, int status, char *text, size_t size);

/* body's string as text, its reference taken; what is no string becomes a 500. */
void response_string(struct response *res, const char *type, json_t *body);

/* A status without content: 204, 304. */
void response_empty(struct response *res, int status);

/* A problem document: "type" is "problems/TYPE", relative to the API's root, and "title" the
 * status in words. Replaces whatever res held. Always RESPONSE_REFUSED, so that callers can write
 * `return response_problem(...)`. Bytes of a visitor may be in the words. */
int response_problem(struct response *res, int status, const char *type, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

enum response_place {
	RESPONSE_POINTER,   /* in the body: a JSON pointer (RFC 6901) */
	RESPONSE_PARAMETER, /* in the query: a name */
};

/* One more of a problem's "errors": where, a word, what is allowed. RESPONSE_REFUSED again. */
int response_add_error(struct response *res, enum response_place place, const char *where,
		       const char *code, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* A further member of the error that was added last: what is allowed, or nearest. Takes the
 * reference to value. */
void response_add_to_error(struct response *res, const char *name, json_t *value);

/* An extension member of a problem. The members above cannot be replaced. Takes the reference
 * to value. */
void response_add_member(struct response *res, const char *name, json_t *value);

/* The bytes for the FastCGI stream: CGI header fields (RFC 3875 6), an empty line, the body.
 * The caller frees; NULL: out of memory. */
char *response_write(const struct response *res, size_t *ret_size);

void response_clear(struct response *res);

const char *response_reason(int status); /* "Not Found" */

#endif
