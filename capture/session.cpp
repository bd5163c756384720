#include "capture/session.h"

#include <cerrno>
#include <cstring>
#include <ctime>

#include "common/log.h"

#include "capture/deadline.h"

#define SUBSYSTEM    "session"
#define CALL_S_MAX   30                  /* to configure and start */
#define STOP_S_MAX   6                   /* nalcastd gives us 5 */
#define REFUSALS_MAX 30                  /* in a row: it will not recover */
#define AGE_MAX_NS   INT64_C(1000000000) /* a time stamp that is older is of another clock */

using namespace libcamera;

namespace capture
{

/* --- opening */

int session::acquire(struct error *err)
{
	int r = camera_->acquire();

	if (r == -EBUSY)
		return error_set(err, r,
				 "camera '%s' is in use by another program: end that, or choose "
				 "another camera",
				 name());
	if (r == -EACCES || r == -EPERM)
		return error_set(
			err, -EACCES,
			"camera '%s' may not be opened: put nalcastd's user into the group "
			"video",
			name());
	if (r < 0)
		return error_set(err, r, "camera '%s' cannot be had: %s", name(), strerror(-r));
	return 0;
}

int session::configure(const struct capproto_open &wanted, struct error *err)
{
	config_ = cameras_configuration(camera_, err);
	if (!config_)
		return -ENOTSUP;
	format_ = formats_choose(config_.get(), turned_, wanted.width, wanted.height, name(), err);
	if (format_ == nullptr)
		return -EINVAL;
	int r = camera_->configure(config_.get());
	if (r < 0)
		return error_set(err, r, "camera '%s' does not take %s: %s", name(),
				 config_->at(0).toString().c_str(), strerror(-r));
	opened_.type = CAPPROTO_OPENED;
	formats_tell(*format_, config_->at(0), &opened_);
	opened_.fps_milli = controls_->set_fps(wanted.fps_milli);
	return 0;
}

int session::prepare_buffers(struct error *err)
{
	const StreamConfiguration &stream = config_->at(0);
	int r = buffers_.allocate(camera_, stream, err);

	for (const struct buffer &buffer : buffers_.all()) {
		struct capproto_plane planes[CAPPROTO_PLANES_MAX] = {};
		if (r == 0)
			r = formats_lay_out(*format_, stream, *buffer.frame, planes, err);
		if (r < 0)
			break;
		if (opened_.buffer_count == 0)
			memcpy(opened_.plane, planes, sizeof(planes));
		else if (memcmp(opened_.plane, planes, sizeof(planes)) != 0)
			return error_set(err, -ENOTSUP, "its buffers differ from each other");
		std::unique_ptr<Request> request = camera_->createRequest(opened_.buffer_count++);
		if (!request || request->addBuffer(stream.stream(), buffer.frame) < 0)
			return error_set(err, -EIO, "it takes no requests");
		requests_.push_back(std::move(request));
		holders_.push_back(WITH_CAMERA);
	}
	return r;
}

/* Whatever nalcastd holds is queued when it comes back. */
int session::start(struct error *err)
{
	ControlList list(camera_->controls());

	controls_->put_all(&list);
	int r = camera_->start(&list);
	for (uint32_t i = 0; r == 0 && i < requests_.size(); i++)
		if (holders_[i] == WITH_CAMERA)
			r = camera_->queueRequest(requests_[i].get());
	if (r < 0)
		return error_set(err, r, "camera '%s' does not start: %s", name(), strerror(-r));
	return 0;
}

int session::open(const struct capproto_open &wanted, struct error *err)
{
	int r = cameras_find(wanted.id, &camera_, err);

	if (r == 0)
		r = cameras_describe(camera_, &caps_, err);
	deadline limit(CALL_S_MAX);
	if (r == 0)
		r = acquire(err);
	if (r < 0)
		return r;
	controls_ = std::make_unique<settings>(camera_->controls());
	r = configure(wanted, err);
	if (r == 0) {
		struct error why = {};
		r = prepare_buffers(&why);
		if (r < 0)
			error_set(err, r, "camera '%s': %s", name(), why.text);
	}
	if (r == 0) {
		inbox_->connect(camera_.get());
		r = start(err);
	}
	if (r == 0)
		log_info(SUBSYSTEM, "camera '%s': %s, %u buffers", name(),
			 config_->at(0).toString().c_str(), opened_.buffer_count);
	return r;
}

/* Nothing is freed: after an unplug libcamera may still use what it was lent, and the process is
 * about to end. */
void session::stop()
{
	deadline limit(STOP_S_MAX);
	int r = camera_->stop();

	if (r < 0)
		log_debug(SUBSYSTEM, "camera '%s' does not stop: %s", name(), strerror(-r));
	camera_->release();
}

/* --- pictures */

static int64_t now_ns()
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
}

static int64_t time_of(const Request &request, const FrameMetadata &metadata)
{
	auto sensor =
		const_cast<Request &>(request).metadata().get(libcamera::controls::SensorTimestamp);
	int64_t then = sensor ? *sensor : static_cast<int64_t>(metadata.timestamp);
	int64_t now = now_ns();

	/* 0.4.0's virtual camera leaves the second one unset, and some clocks count sleep. */
	return (then > now || then < now - AGE_MAX_NS ? now : then) / 1000;
}

/* Of an enumeration that 0.4.0's virtual camera leaves unset: not to be read as one. */
static unsigned status_of(const FrameMetadata &metadata)
{
	unsigned status;

	static_assert(sizeof(status) == sizeof(metadata.status));
	memcpy(&status, &metadata.status, sizeof(status));
	return status;
}

