#include "streamer/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"

#define PAUSE_US 1000000 /* when descriptors ran out */

struct listener {
	struct listener_config cfg;
	bool complained; /* since everybody was let in */
	sd_event_source *io;
	sd_event_source *timer; /* runs while it rests without knowing until when */
};

static void rest(struct listener *l, const char *why)
{
	if (!l->complained)
		log_warn(l->cfg.name, "accepting nobody for now: %s", why);
	l->complained = true;
	sd_event_source_set_enabled(l->io, SD_EVENT_OFF);
}

static void rest_a_while(struct listener *l, const char *why)
{
	rest(l, why);
	sd_event_source_set_time(l->timer, (uint64_t)(clock_now_us() + PAUSE_US));
	sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct listener *l = arg;

	(void)source;
	(void)events;
	if (!l->cfg.has_room(l->cfg.arg)) {
		rest(l, "too many connections");
		return 0;
	}
	do {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (peer >= 0) {
			l->cfg.on_peer(l->cfg.arg, peer);
		} else if (errno == EAGAIN) {
			l->complained = false;
			return 0;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			rest_a_while(l, strerror(errno));
			return 0;
		}
	} while (l->cfg.has_room(l->cfg.arg));
	return 0; /* whoever still waits wakes us again */
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	listener_resume(arg);
	return 0;
}

int listener_new(const struct listener_config *cfg, struct listener **ret_listener)
{
	struct listener *l = calloc(1, sizeof(*l));
	int fd = cfg->fd;

	if (l == NULL) {
		close_fd(&fd);
		return -ENOMEM;
	}
	l->cfg = *cfg;
	int r = sd_event_add_io(cfg->event, &l->io, fd, EPOLLIN, on_readable, l);
	if (r >= 0)
		r = sd_event_add_time(cfg->event, &l->timer, CLOCK_MONOTONIC, 0, 0, on_timer, l);
	if (r >= 0)
		r = sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
	if (r < 0) {
		listener_free(l);
		return r;
	}
	*ret_listener = l;
	return 0;
}

void listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	sd_event_source_disable_unref(l->io);
	sd_event_source_disable_unref(l->timer);
	close_fd(&l->cfg.fd);
	free(l);
}

void listener_resume(struct listener *l)
{
	if (l == NULL)
		return;
	sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
	sd_event_source_set_enabled(l->io, SD_EVENT_ON);
}
