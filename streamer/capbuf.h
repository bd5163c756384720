/* capbuf: one buffer of a camera that nalcast-capture has open, mapped once, to be read only.
 *
 * The other side says how large it is and may be wrong; and what can shrink under the reader's
 * hands would end nalcastd by SIGBUS. So its real size is looked at, and plain memory is taken only
 * if it is sealed against that. Owned by one source; its thread only. */
#ifndef STREAMER_CAPBUF_H
#define STREAMER_CAPBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct capbuf {
	const uint8_t *data; /* NULL: not mapped */
	size_t size;         /* bytes */
	int fd;
	bool is_dmabuf; /* else fd is of no use to a driver */
};

/* fd becomes the buffer's, or is closed. -EPROTO, with words: it is smaller than size, or could
 * become so. */
int capbuf_map(struct capbuf *buf, int fd, size_t size, struct error *err);
void capbuf_unmap(struct capbuf *buf); /* not mapped is fine */

/* Around every reading: where the memory is cached, and a device wrote it. */
void capbuf_begin_read(const struct capbuf *buf);
void capbuf_end_read(const struct capbuf *buf);

#endif
