/* More viewers than are listened to all the time: what they say is read together, nobody suffers
 * from it, and who says something else is heard. The clock is moved on by hand. */
#include "tests/unit/unit.h"

#include "streamer/attention.h"
#include "tests/unit/viewer_scene.h"

#define CROWD      (ATTENTION_CROWD + 8)
#define PICTURE_US 33333

static int64_t moved_us;

int64_t __real_clock_now_us(void);
int64_t __wrap_clock_now_us(void);

int64_t __wrap_clock_now_us(void)
{
	return __real_clock_now_us() + moved_us;
}

/* A picture, and everybody says that it came; not one is left out. */
static void show_picture(struct scene *s, const int fds[static CROWD], uint32_t seq)
{
	char text[64], ack[64];

	moved_us += PICTURE_US;
	publish(s, make_au(seq == 0, AU_BYTES));
	snprintf(ack, sizeof(ack), "{\"type\":\"ack\",\"seq\":%u}", seq);
	for (unsigned i = 0; i < CROWD; i++) {
		assert_true(drain(fds[i], text, sizeof(text)) >= 4 + 24 + AU_BYTES);
		say(fds[i], ack);
	}
	turn(s);
}

/* Everybody came a while ago, and is answered and acknowledged; returns the next picture. */
static uint32_t gather_crowd(struct scene *s, int fds[static CROWD])
{
	static const uint8_t pong[] = {0x8a, 0x80, 0, 0, 0, 0};
	uint32_t seq = 0;

	moved_us = 0;
	for (unsigned i = 0; i < CROWD; i++) {
		fds[i] = watch(s, V1);
		put(fds[i], pong, sizeof(pong));
	}
	turn(s);
	while (seq < 3)
		show_picture(s, fds, seq++);
	moved_us += 2000000;
	for (unsigned i = 0; i < 3; i++)
		show_picture(s, fds, seq++);
	return seq;
}

static void close_crowd(const int fds[static CROWD])
{
	for (unsigned i = 0; i < CROWD; i++)
		close(fds[i]);
}

static uint64_t skipped(const struct scene *s)
{
	struct viewer_sums sums;

	server_get_sums(s->server, &sums);
	return sums.skipped_aus;
}

static unsigned watching(const struct scene *s)
{
	struct server_stats stats;

	server_get_stats(s->server, &stats);
	return stats.viewers;
}

/* How often somebody's words are read while so many pictures are shown. */
static unsigned count_reads(struct scene *s, const int fds[static CROWD], uint32_t seq,
			    unsigned pictures)
{
	calls = (struct calls){0};
	for (unsigned i = 0; i < pictures; i++)
		show_picture(s, fds, seq++);
	return calls.recv;
}

static void acknowledgements_of_a_crowd_are_read_together(void **state)
{
	struct scene *s = *state;
	int fds[CROWD];
	uint32_t seq = gather_crowd(s, fds);

	unsigned reads = count_reads(s, fds, seq, 30);
	assert_true(reads > 0); /* before anybody could be taken for a laggard */
	assert_true(reads <= 30 * CROWD / 4);
	assert_int_equal(skipped(s), 0);
	close_crowd(fds);
}

static void nobody_is_judged_by_what_was_not_read(void **state)
{
	struct scene *s = *state;
	int fds[CROWD];

	s->conf.viewer_lag_max_ms = 150;
	server_follow_conf(s->server);
	uint32_t seq = gather_crowd(s, fds);
	count_reads(s, fds, seq, 60);
	assert_int_equal(skipped(s), 0);
	close_crowd(fds);
}

/* A round trip on this socket takes no time; a gathered acknowledgement took at least that of a
 * picture. */
static bool note_longest(void *arg, const struct viewer_facts *facts)
{
	int64_t *longest_us = arg;

	*longest_us = max_i64(*longest_us, max_i64(facts->rtt_us, facts->lag_us));
	return true;
}

