/* fake_v4l2: a V4L2 driver behind v4l2_calls, which does what the test says: its tables are plain
 * data, and its pictures come when the test pushes them. It checks that it is used as the kernel's
 * documentation wants it. */
#ifndef TESTS_UNIT_FAKE_V4L2_H
#define TESTS_UNIT_FAKE_V4L2_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/v4l2dev.h"
#include "tests/unit/unit.h"

#define FAKE_BUFFERS 16
#define FAKE_PLANES  3

struct fake_mode { /* a size of a pixel format; several of one format stand together */
	uint32_t fourcc;
	unsigned width, height;
	struct v4l2_fract intervals[4]; /* until one is 0/0; none: the driver does not tell */
	/* Instead: a range up to this size, with steps, and of two intervals. */
	unsigned width_max, height_max, step;
};

struct fake_control {
	uint32_t id, type, flags;
	const char *name;
	int64_t min, max, step, default_value, value;
	const char *menu[8]; /* by value; NULL: not there */
};

struct fake_buffer {
	bool queued, filled;
	struct v4l2_buffer done; /* what DQBUF says */
	uint32_t used[FAKE_PLANES], offset[FAKE_PLANES];
	uint8_t *memory[FAKE_PLANES];
};

static struct fake {
	const struct fake_mode *modes;
	unsigned mode_count;
	struct fake_control *controls;
	unsigned control_count;
	uint32_t capabilities; /* 0: captures and streams */
	uint32_t input_capabilities;
	bool planar, sizes_untold, no_parm, no_export;
	int fail_open, fail_format, fail_streamon; /* errno */
	int fail_dequeue;                          /* the same; at every DQBUF until it is 0 */
	unsigned other_width;                      /* S_FMT grants this instead */
	uint32_t field, colorspace, ycbcr_enc, quantization;
	unsigned bytesperline; /* 0: as the format has it */
	bool gone;

	unsigned opens, mapped, exported;
	uint32_t fourcc, width, height;
	struct v4l2_fract interval;
	unsigned memory_planes;
	size_t plane_size[FAKE_PLANES];
	unsigned buffer_count;
	bool streaming;
	uint32_t sequence;
	unsigned fifo[FAKE_BUFFERS], fifo_count;
	struct fake_buffer buffers[FAKE_BUFFERS];
} fake;

static inline int fake_fail(int code)
{
	errno = code;
	return -1;
}

