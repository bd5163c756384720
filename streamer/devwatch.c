#include "streamer/devwatch.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/util.h"

#define WORD "video"

/* Those below come and go with the last camera. */
static const char *const folders[] = {"", "/v4l", "/v4l/by-id", "/v4l/by-path"};

/* Returns whether there is one more than before. */
static bool add_watches(struct devwatch *watch)
{
	bool more = false;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char path[96];
		snprintf(path, sizeof(path), "%s%s", watch->folder, folders[i]);
		int id = inotify_add_watch(watch->fd, path,
					   IN_CREATE | IN_ATTRIB | IN_MOVED_TO | IN_ONLYDIR);
		/* Of one that is there already it is the number that it had. */
		if (id > watch->newest) {
			watch->newest = id;
			more = true;
		}
	}
	return more;
}

int devwatch_open(struct devwatch *watch, const char *folder)
{
	watch->newest = 0;
	snprintf(watch->folder, sizeof(watch->folder), "%s", folder);
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->fd < 0) {
		watch->fd = -1;
		return -errno;
	}
	if (!add_watches(watch)) {
		devwatch_close(watch);
		return -ENOENT;
	}
	return 0;
}

void devwatch_close(struct devwatch *watch)
{
	close_fd(&watch->fd);
}

/* "video0", "usb-046d_HD_Webcam-video-index0". Of lost events any may have been one. */
static bool is_wanted(const struct inotify_event *event)
{
	return (event->mask & IN_Q_OVERFLOW) != 0 ||
	       (event->len > 0 && strstr(event->name, WORD) != NULL);
}

static bool read_events(struct devwatch *watch)
{
	union {
		struct inotify_event event;
		char bytes[4096];
	} buffer;
	bool found = false;
	ssize_t size;

	while ((size = read(watch->fd, &buffer, sizeof(buffer))) > 0) {
		const char *pos = buffer.bytes, *end = buffer.bytes + size;
		while (pos < end) {
			/* The kernel pads names so that each event is aligned. */
			const struct inotify_event *event = (const void *)pos;
			found |= is_wanted(event);
			pos += sizeof(*event) + event->len;
		}
	}
	return found;
}

bool devwatch_take(struct devwatch *watch)
{
	bool found = read_events(watch);

	/* What is in a new folder may have been made before it was watched. */
	while (add_watches(watch))
		found = true;
	return found;
}
