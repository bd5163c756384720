#include "streamer/m2m.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "common/log.h"
#include "common/util.h"

#define SUBSYSTEM     "m2m"
#define CODED_BUFFERS 4 /* their bytes are taken at once */
#define COPY_BUFFERS  4 /* one more than are with the driver: it is filled meanwhile */
#define LENT_BUFFERS  8 /* a camera's: each keeps its own, so that the driver maps it once */

int m2m_open(struct m2m *m, const char *path, uint32_t codec, struct error *err)
{
	*m = (struct m2m){.codec = codec, .dev.node.fd = -1};
	int r = m2mdev_open(&m->dev, path, codec, err);
	if (r < 0)
		return r;
	m2mqueue_init(&m->input, &m->dev.node, m->dev.input_type, true);
	m2mqueue_init(&m->coded, &m->dev.node, m->dev.coded_type, false);
	return 0;
}

int m2m_set_up(struct m2m *m, const struct source_format *in, struct error *err)
{
	m->in = *in;
	return m2mdev_set_formats(&m->dev, m->codec, in, in->width, &m->format, err);
}

static void mark_done(struct m2m *m, uint32_t frame_index)
{
	if (m->done_count < ARRAY_SIZE(m->done))
		m->done[m->done_count++] = frame_index;
}

/* What the driver has is not coming back: STREAMOFF has ended that. */
static void give_up(struct m2m *m)
{
	for (unsigned i = 0; m->input.memory == V4L2_MEMORY_DMABUF && i < m->input.count; i++)
		if (m2mqueue_has(&m->input, i))
			mark_done(m, m->frame_of[i]);
	m2mqueue_stop(&m->input);
	m2mqueue_stop(&m->coded);
	m->pending_count = 0;
	m->is_draining = m->is_ended = false;
}

void m2m_close(struct m2m *m)
{
	if (m->dev.node.fd < 0)
		return;
	give_up(m);
	m2mqueue_clear(&m->input);
	m2mqueue_clear(&m->coded);
	m2mdev_close(&m->dev);
}

/* --- where pictures lie */

/* As the driver lays them out, in one dma-buf from its beginning? Then its size in bytes, else 0.
 */
static size_t whole_dmabuf(const struct m2m *m, const struct frame *frame)
{
	const struct frame_plane *plane = frame->plane;
	size_t luma = (size_t)m->format.stride * m->format.rows;

	if (plane[0].dmabuf_fd < 0 || plane[0].data == NULL || m->format.rows != frame->height ||
	    plane[0].stride != m->format.stride)
		return 0;
	for (unsigned i = 1; i < FRAME_PLANES_MAX; i++)
		if (plane[i].dmabuf_fd != plane[0].dmabuf_fd ||
		    plane[i].stride != m->format.stride / 2 ||
		    plane[i].data != plane[0].data + luma + (i - 1) * luma / 4)
			return 0;
	off_t size = lseek(plane[0].dmabuf_fd, 0, SEEK_END);
	return size > 0 && (size_t)size >= m->format.size ? (size_t)size : 0;
}

static void copy_plane(uint8_t *to, size_t to_stride, const struct frame_plane *plane,
		       unsigned width, unsigned rows)
{
	if (plane->stride == to_stride) {
		memcpy(to, plane->data, min_size(plane->size, to_stride * rows));
		return;
	}
	for (unsigned y = 0; y < rows; y++)
		memcpy(to + y * to_stride, plane->data + (size_t)y * plane->stride, width);
}

static void copy_picture(const struct m2m *m, const struct frame *frame, uint8_t *to)
{
	size_t stride = m->format.stride, luma = stride * m->format.rows;

	copy_plane(to, stride, &frame->plane[0], frame->width, frame->height);
	for (unsigned i = 1; i < FRAME_PLANES_MAX; i++)
		copy_plane(to + luma + (i - 1) * luma / 4, stride / 2, &frame->plane[i],
			   frame->width / 2, frame->height / 2);
}

/* --- beginning */

/* A driver may be able to have the stride that the pictures have. It is asked before there are
 * buffers; where it cannot, they are copied. */
static int follow_stride(struct m2m *m, const struct frame *frame)
{
	unsigned stride = frame->plane[0].stride;

	if (stride == m->format.stride || frame->plane[0].dmabuf_fd < 0)
		return 0;
	return m2mdev_set_formats(&m->dev, m->codec, &m->in, stride, &m->format, NULL);
}

