#include "capture/server.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include <poll.h>

#include "common/log.h"
#include "streamer/capproto.h"

#include "capture/session.h"
#include "capture/text.h"
#include "capture/wire.h"

#define SUBSYSTEM "server"

using namespace libcamera;

namespace capture
{

namespace
{

class server
{
public:
	explicit server(int fd) : wire_(fd)
	{
	}
	int run();

private:
	void send_hello();
	void send_camera(const struct source_caps &caps);
	void list();
	void open(const struct capproto_open &wanted);
	void handle(const union capproto_message &msg);
	void answer(uint32_t number, int r, const struct error &err);
	void send_pictures();
	void lose(const struct error &err);
	void read_wire();

	wire wire_;
	inbox &inbox_ = *new inbox; /* see there */
	std::unique_ptr<session> session_;
	bool ended_ = false;
	int status_ = 0;
};

} /* namespace */

void server::send_hello()
{
	struct capproto_hello hello = {};

	hello.type = CAPPROTO_HELLO;
	hello.version = CAPPROTO_VERSION;
	hello.caps_bytes = sizeof(struct source_caps);
	copy_text(CameraManager::version(), hello.libcamera, sizeof(hello.libcamera));
	wire_.send(hello);
}

void server::send_camera(const struct source_caps &caps)
{
	struct capproto_camera camera = {};

	camera.type = CAPPROTO_CAMERA;
	camera.caps = caps;
	wire_.send(camera);
}

void server::list()
{
	std::vector<camera_ref> cameras;
	struct capproto_listed listed = {};
	struct error err = {};

	if (cameras_list(&cameras, &err) < 0)
		log_error(SUBSYSTEM, "%s", err.text);
	for (const camera_ref &camera : cameras) {
		struct source_caps caps;
		if (listed.count == SOURCE_LIST_MAX)
			break;
		if (cameras_describe(camera, &caps, &err) < 0) {
			log_info(SUBSYSTEM, "%s", err.text);
			continue;
		}
		send_camera(caps);
		listed.count++;
	}
	listed.type = CAPPROTO_LISTED;
	wire_.send(listed);
}

/* A session that could not be opened is kept: libcamera may still use parts of it. */
void server::open(const struct capproto_open &wanted)
{
	struct error err = {};

	if (session_) {
		error_set(&err, -EALREADY, "this helper has served its OPEN");
		wire_.send_result(CAPPROTO_RESULT, 0, err);
		return;
	}
	session_ = std::make_unique<session>(&inbox_);
	int r = inbox_.open(&err);
	if (r == 0)
		r = session_->open(wanted, &err);
	if (r < 0) {
		static_cast<void>(session_.release());
		ended_ = true;
		wire_.send_result(CAPPROTO_RESULT, 0, err);
		return;
	}
	send_camera(session_->caps());
	wire_.send(session_->opened());
	for (uint32_t i = 0; i < session_->opened().buffer_count; i++) {
		const struct buffer &from = session_->all_buffers()[i];
		struct capproto_buffer buffer = {};
		buffer.type = CAPPROTO_BUFFER;
		buffer.index = i;
		buffer.bytes = from.bytes;
		buffer.dmabuf = from.is_dmabuf;
		wire_.send(buffer, from.fd);
	}
}

void server::answer(uint32_t number, int r, const struct error &err)
{
	struct error told = err;

	if (r == 0)
		told.code = 0;
	wire_.send_result(CAPPROTO_RESULT, number, told);
}

/* After it nothing may be asked of libcamera: what it does with a camera that is gone depends on
 * its version, and stop() is not the least of it. */
void server::lose(const struct error &err)
{
	log_info(SUBSYSTEM, "%s", err.text);
	wire_.send_result(CAPPROTO_LOST, 0, err);
	static_cast<void>(session_.release());
	ended_ = true;
}

void server::handle(const union capproto_message &msg)
{
	struct error err = {};
	int r;

	if (msg.type == CAPPROTO_LIST) {
		list();
		return;
	}
	if (msg.type == CAPPROTO_OPEN) {
		open(msg.open);
		return;
	}
	if (!session_) {
		log_error(SUBSYSTEM, "nalcastd asks for what needs an open camera");
		ended_ = true;
		status_ = 1;
		return;
	}
	switch (msg.type) {
	case CAPPROTO_DONE:
		r = session_->release(msg.done.index, &err);
		if (r == -EPROTO)
			log_warn(SUBSYSTEM, "%s", err.text);
		else if (r < 0)
			lose(err);
		return;
	case CAPPROTO_CONTROL:
		r = session_->set_control(msg.control, &err);
		answer(msg.control.number, r, err);
		if (r == -ENODEV)
			lose(err);
		return;
	case CAPPROTO_SET_FPS:
		r = session_->set_fps(msg.set_fps.fps_milli, &err);
		answer(msg.set_fps.number, r, err);
		return;
	default:
		log_error(SUBSYSTEM, "message %u is not nalcastd's to send", msg.type);
		ended_ = true;
		status_ = 1;
	}
}

void server::send_pictures()
{
	struct capproto_frame frame;
	struct error err = {};
	int r;

	inbox_.clear_event();
	while ((r = session_->next(&frame, &err)) > 0)
		wire_.send(frame);
	if (r < 0)
		lose(err);
}

void server::read_wire()
{
	union capproto_message msg;
	struct error err = {};
	int r = wire_.receive(&msg, &err);

	if (r == 0) {
		handle(msg);
		return;
	}
	if (r == -EAGAIN)
		return;
	ended_ = true;
	if (r == -ECONNRESET) {
		log_debug(SUBSYSTEM, "%s", err.text);
		return;
	}
	log_error(SUBSYSTEM, "what nalcastd says is not understood: %s", err.text);
	status_ = 1;
}

int server::run()
{
	send_hello();
	while (!ended_) {
		struct pollfd fds[] = {{wire_.fd(), POLLIN, 0}, {inbox_.fd(), POLLIN, 0}};
		int r = poll(fds, session_ ? 2 : 1, -1);
		if (r < 0 && errno != EINTR) {
			log_error(SUBSYSTEM, "poll: %s", strerror(errno));
			return 1;
		}
		if (r <= 0)
			continue;
		if (fds[0].revents != 0)
			read_wire();
		if (session_ && !ended_)
			send_pictures();
	}
	if (session_)
		session_->stop();
	return status_;
}

int server_run(int fd)
{
	server &only = *new server(fd); /* what libcamera still uses must outlive us */

	return only.run();
}

} /* namespace capture */
