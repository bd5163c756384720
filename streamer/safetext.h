/* safetext: words from elsewhere (a path, what a driver said, a key that somebody sent, any of them
 * cut short) as JSON strings. No I/O; any thread. */
#ifndef STREAMER_SAFETEXT_H
#define STREAMER_SAFETEXT_H

#include <jansson.h>

#define SAFETEXT_MAX 512 /* bytes with NUL; longer text is cut where it is not UTF-8 */

/* JSON strings are UTF-8: where text is not, each byte of it that is not ASCII shows as '?'. NULL:
 * no memory. */
json_t *safetext(const char *text);

/* The JSON pointer (RFC 6901) to this key of an object. */
json_t *safetext_pointer(const char *key);

#endif