static int request_input(struct m2m *m, bool dmabuf)
{
	int r = -ENOTSUP;

	if (dmabuf && !m->no_dmabuf)
		r = m2mqueue_request(&m->input, V4L2_MEMORY_DMABUF, LENT_BUFFERS);
	if (r == 0)
		return 0;
	m2mqueue_clear(&m->input);
	r = m2mqueue_request(&m->input, V4L2_MEMORY_MMAP, COPY_BUFFERS);
	for (unsigned i = 0; r == 0 && i < m->input.count; i++)
		if (m->input.memory_of[i].size < m->format.size)
			r = -ENOMEM;
	if (r < 0)
		m2mqueue_clear(&m->input);
	return r;
}

static int stream(struct m2m *m)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < m->coded.count; i++)
		r = m2mqueue_put(&m->coded, &(struct m2mbuf){.index = i, .dmabuf_fd = -1});
	if (r == 0)
		r = m2mqueue_start(&m->input);
	if (r == 0)
		r = m2mqueue_start(&m->coded);
	m->is_started = r == 0;
	return r;
}

static int start(struct m2m *m, const struct frame *frame)
{
	if (m->input.count > 0)
		return -EIO; /* it did not begin, and is to be closed */
	int r = follow_stride(m, frame);
	if (r == 0)
		r = request_input(m, whole_dmabuf(m, frame) > 0);
	if (r == 0)
		r = m2mqueue_request(&m->coded, V4L2_MEMORY_MMAP, CODED_BUFFERS);
	return r == 0 ? stream(m) : r;
}

int m2m_restart(struct m2m *m)
{
	give_up(m);
	return m->is_started ? stream(m) : 0;
}

/* The driver does not want the camera's memory: on a Raspberry Pi it must be contiguous. */
static int refuse_dmabuf(struct m2m *m, int why)
{
	log_info(SUBSYSTEM, "%s: takes none of the camera's buffers (%s): pictures are copied",
		 m->dev.node.path, strerror(-why));
	m->no_dmabuf = true;
	give_up(m);
	m2mqueue_clear(&m->input);
	int r = request_input(m, false);
	return r == 0 ? stream(m) : r;
}

/* --- pictures */

static int take_input_back(struct m2m *m)
{
	struct m2mbuf buf;
	int r;

	if (!m->is_started)
		return 0;
	while ((r = m2mqueue_take(&m->input, &buf)) == 0)
		if (m->input.memory == V4L2_MEMORY_DMABUF)
			mark_done(m, m->frame_of[buf.index]);
	return r == -EAGAIN || r == -EPIPE ? 0 : r;
}

/* The buffer that had this frame before, so that a driver finds the same dma-buf in it. */
static int choose_buffer(const struct m2m *m, uint32_t frame_index, unsigned *ret_index)
{
	unsigned usual = m->input.count > 0 ? frame_index % m->input.count : 0;

	if (m->input.memory == V4L2_MEMORY_DMABUF && !m2mqueue_has(&m->input, usual)) {
		*ret_index = usual;
		return 0;
	}
	return m2mqueue_find_free(&m->input, ret_index);
}

static int put_dmabuf(struct m2m *m, const struct frame *frame, unsigned index, size_t size)
{
	struct m2mbuf buf = {
		.index = index,
		.used = m->format.size,
		.dmabuf_fd = frame->plane[0].dmabuf_fd,
		.dmabuf_size = size,
		.pts_us = frame->pts_us,
	};

	m->frame_of[index] = frame->index;
	return m2mqueue_put(&m->input, &buf);
}

static int put_copy(struct m2m *m, const struct frame *frame)
{
	struct m2mbuf buf = {.used = m->format.size, .dmabuf_fd = -1, .pts_us = frame->pts_us};
	int r = m2mqueue_find_free(&m->input, &buf.index);

	if (r < 0)
		return r;
	if (frame->plane[0].data == NULL)
		return -EFAULT;
	copy_picture(m, frame, m->input.memory_of[buf.index].data);
	r = m2mqueue_put(&m->input, &buf);
	if (r < 0)
		return r;
	m->copied++;
	mark_done(m, frame->index);
	return 0;
}

static int put(struct m2m *m, const struct frame *frame)
{
	unsigned index;

	if (m->input.memory != V4L2_MEMORY_DMABUF)
		return put_copy(m, frame);
	size_t size = whole_dmabuf(m, frame);
	int r = choose_buffer(m, frame->index, &index);
	if (r < 0)
		return r;
	r = size > 0 ? put_dmabuf(m, frame, index, size) : -EINVAL;
	if (r == 0 || r == -ENODEV)
		return r;
	r = refuse_dmabuf(m, r);
	return r == 0 ? put_copy(m, frame) : r;
}

