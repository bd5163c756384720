/* auq: the one place where access units cross threads: from the pipeline's to the loop's.
 * Bounded; one producer, one consumer. */
#ifndef STREAMER_AUQ_H
#define STREAMER_AUQ_H

#include "streamer/au.h"

struct auq;

struct auq *auq_new(unsigned depth); /* access units; NULL: no memory or descriptor */
void auq_free(struct auq *q);        /* unrefs what is left; no thread may be in it */

/* Producer. Takes au whatever the answer. -ENOBUFS: full, and au is gone, so every access
 * unit up to the next IDR must be withheld too. Never blocks. */
int auq_push(struct auq *q, struct au *au);

/* Consumer. */
int auq_fd(const struct auq *q); /* eventfd: readable when not empty, until a pop finds nothing */
const struct au *auq_pop(struct auq *q); /* the caller's reference, or NULL when empty */

#endif
