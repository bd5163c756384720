/* m2m: a V4L2 stateful encoder at work: pictures in, coded bytes out, whatever the codec (the
 * kernel's "Memory-to-Memory Stateful Video Encoder Interface").
 *
 * Nothing waits: m2m_submit(), then m2m_take() and m2m_reclaim() when the descriptor says so. A
 * picture that lies in one dma-buf, as the driver wants it, goes in without a copy; whether the
 * driver takes it is tried with the first picture, and where it does not, pictures are copied into
 * the driver's own buffers. Any error but those named here means: close it and open another.
 * Owned by an encoder; its thread only. */
#ifndef STREAMER_M2M_H
#define STREAMER_M2M_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "streamer/frame.h"
#include "streamer/m2mdev.h"
#include "streamer/m2mqueue.h"

/* Pictures with the driver at a time: what comes while it has so many is better left out than
 * late. A camera lends so many buffers, and has others to fill meanwhile. */
#define M2M_PICTURES 3

struct m2m { /* private to m2m.c, but for what encoders need to know of the device */
	struct m2mdev dev;
	uint32_t codec; /* V4L2_PIX_FMT_* */
	struct source_format in;
	struct m2mformat format;
	struct m2mqueue input, coded;
	bool is_started;  /* both queues have buffers and stream */
	bool no_dmabuf;   /* the driver refused one */
	bool is_draining; /* the driver was told, or will be when it has no picture left: */
	bool no_stop;     /* it cannot be told */
	bool is_ended;    /* the last bytes came */
	/* Frames that can go back to whom they belong. */
	uint32_t done[2 * M2MQUEUE_MAX];
	unsigned done_count;
	uint32_t frame_of[M2MQUEUE_MAX]; /* by input buffer that is a dma-buf */
	/* Time stamps of pictures whose bytes have not come, in the order in which they went in. */
	int64_t pending_us[M2MQUEUE_MAX];
	unsigned pending_count;
	uint64_t copied; /* pictures */
};

struct m2m_bytes { /* what the driver made of a picture; lent until m2m_give_back() */
	const uint8_t *data;
	size_t size;    /* 0: there is nothing, as with the mark of the end */
	int64_t pts_us; /* of the picture */
	bool damaged;   /* the driver says so: not to be shown */
	unsigned index;
};

/* Find the device (path as for m2mdev_open()). What it lets one set is to be set then, and
 * m2m_set_up() gives it the formats. */
int m2m_open(struct m2m *m, const char *path, uint32_t codec, struct error *err);
int m2m_set_up(struct m2m *m, const struct source_format *in, struct error *err);
void m2m_close(struct m2m *m); /* frames with the driver are ours again; closed already is fine */

/* -EAGAIN: it has M2M_PICTURES, or no buffer. */
int m2m_submit(struct m2m *m, const struct frame *frame);

/* The next frame that the driver has no need of any more, or -EAGAIN. */
int m2m_reclaim(struct m2m *m, uint32_t *ret_index);

/* The next bytes, in the order of their pictures. -EAGAIN: none yet. -ENODATA: drained. */
int m2m_take(struct m2m *m, struct m2m_bytes *ret_bytes);
int m2m_give_back(struct m2m *m, const struct m2m_bytes *bytes);

/* Nothing more goes in, all comes out, then m2m_take() says -ENODATA until m2m_restart(). */
int m2m_drain(struct m2m *m);

/* Begin anew: what is with the driver is given up, and the next picture depends on none before. */
int m2m_restart(struct m2m *m);

/* Does the driver owe us anything? Else its descriptor need not be polled; and must not, because
 * one whose queues are empty is always ready (POLLERR). */
bool m2m_is_busy(const struct m2m *m);

bool m2m_is_copying(const struct m2m *m); /* of what was submitted last */

#endif
