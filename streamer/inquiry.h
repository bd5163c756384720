/* inquiry: what another program says, within a time. For --doctor; any thread. */
#ifndef STREAMER_INQUIRY_H
#define STREAMER_INQUIRY_H

#include <stddef.h>

#include "common/error.h"

/* Runs argv (NULL-ended; argv[0] a path, or a name that is looked for in PATH), without input, and
 * takes what it writes to standard output and error, as much as fits, with a final NUL. 0 if it
 * ended with status 0. -ENOENT: there is no such program. -ETIMEDOUT: it was ended, and whatever
 * stayed in its process group. -EIO: another status; text is set. Others: it could not be run. */
int inquiry(const char *const *argv, int timeout_ms, char *text, size_t text_size,
	    struct error *err);

#endif
