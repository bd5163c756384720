/* cameras: the nalcastds of this host, by the folders of their sockets, and who may wait for which:
 * a camera that is dead or slow keeps no thread from the others for long. Any number of threads at
 * a time.
 *
 * The control socket given is that of CAMNAME_MAIN. Where its folder has that name, the folders
 * beside it are the other cameras: /run/nalcast/main/control.sock, /run/nalcast/door/control.sock.
 * Where it has another, there is one camera. */
#ifndef FCGI_CAMERAS_H
#define FCGI_CAMERAS_H

#include "common/error.h"
#include "fcgi/api.h"

#define CAMERAS_MAX 64 /* of one host; further ones are not found */

struct cameras_config {
	const char *control_socket; /* borrowed */
	int cancel_fd;              /* see ctlclient.h */
	unsigned threads;           /* that may call at a time */
};

struct cameras;

/* -EINVAL with words where a socket could have no path. */
int cameras_new(const struct cameras_config *cfg, struct cameras **ret_cameras, struct error *err);
void cameras_free(struct cameras *cameras); /* NULL is nothing; nobody calls any more */

/* ctx is the struct cameras. */
extern const struct api_backend cameras_backend;

#endif
