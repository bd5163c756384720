#include "tests/libcamera/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util.h"

#define WAIT_MS 60000 /* in company, on a slow machine */

static void run_program(const char *program, int fd)
{
	const char *argv[] = {program, NULL, NULL};

	if (getenv("DRIVE_DEBUG") != NULL)
		argv[1] = "--log-level=debug";
	/* dup2() onto itself would leave it to be closed by exec. */
	if (fd == CAPPROTO_FD)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, CAPPROTO_FD);
	execv(program, (char **)argv);
	perror(program);
	_exit(127);
}

bool peer_start(const char *program, struct peer *ret_peer)
{
	int pair[2];
	union capproto_message msg;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	struct peer peer = {.pid = fork(), .fd = pair[0]};
	if (peer.pid == 0)
		run_program(program, pair[1]);
	close(pair[1]);
	if (!peer_expect(&peer, CAPPROTO_HELLO, &msg) || msg.hello.version != CAPPROTO_VERSION ||
	    msg.hello.caps_bytes != sizeof(struct source_caps) || msg.hello.libcamera[0] == '\0') {
		printf("# it does not say hello\n");
		kill(peer.pid, SIGKILL);
		peer_close(&peer);
		return false;
	}
	*ret_peer = peer;
	return true;
}

void peer_send(const struct peer *peer, const void *msg, size_t size)
{
	if (send(peer->fd, msg, size, MSG_NOSIGNAL) < 0)
		printf("# send: %s\n", strerror(errno));
}

/* The descriptor that came with a message, or -1. */
static int passed_fd(struct msghdr *head)
{
	const struct cmsghdr *part = CMSG_FIRSTHDR(head);
	int fd;

	if (part == NULL || part->cmsg_type != SCM_RIGHTS ||
	    part->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(part), sizeof(fd));
	return fd;
}

bool peer_wait_readable(const struct peer *peer, int timeout_ms)
{
	struct pollfd p = {.fd = peer->fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) > 0;
}

bool peer_receive(const struct peer *peer, int timeout_ms, union capproto_message *ret_msg,
		  int *ret_fd)
{
	struct iovec part = {ret_msg, sizeof(*ret_msg)};
	union {
		struct cmsghdr aligned;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room;
	struct msghdr head = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room),
	};
	struct error err = {0};

	if (!peer_wait_readable(peer, timeout_ms))
		return false;
	ssize_t size = recvmsg(peer->fd, &head, MSG_CMSG_CLOEXEC);
	if (size <= 0)
		return false;
	int fd = passed_fd(&head);
	if (ret_fd != NULL)
		*ret_fd = fd;
	else
		close_fd(&fd);
	if (capproto_check(ret_msg, (size_t)size, &err) == 0)
		return true;
	printf("# %s\n", err.text);
	return false;
}

bool peer_expect(const struct peer *peer, uint32_t type, union capproto_message *ret_msg)
{
	if (!peer_receive(peer, WAIT_MS, ret_msg, NULL)) {
		printf("# no message %u came\n", type);
		return false;
	}
	if (ret_msg->type == type)
		return true;
	printf("# message %u instead of %u\n", ret_msg->type, type);
	if (ret_msg->type == CAPPROTO_RESULT || ret_msg->type == CAPPROTO_LOST)
		printf("# %d: %s\n", ret_msg->result.code, ret_msg->result.text);
	return false;
}

static void sleep_ms(int ms)
{
	poll(NULL, 0, ms);
}

int peer_wait(struct peer *peer)
{
	int status;

	for (int waited_ms = 0; waited_ms < WAIT_MS; waited_ms += 10) {
		if (waitpid(peer->pid, &status, WNOHANG) == peer->pid) {
			close_fd(&peer->fd);
			return status;
		}
		sleep_ms(10);
	}
	kill(peer->pid, SIGKILL);
	waitpid(peer->pid, &status, 0);
	close_fd(&peer->fd);
	return -1;
}

int peer_close(struct peer *peer)
{
	close_fd(&peer->fd);
	return peer_wait(peer);
}

static int tell_result(const struct capproto_result *result, struct error *err)
{
	if (result->code == 0)
		return 0;
	return error_set(err, result->code, "%s", result->text);
}

