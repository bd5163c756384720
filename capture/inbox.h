/* inbox: what libcamera's thread tells the main one: requests that are done, and that the camera is
 * gone. Only queues and wakes. Lives as long as the process: libcamera copies its list of slots
 * before it calls them, so one that is disconnected may still be running. */
#ifndef CAPTURE_INBOX_H
#define CAPTURE_INBOX_H

#include <deque>
#include <mutex>

#include <libcamera/libcamera.h>

#include "common/error.h"

namespace capture
{

class inbox
{
public:
	int open(struct error *err);
	void connect(libcamera::Camera *camera); /* once a camera */

	/* Main thread. */
	int fd() const
	{
		return event_.get();
	}
	void clear_event();
	bool next(uint64_t *ret_cookie);
	void forget(); /* all that are done */
	bool is_gone();

private:
	void wake();

	libcamera::UniqueFD event_;
	std::mutex mutex_;
	std::deque<uint64_t> done_; /* under mutex_: cookies of requests */
	bool gone_ = false;         /* under mutex_ */
};

} /* namespace capture */

#endif
