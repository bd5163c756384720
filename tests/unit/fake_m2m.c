#include "tests/unit/fake_m2m.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "common/util.h"
#include "tests/unit/calls_watch.h"
#include "tests/unit/fake_coder.h"
#include "tests/unit/fake_queue.h"
#include "tests/unit/unit.h"

#define CODED_BYTES FAKE_CODER_BYTES
#define ENCODER     "/video11"
#define DECODER     "/video10"

struct fake_m2m fake_m2m;

struct control {
	uint32_t id;
	int32_t min, max, step, value;
};

static struct {
	char folder[32];
	int pipe[2]; /* of the encoder's node: readable while something is done */
	bool is_open;
	struct fake_queue input, coded;
	struct fake_coder coder;
	size_t size;
	struct v4l2_fract interval;
	struct control controls[16];
	bool has_profile, stopping, gave_last;
	unsigned taken, made, since_idr, damaged;
	bool wants_idr, gave_headers;
	unsigned kept[FAKE_QUEUE_BUFFERS], kept_count; /* inputs that come back late */
} dev;

static const struct control all_controls[] = {
	{V4L2_CID_MPEG_VIDEO_BITRATE, 25000, 25000000, 25000, 10000000},
	{V4L2_CID_MPEG_VIDEO_BITRATE_MODE, 0, 1, 1, 0},
	{V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, 0, 0x7fffffff, 1, 60},
	{V4L2_CID_MPEG_VIDEO_H264_LEVEL, 0, 15, 1, 11},
	{V4L2_CID_MPEG_VIDEO_H264_PROFILE, 0, 4, 1, 4},
	{V4L2_CID_MPEG_VIDEO_HEADER_MODE, 0, 1, 1, 1},
	{V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 0, 1, 1, 0},
	{V4L2_CID_MPEG_VIDEO_B_FRAMES, 0, 0, 1, 0},
	{V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 0, 0, 0, 0},
};

static int refuse(int code)
{
	errno = code;
	return -1;
}

/* --- controls */

static bool is_missing(uint32_t id)
{
	for (const uint32_t *missing = fake_m2m.missing; missing != NULL && *missing != 0;
	     missing++)
		if (*missing == id)
			return true;
	return false;
}

static struct control *find_control(uint32_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(all_controls); i++)
		if (dev.controls[i].id == id && !is_missing(id))
			return &dev.controls[i];
	return NULL;
}

int32_t fake_m2m_control(uint32_t id)
{
	const struct control *control = find_control(id);

	assert_non_null(control);
	return control->value;
}

static int query_control(struct v4l2_queryctrl *query)
{
	const struct control *control = find_control(query->id);

	if (control == NULL)
		return refuse(EINVAL);
	query->minimum = control->min;
	query->maximum = control->max;
	query->step = control->step;
	return 0;
}

static int set_control(const struct v4l2_control *wanted)
{
	struct control *control = find_control(wanted->id);

	if (control == NULL)
		return refuse(EINVAL);
	if (wanted->value < control->min || wanted->value > control->max)
		return refuse(ERANGE);
	assert_true(control->step == 0 || (wanted->value - control->min) % control->step == 0);
	if (wanted->id == V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME)
		dev.wants_idr = true;
	control->value = wanted->value;
	return 0;
}

/* --- its work */

static struct fake_queue *queue_of(uint32_t type)
{
	return V4L2_TYPE_IS_OUTPUT(type) ? &dev.input : &dev.coded;
}

static void show_ready(void)
{
	uint8_t byte = 0, sink[64];

	if (dev.input.done_count + dev.coded.done_count + dev.gave_last > 0)
		assert_true(write(dev.pipe[1], &byte, 1) == 1 || errno == EAGAIN);
	else
		while (read(dev.pipe[0], sink, sizeof(sink)) > 0)
			continue;
}

/* Newest first, if it is one of those. */
static void finish_inputs(unsigned index)
{
	if (!fake_m2m.inputs_late) {
		fake_queue_finish(&dev.input, index);
		return;
	}
	dev.kept[dev.kept_count++] = index;
	while (dev.input.waiting_count == 0 && dev.kept_count > 0)
		fake_queue_finish(&dev.input, dev.kept[--dev.kept_count]);
}

