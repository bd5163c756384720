/* v4l2caps: the pixel formats, sizes and rates of a V4L2 device, and which of them to take.
 *
 * Of the modes that have the size, those that are fast enough come before those that are not (what
 * USB can carry is in the rates that the camera tells: large raw pictures are slow there). Of those
 * the one that costs least to encode is taken (pixfmt.h): raw before JPEG before the camera's own
 * H.264, whose bitrate and IDRs nobody could set. Where raw and JPEG are too slow, that is taken;
 * and first of all, if it was asked for (source_config.encoded). Of several that are too slow, the
 * fastest. Plain values; one thread. */
#ifndef STREAMER_V4L2CAPS_H
#define STREAMER_V4L2CAPS_H

#include "streamer/source.h"
#include "streamer/v4l2dev.h"

#define V4L2CAPS_MODES_MAX 256

struct v4l2mode {
	uint32_t fourcc;
	struct source_mode size;
};

struct v4l2caps {
	unsigned count;
	struct v4l2mode modes[V4L2CAPS_MODES_MAX];
};

/* Only formats that we take, and even sizes. */
void v4l2caps_read(const struct v4l2dev *dev, struct v4l2caps *ret_caps);

/* Into caps->modes, each size once whatever its pixel formats, and caps->encoded. */
void v4l2caps_tell(const struct v4l2caps *caps, struct source_caps *ret_caps);

/* NULL: no mode has this size. fps_milli 0: 30 fps. */
const struct v4l2mode *v4l2caps_choose(const struct v4l2caps *caps,
				       const struct source_config *cfg);

/* The rate to ask the camera for: the slowest of this size that is fast enough, else its fastest;
 * fps_milli itself where it does not tell its rates. In thousandths. */
unsigned v4l2caps_choose_fps(const struct v4l2dev *dev, uint32_t fourcc, unsigned width,
			     unsigned height, unsigned fps_milli);

#endif
