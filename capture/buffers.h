/* buffers: the memory that a camera writes its pictures to. Main thread.
 *
 * On a Raspberry Pi they are ours, from the heap of contiguous memory: one piece for a whole
 * picture, as the hardware encoder wants it, and quicker to read than what the camera's driver
 * would give. Everywhere else they are the driver's. */
#ifndef CAPTURE_BUFFERS_H
#define CAPTURE_BUFFERS_H

#include <memory>
#include <vector>

#include <libcamera/libcamera.h>

#include "common/error.h"

namespace capture
{

struct buffer {
	libcamera::FrameBuffer *frame;
	int fd; /* of all its planes; frame's */
	uint32_t bytes;
	bool is_dmabuf;
};

class buffers
{
public:
	/* After the camera was configured. */
	int allocate(const std::shared_ptr<libcamera::Camera> &camera,
		     const libcamera::StreamConfiguration &stream, struct error *err);
	const std::vector<struct buffer> &all() const
	{
		return all_;
	}

private:
	int take_from_heap(const libcamera::StreamConfiguration &stream, struct error *err);
	int take_from_driver(const std::shared_ptr<libcamera::Camera> &camera,
			     const libcamera::StreamConfiguration &stream, struct error *err);
	int add(libcamera::FrameBuffer *frame, struct error *err);

	std::unique_ptr<libcamera::FrameBufferAllocator> allocator_;
	std::vector<std::unique_ptr<libcamera::FrameBuffer>> own_;
	std::vector<struct buffer> all_;
};

} /* namespace capture */

#endif