static void put_bytes(const uint8_t *bytes, size_t size, const struct timeval *timestamp,
		      uint32_t flags)
{
	unsigned index = fake_queue_begin(&dev.coded);
	struct fake_buffer *to = &dev.coded.buffer[index];

	if (size > 0)
		memcpy(to->memory, bytes, size);
	to->used = size;
	to->flags = flags | (fake_m2m.no_timestamps ? V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC
						    : V4L2_BUF_FLAG_TIMESTAMP_COPY);
	to->timestamp =
		timestamp != NULL && !fake_m2m.no_timestamps ? *timestamp : (struct timeval){0, 0};
	fake_queue_finish(&dev.coded, index);
}

static void give_bytes(const uint8_t *made, size_t size, bool idr, const struct timeval *timestamp)
{
	static uint8_t out[CODED_BYTES + 64];
	const struct control *repeat = find_control(V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER);
	bool headers = idr && (!dev.gave_headers || (repeat != NULL && repeat->value != 0));
	bool apart = headers && fake_m2m.headers_apart && dev.coded.waiting_count > 1;

	dev.gave_headers |= headers;
	if (apart)
		put_bytes(out, fake_coder_arrange(made, size, true, false, out), NULL, 0);
	size = fake_coder_arrange(made, size, headers && !apart, true, out);
	bool damaged = fake_m2m.damage_at != 0 && ++dev.damaged == fake_m2m.damage_at;
	put_bytes(out, size, timestamp, damaged ? V4L2_BUF_FLAG_ERROR : 0);
}

static void encode_one(void)
{
	static uint8_t made[CODED_BYTES];
	unsigned index = fake_queue_begin(&dev.input);
	const struct fake_buffer *picture = &dev.input.buffer[index];
	const struct control *period = find_control(V4L2_CID_MPEG_VIDEO_H264_I_PERIOD);
	bool due = period != NULL && period->value > 0 && dev.since_idr >= (unsigned)period->value;
	bool idr = dev.made == 0 || dev.wants_idr || due;

	dev.taken++;
	if (fake_m2m.nothing_at == 0 || dev.taken != fake_m2m.nothing_at) {
		dev.since_idr = idr ? 1 : dev.since_idr + 1;
		dev.coder.canned = fake_m2m.canned;
		dev.coder.main_profile = fake_m2m.main_profile;
		size_t size = fake_coder_make(&dev.coder, picture->memory, idr, made);
		dev.made++;
		dev.wants_idr = false;
		give_bytes(made, size, idr, &picture->timestamp);
		fake_m2m.coded++;
		fake_m2m.idrs += idr;
	}
	finish_inputs(index);
}

static void give_last(void)
{
	if (!dev.stopping || dev.gave_last || dev.input.waiting_count > 0 ||
	    dev.coded.waiting_count == 0)
		return;
	put_bytes(NULL, 0, NULL, V4L2_BUF_FLAG_LAST);
	dev.gave_last = true;
}

void fake_m2m_work(unsigned pictures)
{
	while (pictures-- > 0 && dev.input.streaming && dev.coded.streaming &&
	       dev.input.waiting_count > 0 && dev.coded.waiting_count > 0 &&
	       (fake_m2m.silent_after == 0 || dev.taken < fake_m2m.silent_after))
		encode_one();
	give_last();
	show_ready();
}

static void go_on(void)
{
	fake_m2m_work(fake_m2m.manual ? 0 : FAKE_QUEUE_BUFFERS);
}

/* --- formats */

static unsigned align(unsigned value, unsigned to)
{
	return to > 1 ? (value + to - 1) / to * to : value;
}

struct geometry {
	uint32_t width, height, stride, size;
};

static void grant(struct geometry *g, bool input)
{
	g->width = g->width < fake_m2m.width_max ? g->width : fake_m2m.width_max;
	g->height = align(g->height, fake_m2m.rows_align);
	g->stride = align(g->stride > g->width ? g->stride : g->width, fake_m2m.stride_align);
	g->size = input                   ? g->stride * g->height * 3 / 2
		  : g->size > CODED_BYTES ? g->size
					  : CODED_BYTES;
	if (!input)
		return;
	dev.coder.width = g->width;
	dev.coder.height = dev.coder.rows = g->height;
	dev.coder.stride = g->stride;
	dev.size = g->size;
}

