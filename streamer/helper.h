/* helper: one nalcast-capture: started, spoken to in whole messages, ended without a zombie.
 *
 * Owned by the thread that starts it, and must be ended before that thread ends: the kernel kills
 * it with its thread (PR_SET_PDEATHSIG goes by threads), so that nothing outlives a nalcastd that
 * was killed. It runs in a session of its own and may gain no rights, leaves no core, and goes
 * behind what sends. No more is taken from it: libcamera opens devices, udev's sockets and its own
 * modules, and starts processes, as it likes. */
#ifndef STREAMER_HELPER_H
#define STREAMER_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"
#include "streamer/capproto.h"

#define HELPER_END_MS 5000 /* that a camera may take to stop */

struct helper {       /* as HELPER_NONE: none */
	pid_t pid;    /* 0: none, or its end is known */
	int fd;       /* our end of the pair; -1 */
	int pid_fd;   /* readable: it has ended; -1 */
	char how[96]; /* it ended, once that is known: "was ended by SIGSEGV" */
};

#define HELPER_NONE ((struct helper){.fd = -1, .pid_fd = -1})

/* Which program it is: $NALCAST_CAPTURE, or what was installed. */
const char *helper_path(void);
bool helper_is_there(void);

/* -ENOENT: no such program, with words. Else whatever the kernel refuses. */
int helper_start(struct helper *h, struct error *err);

/* -EPIPE, with words: it has ended, or listens no more. */
int helper_send(struct helper *h, const union capproto_message *msg, struct error *err);

/* The next message, checked; of BUFFER *ret_fd is the caller's to close, else it is -1. -EAGAIN:
 * none yet. -EPIPE: it has ended, or said so. -EPROTO: it talks nonsense. Both with words. */
int helper_receive(struct helper *h, union capproto_message *ret_msg, int *ret_fd,
		   struct error *err);

/* It is asked to end, by closing; killed if it has not after patience_ms, or soon when this thread
 * is to end (source_stop_fd()); and reaped. How it died is logged unless it did as it was asked.
 * None is fine. */
void helper_end(struct helper *h, int patience_ms);

#endif
