#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "streamer/inquiry.h"

static char text[64];
static struct error err;

static int ask(const char *script, int timeout_ms)
{
	const char *argv[] = {"/bin/sh", "-c", script, NULL};

	err = (struct error){0};
	int r = inquiry(argv, timeout_ms, text, sizeof(text), &err);
	/* Nothing is left behind. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return r;
}

static void both_outputs_are_heard(void **state)
{
	UNUSED_STATE(state);
	assert_int_equal(ask("echo one; echo two >&2", 20000), 0);
	assert_string_equal(text, "one\ntwo\n");
	assert_int_equal(ask("true", 20000), 0);
	assert_string_equal(text, "");
}

static void programs_are_looked_for_in_path(void **state)
{
	UNUSED_STATE(state);
	const char *argv[] = {"echo", "here", NULL};

	assert_int_equal(inquiry(argv, 20000, text, sizeof(text), &err), 0);
	assert_string_equal(text, "here\n");
}

static void status_other_than_zero_is_told_with_what_was_said(void **state)
{
	UNUSED_STATE(state);
	assert_int_equal(ask("echo no; exit 3", 20000), -EIO);
	assert_string_equal(text, "no\n");
	assert_non_null(strstr(err.text, "status 3"));
	assert_int_equal(ask("kill -9 $$", 20000), -EIO);
	assert_non_null(strstr(err.text, "signal 9"));
}

static void program_that_is_not_there_is_told_apart(void **state)
{
	UNUSED_STATE(state);
	const char *argv[] = {"/no/such/program", NULL};

	assert_int_equal(inquiry(argv, 1000, text, sizeof(text), &err), -ENOENT);
	assert_string_equal(text, "");
}

static void one_that_hangs_is_ended_with_its_children(void **state)
{
	UNUSED_STATE(state);
	assert_int_equal(ask("echo begun; sleep 1000 & sleep 1000", 300), -ETIMEDOUT);
	assert_string_equal(text, "begun\n");
	assert_int_equal(ask("exec >&- 2>&-; sleep 1000", 100), -ETIMEDOUT);
	assert_int_equal(ask("exec yes", 100), -ETIMEDOUT);
}

static void child_that_keeps_the_output_open_delays_nothing(void **state)
{
	UNUSED_STATE(state);
	assert_int_equal(ask("sleep 1000 & echo done", 20000), 0);
	assert_string_equal(text, "done\n");
}

static void what_does_not_fit_is_cut(void **state)
{
	UNUSED_STATE(state);
	assert_int_equal(ask("head -c 200000 /dev/zero | tr '\\0' x", 20000), 0);
	assert_int_equal(strlen(text), sizeof(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_outputs_are_heard),
		cmocka_unit_test(programs_are_looked_for_in_path),
		cmocka_unit_test(status_other_than_zero_is_told_with_what_was_said),
		cmocka_unit_test(program_that_is_not_there_is_told_apart),
		cmocka_unit_test(one_that_hangs_is_ended_with_its_children),
		cmocka_unit_test(child_that_keeps_the_output_open_delays_nothing),
		cmocka_unit_test(what_does_not_fit_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
