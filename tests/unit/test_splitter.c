#include "tests/unit/unit.h"

#include <errno.h>

#include "streamer/splitter.h"
#include "tests/unit/chunks.h"
#include "tests/unit/h264_write.h"
#include "tests/unit/splitter_show.h"

static void slices_in_any_order_make_one_access_unit(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};
	static const unsigned order[] = {8, 0, 12, 4};

	put_sets(&s);
	for (size_t i = 0; i < 4; i++)
		h264_slice(&s, &sps0, &pps0,
			   &(struct h264_slice){.idr = true, .first_mb = order[i]});
	for (size_t i = 0; i < 4; i++)
		h264_slice(&s, &sps0, &pps0,
			   &(struct h264_slice){.frame_num = 1, .first_mb = order[i]});
	assert_splits(&s, "I7,8,5,5,5,5 P1,1,1,1 ");
}

/* After an IDR come two slices with these headers; is the second another picture's? */
struct pair {
	const char *what;
	struct h264_sps sps;
	struct h264_pps pps;
	struct h264_slice a, b;
	bool another;
};

static const struct pair pairs[] = {
	{"same header",
	 {.poc_type = 2},
	 {.id = 0},
	 {.frame_num = 1},
	 {.frame_num = 1, .first_mb = 8},
	 false},
	{"frame_num",
	 {.poc_type = 2},
	 {.id = 0},
	 {.frame_num = 1},
	 {.frame_num = 2, .first_mb = 8},
	 true},
	{"nal_ref_idc zero",
	 {.poc_type = 2},
	 {.id = 0},
	 {.frame_num = 1},
	 {.frame_num = 1, .first_mb = 8, .non_ref = true},
	 true},
	{"field_pic_flag",
	 {.poc_type = 2, .fields = true},
	 {.id = 0},
	 {.frame_num = 1},
	 {.frame_num = 1, .first_mb = 8, .field = true},
	 true},
	{"bottom_field_flag",
	 {.poc_type = 2, .fields = true},
	 {.id = 0},
	 {.frame_num = 1, .field = true},
	 {.frame_num = 1, .first_mb = 8, .field = true, .bottom = true},
	 true},
	{"same bottom field",
	 {.poc_type = 2, .fields = true},
	 {.id = 0},
	 {.frame_num = 1, .field = true, .bottom = true},
	 {.frame_num = 1, .first_mb = 8, .field = true, .bottom = true},
	 false},
	{"pic_order_cnt_lsb",
	 {.poc_type = 0},
	 {.id = 0},
	 {.frame_num = 1, .poc_lsb = 2},
	 {.frame_num = 1, .first_mb = 8, .poc_lsb = 4},
	 true},
	{"same pic_order_cnt_lsb",
	 {.poc_type = 0, .log2_max_poc_lsb = 16},
	 {.id = 0},
	 {.frame_num = 1, .poc_lsb = 40000},
	 {.frame_num = 1, .first_mb = 8, .poc_lsb = 40000},
	 false},
	{"delta_pic_order_cnt_bottom",
	 {.poc_type = 0},
	 {.pic_order_present = true},
	 {.frame_num = 1, .delta_bottom = -1},
	 {.frame_num = 1, .first_mb = 8, .delta_bottom = 1},
	 true},
	{"delta_pic_order_cnt[0]",
	 {.poc_type = 1},
	 {.id = 0},
	 {.frame_num = 1, .delta0 = -3},
	 {.frame_num = 1, .first_mb = 8, .delta0 = 3},
	 true},
	{"delta_pic_order_cnt[1]",
	 {.poc_type = 1},
	 {.pic_order_present = true},
	 {.frame_num = 1, .delta0 = 2, .delta1 = -1},
	 {.frame_num = 1, .first_mb = 8, .delta0 = 2, .delta1 = 1},
	 true},
	{"same deltas",
	 {.poc_type = 1},
	 {.pic_order_present = true},
	 {.frame_num = 1, .delta0 = 2, .delta1 = -1},
	 {.frame_num = 1, .first_mb = 8, .delta0 = 2, .delta1 = -1},
	 false},
	{"deltas always zero",
	 {.poc_type = 1, .delta_always_zero = true},
	 {.pic_order_present = true},
	 {.frame_num = 1},
	 {.frame_num = 1, .first_mb = 8},
	 false},
	{"IdrPicFlag",
	 {.poc_type = 2},
	 {.id = 0},
	 {.frame_num = 0},
	 {.idr = true, .first_mb = 8},
	 true},
	{"idr_pic_id",
	 {.poc_type = 2},
	 {.id = 0},
	 {.idr = true, .idr_pic_id = 1},
	 {.idr = true, .idr_pic_id = 2, .first_mb = 8},
	 true},
	{"same idr_pic_id",
	 {.poc_type = 2},
	 {.id = 0},
	 {.idr = true, .idr_pic_id = 65535},
	 {.idr = true, .idr_pic_id = 65535, .first_mb = 8},
	 false},
	{"same first macroblock",
	 {.poc_type = 2},
	 {.id = 0},
	 {.idr = true, .idr_pic_id = 1, .first_mb = 8},
	 {.idr = true, .idr_pic_id = 1, .first_mb = 8},
	 true},
	{"redundant_pic_cnt",
	 {.poc_type = 2},
	 {.redundant_pic_cnt_present = true},
	 {.frame_num = 1, .first_mb = 8},
	 {.frame_num = 1, .first_mb = 8, .redundant = 1},
	 false},
};

