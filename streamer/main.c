/* nalcastd: builds the parts, runs the loop, takes them down in reverse. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "common/log.h"
#include "common/unixsock.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/conf.h"
#include "streamer/confload.h"
#include "streamer/control.h"
#include "streamer/doctor.h"
#include "streamer/settings.h"
#include "streamer/store.h"
#include "streamer/stream.h"

#define GOODBYE_US 1000000 /* for viewers to hear that we go */
#define BACKLOG    511

struct daemon {
	struct conf conf;
	sd_event *event;
	struct store *store;
	struct settings *settings;
	struct stream *stream;
	struct control *control;
	sd_event_source *goodbye_timer, *signals[2];
	bool owns_stream_socket, owns_control_socket;
};

static int on_goodbye(sd_event_source *source, uint64_t usec, void *arg)
{
	struct daemon *d = arg;

	(void)source;
	(void)usec;
	return sd_event_exit(d->event, 0);
}

static void on_closed(void *arg)
{
	struct daemon *d = arg;

	sd_event_exit(d->event, 0);
}

/* Viewers are told; the loop goes on until they are gone, or a second has passed. */
static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct daemon *d = arg;

	(void)source;
	log_info("main", "signal %u: stopping", info->ssi_signo);
	sd_notify(0, "STOPPING=1");
	if (d->goodbye_timer != NULL)
		return sd_event_exit(d->event, 0);
	control_free(d->control);
	d->control = NULL;
	int r = sd_event_add_time_relative(d->event, &d->goodbye_timer, CLOCK_MONOTONIC, GOODBYE_US,
					   1, on_goodbye, d);
	stream_close(d->stream, on_closed, d);
	return r;
}

static int make_folder_of(const char *path, struct error *err)
{
	char folder[CONF_PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return error_set(err, -errno, "%s: cannot make this folder: %m", folder);
	return 0;
}

/* From systemd, or made here. */
static int listen_on(const struct unixsock_config *cfg, const char *name, int *ret_fd,
		     bool *ret_owned, struct error *err)
{
	if (unixsock_inherited(name, cfg->type, ret_fd) == 0)
		return 0;
	int r = make_folder_of(cfg->path, err);
	if (r == 0)
		r = unixsock_listen(cfg, ret_fd, err);
	*ret_owned = r == 0;
	return r;
}

static int open_stream(struct daemon *d, struct error *err)
{
	struct unixsock_config cfg = {
		.path = d->conf.stream_socket,
		.type = SOCK_STREAM,
		.mode = d->conf.socket_mode,
		.group = d->conf.socket_group,
		.backlog = BACKLOG,
	};
	int fd;

	int r = listen_on(&cfg, "stream", &fd, &d->owns_stream_socket, err);
	return r < 0 ? r : stream_new(d->event, d->settings, d->store, fd, &d->stream, err);
}

static int open_control(struct daemon *d, struct error *err)
{
	struct unixsock_config cfg = {
		.path = d->conf.control_socket,
		.type = SOCK_SEQPACKET,
		.mode = d->conf.socket_mode,
		.backlog = BACKLOG,
	};
	int fd;

	int r = listen_on(&cfg, "control", &fd, &d->owns_control_socket, err);
	return r < 0 ? r : control_new(d->event, fd, d->stream, &d->control, err);
}

static int open_loop(struct daemon *d, struct error *err)
{
	int r = sd_event_new(&d->event);

	if (r >= 0)
		r = sd_event_set_watchdog(d->event, true);
	if (r >= 0)
		r = sd_event_add_signal(d->event, &d->signals[0], SIGTERM, on_signal, d);
	if (r >= 0)
		r = sd_event_add_signal(d->event, &d->signals[1], SIGINT, on_signal, d);
	return r < 0 ? error_set(err, r, "the event loop: %s", strerror(-r)) : 0;
}

static int build(struct daemon *d, struct error *err)
{
	int r = open_loop(d, err);

	if (r == 0)
		r = store_open(d->conf.state_dir, &d->store, err);
	if (r == 0)
		r = settings_new(&d->conf, d->store, &d->settings, err);
	if (r == 0)
		r = open_stream(d, err);
	if (r == 0)
		r = open_control(d, err);
	return r;
}

static void take_down(struct daemon *d)
{
	control_free(d->control);
	if (d->owns_control_socket)
		unlink(d->conf.control_socket);
	if (d->owns_stream_socket)
		unlink(d->conf.stream_socket);
	bool freed = stream_free(d->stream);
	store_close(d->store);
	if (!freed) {
		log_error("main", "the camera's driver does not return: ending without it");
		_exit(EXIT_FAILURE);
	}
	settings_free(d->settings);
	sd_event_source_disable_unref(d->goodbye_timer);
	sd_event_source_disable_unref(d->signals[0]);
	sd_event_source_disable_unref(d->signals[1]);
	sd_event_unref(d->event);
}

/* Before the first thread: all of them inherit it, and sd-event reads signals from a descriptor. */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The usual 1024 are so few for the sake of select(), which nobody here uses. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	struct daemon d = {0};
	struct error err = {0};
	enum conf_action action;

	(void)argc; /* argv ends with NULL */
	if (conf_load(&d.conf, argv, &action, &err) < 0) {
		fprintf(stderr, "nalcastd: %s\n", err.text);
		return EXIT_FAILURE;
	}
	if (action == CONF_EXIT)
		return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (action != CONF_RUN)
		return doctor(&d.conf, action == CONF_DOCTOR_JSON);
	log_set_level(d.conf.log_level);
	clock_init();
	block_signals();
	raise_descriptor_limit();

	int r = build(&d, &err);
	if (r == 0) {
		log_info("main", "nalcastd " PACKAGE_VERSION ": camera '%s', viewers at %s",
			 d.conf.name, d.conf.stream_socket);
		sd_notify(0, "READY=1");
		r = sd_event_loop(d.event);
		if (r < 0)
			error_set(&err, r, "the event loop: %s", strerror(-r));
	}
	if (r < 0)
		log_error("main", "%s", err.text);
	take_down(&d);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
