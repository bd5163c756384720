/* etag: entity tags (RFC 9110 8.8.3) of JSON bodies: both programs must compute the same. No I/O,
 * any thread. */
#ifndef COMMON_ETAG_H
#define COMMON_ETAG_H

#include <stdbool.h>

#include <jansson.h>

#define ETAG_SIZE 35 /* two quotes, 32 hexadecimal digits, NUL */

/* A strong tag: the first 16 bytes of SHA-256 over the body with keys sorted and no white space, so
 * that the order of keys does not count. No memory: the tag of an empty text. */
void etag_of(const json_t *body, char ret[static ETAG_SIZE]);

/* Does If-Match or If-None-Match name this tag? header is "*" or a list of quoted tags; W/ is
 * ignored, since nginx weakens tags when it compresses. What is no such list names nothing. */
bool etag_matches(const char *header, const char *etag);

#endif
