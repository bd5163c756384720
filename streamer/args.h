/* args: reads the arguments of control requests into values within limits. No I/O; any thread. */
#ifndef STREAMER_ARGS_H
#define STREAMER_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "streamer/pipeline.h"

/* Most return 0, or -EINVAL with words, and *ret_pointer (RFC 6901) then says which argument. */

/* "timeout_ms": 0 to 20,000; 5,000 where it is not given. */
int args_timeout(const json_t *args, int64_t *ret_us, const char **ret_pointer, struct error *err);

struct args_change { /* what every change takes */
	int64_t timeout_us;
	bool dry_run; /* say what would be, change nothing */
	bool persist; /* for later starts as well; where not given */
	/* The headers' texts, args' own; NULL: not given. */
	const char *if_match, *if_none_match;
};

int args_change(const json_t *args, struct args_change *ret_change, const char **ret_pointer,
		struct error *err);

/* "offset": 0, and "limit": 100, where they are not given. */
int args_page(const json_t *args, unsigned *ret_offset, unsigned *ret_limit,
	      const char **ret_pointer, struct error *err);

struct args_fault { /* what is wrong with an argument */
	const char *pointer;
	struct error error;
};

#define ARGS_PICTURE_FAULTS 3

/* "width", "height": even, within conf.h's limits. "fps": 1 to 240; fps_milli 0 where it is not
 * given. Returns how many of them are wrong. */
unsigned args_picture(const json_t *args, struct pipeline_picture *ret_picture,
		      struct args_fault ret_faults[static ARGS_PICTURE_FAULTS]);

/* The size that was wished for, however wrong, to find what is near it. */
struct pipeline_picture args_wish(const json_t *args);

#endif
