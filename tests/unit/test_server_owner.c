/* What the owner sees of viewers, and may do to them; how they are judged. */
#include "tests/unit/unit.h"

#include "tests/unit/viewer_scene.h"

struct seen {
	unsigned count;
	struct viewer_facts facts[2];
};

static bool see(void *arg, const struct viewer_facts *facts)
{
	struct seen *seen = arg;

	seen->facts[seen->count++] = *facts;
	return seen->count < 2;
}

static void facts_tell_who_watches_and_how(void **state)
{
	struct scene *s = *state;
	int page = watch(s, V1), raw = watch(s, RAW), third = watch(s, RAW);
	struct seen seen = {0};

	publish(s, make_au(true, AU_BYTES));
	say(page, "{\"type\":\"ack\",\"seq\":0,\"latency_ms\":61.5,\"decoder\":\"broadway\"}");
	say(page, "{\"type\":\"pause\"}");
	turn(s);
	server_each_viewer(s->server, see, &seen);
	assert_int_equal(seen.count, 2); /* and there it was told to stop */
	assert_int_equal(seen.facts[0].framing, FRAMING_V1);
	assert_int_equal(seen.facts[0].sent_aus, 1);
	assert_int_equal(seen.facts[0].sent_bytes, 4 + 24 + AU_BYTES);
	assert_true(seen.facts[0].paused && !seen.facts[1].paused);
	assert_true(seen.facts[0].rtt_us > 0 && seen.facts[0].rtt_min_us > 0);
	assert_true(seen.facts[0].latency_ms == 61.5);
	assert_string_equal(seen.facts[0].decoder, "broadway");
	assert_string_equal(seen.facts[0].peer, "local");
	assert_int_equal(seen.facts[1].framing, FRAMING_RAW);
	assert_true(seen.facts[1].id != seen.facts[0].id);
	assert_true(seen.facts[1].latency_ms < 0);
	assert_string_equal(seen.facts[1].decoder, "");
	close(page);
	close(raw);
	close(third);
}

static void viewer_is_closed_by_its_id(void **state)
{
	struct scene *s = *state;
	int fd = watch(s, V1);
	struct seen seen = {0};
	char text[256];

	server_each_viewer(s->server, see, &seen);
	assert_int_equal(seen.count, 1);
	assert_false(server_close_viewer(s->server, seen.facts[0].id + 1, "no"));
	assert_true(server_close_viewer(s->server, seen.facts[0].id, "go home"));
	assert_false(server_close_viewer(s->server, seen.facts[0].id, "twice"));
	assert_true(drain(fd, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"bye\""));
	assert_non_null(strstr(text, "go home\"}\x88\x09\x03\xf0go home"));
	close(fd);
}

/* The sums are counters: what was counted once stays counted. */
static void sums_do_not_fall_while_a_viewer_is_being_closed(void **state)
{
	struct scene *s = *state;
	int fd = watch(s, V1);
	struct seen seen = {0};
	struct viewer_sums before, closing, after;

	publish(s, make_au(true, AU_BYTES));
	server_get_sums(s->server, &before);
	assert_int_equal(before.viewers, 1);
	assert_int_equal(before.sent_aus, 1);
	server_each_viewer(s->server, see, &seen);
	assert_true(server_close_viewer(s->server, seen.facts[0].id, "go home"));
	server_get_sums(s->server, &closing);
	assert_memory_equal(&closing, &before, sizeof(before));
	close(fd);
	turn(s);
	server_get_sums(s->server, &after);
	assert_memory_equal(&after, &before, sizeof(before));
}

