/* formats: the pixel formats that we take of a camera, in the order in which we would rather have
 * them, its sizes, and how its pictures lie in their buffers. Main thread. */
#ifndef CAPTURE_FORMATS_H
#define CAPTURE_FORMATS_H

#include <libcamera/libcamera.h>

#include "common/error.h"
#include "streamer/capproto.h"

#include "capture/compat.h"

namespace capture
{

struct format {
	uint32_t fourcc; /* V4L2's, as capproto has it; libcamera's names of RGB are reversed */
	libcamera::PixelFormat pixel;
	unsigned planes;
	unsigned bytes_per_pixel; /* in plane 0; 0: compressed */
};

/* Of a camera that does not say how fast it is: any of these may be asked for, and nalcastd leaves
 * out what comes faster. */
#define FORMATS_FPS_MIN_MILLI 1000
#define FORMATS_FPS_MAX_MILLI 120000

/* The sizes of all formats that we take; rates are fps_min_milli to fps_max_milli (0: unknown).
 * config is tried with some, and is of no use afterwards. */
void formats_tell_modes(libcamera::CameraConfiguration *config, unsigned fps_min_milli,
			unsigned fps_max_milli, struct source_caps *caps);

/* Make config's first stream what is wanted, in the best format that the camera has at exactly that
 * size; a size of 0 is ours to choose. NULL, with words, when there is none such. */
const struct format *formats_choose(libcamera::CameraConfiguration *config, const mirror &turned,
				    unsigned width, unsigned height, const char *camera,
				    struct error *err);

/* What was granted, but its rate and buffers. */
void formats_tell(const struct format &fmt, const libcamera::StreamConfiguration &stream,
		  struct capproto_opened *opened);

/* Where the planes are in a buffer of libcamera's, of which all are in one descriptor. -ENOTSUP
 * with words: they are not. */
int formats_lay_out(const struct format &fmt, const libcamera::StreamConfiguration &stream,
		    const libcamera::FrameBuffer &buffer, struct capproto_plane *ret_planes,
		    struct error *err);

} /* namespace capture */

#endif
