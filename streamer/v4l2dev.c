#include "streamer/v4l2dev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "streamer/holders.h"

#define VIDEO_MAJOR 81 /* Documentation/admin-guide/devices.txt */

#ifndef V4L2_CAP_IO_MC
#define V4L2_CAP_IO_MC 0x20000000
#endif

/* Paths come over the API, too: nothing but a camera is to be opened, not even for a moment. */
static int sys_open(const char *path, int flags)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -1;
	if (!S_ISCHR(st.st_mode) || major(st.st_rdev) != VIDEO_MAJOR) {
		errno = ENODEV;
		return -1;
	}
	return open(path, flags);
}

static int sys_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

static void *sys_map(size_t size, int fd, int64_t offset)
{
	return mmap(NULL, size, PROT_READ, MAP_SHARED, fd, offset);
}

static void *sys_map_writable(size_t size, int fd, int64_t offset)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
}

static const struct v4l2_calls kernel_calls = {
	.open = sys_open,
	.close = close,
	.ioctl = sys_ioctl,
	.map = sys_map,
	.map_writable = sys_map_writable,
	.unmap = munmap,
};

const struct v4l2_calls *v4l2_calls = &kernel_calls;
const char *v4l2_folder = "/dev";

int v4l2dev_call(const struct v4l2dev *dev, unsigned long request, void *arg)
{
	int r;

	do
		r = v4l2_calls->ioctl(dev->fd, request, arg);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

static int fail_busy(const char *path, struct error *err)
{
	char holder[64];

	if (holders_find(path, holder, sizeof(holder)))
		return error_set(err, -EBUSY, "%s: in use by %s", path, holder);
	return error_set(err, -EBUSY, "%s: in use by another program", path);
}

int v4l2dev_fail(const struct v4l2dev *dev, int r, const char *what, struct error *err)
{
	if (r == -EBUSY)
		return fail_busy(dev->path, err);
	if (r == -ENODEV)
		return error_set(err, r, "%s: the camera was unplugged", dev->path);
	return error_set(err, r, "%s: %s: %s", dev->path, what, strerror(-r));
}

static int fail_open(const char *path, int code, struct error *err)
{
	switch (code) {
	case EBUSY:
		return fail_busy(path, err);
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return error_set(err, -ENODEV, "%s: there is no camera", path);
	case EACCES:
	case EPERM:
		return error_set(err, -EACCES,
				 "%s: %s: nalcastd's user must be in the group 'video'", path,
				 strerror(code));
	default:
		return error_set(err, -code, "%s: %s", path, strerror(code));
	}
}

static int identify(struct v4l2dev *dev, uint32_t *ret_caps, struct error *err)
{
	struct v4l2_capability cap = {0};
	int r = v4l2dev_call(dev, VIDIOC_QUERYCAP, &cap);

	if (r < 0)
		return error_set(err, -ENODEV, "%s: not a V4L2 device", dev->path);
	/* Of this node, where the driver has several. */
	*ret_caps =
		(cap.capabilities & V4L2_CAP_DEVICE_CAPS) != 0 ? cap.device_caps : cap.capabilities;
	snprintf(dev->card, sizeof(dev->card), "%.31s", (const char *)cap.card);
	snprintf(dev->driver, sizeof(dev->driver), "%.15s", (const char *)cap.driver);
	snprintf(dev->bus, sizeof(dev->bus), "%.31s", (const char *)cap.bus_info);
	return 0;
}

static int check_captures(struct v4l2dev *dev, uint32_t caps, struct error *err)
{
	if ((caps & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE)) == 0)
		return error_set(err, -ENODEV, "%s: %s captures no pictures here", dev->path,
				 dev->card);
	if ((caps & V4L2_CAP_STREAMING) == 0)
		return error_set(err, -ENOTSUP, "%s: %s cannot stream into memory", dev->path,
				 dev->card);
	if ((caps & V4L2_CAP_IO_MC) != 0)
		return error_set(err, -ENOTSUP, "%s: %s needs a media controller: libcamera's",
				 dev->path, dev->card);
	dev->type = (caps & V4L2_CAP_VIDEO_CAPTURE) != 0 ? V4L2_BUF_TYPE_VIDEO_CAPTURE
							 : V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	return 0;
}

/* Of an HDMI receiver the size is that of the signal, and has to be asked for and followed. */
static int check_input(const struct v4l2dev *dev, struct error *err)
{
	int index = 0;

	if (v4l2dev_call(dev, VIDIOC_G_INPUT, &index) < 0)
		return 0;
	struct v4l2_input input = {.index = (uint32_t)index};
	if (v4l2dev_call(dev, VIDIOC_ENUMINPUT, &input) < 0 ||
	    (input.capabilities & V4L2_IN_CAP_DV_TIMINGS) == 0)
		return 0;
	return error_set(err, -ENOTSUP,
			 "%s: the input '%.31s' follows its signal (DV timings), which nalcastd "
			 "cannot; choose another with v4l2-ctl --set-input",
			 dev->path, (const char *)input.name);
}

int v4l2dev_open_any(struct v4l2dev *dev, const char *path, uint32_t *ret_caps, struct error *err)
{
	*dev = (struct v4l2dev){.fd = -1};
	snprintf(dev->path, sizeof(dev->path), "%s", path);
	dev->fd = v4l2_calls->open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (dev->fd < 0) {
		dev->fd = -1;
		return fail_open(path, errno, err);
	}
	int r = identify(dev, ret_caps, err);
	if (r < 0)
		v4l2dev_close(dev);
	return r;
}

int v4l2dev_open(struct v4l2dev *dev, const char *path, struct error *err)
{
	uint32_t caps;
	int r = v4l2dev_open_any(dev, path, &caps, err);

	if (r < 0)
		return r;
	r = check_captures(dev, caps, err);
	if (r == 0)
		r = check_input(dev, err);
	if (r < 0)
		v4l2dev_close(dev);
	return r;
}

void v4l2dev_close(struct v4l2dev *dev)
{
	if (dev->fd >= 0)
		v4l2_calls->close(dev->fd);
	dev->fd = -1;
}

bool v4l2dev_is_planar(const struct v4l2dev *dev)
{
	return dev->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
}
