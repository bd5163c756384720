/* The limit that nalcastd's fan-out is held against: one epoll loop that sends the same contiguous
 * bytes to everybody by send(), and does nothing else. floor SOCKET BYTES FPS [hear].
 *
 * It speaks just enough WebSocket for the load client. Requests are taken to come in one piece,
 * and what clients say afterwards is not read; or, with "hear", is read by one recv() each time,
 * and not looked at: what nobody can do without who is to see acknowledgements. A socket that takes
 * only part of a message gets the rest before the next one; one that takes nothing misses
 * messages. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/au.h"
#include "streamer/http.h"
#include "streamer/ws.h"
#include "tests/bench/stamp.h"

#define FPS_MAX    240
#define FDS_MAX    20000
#define EVENTS_MAX 256

struct peer {        /* by descriptor */
	bool open;   /* upgraded */
	size_t rest; /* of a message it took only the beginning of */
};

static struct peer peers[FDS_MAX];
static int fd_end; /* one past the highest that was open */

static uint8_t *message; /* WebSocket header, stamp, zeros */
static size_t message_size, header_size;
static uint32_t messages;
static bool hears;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void watch(int epoll_fd, int fd, int op, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	if (epoll_ctl(epoll_fd, op, fd, &event) < 0)
		fail("epoll");
}

static void drop(int fd)
{
	peers[fd] = (struct peer){0};
	close(fd);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		fail(path);
	return fd;
}

static int start_timer(unsigned fps)
{
	struct timespec interval = {fps == 1, fps == 1 ? 0 : 1000000000 / fps};
	struct itimerspec spec = {interval, interval};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0 || timerfd_settime(fd, 0, &spec, NULL) < 0)
		fail("timer");
	return fd;
}

static void accept_all(int epoll_fd, int listen_fd)
{
	int fd;

	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (fd >= FDS_MAX) {
			close(fd);
			continue;
		}
		fd_end = fd >= fd_end ? fd + 1 : fd_end;
		watch(epoll_fd, fd, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static bool upgrade(int fd)
{
	char head[HTTP_HEAD_MAX], answer[512], accept[WS_ACCEPT_SIZE];
	struct http_request request;
	int status;
	ssize_t size = recv(fd, head, sizeof(head), 0);

	if (size <= 0 || http_read(head, (size_t)size, &request, &status) <= 0 ||
	    ws_accept(request.ws_key, accept) < 0)
		return false;
	size_t answer_size = http_write_upgrade(answer, sizeof(answer), accept, "");
	return send(fd, answer, answer_size, MSG_NOSIGNAL) == (ssize_t)answer_size;
}

static void hear(int fd)
{
	char said[4096];

	if (recv(fd, said, sizeof(said), MSG_DONTWAIT) == 0)
		drop(fd);
}

static void take_peer(int epoll_fd, int fd, uint32_t events)
{
	if (hears && peers[fd].open && (events & (EPOLLHUP | EPOLLERR)) == 0) {
		hear(fd);
		return;
	}
	if (peers[fd].open || (events & (EPOLLHUP | EPOLLERR)) != 0 || !upgrade(fd)) {
		drop(fd);
		return;
	}
	peers[fd].open = true;
	/* Else only its end is told from now on. */
	watch(epoll_fd, fd, EPOLL_CTL_MOD, hears ? EPOLLIN | EPOLLET : 0);
}

/* What is left of an earlier message is the same bytes: its stamp was sent long ago. */
static bool send_rest(int fd)
{
	size_t rest = peers[fd].rest;
	ssize_t sent = send(fd, message + message_size - rest, rest, MSG_NOSIGNAL);

	if (sent > 0)
		peers[fd].rest -= (size_t)sent;
	return peers[fd].rest == 0;
}

static void send_to_all(void)
{
	stamp_write(message + header_size, messages++);
	for (int fd = 0; fd < fd_end; fd++) {
		if (!peers[fd].open || (peers[fd].rest > 0 && !send_rest(fd)))
			continue;
		ssize_t sent = send(fd, message, message_size, MSG_NOSIGNAL);
		if (sent > 0)
			peers[fd].rest = message_size - (size_t)sent;
	}
}

static void serve(int epoll_fd, int listen_fd, int timer_fd)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t ticks;

	for (;;) {
		int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;
			if (fd == listen_fd)
				accept_all(epoll_fd, listen_fd);
			else if (fd != timer_fd)
				take_peer(epoll_fd, fd, events[i].events);
			else if (read(timer_fd, &ticks, sizeof(ticks)) == sizeof(ticks))
				send_to_all();
		}
	}
}

int main(int argc, char **argv)
{
	struct rlimit files = {FDS_MAX, FDS_MAX};
	uint64_t bytes, fps;

	hears = argc == 5 && strcmp(argv[4], "hear") == 0;
	if (argc != 4 + hears || parse_unsigned(argv[2], STAMP_BYTES, AU_MAX_BYTES, &bytes) < 0 ||
	    parse_unsigned(argv[3], 1, FPS_MAX, &fps) < 0) {
		fprintf(stderr, "usage: floor SOCKET BYTES FPS [hear]\n");
		return 1;
	}
	setrlimit(RLIMIT_NOFILE, &files); /* where it is refused, fewer viewers must do */
	message = calloc(1, WS_HEADER_MAX + bytes);
	if (message == NULL)
		fail("message");
	header_size = ws_header(message, WS_BINARY, bytes);
	message_size = header_size + bytes;
	int listen_fd = listen_at(argv[1]), timer_fd = start_timer((unsigned)fps);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	watch(epoll_fd, listen_fd, EPOLL_CTL_ADD, EPOLLIN);
	watch(epoll_fd, timer_fd, EPOLL_CTL_ADD, EPOLLIN);
	serve(epoll_fd, listen_fd, timer_fd);
}
