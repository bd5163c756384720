/* The policy, on links that carry so much and no more: what does not fit queues up, and past a
 * limit nothing more is sent until the queue is empty, as the hub does it. */
#include "tests/unit/unit.h"

#include <limits.h>
#include <string.h>

#include "common/util.h"
#include "streamer/adapt.h"

#define SETTING_BPS  2000000
#define TICK_US      50000
#define ROUND_US     1000000
#define LAG_LIMIT_US 250000
#define LINKS_MAX    8

struct link {
	unsigned capacity_bps; /* 0: it takes nothing */
	int64_t queue_bits;
	bool draining, lagged;
	int64_t carried_bits, busy_us;
	unsigned lags; /* how often it drained */
};

struct world {
	struct adapt adapt;
	int64_t now_us;
	unsigned count;
	struct link link[LINKS_MAX];
	unsigned least_bps, most_bps; /* targets since the last watch() */
};

static void begin(struct world *w, unsigned count, const unsigned capacity_bps[])
{
	memset(w, 0, sizeof(*w));
	adapt_init(&w->adapt, SETTING_BPS);
	w->now_us = 1000000;
	w->count = count;
	for (unsigned i = 0; i < count; i++)
		w->link[i].capacity_bps = capacity_bps[i];
}

static void link_tick(struct link *l, unsigned target_bps)
{
	int64_t room_bits = (int64_t)l->capacity_bps * TICK_US / 1000000;

	if (!l->draining)
		l->queue_bits += (int64_t)target_bps * TICK_US / 1000000;
	int64_t taken_bits = min_i64(l->queue_bits, room_bits);
	l->queue_bits -= taken_bits;
	if (l->queue_bits > 0 && taken_bits > 0) {
		l->carried_bits += taken_bits;
		l->busy_us += TICK_US;
	}
	bool late = l->queue_bits > (int64_t)l->capacity_bps * LAG_LIMIT_US / 1000000;
	if (!l->draining && late) {
		l->draining = l->lagged = true;
		l->lags++;
	} else if (l->queue_bits == 0) {
		l->draining = false;
	}
}

static void link_round(struct world *w, struct link *l)
{
	int64_t bps = l->busy_us > 0 ? l->carried_bits * 1000000 / l->busy_us : 0;

	adapt_add(&w->adapt, l->lagged || l->draining, (unsigned)bps);
	l->lagged = false;
	l->carried_bits = l->busy_us = 0;
}

static void watch(struct world *w, unsigned seconds)
{
	w->least_bps = UINT_MAX;
	w->most_bps = 0;
	for (unsigned s = 0; s < seconds; s++) {
		unsigned target_bps = w->adapt.target_bps;
		for (int64_t us = 0; us < ROUND_US; us += TICK_US)
			for (unsigned i = 0; i < w->count; i++)
				link_tick(&w->link[i], target_bps);
		for (unsigned i = 0; i < w->count; i++)
			link_round(w, &w->link[i]);
		w->now_us += ROUND_US;
		target_bps = adapt_decide(&w->adapt, w->now_us);
		assert_true(target_bps <= w->adapt.setting_bps);
		w->least_bps = target_bps < w->least_bps ? target_bps : w->least_bps;
		w->most_bps = target_bps > w->most_bps ? target_bps : w->most_bps;
	}
}

#define BEGIN(w, ...) \
	begin(&(w), ARRAY_SIZE(((const unsigned[]){__VA_ARGS__})), (const unsigned[]){__VA_ARGS__})

static void links_that_carry_the_setting_change_nothing(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	BEGIN(w, 2100000, 50000000, 4000000);
	watch(&w, 600);
	assert_int_equal(w.least_bps, SETTING_BPS);
}

