/* A live feed that falls silent: its last picture is taken as complete, and what proves that wrong
 * costs no more than the rest to the next IDR. */
#include "tests/unit/unit.h"

#include "streamer/splitter.h"
#include "tests/unit/h264_write.h"
#include "tests/unit/splitter_show.h"

static void feed(struct splitter *s, const struct h264_stream *stream, size_t from, size_t to)
{
	assert_int_equal(splitter_feed(s, stream->bytes + from, to - from), 0);
}

static uint64_t cut_count(const struct splitter *s)
{
	struct splitter_stats stats;

	splitter_get_stats(s, &stats);
	return stats.aus_cut;
}

/* What comes out of the stream with a pause after so many bytes of it. */
static struct shown show_paused(const struct h264_stream *stream, size_t at, uint64_t *ret_cut)
{
	struct splitter *s = splitter_new();
	struct shown out = {.len = 0};

	assert_non_null(s);
	feed(s, stream, 0, at);
	assert_int_equal(splitter_pause(s), 0);
	collect_all(s, &out);
	show_text(&out, "| ");
	feed(s, stream, at, stream->size);
	assert_int_equal(splitter_flush(s), 0);
	collect_all(s, &out);
	*ret_cut = cut_count(s);
	splitter_free(s);
	return out;
}

static void assert_paused(const struct h264_stream *stream, size_t at, const char *expected,
			  uint64_t expected_cut)
{
	uint64_t cut;
	struct shown out = show_paused(stream, at, &cut);

	assert_string_equal(out.text, expected);
	assert_int_equal(cut, expected_cut);
}

static void picture_before_a_pause_is_complete(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	put_p(&s, 1);
	size_t at = s.size;
	put_p(&s, 2);
	assert_paused(&s, at, "I7,8,5 P1 | P1 ", 0);
}

static void start_code_may_be_cut_by_the_pause(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	size_t at = s.size;
	put_p(&s, 1);
	for (size_t part = 0; part <= NAL_START_CODE_BYTES; part++)
		assert_paused(&s, at + part, "I7,8,5 | P1 ", 0);
}

static void pause_before_a_picture_waits_for_it(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	size_t sets_size = s.size;
	put_idr(&s);
	for (size_t at = 0; at <= sets_size + NAL_START_CODE_BYTES + 1; at++)
		assert_paused(&s, at, "| I7,8,5 ", 0);
}

static void rest_of_a_cut_slice_drops_all_to_the_next_idr(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.frame_num = 1, .data_bytes = 200});
	size_t at = s.size - 10;
	put_p(&s, 2);
	put_idr(&s);
	put_p(&s, 1);
	assert_paused(&s, at, "I7,8,5 P1 | I!7,8,5 P1 ", 1);
}

static void late_slice_drops_all_to_the_next_idr(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	put_p(&s, 1);
	size_t at = s.size;
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.frame_num = 1, .first_mb = 8});
	put_p(&s, 2);
	put_idr(&s);
	assert_paused(&s, at, "I7,8,5 P1 | I!7,8,5 ", 1);
}

static void late_slice_of_an_idr_is_no_idr(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	size_t at = s.size;
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.idr = true, .first_mb = 8});
	put_p(&s, 1);
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.idr = true, .idr_pic_id = 1});
	assert_paused(&s, at, "I7,8,5 | I!7,8,5 ", 1);
}

static void parameter_sets_after_a_pause_begin_another_picture(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	size_t at = s.size;
	put_sets(&s);
	put_idr(&s);
	assert_paused(&s, at, "I7,8,5 | I7,8,5 ", 0);
}

/* Wherever the pauses are: never a picture with a hole that goes unnoticed. */
static void pause_anywhere_ends_in_whole_pictures(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	for (unsigned gop = 0; gop < 2; gop++) {
		h264_slice(&s, &sps0, &pps0,
			   &(struct h264_slice){.idr = true, .idr_pic_id = gop, .data_bytes = 60});
		for (unsigned i = 1; i < 3; i++)
			h264_slice(&s, &sps0, &pps0,
				   &(struct h264_slice){.frame_num = i, .data_bytes = 130});
	}
	for (size_t at = 0; at < s.size; at++) {
		uint64_t cut;
		struct shown out = show_paused(&s, at, &cut);
		char joined[sizeof(out.text)];
		char *bar = strchr(out.text, '|');
		assert_int_equal(bar - out.text, strlen(out.text) - strlen(bar));
		snprintf(joined, sizeof(joined), "%.*s%s", (int)(bar - out.text), out.text,
			 bar + 2);
		if (cut == 0)
			assert_string_equal(joined, "I7,8,5 P1 P1 I7,8,5 P1 P1 ");
		else
			assert_true(at > 330 || strstr(joined, "I!7,8,5 P1 P1 ") != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picture_before_a_pause_is_complete),
		cmocka_unit_test(start_code_may_be_cut_by_the_pause),
		cmocka_unit_test(pause_before_a_picture_waits_for_it),
		cmocka_unit_test(rest_of_a_cut_slice_drops_all_to_the_next_idr),
		cmocka_unit_test(late_slice_drops_all_to_the_next_idr),
		cmocka_unit_test(late_slice_of_an_idr_is_no_idr),
		cmocka_unit_test(parameter_sets_after_a_pause_begin_another_picture),
		cmocka_unit_test(pause_anywhere_ends_in_whole_pictures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
