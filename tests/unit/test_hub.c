#include "tests/unit/hub_scene.h"

static void first_viewer_asks_for_an_idr_and_begins_at_it(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	uint32_t first;

	hub_subscribe(hub, &sub, 0, now_us);
	assert_int_equal(idr_requests, 1);
	publish(0);
	assert_int_equal(drain(&sub, NULL, NULL), 0);
	publish(AU_IDR);
	publish(0);
	assert_int_equal(drain(&sub, &first, NULL), 2);
	assert_int_equal(first, 1);
	assert_int_equal(sub.skipped_aus, 0);
	hub_unsubscribe(hub, &sub);
}

static void viewer_that_never_acknowledges_gets_every_picture(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	unsigned count = 0;

	hub_subscribe(hub, &sub, 0, now_us);
	publish(AU_IDR);
	for (unsigned i = 0; i < 3 * INFLIGHT_MAX; i++) {
		publish(0);
		count += drain(&sub, NULL, NULL);
	}
	assert_int_equal(count, 3 * INFLIGHT_MAX + 1);
	assert_int_equal(sub.skipped_aus, 0);
	hub_unsubscribe(hub, &sub);
}

static void viewer_joins_at_a_near_idr_in_the_ring(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	uint32_t first;

	publish(AU_IDR);
	publish(0);
	publish(0);
	hub_subscribe(hub, &sub, 0, now_us);
	assert_int_equal(idr_requests, 0);
	assert_int_equal(drain(&sub, &first, NULL), 3);
	assert_int_equal(first, 0);
	hub_unsubscribe(hub, &sub);
}

static void idr_that_is_old_or_far_is_not_joined_at(void **state)
{
	UNUSED_STATE(state);
	struct subscriber by_bytes, by_age;

	publish(AU_IDR);
	for (int i = 0; i < 11; i++)
		publish(0);
	hub_subscribe(hub, &by_bytes, 0, now_us);
	assert_int_equal(idr_requests, 1);
	assert_int_equal(drain(&by_bytes, NULL, NULL), 0);
	publish(AU_IDR);
	now_us += 600000;
	hub_subscribe(hub, &by_age, 0, now_us);
	assert_int_equal(idr_requests, 2);
	assert_int_equal(drain(&by_age, NULL, NULL), 0);
	hub_unsubscribe(hub, &by_bytes);
	hub_unsubscribe(hub, &by_age);
}

static void encoder_that_cannot_be_asked_means_replay_from_its_idr(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;

	hub_set_can_force_idr(hub, false);
	publish(AU_IDR);
	for (int i = 0; i < 40; i++)
		publish(0);
	hub_subscribe(hub, &sub, 0, now_us);
	assert_int_equal(drain(&sub, NULL, NULL), 41);
	assert_int_equal(idr_requests, 0);
	hub_unsubscribe(hub, &sub);
}

static void many_joins_are_one_request(void **state)
{
	UNUSED_STATE(state);
	struct subscriber subs[10];

	for (int i = 0; i < 10; i++)
		hub_subscribe(hub, &subs[i], 0, now_us);
	assert_int_equal(idr_requests, 1);
	publish(AU_IDR);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(drain(&subs[i], NULL, NULL), 1);
		hub_unsubscribe(hub, &subs[i]);
	}
}

static void joins_get_at_most_two_idrs_a_second(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;

	/* A second in which somebody joins after every picture, and every wish is granted. */
	for (int i = 0; i < 30; i++) {
		unsigned before = idr_requests;
		now_us += FRAME_US;
		hub_subscribe(hub, &sub, 0, now_us);
		publish(before != idr_requests ? AU_IDR : 0);
		publish_sized(0, 2000); /* too much to replay */
		hub_unsubscribe(hub, &sub);
	}
	assert_in_range(idr_requests, 2, 5);
}

static void wish_that_came_too_early_is_served_later(void **state)
{
	UNUSED_STATE(state);
	struct subscriber first, second;

	hub_subscribe(hub, &first, 0, now_us);
	publish(AU_IDR);
	publish_sized(0, 2000); /* too much to replay */
	hub_subscribe(hub, &second, 0, now_us);
	assert_int_equal(idr_requests, 1);
	for (int i = 0; i < 20; i++)
		publish(0);
	assert_int_equal(idr_requests, 2);
	hub_unsubscribe(hub, &first);
	hub_unsubscribe(hub, &second);
}

