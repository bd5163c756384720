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

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_hub, free_hub)
		TEST(who_asks_hears_whether_an_idr_is_awaited_already),
		TEST(lag_allowed_can_change_while_people_watch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
