#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

static char last[2048];
static unsigned lines;

static void remember(enum log_level level, const char *line)
{
	(void)level;
	snprintf(last, sizeof(last), "%s", line);
	lines++;
}

static void line_has_subsystem_and_words(void **state)
{
	UNUSED_STATE(state);
	log_set_hook(remember);
	log_warn("viewer", "%d: skipped %s", 17, "42 access units");
	log_set_hook(NULL);
	assert_string_equal(last, "viewer: 17: skipped 42 access units");
}

static void level_filters(void **state)
{
	UNUSED_STATE(state);
	log_set_hook(remember);
	lines = 0;
	log_debug("a", "not said at level info");
	assert_int_equal(lines, 0);
	log_set_level(LOG_LEVEL_DEBUG);
	assert_string_equal(log_level_word(), "debug");
	log_debug("a", "said");
	assert_int_equal(lines, 1);
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("a", "not said");
	assert_int_equal(lines, 1);
	log_set_level(LOG_LEVEL_INFO);
	log_set_hook(NULL);
}

static void foreign_words_begin_no_line_of_their_own(void **state)
{
	UNUSED_STATE(state);
	log_set_hook(remember);
	log_info("viewer", "origin %s", "evil\n<3>main: all is lost\x1b[2J");
	log_set_hook(NULL);
	assert_null(strchr(last, '\n'));
	assert_null(strchr(last, '\x1b'));
}

static void long_line_is_cut(void **state)
{
	UNUSED_STATE(state);
	char words[4000];

	memset(words, 'x', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	log_set_hook(remember);
	log_info("a", "%s", words);
	log_set_hook(NULL);
	assert_in_range(strlen(last), 1000, 1023);
}

/* What log_info() writes to stderr. */
static void capture(char *text, size_t size)
{
	int fds[2], saved = dup(STDERR_FILENO);

	assert_int_equal(pipe(fds), 0);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
	log_info("main", "hello");
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	close(fds[1]);
	ssize_t got = read(fds[0], text, size - 1);
	assert_true(got > 0);
	text[got] = '\0';
	close(fds[0]);
}

static void journal_gets_a_priority_and_others_the_time(void **state)
{
	UNUSED_STATE(state);
	char text[256];

	setenv("JOURNAL_STREAM", "8:1", 1);
	capture(text, sizeof(text));
	assert_string_equal(text, "<6>main: hello\n");
	unsetenv("JOURNAL_STREAM");
	capture(text, sizeof(text));
	assert_int_equal(text[10], 'T');
	assert_non_null(strstr(text, "Z info  main: hello\n"));
}

static void levels_are_words(void **state)
{
	UNUSED_STATE(state);
	enum log_level level = LOG_LEVEL_INFO;

	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("loud", &level), -EINVAL);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_has_subsystem_and_words),
		cmocka_unit_test(level_filters),
		cmocka_unit_test(foreign_words_begin_no_line_of_their_own),
		cmocka_unit_test(long_line_is_cut),
		cmocka_unit_test(journal_gets_a_priority_and_others_the_time),
		cmocka_unit_test(levels_are_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
