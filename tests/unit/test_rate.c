#include "tests/unit/unit.h"

#include "streamer/rate.h"

static void second_that_has_passed_is_told_and_the_next_begins(void **state)
{
	UNUSED_STATE(state);
	struct rate rate;
	unsigned fps_milli = 7, bps = 7;

	rate_begin(&rate, 500);
	rate.frames = 30;
	rate.bytes = 250000;
	assert_false(rate_turn(&rate, 1000499, &fps_milli, &bps));
	assert_int_equal(fps_milli, 7);
	assert_true(rate_turn(&rate, 1000500, &fps_milli, &bps));
	assert_int_equal(fps_milli, 30000);
	assert_int_equal(bps, 2000000);
	assert_true(rate_turn(&rate, 2000500, &fps_milli, &bps));
	assert_int_equal(fps_milli, 0);
	assert_int_equal(bps, 0);
}

static void long_window_counts_by_its_length(void **state)
{
	UNUSED_STATE(state);
	struct rate rate;
	unsigned fps_milli, bps;

	rate_begin(&rate, 0);
	rate.frames = 30;
	assert_true(rate_turn(&rate, 4000000, &fps_milli, &bps));
	assert_int_equal(fps_milli, 7500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_that_has_passed_is_told_and_the_next_begins),
		cmocka_unit_test(long_window_counts_by_its_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
