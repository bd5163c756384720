/* What is lost, broken or too large: dropped to the next IDR, and never a stall. */
#include "tests/unit/unit.h"

#include "streamer/splitter.h"
#include "tests/unit/h264_write.h"
#include "tests/unit/splitter_show.h"

static void nothing_comes_before_the_first_idr(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_p(&s, 4); /* of unknown parameter sets */
	put_sets(&s);
	put_p(&s, 5);
	put_p(&s, 6);
	put_idr(&s);
	put_p(&s, 1);
	assert_splits(&s, "I!7,8,5 P1 ");
}

static void stream_that_begins_at_an_idr_is_no_discontinuity(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};
	struct splitter *splitter = splitter_new();
	struct splitter_stats stats;
	struct shown out = {.len = 0};

	h264_byte(&s, 'x');
	h264_byte(&s, 0);
	h264_byte(&s, 'x');
	put_sets(&s);
	put_idr(&s);
	splitter_feed(splitter, s.bytes, s.size);
	splitter_flush(splitter);
	collect_all(splitter, &out);
	assert_string_equal(out.text, "I7,8,5 ");
	splitter_get_stats(splitter, &stats);
	assert_int_equal(stats.bytes_skipped, 3);
	assert_int_equal(stats.aus, 1);
	assert_int_equal(stats.aus_dropped, 0);
	splitter_free(splitter);
}

static void lost_picture_drops_all_to_the_next_idr(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	put_p(&s, 1);
	put_p(&s, 3);
	put_p(&s, 4);
	put_idr(&s);
	put_p(&s, 1);
	assert_splits(&s, "I7,8,5 P1 I!7,8,5 P1 ");
}

static void lost_idr_drops_all_to_the_next(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	for (unsigned i = 1; i < 20; i++)
		put_p(&s, i % 16);
	put_p(&s, 1); /* the IDR before it is missing */
	put_p(&s, 2);
	put_idr(&s);
	assert_splits(&s, "I7,8,5 P1 P1 P1 P1 P1 P1 P1 P1 P1 P1 P1 P1 P1 P1 P1 P1 P1 P1 P1 "
			  "I!7,8,5 ");
}

static void gap_is_no_loss_where_the_sps_allows_it(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};
	const struct h264_sps sps = {.poc_type = 2, .refs = 1, .gaps = true};

	h264_sps(&s, &sps);
	h264_pps(&s, &pps0);
	h264_slice(&s, &sps, &pps0, &(struct h264_slice){.idr = true});
	h264_slice(&s, &sps, &pps0, &(struct h264_slice){.frame_num = 5});
	assert_splits(&s, "I7,8,5 P1 ");
}

static void pictures_that_are_no_reference_make_no_gap(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.frame_num = 1, .non_ref = true});
	put_p(&s, 1);
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.frame_num = 2, .non_ref = true});
	put_p(&s, 2);
	assert_splits(&s, "I7,8,5 P1 P1 P1 P1 ");
}

static void frame_num_counts_from_zero_after_operation_5(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	put_p(&s, 1);
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.frame_num = 2, .mmco5 = true});
	put_p(&s, 1);
	put_p(&s, 2);
	put_p(&s, 4);
	assert_splits(&s, "I7,8,5 P1 P1 P1 P1 ");
}

static void slice_of_an_unknown_pps_drops_to_the_next_idr(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	put_p(&s, 1);
	h264_other(&s, SEI_HEADER, 3);
	h264_slice(&s, &sps0, &(struct h264_pps){.id = 77}, &(struct h264_slice){.frame_num = 2});
	put_p(&s, 3);
	put_idr(&s);
	assert_splits(&s, "I7,8,5 P1 I!7,8,5 ");
}

static void idr_with_an_unreadable_slice_is_dropped_whole(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	h264_nal(&s, 0x65, (struct h264_bits){.count = 24}); /* first_mb without an end */
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.idr = true, .first_mb = 8});
	put_p(&s, 1);
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.idr = true, .idr_pic_id = 1});
	put_p(&s, 1);
	assert_splits(&s, "I!7,8,5 P1 ");
}

static void parameter_sets_that_cannot_be_read_change_nothing(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};
	struct splitter *splitter = splitter_new();
	struct splitter_stats stats;
	struct shown out = {.len = 0};

	put_sets(&s);
	put_idr(&s);
	h264_nal(&s, 0x67, (struct h264_bits){.bytes = {66, 0, 30}, .count = 60});
	h264_nal(&s, 0x68, (struct h264_bits){.count = 40});
	h264_nal(&s, 0xe8, h264_pps_rbsp(&(struct h264_pps){.qp = 9}));
	put_p(&s, 1);
	splitter_feed(splitter, s.bytes, s.size);
	splitter_flush(splitter);
	collect_all(splitter, &out);
	assert_string_equal(out.text, "I7,8,5 P1 ");
	splitter_get_stats(splitter, &stats);
	assert_int_equal(stats.nals_damaged, 3);
	splitter_free(splitter);
}

static void feed_filling(struct splitter *s, size_t size)
{
	static const uint8_t filling[4096] = {0x55, [4095] = 0x55};

	for (size_t fed = 0; fed < size; fed += sizeof(filling))
		assert_int_equal(splitter_feed(s, filling, sizeof(filling)), 0);
}

static void access_unit_over_the_limit_is_dropped_to_the_next_idr(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream head = {.size = 0}, tail = {.size = 0};
	struct splitter *splitter = splitter_new();
	struct shown out = {.len = 0};

	put_sets(&head);
	put_idr(&head);
	put_p(&head, 1);
	put_p(&tail, 2);
	put_idr(&tail);
	splitter_feed(splitter, head.bytes, head.size);
	feed_filling(splitter, AU_MAX_BYTES);
	splitter_feed(splitter, tail.bytes, tail.size);
	splitter_flush(splitter);
	collect_all(splitter, &out);
	assert_string_equal(out.text, "I7,8,5 I!7,8,5 ");
	splitter_free(splitter);
}

static void large_access_unit_under_the_limit_passes(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream head = {.size = 0};
	struct splitter *splitter = splitter_new();
	struct au *au = NULL;

	put_sets(&head);
	put_idr(&head);
	splitter_feed(splitter, head.bytes, head.size);
	feed_filling(splitter, AU_MAX_BYTES - 8192);
	splitter_flush(splitter);
	assert_int_equal(splitter_collect(splitter, &au), 0);
	assert_true(au->size > AU_MAX_BYTES - 8192);
	assert_int_equal(au->capacity, au->size);
	au_unref(au);
	splitter_free(splitter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_comes_before_the_first_idr),
		cmocka_unit_test(stream_that_begins_at_an_idr_is_no_discontinuity),
		cmocka_unit_test(lost_picture_drops_all_to_the_next_idr),
		cmocka_unit_test(lost_idr_drops_all_to_the_next),
		cmocka_unit_test(gap_is_no_loss_where_the_sps_allows_it),
		cmocka_unit_test(pictures_that_are_no_reference_make_no_gap),
		cmocka_unit_test(frame_num_counts_from_zero_after_operation_5),
		cmocka_unit_test(slice_of_an_unknown_pps_drops_to_the_next_idr),
		cmocka_unit_test(idr_with_an_unreadable_slice_is_dropped_whole),
		cmocka_unit_test(parameter_sets_that_cannot_be_read_change_nothing),
		cmocka_unit_test(access_unit_over_the_limit_is_dropped_to_the_next_idr),
		cmocka_unit_test(large_access_unit_under_the_limit_passes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
