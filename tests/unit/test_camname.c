#include "tests/unit/unit.h"

#include "common/camname.h"

static void names_of_cameras_are_short_and_plain(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *name;
		bool is_valid;
	} cases[] = {
		{"main", true},
		{"front-door-2", true},
		{"-", true},
		{"a2345678901234567890123456789012", true},
		{"a23456789012345678901234567890123", false},
		{"", false},
		{"Main", false},
		{"a_b", false},
		{"..", false},
		{"a/b", false},
		{"a\n", false},
		{"\xc3\xbc", false},
		{"api", false},
		{"assets", false},
		{"stream", false},
		{"snapshot", false},
		{"streams", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (camname_is_valid(cases[i].name) != cases[i].is_valid)
			fail_msg("%s", cases[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_cameras_are_short_and_plain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