static void slow_viewer_resumes_at_an_idr(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	struct hub_message message;
	uint32_t first;

	hub_subscribe(hub, &sub, 0, now_us);
	publish(AU_IDR);
	assert_true(peek(&sub, &message));
	hub_advance(hub, &sub, 10, now_us); /* stuck in the middle */
	for (int i = 0; i < 20; i++)
		publish(0);
	assert_true(subscriber_mid_message(&sub));
	assert_true(peek(&sub, &message));
	assert_true(message.begun);
	assert_int_equal(message.seq, 0);
	assert_int_equal(message.iov[0].iov_len, AU_BYTES - 10);
	hub_advance(hub, &sub, AU_BYTES - 10, now_us);

	/* Unstuck: no P picture after the hole. */
	assert_false(peek(&sub, &message));
	assert_int_equal(idr_requests, 2);
	publish(AU_IDR);
	publish(0);
	assert_int_equal(drain(&sub, &first, NULL), 2);
	assert_int_equal(first, 21);
	assert_int_equal(sub.skipped_aus, 20);
	hub_unsubscribe(hub, &sub);
}

static void acknowledging_viewer_is_held_when_its_acks_are_late(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	uint32_t last = 0, first;

	hub_subscribe(hub, &sub, 1, now_us);
	hub_expect_acks(&sub, 0);
	publish(AU_IDR);
	drain(&sub, NULL, &last);
	now_us += 10000;
	assert_int_equal(hub_ack(hub, &sub, last, false, now_us, NULL), 1);

	/* The socket takes everything, but nothing arrives. */
	unsigned given = 0;
	for (int i = 0; i < 30; i++) {
		publish(0);
		given += drain(&sub, NULL, &last);
	}
	assert_in_range(given, 7, 10); /* 250 ms at 30 fps */

	/* It all arrives at once: on at the next IDR, not before. */
	hub_ack(hub, &sub, last, false, now_us, NULL);
	assert_int_equal(drain(&sub, NULL, NULL), 0);
	publish(AU_IDR);
	assert_int_equal(drain(&sub, &first, NULL), 1);
	assert_int_equal(first, 31);
	hub_unsubscribe(hub, &sub);
}

static void late_acknowledgement_is_no_reason_to_skip_while_nothing_is_due(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	struct hub_message message;

	hub_subscribe(hub, &sub, 0, now_us);
	hub_expect_acks(&sub, 0);
	publish(AU_IDR);
	drain(&sub, NULL, NULL);
	hub_ack(hub, &sub, 0, false, now_us, NULL);
	publish(0);
	drain(&sub, NULL, NULL);
	now_us += 2 * LAG_MAX_US; /* the camera stalls, and so does the link */
	assert_false(peek(&sub, &message));
	hub_ack(hub, &sub, 1, false, now_us, NULL);
	publish(0);
	assert_int_equal(drain(&sub, NULL, NULL), 1);
	assert_int_equal(sub.skipped_aus, 0);
	hub_unsubscribe(hub, &sub);
}

static void long_round_trip_is_no_lag(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	unsigned given = 0;

	join_acking(&sub, 0, 200000);
	now_us += 200000;
	hub_pong(&sub, now_us - 200000, now_us);
	/* From now on acknowledgements come ten pictures late: 333 ms, within 2 x 200 + 100. */
	for (uint32_t i = 1; i <= 60; i++) {
		publish(0);
		given += drain(&sub, NULL, NULL);
		if (i > 10)
			hub_ack(hub, &sub, i - 10, false, now_us, NULL);
	}
	assert_int_equal(given, 60);
	hub_unsubscribe(hub, &sub);
}

static void nothing_follows_the_ping_that_tells_a_long_way_from_a_slow_link(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	uint32_t last = 0;

	hub_subscribe(hub, &sub, 1, now_us);
	hub_expect_acks(&sub, 0);
	publish(AU_IDR);
	drain(&sub, NULL, &last);
	now_us += 200000;
	hub_pong(&sub, now_us - 200000, now_us); /* in one TLS record with that IDR */
	hub_ack(hub, &sub, last, false, now_us, NULL);
	int64_t ping_us = now_us;
	publish(0);
	assert_true(hub_wants_ping(hub, &sub, now_us));
	assert_int_equal(drain(&sub, NULL, &last), 0);
	hub_pong(&sub, ping_us, now_us);
	assert_false(hub_wants_ping(hub, &sub, now_us));
	assert_int_equal(drain(&sub, NULL, &last), 1);
	now_us += LAG_MAX_US;
	publish(0);
	assert_int_equal(drain(&sub, NULL, &last), 0); /* so near a viewer lags by now */
	hub_unsubscribe(hub, &sub);
}