static void raised_limit_lets_in_who_waits(void **state)
{
	struct scene *s = *state;
	int fds[80];
	unsigned count = 0;
	char text[64];

	s->conf.viewers_max = 1;
	server_follow_conf(s->server);
	do {
		calls.accept = 0;
		assert_true(count < ARRAY_SIZE(fds));
		fds[count++] = dial(s);
		turn(s);
	} while (calls.accept > 0);
	int waiting = fds[count - 1];
	put(waiting, heads[RAW], strlen(heads[RAW]));
	turn(s);
	assert_int_equal(drain(waiting, text, sizeof(text)), 0);
	s->conf.viewers_max = 2;
	server_follow_conf(s->server);
	turn(s);
	assert_true(drain(waiting, text, sizeof(text)) > 0);
	while (count > 0)
		close(fds[--count]);
}

static void descriptors_are_left_for_others_than_viewers(void **state)
{
	struct scene *s = *state;
	struct server_config cfg = {.event = s->event, .conf = &s->conf, .auq = s->auq};
	struct rlimit few = {.rlim_cur = 120}, usual;
	int fds[120];
	unsigned count = 0;
	struct error err;

	getrlimit(RLIMIT_NOFILE, &usual);
	few.rlim_max = usual.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	cfg.on_watched = on_watched;
	cfg.need_idr = cfg.on_closed = on_anything;
	server_free(s->server);
	cfg.listen_fd = listen_at(&s->address);
	assert_int_equal(server_new(&cfg, &s->server, &err), 0);
	setrlimit(RLIMIT_NOFILE, &usual);
	do {
		calls.accept = 0;
		assert_true(count < ARRAY_SIZE(fds));
		fds[count++] = dial(s);
		turn(s);
	} while (calls.accept > 0);
	assert_int_equal(count, 120 - 48 + 1);
	while (count > 0)
		close(fds[--count]);
}

static void wait_us(int64_t us)
{
	int64_t until_us = clock_now_us() + us;

	while (clock_now_us() < until_us)
		poll(NULL, 0, 10);
}

/* It is we who were late: what it said waits in the socket. */
static void viewer_is_heard_before_it_is_judged(void **state)
{
	struct scene *s = *state;
	int page = watch(s, V1);
	const uint8_t pong[] = {0x8a, 0x80, 0, 0, 0, 0};
	struct seen seen = {0};
	char text[64];

	s->conf.viewer_lag_max_ms = 1; /* then it is 100 ms and two round trips */
	server_follow_conf(s->server);
	put(page, pong, sizeof(pong));
	publish(s, make_au(true, AU_BYTES));
	say(page, "{\"type\":\"ack\",\"seq\":0}");
	turn(s);
	put(page, pong, sizeof(pong)); /* it is asked how far it is */
	turn(s);
	publish(s, make_au(false, AU_BYTES));
	drain(page, text, sizeof(text));
	say(page, "{\"type\":\"ack\",\"seq\":1}");
	server_each_viewer(s->server, see, &seen);
	wait_us(200000 + 2 * seen.facts[0].rtt_us);
	publish(s, make_au(false, AU_BYTES));
	assert_int_equal(drain(page, text, sizeof(text)), 4 + 24 + AU_BYTES);
	close(page);
}

static void access_unit_that_was_begun_is_finished_before_the_end(void **state)
{
	struct scene *s = *state;
	int fd = watch(s, BARE);
	struct seen seen = {0};
	const size_t size = 1000000;
	size_t got = 0;
	char text[64];

	publish(s, make_au(true, size)); /* more than the socket holds */
	server_each_viewer(s->server, see, &seen);
	assert_true(server_close_viewer(s->server, seen.facts[0].id, "go home"));
	for (unsigned i = 0; i < 100 && got < size; i++) {
		got += drain(fd, text, sizeof(text));
		turn(s);
	}
	assert_int_equal(got, size);
	assert_int_equal(read(fd, text, 1), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(facts_tell_who_watches_and_how),
		TEST(viewer_is_closed_by_its_id),
		TEST(sums_do_not_fall_while_a_viewer_is_being_closed),
		TEST(raised_limit_lets_in_who_waits),
		TEST(descriptors_are_left_for_others_than_viewers),
		TEST(viewer_is_heard_before_it_is_judged),
		TEST(access_unit_that_was_begun_is_finished_before_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
