/* What a viewer costs, and what one may cost the others. */
#include "tests/unit/unit.h"

#include "tests/unit/viewer_scene.h"

static void viewer_that_keeps_up_costs_one_call_an_access_unit(void **state)
{
	struct scene *s = *state;
	int fds[VIEWERS];
	char text[64];

	watch_all(s, RAW, fds);
	struct au *au = make_au(false, AU_BYTES);
	calls = (struct calls){0};
	publish(s, au);
	assert_int_equal(calls.send, VIEWERS);
	assert_int_equal(calls.sendmsg + calls.recv + calls.epoll_ctl + calls.accept, 0);
	assert_true(calls.allocations <= 1); /* the hub's slot, for all of them */

	/* That they read it is nobody's business. */
	calls = (struct calls){0};
	for (unsigned i = 0; i < VIEWERS; i++)
		assert_int_equal(drain(fds[i], text, sizeof(text)), 4 + AU_BYTES);
	turn(s);
	assert_int_equal(calls.send + calls.sendmsg + calls.recv + calls.epoll_ctl, 0);
	close_all(fds);
}

static void acknowledgement_costs_one_call_more(void **state)
{
	struct scene *s = *state;
	int fds[VIEWERS];
	char text[64];

	watch_all(s, V1, fds);
	struct au *au = make_au(false, AU_BYTES);
	calls = (struct calls){0};
	publish(s, au);
	for (unsigned i = 0; i < VIEWERS; i++) {
		assert_int_equal(drain(fds[i], text, sizeof(text)), 4 + 24 + AU_BYTES);
		say(fds[i], "{\"type\":\"ack\",\"seq\":1}");
	}
	turn(s);
	assert_int_equal(calls.send, VIEWERS);
	assert_int_equal(calls.recv, VIEWERS);
	assert_int_equal(calls.sendmsg + calls.epoll_ctl, 0);
	assert_true(calls.allocations <= 1);
	close_all(fds);
}

static void one_piece_is_sent_to_those_who_are_most(void **state)
{
	struct scene *s = *state;
	int page = watch(s, V1), second = watch(s, V1), raw = watch(s, RAW);
	char text[64];

	calls = (struct calls){0};
	publish(s, make_au(true, AU_BYTES));
	assert_int_equal(calls.send, 2);
	assert_int_equal(calls.sendmsg, 1);
	drain(page, text, sizeof(text));
	assert_int_equal(drain(raw, text, sizeof(text)), 4 + AU_BYTES);

	close(second);
	close(page);
	turn(s);
	calls = (struct calls){0};
	publish(s, make_au(false, AU_BYTES));
	assert_int_equal(calls.send, 1);
	assert_int_equal(drain(raw, text, sizeof(text)), 4 + AU_BYTES);
	close(raw);
}

static void viewer_holds_no_more_than_4_kib(void **state)
{
	struct scene *s = *state;
	int fds[VIEWERS];

	watch_all(s, V1, fds);
	size_t before = allocated_bytes;
	for (unsigned i = 0; i < VIEWERS; i++)
		close(fds[i]);
	turn(s);
	size_t each = (before - allocated_bytes) / VIEWERS;
	print_message("a viewer holds %zu bytes\n", each);
	assert_true(each > 0 && each <= VIEWER_MAX);
}

static void what_comes_in_pieces_is_held_only_until_it_is_whole(void **state)
{
	struct scene *s = *state;
	char text[512] = "";
	int fd = dial(s);

	for (const char *p = heads[V1]; *p != '\0'; p++) {
		put(fd, p, 1);
		turn(s);
	}
	assert_true(drain(fd, text, sizeof(text)) > 0);
	assert_non_null(memmem(text, sizeof(text), "\"hello\"", 7));
	size_t before = allocated_bytes;
	put(fd, "\x81\x99\0\0\0\0{\"type\":\"ti", 17);
	turn(s);
	assert_true(allocated_bytes > before);
	put(fd, "me\",\"t0\":8765}", 14);
	turn(s);
	assert_int_equal(allocated_bytes, before);
	assert_true(drain(fd, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "8765"));
	close(fd);
}

