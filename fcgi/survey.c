#include "fcgi/survey.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/ctlproto.h"
#include "common/unixsock.h"
#include "common/util.h"
#include "fcgi/clock.h"

#define SURVEY_OP "health"

static void settle(struct survey_item *item, const char *status)
{
	item->status = status;
	close_fd(&item->fd);
}

/* A full backlog (EAGAIN) is a nalcastd that does not accept: it would not answer either. */
static void begin(struct survey_item *item, const char *packet, size_t size)
{
	item->fd = -1;
	item->status = "timeout";
	int r = unixsock_connect(item->path, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, &item->fd, NULL);
	if (r < 0)
		settle(item, r == -EAGAIN ? "timeout" : "unreachable");
	else if (send(item->fd, packet, size, MSG_NOSIGNAL) != (ssize_t)size)
		settle(item, "unreachable");
}

static void finish(struct survey_item *item, char *packet)
{
	struct ctl_reply reply;
	ssize_t len = recv(item->fd, packet, CTL_PACKET_MAX, MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0 || ctl_reply_decode(packet, (size_t)len, &reply, NULL) < 0) {
		settle(item, "unreachable");
		return;
	}
	settle(item, reply.code == CTL_OK ? "ok" : "unreachable");
	ctl_reply_clear(&reply);
}

/* Who has not answered is waited for. How many those are. */
static size_t set_poll(const struct survey_item *items, size_t count, struct pollfd *fds)
{
	size_t waiting = 0;

	for (size_t i = 0; i < count; i++) {
		fds[i] = (struct pollfd){.fd = items[i].fd, .events = POLLIN};
		waiting += items[i].fd >= 0;
	}
	return waiting;
}

static void collect(struct survey_item *items, size_t count, int64_t deadline_ms,
		    struct pollfd *fds, char *packet)
{
	while (set_poll(items, count, fds) > 0) {
		int64_t left_ms = deadline_ms - clock_now_ms();
		if (left_ms <= 0 || (poll(fds, count + 1, (int)left_ms) < 0 && errno != EINTR) ||
		    fds[count].revents != 0)
			return;
		for (size_t i = 0; i < count; i++)
			if (fds[i].revents != 0)
				finish(&items[i], packet);
	}
}

void survey(struct survey_item *items, size_t count, int timeout_ms, int cancel_fd)
{
	const int64_t deadline_ms = clock_now_ms() + timeout_ms;
	struct ctl_request req = {.id = 1, .op = SURVEY_OP, .args = json_object()};
	struct pollfd *fds = calloc(count + 1, sizeof(*fds));
	char *packet = malloc(CTL_PACKET_MAX);
	int size = -ENOMEM;

	if (fds != NULL && packet != NULL && req.args != NULL)
		size = ctl_request_encode(&req, packet, CTL_PACKET_MAX);
	for (size_t i = 0; i < count; i++) {
		items[i].fd = -1;
		items[i].status = "timeout"; /* out of memory, too: we did not get to hear it */
		if (size > 0)
			begin(&items[i], packet, (size_t)size);
	}
	if (size > 0) {
		fds[count] = (struct pollfd){.fd = cancel_fd, .events = POLLIN};
		collect(items, count, deadline_ms, fds, packet);
	}
	for (size_t i = 0; i < count; i++)
		close_fd(&items[i].fd);
	json_decref(req.args);
	free(packet);
	free(fds);
}
