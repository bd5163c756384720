/* v4l2look: what --doctor tells of V4L2 devices beyond what a source needs: the pixel formats of a
 * camera, and the encoders, found by what they can do, not by their number. Without V4L2 in the
 * build there are none. Opens each for a moment; any thread. */
#ifndef STREAMER_V4L2LOOK_H
#define STREAMER_V4L2LOOK_H

#include <stddef.h>

#include "common/error.h"

struct v4l2look_encoder { /* takes pictures, gives H.264: memory to memory */
	char path[64];
	char card[32];
	char takes[64]; /* pixel formats: "YU12 NV12" */
};

/* Those that the encoder v4l2m2m takes (m2mdev.h); returns how many (at most max). *err says why
 * there is none; code 0: there is. */
unsigned v4l2look_encoders(struct v4l2look_encoder *ret_list, unsigned max, struct error *err);

/* "YUYV MJPG"; "": not a camera that can be looked at. */
void v4l2look_formats(const char *path, char *words, size_t words_size);

#endif
