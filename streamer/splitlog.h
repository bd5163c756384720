/* splitlog: tells the log what a splitter had to do to a source's stream: that an SPS was rewritten
 * (once), and what was dropped for damage: the first time at once, then at most once a minute what
 * came since. Owned by one source; its thread only. */
#ifndef STREAMER_SPLITLOG_H
#define STREAMER_SPLITLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "streamer/splitter.h"

struct splitlog {                     /* all zero but for the name: nothing happened yet */
	const char *name;             /* of the stream, for people; borrowed */
	struct splitter_stats now;    /* of the splitter in use */
	struct splitter_stats before; /* of all before it */
	struct splitter_stats told;   /* of these together */
	int64_t told_us;              /* CLOCK_MONOTONIC; 0: nothing was */
	bool told_rewriting;
};

/* Look at the splitter in use. To be called again and again: what a minute gathered is told by the
 * first call after it. */
void splitlog_look(struct splitlog *log, const struct splitter *splitter, int64_t now_us);

/* Another splitter will be looked at; its counts begin at zero. */
void splitlog_begin_anew(struct splitlog *log);

/* Access units that were dropped for damage, by all splitters. */
uint64_t splitlog_dropped(const struct splitlog *log);

#endif