static void forget_pending(struct m2m *m, unsigned count)
{
	m->pending_count -= count;
	memmove(m->pending_us, m->pending_us + count, m->pending_count * sizeof(m->pending_us[0]));
}

static bool is_ours(const struct m2m *m, const struct frame *frame)
{
	return frame->fourcc == m->in.fourcc && frame->plane_count == FRAME_PLANES_MAX &&
	       frame->width == m->in.width && frame->height == m->in.height;
}

int m2m_submit(struct m2m *m, const struct frame *frame)
{
	if (!is_ours(m, frame))
		return -EINVAL;
	if (m->is_draining)
		return -EAGAIN;
	int r = m->is_started ? take_input_back(m) : start(m, frame);
	if (r < 0)
		return r;
	if (m2mqueue_count_queued(&m->input) >= M2M_PICTURES)
		return -EAGAIN;
	r = put(m, frame);
	if (r < 0)
		return r;
	/* A driver may give a picture's buffer back long before its bytes; or instead of them. */
	if (m->pending_count == ARRAY_SIZE(m->pending_us))
		forget_pending(m, 1);
	m->pending_us[m->pending_count++] = frame->pts_us;
	return 0;
}

int m2m_reclaim(struct m2m *m, uint32_t *ret_index)
{
	if (m->done_count == 0)
		return -EAGAIN;
	*ret_index = m->done[0];
	m->done_count--;
	memmove(m->done, m->done + 1, m->done_count * sizeof(m->done[0]));
	return 0;
}

/* --- bytes */

/* Whose bytes are these? What went in before that picture will not come any more: there are no
 * pictures out of order. Headers that come alone may be nobody's. */
static int64_t settle_pts(struct m2m *m, const struct m2mbuf *buf)
{
	unsigned i = 0;

	if (m->pending_count == 0)
		return buf->pts_us;
	while (buf->pts_copied && i < m->pending_count && m->pending_us[i] != buf->pts_us)
		i++;
	if (i == m->pending_count)
		return buf->pts_us;
	int64_t pts_us = m->pending_us[i];
	forget_pending(m, i + 1);
	return pts_us;
}

static int end(struct m2m *m)
{
	if (!m->is_draining)
		return -EPIPE; /* nobody asked it to */
	m->is_ended = true;
	return -ENODATA;
}

int m2m_take(struct m2m *m, struct m2m_bytes *ret_bytes)
{
	struct m2mbuf buf;

	if (m->is_ended)
		return -ENODATA;
	if (!m->is_started)
		return -EAGAIN;
	int r = take_input_back(m);
	if (r == 0)
		r = m2mqueue_take(&m->coded, &buf);
	if (r == -EPIPE || (r == -EAGAIN && m->is_draining && m->no_stop && m->pending_count == 0))
		return end(m);
	if (r < 0)
		return r;
	if (buf.is_last && !m->is_draining)
		return -EPIPE;
	m->is_ended = buf.is_last;
	bool is_coded = buf.used > 0 || buf.damaged;
	*ret_bytes = (struct m2m_bytes){
		.data = m->coded.memory_of[buf.index].data + buf.offset,
		.size = buf.used,
		.pts_us = is_coded ? settle_pts(m, &buf) : buf.pts_us,
		.damaged = buf.damaged,
		.index = buf.index,
	};
	return 0;
}

int m2m_give_back(struct m2m *m, const struct m2m_bytes *bytes)
{
	if (m->is_ended)
		return 0; /* none is wanted any more */
	return m2mqueue_put(&m->coded, &(struct m2mbuf){.index = bytes->index, .dmabuf_fd = -1});
}

/* A driver without this command has given all when as many came as went in. */
int m2m_drain(struct m2m *m)
{
	struct v4l2_encoder_cmd stop = {.cmd = V4L2_ENC_CMD_STOP};

	m->is_draining = true;
	if (!m->is_started) {
		m->is_ended = true;
		return 0;
	}
	int r = v4l2dev_call(&m->dev.node, VIDIOC_ENCODER_CMD, &stop);
	m->no_stop = r < 0;
	return r == -ENODEV ? r : 0;
}

bool m2m_is_busy(const struct m2m *m)
{
	return m->is_started && !m->is_ended &&
	       (m->pending_count > 0 || m->is_draining || m2mqueue_count_queued(&m->input) > 0);
}

bool m2m_is_copying(const struct m2m *m)
{
	return m->input.memory == V4L2_MEMORY_MMAP;
}
