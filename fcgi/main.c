/* nalcast-fcgi: builds the parts, waits for a signal, takes them down in reverse. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "common/log.h"
#include "common/unixsock.h"
#include "common/util.h"
#include "fcgi/cameras.h"
#include "fcgi/options.h"
#include "fcgi/server.h"

#define LISTEN_BACKLOG 128

struct program {
	struct options options;
	int signal_fd, stop_fd, listen_fd;
	bool is_socket_ours; /* bound here, and to be removed */
	struct cameras *cameras;
	struct api api;
	struct server *server;
};

/* Before FCGX_Init() and the first thread: only signal_fd sees them. SIGUSR1 is how FastCGI
 * process managers ask for a graceful end. */
static int open_signals(struct program *program, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	program->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	program->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (program->signal_fd < 0 || program->stop_fd < 0)
		return error_set(err, -errno, "signalfd or eventfd: %m");
	return 0;
}

/* Where FastCGI programs are started by something else, their socket is descriptor 0. */
static int take_stdin(struct program *program, struct error *err)
{
	if (sd_is_socket(STDIN_FILENO, AF_UNIX, SOCK_STREAM, 1) <= 0)
		return error_set(err, -EINVAL,
				 "descriptor 0 listens, but not on a Unix stream socket: nothing "
				 "else is safe here (nalcast-fcgi(8), SECURITY)");
	int flags = fcntl(STDIN_FILENO, F_GETFL);
	if (flags < 0 || fcntl(STDIN_FILENO, F_SETFL, flags | O_NONBLOCK) < 0)
		return error_set(err, -errno, "descriptor 0: fcntl: %m");
	program->listen_fd = STDIN_FILENO;
	return 0;
}

static int open_listener(struct program *program, struct error *err)
{
	const struct unixsock_config cfg = {
		.path = program->options.socket,
		.type = SOCK_STREAM,
		.mode = program->options.socket_mode,
		.group = program->options.socket_group,
		.backlog = LISTEN_BACKLOG,
	};

	if (unixsock_inherited(NULL, SOCK_STREAM, &program->listen_fd) == 0)
		return 0;
	if (unixsock_is_listening(STDIN_FILENO))
		return take_stdin(program, err);
	int r = unixsock_listen(&cfg, &program->listen_fd, err);
	program->is_socket_ours = r == 0;
	return r;
}

static int open_api(struct program *program, struct error *err)
{
	const struct cameras_config cfg = {
		.control_socket = program->options.control_socket,
		.cancel_fd = program->stop_fd,
		.threads = program->options.threads,
	};
	int r = cameras_new(&cfg, &program->cameras, err);

	program->api.backend = &cameras_backend;
	program->api.ctx = program->cameras;
	program->api.allow_origin = program->options.allow_origin;
	return r;
}

static int start(struct program *program, struct error *err)
{
	int r = open_signals(program, err);

	if (r == 0)
		r = open_api(program, err);
	if (r == 0)
		r = open_listener(program, err);
	if (r < 0)
		return r;
	const struct server_config cfg = {
		.listen_fd = program->listen_fd,
		.stop_fd = program->stop_fd,
		.threads = program->options.threads,
		.io_timeout_ms = (int)program->options.io_timeout_ms,
		.api = &program->api,
	};
	return server_new(&cfg, &program->server, err);
}

static void wait_for_signal(struct program *program)
{
	struct pollfd pfd = {.fd = program->signal_fd, .events = POLLIN};
	struct signalfd_siginfo info;

	while (read(program->signal_fd, &info, sizeof(info)) != sizeof(info)) {
		poll(&pfd, 1, server_sweep_interval_ms(program->server));
		server_sweep(program->server);
	}
	log_info("main", "%s: stopping", strsignal((int)info.ssi_signo));
}

/* The name goes first: who connects from now on is told so at once, and the next one of us may
 * have it. A socket from elsewhere stays as it is. */
static void stop(struct program *program)
{
	if (program->is_socket_ours)
		unlink(program->options.socket);
	server_free(program->server);
	cameras_free(program->cameras);
	close_fd(&program->listen_fd);
	close_fd(&program->stop_fd);
	close_fd(&program->signal_fd);
}

static int run(struct program *program)
{
	struct error err = {0};
	int r = start(program, &err);

	if (r < 0) {
		log_error("main", "%s", err.text);
	} else {
		log_info("main", "serving %s with %u threads, nalcastd is at %s",
			 program->is_socket_ours ? program->options.socket : "an inherited socket",
			 program->options.threads, program->options.control_socket);
		sd_notify(0, "READY=1");
		wait_for_signal(program);
		sd_notify(0, "STOPPING=1");
	}
	stop(program);
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct program program = {.signal_fd = -1, .stop_fd = -1, .listen_fd = -1};
	struct error err = {0};

	if (options_read(argc, (const char *const *)argv, &program.options, &err) < 0) {
		fprintf(stderr, "nalcast-fcgi: %s\n", err.text);
		return 2;
	}
	if (program.options.help) {
		options_print_help(stdout);
		return 0;
	}
	if (program.options.version) {
		puts(PACKAGE_STRING);
		return 0;
	}
	log_set_level(program.options.log_level);
	return run(&program);
}