static void one_viewer_alone_gets_what_its_link_carries(void **state)
{
	UNUSED_STATE(state);
	static const unsigned capacities_bps[] = {300000,  500000,  800000,
						  1000000, 1500000, 1900000};

	for (size_t i = 0; i < ARRAY_SIZE(capacities_bps); i++) {
		struct world w;
		BEGIN(w, capacities_bps[i]);
		watch(&w, 8);
		assert_in_range(w.adapt.target_bps, capacities_bps[i] * 0.6,
				capacities_bps[i] * 1.2);
		watch(&w, 300);
	}
}

static void rate_swings_within_bounds_and_lags_seldom(void **state)
{
	UNUSED_STATE(state);
	static const unsigned capacities_bps[] = {300000,  500000,  800000,
						  1000000, 1500000, 1900000};

	for (size_t i = 0; i < ARRAY_SIZE(capacities_bps); i++) {
		struct world w;
		BEGIN(w, capacities_bps[i]);
		watch(&w, 120); /* by then it tries seldom */
		w.link[0].lags = 0;
		watch(&w, 600);
		assert_in_range(w.least_bps, capacities_bps[i] * 0.65, capacities_bps[i]);
		assert_in_range(w.most_bps, capacities_bps[i] * 0.9, capacities_bps[i] * 1.3);
		assert_in_range(w.link[0].lags, 1, 15);
	}
}

static void rate_comes_back_when_the_link_does(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	BEGIN(w, 500000);
	watch(&w, 30);
	w.link[0].capacity_bps = 10000000;
	watch(&w, 60);
	assert_int_equal(w.adapt.target_bps, SETTING_BPS);
	watch(&w, 600);
	assert_int_equal(w.least_bps, SETTING_BPS);
}

static void one_bad_link_among_good_ones_changes_nothing(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	BEGIN(w, 200000, 9000000, 9000000, 9000000);
	watch(&w, 300);
	assert_int_equal(w.least_bps, SETTING_BPS);
	assert_true(w.link[0].lags > 100);
}

static void of_two_both_count(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	BEGIN(w, 1000000, 9000000);
	watch(&w, 30);
	assert_in_range(w.adapt.target_bps, 600000, 1200000);
}

static void slowest_of_the_majority_decides(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	/* Three of five carry 1.2 Mbit/s; what the other two carry does not matter. */
	BEGIN(w, 150000, 9000000, 1200000, 400000, 9000000);
	watch(&w, 120);
	assert_in_range(w.least_bps, 1200000 * 0.6, SETTING_BPS);
	assert_in_range(w.adapt.target_bps, 1200000 * 0.65, 1200000 * 1.3);
}

/* Once only so many are left. */
static void assert_rises_with(struct world *w, unsigned count)
{
	w->count = count;
	watch(w, 60);
	assert_int_equal(w->adapt.target_bps, SETTING_BPS);
}

static void slower_ones_that_leave_let_the_rate_up(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	BEGIN(w, 9000000, 400000, 300000);
	watch(&w, 30);
	assert_true(w.adapt.target_bps < 600000);
	assert_rises_with(&w, 1);
}

static void without_viewers_that_tell_it_comes_back_too(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	BEGIN(w, 400000);
	watch(&w, 30);
	assert_rises_with(&w, 0);
}

static void stall_says_nothing_of_the_rate(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	BEGIN(w, 9000000);
	watch(&w, 5);
	for (unsigned i = 0; i < 30; i++) {
		adapt_add(&w.adapt, true, 0);
		w.now_us += ROUND_US;
		assert_int_equal(adapt_decide(&w.adapt, w.now_us), SETTING_BPS);
	}
	/* ...nor does it keep the others' from rising. */
	BEGIN(w, 400000);
	watch(&w, 30);
	w.link[0].capacity_bps = 9000000;
	for (unsigned i = 0; i < 60; i++) {
		adapt_add(&w.adapt, true, 0);
		adapt_add(&w.adapt, false, 0);
		w.now_us += ROUND_US;
		adapt_decide(&w.adapt, w.now_us);
	}
	assert_int_equal(w.adapt.target_bps, SETTING_BPS);
}