/* False: this one is not to be shown. */
bool session::read_picture(uint32_t index, struct capproto_frame *ret_frame)
{
	const Request &request = *requests_[index];
	const FrameMetadata &metadata = buffers_.all()[index].frame->metadata();
	unsigned status = status_of(metadata);
	uint32_t bytes = 0;

	/* FrameError, FrameCancelled, and since 0.5.2 FrameStartup, a picture before the camera has
	 * found its exposure. Unset it is none of these. */
	if (status >= 1 && status <= 3)
		return false;
	if (format_->bytes_per_pixel == 0) {
		if (metadata.planes().size() > 0)
			bytes = metadata.planes()[0].bytesused;
		if (bytes == 0 || bytes > opened_.plane[0].size)
			return false;
	}
	*ret_frame = {};
	ret_frame->type = CAPPROTO_FRAME;
	ret_frame->index = index;
	sequence_last_ = sequence_base_ + request.sequence();
	ret_frame->sequence = sequence_last_;
	ret_frame->bytes = bytes;
	ret_frame->pts_us = time_of(request, metadata);
	return true;
}

int session::requeue(uint32_t index, struct error *err)
{
	Request *request = requests_[index].get();

	holders_[index] = WITH_CAMERA;
	request->reuse(Request::ReuseBuffers);
	controls_->put_changes(&request->controls());
	int r = camera_->queueRequest(request);
	if (r < 0)
		return error_set(err, -ENODEV, "camera '%s' takes no more buffers: %s", name(),
				 strerror(-r));
	return 0;
}

int session::next(struct capproto_frame *ret_frame, struct error *err)
{
	uint64_t index;

	while (!inbox_->is_gone() && inbox_->next(&index)) {
		bool was_refused = requests_[index]->status() == Request::RequestCancelled;
		refusals_ = was_refused ? refusals_ + 1 : 0;
		if (refusals_ == 1)
			log_warn(SUBSYSTEM, "camera '%s' has refused a request", name());
		if (refusals_ > REFUSALS_MAX)
			return error_set(err, -EIO, "camera '%s' refuses every request", name());
		if (!was_refused && read_picture(static_cast<uint32_t>(index), ret_frame)) {
			holders_[index] = WITH_NALCASTD;
			return 1;
		}
		int r = requeue(static_cast<uint32_t>(index), err);
		if (r < 0)
			return r;
	}
	if (inbox_->is_gone())
		return error_set(err, -ENODEV,
				 "camera '%s' is gone: unplugged, or its driver ended", name());
	return 0;
}

int session::release(uint32_t index, struct error *err)
{
	if (index >= holders_.size() || holders_[index] != WITH_NALCASTD)
		return error_set(err, -EPROTO, "buffer %u is not nalcastd's to give back", index);
	return requeue(index, err);
}

/* --- changes */

/* Would pictures that are mirrored so lie in the same buffers as those of now? Then config_ is
 * that.
 */
bool session::prepare_mirror(const mirror &turned)
{
	StreamConfiguration before = config_->at(0);

	config_set_mirror(*config_, turned);
	bool is_valid = config_->validate() != CameraConfiguration::Invalid;
	const StreamConfiguration &after = config_->at(0);
	return is_valid && after.pixelFormat == before.pixelFormat && after.size == before.size &&
	       after.stride == before.stride && after.frameSize == before.frameSize;
}

/* libcamera mirrors by configuration only. The buffers stay, wherever they are. -ENODEV: the camera
 * is lost on the way. */
int session::restart(const mirror &turned, struct error *err)
{
	deadline limit(CALL_S_MAX);

	if (!prepare_mirror(turned)) {
		prepare_mirror(turned_);
		return error_set(err, -ENOTSUP, "camera '%s' cannot mirror pictures of this size",
				 name());
	}
	int r = camera_->stop();
	inbox_->forget();
	if (r == 0)
		r = camera_->configure(config_.get());
	if (r < 0)
		return error_set(err, -ENODEV, "camera '%s' is lost in being mirrored: %s", name(),
				 strerror(-r));
	turned_ = turned;
	/* A camera that starts counts from 0; one is left out, for pictures were lost. */
	sequence_base_ = sequence_last_ + 2;
	for (uint32_t i = 0; i < requests_.size(); i++)
		if (holders_[i] == WITH_CAMERA)
			requests_[i]->reuse(Request::ReuseBuffers);
	r = start(err);
	return r < 0 ? error_set(err, -ENODEV, "%s", std::string(err->text).c_str()) : 0;
}

int session::set_control(const struct capproto_control &control, struct error *err)
{
	mirror turned = turned_;
	int r = controls_check(caps_, control.name, control.value, control.count, err);

	if (r < 0)
		return r;
	if (strcmp(control.name, "hflip") == 0)
		turned.horizontal = control.value[0] != 0;
	else if (strcmp(control.name, "vflip") == 0)
		turned.vertical = control.value[0] != 0;
	else
		return controls_->set(control.name, control.value, controls_sensor(*camera_), err);
	return turned == turned_ ? 0 : restart(turned, err);
}

int session::set_fps(unsigned fps_milli, struct error *err)
{
	if (controls_->set_fps(fps_milli) == 0)
		return error_set(err, -ENOTSUP, "camera '%s' cannot be asked for a rate", name());
	return 0;
}

} /* namespace capture */
