/* session: a camera that is open: configured, running, its pictures lent to nalcastd. Main thread;
 * libcamera's reaches it through the inbox. */
#ifndef CAPTURE_SESSION_H
#define CAPTURE_SESSION_H

#include <memory>
#include <vector>

#include <libcamera/libcamera.h>

#include "common/error.h"
#include "streamer/capproto.h"

#include "capture/buffers.h"
#include "capture/cameras.h"
#include "capture/compat.h"
#include "capture/controls.h"
#include "capture/formats.h"
#include "capture/inbox.h"

namespace capture
{

class session
{
public:
	explicit session(inbox *in) : inbox_(in)
	{
	}

	/* The camera runs, and is kept. With words when it does not. */
	int open(const struct capproto_open &wanted, struct error *err);
	void stop();

	const struct source_caps &caps() const
	{
		return caps_;
	}
	const struct capproto_opened &opened() const
	{
		return opened_;
	}
	const std::vector<struct buffer> &all_buffers() const
	{
		return buffers_.all();
	}

	/* The oldest picture that is done: 1, and lent until release(); 0: none yet; negative, with
	 * words: the camera is lost. */
	int next(struct capproto_frame *ret_frame, struct error *err);
	int release(uint32_t index, struct error *err);

	/* -ENODEV: the camera is lost. */
	int set_control(const struct capproto_control &control, struct error *err);
	int set_fps(unsigned fps_milli, struct error *err);

private:
	enum holder { WITH_CAMERA, WITH_NALCASTD };

	int acquire(struct error *err);
	int configure(const struct capproto_open &wanted, struct error *err);
	int prepare_buffers(struct error *err);
	int start(struct error *err);
	int requeue(uint32_t index, struct error *err);
	bool prepare_mirror(const mirror &turned);
	int restart(const mirror &turned, struct error *err);
	bool read_picture(uint32_t index, struct capproto_frame *ret_frame);
	const char *name() const
	{
		return camera_->id().c_str();
	}

	inbox *inbox_;
	camera_ref camera_;
	std::unique_ptr<libcamera::CameraConfiguration> config_;
	const struct format *format_ = nullptr;
	mirror turned_ = {};
	std::unique_ptr<settings> controls_;
	buffers buffers_;
	std::vector<std::unique_ptr<libcamera::Request>> requests_;
	std::vector<holder> holders_; /* of each */
	struct source_caps caps_ = {};
	struct capproto_opened opened_ = {};
	uint32_t sequence_base_ = 0, sequence_last_ = 0;
	unsigned refusals_ = 0; /* in a row */
};

} /* namespace capture */

#endif
