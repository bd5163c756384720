/* v4l2dev: an open V4L2 node, and the system calls that reach it.
 *
 * The calls go through a table, so that tests can put a camera behind it that does as they say.
 * Owned by whoever opened it; one thread. */
#ifndef STREAMER_V4L2DEV_H
#define STREAMER_V4L2DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "streamer/source.h"

struct v4l2_calls { /* as the system calls: -1 and errno */
	int (*open)(const char *path, int flags);
	int (*close)(int fd);
	int (*ioctl)(int fd, unsigned long request, void *arg);
	void *(*map)(size_t size, int fd, int64_t offset); /* mmap(), to read; MAP_FAILED */
	void *(*map_writable)(size_t size, int fd, int64_t offset); /* the same, and to write */
	int (*unmap)(void *data, size_t size);
};

/* The kernel's, and /dev. A test puts its own here before the first use. */
extern const struct v4l2_calls *v4l2_calls;
extern const char *v4l2_folder;

struct v4l2dev {
	int fd;        /* -1: closed */
	uint32_t type; /* V4L2_BUF_TYPE_VIDEO_CAPTURE or V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE */
	char path[SOURCE_DEVICE_MAX];
	char card[32]; /* for people */
	char driver[16];
	char bus[32]; /* where it is: "usb-0000:00:14.0-2" */
};

/* -ENODEV: nothing there, or no node that captures pictures into memory; -ENOTSUP: one that needs
 * what we do not do (media controller, DV timings); -EBUSY, -EACCES; with words. */
int v4l2dev_open(struct v4l2dev *dev, const char *path, struct error *err);
void v4l2dev_close(struct v4l2dev *dev); /* closed already is fine */

/* Any V4L2 node, whatever it does: its V4L2_CAP_*; type is not set. */
int v4l2dev_open_any(struct v4l2dev *dev, const char *path, uint32_t *ret_caps, struct error *err);

bool v4l2dev_is_planar(const struct v4l2dev *dev); /* the multi-planar interface */

/* An ioctl. 0 or a negative errno. */
int v4l2dev_call(const struct v4l2dev *dev, unsigned long request, void *arg);

/* Say what failed ("VIDIOC_S_FMT") with r, and who has it if it is busy. Returns r. */
int v4l2dev_fail(const struct v4l2dev *dev, int r, const char *what, struct error *err);

#endif
