/* Cameras in a folder of this test's own: a thread of its own is the nalcastd of each. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/unixsock.h"
#include "common/util.h"
#include "fcgi/cameras.h"
#include "tests/unit/quiet.h"

#define CONNECTIONS_MAX 32

struct nalcastd {
	char path[108];
	int listen_fd, stop_fd;
	bool is_silent;
	unsigned accepted; /* after its end */
	pthread_t thread;
};

struct host {
	char folder[32], main_socket[64];
	int cancel_fd;
	struct cameras *cameras;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void answer(const struct nalcastd *nalcastd, int *fd)
{
	static const char format[] = "{\"v\":1,\"id\":%lld,\"ok\":true,\"result\":{}}";
	char packet[400];
	struct ctl_request req;
	json_int_t id;

	ssize_t len = recv(*fd, packet, sizeof(packet), MSG_DONTWAIT);
	if (len <= 0) {
		close_fd(fd);
		return;
	}
	assert_int_equal(ctl_request_decode(packet, (size_t)len, &req, &id, NULL), 0);
	ctl_request_clear(&req);
	len = snprintf(packet, sizeof(packet), format, (long long)id);
	if (!nalcastd->is_silent)
		send(*fd, packet, (size_t)len, MSG_NOSIGNAL);
}

static void *serve(void *ctx)
{
	struct nalcastd *nalcastd = ctx;
	struct pollfd fds[CONNECTIONS_MAX + 2] = {{.fd = nalcastd->stop_fd, .events = POLLIN},
						  {.fd = nalcastd->listen_fd, .events = POLLIN}};
	nfds_t count = 2;

	while (fds[0].revents == 0) {
		poll(fds, count, -1);
		for (nfds_t i = 2; i < count; i++)
			if (fds[i].revents != 0)
				answer(nalcastd, &fds[i].fd);
		nfds_t at = 2; /* where one has gone, or behind the last */
		while (at < count && fds[at].fd >= 0)
			at++;
		if (fds[1].revents == 0 || at == ARRAY_SIZE(fds))
			continue;
		count += at == count;
		fds[at] = (struct pollfd){
			.fd = accept4(nalcastd->listen_fd, NULL, NULL, SOCK_CLOEXEC),
			.events = POLLIN,
		};
		nalcastd->accepted++;
	}
	for (nfds_t i = 2; i < count; i++)
		close_fd(&fds[i].fd);
	return NULL;
}

static void make_folder(const struct host *host, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", host->folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void start(struct nalcastd *nalcastd, const struct host *host, const char *name)
{
	struct error err = {0};

	*nalcastd = (struct nalcastd){.listen_fd = -1, .is_silent = strcmp(name, "silent") == 0};
	make_folder(host, name);
	snprintf(nalcastd->path, sizeof(nalcastd->path), "%s/%s/c", host->folder, name);
	const struct unixsock_config cfg = {.path = nalcastd->path,
					    .type = SOCK_SEQPACKET,
					    .mode = 0600,
					    .backlog = 8};
	assert_int_equal(unixsock_listen(&cfg, &nalcastd->listen_fd, &err), 0);
	nalcastd->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(pthread_create(&nalcastd->thread, NULL, serve, nalcastd), 0);
}

static void stop(struct nalcastd *nalcastd)
{
	eventfd_write(nalcastd->stop_fd, 1);
	pthread_join(nalcastd->thread, NULL);
	close_fd(&nalcastd->listen_fd);
	close_fd(&nalcastd->stop_fd);
	unlink(nalcastd->path);
}

static void open_host(struct host *host, unsigned threads)
{
	struct error err = {0};

	snprintf(host->folder, sizeof(host->folder), "/tmp/nalcast-XXXXXX");
	assert_non_null(mkdtemp(host->folder));
	snprintf(host->main_socket, sizeof(host->main_socket), "%s/main/c", host->folder);
	host->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const struct cameras_config cfg = {host->main_socket, host->cancel_fd, threads};
	assert_int_equal(cameras_new(&cfg, &host->cameras, &err), 0);
}

static void close_host(struct host *host)
{
	static const char *const names[] = {"main", "door", "silent", "dead", "Not-one", "api"};
	char path[96];

	cameras_free(host->cameras);
	close_fd(&host->cancel_fd);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", host->folder, names[i]);
		rmdir(path);
	}
	snprintf(path, sizeof(path), "%s/file", host->folder);
	unlink(path);
	assert_int_equal(rmdir(host->folder), 0);
}

static int call(const struct host *host, const char *camera, int timeout_ms, bool is_change)
{
	json_t *args = json_object();
	const struct api_call question = {camera,     "state",   args,
					  timeout_ms, is_change, .as_text = true};
	struct ctl_reply reply;
	struct error err = {0};

	int r = cameras_backend.call(host->cameras, &question, &reply, &err);
	if (r == 0)
		ctl_reply_clear(&reply);
	else
		assert_true(err.text[0] != '\0');
	json_decref(args);
	return r;
}

static void each_camera_is_asked_on_its_own_socket(void **state)
{
	UNUSED_STATE(state);
	struct nalcastd main_one, door;
	struct host host;

	open_host(&host, 8);
	start(&main_one, &host, "main");
	start(&door, &host, "door");
	make_folder(&host, "dead");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(call(&host, "door", 20000, i == 1), 0);
	assert_int_equal(call(&host, "main", 20000, false), 0);
	assert_int_equal(call(&host, "dead", 20000, false), -ENOENT);
	stop(&main_one);
	stop(&door);
	assert_int_equal(main_one.accepted, 1);
	assert_int_equal(door.accepted, 1); /* and kept */
	assert_int_equal(call(&host, "door", 20000, false), -ENOENT);
	close_host(&host);
}

static void folders_with_good_names_are_cameras(void **state)
{
	UNUSED_STATE(state);
	struct host host;
	char path[64];

	open_host(&host, 8);
	make_folder(&host, "door");
	make_folder(&host, "Not-one");
	make_folder(&host, "api");
	snprintf(path, sizeof(path), "%s/file", host.folder);
	FILE *file = fopen(path, "w");
	fclose(file);
	assert_true(cameras_backend.knows(host.cameras, "main"));
	assert_true(cameras_backend.knows(host.cameras, "door"));
	assert_false(cameras_backend.knows(host.cameras, "Not-one"));
	assert_false(cameras_backend.knows(host.cameras, "api"));
	assert_false(cameras_backend.knows(host.cameras, "file"));
	assert_false(cameras_backend.knows(host.cameras, "yard"));
	assert_false(cameras_backend.knows(host.cameras, ".."));
	close_host(&host);
}

static void a_socket_elsewhere_is_the_only_camera(void **state)
{
	UNUSED_STATE(state);
	static const char *const paths[] = {"/tmp/c", "c", "main/c", "/tmp/domain/c", "/tmp/main"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const struct cameras_config cfg = {paths[i], -1, 1};
		struct cameras *cameras;
		struct error err = {0};
		assert_int_equal(cameras_new(&cfg, &cameras, &err), 0);
		assert_true(cameras_backend.knows(cameras, "main"));
		assert_false(cameras_backend.knows(cameras, "tmp"));
		assert_false(cameras_backend.knows(cameras, "."));
		json_t *list = cameras_backend.list(cameras);
		assert_int_equal(json_array_size(list), 1);
		json_decref(list);
		cameras_free(cameras);
	}
	const struct cameras_config root = {"/main/c", -1, 1};
	struct cameras *cameras;
	assert_int_equal(cameras_new(&root, &cameras, NULL), 0);
	assert_true(cameras_backend.knows(cameras, "tmp"));
	cameras_free(cameras);
}

static void a_path_that_fits_no_socket_is_refused(void **state)
{
	UNUSED_STATE(state);
	char path[200];
	struct error err = {0};
	struct cameras *cameras;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	const struct cameras_config cfg = {path, -1, 1};
	assert_int_equal(cameras_new(&cfg, &cameras, &err), -EINVAL);
	assert_non_null(strstr(err.text, "at most 107 bytes"));
}

static void the_list_says_who_answers(void **state)
{
	UNUSED_STATE(state);
	static const char *const wanted[][2] = {{"main", "unreachable"},
						{"dead", "unreachable"},
						{"door", "ok"},
						{"silent", "timeout"}};
	struct nalcastd silent, door;
	struct host host;

	open_host(&host, 8);
	start(&silent, &host, "silent");
	start(&door, &host, "door");
	make_folder(&host, "dead");
	int64_t since_ms = now_ms();
	json_t *list = cameras_backend.list(host.cameras);
	assert_true(now_ms() - since_ms < 3000);
	assert_int_equal(json_array_size(list), ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const json_t *camera = json_array_get(list, i);
		char link[64];
		snprintf(link, sizeof(link), "cameras/%s/", wanted[i][0]);
		assert_string_equal(json_string_value(json_object_get(camera, "name")),
				    wanted[i][0]);
		assert_string_equal(json_string_value(json_object_get(camera, "status")),
				    wanted[i][1]);
		const json_t *links = json_object_get(camera, "links");
		assert_string_equal(json_string_value(json_object_get(links, "api")), link);
	}
	json_decref(list);
	stop(&silent);
	stop(&door);
	close_host(&host);
}

struct waiting {
	const struct host *host;
	pthread_t thread;
	bool is_change;
	int r;
};

static void *wait_for_silent(void *ctx)
{
	struct waiting *waiting = ctx;

	/* Again where the test's own call had the place for a moment. */
	do
		waiting->r = call(waiting->host, "silent", 20000, waiting->is_change);
	while (waiting->r == -ETIMEDOUT || waiting->r == -EBUSY);
	return NULL;
}

/* A quarter of 8 threads wait as long as they want; the call after them does not. */
static void hold_two(struct waiting held[2], const struct host *host, bool is_change)
{
	for (unsigned i = 0; i < 2; i++) {
		held[i] = (struct waiting){.host = host, .is_change = is_change};
		assert_int_equal(pthread_create(&held[i].thread, NULL, wait_for_silent, &held[i]),
				 0);
	}
}

static void let_go(struct waiting held[2], const struct host *host)
{
	eventfd_write(host->cancel_fd, 1);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(held[i].thread, NULL);
		assert_int_equal(held[i].r, -ECANCELED);
	}
}

