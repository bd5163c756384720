/* diagnostics: what is wrong and what to do about it, in words for the owner (protocol.md section
 * 4, GET diagnostics). From a status to JSON, nothing else; any thread. */
#ifndef STREAMER_DIAGNOSTICS_H
#define STREAMER_DIAGNOSTICS_H

#include <jansson.h>

#include "streamer/stream.h"

/* [{"id","status":"pass|warn|fail","detail","fix"}]: a new reference, NULL: no memory. format:
 * of the newest picture, or NULL: what only a picture tells is left out then. */
json_t *diagnostics_run(const struct stream_status *status, const struct au_format *format);

#endif
