#include "tests/unit/unit.h"

#include <string.h>

#include "streamer/leftover.h"

static void nothing_is_kept_without_memory(void **state)
{
	UNUSED_STATE(state);
	struct leftover l = {0};
	char out[1] = {'x'};

	assert_int_equal(leftover_keep(&l, "", 0), 0);
	assert_null(l.bytes);
	assert_int_equal(leftover_take(&l, out), 0);
	assert_int_equal(out[0], 'x');
	leftover_clear(&l);
}

static void what_is_kept_is_taken_once(void **state)
{
	UNUSED_STATE(state);
	struct leftover l = {0};
	char out[4] = "";

	assert_int_equal(leftover_keep(&l, "abc", 3), 0);
	assert_int_equal(leftover_take(&l, out), 3);
	assert_string_equal(out, "abc");
	assert_null(l.bytes);
	assert_int_equal(leftover_take(&l, out), 0);
}

static void it_may_leave_byte_by_byte(void **state)
{
	UNUSED_STATE(state);
	struct leftover l = {0};

	assert_int_equal(leftover_keep(&l, "abc", 3), 0);
	leftover_drop(&l, 0);
	for (const char *p = "abc"; *p != '\0'; p++) {
		assert_int_equal(l.bytes[0], *p);
		leftover_drop(&l, 1);
	}
	assert_int_equal(l.size, 0);
	assert_null(l.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_kept_without_memory),
		cmocka_unit_test(what_is_kept_is_taken_once),
		cmocka_unit_test(it_may_leave_byte_by_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
