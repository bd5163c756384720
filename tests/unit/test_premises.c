#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/unixsock.h"
#include "common/util.h"
#include "streamer/premises.h"
#include "tests/unit/folder.h"

struct world {
	struct conf conf;
	struct account account;
	struct premises found;
};

static void begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	folder_begin();
	folder_put("proc/", "", 0755);
	folder_put("proc/net/", "", 0755);
	folder_put("etc/", "", 0755);
	folder_put("etc/nginx/", "", 0755);
	folder_put("etc/systemd/", "", 0755);
	folder_put("etc/systemd/system/", "", 0755);
	folder_put("units/", "", 0755);
	folder_put("run/", "", 0755);
	folder_put("state/", "", 0755);
	conf_defaults(&w->conf);
	snprintf(w->conf.stream_socket, sizeof(w->conf.stream_socket), "%s", folder_path("run/s"));
	snprintf(w->conf.control_socket, sizeof(w->conf.control_socket), "%s",
		 folder_path("run/c"));
	snprintf(w->conf.state_dir, sizeof(w->conf.state_dir), "%s", folder_path("state"));
	account_self(&w->account);
}

static const struct premises *look(struct world *w)
{
	char proc[256], dev[256], etc[256], units[256];
	const struct machine_roots roots = {.proc = proc, .dev = dev, .etc = etc, .units = units};

	snprintf(proc, sizeof(proc), "%s", folder_path("proc"));
	snprintf(dev, sizeof(dev), "%s", folder_path("dev"));
	snprintf(etc, sizeof(etc), "%s", folder_path("etc"));
	snprintf(units, sizeof(units), "%s", folder_path("units"));
	premises_look(&roots, &w->conf, &w->account, &w->found);
	return &w->found;
}

static void empty_folders_are_fine(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	begin(&w);
	const struct premises *found = look(&w);
	assert_false(found->has_unit || found->unit_enabled || found->socket_enabled);
	assert_false(found->stream.exists || found->control.exists);
	assert_int_equal(found->stream.folder.code, 0);
	assert_int_equal(found->control.folder.code, 0);
	assert_int_equal(found->state.code, 0);
	assert_string_equal(found->group, "");
	folder_end();
}

static void units_are_seen_for_their_camera(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	begin(&w);
	folder_put("units/nalcastd@.service", "", 0644);
	folder_put("etc/systemd/system/multi-user.target.wants/", "", 0755);
	folder_put("etc/systemd/system/multi-user.target.wants/nalcastd.service", "", 0644);
	folder_put("etc/systemd/system/sockets.target.wants/", "", 0755);
	folder_put("etc/systemd/system/sockets.target.wants/nalcastd@garden.socket", "", 0644);
	assert_true(look(&w)->has_unit);
	assert_true(w.found.unit_enabled);
	assert_false(w.found.socket_enabled);
	assert_string_equal(w.found.group, VIEWER_GROUP);
	memcpy(w.conf.name, "garden", 7);
	assert_true(look(&w)->has_unit);
	assert_false(w.found.unit_enabled);
	assert_true(w.found.socket_enabled);
	folder_end();
}

static void folders_that_cannot_be_written_are_named(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	begin(&w);
	w.account = (struct account){.name = "alice", .uid = 4001};
	assert_int_equal(look(&w)->state.code, -EACCES);
	assert_non_null(strstr(w.found.state.text, "alice may not write"));
	assert_int_equal(w.found.stream.folder.code, -EACCES);
	snprintf(w.conf.state_dir, sizeof(w.conf.state_dir), "%s", folder_path("none"));
	assert_int_equal(look(&w)->state.code, -EACCES);
	assert_non_null(strstr(w.found.state.text, "is not there"));
	account_self(&w.account);
	assert_int_equal(look(&w)->state.code, 0); /* can be made */
	snprintf(w.conf.state_dir, sizeof(w.conf.state_dir), "%s", folder_path("none/deeper"));
	assert_int_equal(look(&w)->state.code, -EACCES);
	folder_put("file", "", 0666);
	snprintf(w.conf.state_dir, sizeof(w.conf.state_dir), "%s", folder_path("file"));
	assert_int_equal(look(&w)->state.code, -ENOTDIR);
	folder_end();
}

static void say_who_listens(const char *flags, const char *path)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "Num       RefCount Protocol Flags    Type St Inode Path\n"
		 "0: 00000003 00000000 00000000 0001 03 16 %s\n"
		 "0: 00000003 00000000 00010000 0001 03 17\n\n \n"
		 "0000000045cf2c27: 00000002 00000000 %s 0001 01 27495546 %s\n",
		 path, flags, path);
	folder_put("proc/net/unix", text, 0644);
}