static void picture_begins_where_7_4_1_2_4_says(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct pair *p = &pairs[i];
		struct h264_stream s = {.size = 0};
		struct splitter *splitter = splitter_new();
		struct au *au;
		int count = 0;

		h264_sps(&s, &p->sps);
		h264_pps(&s, &p->pps);
		h264_slice(&s, &p->sps, &p->pps, &(struct h264_slice){.idr = true});
		h264_slice(&s, &p->sps, &p->pps, &p->a);
		h264_slice(&s, &p->sps, &p->pps, &p->b);
		splitter_feed(splitter, s.bytes, s.size);
		splitter_flush(splitter);
		for (; splitter_collect(splitter, &au) == 0; count++)
			au_unref(au);
		splitter_free(splitter);
		if (count != (p->another ? 3 : 2))
			fail_msg("%s: %d access units", p->what, count);
	}
}

static void another_pps_begins_a_picture(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};
	const struct h264_pps pps1 = {.id = 255, .qp = 3};

	put_sets(&s);
	h264_pps(&s, &pps1);
	put_idr(&s);
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.frame_num = 1});
	h264_slice(&s, &sps0, &pps1, &(struct h264_slice){.frame_num = 1, .first_mb = 8});
	assert_splits(&s, "I7,8,8,5 P1 P1 ");
}

static void redundant_slices_stay_in_their_access_unit(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};
	const struct h264_pps pps = {.redundant_pic_cnt_present = true};

	h264_sps(&s, &sps0);
	h264_pps(&s, &pps);
	h264_slice(&s, &sps0, &pps, &(struct h264_slice){.idr = true});
	h264_slice(&s, &sps0, &pps, &(struct h264_slice){.idr = true, .redundant = 1});
	h264_slice(&s, &sps0, &pps, &(struct h264_slice){.frame_num = 1});
	h264_slice(&s, &sps0, &pps, &(struct h264_slice){.frame_num = 1, .redundant = 1});
	h264_slice(&s, &sps0, &pps, &(struct h264_slice){.frame_num = 1, .redundant = 127});
	h264_slice(&s, &sps0, &pps, &(struct h264_slice){.frame_num = 1, .first_mb = 8});
	assert_splits(&s, "I7,8,5,5 P1,1,1,1 ");
}

static void delimiters_and_fillers_are_left_out(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	h264_other(&s, AUD_HEADER, 1);
	put_sets(&s);
	h264_other(&s, SEI_HEADER, 9);
	put_idr(&s);
	h264_other(&s, NAL_FILLER_HEADER, 50);
	h264_other(&s, AUD_HEADER, 1);
	h264_other(&s, SEI_HEADER, 9);
	put_p(&s, 1);
	h264_byte(&s, 0);
	h264_byte(&s, 0);
	h264_byte(&s, 0);
	h264_other(&s, NAL_END_OF_SEQUENCE, 0);
	put_idr(&s);
	h264_other(&s, NAL_END_OF_STREAM, 0);
	assert_splits(&s, "I7,8,6,5 P6,1 I7,8,5 ");
}