static int set_format(struct v4l2_format *format)
{
	struct v4l2_pix_format_mplane *planar = &format->fmt.pix_mp;
	struct v4l2_pix_format *single = &format->fmt.pix;
	bool input = V4L2_TYPE_IS_OUTPUT(format->type);

	if (queue_of(format->type)->count > 0)
		return refuse(EBUSY);
	if (V4L2_TYPE_IS_MULTIPLANAR(format->type)) {
		struct v4l2_plane_pix_format *plane = &planar->plane_fmt[0];
		struct geometry g = {planar->width, planar->height, plane->bytesperline,
				     plane->sizeimage};
		grant(&g, input);
		planar->width = g.width;
		planar->height = g.height;
		plane->bytesperline = g.stride;
		plane->sizeimage = g.size;
	} else {
		struct geometry g = {single->width, single->height, single->bytesperline,
				     single->sizeimage};
		grant(&g, input);
		single->width = g.width;
		single->height = g.height;
		single->bytesperline = g.stride;
		single->sizeimage = g.size;
	}
	return 0;
}

static int set_selection(struct v4l2_selection *selection)
{
	if (fake_m2m.no_crop)
		return refuse(ENOTTY);
	assert_int_equal(selection->target, V4L2_SEL_TGT_CROP);
	dev.coder.height = selection->r.height;
	return 0;
}

static int enum_format(struct v4l2_fmtdesc *desc, bool decoder)
{
	bool coded = V4L2_TYPE_IS_OUTPUT(desc->type) == decoder;
	static const uint32_t raw[] = {V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUV420};
	static const uint32_t bytes[] = {V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_H264};

	if (desc->index >= 2)
		return refuse(EINVAL);
	desc->pixelformat = coded ? bytes[desc->index] : raw[desc->index];
	return 0;
}

/* --- buffers */

static int request_buffers(struct v4l2_requestbuffers *request)
{
	struct fake_queue *queue = queue_of(request->type);

	if (queue->streaming)
		return refuse(EBUSY);
	if (request->memory == V4L2_MEMORY_DMABUF) {
		assert_ptr_equal(queue, &dev.input);
		if (fake_m2m.no_dmabuf)
			return refuse(EINVAL);
	}
	fake_queue_free(queue);
	if (queue == &dev.input && request->count > 0)
		fake_m2m.dmabufs = request->memory == V4L2_MEMORY_DMABUF;
	fake_queue_allocate(queue, request->memory, request->count,
			    queue == &dev.input ? dev.size : CODED_BYTES);
	return 0;
}

static struct fake_buffer *find_buffer(const struct v4l2_buffer *buf)
{
	struct fake_queue *queue = queue_of(buf->type);

	assert_true(buf->index < queue->count);
	assert_int_equal(buf->memory, queue->memory);
	assert_true(V4L2_TYPE_IS_MULTIPLANAR(buf->type) != fake_m2m.single_plane);
	return &queue->buffer[buf->index];
}

static int query_buffer(struct v4l2_buffer *buf)
{
	const struct fake_buffer *buffer = find_buffer(buf);
	uint32_t offset = ((queue_of(buf->type) == &dev.coded) * FAKE_QUEUE_BUFFERS + buf->index)
			  << 12;

	if (V4L2_TYPE_IS_MULTIPLANAR(buf->type)) {
		buf->m.planes[0].length = (uint32_t)buffer->size;
		buf->m.planes[0].m.mem_offset = offset;
	} else {
		buf->length = (uint32_t)buffer->size;
		buf->m.offset = offset;
	}
	return 0;
}

static int take_dmabuf(struct fake_buffer *buffer, int fd, size_t length)
{
	struct stat st;

	if (fake_m2m.dmabuf_errno != 0 && fake_m2m.dmabufs_taken-- == 0)
		return refuse(fake_m2m.dmabuf_errno);
	if (fstat(fd, &st) < 0 || (size_t)st.st_size < dev.size || length < dev.size)
		return refuse(EFAULT);
	fake_queue_import(buffer, fd, (size_t)st.st_size);
	return 0;
}

