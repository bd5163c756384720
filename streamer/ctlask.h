/* ctlask: one question to a nalcastd on its control socket, within a time. For --doctor; blocks;
 * any thread. */
#ifndef STREAMER_CTLASK_H
#define STREAMER_CTLASK_H

#include <sys/types.h>

#include <jansson.h>

#include "common/error.h"

struct ctlask_peer { /* who answers; as the kernel says it */
	pid_t pid;
	uid_t uid;
};

/* On success *ret_result is the caller's. -ECONNREFUSED, -ENOENT: nobody is there. -EACCES: one may
 * not ask. -ETIMEDOUT, -EPROTO: whoever it is does not answer as nalcastd does. With words.
 * *ret_peer is set as soon as somebody is there. */
int ctlask(const char *path, const char *op, int timeout_ms, json_t **ret_result,
	   struct ctlask_peer *ret_peer, struct error *err);

#endif
