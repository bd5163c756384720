/* A /dev/udmabuf for machines without one, by LD_PRELOAD: the "dma-buf" that it makes of a memfd is
 * that memfd. It is all that libcamera's virtual camera asks of a kernel. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

typedef int open_fn(const char *, int, ...);
typedef int ioctl_fn(int, unsigned long, ...);

static int open_or_pretend(const char *next_name, const char *path, int flags, mode_t mode)
{
	/* dlsym() gives functions as data; ISO C has no cast between them. */
	open_fn *next;

	if (path != NULL && strcmp(path, "/dev/udmabuf") == 0)
		return memfd_create("udmabuf", MFD_CLOEXEC);
	*(void **)&next = dlsym(RTLD_NEXT, next_name);
	return next(path, flags, mode);
}

static mode_t mode_of(int flags, va_list args)
{
	return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	mode_t mode = mode_of(flags, args);
	va_end(args);
	return open_or_pretend("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	mode_t mode = mode_of(flags, args);
	va_end(args);
	return open_or_pretend("open64", path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
	ioctl_fn *next;
	va_list args;

	va_start(args, request);
	void *argument = va_arg(args, void *);
	va_end(args);
	if (request == UDMABUF_CREATE) {
		const struct udmabuf_create *create = argument;
		return fcntl((int)create->memfd, F_DUPFD_CLOEXEC, 3);
	}
	*(void **)&next = dlsym(RTLD_NEXT, "ioctl");
	int r = next(fd, request, argument);
	/* Memory of one machine is never out of step with itself. */
	return r < 0 && errno == ENOTTY && request == DMA_BUF_IOCTL_SYNC ? 0 : r;
}
