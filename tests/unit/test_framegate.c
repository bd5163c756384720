#include "tests/unit/unit.h"

#include "streamer/framegate.h"

#define SECONDS 20

/* How many of a camera's pictures pass in a second, once it has found out. jitter_us: every other
 * one comes so much later. */
static double rate_after(unsigned asked_milli, unsigned camera_milli, int64_t jitter_us)
{
	int64_t step_us = INT64_C(1000000000) / camera_milli;
	struct framegate gate;
	unsigned passed = 0;
	int64_t pts_us = 1000, first_us = 0;

	framegate_init(&gate, asked_milli, 0);
	for (unsigned i = 0; pts_us < (SECONDS + 2) * INT64_C(1000000); i++, pts_us += step_us) {
		bool passes = framegate_passes(&gate, pts_us + (i % 2 != 0 ? jitter_us : 0));
		if (pts_us < 2000000)
			continue;
		first_us = first_us == 0 ? pts_us : first_us;
		passed += passes;
	}
	return passed * 1e6 / (double)(pts_us - first_us);
}

static void assert_near(double value, double wanted)
{
	if (value < wanted * 0.99 || value > wanted * 1.01)
		fail_msg("%.2f, not %.2f", value, wanted);
}

struct case_of_rate {
	unsigned asked_milli, camera_milli;
	int64_t jitter_us;
	double passes; /* a second */
};

static void assert_rates(const struct case_of_rate *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_near(rate_after(cases[i].asked_milli, cases[i].camera_milli,
				       cases[i].jitter_us),
			    cases[i].passes);
}

static void camera_that_is_faster_is_held_to_the_rate(void **state)
{
	UNUSED_STATE(state);
	static const struct case_of_rate cases[] = {
		{15000, 30000, 0, 15}, {10000, 30000, 0, 10},   {25000, 30000, 0, 25},
		{20000, 60000, 0, 20}, {30000, 1000000, 0, 30}, {15000, 30000, 12000, 15},
	};

	assert_rates(cases, sizeof(cases) / sizeof(cases[0]));
}

static void camera_that_is_about_right_is_left_alone(void **state)
{
	UNUSED_STATE(state);
	static const struct case_of_rate cases[] = {
		{30000, 30000, 0, 30},   {30000, 30000, 15000, 30}, {30000, 30000, 33000, 30},
		{30000, 30300, 0, 30.3}, {30000, 15000, 0, 15},     {0, 60000, 0, 60},
	};

	assert_rates(cases, sizeof(cases) / sizeof(cases[0]));
}

static void rate_that_the_camera_tells_counts_from_the_first_picture(void **state)
{
	UNUSED_STATE(state);
	struct framegate gate;
	unsigned passed = 0;

	framegate_init(&gate, 10000, 60000);
	for (unsigned i = 0; i < 60; i++)
		passed += framegate_passes(&gate, i * INT64_C(1000000) / 60);
	assert_in_range(passed, 10, 11);
}

/* Two that were held up together are no faster camera. */
static void pictures_that_come_in_a_bunch_all_pass(void **state)
{
	UNUSED_STATE(state);
	struct framegate gate;

	framegate_init(&gate, 30000, 30000);
	for (unsigned i = 0; i < 300; i++) {
		/* Up to five wait for the sixth, again and again. */
		unsigned at = i % 60 < 30 ? i / 6 * 6 + 5 : i;
		assert_true(framegate_passes(&gate, at * INT64_C(33333)));
	}
}

static void pause_is_followed_by_the_next_picture(void **state)
{
	UNUSED_STATE(state);
	struct framegate gate;
	int64_t pts_us = 0;
	unsigned passed = 0;

	framegate_init(&gate, 10000, 0);
	for (unsigned i = 0; i < 300; i++, pts_us += 20000)
		framegate_passes(&gate, pts_us);
	pts_us += 5000000;
	assert_true(framegate_passes(&gate, pts_us));
	for (unsigned i = 0; i < 50; i++)
		passed += framegate_passes(&gate, pts_us += 20000);
	/* One second of it: not those that the pause would have had. */
	assert_in_range(passed, 9, 14);
}

static void time_that_goes_back_does_not_stop_it(void **state)
{
	UNUSED_STATE(state);
	struct framegate gate;
	int64_t pts_us = 100000000;
	unsigned passed = 0;

	framegate_init(&gate, 10000, 0);
	for (unsigned i = 0; i < 100; i++, pts_us += 33333)
		framegate_passes(&gate, pts_us);
	pts_us = 0;
	for (unsigned i = 0; i < 60; i++, pts_us += 33333)
		passed += framegate_passes(&gate, pts_us);
	assert_in_range(passed, 15, 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(camera_that_is_faster_is_held_to_the_rate),
		cmocka_unit_test(camera_that_is_about_right_is_left_alone),
		cmocka_unit_test(rate_that_the_camera_tells_counts_from_the_first_picture),
		cmocka_unit_test(pictures_that_come_in_a_bunch_all_pass),
		cmocka_unit_test(pause_is_followed_by_the_next_picture),
		cmocka_unit_test(time_that_goes_back_does_not_stop_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