/* Nothing gets through, for a minute. */
static void starve(struct world *w)
{
	for (unsigned s = 0; s < 60; s++) {
		adapt_add(&w->adapt, true, 1000);
		w->now_us += ROUND_US;
		adapt_decide(&w->adapt, w->now_us);
	}
}

static void rate_never_falls_below_the_floor(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		unsigned setting_bps, picture_floor_bps, floor_bps;
	} cases[] = {
		{2000000, 0, 200000},     {800000, 0, 100000},      {100000, 0, 100000},
		{60000, 0, 60000},        {2000000, 50000, 200000}, {2000000, 435000, 435000},
		{300000, 435000, 300000},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world w;
		BEGIN(w, 1000);
		adapt_init(&w.adapt, cases[i].setting_bps);
		adapt_set(&w.adapt, cases[i].setting_bps, cases[i].picture_floor_bps);
		starve(&w);
		assert_int_equal(w.adapt.target_bps, cases[i].floor_bps);
	}
}

static void larger_picture_lifts_what_is_below_its_floor(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	BEGIN(w, 1000);
	starve(&w);
	adapt_set(&w.adapt, SETTING_BPS, 435000);
	assert_int_equal(w.adapt.target_bps, 435000);
	adapt_set(&w.adapt, SETTING_BPS, 50000);
	assert_int_equal(w.adapt.target_bps, 435000); /* down when links say so */
	adapt_set(&w.adapt, 300000, 435000);
	assert_int_equal(w.adapt.target_bps, 300000);
}

static void floor_of_a_picture_follows_its_pixels_and_rate(void **state)
{
	UNUSED_STATE(state);
	assert_int_equal(adapt_picture_floor_bps(1280, 720, 30000), 193536);
	assert_int_equal(adapt_picture_floor_bps(1280, 720, 15000), 96768);
	assert_int_equal(adapt_picture_floor_bps(1920, 1080, 59940), 870041);
	assert_int_equal(adapt_picture_floor_bps(1280, 720, 0), 0);
	assert_int_equal(adapt_picture_floor_bps(0, 0, 30000), 0);
	assert_int_equal(adapt_picture_floor_bps(65535, 65535, 240000000), UINT_MAX);
}

static void new_setting_is_followed(void **state)
{
	UNUSED_STATE(state);
	struct world w;

	BEGIN(w, 9000000);
	watch(&w, 5);
	adapt_set(&w.adapt, 3000000, 0);
	watch(&w, 5);
	assert_int_equal(w.least_bps, 3000000);
	adapt_set(&w.adapt, 500000, 0);
	watch(&w, 5);
	assert_int_equal(w.most_bps, 500000);
	/* One that is limited stays so, and below. */
	BEGIN(w, 700000);
	watch(&w, 20);
	adapt_set(&w.adapt, 8000000, 0);
	watch(&w, 1);
	assert_true(w.adapt.target_bps < 1000000);
	adapt_set(&w.adapt, 300000, 0);
	watch(&w, 20);
	assert_int_equal(w.adapt.target_bps, 300000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_that_carry_the_setting_change_nothing),
		cmocka_unit_test(one_viewer_alone_gets_what_its_link_carries),
		cmocka_unit_test(rate_swings_within_bounds_and_lags_seldom),
		cmocka_unit_test(rate_comes_back_when_the_link_does),
		cmocka_unit_test(one_bad_link_among_good_ones_changes_nothing),
		cmocka_unit_test(of_two_both_count),
		cmocka_unit_test(slowest_of_the_majority_decides),
		cmocka_unit_test(slower_ones_that_leave_let_the_rate_up),
		cmocka_unit_test(without_viewers_that_tell_it_comes_back_too),
		cmocka_unit_test(stall_says_nothing_of_the_rate),
		cmocka_unit_test(rate_never_falls_below_the_floor),
		cmocka_unit_test(larger_picture_lifts_what_is_below_its_floor),
		cmocka_unit_test(floor_of_a_picture_follows_its_pixels_and_rate),
		cmocka_unit_test(new_setting_is_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
