/* fake_queue: one of fake_m2m's two queues: its buffers, and where each is. */
#ifndef TESTS_UNIT_FAKE_QUEUE_H
#define TESTS_UNIT_FAKE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#define FAKE_QUEUE_BUFFERS 16

struct fake_buffer {
	bool queued;
	uint8_t *memory; /* own, or the dma-buf's, mapped while it is queued */
	size_t size, dmabuf_size;
	size_t used;
	struct timeval timestamp;
	uint32_t flags;
};

struct fake_queue {
	uint32_t memory;
	unsigned count, mapped;
	bool streaming;
	struct fake_buffer buffer[FAKE_QUEUE_BUFFERS];
	unsigned waiting[FAKE_QUEUE_BUFFERS], waiting_count; /* in the driver, to be worked on */
	unsigned done[FAKE_QUEUE_BUFFERS], done_count;       /* to be dequeued */
};

void fake_queue_allocate(struct fake_queue *queue, uint32_t memory, unsigned count, size_t size);
void fake_queue_free(struct fake_queue *queue);
void fake_queue_import(struct fake_buffer *buffer, int fd, size_t size);
void fake_queue_release(const struct fake_queue *queue, struct fake_buffer *buffer);

unsigned fake_queue_begin(struct fake_queue *queue); /* the next that waits */
void fake_queue_finish(struct fake_queue *queue, unsigned index);
unsigned fake_queue_take(struct fake_queue *queue); /* the next that is done */
void fake_queue_forget(struct fake_queue *queue);   /* STREAMOFF */

#endif