static void ack_tells_when_its_message_was_published(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	int64_t publish_us = -1;

	hub_subscribe(hub, &sub, 1, now_us);
	hub_expect_acks(&sub, 0);
	publish(AU_IDR);
	int64_t published = now_us;
	drain(&sub, NULL, NULL);
	now_us += 5000;
	assert_int_equal(hub_ack(hub, &sub, 0, false, now_us, &publish_us), 1);
	assert_int_equal(publish_us, published);
	hub_unsubscribe(hub, &sub);
}

static void paused_viewer_gets_nothing_and_resumes_at_an_idr(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	uint32_t first;

	hub_subscribe(hub, &sub, 0, now_us);
	publish(AU_IDR);
	drain(&sub, NULL, NULL);
	hub_pause(&sub);
	for (int i = 0; i < 5; i++)
		publish(0);
	assert_int_equal(drain(&sub, NULL, NULL), 0);
	assert_int_equal(hub_lag_us(hub, &sub, now_us), 0);
	hub_resume(hub, &sub, now_us);
	assert_int_equal(drain(&sub, NULL, NULL), 0); /* never the IDR that it has seen */
	publish(AU_IDR);
	assert_int_equal(drain(&sub, &first, NULL), 1);
	assert_int_equal(first, 6);
	hub_unsubscribe(hub, &sub);
}

static void what_lies_before_its_first_message_was_not_skipped(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	struct hub_message message;

	publish(AU_IDR);
	hub_subscribe(hub, &sub, 0, now_us);
	for (int i = 0; i < 40; i++) /* it is to begin at the IDR, and its socket takes nothing */
		publish(0);
	assert_false(peek(&sub, &message));
	assert_int_equal(sub.skipped_aus, 0);
	publish(AU_IDR);
	assert_int_equal(drain(&sub, NULL, NULL), 1);
	assert_int_equal(sub.skipped_aus, 0);
	hub_unsubscribe(hub, &sub);
}

static void ring_keeps_to_its_bytes(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	struct hub_message message;

	publish(AU_IDR);
	hub_set_can_force_idr(hub, false);
	hub_subscribe(hub, &sub, 0, now_us);
	assert_true(peek(&sub, &message));
	hub_advance(hub, &sub, 1, now_us);
	assert_int_equal(hub_pinned_bytes(hub), 0);
	for (int i = 0; i < 3; i++)
		publish_sized(0, 400 << 10);
	/* The IDR fell out of the ring; the viewer in the middle of it holds it. */
	assert_int_equal(hub_pinned_bytes(hub), AU_BYTES);
	hub_unsubscribe(hub, &sub);
	assert_int_equal(hub_pinned_bytes(hub), 0);
}

static void access_unit_larger_than_the_ring_is_still_given(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;

	hub_subscribe(hub, &sub, 0, now_us);
	publish_sized(AU_IDR, 2 << 20);
	assert_int_equal(drain(&sub, NULL, NULL), 1);
	publish(0);
	assert_int_equal(drain(&sub, NULL, NULL), 1);
	hub_unsubscribe(hub, &sub);
}

static void nobody_joins_at_what_was_cleared(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;

	publish(AU_IDR);
	hub_clear(hub);
	hub_subscribe(hub, &sub, 0, now_us);
	assert_int_equal(drain(&sub, NULL, NULL), 0);
	publish(AU_IDR);
	assert_int_equal(drain(&sub, NULL, NULL), 1);
	hub_unsubscribe(hub, &sub);
}

struct survey {
	unsigned count, lagged, carried_bps;
};

static void on_carried(void *arg, bool lagged, unsigned carried_bps)
{
	struct survey *survey = arg;

	survey->count++;
	survey->lagged += lagged;
	survey->carried_bps = carried_bps;
}

static struct survey survey(void)
{
	struct survey survey = {0};

	hub_survey(hub, now_us, on_carried, &survey);
	return survey;
}

static void survey_tells_what_a_lagging_link_carries(void **state)
{
	UNUSED_STATE(state);
	struct subscriber sub;
	unsigned busy = 0;

	hub_subscribe(hub, &sub, 0, now_us);
	hub_expect_acks(&sub, 0);
	publish(AU_IDR);
	drain(&sub, NULL, NULL);
	hub_ack(hub, &sub, 0, false, now_us, NULL);
	/* A picture takes two frame times: half of them fit through, and it falls behind. */
	for (unsigned i = 1; i < 100; i++) {
		publish(i % 20 == 0 ? AU_IDR : 0);
		if (sub.inflight.count > 0 && ++busy % 2 == 0)
			hub_ack(hub, &sub, sub.inflight.message[sub.inflight.head].seq, false,
				now_us, NULL);
		drain(&sub, NULL, NULL);
		if (i == 5)
			assert_int_equal(survey().count, 0); /* came a moment ago */
		if (i == 65)
			survey();
	}
	assert_true(sub.skipped_aus > 0);
	struct survey seen = survey();
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.lagged, 1);
	assert_in_range(seen.carried_bps, AU_BYTES * 8 * 14, AU_BYTES * 8 * 20);
	hub_unsubscribe(hub, &sub);
}

