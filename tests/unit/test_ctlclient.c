/* Against a socket of this test's own: one thread answers one connection as told. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/unixsock.h"
#include "common/util.h"
#include "fcgi/ctlclient.h"

struct server {
	char folder[32], path[64];
	int fd, conn_fd;
	pthread_t thread;
	const char *reply; /* "ID" in it becomes the request's; NULL: closes instead */
	char asked[200];
};

static int write_reply(const char *reply, json_int_t id, char *out, size_t size)
{
	const char *mark = strstr(reply, "ID");

	if (mark == NULL)
		return snprintf(out, size, "%s", reply);
	return snprintf(out, size, "%.*s%lld%s", (int)(mark - reply), reply, (long long)id,
			mark + 2);
}

static void *answer_one(void *ctx)
{
	struct server *server = ctx;
	char packet[200];
	struct ctl_request req;
	json_int_t id;

	while ((server->conn_fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC)) < 0)
		continue;
	ssize_t len = recv(server->conn_fd, server->asked, sizeof(server->asked) - 1, 0);
	if (len > 0 && ctl_request_decode(server->asked, (size_t)len, &req, &id, NULL) == 0) {
		if (server->reply != NULL) {
			int size = write_reply(server->reply, id, packet, sizeof(packet));
			send(server->conn_fd, packet, (size_t)size, MSG_NOSIGNAL);
		}
		ctl_request_clear(&req);
	}
	close_fd(&server->conn_fd);
	return NULL;
}

static void server_listen(struct server *server, int backlog)
{
	struct error err = {0};
	memset(server, 0, sizeof(*server));
	server->conn_fd = -1;
	snprintf(server->folder, sizeof(server->folder), "/tmp/nalcast-XXXXXX");
	assert_non_null(mkdtemp(server->folder));
	snprintf(server->path, sizeof(server->path), "%s/control.sock", server->folder);
	const struct unixsock_config cfg = {.path = server->path,
					    .type = SOCK_SEQPACKET,
					    .mode = 0600,
					    .backlog = backlog};
	assert_int_equal(unixsock_listen(&cfg, &server->fd, &err), 0);
}

static void server_close(struct server *server)
{
	close_fd(&server->fd);
	unlink(server->path);
	rmdir(server->folder);
}

/* One call answered by reply. */
static int call_with(const char *reply, struct ctl_reply *ret_reply, struct error *err)
{
	struct server server;
	json_t *args = json_pack("{s:i}", "timeout_ms", 7);

	server_listen(&server, 4);
	server.reply = reply;
	assert_int_equal(pthread_create(&server.thread, NULL, answer_one, &server), 0);
	struct ctlclient client = {server.path, -1, -1, false};
	int r = ctlclient_call(&client, "start", args, 20000, ret_reply, err);
	pthread_join(server.thread, NULL);
	assert_int_equal(client.fd >= 0, r == 0);
	close_fd(&client.fd);
	assert_non_null(strstr(server.asked, "\"op\":\"start\",\"args\":{\"timeout_ms\":7}"));
	server_close(&server);
	json_decref(args);
	return r;
}

static void the_reply_comes_back(void **state)
{
	UNUSED_STATE(state);
	struct ctl_reply reply;
	struct error err = {0};

	assert_int_equal(call_with("{\"v\":1,\"id\":ID,\"ok\":true,\"result\":{\"a\":1}}", &reply,
				   &err),
			 0);
	assert_int_equal(json_integer_value(json_object_get(reply.result, "a")), 1);
	ctl_reply_clear(&reply);
}

static void answers_that_are_none_are_named(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *reply;
		int r;
		const char *words;
	} cases[] = {
		{"?", -EPROTO, "not JSON"},
		{"{\"v\":1,\"id\":-5,\"ok\":true,\"result\":{}}", -EPROTO, "another request"},
		{"{\"v\":2,\"id\":ID,\"ok\":true,\"result\":{}}", -EPROTONOSUPPORT, "version 2"},
		{"{\"v\":1,\"id\":ID,\"ok\":true}", -EPROTO, "needs a result"},
		{NULL, -ECONNRESET, "closed without an answer"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctl_reply reply;
		struct error err = {0};
		assert_int_equal(call_with(cases[i].reply, &reply, &err), cases[i].r);
		if (strstr(err.text, cases[i].words) == NULL)
			fail_msg("%s", err.text);
	}
}

/* Two connections, of which each is closed after so many answers. */
struct echo {
	struct server server;
	unsigned connections, requests_each;
};

