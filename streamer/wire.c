#include "streamer/wire.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/util.h"

/* Edge-triggered: a socket that was read empty is not asked again whether it is. Doing it anew
 * tells once more of what is there already. */
static int control(struct wire *w, int op)
{
	struct epoll_event event = {
		.events = EPOLLRDHUP | EPOLLET | (w->gathers ? 0 : EPOLLIN) |
			  (w->blocked ? EPOLLOUT : 0),
		.data.ptr = w->data,
	};

	w->awaits_room = w->blocked;
	return epoll_ctl(w->epoll_fd, op, w->fd, &event) < 0 ? -errno : 0;
}

int wire_open(struct wire *w, int fd, int epoll_fd, void *data)
{
	*w = (struct wire){.fd = fd, .epoll_fd = epoll_fd, .data = data};
	int r = control(w, EPOLL_CTL_ADD);
	if (r < 0)
		close_fd(&w->fd);
	return r;
}

void wire_close(struct wire *w)
{
	leftover_clear(&w->unsent);
	close_fd(&w->fd);
}

int wire_take_fd(struct wire *w)
{
	int fd = w->fd;

	assert(w->unsent.size == 0);
	epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	w->fd = -1;
	return fd;
}

/* One piece costs less than a list of one. */
static ssize_t send_pieces(int fd, const struct iovec *iov, unsigned iov_count)
{
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
	/* sendmsg() takes a pointer to what it will only read as one to what it may write. */
	struct msghdr message = {
		.msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = iov_count,
	};

	return iov_count == 1 ? send(fd, iov->iov_base, iov->iov_len, flags)
			      : sendmsg(fd, &message, flags);
}

int wire_send(struct wire *w, const struct iovec *iov, unsigned iov_count, size_t *ret_sent)
{
	size_t wanted = 0;
	ssize_t sent;

	for (unsigned i = 0; i < iov_count; i++)
		wanted += iov[i].iov_len;
	do {
		sent = send_pieces(w->fd, iov, iov_count);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		return -errno;
	*ret_sent = sent > 0 ? (size_t)sent : 0;
	w->blocked = *ret_sent < wanted;
	return 0;
}

int wire_say(struct wire *w, const void *bytes, size_t size)
{
	struct iovec iov = {(void *)(uintptr_t)bytes, size};
	size_t sent;

	assert(w->unsent.size == 0);
	int r = wire_send(w, &iov, 1, &sent);
	if (r < 0)
		return r;
	return leftover_keep(&w->unsent, (const uint8_t *)bytes + sent, size - sent);
}

int wire_send_unsent(struct wire *w)
{
	struct iovec iov = {w->unsent.bytes, w->unsent.size};
	size_t sent;

	int r = wire_send(w, &iov, 1, &sent);
	if (r == 0)
		leftover_drop(&w->unsent, sent);
	return r;
}

ssize_t wire_receive(struct wire *w, void *bytes, size_t size)
{
	ssize_t received;

	do {
		received = recv(w->fd, bytes, size, MSG_DONTWAIT);
	} while (received < 0 && errno == EINTR);
	if (received < 0)
		return -errno;
	return received > 0 ? received : -EPIPE;
}

void wire_end(struct wire *w)
{
	shutdown(w->fd, SHUT_WR);
}

int wire_watch(struct wire *w, bool gather, bool again)
{
	if (!again && gather == w->gathers && w->blocked == w->awaits_room)
		return 0;
	w->gathers = gather;
	return control(w, EPOLL_CTL_MOD);
}
