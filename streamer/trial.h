/* trial: what was stored must not keep the camera from starting. When it refuses what it is opened
 * with first, each stored setting it may mean is left out in turn, until pictures come without one:
 * that one is left out from then on, and the others stay. If none was to blame alone, all are.
 *
 * Part of a stream; loop thread. */
#ifndef STREAMER_TRIAL_H
#define STREAMER_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "streamer/pipeline.h"
#include "streamer/settings.h"

struct trial {
	struct settings *settings;
	struct pipeline *pipeline;
	struct error refused; /* why something is left out; code 0: nothing was */

	bool is_over;        /* pictures came, or people changed something, or it was settled */
	unsigned suspect;    /* the next to be left out, by its number */
	uint64_t generation; /* of the pipeline without the one before it; 0: not begun */
};

/* The pipeline has news. */
void trial_follow(struct trial *trial, const struct pipeline_report *report);

/* People change something: they know what they do. */
void trial_end(struct trial *trial);

#endif