static void *answer_some(void *ctx)
{
	struct echo *echo = ctx;

	for (unsigned i = 0; i < 2; i++) {
		int fd;
		while ((fd = accept4(echo->server.fd, NULL, NULL, SOCK_CLOEXEC)) < 0)
			continue;
		echo->connections++;
		for (unsigned n = 0; n < echo->requests_each; n++) {
			char packet[200];
			struct ctl_request req;
			json_int_t id;
			ssize_t len = recv(fd, packet, sizeof(packet), 0);
			if (len <= 0 ||
			    ctl_request_decode(packet, (size_t)len, &req, &id, NULL) < 0)
				break;
			int size = write_reply("{\"v\":1,\"id\":ID,\"ok\":true,\"result\":{}}", id,
					       packet, sizeof(packet));
			send(fd, packet, (size_t)size, MSG_NOSIGNAL);
			ctl_request_clear(&req);
		}
		close_fd(&fd);
	}
	return NULL;
}

static void a_connection_is_used_again_until_nalcastd_closes_it(void **state)
{
	UNUSED_STATE(state);
	struct echo echo = {.requests_each = 3};
	struct error err = {0};
	json_t *args = json_object();

	server_listen(&echo.server, 4);
	assert_int_equal(pthread_create(&echo.server.thread, NULL, answer_some, &echo), 0);
	struct ctlclient client = {echo.server.path, -1, -1, false};
	for (unsigned i = 0; i < 6; i++) {
		struct ctl_reply reply;
		assert_int_equal(ctlclient_call(&client, "state", args, 20000, &reply, &err), 0);
		assert_true(client.fd >= 0);
		ctl_reply_clear(&reply);
		/* It closes after the third: until that is seen, it could be asked in vain. */
		struct pollfd pfd = {.fd = client.fd, .events = POLLIN};
		if (i % 3 == 2)
			assert_int_equal(poll(&pfd, 1, 20000), 1);
	}
	close_fd(&client.fd);
	pthread_join(echo.server.thread, NULL);
	assert_int_equal(echo.connections, 2);
	server_close(&echo.server);
	json_decref(args);
}

static void nobody_there_is_an_error_at_once(void **state)
{
	UNUSED_STATE(state);
	struct ctl_reply reply;
	struct error err = {0};
	json_t *args = json_object();
	struct ctlclient client = {"/tmp/nalcast-there-is-no-such-socket", -1, -1, false};

	assert_int_equal(ctlclient_call(&client, "state", args, 60000, &reply, &err), -ENOENT);
	assert_non_null(strstr(err.text, "nalcast-there-is-no-such-socket"));
	json_decref(args);
}

/* Two connections that nobody accepts fill a backlog of 0 or 1: the next ones wait in connect(). */
static void a_silent_one_is_given_up(void **state)
{
	UNUSED_STATE(state);
	struct server server;
	struct error err = {0};
	struct ctl_reply reply;
	json_t *args = json_object();
	int held[2] = {-1, -1};

	server_listen(&server, 0);
	struct ctlclient client = {server.path, -1, -1, false};
	assert_int_equal(ctlclient_call(&client, "state", args, 20, &reply, &err), -ETIMEDOUT);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		unixsock_connect(server.path, SOCK_SEQPACKET, 10, &held[i], &err);
	assert_int_equal(ctlclient_call(&client, "state", args, 20, &reply, &err), -ETIMEDOUT);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		close_fd(&held[i]);
	server_close(&server);
	json_decref(args);
}

static void a_call_ends_when_it_is_cancelled(void **state)
{
	UNUSED_STATE(state);
	struct server server;
	struct error err = {0};
	struct ctl_reply reply;
	json_t *args = json_object();
	int cancel_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	int held[2] = {-1, -1};

	server_listen(&server, 0);
	struct ctlclient client = {server.path, cancel_fd, -1, false};
	assert_int_equal(ctlclient_call(&client, "state", args, 600000, &reply, &err), -ECANCELED);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		unixsock_connect(server.path, SOCK_SEQPACKET, 10, &held[i], &err);
	assert_int_equal(ctlclient_call(&client, "state", args, 600000, &reply, &err), -ECANCELED);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		close_fd(&held[i]);
	close(cancel_fd);
	server_close(&server);
	json_decref(args);
}

static void a_request_too_large_is_not_sent(void **state)
{
	UNUSED_STATE(state);
	struct server server;
	struct error err = {0};
	struct ctl_reply reply;
	json_t *args = json_object();
	static char text[CTL_PACKET_MAX + 1];

	memset(text, 'x', sizeof(text) - 1);
	json_object_set_new(args, "text", json_string(text));
	server_listen(&server, 4);
	struct ctlclient client = {server.path, -1, -1, false};
	assert_int_equal(ctlclient_call(&client, "state", args, 1000, &reply, &err), -E2BIG);
	assert_int_equal(client.fd, -1);
	server_close(&server);
	json_decref(args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reply_comes_back),
		cmocka_unit_test(answers_that_are_none_are_named),
		cmocka_unit_test(a_connection_is_used_again_until_nalcastd_closes_it),
		cmocka_unit_test(nobody_there_is_an_error_at_once),
		cmocka_unit_test(a_silent_one_is_given_up),
		cmocka_unit_test(a_call_ends_when_it_is_cancelled),
		cmocka_unit_test(a_request_too_large_is_not_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
