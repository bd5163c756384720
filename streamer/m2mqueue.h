/* m2mqueue: one of the two queues of a memory-to-memory node: its buffers, whether mapped here or
 * dma-bufs of another's, and which of them the driver has. Owned by an m2m; its thread only. */
#ifndef STREAMER_M2MQUEUE_H
#define STREAMER_M2MQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "streamer/v4l2dev.h"

#define M2MQUEUE_MAX 16 /* buffers */

struct m2mqueue {
	const struct v4l2dev *node;
	uint32_t type, memory; /* V4L2_BUF_TYPE_*, V4L2_MEMORY_* */
	bool writable;         /* mapped so */
	bool streaming;
	unsigned count;
	uint32_t queued; /* bit i: the driver has buffer i */
	struct {
		uint8_t *data; /* NULL: a dma-buf's, or not mapped */
		size_t size;
	} memory_of[M2MQUEUE_MAX];
};

struct m2mbuf { /* what goes in, or came out */
	unsigned index;
	size_t offset, used; /* bytes */
	int dmabuf_fd;       /* in: of a queue of dma-bufs */
	size_t dmabuf_size;
	int64_t pts_us;  /* the driver copies it from input to coded */
	bool pts_copied; /* out: pts_us is that of a picture that went in */
	bool damaged;    /* out: V4L2_BUF_FLAG_ERROR */
	bool is_last;    /* out: V4L2_BUF_FLAG_LAST */
};

void m2mqueue_init(struct m2mqueue *q, const struct v4l2dev *node, uint32_t type, bool writable);

/* Have buffers of this memory: asked for, and mapped if they are the driver's. Negative errno:
 * clear it. */
int m2mqueue_request(struct m2mqueue *q, uint32_t memory, unsigned count);
void m2mqueue_clear(struct m2mqueue *q); /* stops; none is fine */

int m2mqueue_start(struct m2mqueue *q);
/* All buffers are ours again. An error only says that the driver is in a bad way. */
int m2mqueue_stop(struct m2mqueue *q);

bool m2mqueue_has(const struct m2mqueue *q, unsigned index); /* is it the driver's now? */
unsigned m2mqueue_count_queued(const struct m2mqueue *q);

/* The lowest buffer that is ours, or -EAGAIN. */
int m2mqueue_find_free(const struct m2mqueue *q, unsigned *ret_index);

int m2mqueue_put(struct m2mqueue *q, const struct m2mbuf *buf);

/* -EAGAIN: the driver has none ready; -EPIPE: it gave the last. */
int m2mqueue_take(struct m2mqueue *q, struct m2mbuf *ret_buf);

#endif
