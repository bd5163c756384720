/* leftover: bytes that wait for more: a request head or a message that came in part, an answer that
 * the socket took in part. Memory is held only while there are some. Part of one viewer; loop
 * thread. */
#ifndef STREAMER_LEFTOVER_H
#define STREAMER_LEFTOVER_H

#include <stddef.h>
#include <stdint.h>

struct leftover { /* all zero: none */
	uint8_t *bytes;
	size_t size;
};

/* Keep a copy; there must be none yet. Nothing to keep is fine. -ENOMEM: there are still none. */
int leftover_keep(struct leftover *l, const void *bytes, size_t size);

/* Copy them to out, which has room for them, and hold none. Returns how many. */
size_t leftover_take(struct leftover *l, void *out);

/* The first so many are done with; without the last, the memory is given back. */
void leftover_drop(struct leftover *l, size_t size);

void leftover_clear(struct leftover *l);

#endif
