/* lender: lends access units as frames, for sources whose pictures come as H.264. A frame points
 * into its access unit, so nothing is copied. Owned by one source; its thread only. */
#ifndef STREAMER_LENDER_H
#define STREAMER_LENDER_H

#include <stdbool.h>

#include "streamer/au.h"
#include "streamer/frame.h"

#define LENDER_MAX 8

struct lender { /* all zero: nothing is lent */
	struct au *lent[LENDER_MAX];
};

/* Everything is lent: nothing can be until something came back. */
bool lender_is_empty(const struct lender *l);

/* au becomes the lender's; it must not be empty. */
struct frame lender_lend(struct lender *l, struct au *au, bool discontinuity, int64_t pts_us);
void lender_take_back(struct lender *l, uint32_t index);
void lender_clear(struct lender *l); /* what is still lent becomes invalid */

#endif
