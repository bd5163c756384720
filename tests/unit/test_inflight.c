#include "tests/unit/unit.h"

#include "streamer/inflight.h"

static int64_t limit_us(const struct inflight *f) /* long after it was begun with */
{
	return inflight_limit_us(f, 250000, 0, INT64_C(1000000000));
}

static void viewer_that_never_acknowledges_has_no_age(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {0};

	inflight_sent(&f, 1, 1000);
	assert_int_equal(inflight_age_us(&f, 900000), 0);
	assert_int_equal(limit_us(&f), 250000);
}

static void age_is_that_of_the_oldest_unacknowledged(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {0};

	inflight_sent(&f, 1, 1000);
	inflight_sent(&f, 2, 2000);
	inflight_sent(&f, 3, 3000);
	assert_int_equal(inflight_ack(&f, 2, false, 12000), 2);
	assert_int_equal(inflight_age_us(&f, 13000), 10000);
	assert_int_equal(inflight_ack(&f, 3, false, 13000), 1);
	assert_int_equal(inflight_age_us(&f, 20000), 0);
}

static void what_was_gathered_settles_and_measures_nothing(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {0};

	inflight_sent(&f, 1, 0);
	inflight_ack(&f, 1, false, 20000);
	inflight_sent(&f, 2, 100000);
	assert_int_equal(inflight_ack(&f, 2, true, 110000), 1);
	inflight_sent(&f, 3, 200000);
	assert_int_equal(inflight_ack(&f, 3, true, 900000), 1);
	assert_int_equal(f.count, 0);
	assert_int_equal(f.rtt_us, 20000);
	assert_int_equal(f.rtt_min_us, 20000);
}

static void what_was_sent_later_has_no_age(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {0};

	inflight_sent(&f, 1, 0);
	inflight_ack(&f, 1, false, 1000);
	inflight_sent(&f, 2, 500000);
	assert_int_equal(inflight_age_us(&f, 400000), 0);
}

static void limit_grows_with_the_smallest_round_trip(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {0};

	inflight_sent(&f, 1, 0);
	inflight_ack(&f, 1, false, 300000);
	assert_int_equal(limit_us(&f), 700000);
	inflight_sent(&f, 2, 400000);
	inflight_ack(&f, 2, false, 420000);
	assert_int_equal(limit_us(&f), 250000);
}

static void round_trip_of_a_ping_is_not_spoilt_by_the_first_pictures_size(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {.expected = true};

	assert_true(limit_us(&f) > 10000000); /* nothing is known */
	inflight_pong(&f, 0, 10000);
	inflight_sent(&f, 1, 20000);
	inflight_ack(&f, 1, false, 1000000);
	assert_int_equal(limit_us(&f), 250000);
}

static void long_round_trip_is_believed_once_confirmed(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {.expected = true};

	inflight_pong(&f, 0, 2000000); /* in one TLS record with an IDR */
	inflight_sent(&f, 1, 1000);
	assert_int_equal(inflight_ack(&f, 1, false, 2010000), 1);
	assert_int_equal(limit_us(&f), 700000);
	assert_true(inflight_may_be_nearer(&f, 250000));
	struct inflight far = f;
	inflight_sent(&far, 2, 2010000);
	assert_false(inflight_may_be_nearer(&far, 250000)); /* it is not known while that is out */
	inflight_ack(&far, 2, false, 4010000);
	inflight_pong(&far, 2010000, 4010000);
	assert_true(inflight_may_be_nearer(&far, 250000)); /* it was not alone */
	inflight_pong(&far, 4010000, 6010000);
	assert_int_equal(limit_us(&far), 2 * 2000000 + 100000);
	assert_false(inflight_may_be_nearer(&far, 250000)); /* asked once: now it is believed */
	inflight_pong(&f, 2010000, 2080000);
	assert_int_equal(limit_us(&f), 250000);
	assert_false(inflight_may_be_nearer(&f, 250000));
}

static void ping_that_was_not_alone_confirms_nothing(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {.expected = true};

	inflight_pong(&f, 0, 400000); /* nothing was ever sent: it may have been held up by more */
	inflight_sent(&f, 1, 400000);
	inflight_pong(&f, 400000, 800000); /* with a picture before it */
	inflight_ack(&f, 1, false, 800000);
	inflight_sent(&f, 2, 800000);
	inflight_pong(&f, 800000, 1200000); /* with one after it */
	inflight_ack(&f, 2, false, 1200000);
	inflight_sent(&f, 3, 1300000);
	inflight_ack(&f, 3, false, 1700000);
	inflight_pong(&f, 1200000, 1700000); /* one came and went meanwhile */
	assert_true(inflight_may_be_nearer(&f, 250000));
	inflight_pong(&f, 1700000, 2100000);
	assert_false(inflight_may_be_nearer(&f, 250000));
	inflight_sent(&f, 4, 2100000);
	inflight_pong(&f, 2100000, 2500000);
	assert_int_equal(limit_us(&f), 900000); /* once known, it stays known */
}

