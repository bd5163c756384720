#include "tests/unit/unit.h"

#include "streamer/percentile.h"

#define SECOND 1000000

static void nothing_recorded_is_zero(void **state)
{
	UNUSED_STATE(state);
	struct percentile p = {0};

	assert_int_equal(percentile_get(&p, 500, 0), 0);
}

static void answers_are_at_most_an_eighth_too_large(void **state)
{
	UNUSED_STATE(state);
	for (int64_t value = 0; value < 1000000; value = value * 5 / 4 + 1) {
		struct percentile p = {0};
		percentile_add(&p, value, 0);
		int64_t got = percentile_get(&p, 500, 0);
		assert_in_range(got, value, value + value / 8);
	}
}

static void median_and_tail_are_told_apart(void **state)
{
	UNUSED_STATE(state);
	struct percentile p = {0};

	for (int i = 0; i < 98; i++)
		percentile_add(&p, 1000, 0);
	percentile_add(&p, 50000, 0);
	percentile_add(&p, 50000, 0);
	assert_in_range(percentile_get(&p, 500, 0), 1000, 1125);
	assert_in_range(percentile_get(&p, 990, 0), 50000, 56250);
}

static void old_values_are_forgotten(void **state)
{
	UNUSED_STATE(state);
	struct percentile p = {0};

	percentile_add(&p, 50000, 0);
	percentile_add(&p, 10, 11 * SECOND);
	assert_in_range(percentile_get(&p, 990, 12 * SECOND), 50000, 56250);
	assert_int_equal(percentile_get(&p, 990, 22 * SECOND), 10);
	assert_int_equal(percentile_get(&p, 990, 60 * SECOND), 0);
}

static void huge_and_negative_values_stay_in_bounds(void **state)
{
	UNUSED_STATE(state);
	struct percentile p = {0};

	percentile_add(&p, INT64_MAX, 0);
	percentile_add(&p, -5, 0);
	assert_int_equal(percentile_get(&p, 500, 0), 0);
	assert_true(percentile_get(&p, 1000, 0) > 900000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_recorded_is_zero),
		cmocka_unit_test(answers_are_at_most_an_eighth_too_large),
		cmocka_unit_test(median_and_tail_are_told_apart),
		cmocka_unit_test(old_values_are_forgotten),
		cmocka_unit_test(huge_and_negative_values_stay_in_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
