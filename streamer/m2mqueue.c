#include "streamer/m2mqueue.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/videodev2.h>

#include "common/util.h"

#define SECOND_US 1000000

/* A buffer as the kernel wants it, whichever interface it is. */
struct request {
	struct v4l2_buffer buf;
	struct v4l2_plane plane;
};

void m2mqueue_init(struct m2mqueue *q, const struct v4l2dev *node, uint32_t type, bool writable)
{
	*q = (struct m2mqueue){.node = node, .type = type, .writable = writable};
}

static bool is_planar(const struct m2mqueue *q)
{
	return V4L2_TYPE_IS_MULTIPLANAR(q->type);
}

static void request_init(struct request *request, const struct m2mqueue *q, unsigned index)
{
	memset(request, 0, sizeof(*request));
	request->buf.type = q->type;
	request->buf.memory = q->memory;
	request->buf.index = index;
	request->buf.field = V4L2_FIELD_NONE;
	if (is_planar(q)) {
		request->buf.m.planes = &request->plane;
		request->buf.length = 1;
	}
}

static int map_buffer(struct m2mqueue *q, unsigned index)
{
	struct request request;

	request_init(&request, q, index);
	int r = v4l2dev_call(q->node, VIDIOC_QUERYBUF, &request.buf);
	if (r < 0)
		return r;
	size_t size = is_planar(q) ? request.plane.length : request.buf.length;
	int64_t offset = is_planar(q) ? request.plane.m.mem_offset : request.buf.m.offset;
	void *data = q->writable ? v4l2_calls->map_writable(size, q->node->fd, offset)
				 : v4l2_calls->map(size, q->node->fd, offset);
	if (data == MAP_FAILED)
		return -errno;
	q->memory_of[index].data = data;
	q->memory_of[index].size = size;
	return 0;
}

static int request_buffers(const struct m2mqueue *q, unsigned *count)
{
	struct v4l2_requestbuffers request = {
		.type = q->type,
		.memory = q->memory,
		.count = *count,
	};
	int r = v4l2dev_call(q->node, VIDIOC_REQBUFS, &request);

	*count = request.count;
	return r;
}

int m2mqueue_request(struct m2mqueue *q, uint32_t memory, unsigned count)
{
	q->memory = memory;
	int r = request_buffers(q, &count);
	if (r < 0)
		return r;
	if (count == 0)
		return -ENOMEM;
	q->count = count < M2MQUEUE_MAX ? count : M2MQUEUE_MAX;
	for (unsigned i = 0; r == 0 && memory == V4L2_MEMORY_MMAP && i < q->count; i++)
		r = map_buffer(q, i);
	return r;
}

void m2mqueue_clear(struct m2mqueue *q)
{
	unsigned none = 0;

	if (q->count == 0)
		return;
	m2mqueue_stop(q);
	for (unsigned i = 0; i < q->count; i++) {
		if (q->memory_of[i].data != NULL)
			v4l2_calls->unmap(q->memory_of[i].data, q->memory_of[i].size);
		q->memory_of[i].data = NULL;
	}
	request_buffers(q, &none);
	q->count = 0;
}

int m2mqueue_start(struct m2mqueue *q)
{
	int r = v4l2dev_call(q->node, VIDIOC_STREAMON, &q->type);

	if (r == 0)
		q->streaming = true;
	return r;
}

int m2mqueue_stop(struct m2mqueue *q)
{
	int r = q->streaming ? v4l2dev_call(q->node, VIDIOC_STREAMOFF, &q->type) : 0;

	q->streaming = false;
	q->queued = 0;
	return r;
}

bool m2mqueue_has(const struct m2mqueue *q, unsigned index)
{
	return (q->queued & 1u << index) != 0;
}

unsigned m2mqueue_count_queued(const struct m2mqueue *q)
{
	return (unsigned)__builtin_popcount(q->queued);
}

int m2mqueue_find_free(const struct m2mqueue *q, unsigned *ret_index)
{
	for (unsigned i = 0; i < q->count; i++)
		if (!m2mqueue_has(q, i)) {
			*ret_index = i;
			return 0;
		}
	return -EAGAIN;
}

static void fill_planar(struct request *request, const struct m2mbuf *buf, bool is_dmabuf)
{
	request->plane.bytesused = (uint32_t)buf->used;
	if (is_dmabuf) {
		request->plane.m.fd = buf->dmabuf_fd;
		request->plane.length = (uint32_t)buf->dmabuf_size;
	}
}

static void fill_single(struct request *request, const struct m2mbuf *buf, bool is_dmabuf)
{
	request->buf.bytesused = (uint32_t)buf->used;
	if (is_dmabuf) {
		request->buf.m.fd = buf->dmabuf_fd;
		request->buf.length = (uint32_t)buf->dmabuf_size;
	}
}

int m2mqueue_put(struct m2mqueue *q, const struct m2mbuf *buf)
{
	bool is_dmabuf = q->memory == V4L2_MEMORY_DMABUF;
	struct request request;

	request_init(&request, q, buf->index);
	request.buf.timestamp.tv_sec = buf->pts_us / SECOND_US;
	request.buf.timestamp.tv_usec = buf->pts_us % SECOND_US;
	if (is_planar(q))
		fill_planar(&request, buf, is_dmabuf);
	else
		fill_single(&request, buf, is_dmabuf);
	int r = v4l2dev_call(q->node, VIDIOC_QBUF, &request.buf);
	if (r == 0)
		q->queued |= 1u << buf->index;
	return r;
}

int m2mqueue_take(struct m2mqueue *q, struct m2mbuf *ret_buf)
{
	struct request request;

	request_init(&request, q, 0);
	int r = v4l2dev_call(q->node, VIDIOC_DQBUF, &request.buf);
	if (r < 0)
		return r;
	unsigned index = request.buf.index;
	if (index >= q->count || !m2mqueue_has(q, index))
		return -EIO;
	q->queued &= ~(1u << index);
	size_t size = q->memory_of[index].size;
	size_t used = is_planar(q) ? request.plane.bytesused : request.buf.bytesused;
	size_t offset = is_planar(q) ? min_size(request.plane.data_offset, size) : 0;
	/* Drivers are known to say more than there is. bytesused counts data_offset in. */
	used = min_size(used, size);
	*ret_buf = (struct m2mbuf){
		.index = index,
		.offset = offset,
		.used = used > offset ? used - offset : 0,
		.dmabuf_fd = -1,
		.pts_us = (int64_t)request.buf.timestamp.tv_sec * SECOND_US +
			  request.buf.timestamp.tv_usec,
		.pts_copied = (request.buf.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) ==
			      V4L2_BUF_FLAG_TIMESTAMP_COPY,
		.damaged = (request.buf.flags & V4L2_BUF_FLAG_ERROR) != 0,
		.is_last = (request.buf.flags & V4L2_BUF_FLAG_LAST) != 0,
	};
	return 0;
}
