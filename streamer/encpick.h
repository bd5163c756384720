/* encpick: which encoder serves: with "auto" the first that can be had, hardware first, and in
 * words why not a better one. Remembers hardware that failed, so that it is not tried each time
 * that somebody comes to watch. Owned by a producer; its thread only. */
#ifndef STREAMER_ENCPICK_H
#define STREAMER_ENCPICK_H

#include <stdbool.h>
#include <stdint.h>

#include "streamer/encoder.h"

#define ENCPICK_FAILURES_MAX 3         /* in a row, then "auto" does without */
#define ENCPICK_AGAIN_US     600000000 /* and tries it after that again */

struct encpick { /* begins as zeros */
	unsigned failures;
	int64_t again_us;
	struct error failed; /* why, the last time */
	struct error reason; /* why the encoder that serves is not in hardware; code 0: it is, or
			      * nobody asked for that */
};

/* Open the encoder called name for cfg's pictures. */
int encpick_open(struct encpick *pick, const char *name, const struct encoder_config *cfg,
		 struct encoder **ret_encoder, struct error *err);

/* The hardware that was open failed. False: not worth trying again (with "auto", something else is,
 * which encpick_open() finds). */
bool encpick_note_failure(struct encpick *pick, const struct error *why);

/* It has worked for a while: what failed before does not count any more. */
void encpick_note_success(struct encpick *pick);

#endif
