#include "streamer/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/source.h"

#define SUBSYSTEM   "helper"
#define PROGRAM     "nalcast-capture"
#define NICE        5    /* as the pipeline: sending must win over both */
#define KILLED_MS   1000 /* SIGKILL works at once, but for one that hangs in a driver */
#define HURRY_MS    300  /* of its patience, when nalcastd ends */
#define HOW_WAIT_MS 200  /* between the end of its socket and its own */
#define STRAYS_MAX  16
#define EXEC_FAILED 127

extern char **environ;

const char *helper_path(void)
{
	const char *path = secure_getenv("NALCAST_CAPTURE");

	return path != NULL && path[0] != '\0' ? path : LIBEXECDIR "/" PROGRAM;
}

bool helper_is_there(void)
{
	return access(helper_path(), X_OK) == 0;
}

/* --- strays: killed, but still in a driver when we looked last */

static pthread_mutex_t strays_lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t strays[STRAYS_MAX]; /* under strays_lock; 0: free */

static void reap_strays(void)
{
	pthread_mutex_lock(&strays_lock);
	for (size_t i = 0; i < STRAYS_MAX; i++)
		if (strays[i] != 0 && waitpid(strays[i], NULL, WNOHANG) == strays[i])
			strays[i] = 0;
	pthread_mutex_unlock(&strays_lock);
}

static void add_stray(pid_t pid)
{
	pthread_mutex_lock(&strays_lock);
	for (size_t i = 0; i < STRAYS_MAX; i++)
		if (strays[i] == 0) {
			strays[i] = pid;
			break;
		}
	pthread_mutex_unlock(&strays_lock);
}

/* --- starting */

struct birth { /* made ready before, since little may be called between vfork() and execve() */
	const char *path;
	char *argv[3];
	int fd;   /* its end, above CAPPROTO_FD */
	int null; /* /dev/null, above CAPPROTO_FD */
	pid_t parent;
	sigset_t old_mask;
};

/* In the child, in our memory, with every signal blocked. Only calls that are safe in a handler of
 * signals; setsid() keeps a terminal's Ctrl-C for nalcastd, which then ends it. */
__attribute__((noreturn)) static void become_helper(const struct birth *birth)
{
	static const struct rlimit no_core = {0, 0};
	struct sigaction usual = {.sa_handler = SIG_DFL};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != birth->parent)
		_exit(EXEC_FAILED);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	setpriority(PRIO_PROCESS, 0, NICE);
	setsid();
	dup2(birth->null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	dup2(birth->fd, CAPPROTO_FD);
	/* All of ours would close by themselves; those of libraries may not. */
	syscall(SYS_close_range, CAPPROTO_FD + 1, ~0U, 0);
	for (int number = 1; number < NSIG; number++)
		sigaction(number, &usual, NULL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(birth->path, birth->argv, environ);
	_exit(EXEC_FAILED);
}

static pid_t give_birth(struct birth *birth)
{
	sigset_t all;

	/* No handler of ours may run in the child, which shares our memory. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &birth->old_mask);
	pid_t pid = vfork();
	if (pid == 0)
		become_helper(birth);
	int code = errno;
	pthread_sigmask(SIG_SETMASK, &birth->old_mask, NULL);
	errno = code;
	return pid;
}

/* Where dup2() in the child cannot meet it. */
static int move_up(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, CAPPROTO_FD + 1);

	close(fd);
	return moved;
}

static int prepare(struct helper *h, struct birth *birth)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	h->fd = pair[0];
	birth->fd = move_up(pair[1]);
	birth->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (birth->null >= 0)
		birth->null = move_up(birth->null);
	return birth->fd < 0 || birth->null < 0 ? -errno : 0;
}

static int give_birth_to(struct helper *h, struct birth *birth)
{
	h->pid = give_birth(birth);
	if (h->pid < 0) {
		h->pid = 0;
		return -errno;
	}
	/* Ours until we wait for it, so the number cannot be another's. glibc has it since 2.36. */
	h->pid_fd = (int)syscall(SYS_pidfd_open, h->pid, 0);
	return h->pid_fd < 0 ? -errno : 0;
}

