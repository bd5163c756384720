/* ask: what nalcastd says, as HTTP: its result is the body, its error a problem document. */
#ifndef FCGI_ASK_H
#define FCGI_ASK_H

#include "fcgi/api.h"

/* What nalcastd answers at once. Takes the reference to args; NULL is out of memory. 0, or
 * RESPONSE_REFUSED; the answer is in res either way. */
int ask(const struct api *api, const struct request *req, const char *op, json_t *args,
	struct response *res);

/* The same as ask(), for who looks at the answer: it is res->body. Of the others it may be text. */
int ask_json(const struct api *api, const struct request *req, const char *op, json_t *args,
	     struct response *res);

/* What it answers when it took effect, or after ?timeout_ms=: 202 then. args gets "timeout_ms". */
int ask_change(const struct api *api, const struct request *req, const char *op, json_t *args,
	       struct response *res);

#endif