static void listeners_are_told_from_what_they_left_behind(void **state)
{
	UNUSED_STATE(state);
	struct world w;
	struct unixsock_config cfg = {.type = SOCK_STREAM, .mode = 0600, .backlog = 1};
	struct error err;
	int fd;

	begin(&w);
	cfg.path = w.conf.stream_socket;
	assert_int_equal(unixsock_listen(&cfg, &fd, &err), 0);
	close(fd);
	folder_put("run/c", "no socket", 0644);
	assert_true(look(&w)->stream.is_socket);
	assert_false(w.found.stream.is_heard);
	assert_true(w.found.control.exists);
	assert_false(w.found.control.is_socket);
	say_who_listens("00000000", w.conf.stream_socket);
	assert_false(look(&w)->stream.is_heard);
	say_who_listens("00010000", w.conf.stream_socket);
	assert_true(look(&w)->stream.is_heard);
	say_who_listens("00010000", w.conf.control_socket);
	assert_false(look(&w)->stream.is_heard);
	assert_false(w.found.control.is_heard); /* what is no socket */
	folder_end();
}

static void group_must_exist_and_be_nalcastds(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	begin(&w);
	memcpy(w.conf.socket_group, "no-such-group", 14);
	assert_int_equal(look(&w)->in_group.code, -ENOENT);
	assert_non_null(strstr(w.found.in_group.text, "no-such-group"));
	memcpy(w.conf.socket_group, "daemon", 7);
	w.account = (struct account){.name = "alice", .uid = 4001};
	assert_int_equal(look(&w)->in_group.code, -EPERM);
	assert_true(account_join(&w.account, "daemon"));
	assert_int_equal(look(&w)->in_group.code, 0);
	assert_string_equal(w.found.group, "daemon");
	folder_end();
}

static void nginx_must_reach_the_socket(void **state)
{
	static const struct {
		const char *nginx_conf;
		mode_t mode;
		const char *group, *user;
		int expected;
	} cases[] = {
		{"worker_processes 1;\n  user\t daemon daemon;\n", 0660, "daemon", "daemon", 0},
		{"user daemon;\n", 0660, "", "daemon", -EACCES},
		{"user daemon;\n", 0666, "", "daemon", 0},
		{"user no-such-user;\n", 0666, "", "no-such-user", -ENOENT},
		{"#user daemon;\nusers x;\nuser root;", 0600, "", "root", 0},
	};
	UNUSED_STATE(state);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world w;
		begin(&w);
		folder_put("etc/nginx/nginx.conf", cases[i].nginx_conf, 0644);
		w.account = (struct account){.name = "alice", .uid = 4001, .groups = {4001}};
		w.account.group_count = 1;
		w.conf.socket_mode = cases[i].mode;
		snprintf(w.conf.socket_group, sizeof(w.conf.socket_group), "%s", cases[i].group);
		assert_string_equal(look(&w)->nginx_user, cases[i].user);
		if (w.found.to_stream.code != cases[i].expected)
			fail_msg("case %zu: %s", i, w.found.to_stream.text);
		assert_false(w.found.nginx_runs);
		folder_end();
	}
}

static void nginx_that_runs_is_asked_before_its_settings(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	begin(&w);
	folder_put("etc/nginx/nginx.conf", "user no-such-user;\n", 0644);
	folder_put("proc/12/", "", 0755);
	folder_put("proc/12/comm", "nginx\n", 0644);
	folder_put("proc/13/", "", 0755);
	folder_put("proc/13/comm", "nginx-debug\n", 0644);
	if (geteuid() == 0) {
		assert_false(look(&w)->nginx_runs); /* the master */
		assert_int_equal(chown(folder_path("proc/12"), 1, 1), 0);
		assert_true(look(&w)->nginx_runs);
		assert_string_equal(w.found.nginx_user, "daemon");
		assert_int_equal(w.found.to_stream.code, -EACCES);
		w.conf.socket_mode = 0666;
		assert_int_equal(look(&w)->to_stream.code, 0);
		assert_int_equal(chmod(folder_path("run"), 0700), 0);
		assert_int_equal(look(&w)->to_stream.code, -EACCES);
		assert_non_null(strstr(w.found.to_stream.text, "/run: daemon may not enter"));
	} else {
		assert_true(look(&w)->nginx_runs);
	}
	folder_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_folders_are_fine),
		cmocka_unit_test(units_are_seen_for_their_camera),
		cmocka_unit_test(folders_that_cannot_be_written_are_named),
		cmocka_unit_test(listeners_are_told_from_what_they_left_behind),
		cmocka_unit_test(group_must_exist_and_be_nalcastds),
		cmocka_unit_test(nginx_must_reach_the_socket),
		cmocka_unit_test(nginx_that_runs_is_asked_before_its_settings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
