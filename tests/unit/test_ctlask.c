#include "tests/unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/unixsock.h"
#include "common/util.h"
#include "streamer/ctlask.h"
#include "tests/unit/folder.h"

static struct { /* who answers */
	int fd;
	const char *reply; /* NULL: it never does; "": it closes */
	char heard[256];
} other;

static void *answer(void *arg)
{
	(void)arg;
	int fd = -1;
	while ((fd = accept4(other.fd, NULL, NULL, SOCK_CLOEXEC)) < 0)
		assert_true(errno == EAGAIN || errno == EINTR);
	assert_true(recv(fd, other.heard, sizeof(other.heard) - 1, 0) > 0);
	if (other.reply != NULL && other.reply[0] != '\0')
		assert_true(send(fd, other.reply, strlen(other.reply), 0) > 0);
	/* Until it has gone. */
	if (other.reply == NULL || other.reply[0] != '\0')
		assert_true(recv(fd, other.heard + 128, 1, 0) <= 0);
	close(fd);
	return NULL;
}

static int ask(const char *reply, json_t **ret_result, struct ctlask_peer *peer, struct error *err)
{
	struct unixsock_config cfg = {
		.path = folder_path("c"),
		.type = SOCK_SEQPACKET,
		.mode = 0600,
		.backlog = 1,
	};
	pthread_t thread;

	folder_begin();
	cfg.path = folder_path("c");
	memset(&other, 0, sizeof(other));
	other.reply = reply;
	assert_int_equal(unixsock_listen(&cfg, &other.fd, err), 0);
	assert_int_equal(pthread_create(&thread, NULL, answer, NULL), 0);
	int r = ctlask(folder_path("c"), "state", reply == NULL ? 100 : 20000, ret_result, peer,
		       err);
	pthread_join(thread, NULL);
	close_fd(&other.fd);
	folder_end();
	return r;
}

static void answer_comes_with_who_gave_it(void **state)
{
	UNUSED_STATE(state);
	struct ctlask_peer peer = {.pid = 0};
	struct error err = {0};
	json_t *result = NULL;

	assert_int_equal(ask("{\"v\":1,\"id\":1,\"ok\":true,\"result\":[1]}", &result, &peer, &err),
			 0);
	assert_int_equal(json_array_size(result), 1);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, geteuid());
	assert_non_null(strstr(other.heard, "\"op\":\"state\""));
	json_decref(result);
}

static void who_answers_otherwise_is_no_nalcastd(void **state)
{
	static const struct {
		const char *reply;
		int expected;
	} cases[] = {
		{NULL, -ETIMEDOUT},
		{"", -EPROTO},
		{"hello", -EPROTO},
		{"{\"v\":2,\"id\":1,\"ok\":true,\"result\":[]}", -EPROTO},
		{"{\"v\":1,\"id\":1,\"ok\":false,"
		 "\"error\":{\"code\":\"not-found\",\"message\":\"x\"}}",
		 -EPROTO},
	};
	UNUSED_STATE(state);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ctlask_peer peer = {.pid = 0};
		struct error err = {0};
		json_t *result = NULL;
		assert_int_equal(ask(cases[i].reply, &result, &peer, &err), cases[i].expected);
		assert_null(result);
		assert_true(err.text[0] != '\0');
		assert_int_equal(peer.pid, getpid());
	}
}

static void nobody_is_told_apart(void **state)
{
	UNUSED_STATE(state);
	struct ctlask_peer peer = {.pid = 0};
	struct error err = {0};
	json_t *result = NULL;

	assert_int_equal(ctlask("/tmp/no/such/socket", "state", 1000, &result, &peer, &err),
			 -ENOENT);
	assert_int_equal(peer.pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_comes_with_who_gave_it),
		cmocka_unit_test(who_answers_otherwise_is_no_nalcastd),
		cmocka_unit_test(nobody_is_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
