#include "capture/inbox.h"

#include <cerrno>
#include <cstring>

#include <sys/eventfd.h>
#include <unistd.h>

namespace capture
{

int inbox::open(struct error *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return error_set(err, -errno, "eventfd: %s", strerror(errno));
	event_ = libcamera::UniqueFD(fd);
	return 0;
}

void inbox::connect(libcamera::Camera *camera)
{
	camera->requestCompleted.connect(this, [this](libcamera::Request *request) {
		std::lock_guard<std::mutex> lock(mutex_);
		done_.push_back(request->cookie());
		wake();
	});
	camera->disconnected.connect(this, [this]() {
		std::lock_guard<std::mutex> lock(mutex_);
		gone_ = true;
		wake();
	});
}

/* It can only fail when it is full, and then it is readable. */
void inbox::wake()
{
	uint64_t one = 1;
	ssize_t written = write(event_.get(), &one, sizeof(one));

	static_cast<void>(written);
}

void inbox::clear_event()
{
	uint64_t count;
	ssize_t got = read(event_.get(), &count, sizeof(count));

	static_cast<void>(got);
}

bool inbox::next(uint64_t *ret_cookie)
{
	std::lock_guard<std::mutex> lock(mutex_);

	if (done_.empty())
		return false;
	*ret_cookie = done_.front();
	done_.pop_front();
	return true;
}

void inbox::forget()
{
	std::lock_guard<std::mutex> lock(mutex_);

	done_.clear();
}

bool inbox::is_gone()
{
	std::lock_guard<std::mutex> lock(mutex_);

	return gone_;
}

} /* namespace capture */
