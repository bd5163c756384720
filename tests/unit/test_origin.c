#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "common/origin.h"

struct origin_case {
	const char *origin, *host, *proto, *allow;
	bool allowed;
};

static void check(const struct origin_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct origin_case *c = &cases[i];
		bool allowed = origin_allowed(c->origin, c->host, c->proto, c->allow);
		if (allowed != c->allowed)
			fail_msg("Origin %s, Host %s, proto '%s', allow '%s': %s", c->origin,
				 c->host, c->proto, c->allow, allowed ? "allowed" : "refused");
	}
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof((cases)[0]))

static void a_program_without_origin_is_allowed(void **state)
{
	UNUSED_STATE(state);
	assert_true(origin_allowed(NULL, "cam", "https", ""));
	assert_true(origin_allowed(NULL, "", "", ""));
}

static void the_same_origin_is_allowed(void **state)
{
	UNUSED_STATE(state);
	static const struct origin_case cases[] = {
		{"https://cam", "cam", "https", "", true},
		{"https://cam", "cam", "", "", true},
		{"https://cam:8443", "cam:8443", "https", "", true},
		{"HTTPS://CAM.Example", "cam.example", "https", "", true},
		{"https://cam", "CAM", "HTTPS", "", true},
		{"https://cam:443", "cam", "https", "", true},
		{"https://cam", "cam:443", "https", "", true},
		{"http://cam:80", "cam", "http", "", true},
		{"http://cam", "cam:80", "", "", true},
		{"https://[::1]:8443", "[::1]:8443", "https", "", true},
		{"https://[::1]", "[::1]:443", "https", "", true},
	};
	CHECK(cases);
}

static void a_foreign_origin_is_refused(void **state)
{
	UNUSED_STATE(state);
	static const struct origin_case cases[] = {
		{"null", "cam", "https", "", false},
		{"null", "null", "", "null", false},
		{"", "cam", "https", "", false},
		{"", "", "", "", false},
		{"https://", "", "", "", false},
		{"https://:443", "", "", "", false},
		{"://cam", "cam", "", "", false},
		{"cam", "cam", "", "", false},
		{"https://evil", "cam", "https", "", false},
		{"https://cam.evil", "cam", "https", "", false},
		{"https://evilcam", "cam", "https", "", false},
		{"http://cam", "cam", "https", "", false},
		{"https://cam", "cam", "http", "", false},
		{"https://cam:8443", "cam", "https", "", false},
		{"https://cam", "cam:8443", "https", "", false},
		{"https://cam", "cam:80", "https", "", false},
		{"http://cam:443", "cam", "http", "", false},
		{"https://cam/", "cam", "https", "", false},
		{"https://cam/x", "cam/x", "https", "", false},
		{"https://user@cam", "user@cam", "https", "", false},
		{"https://cam, https://evil", "cam", "https", "", false},
		{"https://evil https://cam", "cam", "https", "", false},
		{"https://cam", "", "https", "", false},
		{"file://", "cam", "", "", false},
		{"ftp://cam", "cam", "https", "", false},
		{"chrome-extension://abc", "cam", "https", "", false},
	};
	CHECK(cases);
}

static void listed_ones_are_allowed_exactly(void **state)
{
	UNUSED_STATE(state);
	static const struct origin_case cases[] = {
		{"https://a.example", "cam", "https", "https://a.example", true},
		{"https://a.example:443", "cam", "https", "https://A.example", true},
		{"http://a.example", "cam", "https", "https://x, http://a.example", true},
		{"https://b", "cam", "https", "https://a,https://b,https://c", true},
		{"chrome-extension://abc", "cam", "https", "chrome-extension://abc", true},
		{"https://cam", "cam", "https", "https://a.example", true},
		{"https://a.example", "cam", "https", "http://a.example", false},
		{"https://a.example", "cam", "https", "https://a.example:8443", false},
		{"https://sub.a.example", "cam", "https", "https://a.example", false},
		{"https://a.example", "cam", "https", "a.example,*,,", false},
		{"https://*", "cam", "https", "*", false},
	};
	CHECK(cases);
}

static void a_list_with_no_origin_in_it_is_named(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};

	assert_int_equal(origin_list_check("", &err), 0);
	assert_int_equal(origin_list_check("https://a, http://b:81 ,", &err), 0);
	assert_int_equal(origin_list_check("https://a,b.example", &err), -EINVAL);
	assert_non_null(strstr(err.text, "'b.example'"));
	assert_int_equal(origin_list_check("null", &err), -EINVAL);
	assert_int_equal(origin_list_check("https://a/", &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_without_origin_is_allowed),
		cmocka_unit_test(the_same_origin_is_allowed),
		cmocka_unit_test(a_foreign_origin_is_refused),
		cmocka_unit_test(listed_ones_are_allowed_exactly),
		cmocka_unit_test(a_list_with_no_origin_in_it_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
