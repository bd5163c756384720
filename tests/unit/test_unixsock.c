#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/unixsock.h"
#include "common/util.h"

static char dir[32], path[64];

static int make_dir(void **state)
{
	UNUSED_STATE(state);
	memcpy(dir, "/tmp/nalcast-sock-XXXXXX", 25);
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/s.sock", dir);
	return 0;
}

static int remove_dir(void **state)
{
	UNUSED_STATE(state);
	unlink(path);
	return rmdir(dir);
}

static int listen_at(const char *where, int type, const char *group, int *ret_fd, struct error *err)
{
	struct unixsock_config cfg = {.path = where,
				      .type = type,
				      .mode = 0620,
				      .group = group,
				      .backlog = 8};

	return unixsock_listen(&cfg, ret_fd, err);
}

static void what_listens_can_be_connected_to(void **state)
{
	UNUSED_STATE(state);
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct error err = {0};
		struct stat st;
		int listener = -1, client = -1;
		assert_int_equal(listen_at(path, types[i], NULL, &listener, &err), 0);
		assert_true(unixsock_is_listening(listener));
		assert_true(fcntl(listener, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(listener, F_GETFD) & FD_CLOEXEC);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0620);
		assert_int_equal(unixsock_connect(path, types[i], 1000, &client, &err), 0);
		assert_false(unixsock_is_listening(client));
		int peer = accept(listener, NULL, NULL);
		assert_int_equal(unixsock_peer_uid(peer), getuid());
		close(peer);
		close(client);
		close(listener);
		/* The next round replaces the socket that is left behind. */
	}
}

static void socket_in_use_is_not_taken(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};
	int listener = -1, second = -1;

	assert_int_equal(listen_at(path, SOCK_STREAM, NULL, &listener, &err), 0);
	assert_int_equal(listen_at(path, SOCK_STREAM, NULL, &second, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(second, -1);
	close(listener);
}

static void what_is_no_socket_is_left_alone(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	close(fd);
	assert_int_equal(listen_at(path, SOCK_STREAM, NULL, &fd, &err), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);
}

static void impossible_wishes_are_named(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};
	char long_path[200];
	int fd = -1;

	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(listen_at(long_path, SOCK_STREAM, NULL, &fd, &err), -ENAMETOOLONG);
	assert_non_null(strstr(err.text, "107"));
	assert_true(listen_at("/nonexistent/s.sock", SOCK_STREAM, NULL, &fd, &err) < 0);
	assert_non_null(strstr(err.text, "/nonexistent/s.sock"));
	assert_true(listen_at(path, SOCK_STREAM, "no-such-group-here", &fd, &err) < 0);
	assert_non_null(strstr(err.text, "no-such-group-here"));
	assert_int_equal(access(path, F_OK), -1); /* nothing is left behind */
	assert_int_equal(unixsock_connect(path, SOCK_STREAM, 1000, &fd, &err), -ENOENT);
	assert_int_equal(fd, -1);
}

static void nothing_is_inherited_without_systemd(void **state)
{
	UNUSED_STATE(state);
	int fd = -1;

	assert_int_equal(unixsock_inherited("stream", SOCK_STREAM, &fd), -ENOENT);
	assert_int_equal(fd, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_listens_can_be_connected_to),     TEST(socket_in_use_is_not_taken),
		TEST(what_is_no_socket_is_left_alone),      TEST(impossible_wishes_are_named),
		TEST(nothing_is_inherited_without_systemd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
