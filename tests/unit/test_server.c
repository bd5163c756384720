/* What a viewer costs, and what one may cost the others: a real server with real sockets, and the
 * calls that it makes counted. */
#include "tests/unit/unit.h"

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

static void *counted(void *p)
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

static void on_watched(void *arg, bool watched)
{
	(void)arg;
	(void)watched;
}

static void on_anything(void *arg)
{
	(void)arg;
}

static int listen_at(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	unlink(address->sun_path);
	assert_int_equal(bind(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
	assert_int_equal(listen(fd, 2 * VIEWERS), 0);
	return fd;
}

static int set_up(void **state)
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

static int tear_down(void **state)
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
static void turn(struct scene *s)
{
	while (sd_event_run(s->event, 0) > 0)
		;
}

static int dial(struct scene *s)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&s->address, sizeof(s->address)), 0);
	return fd;
}

static void put(int fd, const void *bytes, size_t size)
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

static int watch(struct scene *s, enum way way)
{
	char text[64];
	int fd = dial(s);

	put(fd, heads[way], strlen(heads[way]));
	turn(s);
	assert_true(drain(fd, text, sizeof(text)) > 0);
	return fd;
}

/* Room for frames of less than 126 bytes of text; the mask is 0, which changes nothing. */
static void say(int fd, const char *text)
{
	uint8_t frame[6 + 125] = {0x81, (uint8_t)(0x80 | strlen(text))};

	assert_true(strlen(text) < 126);
	memcpy(frame + 6, text, strlen(text));
	put(fd, frame, 6 + strlen(text));
}

static struct au *make_au(bool idr, size_t size)
{
	struct au *au = au_new(size);

	assert_non_null(au);
	memset(au->data, 0x55, size);
	au->size = size;
	au->flags = idr ? AU_IDR : 0;
	au->pts_us = clock_now_us();
	return au;
}

static void publish(struct scene *s, struct au *au)
{
	assert_int_equal(auq_push(s->auq, au), 0);
	turn(s);
}

/* VIEWERS of them, all of which have the IDR, and nothing is counted yet. */
static void watch_all(struct scene *s, enum way way, int fds[static VIEWERS])
{
	char text[64];

	for (unsigned i = 0; i < VIEWERS; i++)
		fds[i] = watch(s, way);
	publish(s, make_au(true, AU_BYTES));
	for (unsigned i = 0; i < VIEWERS; i++)
		assert_true(drain(fds[i], text, sizeof(text)) >= AU_BYTES);
	turn(s);
}

static void close_all(const int fds[static VIEWERS])
{
	for (unsigned i = 0; i < VIEWERS; i++)
		close(fds[i]);
}

static void viewer_that_keeps_up_costs_one_call_an_access_unit(void **state)
{
	struct scene *s = *state;
	int fds[VIEWERS];
	char text[64];

	watch_all(s, RAW, fds);
	struct au *au = make_au(false, AU_BYTES);
	calls = (struct calls){0};
	publish(s, au);
	assert_int_equal(calls.send, VIEWERS);
	assert_int_equal(calls.sendmsg + calls.recv + calls.epoll_ctl + calls.accept, 0);
	assert_true(calls.allocations <= 1); /* the hub's slot, for all of them */

	/* That they read it is nobody's business. */
	calls = (struct calls){0};
	for (unsigned i = 0; i < VIEWERS; i++)
		assert_int_equal(drain(fds[i], text, sizeof(text)), 4 + AU_BYTES);
	turn(s);
	assert_int_equal(calls.send + calls.sendmsg + calls.recv + calls.epoll_ctl, 0);
	close_all(fds);
}

static void acknowledgement_costs_one_call_more(void **state)
{
	struct scene *s = *state;
	int fds[VIEWERS];
	char text[64];

	watch_all(s, V1, fds);
	struct au *au = make_au(false, AU_BYTES);
	calls = (struct calls){0};
	publish(s, au);
	for (unsigned i = 0; i < VIEWERS; i++) {
		assert_int_equal(drain(fds[i], text, sizeof(text)), 4 + 24 + AU_BYTES);
		say(fds[i], "{\"type\":\"ack\",\"seq\":1}");
	}
	turn(s);
	assert_int_equal(calls.send, VIEWERS);
	assert_int_equal(calls.recv, VIEWERS);
	assert_int_equal(calls.sendmsg + calls.epoll_ctl, 0);
	assert_true(calls.allocations <= 1);
	close_all(fds);
}

