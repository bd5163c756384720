/* wire: a viewer's socket: sends what fits, keeps what has to follow, and is watched in an epoll.
 *
 * Part of one viewer; loop thread. Watched for room only while it is blocked: else every read of a
 * peer that keeps up would wake the loop. */
#ifndef STREAMER_WIRE_H
#define STREAMER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "streamer/leftover.h"

struct wire {
	int fd, epoll_fd;
	bool blocked;           /* the socket took less than it was given */
	bool awaits_room;       /* the epoll tells of EPOLLOUT: follows blocked */
	bool gathers;           /* the epoll does not tell of EPOLLIN */
	struct leftover unsent; /* of what was said: it goes before anything else */
	void *data;             /* that comes with the epoll's events */
};

/* Takes fd, whatever the answer. */
int wire_open(struct wire *w, int fd, int epoll_fd, void *data);
void wire_close(struct wire *w);

/* Takes the socket back, which is watched no more; nothing may be unsent. */
int wire_take_fd(struct wire *w);

/* Send of these pieces what fits. -errno: the connection is broken. */
int wire_send(struct wire *w, const struct iovec *iov, unsigned iov_count, size_t *ret_sent);

/* Send these bytes, now or later. There must be nothing unsent. -ENOMEM: some are lost. */
int wire_say(struct wire *w, const void *bytes, size_t size);
int wire_send_unsent(struct wire *w);

/* That was all: the peer sees the end. What it still says can be received. */
void wire_end(struct wire *w);

/* Receive up to size bytes. -EAGAIN: there are none; -EPIPE: there will be none. */
ssize_t wire_receive(struct wire *w, void *bytes, size_t size);

/* To be called before going back to the loop. gather: what comes stays in the socket, untold, until
 * it is received all the same or this is called without. again: more may be there to be read than
 * was. */
int wire_watch(struct wire *w, bool gather, bool again);

#endif