static void what_was_gathered_measures_no_time(void **state)
{
	struct scene *s = *state;
	int fds[CROWD];
	uint32_t seq = gather_crowd(s, fds);
	int64_t before_us = 0, after_us = 0;

	server_each_viewer(s->server, note_longest, &before_us);
	count_reads(s, fds, seq, 9);
	server_each_viewer(s->server, note_longest, &after_us);
	assert_true(after_us <= max_i64(before_us, PICTURE_US));
	close_crowd(fds);
}

static void who_asks_is_answered_and_then_listened_to(void **state)
{
	const size_t picture_size = 4 + 24 + AU_BYTES;
	struct scene *s = *state;
	int fds[CROWD];
	char text[256];
	size_t got = picture_size;

	gather_crowd(s, fds);
	say(fds[0], "{\"type\":\"time\",\"t0\":1}");
	turn(s);
	assert_int_equal(drain(fds[0], text, sizeof(text)), 0);
	for (unsigned i = 0; i < 12 && got == picture_size; i++) {
		moved_us += PICTURE_US;
		publish(s, make_au(false, AU_BYTES));
		got = drain(fds[0], text, sizeof(text));
	}
	assert_true(got > picture_size);
	say(fds[0], "{\"type\":\"time\",\"t0\":2}");
	turn(s);
	assert_true(drain(fds[0], text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"t0\":2,"));
	close_crowd(fds);
}

static void who_leaves_is_noticed_at_once(void **state)
{
	struct scene *s = *state;
	int fds[CROWD];

	gather_crowd(s, fds);
	assert_int_equal(watching(s), CROWD);
	say(fds[0], "{\"type\":\"ack\",\"seq\":3}"); /* and what it said last is still there */
	close(fds[0]);
	turn(s);
	assert_int_equal(watching(s), CROWD - 1);
	fds[0] = dial(s);
	close_crowd(fds);
}

static void everybody_is_heard_when_pictures_stop(void **state)
{
	struct scene *s = *state;
	int fds[CROWD];
	char text[256];

	gather_crowd(s, fds);
	moved_us += 1000000; /* then the sweep finds that nothing came for long */
	say(fds[1], "{\"type\":\"time\",\"t0\":3}");
	struct pollfd answer = {.fd = fds[1], .events = POLLIN};
	for (unsigned i = 0; i < 1000 && poll(&answer, 1, 0) == 0; i++)
		sd_event_run(s->event, 20000);
	assert_true(drain(fds[1], text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"t0\":3,"));
	close_crowd(fds);
}

/* More than is read at a time, and a question at its end. */
static void much_that_waited_is_read_to_its_end(void **state)
{
	struct scene *s = *state;
	int fds[CROWD];
	uint8_t frame[8 + 1000] = {0x81, 0x80 | 126, 1000 >> 8, 1000 & 0xff};
	char text[256] = "";

	gather_crowd(s, fds);
	memset(frame + 8, ' ', 1000);
	memcpy(frame + 8, "{\"type\":\"x\"}", 12);
	for (unsigned i = 0; i < 10; i++)
		put(fds[2], frame, sizeof(frame));
	say(fds[2], "{\"type\":\"time\",\"t0\":4}");
	for (unsigned i = 0; i < 12 && strstr(text, "\"t0\":4,") == NULL; i++) {
		moved_us += PICTURE_US;
		publish(s, make_au(false, AU_BYTES));
		drain(fds[2], text, sizeof(text));
	}
	assert_non_null(strstr(text, "\"t0\":4,")); /* behind the picture: in a second turn */
	close_crowd(fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(acknowledgements_of_a_crowd_are_read_together),
		TEST(nobody_is_judged_by_what_was_not_read),
		TEST(what_was_gathered_measures_no_time),
		TEST(who_asks_is_answered_and_then_listened_to),
		TEST(who_leaves_is_noticed_at_once),
		TEST(everybody_is_heard_when_pictures_stop),
		TEST(much_that_waited_is_read_to_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
