/* server: FastCGI connections, each served by one of a fixed number of threads with libfcgi. The
 * only place that knows libfcgi.
 *
 * Who can connect can crash us: libfcgi up to 2.4.6 aborts on parameter lengths that overflow an
 * int (the rest of CVE-2025-23016). No web server sends them, so the listening socket must be
 * one that only the web server can open: a Unix socket with mode 0660, never TCP. */
#ifndef FCGI_SERVER_H
#define FCGI_SERVER_H

#include "common/error.h"
#include "fcgi/api.h"

struct server_config {
	int listen_fd; /* non-blocking, stays the caller's */
	int stop_fd;   /* an eventfd, the caller's: server_free() makes it readable for good */
	unsigned threads;
	int io_timeout_ms;
	const struct api *api; /* outlives the server */
};

struct server;

/* Signals are blocked already: FCGX_Init() would otherwise handle some, and a thread of ours
 * could be given one. */
int server_new(const struct server_config *cfg, struct server **ret_server, struct error *err);

/* Ends connections that drip their bytes: each alone is within the timeout. To be called every
 * server_sweep_interval_ms(). */
void server_sweep(struct server *server);
int server_sweep_interval_ms(const struct server *server);

/* Stops: no new connections; half a second for the answers that are being written, and then
 * their connections are cut. */
void server_free(struct server *server);

#endif
