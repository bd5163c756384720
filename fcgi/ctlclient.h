/* ctlclient: asks nalcastd: one connection, one request, one reply, one deadline. Blocks its
 * thread, but never longer than asked for, also when nalcastd is stopped (SIGSTOP) or half dead;
 * any number of threads at a time. */
#ifndef FCGI_CTLCLIENT_H
#define FCGI_CTLCLIENT_H

#include "common/ctlproto.h"
#include "common/error.h"

struct ctlclient {
	const char *path; /* the camera's control socket */
	int cancel_fd;    /* becomes readable when calls are to end early; -1: never */
};

/* 0, and *ret_reply is the caller's to clear. Otherwise, with words in err:
 * -ETIMEDOUT    no answer within timeout_ms
 * -ECANCELED    cancel_fd became readable
 * -EPROTO, -EPROTONOSUPPORT, -EMSGSIZE, -ECONNRESET   an answer that is none
 * others        nobody there, or nobody we may talk to (connect(2))
 * args stays the caller's. */
int ctlclient_call(const struct ctlclient *client, const char *op, json_t *args, int timeout_ms,
		   struct ctl_reply *ret_reply, struct error *err);

#endif
