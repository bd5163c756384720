/* jsontext: writes a small JSON text into a caller's buffer. Nothing is ever written past its end:
 * what does not fit is left out and remembered. No allocation, no I/O; any thread. */
#ifndef STREAMER_JSONTEXT_H
#define STREAMER_JSONTEXT_H

#include <stdbool.h>
#include <stddef.h>

struct jsontext {
	char *buf; /* the caller's; a NUL is kept behind the text */
	size_t size, len;
	bool full; /* something did not fit */
};

void jsontext_init(struct jsontext *j, char *buf, size_t size); /* size > 0 */

/* Text as it is: punctuation, keys, numbers. */
void jsontext_put(struct jsontext *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* text as a JSON string, quotes included; cut between characters where it would need more than max
 * bytes within them. Bytes that are not UTF-8 become U+FFFD. */
void jsontext_string(struct jsontext *j, const char *text, size_t max);

#endif
