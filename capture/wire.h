/* wire: the helper's end of the socket to nalcastd, and messages on it. Main thread. */
#ifndef CAPTURE_WIRE_H
#define CAPTURE_WIRE_H

#include "common/error.h"
#include "streamer/capproto.h"

namespace capture
{

class wire
{
public:
	explicit wire(int fd) : fd_(fd)
	{
	}
	int fd() const
	{
		return fd_;
	}

	/* 0 and a message that capproto_check() has seen; -ECONNRESET: nalcastd has closed;
	 * -EAGAIN: none yet. */
	int receive(union capproto_message *ret_msg, struct error *err);

	/* Waits for room, but not for ever: then, and when nalcastd has closed, the program ends.
	 */
	template <typename Message> void send(const Message &msg, int passed_fd = -1)
	{
		send_bytes(&msg, sizeof(msg), passed_fd);
	}
	void send_result(enum capproto_type type, uint32_t number, const struct error &err);

private:
	void send_bytes(const void *bytes, size_t size, int passed_fd);

	int fd_;
};

} /* namespace capture */

#endif
