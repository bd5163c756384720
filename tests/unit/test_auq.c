#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "streamer/auq.h"

#define DEPTH  8
#define PUSHES 100000

static bool is_readable(const struct auq *q)
{
	struct pollfd poll_fd = {.fd = auq_fd(q), .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

static struct au *numbered(int64_t number)
{
	struct au *au = au_new(1);

	assert_non_null(au);
	au->pts_us = number;
	return au;
}

static void what_goes_in_comes_out_in_order(void **state)
{
	UNUSED_STATE(state);
	struct auq *q = auq_new(DEPTH);

	assert_false(is_readable(q));
	assert_null(auq_pop(q));
	for (int i = 0; i < 3; i++)
		assert_int_equal(auq_push(q, numbered(i)), 0);
	assert_true(is_readable(q));
	for (int i = 0; i < 3; i++) {
		const struct au *au = auq_pop(q);
		assert_int_equal(au->pts_us, i);
		au_unref(au);
	}
	assert_null(auq_pop(q));
	assert_false(is_readable(q));
	auq_free(q);
}

static void full_queue_says_so_and_keeps_what_it_has(void **state)
{
	UNUSED_STATE(state);
	struct auq *q = auq_new(DEPTH);

	for (int i = 0; i < DEPTH; i++)
		assert_int_equal(auq_push(q, numbered(i)), 0);
	assert_int_equal(auq_push(q, numbered(99)), -ENOBUFS);
	const struct au *au = auq_pop(q);
	assert_int_equal(au->pts_us, 0);
	au_unref(au);
	auq_free(q); /* the rest: the leak checker would see them */
}

static void *produce(void *arg)
{
	struct auq *q = arg;
	size_t dropped = 0;

	for (int i = 0; i < PUSHES; i++) {
		struct au *au = au_new(8);
		if (au == NULL)
			abort();
		au->pts_us = i;
		dropped += auq_push(q, au) == -ENOBUFS;
	}
	return (void *)dropped;
}

static void threads_lose_nothing_but_what_was_refused(void **state)
{
	UNUSED_STATE(state);
	struct auq *q = auq_new(64);
	pthread_t producer;
	size_t received = 0;
	int64_t last = -1;
	void *dropped;

	assert_int_equal(pthread_create(&producer, NULL, produce, q), 0);
	while (last < PUSHES - 1) {
		struct pollfd poll_fd = {.fd = auq_fd(q), .events = POLLIN};
		const struct au *au;
		/* The last ones may be among the dropped: then the producer's end is the end. */
		if (poll(&poll_fd, 1, 200) == 0)
			break;
		while ((au = auq_pop(q)) != NULL) {
			assert_true(au->pts_us > last);
			last = au->pts_us;
			received++;
			au_unref(au);
		}
	}
	pthread_join(producer, &dropped);
	for (const struct au *au; (au = auq_pop(q)) != NULL; received++)
		au_unref(au);
	assert_int_equal(received + (size_t)dropped, PUSHES);
	auq_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out_in_order),
		cmocka_unit_test(full_queue_says_so_and_keeps_what_it_has),
		cmocka_unit_test(threads_lose_nothing_but_what_was_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
