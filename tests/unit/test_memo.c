#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "streamer/memo.h"

static struct memo memo;

static int keep(void **state)
{
	UNUSED_STATE(state);
	memo = (struct memo){0};
	memo_keep(&memo, strdup("{}"), 7, 1000);
	return 0;
}

static int clear(void **state)
{
	UNUSED_STATE(state);
	memo_clear(&memo);
	memo_clear(&memo);
	return 0;
}

static void who_asks_in_a_row_is_told_the_same(void **state)
{
	UNUSED_STATE(state);

	for (uint64_t iteration = 7; iteration < 100; iteration++)
		assert_string_equal(memo_get(&memo, iteration, 1000), "{}");
}

static void other_event_in_between_makes_it_untrue(void **state)
{
	UNUSED_STATE(state);

	assert_non_null(memo_get(&memo, 8, 1000));
	assert_null(memo_get(&memo, 10, 1000));
	assert_null(memo_get(&memo, 11, 1000));
}

static void it_is_not_true_for_ever(void **state)
{
	UNUSED_STATE(state);

	assert_non_null(memo_get(&memo, 8, 1000 + MEMO_AGE_US - 1));
	assert_null(memo_get(&memo, 9, 1000 + MEMO_AGE_US));
}

static void nothing_is_known_of_nothing(void **state)
{
	UNUSED_STATE(state);

	memo_keep(&memo, NULL, 8, 1000);
	assert_null(memo_get(&memo, 8, 1000));
	memo_clear(&memo);
	assert_null(memo_get(&memo, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_asks_in_a_row_is_told_the_same, keep, clear),
		cmocka_unit_test_setup_teardown(other_event_in_between_makes_it_untrue, keep,
						clear),
		cmocka_unit_test_setup_teardown(it_is_not_true_for_ever, keep, clear),
		cmocka_unit_test_setup_teardown(nothing_is_known_of_nothing, keep, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