static void flood_is_read_one_buffer_a_turn(void **state)
{
	struct scene *s = *state;
	int flood = watch(s, BARE), other = watch(s, RAW);
	char text[64];

	publish(s, make_au(true, AU_BYTES));
	assert_int_equal(drain(other, text, sizeof(text)), 4 + AU_BYTES);
	char *bytes = calloc(1, FLOOD_BYTES);
	put(flood, bytes, FLOOD_BYTES);
	calls = (struct calls){0};
	for (unsigned i = 1; i <= 3; i++) {
		assert_true(sd_event_run(s->event, 0) > 0);
		assert_int_equal(calls.recv, i);
	}
	/* A picture does not wait for the rest of it. */
	assert_int_equal(auq_push(s->auq, make_au(false, AU_BYTES)), 0);
	assert_true(sd_event_run(s->event, 0) > 0);
	assert_int_equal(drain(other, text, sizeof(text)), 4 + AU_BYTES);
	assert_true(calls.recv <= 4);
	turn(s);
	assert_int_equal(calls.recv, FLOOD_BYTES / HTTP_HEAD_MAX);
	free(bytes);
	close(flood);
	close(other);
}

static void blocked_viewer_goes_on_where_it_was_when_there_is_room(void **state)
{
	struct scene *s = *state;
	int fd = watch(s, RAW);
	char text[64];
	const unsigned aus = 8;
	const size_t size = 100000;

	calls = (struct calls){0};
	for (unsigned i = 0; i < aus; i++)
		publish(s, make_au(i == 0, size));
	assert_int_equal(calls.epoll_ctl, 1); /* now it waits for room */
	unsigned sent = calls.send;
	assert_true(sent < aus);

	size_t got = 0;
	for (unsigned i = 0; i < 100 && got < aus * (10 + size); i++) {
		got += drain(fd, text, sizeof(text));
		turn(s);
	}
	assert_int_equal(got, aus * (10 + size));
	assert_int_equal(calls.epoll_ctl % 2, 0);
	calls = (struct calls){0};
	publish(s, make_au(false, AU_BYTES));
	assert_int_equal(calls.send, 1);
	assert_int_equal(calls.epoll_ctl, 0);
	close(fd);
}

static void nobody_is_lost_when_descriptors_run_out(void **state)
{
	struct scene *s = *state;
	int first = watch(s, RAW);
	char text[64];

	no_descriptors = true;
	calls = (struct calls){0};
	int second = dial(s);
	put(second, heads[RAW], strlen(heads[RAW]));
	turn(s);
	turn(s);
	assert_int_equal(calls.accept, 1); /* and then it rests */
	no_descriptors = false;
	close(first);
	turn(s);
	assert_true(drain(second, text, sizeof(text)) > 0);

	no_descriptors = true;
	int third = dial(s);
	put(third, heads[RAW], strlen(heads[RAW]));
	turn(s);
	no_descriptors = false;
	while (drain(third, text, sizeof(text)) == 0) /* it tries again by itself */
		assert_true(sd_event_run(s->event, UINT64_MAX) >= 0);
	close(second);
	close(third);
}

static void lack_of_memory_costs_only_who_needs_it(void **state)
{
	struct scene *s = *state;
	int old = watch(s, RAW), half = dial(s), late = dial(s);
	char text[64];

	turn(s);
	put(half, heads[RAW], 10); /* to be kept until the rest comes */
	no_memory = true;
	turn(s);
	int never = dial(s);
	turn(s);
	no_memory = false;
	assert_int_equal(read(half, text, 1), 0);
	assert_int_equal(read(never, text, 1), 0);
	put(late, heads[RAW], strlen(heads[RAW]));
	turn(s);
	assert_true(drain(late, text, sizeof(text)) > 0);
	publish(s, make_au(true, AU_BYTES));
	assert_int_equal(drain(old, text, sizeof(text)), 4 + AU_BYTES);
	assert_int_equal(drain(late, text, sizeof(text)), 4 + AU_BYTES);
	close(old);
	close(half);
	close(late);
	close(never);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(viewer_that_keeps_up_costs_one_call_an_access_unit),
		TEST(acknowledgement_costs_one_call_more),
		TEST(one_piece_is_sent_to_those_who_are_most),
		TEST(viewer_holds_no_more_than_4_kib),
		TEST(what_comes_in_pieces_is_held_only_until_it_is_whole),
		TEST(flood_is_read_one_buffer_a_turn),
		TEST(blocked_viewer_goes_on_where_it_was_when_there_is_room),
		TEST(nobody_is_lost_when_descriptors_run_out),
		TEST(lack_of_memory_costs_only_who_needs_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