static void message_of_this_moment_is_just_sent(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {0};

	assert_false(inflight_has_just_sent(&f, 0));
	for (uint32_t i = 0; i < INFLIGHT_MAX + 1; i++)
		inflight_sent(&f, i, 1000 + i);
	assert_true(inflight_has_just_sent(&f, 1000 + INFLIGHT_MAX));
	assert_false(inflight_has_just_sent(&f, 1001 + INFLIGHT_MAX));
	inflight_ack(&f, INFLIGHT_MAX, false, 1000 + INFLIGHT_MAX);
	assert_false(inflight_has_just_sent(&f, 1000 + INFLIGHT_MAX));
}

static void limit_is_wider_while_tcp_begins(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {.expected = true};

	inflight_sent(&f, 1, 0);
	inflight_ack(&f, 1, false, 200000);
	assert_int_equal(inflight_limit_us(&f, 250000, 1000000, 1000000), 500000);
	inflight_pong(&f, 300000, 500000);
	assert_int_equal(inflight_limit_us(&f, 250000, 1000000, 1000000), 900000);
	assert_int_equal(inflight_limit_us(&f, 250000, 1000000, 2999999), 900000);
	assert_int_equal(inflight_limit_us(&f, 250000, 1000000, 3000000), 500000);
}

static void doubt_lasts_until_an_ack_or_a_pong_after_the_first_message(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {.expected = true};

	assert_false(inflight_is_in_doubt(&f, 0));
	inflight_sent(&f, 1, 1000);
	assert_true(inflight_is_in_doubt(&f, 1000)); /* no round trip known */
	inflight_pong(&f, 0, 20000);
	assert_false(inflight_is_in_doubt(&f, 121000));
	assert_true(inflight_is_in_doubt(&f, 121001));
	assert_false(inflight_says_nothing(&f));

	struct inflight silent = f, acking = f;
	inflight_pong(&silent, 121001, 141001);
	assert_false(inflight_is_in_doubt(&silent, 200000));
	assert_true(inflight_says_nothing(&silent));
	inflight_ack(&acking, 1, false, 150000);
	inflight_sent(&acking, 2, 160000);
	assert_false(inflight_is_in_doubt(&acking, 900000));
	inflight_ack(&silent, 1, false, 500000);
	assert_false(inflight_says_nothing(&silent));
}

static void ack_of_what_was_never_sent_settles_only_what_was(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {0};

	assert_int_equal(inflight_ack(&f, 7, false, 0), 0);
	inflight_sent(&f, 10, 0);
	assert_int_equal(inflight_ack(&f, 9, false, 10), 0);
	assert_int_equal(inflight_ack(&f, 1000, false, 10), 1);
}

static void seq_may_wrap(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {0};

	inflight_sent(&f, UINT32_MAX, 0);
	inflight_sent(&f, 0, 1);
	assert_int_equal(inflight_ack(&f, UINT32_MAX, false, 10), 1);
	assert_int_equal(inflight_ack(&f, 0, false, 11), 1);
}

static void full_list_stays_in_bounds(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {0};

	for (uint32_t i = 0; i < 3 * INFLIGHT_MAX; i++)
		inflight_sent(&f, i, i);
	assert_int_equal(f.count, INFLIGHT_MAX);
	assert_int_equal(inflight_ack(&f, 3 * INFLIGHT_MAX, false, 0), INFLIGHT_MAX);
}

static void first_ack_of_a_full_list_measures_the_newest(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {0};

	for (uint32_t i = 0; i < 3 * INFLIGHT_MAX; i++)
		inflight_sent(&f, i, i * 1000);
	assert_false(inflight_is_full(&f));
	assert_int_equal(inflight_ack(&f, 3 * INFLIGHT_MAX - 1, false, 3 * INFLIGHT_MAX * 1000),
			 INFLIGHT_MAX);
	assert_int_equal(f.rtt_min_us, 1000);
}

static void viewer_that_stops_acknowledging_fills_its_list(void **state)
{
	UNUSED_STATE(state);
	struct inflight f = {0};

	inflight_sent(&f, 0, 0);
	inflight_ack(&f, 0, false, 1000);
	for (uint32_t i = 1; i <= INFLIGHT_MAX; i++) {
		assert_false(inflight_is_full(&f));
		inflight_sent(&f, i, i);
	}
	assert_true(inflight_is_full(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(viewer_that_never_acknowledges_has_no_age),
		cmocka_unit_test(age_is_that_of_the_oldest_unacknowledged),
		cmocka_unit_test(what_was_gathered_settles_and_measures_nothing),
		cmocka_unit_test(what_was_sent_later_has_no_age),
		cmocka_unit_test(limit_grows_with_the_smallest_round_trip),
		cmocka_unit_test(round_trip_of_a_ping_is_not_spoilt_by_the_first_pictures_size),
		cmocka_unit_test(long_round_trip_is_believed_once_confirmed),
		cmocka_unit_test(ping_that_was_not_alone_confirms_nothing),
		cmocka_unit_test(message_of_this_moment_is_just_sent),
		cmocka_unit_test(limit_is_wider_while_tcp_begins),
		cmocka_unit_test(doubt_lasts_until_an_ack_or_a_pong_after_the_first_message),
		cmocka_unit_test(ack_of_what_was_never_sent_settles_only_what_was),
		cmocka_unit_test(seq_may_wrap),
		cmocka_unit_test(full_list_stays_in_bounds),
		cmocka_unit_test(first_ack_of_a_full_list_measures_the_newest),
		cmocka_unit_test(viewer_that_stops_acknowledging_fills_its_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
