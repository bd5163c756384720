/* v4l2buf: the buffers of a V4L2 device: mapped, exported as dma-bufs where the driver can, queued
 * and taken back. Owned by one source; its thread only. */
#ifndef STREAMER_V4L2BUF_H
#define STREAMER_V4L2BUF_H

#include "streamer/frame.h"
#include "streamer/v4l2dev.h"

#define V4L2BUF_MAX 8

struct v4l2buf {
	struct frame_plane memory[FRAME_PLANES_MAX]; /* size: as mapped */
};

struct v4l2bufs {
	const struct v4l2dev *dev;
	unsigned memory_planes; /* of each */
	unsigned count;
	bool streaming;
	struct v4l2buf buf[V4L2BUF_MAX];
};

struct v4l2picture { /* a filled buffer */
	unsigned index;
	bool damaged;                                /* V4L2_BUF_FLAG_ERROR, or nothing in it */
	uint32_t sequence;                           /* as the driver counts */
	int64_t pts_us;                              /* 0: it does not say, or by another clock */
	struct frame_plane memory[FRAME_PLANES_MAX]; /* size: as filled */
};

/* Ask for count, map and queue them, and start streaming. On failure with words; clear then, too.
 */
int v4l2bufs_start(struct v4l2bufs *bufs, const struct v4l2dev *dev, unsigned memory_planes,
		   unsigned count, struct error *err);
void v4l2bufs_clear(struct v4l2bufs *bufs); /* stops; all zero is fine */

/* The oldest filled one. -EAGAIN: none. Others as the driver says: -ENODEV, -EIO... */
int v4l2bufs_take(struct v4l2bufs *bufs, struct v4l2picture *ret_picture);
int v4l2bufs_give_back(struct v4l2bufs *bufs, unsigned index);

#endif
