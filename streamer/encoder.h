/* encoder: frames in, access units out.
 *
 * Used by the pipeline's thread only. Asynchronous underneath: submit, and collect when
 * encoder_fd() says so. A synchronous encoder (x264) has its access unit ready at once and no
 * descriptor. What comes out is in the shape nalcast sends: Annex B, 4-byte start codes, no
 * delimiters, and every IDR begins with SPS and PPS; flags, pts_us and format are set. */
#ifndef STREAMER_ENCODER_H
#define STREAMER_ENCODER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "streamer/au.h"
#include "streamer/source.h"

struct encoder_config {
	struct source_format in;
	/* x264 is held to access units of 1.5 frame times of it at most; but where those are too
	 * few for an IDR, and the picture would stand still after each, to 8000 bits and 20 a
	 * macroblock (1280x720p30: below 1.6 Mbit/s). */
	unsigned bitrate_bps;
	unsigned gop_frames; /* frames from one IDR to the next */
	unsigned threads;    /* of x264; 0: cores - 1, at least 1 */
	bool any_profile;    /* let Main and High through, where the source brings them */
	char preset[16];     /* of x264; "" or "auto": by cores, size and rate */
};

/* How pictures get to the encoder. */
enum encoder_copy {
	ENCODER_COPY_UNKNOWN, /* it is none of ours to say, or there was no picture yet */
	ENCODER_COPY_NONE,    /* it reads them where the source left them */
	ENCODER_COPY_ONE,     /* they are copied to where it can */
};

struct encoder; /* every backend's own struct has a struct encoder as its first member */

struct encoder_ops {
	const char *name; /* as written in the settings: "x264" */
	bool hardware;

	/* Does it take frames of this fourcc? */
	bool (*takes)(uint32_t fourcc);
	int (*open)(const struct encoder_config *cfg, struct encoder **ret_encoder,
		    struct error *err);
	void (*close)(struct encoder *enc);
	int (*get_fd)(const struct encoder *enc);
	int (*submit)(struct encoder *enc, const struct frame *frame, bool force_idr);
	int (*reclaim)(struct encoder *enc, uint32_t *ret_index);
	int (*collect)(struct encoder *enc, struct au **ret_au, struct error *err);
	/* May be NULL: it cannot be asked. */
	int (*set_rate)(struct encoder *enc, unsigned bitrate_bps, unsigned fps_milli);
	int (*set_gop)(struct encoder *enc, unsigned gop_frames); /* may be NULL, too */
	/* For people, how it would be opened; may be NULL. */
	void (*tell)(const struct encoder_config *cfg, char *words, size_t words_size);
	/* May be NULL: of a synchronous one, which has nothing under way. */
	bool (*is_busy)(const struct encoder *enc);
	int (*drain)(struct encoder *enc);
	enum encoder_copy (*get_copy)(const struct encoder *enc); /* NULL: unknown */
	bool can_force_idr;
};

struct encoder { /* the first member of every backend's own struct */
	const struct encoder_ops *ops;
};

/* The backend called name ("auto": the first that takes fourcc; encpick.h), or NULL with words:
 * none of that name in this build, or it does not take such frames. H.264 always goes to the
 * pass-through. */
const struct encoder_ops *encoder_find(const char *name, uint32_t fourcc, struct error *err);

bool encoder_exists(const char *name); /* in this build; so does "auto" */

int encoder_open(const struct encoder_ops *ops, const struct encoder_config *cfg,
		 struct encoder **ret_encoder, struct error *err);
void encoder_close(struct encoder *enc); /* NULL is nothing; frames not yet reclaimed are let go */

int encoder_fd(const struct encoder *enc); /* -1: synchronous */

/* Is anything under way in it? Only then is there a reason to poll its descriptor. */
bool encoder_is_busy(const struct encoder *enc);

/* Hand in a frame. On success the encoder reads it until encoder_reclaim() names it.
 * -EAGAIN: the input queue is full; drop this frame and go on. Other errors: reopen it. */
int encoder_submit(struct encoder *enc, const struct frame *frame, bool force_idr);

/* The next input frame the encoder is done with, or -EAGAIN. */
int encoder_reclaim(struct encoder *enc, uint32_t *ret_index);

/* The next access unit, now the caller's, or -EAGAIN. -EPROTONOSUPPORT: the stream is of a profile
 * that is not let through. -ENODATA: drained. Of one in hardware, any other: reopen it. */
int encoder_collect(struct encoder *enc, struct au **ret_au, struct error *err);

/* Nothing more will be submitted: have all that is under way come out, then -ENODATA. -ENOTSUP:
 * nothing ever is. */
int encoder_drain(struct encoder *enc);

enum encoder_copy encoder_copy(const struct encoder *enc); /* of the newest picture */

/* Change the rate while running, without reopening. -ENOTSUP: close and open instead. */
int encoder_set_rate(struct encoder *enc, unsigned bitrate_bps, unsigned fps_milli);

/* Change the distance of IDRs likewise; where the last is further back already, the next picture is
 * one. -ENOTSUP as above. */
int encoder_set_gop(struct encoder *enc, unsigned gop_frames);

/* What configure chose, best first, NULL-ended; backends.c. encoder_pass is always there. */
extern const struct encoder_ops *const encoder_backends[];

extern const struct encoder_ops encoder_v4l2m2m_ops; /* WITH_V4L2 */
extern const struct encoder_ops encoder_x264_ops;    /* WITH_X264 */
extern const struct encoder_ops encoder_pass_ops;

#endif
