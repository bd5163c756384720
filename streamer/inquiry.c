#include "streamer/inquiry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/clock.h"

struct child {
	pid_t pid;
	int out_fd; /* what it says */
	char *text;
	size_t text_size, used;
};

static int set_up(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr, int out_fd)
{
	sigset_t none;
	int r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, out_fd, 1);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, out_fd, 2);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setpgroup(attr, 0);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	return -r;
}

static int start(const char *const *argv, int out_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	int r = set_up(&actions, &attr, out_fd);
	if (r == 0)
		r = -posix_spawnp(ret_pid, argv[0], &actions, &attr, (char **)(uintptr_t)argv,
				  environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* What does not fit is read and let go. false: it will say no more. */
static bool hear(struct child *child)
{
	char rest[512];
	size_t room = child->text_size - 1 - child->used;
	ssize_t size = room > 0 ? read(child->out_fd, child->text + child->used, room)
				: read(child->out_fd, rest, sizeof(rest));

	if (size < 0)
		return errno == EINTR || errno == EAGAIN;
	if (room > 0)
		child->used += (size_t)size;
	return size > 0;
}

/* Who closes its output and goes on has until the same deadline: nobody is in a hurry here. */
static bool has_ended(pid_t pid, int *ret_status)
{
	return waitpid(pid, ret_status, WNOHANG) == pid;
}

/* Returns whether it ended by itself before end_us. */
static bool attend(struct child *child, int64_t end_us, int *ret_status)
{
	struct pollfd poll_fd = {.fd = child->out_fd, .events = POLLIN};

	for (;;) {
		/* Looked at before the pipe: what it said last is in there then. */
		bool ended = has_ended(child->pid, ret_status);
		int64_t left_ms = (end_us - clock_now_us()) / 1000;
		while (poll_fd.fd >= 0 && clock_now_us() < end_us && poll(&poll_fd, 1, 0) > 0)
			if (!hear(child))
				poll_fd.fd = -1;
		if (ended || left_ms <= 0)
			return ended;
		poll(&poll_fd, 1, (int)min_i64(left_ms, 10));
	}
}

static int tell(const char *name, int status, struct error *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return error_set(err, -EIO, "%s: ended with status %d", name, WEXITSTATUS(status));
	return error_set(err, -EIO, "%s: ended by signal %d", name, WTERMSIG(status));
}

int inquiry(const char *const *argv, int timeout_ms, char *text, size_t text_size,
	    struct error *err)
{
	struct child child = {.text = text, .text_size = text_size};
	int fds[2], status = 0;

	text[0] = '\0';
	/* The other program expects an output that blocks; here it is read after poll() only. */
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, -errno, "a pipe: %m");
	child.out_fd = fds[0];
	int r = start(argv, fds[1], &child.pid);
	close(fds[1]);
	if (r < 0) {
		close(fds[0]);
		return error_set(err, r, "%s: %s", argv[0], strerror(-r));
	}
	bool ended = attend(&child, clock_now_us() + timeout_ms * INT64_C(1000), &status);
	kill(-child.pid, SIGKILL);
	if (!ended)
		waitpid(child.pid, &status, 0);
	close(child.out_fd);
	text[child.used] = '\0';
	if (!ended)
		return error_set(err, -ETIMEDOUT, "%s: says nothing within %d ms", argv[0],
				 timeout_ms);
	return tell(argv[0], status, err);
}