static inline int fake_open(const char *path, int flags)
{
	assert_true((flags & (O_NONBLOCK | O_CLOEXEC)) == (O_NONBLOCK | O_CLOEXEC));
	if (fake.gone || strstr(path, "/none") != NULL)
		return fake_fail(ENOENT);
	if (fake.fail_open != 0)
		return fake_fail(fake.fail_open);
	fake.opens++;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static inline int fake_close(int fd)
{
	fake.opens--;
	return close(fd);
}

static inline int fake_querycap(struct v4l2_capability *cap)
{
	uint32_t capture = fake.planar ? V4L2_CAP_VIDEO_CAPTURE_MPLANE : V4L2_CAP_VIDEO_CAPTURE;

	snprintf((char *)cap->card, sizeof(cap->card), "Fake Camera");
	snprintf((char *)cap->driver, sizeof(cap->driver), "fake");
	snprintf((char *)cap->bus_info, sizeof(cap->bus_info), "usb-fake-1");
	cap->device_caps =
		fake.capabilities != 0 ? fake.capabilities : capture | V4L2_CAP_STREAMING;
	/* All of its nodes together can do more. */
	cap->capabilities = cap->device_caps | V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_DEVICE_CAPS;
	return 0;
}

static inline uint32_t fake_type(void)
{
	return fake.planar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

static inline int fake_enum_fmt(struct v4l2_fmtdesc *desc)
{
	unsigned at = 0;

	for (unsigned i = 0; i < fake.mode_count; i++) {
		if (i > 0 && fake.modes[i].fourcc == fake.modes[i - 1].fourcc)
			continue;
		if (at++ == desc->index) {
			desc->pixelformat = fake.modes[i].fourcc;
			return desc->type == fake_type() ? 0 : fake_fail(EINVAL);
		}
	}
	return fake_fail(EINVAL);
}

static inline int fake_enum_sizes(struct v4l2_frmsizeenum *size)
{
	unsigned at = 0;

	if (fake.sizes_untold)
		return fake_fail(ENOTTY);
	for (unsigned i = 0; i < fake.mode_count; i++) {
		const struct fake_mode *mode = &fake.modes[i];
		if (mode->fourcc != size->pixel_format || at++ != size->index)
			continue;
		size->type = V4L2_FRMSIZE_TYPE_DISCRETE;
		size->discrete = (struct v4l2_frmsize_discrete){mode->width, mode->height};
		if (mode->width_max == 0)
			return 0;
		size->type =
			mode->step > 1 ? V4L2_FRMSIZE_TYPE_STEPWISE : V4L2_FRMSIZE_TYPE_CONTINUOUS;
		size->stepwise = (struct v4l2_frmsize_stepwise){
			.min_width = mode->width,
			.max_width = mode->width_max,
			.step_width = mode->step,
			.min_height = mode->height,
			.max_height = mode->height_max,
			.step_height = mode->step,
		};
		return 0;
	}
	return fake_fail(EINVAL);
}

static inline int fake_enum_intervals(struct v4l2_frmivalenum *ival)
{
	for (unsigned i = 0; i < fake.mode_count; i++) {
		const struct fake_mode *mode = &fake.modes[i];
		bool ranged = mode->width_max != 0;
		if (mode->fourcc != ival->pixel_format ||
		    (!ranged && (mode->width != ival->width || mode->height != ival->height)))
			continue;
		if (ranged) {
			ival->type = V4L2_FRMIVAL_TYPE_CONTINUOUS;
			ival->stepwise.min = mode->intervals[0];
			ival->stepwise.max = mode->intervals[1];
			return ival->index == 0 ? 0 : fake_fail(EINVAL);
		}
		if (ival->index >= 4 || mode->intervals[ival->index].denominator == 0)
			return fake_fail(EINVAL);
		ival->type = V4L2_FRMIVAL_TYPE_DISCRETE;
		ival->discrete = mode->intervals[ival->index];
		return 0;
	}
	return fake_fail(EINVAL);
}

/* As videodev2.h has it: the planes of what the tests use. */
static inline void fake_set_sizes(void)
{
	size_t pixels = (size_t)fake.width * fake.height;

	fake.memory_planes = 1;
	switch (fake.fourcc) {
	case V4L2_PIX_FMT_YUV420M:
		fake.memory_planes = 3;
		fake.plane_size[0] = pixels;
		fake.plane_size[1] = fake.plane_size[2] = pixels / 4;
		break;
	case V4L2_PIX_FMT_YUV420:
	case V4L2_PIX_FMT_NV12:
		fake.plane_size[0] = pixels * 3 / 2;
		break;
	default:
		fake.plane_size[0] = pixels * 2;
	}
}

static inline unsigned fake_bytesperline(unsigned plane)
{
	if (fake.bytesperline != 0)
		return fake.bytesperline;
	switch (fake.fourcc) {
	case V4L2_PIX_FMT_YUV420M:
		return plane == 0 ? fake.width : fake.width / 2;
	case V4L2_PIX_FMT_YUYV:
		return 2 * fake.width;
	case V4L2_PIX_FMT_MJPEG:
	case V4L2_PIX_FMT_H264:
		return 0;
	default:
		return fake.width;
	}
}

static inline void fake_tell_format(struct v4l2_format *format)
{
	struct v4l2_pix_format *pix = &format->fmt.pix;
	struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;

	if (fake.planar) {
		*mp = (struct v4l2_pix_format_mplane){
			.width = fake.width,
			.height = fake.height,
			.pixelformat = fake.fourcc,
			.field = fake.field,
			.colorspace = fake.colorspace,
			.num_planes = (uint8_t)fake.memory_planes,
			.ycbcr_enc = (uint8_t)fake.ycbcr_enc,
			.quantization = (uint8_t)fake.quantization,
		};
		for (unsigned i = 0; i < fake.memory_planes; i++) {
			mp->plane_fmt[i].bytesperline = fake_bytesperline(i);
			mp->plane_fmt[i].sizeimage = (uint32_t)fake.plane_size[i];
		}
		return;
	}
	*pix = (struct v4l2_pix_format){
		.width = fake.width,
		.height = fake.height,
		.pixelformat = fake.fourcc,
		.field = fake.field,
		.bytesperline = fake_bytesperline(0),
		.sizeimage = (uint32_t)fake.plane_size[0],
		.colorspace = fake.colorspace,
		.ycbcr_enc = fake.ycbcr_enc,
		.quantization = fake.quantization,
	};
}

static inline int fake_s_fmt(struct v4l2_format *format)
{
	const struct v4l2_pix_format *pix = &format->fmt.pix;
	const struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;

	assert_int_equal(format->type, fake_type());
	if (fake.fail_format != 0)
		return fake_fail(fake.fail_format);
	assert_int_equal(fake.buffer_count, 0);
	fake.fourcc = fake.planar ? mp->pixelformat : pix->pixelformat;
	fake.width = fake.planar ? mp->width : pix->width;
	fake.height = fake.planar ? mp->height : pix->height;
	if (fake.other_width != 0)
		fake.width = fake.other_width;
	fake_set_sizes();
	fake_tell_format(format);
	return 0;
}

static inline int fake_parm(struct v4l2_streamparm *parm, bool set)
{
	if (fake.no_parm)
		return fake_fail(ENOTTY);
	if (set)
		fake.interval = parm->parm.capture.timeperframe;
	parm->parm.capture.timeperframe = fake.interval;
	return 0;
}

static inline int fake_reqbufs(struct v4l2_requestbuffers *request)
{
	assert_int_equal(request->memory, V4L2_MEMORY_MMAP);
	assert_false(fake.streaming);
	assert_int_equal(fake.mapped, 0); /* the kernel says EBUSY */
	for (unsigned i = 0; i < FAKE_BUFFERS; i++)
		for (unsigned j = 0; j < FAKE_PLANES; j++)
			free(fake.buffers[i].memory[j]);
	memset(fake.buffers, 0, sizeof(fake.buffers));
	fake.fifo_count = 0;
	if (fake.gone) {
		fake.buffer_count = 0;
		return fake_fail(ENODEV);
	}
	fake.buffer_count = request->count < FAKE_BUFFERS ? request->count : FAKE_BUFFERS;
	request->count = fake.buffer_count;
	for (unsigned i = 0; i < fake.buffer_count; i++)
		for (unsigned j = 0; j < fake.memory_planes; j++) {
			fake.buffers[i].memory[j] = calloc(1, fake.plane_size[j]);
			assert_non_null(fake.buffers[i].memory[j]);
		}
	return 0;
}

static inline int fake_querybuf(struct v4l2_buffer *buf)
{
	assert_true(buf->index < fake.buffer_count);
	if (!fake.planar) {
		buf->length = (uint32_t)fake.plane_size[0];
		buf->m.offset = buf->index * 16;
		return 0;
	}
	assert_true(buf->length >= fake.memory_planes);
	for (unsigned i = 0; i < fake.memory_planes; i++) {
		buf->m.planes[i].length = (uint32_t)fake.plane_size[i];
		buf->m.planes[i].m.mem_offset = buf->index * 16 + i;
	}
	return 0;
}

static inline int fake_qbuf(const struct v4l2_buffer *buf)
{
	if (fake.gone)
		return fake_fail(ENODEV);
	assert_true(buf->index < fake.buffer_count);
	assert_false(fake.buffers[buf->index].queued);
	fake.buffers[buf->index].queued = true;
	fake.buffers[buf->index].filled = false;
	return 0;
}

static inline int fake_dqbuf(struct v4l2_buffer *buf)
{
	struct v4l2_plane *planes = buf->m.planes;

	if (fake.gone)
		return fake_fail(ENODEV);
	if (fake.fail_dequeue != 0)
		return fake_fail(fake.fail_dequeue);
	if (fake.fifo_count == 0)
		return fake_fail(EAGAIN);
	struct fake_buffer *from = &fake.buffers[fake.fifo[0]];
	memmove(fake.fifo, fake.fifo + 1, --fake.fifo_count * sizeof(fake.fifo[0]));
	from->queued = false;
	*buf = from->done;
	if (fake.planar) {
		buf->m.planes = planes;
		for (unsigned i = 0; i < fake.memory_planes; i++) {
			planes[i].bytesused = from->used[i];
			planes[i].data_offset = from->offset[i];
		}
	}
	return 0;
}

static inline int fake_expbuf(struct v4l2_exportbuffer *request)
{
	if (fake.no_export)
		return fake_fail(ENOTTY);
	request->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fake.exported++;
	return 0;
}

static inline int fake_query_ctrl(struct v4l2_query_ext_ctrl *query)
{
	uint32_t after = query->id & ~(V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND);

	for (unsigned i = 0; i < fake.control_count; i++) { /* by id: as the tests list them */
		const struct fake_control *control = &fake.controls[i];
		if (control->id <= after)
			continue;
		*query = (struct v4l2_query_ext_ctrl){
			.id = control->id,
			.type = control->type,
			.minimum = control->min,
			.maximum = control->max,
			.step = (uint64_t)control->step,
			.default_value = control->default_value,
			.flags = control->flags,
		};
		snprintf(query->name, sizeof(query->name), "%s", control->name);
		return 0;
	}
	return fake_fail(EINVAL);
}

static inline struct fake_control *fake_control_of(uint32_t id)
{
	for (unsigned i = 0; i < fake.control_count; i++)
		if (fake.controls[i].id == id)
			return &fake.controls[i];
	return NULL;
}

static inline int fake_querymenu(struct v4l2_querymenu *query)
{
	const struct fake_control *control = fake_control_of(query->id);

	if (control == NULL || query->index >= 8 || control->menu[query->index] == NULL)
		return fake_fail(EINVAL);
	if (control->type == V4L2_CTRL_TYPE_INTEGER_MENU)
		query->value = query->index * 100;
	else
		snprintf((char *)query->name, sizeof(query->name), "%s",
			 control->menu[query->index]);
	return 0;
}

static inline int fake_ext_ctrls(struct v4l2_ext_controls *list, bool set)
{
	assert_int_equal(list->count, 1);
	struct v4l2_ext_control *one = list->controls;
	struct fake_control *control = fake_control_of(one->id);
	bool wide = control != NULL && control->type == V4L2_CTRL_TYPE_INTEGER64;
	if (control == NULL)
		return fake_fail(EINVAL);
	if (!set) {
		if ((control->flags & V4L2_CTRL_FLAG_WRITE_ONLY) != 0)
			return fake_fail(EACCES);
		if (wide)
			one->value64 = control->value;
		else
			one->value = (int32_t)control->value;
		return 0;
	}
	if ((control->flags & (V4L2_CTRL_FLAG_INACTIVE | V4L2_CTRL_FLAG_READ_ONLY)) != 0)
		return fake_fail(EACCES);
	int64_t value = wide ? one->value64 : one->value;
	if (control->type == V4L2_CTRL_TYPE_MENU && control->menu[value] == NULL)
		return fake_fail(EINVAL);
	control->value = value;
	return 0;
}

static inline int fake_input(struct v4l2_input *input)
{
	snprintf((char *)input->name, sizeof(input->name), "Plug");
	input->capabilities = fake.input_capabilities;
	return 0;
}

static inline int fake_stream(bool on)
{
	if (on && fake.fail_streamon != 0)
		return fake_fail(fake.fail_streamon);
	fake.streaming = on;
	return fake.gone ? fake_fail(ENODEV) : 0;
}

static inline int fake_ioctl(int fd, unsigned long request, void *arg)
{
	assert_true(fd >= 0);
	switch (request) {
	case VIDIOC_QUERYCAP:
		return fake_querycap(arg);
	case VIDIOC_G_INPUT:
		*(int *)arg = 0;
		return 0;
	case VIDIOC_ENUMINPUT:
		return fake_input(arg);
	case VIDIOC_ENUM_FMT:
		return fake_enum_fmt(arg);
	case VIDIOC_ENUM_FRAMESIZES:
		return fake_enum_sizes(arg);
	case VIDIOC_ENUM_FRAMEINTERVALS:
		return fake_enum_intervals(arg);
	case VIDIOC_G_FMT:
		fake_tell_format(arg);
		return 0;
	case VIDIOC_S_FMT:
		return fake_s_fmt(arg);
	case VIDIOC_G_PARM:
		return fake_parm(arg, false);
	case VIDIOC_S_PARM:
		return fake_parm(arg, true);
	case VIDIOC_REQBUFS:
		return fake_reqbufs(arg);
	case VIDIOC_QUERYBUF:
		return fake_querybuf(arg);
	case VIDIOC_EXPBUF:
		return fake_expbuf(arg);
	case VIDIOC_QBUF:
		return fake_qbuf(arg);
	case VIDIOC_DQBUF:
		return fake_dqbuf(arg);
	case VIDIOC_STREAMON:
		return fake_stream(true);
	case VIDIOC_STREAMOFF:
		return fake_stream(false);
	case VIDIOC_QUERY_EXT_CTRL:
		return fake_query_ctrl(arg);
	case VIDIOC_QUERYMENU:
		return fake_querymenu(arg);
	case VIDIOC_G_EXT_CTRLS:
		return fake_ext_ctrls(arg, false);
	case VIDIOC_S_EXT_CTRLS:
		return fake_ext_ctrls(arg, true);
	default:
		return fake_fail(ENOTTY);
	}
}

static inline void *fake_map(size_t size, int fd, int64_t offset)
{
	assert_true(fd >= 0);
	assert_true(offset / 16 < fake.buffer_count);
	assert_int_equal(size, fake.plane_size[offset % 16]);
	fake.mapped++;
	return fake.buffers[offset / 16].memory[offset % 16];
}

static inline int fake_unmap(void *data, size_t size)
{
	assert_non_null(data);
	assert_true(size > 0);
	fake.mapped--;
	return 0;
}

static const struct v4l2_calls fake_calls = {
	.open = fake_open,
	.close = fake_close,
	.ioctl = fake_ioctl,
	.map = fake_map,
	.unmap = fake_unmap,
};

/* Begin with a driver that has these modes and no controls. */
static inline void fake_begin(const struct fake_mode *modes, unsigned count)
{
	memset(&fake, 0, sizeof(fake));
	fake.modes = modes;
	fake.mode_count = count;
	fake.field = V4L2_FIELD_NONE;
	fake.interval = (struct v4l2_fract){1, 30};
	v4l2_calls = &fake_calls;
}

/* Everything was given back. */
static inline void fake_end(void)
{
	assert_int_equal(fake.opens, 0);
	assert_int_equal(fake.mapped, 0);
	assert_int_equal(fake.buffer_count, 0);
	assert_false(fake.streaming);
}

static inline unsigned fake_queued(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < fake.buffer_count; i++)
		count += fake.buffers[i].queued && !fake.buffers[i].filled;
	return count;
}

/* The driver fills its next buffer; the first plane of memory with data, of size bytes. Returns it
 * for the test to change, or NULL: it has none. */
static inline struct fake_buffer *fake_push(const void *data, size_t size, int64_t pts_us)
{
	unsigned i = 0;

	assert_true(fake.streaming);
	fake.sequence++;
	while (i < fake.buffer_count && (!fake.buffers[i].queued || fake.buffers[i].filled))
		i++;
	if (i == fake.buffer_count)
		return NULL;
	struct fake_buffer *buffer = &fake.buffers[i];
	buffer->filled = true;
	buffer->done = (struct v4l2_buffer){
		.index = i,
		.type = fake_type(),
		.memory = V4L2_MEMORY_MMAP,
		.bytesused = (uint32_t)size,
		.flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
		.sequence = fake.sequence,
		.timestamp = {.tv_sec = pts_us / 1000000, .tv_usec = pts_us % 1000000},
	};
	for (unsigned j = 0; j < fake.memory_planes; j++) {
		buffer->used[j] = (uint32_t)(j == 0 ? size : fake.plane_size[j]);
		buffer->offset[j] = 0;
	}
	memcpy(buffer->memory[0], data, size < fake.plane_size[0] ? size : fake.plane_size[0]);
	fake.fifo[fake.fifo_count++] = i;
	return buffer;
}

#endif