int helper_start(struct helper *h, struct error *err)
{
	char program[] = PROGRAM, level[32];
	struct birth birth = {
		.path = helper_path(),
		.argv = {program, level},
		.fd = -1,
		.null = -1,
		.parent = getpid(),
	};

	snprintf(level, sizeof(level), "--log-level=%s", log_level_word());
	reap_strays();
	*h = HELPER_NONE;
	if (!helper_is_there())
		return error_set(err, -ENOENT,
				 "%.120s: %s: libcamera needs it; install it, or use v4l2",
				 birth.path,
				 errno == ENOENT ? "this installation has no " PROGRAM
						 : strerror(errno));
	int r = prepare(h, &birth);
	if (r == 0)
		r = give_birth_to(h, &birth);
	close_fd(&birth.fd);
	close_fd(&birth.null);
	if (r < 0) {
		helper_end(h, 0);
		return error_set(err, r, PROGRAM " cannot be started: %s", strerror(-r));
	}
	log_debug(SUBSYSTEM, PROGRAM " is process %d", (int)h->pid);
	return 0;
}

/* --- ending */

/* Asked or not, its end is told; but for the one that everybody expects. */
static void note_how(struct helper *h, const siginfo_t *info)
{
	bool by_itself = info->si_code == CLD_EXITED;
	int status = info->si_status;

	if (by_itself && status == EXEC_FAILED)
		snprintf(h->how, sizeof(h->how), "could not be executed");
	else if (by_itself)
		snprintf(h->how, sizeof(h->how), "ended with status %d", status);
	else
		snprintf(h->how, sizeof(h->how), "was ended by SIG%s", sigabbrev_np(status));
	if (!by_itself || status != 0 || h->fd >= 0)
		log_warn(SUBSYSTEM, PROGRAM " (%d) %s", (int)h->pid, h->how);
	h->pid = 0;
}

/* Wait for its end, and take note of it. Returns whether it has come. */
static bool await_end(struct helper *h, int64_t wait_us)
{
	int64_t until_us = clock_now_us() + wait_us;
	struct pollfd ended = {.fd = h->pid_fd, .events = POLLIN};
	siginfo_t info;
	int r;

	do {
		int64_t left_us = max_i64(until_us - clock_now_us(), 0);
		r = poll(&ended, 1, (int)((left_us + 999) / 1000));
	} while (r < 0 && errno == EINTR);
	if (r > 0 && waitid(P_PID, (id_t)h->pid, &info, WEXITED) == 0)
		note_how(h, &info);
	return h->pid == 0;
}

/* Its patience ends early when nalcastd does. */
static bool await_end_patiently(struct helper *h, int64_t patience_us)
{
	int64_t until_us = clock_now_us() + patience_us;
	struct pollfd fds[2] = {{.fd = h->pid_fd, .events = POLLIN},
				{.fd = source_stop_fd(), .events = POLLIN}};

	while (clock_now_us() < until_us) {
		if (poll(fds, 2, (int)((until_us - clock_now_us() + 999) / 1000)) < 0)
			continue;
		if (fds[0].revents != 0)
			break;
		if (fds[1].revents != 0) {
			until_us = min_i64(until_us, clock_now_us() + HURRY_MS * INT64_C(1000));
			fds[1].fd = -1;
		}
	}
	return await_end(h, 0);
}

static void kill_it(struct helper *h, int patience_ms)
{
	pid_t pid = h->pid;

	log_warn(SUBSYSTEM, PROGRAM " (%d) has not ended within %d ms: killing it", (int)pid,
		 patience_ms);
	kill(pid, SIGKILL);
	if (await_end(h, KILLED_MS * INT64_C(1000)))
		return;
	log_error(SUBSYSTEM, PROGRAM " (%d) hangs in a driver and cannot be killed", (int)pid);
	add_stray(pid);
	h->pid = 0;
}

