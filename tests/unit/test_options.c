#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "fcgi/options.h"

static void without_options_the_defaults_hold(void **state)
{
	UNUSED_STATE(state);
	const char *argv[] = {"nalcast-fcgi", NULL};
	struct options options;
	struct error err = {0};

	assert_int_equal(options_read(1, argv, &options, &err), 0);
	assert_int_equal(options.threads, 16);
	assert_int_equal(options.socket_mode, 0660);
	assert_int_equal(options.io_timeout_ms, 10000);
	assert_string_equal(options.allow_origin, "");
	assert_non_null(strstr(options.control_socket, "/nalcast/main/control.sock"));
	assert_false(options.help || options.version);
}

static void values_stand_after_equals_or_in_the_next_word(void **state)
{
	UNUSED_STATE(state);
	const char *argv[] = {"nalcast-fcgi",
			      "--threads=3",
			      "--socket",
			      "/a",
			      "--socket-mode",
			      "0600",
			      "--log-level=debug",
			      "--version",
			      "--allow-origin",
			      "https://a,https://b",
			      NULL};
	struct options options;
	struct error err = {0};

	assert_int_equal(options_read(10, argv, &options, &err), 0);
	assert_int_equal(options.threads, 3);
	assert_string_equal(options.socket, "/a");
	assert_int_equal(options.socket_mode, 0600);
	assert_int_equal(options.log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(options.allow_origin, "https://a,https://b");
	assert_true(options.version);
}

static void mistakes_are_named_and_touch_nothing(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *word, *words;
	} cases[] = {
		{"--threads=65", "--threads=65: a number from 1 to 64"},
		{"--threads=", "--threads=N"},
		{"--threads", "--threads needs a value"},
		{"--socket-mode=8", "--socket-mode=8: permission bits"},
		{"--socket-mode=07777", "--socket-mode=07777"},
		{"--allow-origin=https://a/,", "'https://a/' is no origin"},
		{"--log-level=5", "error, warn, info or debug"},
		{"--version=1", "takes no value"},
		{"--thread=1", "no option '--thread=1'"},
		{"--", "no option '--'"},
		{"-h", "'-h' is not understood"},
		{"", "'' is not understood"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *argv[] = {"nalcast-fcgi", cases[i].word, NULL};
		struct options options = {.threads = 77};
		struct error err = {0};
		assert_int_equal(options_read(2, argv, &options, &err), -EINVAL);
		if (strstr(err.text, cases[i].words) == NULL)
			fail_msg("%s: %s", cases[i].word, err.text);
		assert_int_equal(options.threads, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_the_defaults_hold),
		cmocka_unit_test(values_stand_after_equals_or_in_the_next_word),
		cmocka_unit_test(mistakes_are_named_and_touch_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
