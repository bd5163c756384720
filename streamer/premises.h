/* premises: what nalcastd lives in: its sockets and the folders of them and of its state, nginx,
 * systemd's units. It looks only: nothing is connected to, nothing changed. For --doctor; one
 * thread. */
#ifndef STREAMER_PREMISES_H
#define STREAMER_PREMISES_H

#include <stdbool.h>

#include "common/error.h"
#include "streamer/account.h"
#include "streamer/conf.h"
#include "streamer/machine.h"

struct premises_socket {
	char path[CONF_PATH_MAX];
	bool exists, is_socket;
	bool is_heard;       /* somebody listens there */
	struct error folder; /* why nalcastd may not make it; code 0: it may */
};

struct premises {
	bool has_unit, unit_enabled; /* for the camera of that name */
	bool socket_enabled;         /* systemd listens for viewers */
	struct premises_socket stream, control;
	struct error state;    /* why settings cannot be kept; code 0: they can */
	char group[64];        /* that the viewers' socket goes to; "": nalcastd's own */
	struct error in_group; /* why nalcastd may not give it away; code 0: it may */
	bool nginx_runs;
	char nginx_user[33];    /* as it runs, else as it is configured */
	struct error to_stream; /* why nginx may not reach the viewers' socket; code 0: it may */
};

/* Where there is a unit for nalcastd's user, account has its groups afterwards. */
void premises_look(const struct machine_roots *roots, const struct conf *conf,
		   struct account *account, struct premises *ret_premises);

#endif
