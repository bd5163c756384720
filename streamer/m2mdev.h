/* m2mdev: a V4L2 memory-to-memory node that encodes: found by what it can do, never by its number;
 * its controls and its two formats. Owned by whoever opened it; one thread.
 *
 * V4L2 names the two sides from the program's point of view: OUTPUT is what it puts in (pictures),
 * CAPTURE what it gets out (coded). Here they are called input and coded. */
#ifndef STREAMER_M2MDEV_H
#define STREAMER_M2MDEV_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "streamer/source.h"
#include "streamer/v4l2dev.h"

struct m2mdev {
	struct v4l2dev node;
	uint32_t input_type, coded_type; /* V4L2_BUF_TYPE_* */
};

struct m2mformat {              /* of the pictures that go in */
	uint32_t fourcc;        /* I420 only, so far */
	unsigned width, height; /* pixels */
	unsigned stride;        /* bytes a row of luma; chroma has half */
	unsigned rows;          /* of luma in a buffer: not less than height */
	size_t size;            /* bytes a buffer */
};

struct m2mcontrol { /* what a driver says of one of its controls */
	int64_t min, max, step, value;
};

/* Open the node at path ("": the first that does) that makes `coded` (V4L2_PIX_FMT_*) of I420.
 * -ENODEV: there is none; -EACCES and others where one could not be looked at; with words. */
int m2mdev_open(struct m2mdev *dev, const char *path, uint32_t coded, struct error *err);
void m2mdev_close(struct m2mdev *dev); /* closed already is fine */

/* Say what failed with r, of this node. Returns r. */
int m2mdev_fail(const struct m2mdev *dev, int r, const char *what, struct error *err);

/* Both formats and the rate. ret_format is what the driver made of the input's: a stride of its
 * own, or more rows. -ENOTSUP: it takes no such size. */
int m2mdev_set_formats(const struct m2mdev *dev, uint32_t coded, const struct source_format *in,
		       unsigned stride, struct m2mformat *ret_format, struct error *err);

/* False: it has none of that id. */
bool m2mdev_read_control(const struct m2mdev *dev, uint32_t id, struct m2mcontrol *ret_control);

/* Set a control, to the nearest value that it can have. False: it has none of that id, or refuses.
 */
bool m2mdev_set_control(const struct m2mdev *dev, uint32_t id, int64_t value);

#endif
