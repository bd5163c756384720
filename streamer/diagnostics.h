/* diagnostics: what is wrong and what to do about it, in words for the owner (protocol.md section
 * 4, GET diagnostics). From facts to JSON, nothing else but diagnostics_look(); any thread. */
#ifndef STREAMER_DIAGNOSTICS_H
#define STREAMER_DIAGNOSTICS_H

#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "streamer/account.h"
#include "streamer/conf.h"
#include "streamer/machine.h"
#include "streamer/stream.h"

/* What the nginx files that belong to this nalcastd say of themselves. */
#define DIAGNOSTICS_INCLUDE "1"

struct diagnostics_facts {
	const struct stream_status *status;
	const struct au_format *format; /* of the newest picture; NULL: there was none */
	const struct conf *conf;        /* in effect */
	const json_t *request;          /* what nalcast-fcgi saw of the HTTP request, or NULL */
	struct error disk;              /* why settings could not be written now; code 0: could */

	/* diagnostics_look() fills these in. */
	const struct account *account; /* nalcastd's */
	struct machine machine;
	struct error device; /* why account may not open what source names; code 0: it may */
	int64_t wall_us;     /* CLOCK_REALTIME */
	int64_t wire_us;     /* the clock of the pictures at the same moment */
};

/* account is to outlive facts. */
void diagnostics_look(struct diagnostics_facts *facts, const struct account *account,
		      const struct machine_roots *roots);

/* [{"id","status":"pass|warn|fail","detail","fix"}]: a new reference, NULL: no memory. What nothing
 * is known of (before a picture, without a request) is left out. */
json_t *diagnostics_run(const struct diagnostics_facts *facts);

#endif
