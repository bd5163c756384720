/* origin: may a page from there use us? The rule of protocol.md section 2 (Origin), which both
 * programs go by: nalcastd for the stream, nalcast-fcgi for what changes something. Pure; any
 * thread. */
#ifndef COMMON_ORIGIN_H
#define COMMON_ORIGIN_H

#include <stdbool.h>

#include "common/error.h"

/* origin: the Origin header (RFC 6454 7), NULL where there is none: that is a program, not a
 * page, and allowed. Otherwise its host and port must be those of the Host header, letters in
 * any case, the default port of its scheme left out or not, and its scheme must be proto,
 * unless that is "" (unknown). "null", which sandboxed pages and local files send, never is
 * allowed. allow: further exact origins, comma-separated, or "". */
bool origin_allowed(const char *origin, const char *host, const char *proto, const char *allow);

/* Is every item of such a list an origin? -EINVAL with words for whoever wrote it. */
int origin_list_check(const char *allow, struct error *err);

#endif
