/* share: one question that many ask at the same time is asked once: who comes while it is being
 * asked waits for the next asking, and so do all who come meanwhile. Nobody is given an answer
 * that was asked for before he came. Any number of threads at a time. */
#ifndef FCGI_SHARE_H
#define FCGI_SHARE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/ctlproto.h"

struct share {
	pthread_mutex_t lock; /* of all below; never held while asking */
	pthread_cond_t news;
	uint64_t begun, done; /* askings */
	bool is_asking;
	int r; /* of the last one done, see share_ask() */
	struct error err;
	struct ctl_reply reply; /* text, or nothing */
};

/* As ctlclient_call(), by any of those who wait. */
typedef int share_ask_fn(void *ctx, struct ctl_reply *ret_reply, struct error *err);

void share_init(struct share *share);
void share_destroy(struct share *share);

/* What ask() says, or said to another who asked after us: text and failures are for all, anything
 * else each asks for himself. -ETIMEDOUT: others ask, and do not come to an end in time. */
int share_ask(struct share *share, share_ask_fn *ask, void *ctx, int timeout_ms,
	      struct ctl_reply *ret_reply, struct error *err);

#endif
