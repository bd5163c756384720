/* memo: an answer that is still true, because nothing else happened in the loop since it was made.
 *
 * Programs that ask in a row are told the same for some milliseconds: making it costs far more than
 * handing it on. With any other event in between (a picture, a viewer, a change, news of the
 * camera) it is made anew, so nobody reads what is older than what they did themselves. Owned by
 * the control socket; loop thread. No clock: time is an argument. */
#ifndef STREAMER_MEMO_H
#define STREAMER_MEMO_H

#include <stdint.h>

#define MEMO_AGE_US 10000 /* pictures come more slowly than that */

struct memo {               /* all zero: there is none */
	char *text;         /* owned */
	uint64_t iteration; /* of the loop, in which it was given last */
	int64_t made_us;
};

void memo_clear(struct memo *memo); /* twice is fine */

/* What was kept; NULL: nothing, or it may not be true any more. iteration: the loop's
 * (sd_event_get_iteration()), in each of which one event is served. */
const char *memo_get(struct memo *memo, uint64_t iteration, int64_t now_us);

/* Takes text, made now; NULL is nothing. */
void memo_keep(struct memo *memo, char *text, uint64_t iteration, int64_t now_us);

#endif