static void scalable_and_multiview_units_are_left_out(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	h264_other(&s, 0x6f, 20); /* subset SPS */
	h264_other(&s, 0x6e, 3);  /* prefix NAL unit: before each slice */
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.idr = true});
	h264_other(&s, 0x6e, 3);
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.idr = true, .first_mb = 8});
	h264_other(&s, 0x74, 30); /* the other view */
	h264_other(&s, 0x4e, 3);
	put_p(&s, 1);
	h264_other(&s, 0x54, 30);
	assert_splits(&s, "I7,8,5,5 P1 ");
}

static void short_start_codes_become_long_ones(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	h264_start_code(&s, 3);
	h264_nal_bytes(&s, 0x67, h264_sps_rbsp(&sps0));
	h264_start_code(&s, 3);
	h264_nal_bytes(&s, 0x68, h264_pps_rbsp(&pps0));
	h264_start_code(&s, 3);
	h264_nal_bytes(&s, 0x65, h264_slice_rbsp(&sps0, &pps0, &(struct h264_slice){.idr = true}));
	h264_start_code(&s, 7);
	h264_nal_bytes(&s, 0x41,
		       h264_slice_rbsp(&sps0, &pps0, &(struct h264_slice){.frame_num = 1}));
	assert_splits(&s, "I7,8,5 P1 ");
}

static void every_idr_has_all_its_parameter_sets(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	h264_pps(&s, &(struct h264_pps){.id = 7});
	h264_pps(&s, &(struct h264_pps){.id = 3, .sps_id = 9}); /* of no picture here */
	put_idr(&s);
	put_p(&s, 1);
	h264_other(&s, SEI_HEADER, 4);
	put_idr(&s);
	assert_splits(&s, "I7,8,8,5 P1 I7,8,8,6,5 ");
}

static void changed_pps_comes_before_its_use_and_a_repeated_one_does_not(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	put_sets(&s);
	put_p(&s, 1);
	h264_other(&s, SEI_HEADER, 4);
	h264_pps(&s, &(struct h264_pps){.qp = 5});
	put_p(&s, 2);
	put_p(&s, 3);
	put_idr(&s);
	assert_splits(&s, "I7,8,5 P1 P8,6,1 P1 I7,8,5 ");
}

static void access_unit_is_complete_with_the_next_header(void **state)
{
	UNUSED_STATE(state);
	static const uint8_t delimiter[] = {0, 0, 0, 1, AUD_HEADER};
	struct h264_stream s = {.size = 0}, next = {.size = 0};
	struct splitter *splitter = splitter_new();
	struct shown out = {.len = 0};
	struct au *au;

	put_sets(&s);
	put_idr(&s);
	splitter_feed(splitter, s.bytes, s.size);
	assert_int_equal(splitter_collect(splitter, &au), -EAGAIN);
	assert_null(splitter_sps(splitter));
	splitter_feed(splitter, delimiter, sizeof(delimiter));
	collect_all(splitter, &out);
	assert_string_equal(out.text, "I7,8,5 ");
	h264_slice(&next, &sps0, &pps0, &(struct h264_slice){.frame_num = 1, .data_bytes = 500});
	splitter_feed(splitter, next.bytes, next.size);
	next.size = 0;
	h264_slice(&next, &sps0, &pps0, &(struct h264_slice){.frame_num = 1, .first_mb = 8});
	splitter_feed(splitter, next.bytes, next.size);
	assert_int_equal(splitter_collect(splitter, &au), -EAGAIN);
	next.size = 0;
	h264_slice(&next, &sps0, &pps0, &(struct h264_slice){.frame_num = 2, .data_bytes = 500});
	splitter_feed(splitter, next.bytes, 8); /* start code and slice header */
	collect_all(splitter, &out);
	assert_string_equal(out.text, "I7,8,5 P1,1 ");
	splitter_free(splitter);
}

