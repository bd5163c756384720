/* The n-th allocation fails, for every n: the access unit in the making is lost, the splitter says
 * so, and the next IDR is whole again. Linked with malloc() and its kin wrapped. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>

#include "streamer/splitter.h"
#include "tests/unit/h264_write.h"
#include "tests/unit/oom.h"
#include "tests/unit/splitter_show.h"

static unsigned fail_at, allocations; /* fail_at 0: never */

static bool oom_is_due(void)
{
	return ++allocations == fail_at;
}

static void put_stream(struct h264_stream *s)
{
	put_sets(s);
	put_idr(s);
	h264_slice(s, &sps0, &pps0, &(struct h264_slice){.frame_num = 1, .data_bytes = 700});
	h264_pps(s, &(struct h264_pps){.qp = 7});
	put_p(s, 2);
	put_sets(s);
	put_idr(s);
	put_p(s, 1);
}

/* Returns whether everything was allocated. */
static bool split_with_failure_at(const struct h264_stream *stream, unsigned n)
{
	struct shown out = {.len = 0};

	allocations = 0;
	fail_at = n;
	struct splitter *s = splitter_new();
	if (s == NULL)
		return false;
	int r = splitter_feed(s, stream->bytes, stream->size);
	int flushed = splitter_flush(s);
	bool failed = allocations >= n;
	fail_at = 0;
	collect_all(s, &out);
	splitter_feed(s, stream->bytes, stream->size);
	splitter_flush(s);
	out.len = 0;
	collect_all(s, &out);
	assert_non_null(strstr(out.text, "7,8,5 P1 P8,1 I7,8,5 P1 "));
	splitter_free(s);
	if (r == 0 && flushed == 0)
		return !failed;
	assert_true(r == -ENOMEM || flushed == -ENOMEM);
	assert_true(failed);
	return false;
}

static void every_failed_allocation_costs_no_more_than_the_next_idr(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream stream = {.size = 0};
	unsigned n = 1;

	put_stream(&stream);
	/* One that only makes smaller may fail without harm, so not every failure is said. */
	while (!split_with_failure_at(&stream, n) && n < 100)
		n++;
	assert_in_range(n, 10, 99);
}

static void failed_resize_leaves_the_access_unit(void **state)
{
	UNUSED_STATE(state);
	struct au *au = au_new(10);

	au->size = 10;
	allocations = 0;
	fail_at = 1;
	assert_int_equal(au_resize(&au, 20), -ENOMEM);
	fail_at = 0;
	assert_int_equal(au->capacity, 10);
	assert_int_equal(au_resize(&au, AU_MAX_BYTES + 1), -ENOMEM);
	assert_int_equal(au_resize(&au, 20), 0);
	assert_int_equal(au->capacity, 20);
	au_unref(au);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_failed_allocation_costs_no_more_than_the_next_idr),
		cmocka_unit_test(failed_resize_leaves_the_access_unit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
