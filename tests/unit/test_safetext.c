#include "tests/unit/unit.h"

#include <string.h>

#include "streamer/safetext.h"

static void assert_text(json_t *string, const char *expected)
{
	assert_string_equal(json_string_value(string), expected);
	json_decref(string);
}

static void text_that_is_utf8_stays(void **state)
{
	UNUSED_STATE(state);
	assert_text(safetext(""), "");
	assert_text(safetext("/dev/video0: weg, k\xc3\xb6nnte man sagen"),
		    "/dev/video0: weg, k\xc3\xb6nnte man sagen");
}

static void bytes_that_are_not_utf8_show_as_question_marks(void **state)
{
	UNUSED_STATE(state);
	assert_text(safetext("a\xff/b"), "a?/b");
	assert_text(safetext("cut in a letter \xc3"), "cut in a letter ?");
	assert_text(safetext("\xed\xa0\x80"), "???"); /* a surrogate */
}

static void pointer_is_escaped(void **state)
{
	UNUSED_STATE(state);
	assert_text(safetext_pointer("fps"), "/fps");
	assert_text(safetext_pointer(""), "/");
	assert_text(safetext_pointer("a/b~c"), "/a~1b~0c");
}

static void long_key_is_cut(void **state)
{
	UNUSED_STATE(state);
	char key[2000];

	for (unsigned first = 0; first < 3; first++) {
		memset(key, '/', sizeof(key));
		memset(key, 'x', first);
		key[sizeof(key) - 1] = '\0';
		json_t *pointer = safetext_pointer(key);
		assert_true(json_string_length(pointer) < SAFETEXT_MAX);
		assert_true(json_string_length(pointer) > SAFETEXT_MAX - 4);
		json_decref(pointer);
	}
	memset(key, 0xff, sizeof(key) - 1);
	json_t *text = safetext(key);
	assert_int_equal(json_string_length(text), SAFETEXT_MAX - 1);
	json_decref(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_that_is_utf8_stays),
		cmocka_unit_test(bytes_that_are_not_utf8_show_as_question_marks),
		cmocka_unit_test(pointer_is_escaped),
		cmocka_unit_test(long_key_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
