#include "streamer/ctlask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ctlproto.h"
#include "common/unixsock.h"
#include "streamer/clock.h"

static void look_at_peer(int fd, struct ctlask_peer *peer)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0)
		*peer = (struct ctlask_peer){.pid = cred.pid, .uid = cred.uid};
}

static int put(int fd, const char *op, char *packet, struct error *err)
{
	struct ctl_request req = {.id = 1, .args = json_object()};

	snprintf(req.op, sizeof(req.op), "%s", op);
	int size = ctl_request_encode(&req, packet, CTL_PACKET_MAX);
	ctl_request_clear(&req);
	if (size < 0)
		return error_set(err, size, "%s: %s", op, strerror(-size));
	if (send(fd, packet, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return error_set(err, -errno, "it takes no question: %m");
	return 0;
}

static int take(int fd, int timeout_ms, char *packet, size_t *ret_size, struct error *err)
{
	int64_t end_us = clock_now_us() + timeout_ms * INT64_C(1000);
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	for (;;) {
		ssize_t size = recv(fd, packet, CTL_PACKET_MAX, MSG_DONTWAIT);
		if (size == 0)
			return error_set(err, -EPROTO, "it closes the connection");
		if (size > 0) {
			*ret_size = (size_t)size;
			return 0;
		}
		int64_t left_ms = (end_us - clock_now_us()) / 1000;
		if (errno != EAGAIN && errno != EINTR)
			return error_set(err, -EPROTO, "its answer: %m");
		if (left_ms <= 0)
			return error_set(err, -ETIMEDOUT, "no answer within %d ms", timeout_ms);
		poll(&poll_fd, 1, (int)left_ms);
	}
}

static int read_reply(const char *packet, size_t size, json_t **ret_result, struct error *err)
{
	struct ctl_reply reply = {.id = 0};
	int r = ctl_reply_decode(packet, size, &reply, err);

	if (r < 0)
		return -EPROTO;
	if (reply.code != CTL_OK || reply.result == NULL)
		r = error_set(err, -EPROTO, "it refuses: %s", ctl_code_word(reply.code));
	else
		*ret_result = json_incref(reply.result);
	ctl_reply_clear(&reply);
	return r;
}

int ctlask(const char *path, const char *op, int timeout_ms, json_t **ret_result,
	   struct ctlask_peer *ret_peer, struct error *err)
{
	size_t size = 0;
	int fd;
	int r = unixsock_connect(path, SOCK_SEQPACKET, timeout_ms, &fd, err);

	if (r < 0)
		return r;
	char *packet = malloc(CTL_PACKET_MAX);
	if (packet == NULL) {
		close(fd);
		return error_set(err, -ENOMEM, "out of memory");
	}
	look_at_peer(fd, ret_peer);
	r = put(fd, op, packet, err);
	if (r == 0)
		r = take(fd, timeout_ms, packet, &size, err);
	if (r == 0)
		r = read_reply(packet, size, ret_result, err);
	free(packet);
	close(fd);
	return r;
}
