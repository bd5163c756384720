/* ctlclient: asks nalcastd: one request, one reply, one deadline. Blocks its thread, but never
 * longer than asked for, also when nalcastd is stopped (SIGSTOP) or half dead. One call at a time;
 * as many clients as one likes. */
#ifndef FCGI_CTLCLIENT_H
#define FCGI_CTLCLIENT_H

#include "common/ctlproto.h"
#include "common/error.h"

struct ctlclient {
	const char *path; /* the camera's control socket */
	int cancel_fd;    /* becomes readable when calls are to end early; -1: never */
	int fd;           /* the connection, kept after an answer; -1: none; the owner closes it */
	bool as_text;     /* a result may come as text: ctl_reply_decode_text() */
};

/* A connection from before is used where nalcastd has not closed it meanwhile. 0, and *ret_reply
 * is the caller's to clear. Otherwise, with words in err and without a connection:
 * -ETIMEDOUT    no answer within timeout_ms
 * -ECANCELED    cancel_fd became readable
 * -E2BIG        a request that fits no packet: it was not sent
 * -EPROTO, -EPROTONOSUPPORT, -EMSGSIZE, -ECONNRESET   an answer that is none
 * others        nobody there, or nobody we may talk to (connect(2))
 * args stays the caller's. */
int ctlclient_call(struct ctlclient *client, const char *op, json_t *args, int timeout_ms,
		   struct ctl_reply *ret_reply, struct error *err);

#endif
