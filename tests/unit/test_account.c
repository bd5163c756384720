#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/account.h"
#include "tests/unit/folder.h"

#define ALICE 4001
#define FILMS 4002 /* her group */

static struct account alice(void)
{
	return (struct account){
		.name = "alice",
		.uid = ALICE,
		.group_count = 1,
		.groups = {FILMS},
	};
}

static void bits_of_the_first_that_fits_count(void **state)
{
	static const struct {
		uid_t uid;
		gid_t gid;
		mode_t mode;
		int how;
		bool expected;
	} cases[] = {
		{ALICE, 0, 0600, R_OK | W_OK, true},
		{ALICE, 0, 0400, R_OK | W_OK, false},
		{ALICE, 0, 0066, R_OK, false},
		{0, FILMS, 0660, R_OK | W_OK, true},
		{0, FILMS, 0640, W_OK, false},
		{0, FILMS, 0606, R_OK, false},
		{0, 0, 0606, R_OK | W_OK, true},
		{0, 0, 0660, R_OK, false},
		{0, 0, 0711, X_OK, true},
		{0, 0, 0710, X_OK, false},
	};
	UNUSED_STATE(state);
	struct account account = alice();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stat st = {
			.st_uid = cases[i].uid,
			.st_gid = cases[i].gid,
			.st_mode = S_IFDIR | cases[i].mode,
		};
		if (account_permits(&account, &st, cases[i].how) != cases[i].expected)
			fail_msg("case %zu", i);
	}
}

static void root_may_all_but_run_what_is_no_program(void **state)
{
	UNUSED_STATE(state);
	struct account root = {.name = "root"};
	struct stat st = {.st_uid = ALICE, .st_mode = S_IFREG};

	assert_true(account_permits(&root, &st, R_OK | W_OK));
	assert_false(account_permits(&root, &st, X_OK));
	st.st_mode = S_IFDIR;
	assert_true(account_permits(&root, &st, X_OK));
}

static void closed_folder_on_the_way_is_named(void **state)
{
	UNUSED_STATE(state);
	struct account account = alice();
	struct error err = {0};

	folder_begin();
	folder_put("open/", "", 0755);
	folder_put("open/file", "", 0666);
	folder_put("closed/", "", 0700);
	folder_put("closed/file", "", 0666);
	assert_int_equal(account_may(&account, folder_path("open/file"), R_OK | W_OK, &err), 0);
	assert_int_equal(account_may(&account, folder_path("closed/file"), R_OK, &err), -EACCES);
	assert_non_null(strstr(err.text, "/closed: alice may not enter it"));
	assert_int_equal(account_may(&account, folder_path("open"), W_OK, &err), -EACCES);
	assert_int_equal(account_may(&account, folder_path("none"), R_OK, &err), -ENOENT);
	folder_end();
}

static void command_that_mends_names_user_and_group(void **state)
{
	UNUSED_STATE(state);
	struct account account = alice();
	char words[300];

	folder_begin();
	folder_put("device", "", 0660);
	folder_put("folder/", "", 0755);
	account_mend(&account, folder_path("device"), words, sizeof(words));
	assert_non_null(strstr(words, getegid() == 0 ? "chgrp video" : "usermod -aG"));
	account_mend(&account, folder_path("folder"), words, sizeof(words));
	assert_non_null(strstr(words, "sudo chown alice "));
	account_mend(&account, folder_path("none"), words, sizeof(words));
	assert_non_null(strstr(words, "exists"));
	if (geteuid() == 0) {
		assert_int_equal(chown(folder_path("device"), 0, 1), 0);
		account_mend(&account, folder_path("device"), words, sizeof(words));
		assert_non_null(strstr(words, "sudo usermod -aG "));
		assert_non_null(strstr(words, " alice"));
	}
	folder_end();
}

static void process_is_asked_of_the_kernel(void **state)
{
	UNUSED_STATE(state);
	struct account account;
	char words[300];

	account_self(&account);
	assert_true(account.self);
	assert_true(account_is_in(&account, getegid()));
	assert_int_equal(account_may(&account, "/", R_OK | X_OK, NULL), 0);
	assert_int_equal(account_may(&account, "/none", R_OK, NULL), -ENOENT);
	account_tell(&account, words, sizeof(words));
	assert_non_null(strstr(words, account.name));
	assert_non_null(strstr(words, ", groups "));
}

static void users_and_groups_are_found_by_name(void **state)
{
	UNUSED_STATE(state);
	struct account account = alice(), before = account;
	struct error err = {0};

	assert_int_equal(account_find("no-such-user", &account, &err), -ENOENT);
	assert_non_null(strstr(err.text, "no-such-user"));
	assert_memory_equal(&account, &before, sizeof(account));
	assert_int_equal(account_find_id(0, &account, NULL), 0);
	assert_string_equal(account.name, "root");
	assert_false(account_join(&account, "no-such-group"));
	unsigned count = account.group_count;
	assert_true(account_join(&account, "root"));
	assert_int_equal(account.group_count, count);
	assert_int_equal(account_find("daemon", &account, NULL), 0);
	assert_false(account.self);
	assert_true(account_join(&account, "root"));
	assert_true(account_is_in(&account, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_of_the_first_that_fits_count),
		cmocka_unit_test(root_may_all_but_run_what_is_no_program),
		cmocka_unit_test(closed_folder_on_the_way_is_named),
		cmocka_unit_test(command_that_mends_names_user_and_group),
		cmocka_unit_test(process_is_asked_of_the_kernel),
		cmocka_unit_test(users_and_groups_are_found_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
