/* changes: brings what people change to the pipeline and, once it works, into the settings: one
 * after the other, so that each has an outcome of its own, and one that fails leaves no trace.
 *
 * Part of a stream; loop thread. */
#ifndef STREAMER_CHANGES_H
#define STREAMER_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "streamer/pipeline.h"
#include "streamer/settings.h"

#define CHANGES_MAX 32 /* waiting for their turn */

struct change_outcome {
	uint64_t ticket;    /* whose; 0: there was none yet */
	struct error error; /* code 0: it is in effect. Others: pipeline.h */
	bool changed;       /* something is otherwise than it was */
	bool now;           /* false: from the next opening of the camera on */
	int64_t interruption_us;
};

struct change { /* private to changes.c */
	uint64_t ticket;
	json_t *what; /* owned */
	bool persist;
};

struct changes {
	struct settings *settings;
	struct pipeline *pipeline;
	/* A change ended, and settings are what outcome says. Called for each. */
	void (*on_outcome)(void *arg);
	void *arg;

	struct change queue[CHANGES_MAX]; /* the first is under way */
	unsigned count;
	uint64_t last_ticket;
	uint64_t generation;           /* of the first, in the pipeline; 0: not given to it yet */
	struct change_outcome mine;    /* of the first, in the making */
	struct change_outcome outcome; /* the newest */
};

void changes_clear(struct changes *changes);

/* Takes what: a change as settings.h has it, of one section and checked. Returns its ticket; 0: too
 * many are under way. Its outcome may be there at once. */
uint64_t changes_add(struct changes *changes, json_t *what, bool persist);

bool changes_are_under_way(const struct changes *changes);

/* The pipeline has news. */
void changes_follow(struct changes *changes, const struct pipeline_report *report);

#endif
