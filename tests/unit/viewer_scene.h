/* viewer_scene: a real server with real sockets, and the calls that it makes counted, for the tests
 * of it. Needs the linker's --wrap of what it counts. */
#ifndef TESTS_UNIT_VIEWER_SCENE_H
#define TESTS_UNIT_VIEWER_SCENE_H

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/server.h"
#include "tests/unit/unit.h"

#define VIEWERS     20
#define VIEWER_MAX  4096 /* bytes of our own memory */
#define FLOOD_BYTES 65536
#define AU_BYTES    8192

static struct calls { /* since the last time that these were set to 0 */
	unsigned send, sendmsg, recv, epoll_ctl, accept;
	unsigned allocations;
} calls;
static size_t allocated_bytes; /* now */
static bool no_memory, no_descriptors;

ssize_t __real_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_recv(int fd, void *bytes, size_t size, int flags);
int __real_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *p);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags);
int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *p);

ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
	calls.send++;
	return __real_send(fd, bytes, size, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	calls.sendmsg++;
	return __real_sendmsg(fd, message, flags);
}

ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags)
{
	calls.recv++;
	return __real_recv(fd, bytes, size, flags);
}

int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
	calls.epoll_ctl++;
	return __real_epoll_ctl(epoll_fd, op, fd, event);
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	calls.accept++;
	if (!no_descriptors)
		return __real_accept4(fd, address, size, flags);
	errno = EMFILE;
	return -1;
}

static inline void *counted(void *p)
{
	calls.allocations++;
	allocated_bytes += malloc_usable_size(p);
	return p;
}

void *__wrap_malloc(size_t size)
{
	return no_memory ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return no_memory ? NULL : counted(__real_calloc(count, size));
}

void __wrap_free(void *p)
{
	if (p != NULL)
		allocated_bytes -= malloc_usable_size(p);
	__real_free(p);
}

struct scene {
	char folder[32];
	struct sockaddr_un address;
	struct conf conf;
	sd_event *event;
	struct auq *auq;
	struct server *server;
};

static inline void on_watched(void *arg, bool watched)
{
	(void)arg;
	(void)watched;
}

static inline void on_anything(void *arg)
{
	(void)arg;
}

static inline int listen_at(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	unlink(address->sun_path);
	assert_int_equal(bind(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
	assert_int_equal(listen(fd, 2 * VIEWERS), 0);
	return fd;
}

static inline int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct error err;

	clock_init();
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(s->folder, sizeof(s->folder), "/tmp/nalcast-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	s->address.sun_family = AF_UNIX;
	snprintf(s->address.sun_path, sizeof(s->address.sun_path), "%s/s", s->folder);

	conf_defaults(&s->conf);
	s->conf.viewer_lag_max_ms = 10000; /* a busy machine makes nobody slow */
	assert_true(sd_event_new(&s->event) >= 0);
	s->auq = auq_new(8);
	struct server_config cfg = {
		.event = s->event,
		.listen_fd = listen_at(&s->address),
		.conf = &s->conf,
		.auq = s->auq,
		.on_watched = on_watched,
		.need_idr = on_anything,
		.on_closed = on_anything,
	};
	assert_int_equal(server_new(&cfg, &s->server, &err), 0);
	no_memory = no_descriptors = false;
	*state = s;
	return 0;
}

static inline int tear_down(void **state)
{
	struct scene *s = *state;

	server_free(s->server);
	auq_free(s->auq);
	sd_event_unref(s->event);
	unlink(s->address.sun_path);
	rmdir(s->folder);
	free(s);
	return 0;
}

/* Whatever there is to do, done. */
static inline void turn(struct scene *s)
{
	while (sd_event_run(s->event, 0) > 0)
		;
}

static inline int dial(struct scene *s)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&s->address, sizeof(s->address)), 0);
	return fd;
}

static inline void put(int fd, const void *bytes, size_t size)
{
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
}

/* Takes all that has come; returns how much that is, with the last of it in text. */
static size_t drain(int fd, char *text, size_t size)
{
	static char bytes[1 << 20];
	size_t all = 0;

	for (ssize_t got; (got = read(fd, bytes, sizeof(bytes))) > 0; all += (size_t)got) {
		size_t shown = (size_t)got < size - 1 ? (size_t)got : size - 1;
		memcpy(text, bytes + (size_t)got - shown, shown);
		text[shown] = '\0';
	}
	return all;
}

enum way { RAW, V1, BARE };

static const char *const heads[] = {
	[RAW] = "GET /stream HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	[V1] = "GET /stream HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
	       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	       "Sec-WebSocket-Protocol: nalcast.v1\r\n\r\n",
	[BARE] = "GET /stream.h264 HTTP/1.1\r\nHost: a\r\n\r\n",
};

static inline int watch(struct scene *s, enum way way)
{
	char text[64];
	int fd = dial(s);

	put(fd, heads[way], strlen(heads[way]));
	turn(s);
	assert_true(drain(fd, text, sizeof(text)) > 0);
	return fd;
}

/* Room for frames of less than 126 bytes of text; the mask is 0, which changes nothing. */
static inline void say(int fd, const char *text)
{
	uint8_t frame[6 + 125] = {0x81, (uint8_t)(0x80 | strlen(text))};

	assert_true(strlen(text) < 126);
	memcpy(frame + 6, text, strlen(text));
	put(fd, frame, 6 + strlen(text));
}

static inline struct au *make_au(bool idr, size_t size)
{
	struct au *au = au_new(size);

	assert_non_null(au);
	memset(au->data, 0x55, size);
	au->size = size;
	au->flags = idr ? AU_IDR : 0;
	au->pts_us = clock_now_us();
	return au;
}

static inline void publish(struct scene *s, struct au *au)
{
	assert_int_equal(auq_push(s->auq, au), 0);
	turn(s);
}

/* VIEWERS of them, all of which have the IDR and said so if they can; nothing is counted yet. */
static inline void watch_all(struct scene *s, enum way way, int fds[static VIEWERS])
{
	char text[64];

	for (unsigned i = 0; i < VIEWERS; i++)
		fds[i] = watch(s, way);
	publish(s, make_au(true, AU_BYTES));
	for (unsigned i = 0; i < VIEWERS; i++) {
		assert_true(drain(fds[i], text, sizeof(text)) >= AU_BYTES);
		if (way == V1)
			say(fds[i], "{\"type\":\"ack\",\"seq\":0}");
	}
	turn(s);
}

static inline void close_all(const int fds[static VIEWERS])
{
	for (unsigned i = 0; i < VIEWERS; i++)
		close(fds[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