static void survey_is_of_those_who_acknowledge_and_watch(void **state)
{
	UNUSED_STATE(state);
	struct subscriber raw, paused, good;

	hub_subscribe(hub, &raw, 0, now_us);
	hub_subscribe(hub, &paused, 1, now_us);
	hub_expect_acks(&paused, 0);
	hub_subscribe(hub, &good, 1, now_us);
	hub_expect_acks(&good, 0);
	for (uint32_t i = 0; i < 90; i++) {
		publish(i == 0 ? AU_IDR : 0);
		if (i == 70)
			hub_pause(&paused);
		drain(&raw, NULL, NULL);
		drain(&good, NULL, NULL);
		drain(&paused, NULL, NULL);
		hub_ack(hub, &good, i, false, now_us, NULL);
		hub_ack(hub, &paused, i, false, now_us, NULL);
	}
	struct survey seen = survey();
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.lagged, 0);
	/* Stalled since: it lags, and nothing can be said of what it carries. */
	for (unsigned i = 0; i < 20; i++) {
		publish(0);
		drain(&good, NULL, NULL);
	}
	seen = survey();
	assert_int_equal(seen.lagged, 1);
	assert_int_equal(seen.carried_bps, 0);
	hub_unsubscribe(hub, &raw);
	hub_unsubscribe(hub, &paused);
	hub_unsubscribe(hub, &good);
}

static void messages_carry_their_framing(void **state)
{
	UNUSED_STATE(state);
	struct subscriber bare, framed;
	struct hub_message message;

	hub_subscribe(hub, &bare, 0, now_us);
	hub_subscribe(hub, &framed, 1, now_us);
	publish(AU_IDR);
	assert_true(peek(&bare, &message));
	assert_int_equal(message.iov_count, 1);
	assert_true(peek(&framed, &message));
	assert_int_equal(message.iov_count, 2);
	assert_int_equal(message.iov[0].iov_len, 4);
	/* One byte of the header, then the rest of it. */
	hub_advance(hub, &framed, 1, now_us);
	assert_true(peek(&framed, &message));
	assert_int_equal(message.iov[0].iov_len, 3);
	hub_advance(hub, &framed, 3, now_us);
	assert_true(peek(&framed, &message));
	assert_int_equal(message.iov_count, 1);
	assert_int_equal(message.iov[0].iov_len, AU_BYTES);
	hub_unsubscribe(hub, &bare);
	hub_unsubscribe(hub, &framed);
}

static void live_seq_and_format_are_the_newest(void **state)
{
	UNUSED_STATE(state);

	assert_null(hub_format(hub));
	assert_int_equal(hub_live_seq(hub), UINT32_MAX);
	publish(AU_IDR);
	publish(0);
	assert_non_null(hub_format(hub));
	assert_int_equal(hub_live_seq(hub), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_hub, free_hub)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_viewer_asks_for_an_idr_and_begins_at_it),
		TEST(viewer_that_never_acknowledges_gets_every_picture),
		TEST(viewer_joins_at_a_near_idr_in_the_ring),
		TEST(idr_that_is_old_or_far_is_not_joined_at),
		TEST(encoder_that_cannot_be_asked_means_replay_from_its_idr),
		TEST(many_joins_are_one_request),
		TEST(joins_get_at_most_two_idrs_a_second),
		TEST(wish_that_came_too_early_is_served_later),
		TEST(slow_viewer_resumes_at_an_idr),
		TEST(acknowledging_viewer_is_held_when_its_acks_are_late),
		TEST(late_acknowledgement_is_no_reason_to_skip_while_nothing_is_due),
		TEST(long_round_trip_is_no_lag),
		TEST(nothing_follows_the_ping_that_tells_a_long_way_from_a_slow_link),
		TEST(ack_tells_when_its_message_was_published),
		TEST(paused_viewer_gets_nothing_and_resumes_at_an_idr),
		TEST(what_lies_before_its_first_message_was_not_skipped),
		TEST(ring_keeps_to_its_bytes),
		TEST(access_unit_larger_than_the_ring_is_still_given),
		TEST(nobody_joins_at_what_was_cleared),
		TEST(survey_tells_what_a_lagging_link_carries),
		TEST(survey_is_of_those_who_acknowledge_and_watch),
		TEST(messages_carry_their_framing),
		TEST(live_seq_and_format_are_the_newest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