static void one_piece_is_sent_to_those_who_are_most(void **state)
{
	struct scene *s = *state;
	int page = watch(s, V1), second = watch(s, V1), raw = watch(s, RAW);
	char text[64];

	calls = (struct calls){0};
	publish(s, make_au(true, AU_BYTES));
	assert_int_equal(calls.send, 2);
	assert_int_equal(calls.sendmsg, 1);
	drain(page, text, sizeof(text));
	assert_int_equal(drain(raw, text, sizeof(text)), 4 + AU_BYTES);

	close(second);
	close(page);
	turn(s);
	calls = (struct calls){0};
	publish(s, make_au(false, AU_BYTES));
	assert_int_equal(calls.send, 1);
	assert_int_equal(drain(raw, text, sizeof(text)), 4 + AU_BYTES);
	close(raw);
}

static void viewer_holds_no_more_than_4_kib(void **state)
{
	struct scene *s = *state;
	int fds[VIEWERS];

	watch_all(s, V1, fds);
	size_t before = allocated_bytes;
	for (unsigned i = 0; i < VIEWERS; i++)
		close(fds[i]);
	turn(s);
	size_t each = (before - allocated_bytes) / VIEWERS;
	print_message("a viewer holds %zu bytes\n", each);
	assert_true(each > 0 && each <= VIEWER_MAX);
}

static void what_comes_in_pieces_is_held_only_until_it_is_whole(void **state)
{
	struct scene *s = *state;
	char text[512] = "";
	int fd = dial(s);

	for (const char *p = heads[V1]; *p != '\0'; p++) {
		put(fd, p, 1);
		turn(s);
	}
	assert_true(drain(fd, text, sizeof(text)) > 0);
	assert_non_null(memmem(text, sizeof(text), "\"hello\"", 7));
	size_t before = allocated_bytes;
	put(fd, "\x81\x99\0\0\0\0{\"type\":\"ti", 17);
	turn(s);
	assert_true(allocated_bytes > before);
	put(fd, "me\",\"t0\":8765}", 14);
	turn(s);
	assert_int_equal(allocated_bytes, before);
	assert_true(drain(fd, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "8765"));
	close(fd);
}

static void flood_is_read_one_buffer_a_turn(void **state)
{
	struct scene *s = *state;
	int flood = watch(s, BARE), other = watch(s, RAW);
	char text[64];

	publish(s, make_au(true, AU_BYTES));
	assert_int_equal(drain(other, text, sizeof(text)), 4 + AU_BYTES);
	char *bytes = calloc(1, FLOOD_BYTES);
	put(flood, bytes, FLOOD_BYTES);
	calls = (struct calls){0};
	for (unsigned i = 1; i <= 3; i++) {
		assert_true(sd_event_run(s->event, 0) > 0);
		assert_int_equal(calls.recv, i);
	}
	/* A picture does not wait for the rest of it. */
	assert_int_equal(auq_push(s->auq, make_au(false, AU_BYTES)), 0);
	assert_true(sd_event_run(s->event, 0) > 0);
	assert_int_equal(drain(other, text, sizeof(text)), 4 + AU_BYTES);
	assert_true(calls.recv <= 4);
	turn(s);
	assert_int_equal(calls.recv, FLOOD_BYTES / HTTP_HEAD_MAX);
	free(bytes);
	close(flood);
	close(other);
}

static void blocked_viewer_goes_on_where_it_was_when_there_is_room(void **state)
{
	struct scene *s = *state;
	int fd = watch(s, RAW);
	char text[64];
	const unsigned aus = 8;
	const size_t size = 100000;

	calls = (struct calls){0};
	for (unsigned i = 0; i < aus; i++)
		publish(s, make_au(i == 0, size));
	assert_int_equal(calls.epoll_ctl, 1); /* now it waits for room */
	unsigned sent = calls.send;
	assert_true(sent < aus);

	size_t got = 0;
	for (unsigned i = 0; i < 100 && got < aus * (10 + size); i++) {
		got += drain(fd, text, sizeof(text));
		turn(s);
	}
	assert_int_equal(got, aus * (10 + size));
	assert_int_equal(calls.epoll_ctl % 2, 0);
	calls = (struct calls){0};
	publish(s, make_au(false, AU_BYTES));
	assert_int_equal(calls.send, 1);
	assert_int_equal(calls.epoll_ctl, 0);
	close(fd);
}

static void nobody_is_lost_when_descriptors_run_out(void **state)
{
	struct scene *s = *state;
	int first = watch(s, RAW);
	char text[64];

	no_descriptors = true;
	calls = (struct calls){0};
	int second = dial(s);
	put(second, heads[RAW], strlen(heads[RAW]));
	turn(s);
	turn(s);
	assert_int_equal(calls.accept, 1); /* and then it rests */
	no_descriptors = false;
	close(first);
	turn(s);
	assert_true(drain(second, text, sizeof(text)) > 0);

	no_descriptors = true;
	int third = dial(s);
	put(third, heads[RAW], strlen(heads[RAW]));
	turn(s);
	no_descriptors = false;
	while (drain(third, text, sizeof(text)) == 0) /* it tries again by itself */
		assert_true(sd_event_run(s->event, UINT64_MAX) >= 0);
	close(second);
	close(third);
}