static int queue_buffer(struct v4l2_buffer *buf)
{
	bool planar = V4L2_TYPE_IS_MULTIPLANAR(buf->type);
	struct fake_queue *queue = queue_of(buf->type);
	struct fake_buffer *buffer = find_buffer(buf);

	if (buffer->queued) {
		assert_true(calls_watch_has_failed()); /* STREAMOFF, and so it is not ours */
		return refuse(EINVAL);
	}
	if (queue == &dev.input)
		assert_int_equal(planar ? buf->m.planes[0].bytesused : buf->bytesused, dev.size);
	if (queue->memory == V4L2_MEMORY_DMABUF &&
	    take_dmabuf(buffer, planar ? buf->m.planes[0].m.fd : buf->m.fd,
			planar ? buf->m.planes[0].length : buf->length) < 0)
		return -1;
	buffer->queued = true;
	buffer->timestamp = buf->timestamp;
	queue->waiting[queue->waiting_count++] = buf->index;
	go_on();
	return 0;
}

static int dequeue_buffer(struct v4l2_buffer *buf)
{
	bool planar = V4L2_TYPE_IS_MULTIPLANAR(buf->type);
	struct fake_queue *queue = queue_of(buf->type);

	if (!queue->streaming)
		return refuse(EINVAL);
	if (queue->done_count == 0)
		return refuse(queue == &dev.coded && dev.gave_last ? EPIPE : EAGAIN);
	buf->index = fake_queue_take(queue);
	struct fake_buffer *buffer = &queue->buffer[buf->index];
	buffer->queued = false;
	fake_queue_release(queue, buffer);
	buf->flags = buffer->flags;
	buf->timestamp = buffer->timestamp;
	if (planar)
		buf->m.planes[0].bytesused = (uint32_t)buffer->used;
	else
		buf->bytesused = (uint32_t)buffer->used;
	show_ready();
	return 0;
}

/* --- streaming */

static int stream_on(uint32_t type)
{
	struct fake_queue *queue = queue_of(type);

	assert_true(queue->count > 0);
	queue->streaming = true;
	fake_m2m.restarts += queue == &dev.coded;
	go_on();
	return 0;
}

static int stream_off(uint32_t type)
{
	fake_queue_forget(queue_of(type));
	dev.stopping = dev.gave_last = dev.gave_headers = dev.wants_idr = false;
	dev.made = dev.kept_count = 0;
	show_ready();
	return 0;
}

static int command(const struct v4l2_encoder_cmd *cmd)
{
	if (fake_m2m.no_stop)
		return refuse(ENOTTY);
	assert_int_equal(cmd->cmd, V4L2_ENC_CMD_STOP);
	dev.stopping = true;
	go_on();
	return 0;
}

/* --- system calls */

static int fake_open(const char *path, int flags)
{
	assert_true((flags & (O_NONBLOCK | O_CLOEXEC)) == (O_NONBLOCK | O_CLOEXEC));
	if (strstr(path, ENCODER) == NULL)
		return open("/dev/null", strstr(path, DECODER) != NULL ? O_WRONLY : O_RDONLY);
	if (fake_m2m.no_encoder || fake_m2m.denied)
		return refuse(fake_m2m.denied ? EACCES : ENOENT);
	assert_false(dev.is_open);
	assert_int_equal(pipe2(dev.pipe, O_NONBLOCK | O_CLOEXEC), 0);
	dev.is_open = true;
	memcpy(dev.controls, all_controls, sizeof(all_controls));
	dev.taken = dev.made = dev.damaged = 0;
	fake_m2m.opened++;
	return dev.pipe[0];
}

/* As the kernel does when the last descriptor goes. */
static int fake_close(int fd)
{
	if (!dev.is_open || fd != dev.pipe[0])
		return close(fd);
	fake_queue_forget(&dev.input);
	fake_queue_forget(&dev.coded);
	fake_queue_free(&dev.input);
	fake_queue_free(&dev.coded);
	fake_coder_clear(&dev.coder);
	dev.stopping = dev.gave_last = dev.gave_headers = dev.wants_idr = false;
	dev.is_open = false;
	close(dev.pipe[1]);
	return close(fd);
}

