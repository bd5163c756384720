/* values: libcamera's control values as numbers, and back. Any thread. */
#ifndef CAPTURE_VALUES_H
#define CAPTURE_VALUES_H

#include <libcamera/libcamera.h>

namespace capture
{

/* What the camera has under that name of libcamera's; NULL: nothing. */
const libcamera::ControlId *values_find(const libcamera::ControlInfoMap &map, const char *name,
					const libcamera::ControlInfo **ret_info);

/* The i-th element; a single one stands for all. False: it is no number, or there is none. */
bool values_number(const libcamera::ControlValue &value, unsigned i, double *ret_number);

/* Rounded, where the control takes whole numbers; none: it takes no number. */
libcamera::ControlValue values_make(const libcamera::ControlId &id, double number);
libcamera::ControlValue values_make_pair(double first, double second);

/* Of those that take only some: is this one of them? */
bool values_allow(const libcamera::ControlInfo &info, const libcamera::ControlValue &value);

} /* namespace capture */

#endif
