#include "tests/unit/calls_watch.h"

#include <errno.h>
#include <sys/mman.h>

struct calls_watch calls_watch;

static int watch_open(const char *path, int flags)
{
	int fd = calls_watch.under->open(path, flags);

	calls_watch.open += fd >= 0;
	return fd;
}

static int watch_close(int fd)
{
	calls_watch.open--;
	return calls_watch.under->close(fd);
}

static int watch_ioctl(int fd, unsigned long request, void *arg)
{
	if (calls_watch.fail_request != 0 && request == calls_watch.fail_request &&
	    ++calls_watch.seen == calls_watch.fail_at) {
		errno = calls_watch.fail_errno;
		return -1;
	}
	return calls_watch.under->ioctl(fd, request, arg);
}

static void *watched(void *data)
{
	calls_watch.mapped += data != MAP_FAILED;
	return data;
}

static void *watch_map(size_t size, int fd, int64_t offset)
{
	if (!calls_watch.map_fails)
		return watched(calls_watch.under->map(size, fd, offset));
	errno = ENOMEM;
	return MAP_FAILED;
}

static void *watch_map_writable(size_t size, int fd, int64_t offset)
{
	return watched(calls_watch.under->map_writable(size, fd, offset));
}

static int watch_unmap(void *data, size_t size)
{
	calls_watch.mapped--;
	return calls_watch.under->unmap(data, size);
}

static const struct v4l2_calls watch_calls = {
	.open = watch_open,
	.close = watch_close,
	.ioctl = watch_ioctl,
	.map = watch_map,
	.map_writable = watch_map_writable,
	.unmap = watch_unmap,
};

void calls_watch_begin(void)
{
	calls_watch = (struct calls_watch){.under = v4l2_calls};
	v4l2_calls = &watch_calls;
}

void calls_watch_fail(unsigned long request, unsigned at, int code)
{
	calls_watch.fail_request = request;
	calls_watch.fail_at = at;
	calls_watch.fail_errno = code;
	calls_watch.seen = 0;
}

bool calls_watch_has_failed(void)
{
	return calls_watch.fail_request != 0 && calls_watch.seen >= calls_watch.fail_at;
}