static int query_capabilities(int fd, struct v4l2_capability *cap)
{
	bool encoder = dev.is_open && fd == dev.pipe[0];
	bool decoder = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
	uint32_t m2m = fake_m2m.single_plane ? V4L2_CAP_VIDEO_M2M : V4L2_CAP_VIDEO_M2M_MPLANE;

	snprintf((char *)cap->card, sizeof(cap->card), "fake");
	snprintf((char *)cap->driver, sizeof(cap->driver), "fake");
	cap->device_caps = V4L2_CAP_STREAMING | (encoder || decoder ? m2m : V4L2_CAP_VIDEO_CAPTURE);
	cap->capabilities = cap->device_caps | V4L2_CAP_DEVICE_CAPS;
	return 0;
}

static int configure(unsigned long request, void *arg)
{
	switch (request) {
	case VIDIOC_S_FMT:
		return set_format(arg);
	case VIDIOC_S_SELECTION:
		return set_selection(arg);
	case VIDIOC_S_PARM:
		dev.interval = ((struct v4l2_streamparm *)arg)->parm.output.timeperframe;
		return 0;
	case VIDIOC_QUERYCTRL:
		return query_control(arg);
	case VIDIOC_G_CTRL:
		return find_control(((struct v4l2_control *)arg)->id) != NULL ? 0 : refuse(EINVAL);
	case VIDIOC_S_CTRL:
		return set_control(arg);
	default:
		return refuse(ENOTTY);
	}
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	switch (request) {
	case VIDIOC_QUERYCAP:
		return query_capabilities(fd, arg);
	case VIDIOC_ENUM_FMT:
		return enum_format(arg, fd != dev.pipe[0] || !dev.is_open);
	case VIDIOC_REQBUFS:
		return request_buffers(arg);
	case VIDIOC_QUERYBUF:
		return query_buffer(arg);
	case VIDIOC_QBUF:
		return queue_buffer(arg);
	case VIDIOC_DQBUF:
		return dequeue_buffer(arg);
	case VIDIOC_STREAMON:
		return stream_on(*(uint32_t *)arg);
	case VIDIOC_STREAMOFF:
		return stream_off(*(uint32_t *)arg);
	case VIDIOC_ENCODER_CMD:
		return command(arg);
	default:
		return configure(request, arg);
	}
}

static void *fake_map(size_t size, int fd, int64_t offset)
{
	unsigned number = (unsigned)(offset >> 12);
	struct fake_queue *queue = number >= FAKE_QUEUE_BUFFERS ? &dev.coded : &dev.input;

	assert_int_equal(fd, dev.pipe[0]);
	assert_int_equal(queue->buffer[number % FAKE_QUEUE_BUFFERS].size, size);
	queue->mapped++;
	return queue->buffer[number % FAKE_QUEUE_BUFFERS].memory;
}

static int fake_unmap(void *data, size_t size)
{
	struct fake_queue *queues[] = {&dev.input, &dev.coded};

	assert_true(size > 0);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < queues[i]->count; j++)
			if (queues[i]->buffer[j].memory == data) {
				queues[i]->mapped--;
				return 0;
			}
	fail_msg("unmapped what was not mapped");
	return -1;
}

static const struct v4l2_calls fake_m2m_calls = {
	.open = fake_open,
	.close = fake_close,
	.ioctl = fake_ioctl,
	.map = fake_map,
	.map_writable = fake_map,
	.unmap = fake_unmap,
};

static void set_nodes(bool there)
{
	static const char *const names[] = {"/video0", DECODER, ENCODER};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];
		snprintf(path, sizeof(path), "%s%s", dev.folder, names[i]);
		if (there)
			close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		else
			unlink(path);
	}
}

void fake_m2m_begin(void)
{
	memset(&dev, 0, sizeof(dev));
	fake_m2m = (struct fake_m2m){.width_max = 1920, .stride_align = 2, .rows_align = 1};
	snprintf(dev.folder, sizeof(dev.folder), "/tmp/m2m-XXXXXX");
	assert_non_null(mkdtemp(dev.folder));
	set_nodes(true);
	v4l2_calls = &fake_m2m_calls;
	v4l2_folder = dev.folder;
}

void fake_m2m_end(void)
{
	assert_false(dev.is_open);
	set_nodes(false);
	rmdir(dev.folder);
}
