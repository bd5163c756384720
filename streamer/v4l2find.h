/* v4l2find: which cameras V4L2 has: device files that capture pictures in a format that we take,
 * USB cameras first, then by their number. Opens each for a moment. Any thread. */
#ifndef STREAMER_V4L2FIND_H
#define STREAMER_V4L2FIND_H

#include "common/error.h"
#include "streamer/source.h"
#include "streamer/v4l2dev.h"

#define V4L2FIND_MAX 64 /* device files */

struct v4l2node {
	unsigned number;
	bool usb;
	char path[64]; /* "/dev/video0" */
};

/* Of all that is called videoN, ascending; returns how many (at most max). */
unsigned v4l2find_numbers(unsigned *ret_numbers, unsigned max);

/* Returns how many (at most max). */
unsigned v4l2find_nodes(struct v4l2node *ret_nodes, unsigned max);

/* What opens this very camera again, in whatever order they are plugged in: a link of udev's by the
 * camera's name and serial number (whatever the port) or by its port; else path itself. */
void v4l2find_id(const char *path, char *id, size_t id_size);

/* The device file of a setting: a path (taken as it is), where it is ("usb-0000:00:14.0-2", as
 * V4L2's bus_info), or "" for the first. -ENODEV, with words. */
int v4l2find_path(const char *device, char *path, size_t path_size, struct error *err);

#endif
