#include "streamer/capbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include "common/util.h"

static int sync_with_device(int fd, uint64_t flags)
{
	struct dma_buf_sync sync = {.flags = flags | DMA_BUF_SYNC_READ};
	int r;

	do {
		r = ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
	} while (r < 0 && (errno == EINTR || errno == EAGAIN));
	return r;
}

/* Whatever it is said to be: no other descriptor takes this. */
static bool is_dmabuf(int fd)
{
	if (sync_with_device(fd, DMA_BUF_SYNC_START) < 0)
		return false;
	sync_with_device(fd, DMA_BUF_SYNC_END);
	return true;
}

/* A dma-buf's size is fixed for life. Of the rest only a memfd has seals. */
static bool can_shrink(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals < 0 || (seals & F_SEAL_SHRINK) == 0;
}

static int map(struct capbuf *buf, size_t size, struct error *err)
{
	off_t real = lseek(buf->fd, 0, SEEK_END);

	if (real < 0 || (uint64_t)real < size)
		return error_set(err, -EPROTO,
				 "nalcast-capture sends a buffer of %lld bytes, not %zu",
				 (long long)real, size);
	if (!buf->is_dmabuf && can_shrink(buf->fd))
		return error_set(err, -EPROTO, "nalcast-capture sends a buffer that could shrink");
	void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, buf->fd, 0);
	if (data == MAP_FAILED)
		return error_set(err, -errno, "a buffer of nalcast-capture cannot be mapped: %s",
				 strerror(errno));
	buf->data = data;
	buf->size = size;
	return 0;
}

int capbuf_map(struct capbuf *buf, int fd, size_t size, struct error *err)
{
	struct capbuf fresh = {.fd = fd, .is_dmabuf = is_dmabuf(fd)};
	int r = map(&fresh, size, err);

	if (r < 0)
		capbuf_unmap(&fresh);
	else
		*buf = fresh;
	return r;
}

void capbuf_unmap(struct capbuf *buf)
{
	if (buf->data != NULL)
		munmap((void *)(uintptr_t)buf->data, buf->size);
	close_fd(&buf->fd);
	buf->data = NULL;
}

void capbuf_begin_read(const struct capbuf *buf)
{
	if (buf->is_dmabuf)
		sync_with_device(buf->fd, DMA_BUF_SYNC_START);
}

void capbuf_end_read(const struct capbuf *buf)
{
	if (buf->is_dmabuf)
		sync_with_device(buf->fd, DMA_BUF_SYNC_END);
}