void helper_end(struct helper *h, int patience_ms)
{
	close_fd(&h->fd);
	if (h->pid != 0 && h->pid_fd < 0) { /* it has hardly begun */
		kill(h->pid, SIGKILL);
		waitpid(h->pid, NULL, 0);
	} else if (h->pid != 0 && !await_end_patiently(h, patience_ms * INT64_C(1000))) {
		kill_it(h, patience_ms);
	}
	close_fd(&h->pid_fd);
	*h = HELPER_NONE;
	reap_strays();
}

/* --- talking */

static bool is_readable(int fd)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};

	return fd >= 0 && poll(&readable, 1, 0) > 0;
}

static int gone(struct helper *h, struct error *err)
{
	if (h->pid != 0)
		await_end(h, HOW_WAIT_MS * INT64_C(1000));
	return error_set(err, -EPIPE, PROGRAM " %s",
			 h->how[0] != '\0' ? h->how : "has closed its end");
}

int helper_send(struct helper *h, const union capproto_message *msg, struct error *err)
{
	ssize_t sent;

	do {
		sent = send(h->fd, msg, capproto_size(msg->type), MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	if (errno == EAGAIN)
		return error_set(err, -EPIPE, PROGRAM " does not listen any more");
	return gone(h, err);
}

union ancillary {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(4 * sizeof(int))];
};

/* The one descriptor there may be; more, or what is none, is closed and refused. */
static int take_fd(struct msghdr *packet, int *ret_fd)
{
	unsigned count = 0;

	*ret_fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(packet); c != NULL; c = CMSG_NXTHDR(packet, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t size = c->cmsg_len - CMSG_LEN(0);
		for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
			close_fd(ret_fd);
			memcpy(ret_fd, CMSG_DATA(c) + at, sizeof(int));
			count++;
		}
	}
	if (count <= 1 && (packet->msg_flags & MSG_CTRUNC) == 0)
		return 0;
	close_fd(ret_fd);
	return -EPROTO;
}

static int check(const union capproto_message *msg, size_t size, const struct msghdr *packet,
		 bool has_fd, struct error *err)
{
	struct error why = {0};

	if (packet->msg_flags & MSG_TRUNC)
		error_set(&why, -EPROTO, "more bytes than any message has");
	else if (capproto_check(msg, size, &why) == 0 && has_fd != (msg->type == CAPPROTO_BUFFER))
		error_set(&why, -EPROTO, "%s",
			  has_fd ? "a descriptor with what is no buffer" : "no descriptor");
	if (why.code == 0)
		return 0;
	return error_set(err, -EPROTO, PROGRAM " sends nonsense: %s", why.text);
}

int helper_receive(struct helper *h, union capproto_message *ret_msg, int *ret_fd,
		   struct error *err)
{
	union ancillary ancillary;
	struct iovec iov = {.iov_base = ret_msg, .iov_len = sizeof(*ret_msg)};
	struct msghdr packet = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &ancillary,
		.msg_controllen = sizeof(ancillary),
	};
	ssize_t size;
	int fd;

	/* Before: what it said last is not to be overlooked. A process that it started may hold its
	 * end of the socket after it. */
	bool ended = is_readable(h->pid_fd);
	do { /* ECONNRESET: it has gone without reading all; what it said comes after that */
		size = recvmsg(h->fd, &packet, MSG_CMSG_CLOEXEC);
	} while (size < 0 && (errno == EINTR || errno == ECONNRESET));
	if (size < 0 && errno == EAGAIN && !ended)
		return -EAGAIN;
	if (size <= 0)
		return gone(h, err);
	if (take_fd(&packet, &fd) < 0)
		return error_set(err, -EPROTO, PROGRAM " sends more descriptors than one");
	int r = check(ret_msg, (size_t)size, &packet, fd >= 0, err);
	if (r < 0)
		close_fd(&fd);
	else
		*ret_fd = fd;
	return r;
}
