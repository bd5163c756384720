/* devwatch: a descriptor that becomes readable when a camera's device file may have appeared, or
 * udev has given it its rights, or a name that lasts (v4l/by-id, v4l/by-path: a moment later).
 * Owned by one thread. */
#ifndef STREAMER_DEVWATCH_H
#define STREAMER_DEVWATCH_H

#include <stdbool.h>

struct devwatch {
	int fd;     /* inotify; -1: closed */
	int newest; /* watch descriptor */
	char folder[64];
};

/* folder: "/dev". A negative errno: it cannot be watched. */
int devwatch_open(struct devwatch *watch, const char *folder);
void devwatch_close(struct devwatch *watch); /* closed already is fine */

/* Take all that it has to say. May there be a camera that was not there before? */
bool devwatch_take(struct devwatch *watch);

#endif
