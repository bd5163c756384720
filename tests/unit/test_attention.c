#include "tests/unit/unit.h"

#include "streamer/attention.h"

#define SECOND_US INT64_C(1000000)

static void among_some_dozens_everybody_is_listened_to(void **state)
{
	UNUSED_STATE(state);
	struct attention a;

	attention_begin(&a, 50, 1, SECOND_US);
	assert_false(attention_gathers(&a, ATTENTION_CROWD, true, 100 * SECOND_US));
	assert_false(a.gathered);
	assert_true(attention_gathers(&a, ATTENTION_CROWD + 1, true, 100 * SECOND_US));
	assert_true(a.gathered);
}

static void newcomer_is_listened_to_for_a_moment(void **state)
{
	UNUSED_STATE(state);
	struct attention a;

	attention_begin(&a, 50, 1, SECOND_US);
	assert_false(attention_gathers(&a, 100, true, SECOND_US));
	assert_false(attention_gathers(&a, 100, true, 2 * SECOND_US));
	assert_true(attention_gathers(&a, 100, true, 3 * SECOND_US));
}

static void who_does_not_keep_up_is_listened_to(void **state)
{
	UNUSED_STATE(state);
	struct attention a;

	attention_begin(&a, 50, 1, SECOND_US);
	assert_false(attention_gathers(&a, 100, false, 100 * SECOND_US));
}

static void pong_is_waited_for(void **state)
{
	UNUSED_STATE(state);
	struct attention a;

	attention_begin(&a, 50, 1, SECOND_US);
	assert_false(attention_awaits_pong(&a));
	attention_ping(&a, 10 * SECOND_US);
	assert_true(attention_awaits_pong(&a));
	assert_false(attention_gathers(&a, 100, true, 20 * SECOND_US));
	attention_pong(&a, 20 * SECOND_US);
	assert_false(attention_awaits_pong(&a));
	assert_true(attention_gathers(&a, 100, true, 20 * SECOND_US));
}

static void after_a_quick_pong_there_is_time_to_measure(void **state)
{
	UNUSED_STATE(state);
	struct attention a;

	attention_begin(&a, 50, 1, SECOND_US);
	attention_ping(&a, 10 * SECOND_US);
	attention_pong(&a, 10 * SECOND_US + 1);
	assert_false(attention_gathers(&a, 100, true, 10 * SECOND_US + 2));
}

static void what_waited_is_known_for_it_until_it_is_read(void **state)
{
	UNUSED_STATE(state);
	struct attention a;

	attention_begin(&a, 50, 1, SECOND_US);
	attention_gathers(&a, 100, true, 10 * SECOND_US);
	attention_heard(&a, true, 11 * SECOND_US);
	assert_true(a.gathered);
	assert_int_equal(a.heard_us, 11 * SECOND_US);

	/* Listened to again: the first that comes had waited, the second had not. */
	attention_hold(&a, 12 * SECOND_US);
	assert_false(attention_gathers(&a, 100, true, 12 * SECOND_US));
	assert_true(a.gathered);
	attention_heard(&a, false, 12 * SECOND_US);
	assert_false(a.gathered);
}

static void crowd_is_asked_to_acknowledge_less_often(void **state)
{
	UNUSED_STATE(state);

	struct attention a;

	attention_begin(&a, 50, ATTENTION_CROWD, SECOND_US);
	assert_int_equal(a.ack_ms, 50);
	assert_int_equal(a.spared_us, 0);
	attention_begin(&a, 50, ATTENTION_CROWD + 1, SECOND_US);
	assert_int_equal(a.ack_ms, 200);
	assert_int_equal(a.spared_us, 150000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(among_some_dozens_everybody_is_listened_to),
		cmocka_unit_test(newcomer_is_listened_to_for_a_moment),
		cmocka_unit_test(who_does_not_keep_up_is_listened_to),
		cmocka_unit_test(pong_is_waited_for),
		cmocka_unit_test(after_a_quick_pong_there_is_time_to_measure),
		cmocka_unit_test(what_waited_is_known_for_it_until_it_is_read),
		cmocka_unit_test(crowd_is_asked_to_acknowledge_less_often),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
