/* listener: lets peers in at a listening socket, as many as there is room for.
 *
 * Who cannot be let in keeps that socket readable, and the loop would do nothing else: so it rests,
 * until there is room again, or for a second when descriptors or memory ran out. Whoever waits does
 * so in the kernel's backlog. Loop thread. */
#ifndef STREAMER_LISTENER_H
#define STREAMER_LISTENER_H

#include <stdbool.h>

#include <systemd/sd-event.h>

struct listener;

struct listener_config {
	sd_event *event;
	int fd; /* non-blocking; the listener's from now on, also when listener_new() fails */
	const char *name; /* in log lines */
	bool (*has_room)(void *arg);
	void (*on_peer)(void *arg, int fd); /* takes fd: CLOEXEC and NONBLOCK */
	void *arg;
};

int listener_new(const struct listener_config *cfg, struct listener **ret_listener);
void listener_free(struct listener *l); /* NULL is nothing */

/* There may be room again. NULL is nothing. */
void listener_resume(struct listener *l);

#endif
