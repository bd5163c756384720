#include "tests/unit/fake_queue.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/videodev2.h>

#include "tests/unit/unit.h"

static unsigned pop(unsigned *list, unsigned *count)
{
	unsigned first = list[0];

	assert_true(*count > 0);
	--*count;
	memmove(list, list + 1, *count * sizeof(*list));
	return first;
}

void fake_queue_finish(struct fake_queue *queue, unsigned index)
{
	queue->done[queue->done_count++] = index;
}

void fake_queue_free(struct fake_queue *queue)
{
	assert_int_equal(queue->mapped, 0); /* the kernel says EBUSY */
	for (unsigned i = 0; i < queue->count; i++)
		if (queue->memory == V4L2_MEMORY_MMAP)
			free(queue->buffer[i].memory);
	memset(queue->buffer, 0, sizeof(queue->buffer));
	queue->count = 0;
}

void fake_queue_release(const struct fake_queue *queue, struct fake_buffer *buffer)
{
	if (queue->memory != V4L2_MEMORY_DMABUF || buffer->memory == NULL)
		return;
	munmap(buffer->memory, buffer->dmabuf_size);
	buffer->memory = NULL;
}

void fake_queue_forget(struct fake_queue *queue)
{
	for (unsigned i = 0; i < queue->count; i++) {
		queue->buffer[i].queued = false;
		fake_queue_release(queue, &queue->buffer[i]);
	}
	queue->waiting_count = queue->done_count = 0;
	queue->streaming = false;
}

unsigned fake_queue_begin(struct fake_queue *queue)
{
	return pop(queue->waiting, &queue->waiting_count);
}

unsigned fake_queue_take(struct fake_queue *queue)
{
	return pop(queue->done, &queue->done_count);
}

void fake_queue_allocate(struct fake_queue *queue, uint32_t memory, unsigned count, size_t size)
{
	assert_true(count <= FAKE_QUEUE_BUFFERS);
	queue->memory = memory;
	queue->count = count;
	for (unsigned i = 0; i < count; i++) {
		queue->buffer[i].size = size;
		if (memory == V4L2_MEMORY_MMAP)
			queue->buffer[i].memory = calloc(1, size);
	}
}

void fake_queue_import(struct fake_buffer *buffer, int fd, size_t size)
{
	buffer->dmabuf_size = size;
	buffer->memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(buffer->memory != MAP_FAILED);
}
