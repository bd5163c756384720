/* helper: a nalcast-capture of the test's own, and what passes between them. Everything that waits
 * gives up after a generous while. One thread. */
#ifndef TESTS_LIBCAMERA_HELPER_H
#define TESTS_LIBCAMERA_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "streamer/capproto.h"

struct helper {
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
bool helper_start(const char *program, struct helper *ret_helper);

void helper_send(const struct helper *h, const void *msg, size_t size);

/* The next message; *ret_fd, where asked for, is the caller's to close. False: it ended instead, or
 * said what capproto_check() refuses, or nothing for timeout_ms. */
bool helper_receive(const struct helper *h, int timeout_ms, union capproto_message *ret_msg,
		    int *ret_fd);
bool helper_expect(const struct helper *h, uint32_t type, union capproto_message *ret_msg);

/* Waits for its end, as waitpid() tells it; -1: it does not. Our end of the socket is closed. */
int helper_wait(struct helper *h);
int helper_close(struct helper *h); /* closes first */

/* 0, or a negative errno as the helper said it, and its words. */
int helper_open(const struct helper *h, const char *id, unsigned width, unsigned height,
		unsigned fps_milli, struct camera *ret_camera, struct error *err);
void camera_clear(struct camera *camera);

int helper_control(const struct helper *h, const char *name, double value, struct error *err);
int helper_set_fps(const struct helper *h, unsigned fps_milli, struct error *err);

/* The next picture, lent; the buffer is checked not to be. */
bool helper_picture(const struct helper *h, struct camera *camera, int timeout_ms,
		    struct capproto_frame *ret_frame);
void helper_done(const struct helper *h, struct camera *camera, uint32_t index);

#endif
