#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/jsonscan.h"

/* How many bytes of the text are one value; -1: it is none. Scanned from memory of its exact size.
 */
static int scanned(const char *text)
{
	size_t size = strlen(text);
	char *exact = malloc(size + (size == 0));

	memcpy(exact, text, size);
	const char *end = jsonscan(exact, exact + size);
	int len = end != NULL ? (int)(end - exact) : -1;
	free(exact);
	return len;
}

static void values_end_where_they_end(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *text;
		int len;
	} cases[] = {
		{"{}", 2},
		{"[]", 2},
		{" \t\r\n{ } x", 7},
		{"{\"a\":1}}", 7},
		{"{\"a\" : [ 1 , -0.5e+3 , {} , [ ] ] , \"b\":null},", 45},
		{"[true,false,null]", 17},
		{"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", 19},
		{"\"\"1", 2},
		{"0", 1},
		{"-0", 2},
		{"10.25E-7,", 8},
		{"1.5e9999", 8},
		{"null}", 4},
		{"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", 32},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (scanned(cases[i].text) != cases[i].len)
			fail_msg("%s: %d", cases[i].text, scanned(cases[i].text));
}

static void what_is_no_plain_json_is_none(void **state)
{
	UNUSED_STATE(state);
	static const char *const cases[] = {
		"",
		" ",
		"{",
		"[",
		"}",
		"]",
		",",
		":",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"[,]",
		"[1 2]",
		"{1:2}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{,}",
		"{\"a\":1",
		"{\"a\":1]",
		"[1}",
		"{\"a\",1}",
		"{a:1}",
		"tru",
		"nul",
		"True",
		"NaN",
		"-",
		"+1",
		".5",
		"1.",
		"1.e3",
		"1e",
		"1e+",
		"01",
		"-01",
		"-a",
		"\"",
		"\"a",
		"\"\\",
		"\"\\x\"",
		"\"\\u0041\"",
		"\"\n\"",
		"\"\x1f\"",
		"\"\x7f\xc3\xbc\"",
		"'a'",
		"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
		"/**/1",
		"\xef\xbb\xbf{}",
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (scanned(cases[i]) != -1)
			fail_msg("%s: %d", cases[i], scanned(cases[i]));
}

/* Cut anywhere, it is none: a number alone is the one value that a shorter one begins. */
static void half_a_value_is_none(void **state)
{
	UNUSED_STATE(state);
	static const char text[] = "{\"a\":[1.5e3,\"x\\n\",true,{\"b\":null}],\"c\":-0}";
	char cut[sizeof(text)];

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		memcpy(cut, text, len);
		cut[len] = '\0';
		assert_int_equal(scanned(cut), -1);
	}
	assert_int_equal(scanned(text), sizeof(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_end_where_they_end),
		cmocka_unit_test(what_is_no_plain_json_is_none),
		cmocka_unit_test(half_a_value_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
