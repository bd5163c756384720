#include "tests/unit/unit.h"

#include <string.h>

#include "streamer/jsontext.h"

static const char *string_of(const char *text, size_t max)
{
	static char buf[128];
	struct jsontext j;

	jsontext_init(&j, buf, sizeof(buf));
	jsontext_string(&j, text, max);
	assert_int_equal(j.len, strlen(buf));
	return buf;
}

static void strings_are_escaped(void **state)
{
	UNUSED_STATE(state);
	assert_string_equal(string_of("plain", 100), "\"plain\"");
	assert_string_equal(string_of("a\"b\\c\r\n\t", 100), "\"a\\\"b\\\\c\\r\\n\\t\"");
	assert_string_equal(string_of("\x01\x1f\x7f", 100), "\"\\u0001\\u001f\\u007f\"");
	assert_string_equal(string_of("\xe2\x82\xac", 100), "\"\xe2\x82\xac\"");
}

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
	UNUSED_STATE(state);
	assert_string_equal(string_of("a\xff"
				      "b",
				      100),
			    "\"a\xef\xbf\xbd"
			    "b\"");
	assert_string_equal(string_of("\xe2\x82", 100), "\"\xef\xbf\xbd\"");
	assert_string_equal(string_of("\xc3\xc3\xa9", 100), "\"\xef\xbf\xbd\xc3\xa9\"");
}

static void long_strings_are_cut_between_characters(void **state)
{
	UNUSED_STATE(state);
	assert_string_equal(string_of("abcdef", 3), "\"abc\"");
	assert_string_equal(string_of("ab\xe2\x82\xac", 4), "\"ab\"");
	assert_string_equal(string_of("ab\x01", 4), "\"ab\"");
}

static void what_does_not_fit_is_left_out_and_remembered(void **state)
{
	UNUSED_STATE(state);
	char buf[8];
	struct jsontext j;

	jsontext_init(&j, buf, sizeof(buf));
	jsontext_put(&j, "%d", 1234567);
	assert_false(j.full);
	assert_string_equal(buf, "1234567");
	jsontext_put(&j, ",");
	assert_true(j.full);
	assert_string_equal(buf, "1234567");
	assert_int_equal(j.len, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
		cmocka_unit_test(long_strings_are_cut_between_characters),
		cmocka_unit_test(what_does_not_fit_is_left_out_and_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
