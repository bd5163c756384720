/* capture: the conversation with one nalcast-capture (capproto.h): what cameras there are, or one
 * that is open, with its buffers mapped and its frames as they come.
 *
 * Whatever ends it, the other side's death, its nonsense or its silence, is an error with words.
 * Owned by one thread, which waits in those functions that say so; all of them give up when the
 * thread is to end (source_stop_fd()). */
#ifndef STREAMER_CAPTURE_H
#define STREAMER_CAPTURE_H

#include <stdbool.h>

#include "streamer/capbuf.h"
#include "streamer/capproto.h"
#include "streamer/helper.h"
#include "streamer/pixfmt.h"

struct capture {
	struct helper helper;
	const struct pixfmt *pix;      /* once open */
	struct capproto_opened opened; /* once open */
	struct capbuf buffer[CAPPROTO_BUFFERS_MAX];
	bool ours[CAPPROTO_BUFFERS_MAX]; /* told by FRAME, not yet DONE */
	unsigned mapped;
	struct capproto_frame queue[CAPPROTO_BUFFERS_MAX]; /* came while an answer was awaited */
	unsigned queued;
	uint32_t number;            /* of the newest question */
	struct error lost;          /* code 0: it is not */
	int wake_fd;                /* readable: something is queued, or it is lost */
	int poll_fd;                /* readable: capture_take() has something to say */
	union capproto_message msg; /* the newest; large, so not on the stack */
};

/* Waits: starts it and hears its HELLO. Must be ended in any case. */
int capture_start(struct capture *c, int64_t until_us, struct error *err);
void capture_end(struct capture *c, int patience_ms); /* waits: see helper_end() */

/* Waits. *ret_list is the caller's to free, with at most SOURCE_LIST_MAX cameras. Returns how many,
 * or a negative errno, with words. */
int capture_list(struct capture *c, int64_t until_us, struct source_caps **ret_list,
		 struct error *err);

/* Waits. From then on pictures come. Once in its life. */
int capture_open(struct capture *c, const struct capproto_open *open, int64_t until_us,
		 struct error *err);

/* The oldest frame; to be given back by its index. -EAGAIN: none yet. Else it is lost: c->lost. */
int capture_take(struct capture *c, struct capproto_frame *ret_frame);
void capture_give_back(struct capture *c, uint32_t index);

/* Ask by CONTROL or SET_FPS, whose number is filled in, and wait for the RESULT. Frames that come
 * meanwhile are kept. -ETIMEDOUT, or what the other side says, with words. */
int capture_ask(struct capture *c, union capproto_message *question, int64_t until_us,
		struct error *err);

#endif
