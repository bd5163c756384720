/* v4l2fmt: what a V4L2 device was set to, and where in its buffers the pixels are. Plain values;
 * one thread. */
#ifndef STREAMER_V4L2FMT_H
#define STREAMER_V4L2FMT_H

#include "streamer/pixfmt.h"
#include "streamer/source.h"
#include "streamer/v4l2dev.h"

struct v4l2fmt {
	const struct pixfmt *pix;
	unsigned width, height;            /* pixels */
	unsigned fps_milli;                /* that the camera will give; 0: it does not say */
	unsigned stride[FRAME_PLANES_MAX]; /* bytes; 0 when compressed */
	unsigned memory_planes;            /* pieces of memory a buffer has */
	struct source_colour colour;
	bool full_range;
};

/* -EINVAL, with words: the driver has it otherwise. fps_milli 0: its own rate. */
int v4l2fmt_set(const struct v4l2dev *dev, uint32_t fourcc, unsigned width, unsigned height,
		unsigned fps_milli, struct v4l2fmt *ret_fmt, struct error *err);

/* The planes of a picture, from its pieces of memory (fmt->memory_planes of them, their stride not
 * looked at). What the camera left out is missing in the planes' sizes. */
void v4l2fmt_lay_out(const struct v4l2fmt *fmt, const struct frame_plane *memory,
		     struct frame *ret_frame);

#endif
