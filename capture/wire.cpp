#include "capture/wire.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"

#define SUBSYSTEM   "wire"
#define SEND_MS_MAX 10000 /* nalcastd stands still for longer than that: it has given us up */

namespace capture
{

int wire::receive(union capproto_message *ret_msg, struct error *err)
{
	union capproto_message msg;
	ssize_t size;

	do
		size = recv(fd_, &msg, sizeof(msg), MSG_DONTWAIT | MSG_TRUNC);
	while (size < 0 && errno == EINTR);
	if (size < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (size <= 0)
		return error_set(err, -ECONNRESET, "nalcastd has closed the connection");
	int r = capproto_check(&msg, static_cast<size_t>(size), err);
	if (r == 0)
		memcpy(ret_msg, &msg, static_cast<size_t>(size));
	return r;
}

static void wait_for_room(int fd)
{
	struct pollfd p = {fd, POLLOUT, 0};
	int r = poll(&p, 1, SEND_MS_MAX);

	if (r > 0 || (r < 0 && errno == EINTR))
		return;
	log_error(SUBSYSTEM, "nalcastd reads nothing: the end");
	_exit(1);
}

void wire::send_bytes(const void *bytes, size_t size, int passed_fd)
{
	struct iovec part = {const_cast<void *>(bytes), size};
	alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
	struct msghdr msg = {};

	msg.msg_iov = &part;
	msg.msg_iovlen = 1;
	if (passed_fd >= 0) {
		msg.msg_control = room;
		msg.msg_controllen = sizeof(room);
		struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &passed_fd, sizeof(int));
	}
	while (sendmsg(fd_, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno == EAGAIN) {
			wait_for_room(fd_);
		} else if (errno != EINTR) {
			log_debug(SUBSYSTEM, "nalcastd is gone: %s", strerror(errno));
			_exit(0);
		}
	}
}

void wire::send_result(enum capproto_type type, uint32_t number, const struct error &err)
{
	struct capproto_result result = {};

	result.type = type;
	result.number = number;
	result.code = err.code;
	if (err.code < 0)
		snprintf(result.text, sizeof(result.text), "%s", err.text);
	send(result);
}

} /* namespace capture */
