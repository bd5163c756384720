#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/etag.h"
#include "common/util.h"

static void tag_of(const char *text, char ret[static ETAG_SIZE])
{
	json_t *body = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(body);
	etag_of(body, ret);
	json_decref(body);
}

static void tag_is_strong_and_quoted(void **state)
{
	UNUSED_STATE(state);
	char tag[ETAG_SIZE];

	/* printf '{"a":1}' | sha256sum */
	tag_of("{ \"a\" : 1 }", tag);
	assert_string_equal(tag, "\"015abd7f5cc57a2dd94b7590f04ad808\"");
}

static void order_of_keys_does_not_count_but_values_do(void **state)
{
	UNUSED_STATE(state);
	char one[ETAG_SIZE], other[ETAG_SIZE];

	tag_of("{\"fps\":29.97,\"a\":[1,2]}", one);
	tag_of("{\"a\":[1,2],\"fps\":29.97}", other);
	assert_string_equal(one, other);
	tag_of("{\"a\":[2,1],\"fps\":29.97}", other);
	assert_string_not_equal(one, other);
	tag_of("{\"a\":[1,2],\"fps\":29.971}", other);
	assert_string_not_equal(one, other);
}

static void body_has_the_same_tag_behind_the_control_socket(void **state)
{
	UNUSED_STATE(state);
	char here[ETAG_SIZE], there[ETAG_SIZE];
	json_t *body = json_pack("{s:f, s:f}", "fps", 30000 / 1001.0, "third", 1 / 3.0);
	char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(9));

	etag_of(body, here);
	tag_of(text, there);
	assert_string_equal(here, there);
	free(text);
	json_decref(body);
}

static void header_names_a_tag(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *header;
		bool matches;
	} cases[] = {
		{"\"a\"", true},
		{"  \"a\"\t", true},
		{"W/\"a\"", true},
		{"*", true},
		{" * ", true},
		{"\"b\", \"a\"", true},
		{"\"b\",W/\"a\",\"c\"", true},
		{",, \"a\"", true}, /* RFC 9110 5.6.1.2: empty elements are ignored */
		{"\"b\" ,, \"a\"", true},
		{"\"x,y\", \"a\"", true},
		{"", false},
		{"a", false},
		{"\"a", false},
		{"\"A\"", false},
		{"\"aa\"", false},
		{"\"\"", false},
		{"*, \"b\"", false},
		{"w/\"a\"", false},
		{"\"b\" \"a\"", false},
		{"\"b\", x, \"a\"", false},
		{"W/", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (etag_matches(cases[i].header, "\"a\"") != cases[i].matches)
			fail_msg("%s", cases[i].header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tag_is_strong_and_quoted),
		cmocka_unit_test(order_of_keys_does_not_count_but_values_do),
		cmocka_unit_test(body_has_the_same_tag_behind_the_control_socket),
		cmocka_unit_test(header_names_a_tag),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