static void lack_of_memory_costs_only_who_needs_it(void **state)
{
	struct scene *s = *state;
	int old = watch(s, RAW), half = dial(s), late = dial(s);
	char text[64];

	turn(s);
	put(half, heads[RAW], 10); /* to be kept until the rest comes */
	no_memory = true;
	turn(s);
	int never = dial(s);
	turn(s);
	no_memory = false;
	assert_int_equal(read(half, text, 1), 0);
	assert_int_equal(read(never, text, 1), 0);
	put(late, heads[RAW], strlen(heads[RAW]));
	turn(s);
	assert_true(drain(late, text, sizeof(text)) > 0);
	publish(s, make_au(true, AU_BYTES));
	assert_int_equal(drain(old, text, sizeof(text)), 4 + AU_BYTES);
	assert_int_equal(drain(late, text, sizeof(text)), 4 + AU_BYTES);
	close(old);
	close(half);
	close(late);
	close(never);
}

struct seen {
	unsigned count;
	struct viewer_facts facts[2];
};

static bool see(void *arg, const struct viewer_facts *facts)
{
	struct seen *seen = arg;

	seen->facts[seen->count++] = *facts;
	return seen->count < 2;
}

static void facts_tell_who_watches_and_how(void **state)
{
	struct scene *s = *state;
	int page = watch(s, V1), raw = watch(s, RAW), third = watch(s, RAW);
	struct seen seen = {0};

	publish(s, make_au(true, AU_BYTES));
	say(page, "{\"type\":\"ack\",\"seq\":0,\"latency_ms\":61.5,\"decoder\":\"broadway\"}");
	say(page, "{\"type\":\"pause\"}");
	turn(s);
	server_each_viewer(s->server, see, &seen);
	assert_int_equal(seen.count, 2); /* and there it was told to stop */
	assert_int_equal(seen.facts[0].framing, FRAMING_V1);
	assert_int_equal(seen.facts[0].sent_aus, 1);
	assert_int_equal(seen.facts[0].sent_bytes, 4 + 24 + AU_BYTES);
	assert_true(seen.facts[0].paused && !seen.facts[1].paused);
	assert_true(seen.facts[0].rtt_us > 0 && seen.facts[0].rtt_min_us > 0);
	assert_true(seen.facts[0].latency_ms == 61.5);
	assert_string_equal(seen.facts[0].decoder, "broadway");
	assert_string_equal(seen.facts[0].peer, "local");
	assert_int_equal(seen.facts[1].framing, FRAMING_RAW);
	assert_true(seen.facts[1].id != seen.facts[0].id);
	assert_true(seen.facts[1].latency_ms < 0);
	assert_string_equal(seen.facts[1].decoder, "");
	close(page);
	close(raw);
	close(third);
}

static void viewer_is_closed_by_its_id(void **state)
{
	struct scene *s = *state;
	int fd = watch(s, V1);
	struct seen seen = {0};
	char text[256];

	server_each_viewer(s->server, see, &seen);
	assert_int_equal(seen.count, 1);
	assert_false(server_close_viewer(s->server, seen.facts[0].id + 1, "no"));
	assert_true(server_close_viewer(s->server, seen.facts[0].id, "go home"));
	assert_false(server_close_viewer(s->server, seen.facts[0].id, "twice"));
	assert_true(drain(fd, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"bye\""));
	assert_non_null(strstr(text, "go home\"}\x88\x09\x03\xf0go home"));
	close(fd);
}

/* The sums are counters: what was counted once stays counted. */
static void sums_do_not_fall_while_a_viewer_is_being_closed(void **state)
{
	struct scene *s = *state;
	int fd = watch(s, V1);
	struct seen seen = {0};
	struct viewer_sums before, closing, after;

	publish(s, make_au(true, AU_BYTES));
	server_get_sums(s->server, &before);
	assert_int_equal(before.viewers, 1);
	assert_int_equal(before.sent_aus, 1);
	server_each_viewer(s->server, see, &seen);
	assert_true(server_close_viewer(s->server, seen.facts[0].id, "go home"));
	server_get_sums(s->server, &closing);
	assert_memory_equal(&closing, &before, sizeof(before));
	close(fd);
	turn(s);
	server_get_sums(s->server, &after);
	assert_memory_equal(&after, &before, sizeof(before));
}

