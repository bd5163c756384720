#include "streamer/v4l2buf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/videodev2.h>

#include "common/util.h"

/* A buffer as the kernel wants it, whichever interface it is. */
struct request {
	struct v4l2_buffer buf;
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
};

static void request_init(struct request *request, const struct v4l2bufs *bufs, unsigned index)
{
	memset(request, 0, sizeof(*request));
	request->buf.type = bufs->dev->type;
	request->buf.memory = V4L2_MEMORY_MMAP;
	request->buf.index = index;
	if (v4l2dev_is_planar(bufs->dev)) {
		request->buf.m.planes = request->planes;
		request->buf.length = bufs->memory_planes;
	}
}

/* Not every driver can; then who wants the pixels copies them. */
static int export_plane(const struct v4l2bufs *bufs, unsigned index, unsigned plane)
{
	struct v4l2_exportbuffer request = {
		.type = bufs->dev->type,
		.index = index,
		.plane = plane,
		.flags = O_CLOEXEC | O_RDONLY,
	};

	return v4l2dev_call(bufs->dev, VIDIOC_EXPBUF, &request) < 0 ? -1 : request.fd;
}

static int map_plane(struct v4l2bufs *bufs, unsigned index, unsigned plane, size_t size,
		     int64_t offset)
{
	struct frame_plane *memory = &bufs->buf[index].memory[plane];
	void *data = v4l2_calls->map(size, bufs->dev->fd, offset);

	if (data == MAP_FAILED)
		return -errno;
	memory->data = data;
	memory->size = size;
	memory->dmabuf_fd = export_plane(bufs, index, plane);
	return 0;
}

static int map_buffer(struct v4l2bufs *bufs, unsigned index)
{
	struct request request;

	request_init(&request, bufs, index);
	int r = v4l2dev_call(bufs->dev, VIDIOC_QUERYBUF, &request.buf);
	if (!v4l2dev_is_planar(bufs->dev))
		return r < 0 ? r
			     : map_plane(bufs, index, 0, request.buf.length, request.buf.m.offset);
	for (unsigned i = 0; r == 0 && i < bufs->memory_planes; i++)
		r = map_plane(bufs, index, i, request.planes[i].length,
			      request.planes[i].m.mem_offset);
	return r;
}

int v4l2bufs_give_back(struct v4l2bufs *bufs, unsigned index)
{
	struct request request;

	request_init(&request, bufs, index);
	return v4l2dev_call(bufs->dev, VIDIOC_QBUF, &request.buf);
}

static int request_buffers(const struct v4l2dev *dev, unsigned *count)
{
	struct v4l2_requestbuffers request = {
		.type = dev->type,
		.memory = V4L2_MEMORY_MMAP,
		.count = *count,
	};
	int r = v4l2dev_call(dev, VIDIOC_REQBUFS, &request);

	*count = request.count;
	return r;
}

static void mark_unmapped(struct v4l2bufs *bufs)
{
	for (unsigned i = 0; i < V4L2BUF_MAX; i++)
		for (unsigned j = 0; j < FRAME_PLANES_MAX; j++)
			bufs->buf[i].memory[j] = (struct frame_plane){.dmabuf_fd = -1};
}

int v4l2bufs_start(struct v4l2bufs *bufs, const struct v4l2dev *dev, unsigned memory_planes,
		   unsigned count, struct error *err)
{
	*bufs = (struct v4l2bufs){.dev = dev, .memory_planes = memory_planes};
	mark_unmapped(bufs);
	int r = request_buffers(dev, &count);
	if (r < 0)
		return v4l2dev_fail(dev, r, "VIDIOC_REQBUFS", err);
	bufs->count = count < V4L2BUF_MAX ? count : V4L2BUF_MAX;
	for (unsigned i = 0; r == 0 && i < bufs->count; i++)
		r = map_buffer(bufs, i);
	if (r < 0)
		return v4l2dev_fail(dev, r, "its memory cannot be mapped", err);
	for (unsigned i = 0; r == 0 && i < bufs->count; i++)
		r = v4l2bufs_give_back(bufs, i);
	if (r < 0)
		return v4l2dev_fail(dev, r, "VIDIOC_QBUF", err);
	uint32_t type = dev->type;
	r = v4l2dev_call(dev, VIDIOC_STREAMON, &type);
	if (r == -ENOSPC)
		return error_set(err, r, "%s: no bandwidth left on its USB for this mode",
				 dev->path);
	if (r < 0)
		return v4l2dev_fail(dev, r, "VIDIOC_STREAMON", err);
	bufs->streaming = true;
	return 0;
}

static void unmap_plane(struct frame_plane *memory)
{
	close_fd(&memory->dmabuf_fd);
	if (memory->data != NULL)
		v4l2_calls->unmap((void *)(uintptr_t)memory->data, memory->size);
	memory->data = NULL;
}

void v4l2bufs_clear(struct v4l2bufs *bufs)
{
	unsigned none = 0;

	if (bufs->dev == NULL)
		return;
	uint32_t type = bufs->dev->type;
	if (bufs->streaming)
		v4l2dev_call(bufs->dev, VIDIOC_STREAMOFF, &type);
	for (unsigned i = 0; i < bufs->count; i++)
		for (unsigned j = 0; j < FRAME_PLANES_MAX; j++)
			unmap_plane(&bufs->buf[i].memory[j]);
	if (bufs->count > 0)
		request_buffers(bufs->dev, &none);
	*bufs = (struct v4l2bufs){0};
}

/* Drivers are known to say more than there is, or that the data begin behind their end. */
static struct frame_plane filled(const struct frame_plane *mapped, size_t offset, size_t used)
{
	struct frame_plane plane = *mapped;

	offset = min_size(offset, mapped->size);
	plane.data += offset;
	plane.size = min_size(used > offset ? used - offset : 0, mapped->size - offset);
	return plane;
}

static int64_t time_of(const struct v4l2_buffer *buf)
{
	if ((buf->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) != V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC)
		return 0;
	return (int64_t)buf->timestamp.tv_sec * 1000000 + buf->timestamp.tv_usec;
}

int v4l2bufs_take(struct v4l2bufs *bufs, struct v4l2picture *ret_picture)
{
	bool planar = v4l2dev_is_planar(bufs->dev);
	struct request request;

	request_init(&request, bufs, 0);
	int r = v4l2dev_call(bufs->dev, VIDIOC_DQBUF, &request.buf);
	if (r < 0)
		return r;
	if (request.buf.index >= bufs->count)
		return -EIO;
	struct v4l2picture picture = {
		.index = request.buf.index,
		.damaged = (request.buf.flags & V4L2_BUF_FLAG_ERROR) != 0,
		.sequence = request.buf.sequence,
		.pts_us = time_of(&request.buf),
	};
	for (unsigned i = 0; i < bufs->memory_planes; i++) {
		const struct frame_plane *mapped = &bufs->buf[picture.index].memory[i];
		const struct v4l2_plane *plane = &request.planes[i];
		picture.memory[i] = planar ? filled(mapped, plane->data_offset, plane->bytesused)
					   : filled(mapped, 0, request.buf.bytesused);
		picture.damaged |= picture.memory[i].size == 0;
	}
	*ret_picture = picture;
	return 0;
}
