/* h264level: the levels of H.264 (table A-1), and which of them a stream needs. No I/O; any thread.
 */
#ifndef STREAMER_H264LEVEL_H
#define STREAMER_H264LEVEL_H

#include <stdint.h>

struct h264level {
	unsigned idc;               /* level_idc: 31 is 3.1 */
	unsigned macroblocks_per_s; /* MaxMBPS */
	unsigned macroblocks;       /* MaxFS */
	unsigned bitrate_bps;       /* MaxBR, of Baseline and Main */
};

/* The lowest that holds pictures of this size, at this rate and bitrate; the highest there is,
 * where none does. Never 1b: written as 1.1 with a constraint flag, which decoders that know codec
 * strings by heart do not know. */
const struct h264level *h264level_for(unsigned width, unsigned height, unsigned fps_milli,
				      unsigned bitrate_bps);

/* Macroblocks in a picture of this size. */
unsigned h264level_macroblocks(unsigned width, unsigned height);

#endif
