/* utf8: is this UTF-8 (RFC 3629), in whatever pieces it comes? No I/O; any thread. */
#ifndef STREAMER_UTF8_H
#define STREAMER_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_COMPLETE 0u /* state: at the beginning, or between two characters */

/* Take bytes. False as soon as one cannot be part of a character (overlong forms, surrogates and
 * what is over U+10FFFF included); *state is of no more use then. *ret_used, if not NULL: the bytes
 * before it. At the end of the text *state must be UTF8_COMPLETE. */
bool utf8_feed(uint32_t *state, const uint8_t *data, size_t size, size_t *ret_used);

/* The largest length <= max at which text, NUL-terminated UTF-8, can be cut between characters. */
size_t utf8_cut(const char *text, size_t max);

#endif
