#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "streamer/jsonread.h"

/* Number of members, or -EINVAL. */
static int count(const char *text, size_t size)
{
	struct jsonread_member m;
	const char *why = NULL;
	struct jsonread j;
	int r, n = 0;

	jsonread_init(&j, text, size);
	while ((r = jsonread_next(&j, &m, &why)) > 0)
		n++;
	if (r < 0)
		assert_non_null(why);
	return r < 0 ? r : n;
}

static struct jsonread_member first(const char *text)
{
	struct jsonread_member m;
	const char *why;
	struct jsonread j;

	jsonread_init(&j, text, strlen(text));
	assert_int_equal(jsonread_next(&j, &m, &why), 1);
	return m;
}

static void good_objects_are_read_to_their_end(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *text;
		int members;
	} cases[] = {
		{"{}", 0},
		{" \t\r\n{ } \n", 0},
		{"{\"a\":1}", 1},
		{"{ \"a\" : true , \"b\" : null , \"c\" : \"\" }", 3},
		{"{\"a\":-0.5e+3,\"b\":0,\"c\":-0,\"d\":1E9}", 4},
		{"{\"a\":[],\"b\":{},\"c\":[1,\"]\",{\"x\":[null]}]}", 3},
		{"{\"a\":[[[[[[[[]]]]]]]]}", 1},
		{"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":1}}}}}}}}", 1},
		{"{\"\\ud83d\\ude00\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"}", 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(count(cases[i].text, strlen(cases[i].text)), cases[i].members);
}

static void what_is_not_json_is_refused(void **state)
{
	UNUSED_STATE(state);
	static const char *const cases[] = {
		"",
		"[]",
		"1",
		"{",
		"{}x",
		"{}{}",
		"{,}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{\"a\":1 \"b\":2}",
		"{a:1}",
		"{'a':1}",
		"{\"a\":01}",
		"{\"a\":+1}",
		"{\"a\":.5}",
		"{\"a\":1.}",
		"{\"a\":1e}",
		"{\"a\":-}",
		"{\"a\":0x1}",
		"{\"a\":NaN}",
		"{\"a\":tru}",
		"{\"a\":truex}",
		"{\"a\":nul",
		"{\"a\":\"b}",
		"{\"a\":\"\n\"}",
		"{\"a\":\"\\x\"}",
		"{\"a\":\"\\",
		"{\"a\":\"\\u12g4\"}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":\"\\ud800\\u0041\"}",
		"{\"a\":\"\\udc00\"}",
		"{\"a\":\"\xff\"}",
		"{\"a\":\"\xe2\x82\"}",
		"{\"a\":[1,]}",
		"{\"a\":[1}",
		"{\"a\":{1}}",
		"{\"a\":{\"b\"}}",
		"{\"a\":{\"b\":1]}",
		"{\"a\":[",
		"{\"a\":[[[[[[[[[]]]]]]]]]}",
		"{\"a\":1}//",
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(count(cases[i], strlen(cases[i])), -EINVAL);
	assert_int_equal(count("{\"a\":\"\0\"}", 9), -EINVAL);
	assert_int_equal(count("{}\0", 3), -EINVAL);
}

static void every_prefix_of_an_object_is_refused(void **state)
{
	UNUSED_STATE(state);
	static const char text[] = "{\"a\":[1,{\"b\":\"\\u0041\"}],\"c\":-1.5e3,\"d\":null}";

	for (size_t n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(count(text, n), -EINVAL);
}

static void strings_are_unescaped(void **state)
{
	UNUSED_STATE(state);
	struct jsonread_member m = first("{\"\\u0074ype\":\"a\\n\\u00e9\\u20ac\\ud83d\\ude00\"}");

	assert_string_equal(m.key, "type");
	assert_int_equal(m.kind, JSONREAD_STRING);
	assert_string_equal(m.text, "a\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	m = first("{\"1234567890123456789012345678901\":\"12345678901234567890123456789012\"}");
	assert_int_equal(strlen(m.key), JSONREAD_TEXT_MAX - 1);
	assert_string_equal(m.text, "");
	assert_string_equal(first("{\"seq\\u0000\":1}").key, "");
}

static void numbers_are_integers_when_written_so(void **state)
{
	UNUSED_STATE(state);
	struct jsonread_member m = first("{\"a\":9223372036854775807}");

	assert_true(m.is_integer && m.integer == INT64_MAX);
	m = first("{\"a\":-9223372036854775808}");
	assert_true(m.is_integer && m.integer == INT64_MIN);
	assert_false(first("{\"a\":9223372036854775808}").is_integer);
	assert_false(first("{\"a\":-9223372036854775809}").is_integer);
	assert_false(first("{\"a\":1.0}").is_integer);
	m = first("{\"a\":-12.5e-1}");
	assert_false(m.is_integer);
	assert_true(m.number == -1.25);
	assert_true(first("{\"a\":2e3}").number == 2000);
	assert_true(first("{\"a\":1e-999999999999}").number == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_objects_are_read_to_their_end),
		cmocka_unit_test(what_is_not_json_is_refused),
		cmocka_unit_test(every_prefix_of_an_object_is_refused),
		cmocka_unit_test(strings_are_unescaped),
		cmocka_unit_test(numbers_are_integers_when_written_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
