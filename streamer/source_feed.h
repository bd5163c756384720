/* source_feed: H.264 (Annex B) that another program writes into a pipe, now: part of the source
 * 'file', for what is no recording. Owned by the pipeline; its thread only.
 *
 * Not paced: an access unit is lent once it is complete, and dated when it came. That is when the
 * next one begins; or, as nobody knows whether there will be a next one, after a frame time of
 * silence. Where that was wrong because the writer stuttered, all to the next IDR is dropped, and
 * from then on twice as much silence is needed. */
#ifndef STREAMER_SOURCE_FEED_H
#define STREAMER_SOURCE_FEED_H

#include "streamer/source.h"

#define SOURCE_FEED_SILENCE_US  10000000 /* programs that reconnect to a camera take their time */
#define SOURCE_FEED_PATIENCE_MS 30000    /* while bytes come, but no picture: IDRs may be rare */

/* fd: the reading end of a pipe, FIFO or stream socket, O_NONBLOCK; the source's own from now on,
 * also on failure. cfg->device is its name, "-" for standard input. After silence_us without a byte
 * it is lost. */
int source_feed_open(int fd, const struct source_config *cfg, int64_t silence_us,
		     struct source **ret_source, struct error *err);

#endif
