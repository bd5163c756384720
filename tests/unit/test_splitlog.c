/* What the log is told about a damaged stream: soon, and not too often. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "streamer/splitlog.h"
#include "tests/unit/h264_write.h"
#include "tests/unit/splitter_show.h"

#define MINUTE_US 60000000

static unsigned lines;
static char newest[512];

static void note(enum log_level level, const char *line)
{
	(void)level;
	lines++;
	snprintf(newest, sizeof(newest), "%s", line);
}

static int begin(void **state)
{
	UNUSED_STATE(state);
	lines = 0;
	newest[0] = '\0';
	log_set_hook(note);
	return 0;
}

static int end(void **state)
{
	UNUSED_STATE(state);
	log_set_hook(NULL);
	return 0;
}

/* An IDR, a picture, a hole, and a picture that is dropped. */
static void feed_hole(struct splitter *s)
{
	struct h264_stream stream = {.size = 0};

	put_sets(&stream);
	put_idr(&stream);
	put_p(&stream, 1);
	put_p(&stream, 3);
	assert_int_equal(splitter_feed(s, stream.bytes, stream.size), 0);
	assert_int_equal(splitter_flush(s), 0);
}

static void first_damage_is_told_at_once_and_then_once_a_minute(void **state)
{
	UNUSED_STATE(state);
	struct splitlog log = {.name = "garden.h264"};
	struct splitter *s = splitter_new();
	int64_t now_us = 5000;

	splitlog_look(&log, s, now_us);
	assert_int_equal(lines, 0);
	feed_hole(s);
	splitlog_look(&log, s, now_us);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(newest, "garden.h264"));
	assert_non_null(strstr(newest, "1 access units dropped"));
	feed_hole(s);
	feed_hole(s);
	splitlog_look(&log, s, now_us + MINUTE_US - 1);
	assert_int_equal(lines, 1);
	splitlog_look(&log, s, now_us + MINUTE_US);
	assert_int_equal(lines, 2);
	assert_non_null(strstr(newest, "2 access units dropped"));
	splitlog_look(&log, s, now_us + 9 * MINUTE_US);
	assert_int_equal(lines, 2);
	splitter_free(s);
}

static void counts_go_on_with_another_splitter(void **state)
{
	UNUSED_STATE(state);
	struct splitlog log = {.name = "x"};

	for (unsigned i = 1; i <= 3; i++) {
		struct splitter *s = splitter_new();
		feed_hole(s);
		splitlog_look(&log, s, 1 + (int64_t)i * MINUTE_US);
		assert_int_equal(lines, i);
		assert_non_null(strstr(newest, "1 access units dropped"));
		splitlog_begin_anew(&log);
		assert_int_equal(splitlog_dropped(&log), i);
		splitter_free(s);
	}
}

static void what_comes_before_the_first_idr_is_no_damage(void **state)
{
	UNUSED_STATE(state);
	struct splitlog log = {.name = "x"};
	struct splitter *s = splitter_new();
	struct h264_stream stream = {.size = 0};

	put_p(&stream, 7); /* even its parameter sets are missing */
	put_sets(&stream);
	put_p(&stream, 1);
	put_p(&stream, 2);
	put_idr(&stream);
	splitter_feed(s, stream.bytes, stream.size);
	splitter_flush(s);
	splitlog_look(&log, s, 1);
	assert_int_equal(lines, 0);
	assert_int_equal(splitlog_dropped(&log), 0);
	splitter_free(s);
}

static void access_unit_that_is_too_large_is_said_to_be(void **state)
{
	UNUSED_STATE(state);
	static const uint8_t filling[65536] = {0x55, [65535] = 0x55};
	struct splitlog log = {.name = "x"};
	struct splitter *s = splitter_new();
	struct h264_stream stream = {.size = 0};

	put_sets(&stream);
	put_idr(&stream);
	put_p(&stream, 1);
	splitter_feed(s, stream.bytes, stream.size);
	for (size_t fed = 0; fed < AU_MAX_BYTES; fed += sizeof(filling))
		splitter_feed(s, filling, sizeof(filling));
	splitter_flush(s);
	splitlog_look(&log, s, 1);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(newest, "1 over 4 MiB"));
	assert_int_equal(splitlog_dropped(&log), 1);
	splitter_free(s);
}

static void rewriting_is_told_once(void **state)
{
	UNUSED_STATE(state);
	struct splitlog log = {.name = "x"};
	struct splitter *s = splitter_new();
	struct h264_stream stream = {.size = 0};

	for (int i = 0; i < 3; i++) {
		h264_sps(&stream, &(struct h264_sps){.refs = 1});
		splitter_feed(s, stream.bytes, stream.size);
		splitter_flush(s);
		splitlog_look(&log, s, 1 + (int64_t)i * MINUTE_US);
	}
	assert_int_equal(lines, 1);
	assert_non_null(strstr(newest, "SPS"));
	splitter_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_damage_is_told_at_once_and_then_once_a_minute,
						begin, end),
		cmocka_unit_test_setup_teardown(counts_go_on_with_another_splitter, begin, end),
		cmocka_unit_test_setup_teardown(what_comes_before_the_first_idr_is_no_damage, begin,
						end),
		cmocka_unit_test_setup_teardown(access_unit_that_is_too_large_is_said_to_be, begin,
						end),
		cmocka_unit_test_setup_teardown(rewriting_is_told_once, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
