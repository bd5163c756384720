/* peer: a nalcast-capture of the test's own, and what passes between them. Everything that waits
 * gives up after a generous while. One thread. */
#ifndef TESTS_LIBCAMERA_PEER_H
#define TESTS_LIBCAMERA_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "streamer/capproto.h"

struct peer {
	pid_t pid;
	int fd;
};

struct camera { /* one that is open, and its buffers */
	struct source_caps caps;
	struct capproto_opened opened;
	struct capproto_buffer buffer[CAPPROTO_BUFFERS_MAX];
	int buffer_fd[CAPPROTO_BUFFERS_MAX];
	const uint8_t *map[CAPPROTO_BUFFERS_MAX];
	bool lent[CAPPROTO_BUFFERS_MAX];
};

/* Started, and it has said hello. */
bool peer_start(const char *program, struct peer *ret_peer);

void peer_send(const struct peer *peer, const void *msg, size_t size);

bool peer_wait_readable(const struct peer *peer, int timeout_ms);

/* The next message; *ret_fd, where asked for, is the caller's to close. False: it ended instead, or
 * said what capproto_check() refuses, or nothing for timeout_ms. */
bool peer_receive(const struct peer *peer, int timeout_ms, union capproto_message *ret_msg,
		  int *ret_fd);
bool peer_expect(const struct peer *peer, uint32_t type, union capproto_message *ret_msg);

/* Waits for its end, as waitpid() tells it; -1: it does not. Our end of the socket is closed. */
int peer_wait(struct peer *peer);
int peer_close(struct peer *peer); /* closes first */

/* 0, or a negative errno as the helper said it, and its words. */
int peer_open(const struct peer *peer, const char *id, unsigned width, unsigned height,
	      unsigned fps_milli, struct camera *ret_camera, struct error *err);
void camera_clear(struct camera *camera);

int peer_control(const struct peer *peer, const char *name, double value, struct error *err);
int peer_set_fps(const struct peer *peer, unsigned fps_milli, struct error *err);

/* The next picture, lent; the buffer is checked not to be. */
bool peer_picture(const struct peer *peer, struct camera *camera, int timeout_ms,
		  struct capproto_frame *ret_frame);
void peer_done(const struct peer *peer, struct camera *camera, uint32_t index);

#endif
