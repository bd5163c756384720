#include "capture/buffers.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/log.h"
#include "streamer/capproto.h"

#define SUBSYSTEM "buffers"

#ifndef DMA_BUF_MAGIC /* linux/magic.h has it since 5.18 */
#define DMA_BUF_MAGIC 0x444d4142
#endif

using namespace libcamera;

namespace capture
{

/* The first is Raspberry Pi OS's name for the right one of the machine; cached, so that reading is
 * fast. */
static const char *const heaps[] = {
	"/dev/dma_heap/vidbuf_cached",
	"/dev/dma_heap/linux,cma",
};

/* libcamera does not say which pipeline handler a camera has. Those of a Pi's own cameras are named
 * by the device tree, as no USB camera is. */
static bool is_raspberry_pi(const std::string &camera_id)
{
	char model[64] = {};
	UniqueFD fd(open("/proc/device-tree/model", O_RDONLY | O_CLOEXEC));

	return camera_id.rfind("/base/", 0) == 0 && fd.isValid() &&
	       read(fd.get(), model, sizeof(model) - 1) > 0 &&
	       std::string(model).rfind("Raspberry Pi", 0) == 0;
}

static UniqueFD open_heap(struct error *err)
{
	std::string words;

	for (const char *path : heaps) {
		UniqueFD fd(open(path, O_RDWR | O_CLOEXEC));
		if (fd.isValid())
			return fd;
		words += std::string(words.empty() ? "" : ", ") + path + ": " + strerror(errno);
	}
	error_set(err, -errno, "%s", words.c_str());
	return UniqueFD();
}

int buffers::take_from_heap(const StreamConfiguration &stream, struct error *err)
{
	UniqueFD heap = open_heap(err);

	if (!heap.isValid())
		return err->code;
	for (unsigned i = 0; i < stream.bufferCount && i < CAPPROTO_BUFFERS_MAX; i++) {
		struct dma_heap_allocation_data data = {};
		data.len = stream.frameSize;
		data.fd_flags = O_RDWR | O_CLOEXEC;
		if (ioctl(heap.get(), DMA_HEAP_IOCTL_ALLOC, &data) < 0)
			return error_set(err, -errno,
					 "%u bytes of contiguous memory: %s (cma= in the kernel's "
					 "command line)",
					 stream.frameSize, strerror(errno));
		FrameBuffer::Plane plane;
		plane.fd = SharedFD(UniqueFD(static_cast<int>(data.fd)));
		plane.offset = 0;
		plane.length = stream.frameSize;
		std::vector<FrameBuffer::Plane> planes = {plane};
		own_.push_back(std::make_unique<FrameBuffer>(planes));
		int r = add(own_.back().get(), err);
		if (r < 0)
			return r;
	}
	return 0;
}

int buffers::take_from_driver(const std::shared_ptr<Camera> &camera,
			      const StreamConfiguration &stream, struct error *err)
{
	allocator_ = std::make_unique<FrameBufferAllocator>(camera);
	int r = allocator_->allocate(stream.stream());
	if (r < 0)
		return error_set(err, r, "it gives no buffers: %s", strerror(-r));
	for (const auto &frame : allocator_->buffers(stream.stream())) {
		if (all_.size() == CAPPROTO_BUFFERS_MAX)
			break;
		r = add(frame.get(), err);
		if (r < 0)
			return r;
	}
	return all_.empty() ? error_set(err, -ENOMEM, "it gives no buffers") : 0;
}

static bool is_dmabuf(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == DMA_BUF_MAGIC;
}

int buffers::add(FrameBuffer *frame, struct error *err)
{
	int fd = -1;
	off_t end = 0;

	for (const auto &plane : frame->planes()) {
		fd = fd < 0 ? plane.fd.get() : fd;
		off_t offset =
			plane.offset == FrameBuffer::Plane::kInvalidOffset ? 0 : plane.offset;
		if (plane.length > 0 && offset + off_t{plane.length} > end)
			end = offset + off_t{plane.length};
	}
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
	if (size < 0)
		size = end;
	if (end == 0 || size < end || size > INT32_MAX)
		return error_set(err, -ENOTSUP, "its pictures do not fit in its buffers");
	all_.push_back({frame, fd, static_cast<uint32_t>(size), is_dmabuf(fd)});
	return 0;
}

int buffers::allocate(const std::shared_ptr<Camera> &camera, const StreamConfiguration &stream,
		      struct error *err)
{
	struct error why = {};

	if (is_raspberry_pi(camera->id())) {
		if (take_from_heap(stream, &why) == 0)
			return 0;
		log_info(SUBSYSTEM, "the driver's buffers instead of contiguous ones: %s",
			 why.text);
		all_.clear();
		own_.clear();
	}
	return take_from_driver(camera, stream, err);
}

} /* namespace capture */