static void raised_limit_lets_in_who_waits(void **state)
{
	struct scene *s = *state;
	int fds[80];
	unsigned count = 0;
	char text[64];

	s->conf.viewers_max = 1;
	server_follow_conf(s->server);
	do {
		calls.accept = 0;
		assert_true(count < ARRAY_SIZE(fds));
		fds[count++] = dial(s);
		turn(s);
	} while (calls.accept > 0);
	int waiting = fds[count - 1];
	put(waiting, heads[RAW], strlen(heads[RAW]));
	turn(s);
	assert_int_equal(drain(waiting, text, sizeof(text)), 0);
	s->conf.viewers_max = 2;
	server_follow_conf(s->server);
	turn(s);
	assert_true(drain(waiting, text, sizeof(text)) > 0);
	while (count > 0)
		close(fds[--count]);
}

static void descriptors_are_left_for_others_than_viewers(void **state)
{
	struct scene *s = *state;
	struct server_config cfg = {.event = s->event, .conf = &s->conf, .auq = s->auq};
	struct rlimit few = {.rlim_cur = 120}, usual;
	int fds[120];
	unsigned count = 0;
	struct error err;

	getrlimit(RLIMIT_NOFILE, &usual);
	few.rlim_max = usual.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	cfg.on_watched = on_watched;
	cfg.need_idr = cfg.on_closed = on_anything;
	server_free(s->server);
	cfg.listen_fd = listen_at(&s->address);
	assert_int_equal(server_new(&cfg, &s->server, &err), 0);
	setrlimit(RLIMIT_NOFILE, &usual);
	do {
		calls.accept = 0;
		assert_true(count < ARRAY_SIZE(fds));
		fds[count++] = dial(s);
		turn(s);
	} while (calls.accept > 0);
	assert_int_equal(count, 120 - 48 + 1);
	while (count > 0)
		close(fds[--count]);
}

static void wait_us(int64_t us)
{
	int64_t until_us = clock_now_us() + us;

	while (clock_now_us() < until_us)
		poll(NULL, 0, 10);
}

/* It is we who were late: what it said waits in the socket. */
static void viewer_is_heard_before_it_is_judged(void **state)
{
	struct scene *s = *state;
	int page = watch(s, V1);
	struct seen seen = {0};
	char text[64];

	s->conf.viewer_lag_max_ms = 1; /* then it is 100 ms and two round trips */
	server_follow_conf(s->server);
	publish(s, make_au(true, AU_BYTES));
	say(page, "{\"type\":\"ack\",\"seq\":0}");
	turn(s);
	publish(s, make_au(false, AU_BYTES));
	drain(page, text, sizeof(text));
	say(page, "{\"type\":\"ack\",\"seq\":1}");
	server_each_viewer(s->server, see, &seen);
	wait_us(200000 + 2 * seen.facts[0].rtt_us);
	publish(s, make_au(false, AU_BYTES));
	assert_int_equal(drain(page, text, sizeof(text)), 4 + 24 + AU_BYTES);
	close(page);
}

static void access_unit_that_was_begun_is_finished_before_the_end(void **state)
{
	struct scene *s = *state;
	int fd = watch(s, BARE);
	struct seen seen = {0};
	const size_t size = 1000000;
	size_t got = 0;
	char text[64];

	publish(s, make_au(true, size)); /* more than the socket holds */
	server_each_viewer(s->server, see, &seen);
	assert_true(server_close_viewer(s->server, seen.facts[0].id, "go home"));
	for (unsigned i = 0; i < 100 && got < size; i++) {
		got += drain(fd, text, sizeof(text));
		turn(s);
	}
	assert_int_equal(got, size);
	assert_int_equal(read(fd, text, 1), 0);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(viewer_that_keeps_up_costs_one_call_an_access_unit),
		TEST(acknowledgement_costs_one_call_more),
		TEST(one_piece_is_sent_to_those_who_are_most),
		TEST(viewer_holds_no_more_than_4_kib),
		TEST(what_comes_in_pieces_is_held_only_until_it_is_whole),
		TEST(flood_is_read_one_buffer_a_turn),
		TEST(blocked_viewer_goes_on_where_it_was_when_there_is_room),
		TEST(nobody_is_lost_when_descriptors_run_out),
		TEST(lack_of_memory_costs_only_who_needs_it),
		TEST(facts_tell_who_watches_and_how),
		TEST(viewer_is_closed_by_its_id),
		TEST(sums_do_not_fall_while_a_viewer_is_being_closed),
		TEST(raised_limit_lets_in_who_waits),
		TEST(descriptors_are_left_for_others_than_viewers),
		TEST(viewer_is_heard_before_it_is_judged),
		TEST(access_unit_that_was_begun_is_finished_before_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
