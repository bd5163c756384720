/* unixsock: Unix sockets to listen on and to connect to: inherited from systemd or made here. */
#ifndef COMMON_UNIXSOCK_H
#define COMMON_UNIXSOCK_H

#include <sys/types.h>

#include "common/error.h"

struct unixsock_config {
	const char *path;  /* at most 107 bytes; bytes after that would be lost: an error */
	int type;          /* SOCK_STREAM or SOCK_SEQPACKET */
	mode_t mode;       /* permission bits, set before anyone can connect */
	const char *group; /* by name; NULL or "": the process's own */
	int backlog;
};

/* Bind and listen; CLOEXEC and NONBLOCK. A socket left behind by a dead program is replaced; one
 * that somebody still listens on is an error (-EADDRINUSE), as is anything that is no socket. */
int unixsock_listen(const struct unixsock_config *cfg, int *ret_fd, struct error *err);

/* A socket systemd handed over (LISTEN_FDS) that listens, has this type and this name
 * (FileDescriptorName=). name NULL: the first of that type. -ENOENT: there is none. The
 * environment is left as it is; the descriptor is made CLOEXEC and NONBLOCK. */
int unixsock_inherited(const char *name, int type, int *ret_fd);

/* Is fd a listening socket? (FastCGI programs look at descriptor 0 for one.) */
int unixsock_is_listening(int fd);

/* Connect, CLOEXEC, blocking. Unix sockets connect or refuse at once, save for a full backlog:
 * timeout_ms (SO_SNDTIMEO) bounds that. */
int unixsock_connect(const char *path, int type, int timeout_ms, int *ret_fd, struct error *err);

/* Who is at the other end, as the kernel knows. (uid_t)-1 where it does not. */
uid_t unixsock_peer_uid(int fd);

#endif