static void a_silent_camera_keeps_no_thread_from_the_others(void **state)
{
	UNUSED_STATE(state);
	struct nalcastd silent, door;
	struct waiting held[2];
	struct host host;

	open_host(&host, 8);
	start(&silent, &host, "silent");
	start(&door, &host, "door");
	hold_two(held, &host, false);
	/* Until both are in there, this one might be one of the two who may wait. */
	int64_t took_ms;
	do {
		int64_t since_ms = now_ms();
		assert_int_equal(call(&host, "silent", 3000, false), -ETIMEDOUT);
		took_ms = now_ms() - since_ms;
	} while (took_ms >= 3000);
	/* It is known to be late: nobody more waits at all. */
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(call(&host, "silent", 20000, false), -ETIMEDOUT);
	assert_int_equal(call(&host, "door", 20000, false), 0);
	assert_int_equal(call(&host, "door", 20000, true), 0);
	let_go(held, &host);
	stop(&silent);
	stop(&door);
	close_host(&host);
}

static void changes_over_the_limit_are_refused_and_reads_are_not(void **state)
{
	UNUSED_STATE(state);
	struct nalcastd silent, door;
	struct waiting held[2];
	struct host host;
	int r;

	open_host(&host, 8);
	start(&silent, &host, "silent");
	start(&door, &host, "door");
	hold_two(held, &host, true);
	while ((r = call(&host, "silent", 1, true)) == -ETIMEDOUT)
		continue;
	assert_int_equal(r, -EBUSY);
	assert_int_equal(call(&host, "silent", 1, false), -ETIMEDOUT);
	assert_int_equal(call(&host, "door", 20000, true), 0);
	let_go(held, &host);
	stop(&silent);
	stop(&door);
	close_host(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_camera_is_asked_on_its_own_socket),
		cmocka_unit_test(folders_with_good_names_are_cameras),
		cmocka_unit_test(a_socket_elsewhere_is_the_only_camera),
		cmocka_unit_test(a_path_that_fits_no_socket_is_refused),
		cmocka_unit_test(the_list_says_who_answers),
		cmocka_unit_test(a_silent_camera_keeps_no_thread_from_the_others),
		cmocka_unit_test(changes_over_the_limit_are_refused_and_reads_are_not),
	};
	log_set_hook(quiet);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
