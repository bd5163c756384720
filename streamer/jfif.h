/* jfif: from the numbers of video to those of a JPEG file: JFIF means BT.601 in full range, video
 * BT.601 or BT.709, in limited range but for some cameras' H.264. No I/O; any thread. */
#ifndef STREAMER_JFIF_H
#define STREAMER_JFIF_H

#include <stdint.h>

enum jfif_matrix { /* of the video */
		   JFIF_FROM_BT601,
		   JFIF_FROM_BT709,
		   JFIF_FROM_BT601_FULL, /* what JFIF is */
		   JFIF_FROM_BT709_FULL,
};

/* In place: I420, even pixels, rows without padding. */
void jfif_convert(uint8_t *i420, unsigned width, unsigned height, enum jfif_matrix from);

#endif
