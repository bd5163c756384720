/* ration: how much a peer says, counted in whole seconds. Part of one viewer; loop thread. No
 * clock: time is an argument. */
#ifndef STREAMER_RATION_H
#define STREAMER_RATION_H

#include <stddef.h>
#include <stdint.h>

struct ration {            /* all zero: nothing was said */
	int64_t second_us; /* the second that is counted began */
	unsigned texts;    /* in it */
	size_t bytes;
};

/* Count; return how much it is in this second. */
unsigned ration_text(struct ration *r, int64_t now_us);
size_t ration_bytes(struct ration *r, size_t bytes, int64_t now_us);

#endif
