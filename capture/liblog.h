/* liblog: libcamera's log, as lines of ours. libcamera writes on threads of its own; each has its
 * own unfinished line. */
#ifndef CAPTURE_LIBLOG_H
#define CAPTURE_LIBLOG_H

#include <string>

extern "C" {
#include "common/log.h"
}

namespace capture
{

struct liblog_line {
	enum log_level level;
	std::string words;
};

/* "[0:12:34.5] [77]  WARN V4L2 v4l2_device.cpp:1 no such" is words from "V4L2" on, without the
 * place in its source. What it calls an error need not be one of ours: what matters comes back from
 * its calls, and is told then. So errors are warnings here, warnings are for who asks for more. */
liblog_line liblog_parse(const std::string &line);

/* Before the camera manager starts; lasts as long as the process. */
void liblog_start();

} /* namespace capture */

#endif
