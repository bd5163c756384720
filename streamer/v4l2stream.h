/* v4l2stream: the access units in the buffers of a camera that makes H.264: checked and put into
 * shape by the splitter, lent as they are, never decoded. What refers to something that was lost is
 * left out, up to the next IDR. Part of the source 'v4l2'; its thread only. */
#ifndef STREAMER_V4L2STREAM_H
#define STREAMER_V4L2STREAM_H

#include <stdbool.h>

#include "streamer/frame.h"
#include "streamer/lender.h"
#include "streamer/splitlog.h"
#include "streamer/splitter.h"
#include "streamer/v4l2buf.h"

struct v4l2stream {
	struct splitter *splitter; /* NULL: closed */
	struct splitlog log;
	struct lender lender;
	bool anew;         /* what comes next does not follow what went before */
	bool parts;        /* its buffers hold parts of access units */
	bool counts;       /* the driver numbers pictures one by one */
	bool has_lent;     /* so what is left out, is missed */
	uint32_t sequence; /* of the newest buffer */
	int64_t newest_pts_us,
		au_pts_us;          /* of the newest buffer, of the access unit it completed */
	uint64_t missed;            /* by the driver's count */
	uint64_t headless_at_first; /* left out before anything was lent */
};

/* name: for the log; borrowed. -ENOMEM. */
int v4l2stream_open(struct v4l2stream *stream, const char *name);
void v4l2stream_clear(struct v4l2stream *stream); /* all zero is fine */

/* Take what is in a buffer; it can go back to the driver then. -ENOMEM: all to the next IDR is
 * lost. */
int v4l2stream_feed(struct v4l2stream *stream, const struct v4l2picture *picture);

/* -EAGAIN: there is no complete access unit, or all that can be lent is. */
int v4l2stream_lend(struct v4l2stream *stream, struct frame *ret_frame);
void v4l2stream_take_back(struct v4l2stream *stream, uint32_t index);

/* Access units that nobody will see, but for buffers that came damaged. */
uint64_t v4l2stream_dropped(const struct v4l2stream *stream);

#endif
