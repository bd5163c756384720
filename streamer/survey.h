/* survey: which cameras there are. Opening one may take long, or hang in its driver, so each survey
 * is made by a thread of its own, one at a time; who asks meanwhile shares it.
 *
 * Owned by the control socket. Loop thread. A thread that hangs is left behind with what it has. */
#ifndef STREAMER_SURVEY_H
#define STREAMER_SURVEY_H

#include <stdint.h>

#include <systemd/sd-event.h>

#include "common/error.h"
#include "streamer/source.h"

#define SURVEY_US 2000000 /* after that it is said to hang; nalcast-fcgi waits for 3 s */

struct survey_run;

struct survey { /* private to survey.c */
	sd_event *event;
	void (*on_done)(void *arg);
	void *arg;
	uint64_t number;         /* of the newest */
	struct survey_run *run;  /* NULL: none is under way */
	sd_event_source *source; /* of it */
};

/* on_done: survey_found() knows, for as long as that call lasts. */
void survey_init(struct survey *survey, sd_event *event, void (*on_done)(void *arg), void *arg);
void survey_clear(struct survey *survey); /* does not wait; nobody is told; twice is fine */

/* Begin one, or share the one that is under way; returns its number. 0: none can be had, with
 * words; -ETIMEDOUT: that one hangs. */
uint64_t survey_join(struct survey *survey, struct error *err);

/* Every camera that the survey of that number found. NULL: it is not done. */
const struct source_info *survey_found(const struct survey *survey, uint64_t number,
				       unsigned *ret_count);

#endif