static int receive_buffers(const struct peer *peer, struct camera *camera, struct error *err)
{
	union capproto_message msg;

	for (unsigned i = 0; i < camera->opened.buffer_count; i++) {
		int *fd = &camera->buffer_fd[i];
		if (!peer_receive(peer, WAIT_MS, &msg, fd) || msg.type != CAPPROTO_BUFFER ||
		    msg.buffer.index != i || *fd < 0)
			return error_set(err, -EPROTO, "buffer %u does not come", i);
		camera->buffer[i] = msg.buffer;
		void *map = mmap(NULL, msg.buffer.bytes, PROT_READ, MAP_SHARED, *fd, 0);
		if (map == MAP_FAILED)
			return error_set(err, -errno, "mmap: %s", strerror(errno));
		camera->map[i] = map;
	}
	return 0;
}

int peer_open(const struct peer *peer, const char *id, unsigned width, unsigned height,
	      unsigned fps_milli, struct camera *ret_camera, struct error *err)
{
	struct capproto_open open = {
		.type = CAPPROTO_OPEN,
		.width = width,
		.height = height,
		.fps_milli = fps_milli,
	};
	union capproto_message msg;

	memset(ret_camera, 0, sizeof(*ret_camera));
	for (unsigned i = 0; i < CAPPROTO_BUFFERS_MAX; i++)
		ret_camera->buffer_fd[i] = -1;
	snprintf(open.id, sizeof(open.id), "%s", id);
	peer_send(peer, &open, sizeof(open));
	if (!peer_receive(peer, WAIT_MS, &msg, NULL))
		return error_set(err, -EPIPE, "it does not answer");
	if (msg.type == CAPPROTO_RESULT)
		return tell_result(&msg.result, err);
	ret_camera->caps = msg.camera.caps;
	if (msg.type != CAPPROTO_CAMERA || !peer_expect(peer, CAPPROTO_OPENED, &msg))
		return error_set(err, -EPROTO, "no camera and format");
	ret_camera->opened = msg.opened;
	return receive_buffers(peer, ret_camera, err);
}

void camera_clear(struct camera *camera)
{
	for (unsigned i = 0; i < CAPPROTO_BUFFERS_MAX; i++) {
		if (camera->map[i] != NULL)
			munmap((void *)camera->map[i], camera->buffer[i].bytes);
		camera->map[i] = NULL;
		close_fd(&camera->buffer_fd[i]);
	}
}

/* Pictures that come before it go back. */
static int await_result(const struct peer *peer, uint32_t number, struct error *err)
{
	union capproto_message msg;

	while (peer_receive(peer, WAIT_MS, &msg, NULL)) {
		struct capproto_done done = {CAPPROTO_DONE, msg.frame.index};
		if (msg.type == CAPPROTO_RESULT && msg.result.number == number)
			return tell_result(&msg.result, err);
		if (msg.type != CAPPROTO_FRAME)
			break;
		peer_send(peer, &done, sizeof(done));
	}
	return error_set(err, -EPROTO, "no result");
}

int peer_control(const struct peer *peer, const char *name, double value, struct error *err)
{
	struct capproto_control control = {
		.type = CAPPROTO_CONTROL,
		.number = 7,
		.count = 1,
		.value = {value},
	};

	snprintf(control.name, sizeof(control.name), "%s", name);
	peer_send(peer, &control, sizeof(control));
	return await_result(peer, control.number, err);
}

int peer_set_fps(const struct peer *peer, unsigned fps_milli, struct error *err)
{
	struct capproto_set_fps set_fps = {CAPPROTO_SET_FPS, 8, fps_milli};

	peer_send(peer, &set_fps, sizeof(set_fps));
	return await_result(peer, set_fps.number, err);
}

bool peer_picture(const struct peer *peer, struct camera *camera, int timeout_ms,
		  struct capproto_frame *ret_frame)
{
	union capproto_message msg;

	if (!peer_receive(peer, timeout_ms < 0 ? WAIT_MS : timeout_ms, &msg, NULL))
		return false;
	if (msg.type != CAPPROTO_FRAME || msg.frame.index >= camera->opened.buffer_count ||
	    camera->lent[msg.frame.index]) {
		printf("# message %u, buffer %u\n", msg.type, msg.frame.index);
		return false;
	}
	camera->lent[msg.frame.index] = true;
	*ret_frame = msg.frame;
	return true;
}

void peer_done(const struct peer *peer, struct camera *camera, uint32_t index)
{
	struct capproto_done done = {CAPPROTO_DONE, index};

	camera->lent[index] = false;
	peer_send(peer, &done, sizeof(done));
}
