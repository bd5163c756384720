/* nalcast-capture: libcamera in a process of its own, started by nalcastd, for libcamera aborts and
 * crashes when cameras vanish. What it says and hears is streamer/capproto.h.
 *
 * The main thread makes all calls of libcamera; its threads only queue and wake. The program ends
 * by _exit(): libcamera does not survive the destructors of its static objects. */
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "streamer/capproto.h"

#include "capture/cameras.h"
#include "capture/liblog.h"
#include "capture/people.h"
#include "capture/rights.h"
#include "capture/server.h"

#define SUBSYSTEM "capture"

static const char help[] =
	"Usage: nalcast-capture [--log-level=LEVEL]\n"
	"       nalcast-capture --list | --help | --version\n"
	"\n"
	"Opens a camera by libcamera and lends its pictures to nalcastd, which starts it and\n"
	"talks to it over descriptor 3. By hand:\n"
	"\n"
	"  --list             the cameras that libcamera sees, and what they can do\n"
	"  --log-level=LEVEL  error, warn, info (default) or debug: libcamera's own words, too\n"
	"  --help             this\n"
	"  --version          of this program, and of libcamera\n";

enum task { TASK_SERVE, TASK_LIST, TASK_HELP, TASK_VERSION, TASK_NONE };

static enum task parse_option(const char *option)
{
	static const char log_level[] = "--log-level=";
	enum log_level level;

	if (strcmp(option, "--list") == 0)
		return TASK_LIST;
	if (strcmp(option, "--help") == 0)
		return TASK_HELP;
	if (strcmp(option, "--version") == 0)
		return TASK_VERSION;
	if (strncmp(option, log_level, sizeof(log_level) - 1) == 0 &&
	    log_level_parse(option + sizeof(log_level) - 1, &level) == 0) {
		log_set_level(level);
		return TASK_SERVE;
	}
	fprintf(stderr, "nalcast-capture: '%s' is no option; see --help\n", option);
	return TASK_NONE;
}

static bool is_from_nalcastd(int fd)
{
	int type;
	socklen_t size = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

/* A service that is stopped, and a terminal, signal nalcastd and us: it is nalcastd that ends us,
 * when its viewers have heard of it. */
static void ignore_signals()
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, nullptr);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static int serve()
{
	if (!is_from_nalcastd(CAPPROTO_FD)) {
		fprintf(stderr,
			"nalcast-capture: descriptor %d is no socket of nalcastd's, which starts "
			"this program\nby itself (--source=libcamera). By hand: --list, --help\n",
			CAPPROTO_FD);
		return 2;
	}
	/* libcamera starts programs of its own. */
	fcntl(CAPPROTO_FD, F_SETFD, FD_CLOEXEC);
	ignore_signals();
	capture::rights_drop(CAPPROTO_FD);
	capture::liblog_start();
	return capture::server_run(CAPPROTO_FD);
}

static int run(enum task task)
{
	switch (task) {
	case TASK_SERVE:
		return serve();
	case TASK_LIST:
		capture::rights_drop(STDERR_FILENO);
		capture::liblog_start();
		return capture::people_list();
	case TASK_HELP:
		fputs(help, stdout);
		return 0;
	case TASK_VERSION:
		printf("nalcast-capture %s (libcamera %s)\n", PACKAGE_VERSION,
		       libcamera::CameraManager::version().c_str());
		return 0;
	default:
		return 2;
	}
}

int main(int argc, char **argv)
{
	enum task task = TASK_SERVE;

	for (int i = 1; i < argc; i++) {
		enum task asked = parse_option(argv[i]);
		if (asked != TASK_SERVE && task != TASK_NONE)
			task = asked;
	}
	int status = run(task);
	fflush(stdout);
	_exit(status);
}
