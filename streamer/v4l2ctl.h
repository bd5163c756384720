/* v4l2ctl: a camera's controls, by the names that the API gives them (protocol.md section 4), else
 * by V4L2's own in lower case: "White Balance Temperature" is "white_balance_temperature". One
 * thread. */
#ifndef STREAMER_V4L2CTL_H
#define STREAMER_V4L2CTL_H

#include "streamer/source.h"
#include "streamer/v4l2dev.h"

/* All that have a value that is a number, into caps->controls and caps->menu. */
void v4l2ctl_read(const struct v4l2dev *dev, struct source_caps *ret_caps);

/* With the errors of source_set_control(). */
int v4l2ctl_set(const struct v4l2dev *dev, const char *name, const double *values, unsigned count,
		struct error *err);

#endif