static void flush_completes_a_picture_and_keeps_what_waits_for_one(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream sets = {.size = 0}, idr = {.size = 0}, p = {.size = 0};
	struct splitter *splitter = splitter_new();
	struct shown out = {.len = 0};

	put_sets(&sets);
	h264_other(&sets, SEI_HEADER, 4);
	put_idr(&idr);
	put_p(&p, 1);
	splitter_feed(splitter, sets.bytes, sets.size);
	splitter_flush(splitter);
	splitter_feed(splitter, idr.bytes, idr.size);
	splitter_flush(splitter);
	collect_all(splitter, &out);
	assert_string_equal(out.text, "I7,8,6,5 ");
	splitter_feed(splitter, p.bytes, p.size);
	splitter_flush(splitter);
	splitter_flush(splitter);
	collect_all(splitter, &out);
	assert_string_equal(out.text, "I7,8,6,5 P1 ");
	splitter_free(splitter);
}

static void splitter_with_units_uncollected_is_freed(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};
	struct splitter *splitter = splitter_new();

	put_sets(&s);
	put_idr(&s);
	put_p(&s, 1);
	put_p(&s, 2);
	splitter_feed(splitter, s.bytes, s.size);
	splitter_free(splitter);
	splitter_free(NULL);
}

struct cut_test {
	struct h264_stream stream;
	struct shown expected;
};

static void check_cut(void *ctx, struct chunks *c)
{
	struct cut_test *t = ctx;
	struct splitter *splitter = splitter_new();
	struct shown out = {.len = 0};

	for (size_t n; (n = chunks_next(c)) > 0; c->pos += n)
		splitter_feed(splitter, t->stream.bytes + c->pos, n);
	splitter_flush(splitter);
	collect_all(splitter, &out);
	if (t->expected.len == 0)
		t->expected = out;
	assert_string_equal(out.text, t->expected.text);
	splitter_free(splitter);
}

static void cutting_the_bytes_changes_nothing(void **state)
{
	UNUSED_STATE(state);
	static struct cut_test t;
	struct h264_stream *s = &t.stream;

	put_p(s, 9);
	h264_other(s, AUD_HEADER, 1);
	put_sets(s);
	h264_other(s, SEI_HEADER, 20);
	put_idr(s);
	h264_other(s, NAL_FILLER_HEADER, 10);
	put_p(s, 1);
	h264_pps(s, &(struct h264_pps){.qp = 20});
	put_p(s, 2);
	put_p(s, 5);
	h264_nal(s, 0x41, (struct h264_bits){.count = 64});
	h264_slice(s, &sps0, &(struct h264_pps){.id = 33}, &(struct h264_slice){.frame_num = 1});
	put_idr(s);
	h264_slice(s, &sps0, &pps0, &(struct h264_slice){.frame_num = 1, .data_bytes = 200});
	h264_slice(s, &sps0, &pps0,
		   &(struct h264_slice){.frame_num = 1, .first_mb = 9, .data_bytes = 100});
	chunks_try(s->size, 1, &t, check_cut);
	assert_string_equal(t.expected.text, "I!7,8,6,5 P1 P8,1 I!7,8,5 P1,1 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_in_any_order_make_one_access_unit),
		cmocka_unit_test(picture_begins_where_7_4_1_2_4_says),
		cmocka_unit_test(another_pps_begins_a_picture),
		cmocka_unit_test(redundant_slices_stay_in_their_access_unit),
		cmocka_unit_test(delimiters_and_fillers_are_left_out),
		cmocka_unit_test(scalable_and_multiview_units_are_left_out),
		cmocka_unit_test(short_start_codes_become_long_ones),
		cmocka_unit_test(every_idr_has_all_its_parameter_sets),
		cmocka_unit_test(changed_pps_comes_before_its_use_and_a_repeated_one_does_not),
		cmocka_unit_test(access_unit_is_complete_with_the_next_header),
		cmocka_unit_test(flush_completes_a_picture_and_keeps_what_waits_for_one),
		cmocka_unit_test(splitter_with_units_uncollected_is_freed),
		cmocka_unit_test(cutting_the_bytes_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
