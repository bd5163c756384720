#include "fcgi/ctlclient.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/unixsock.h"
#include "common/util.h"
#include "fcgi/clock.h"

/* connect(2) waits while nalcastd's backlog is full, recv(2) for the answer, and neither can wait
 * for cancel_fd as well: they wait in slices. A poll() before each recv() would cost more than
 * nalcastd takes to answer. */
#define SLICE_MS 100

struct call {
	struct ctlclient *client;
	int64_t deadline_ms;
	struct error *err;
};

static int late(const struct call *call)
{
	return error_set(call->err, -ETIMEDOUT, "%s: no answer in time", call->client->path);
}

/* Is it to go on? */
static int look(const struct call *call)
{
	struct pollfd cancel = {.fd = call->client->cancel_fd, .events = POLLIN};

	if (poll(&cancel, 1, 0) > 0)
		return error_set(call->err, -ECANCELED, "this program is being stopped");
	return call->deadline_ms <= clock_now_ms() ? late(call) : 0;
}

static int connect_in_slices(struct call *call)
{
	static const struct timeval slice = {.tv_usec = SLICE_MS * 1000};
	int r;

	while ((r = look(call)) == 0) {
		int64_t left_ms = call->deadline_ms - clock_now_ms();
		r = unixsock_connect(call->client->path, SOCK_SEQPACKET,
				     (int)min_i64(max_i64(left_ms, 1), SLICE_MS), &call->client->fd,
				     call->err);
		if (r == 0 && setsockopt(call->client->fd, SOL_SOCKET, SO_RCVTIMEO, &slice,
					 sizeof(slice)) < 0)
			return error_set(call->err, -errno, "SO_RCVTIMEO: %m");
		if (r != -EAGAIN && r != -EINTR)
			return r;
	}
	return r;
}

/* Every packet before it was taken and answered, so there is room: nothing to wait for. */
static int send_packet(const struct call *call, const char *packet, size_t size)
{
	if (send(call->client->fd, packet, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size)
		return error_set(call->err, -errno, "%s: send: %m", call->client->path);
	return 0;
}

/* What a connection from before does not take, nalcastd has not seen: a new one gets it. */
static int send_request(struct call *call, const struct ctl_request *req, char *packet)
{
	struct ctlclient *client = call->client;
	int size = ctl_request_encode(req, packet, CTL_PACKET_MAX);

	if (size < 0)
		return error_set(call->err, size == -EMSGSIZE ? -E2BIG : size,
				 "%d bytes are the most", CTL_PACKET_MAX);
	if (client->fd >= 0 && send_packet(call, packet, (size_t)size) == 0)
		return 0;
	close_fd(&client->fd);
	int r = connect_in_slices(call);
	return r < 0 ? r : send_packet(call, packet, (size_t)size);
}

static int receive(const struct call *call, char *packet, size_t *ret_len)
{
	const char *path = call->client->path;

	ssize_t len;

	/* MSG_TRUNC: the packet's true length, also where it did not fit. */
	while ((len = recv(call->client->fd, packet, CTL_PACKET_MAX, MSG_TRUNC)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return error_set(call->err, -errno, "%s: recv: %m", path);
		int r = look(call);
		if (r < 0)
			return r;
	}
	if (len == 0)
		return error_set(call->err, -ECONNRESET, "%s: closed without an answer", path);
	if (len > CTL_PACKET_MAX)
		return error_set(call->err, -EMSGSIZE,
				 "%s: an answer of %zd bytes, over the %d of a packet", path, len,
				 CTL_PACKET_MAX);
	*ret_len = (size_t)len;
	return 0;
}

static int read_reply(const struct call *call, const struct ctl_request *req, const char *packet,
		      size_t len, struct ctl_reply *ret_reply)
{
	struct ctl_reply reply;
	struct error why = {0};
	int r = call->client->as_text ? ctl_reply_decode_text(packet, len, &reply) : -EAGAIN;

	if (r == -EAGAIN)
		r = ctl_reply_decode(packet, len, &reply, &why);
	if (r < 0)
		return error_set(call->err, r, "%s: an answer that is none: %.150s",
				 call->client->path, why.text);
	if (reply.id != req->id) {
		ctl_reply_clear(&reply);
		return error_set(call->err, -EPROTO, "%s: the answer to another request",
				 call->client->path);
	}
	*ret_reply = reply;
	return 0;
}

static int exchange(struct call *call, const struct ctl_request *req, struct ctl_reply *ret_reply)
{
	static _Thread_local char packet[CTL_PACKET_MAX];
	size_t len = 0;
	int r = send_request(call, req, packet);

	if (r == 0)
		r = receive(call, packet, &len);
	if (r == 0)
		r = read_reply(call, req, packet, len, ret_reply);
	if (r < 0)
		close_fd(&call->client->fd);
	return r;
}

int ctlclient_call(struct ctlclient *client, const char *op, json_t *args, int timeout_ms,
		   struct ctl_reply *ret_reply, struct error *err)
{
	/* Relaxed: all it must be is another number than before. */
	static atomic_uint last_id;
	struct ctl_request req = {.args = args};
	struct call call = {client, clock_now_ms() + timeout_ms, err};

	req.id = 1 + (json_int_t)atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed);
	snprintf(req.op, sizeof(req.op), "%s", op);
	return exchange(&call, &req, ret_reply);
}
