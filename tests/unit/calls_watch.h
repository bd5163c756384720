/* calls_watch: a table of system calls over another one, a fake's or the kernel's, which counts
 * what is open and mapped, and lets the n-th ioctl of a kind fail. */
#ifndef TESTS_UNIT_CALLS_WATCH_H
#define TESTS_UNIT_CALLS_WATCH_H

#include <stdbool.h>

#include "streamer/v4l2dev.h"

struct calls_watch {
	const struct v4l2_calls *under;
	unsigned open, mapped;      /* now */
	unsigned long fail_request; /* 0: none */
	unsigned fail_at;           /* the n-th from now, from 1 */
	int fail_errno;
	unsigned seen; /* calls of fail_request so far */
	bool map_fails;
};

extern struct calls_watch calls_watch;

void calls_watch_begin(void); /* over the v4l2_calls that is */
void calls_watch_fail(unsigned long request, unsigned at, int code);
bool calls_watch_has_failed(void);

#endif
