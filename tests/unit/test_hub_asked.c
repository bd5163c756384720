/* The hub and what its owner asks of it while people watch. */
#include "tests/unit/hub_scene.h"

static void who_asks_hears_whether_an_idr_is_awaited_already(void **state)
{
	UNUSED_STATE(state);
	publish(AU_IDR);
	assert_true(hub_request_idr(hub, now_us));
	assert_int_equal(idr_requests, 1);
	assert_false(hub_request_idr(hub, now_us));
	publish(AU_IDR);
	/* The budget does not allow the next yet: it is awaited all the same. */
	assert_true(hub_request_idr(hub, now_us));
	assert_false(hub_request_idr(hub, now_us));
	assert_int_equal(idr_requests, 1);
	now_us += BUDGET_US;
	publish(0);
	assert_int_equal(idr_requests, 2);
}

/* Is a viewer that was stuck for 20 pictures spared any? */
static bool skips_with(int64_t lag_max_us)
{
	struct subscriber sub;
	struct hub_message message;

	hub_set_lag_max(hub, lag_max_us);
	hub_subscribe(hub, &sub, 0, now_us);
	publish(AU_IDR);
	assert_true(hub_peek(hub, &sub, now_us, &message));
	hub_advance(hub, &sub, 10, now_us);
	for (int i = 0; i < 20; i++)
		publish(0);
	assert_true(hub_peek(hub, &sub, now_us, &message));
	hub_advance(hub, &sub, AU_BYTES - 10, now_us);
	hub_peek(hub, &sub, now_us, &message);
	publish(AU_IDR);
	hub_peek(hub, &sub, now_us, &message);
	bool skipped = sub.skipped_aus > 0;
	hub_unsubscribe(hub, &sub);
	return skipped;
}

static void lag_allowed_can_change_while_people_watch(void **state)
{
	UNUSED_STATE(state);
	assert_true(skips_with(LAG_MAX_US));
	assert_false(skips_with(10 * LAG_MAX_US));
	assert_true(skips_with(LAG_MAX_US));
}

static void newest_idr_is_shown_as_long_as_it_is_kept(void **state)
{
	UNUSED_STATE(state);
	int64_t publish_us = 0;

	assert_null(hub_newest_idr(hub, &publish_us));
	publish(AU_IDR);
	publish(0);
	publish_sized(AU_IDR, AU_BYTES + 1);
	int64_t idr_us = now_us;
	publish(0);
	const struct au *idr = hub_newest_idr(hub, &publish_us);
	assert_int_equal(idr->size, AU_BYTES + 1);
	assert_int_equal(publish_us, idr_us);
	for (int i = 0; i < 64; i++)
		publish(0);
	assert_null(hub_newest_idr(hub, &publish_us));
	publish(AU_IDR);
	assert_non_null(hub_newest_idr(hub, &publish_us));
	hub_clear(hub);
	assert_null(hub_newest_idr(hub, &publish_us));
}

static void who_is_asked_to_acknowledge_less_has_so_much_longer(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	uint32_t last = 0;
	unsigned given = 0;

	join_acking(&sub, 150000, 10000);
	assert_false(hub_must_hear(hub, &sub, now_us));
	for (int i = 0; i < 30; i++) {
		publish(0);
		given += drain(&sub, NULL, &last);
		if (given == 9) /* 250 ms: its words may not wait for longer */
			assert_true(hub_must_hear(hub, &sub, now_us));
	}
	assert_in_range(given, 11, 14); /* 400 ms at 30 fps */
	assert_false(hub_keeps_up(hub, &sub, now_us));

	/* It fell behind: now it has as long as anybody. */
	hub_ack(hub, &sub, last, false, now_us, NULL);
	publish(AU_IDR);
	assert_int_equal(drain(&sub, NULL, &last), 1);
	hub_ack(hub, &sub, last, false, now_us, NULL);
	given = 0;
	for (int i = 0; i < 30; i++) {
		publish(0);
		given += drain(&sub, NULL, &last);
	}
	assert_in_range(given, 7, 10);
	hub_unsubscribe(hub, &sub);
}

static void who_gets_all_that_comes_keeps_up(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;

	join_acking(&sub, 0, 0);
	assert_false(hub_keeps_up(hub, &sub, now_us)); /* one picture is not much */
	publish(0);
	assert_false(hub_keeps_up(hub, &sub, now_us)); /* it has not got that */
	drain(&sub, NULL, NULL);
	assert_true(hub_keeps_up(hub, &sub, now_us));
	assert_false(hub_keeps_up(hub, &sub, now_us + 1000000)); /* nothing comes */
	now_us += 1000000;
	publish(0);
	drain(&sub, NULL, NULL);
	assert_false(hub_keeps_up(hub, &sub, now_us)); /* one a second */
	hub_pause(&sub);
	assert_false(hub_keeps_up(hub, &sub, now_us));
	hub_unsubscribe(hub, &sub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_hub, free_hub)
		TEST(who_asks_hears_whether_an_idr_is_awaited_already),
		TEST(lag_allowed_can_change_while_people_watch),
		TEST(newest_idr_is_shown_as_long_as_it_is_kept),
		TEST(who_is_asked_to_acknowledge_less_has_so_much_longer),
		TEST(who_gets_all_that_comes_keeps_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
