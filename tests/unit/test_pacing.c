/* The hub and one viewer, joined by a link: a queue that a bottleneck empties, a way there and back
 * with jitter, TCP's slow start and TLS records. The viewer acknowledges as the page does: at most
 * once in 50 ms, the last wins. Steps of a millisecond; nothing here is random. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "streamer/hub.h"

#define MS             INT64_C(1000)
#define FPS            30
#define GOP_FRAMES     60
#define PICTURE_BYTES  2000 /* of a P picture */
#define STREAM_BYTES_S (PICTURE_BYTES * FPS)
#define LAG_MAX_US     (250 * MS)
#define ACK_US         (50 * MS)
#define ITEMS_MAX      4096
#define MS_MAX         100000
#define WINDOW_BYTES   14600 /* TCP begins with ten segments (RFC 6928) */

struct link {
	size_t bytes_per_s;
	size_t burst_bytes; /* that pass at once after a rest */
	int64_t rtt_us, jitter_us;
	int64_t stall_from_us, stall_to_us; /* meanwhile nothing passes */
	unsigned idr_pictures;              /* an IDR is as large as so many P pictures */
	bool never_acks;
};

struct item { /* on its way to the viewer: a message, or a ping of no size */
	bool ping;
	uint32_t seq;
	size_t size, left;
	int64_t publish_us, queued_us, there_us;
};

static struct link link;
static struct hub *hub;
static struct subscriber sub;
static int64_t now_us, published_us;
static bool idr_wanted;
static unsigned frames, since_idr;

static struct item items[ITEMS_MAX];
static unsigned item_count, passed, arrived; /* of the items: through the bottleneck, there */
static size_t saved_bytes;                   /* of a burst */
static size_t window_bytes, flying_bytes, passed_bytes[MS_MAX]; /* in each millisecond */
static int64_t busy_us;

static bool pinged;
static int64_t ping_us, pong_due_us;
static bool has_new;
static uint32_t newest, ack_seq[ITEMS_MAX];
static int64_t ack_sent_us, ack_due_us[ITEMS_MAX];
static unsigned ack_count, acks_heard;

static int64_t delays_us[ITEMS_MAX];
static unsigned delay_count, holes, gaps; /* in what came, and what is missing there */
static uint32_t last_seq;

static size_t frame(uint8_t out[static HUB_HEADER_MAX], unsigned framing, const struct au *au,
		    uint32_t seq, int64_t publish_us)
{
	(void)out;
	(void)framing;
	(void)au;
	(void)seq;
	(void)publish_us;
	return 0;
}

static void need_idr(void *arg)
{
	(void)arg;
	idr_wanted = true;
}

static void begin(const struct link *model)
{
	link = *model;
	hub = hub_new(&(struct hub_config){
		.ring_aus_max = 256,
		.ring_bytes_max = 1 << 20,
		.lag_max_us = LAG_MAX_US,
		.join_age_max_us = 500 * MS,
		.join_bytes_max = 1 << 18,
		.idr_join_interval_us = 500 * MS,
		.idr_recover_interval_us = 2000 * MS,
		.frame = frame,
		.need_idr = need_idr,
	});
	assert_non_null(hub);
	now_us = published_us = 1000000;
	idr_wanted = has_new = false;
	frames = since_idr = item_count = passed = arrived = ack_count = acks_heard = 0;
	window_bytes = WINDOW_BYTES;
	flying_bytes = saved_bytes = 0;
	delay_count = holes = gaps = 0;
	busy_us = pong_due_us = 0;
	memset(passed_bytes, 0, sizeof(passed_bytes));
	last_seq = 0;
	ack_sent_us = 0;
	hub_subscribe(hub, &sub, 0, now_us);
	hub_expect_acks(&sub, 0);
	pinged = true;
	ping_us = now_us;
	items[item_count++] = (struct item){.ping = true, .queued_us = now_us};
}

static void end(void)
{
	hub_unsubscribe(hub, &sub);
	hub_free(hub);
}

static void publish(void)
{
	bool idr = idr_wanted || since_idr == 0 || since_idr >= GOP_FRAMES;
	size_t size = idr ? link.idr_pictures * PICTURE_BYTES : PICTURE_BYTES;
	struct au *au = au_new(size);

	assert_non_null(au);
	au->flags = idr ? AU_IDR : 0;
	au->size = size;
	memset(au->data, 0, size);
	idr_wanted = idr_wanted && !idr;
	since_idr = idr ? 1 : since_idr + 1;
	frames++;
	published_us = now_us;
	assert_int_equal(hub_publish(hub, au, now_us), 0);
}

static void queue(const struct item *item)
{
	assert_true(item_count < ITEMS_MAX);
	items[item_count] = *item;
	items[item_count++].queued_us = now_us;
}

/* As a viewer does whose socket takes everything: stock nginx's does. */
static void send_all(void)
{
	struct hub_message message;

	while (hub_peek(hub, &sub, now_us, &message)) {
		struct item item = {.seq = message.seq, .size = message.au->size};
		item.left = item.size;
		item.publish_us =
			published_us - (int64_t)(hub_live_seq(hub) - message.seq) * 1000000 / FPS;
		queue(&item);
		hub_advance(hub, &sub, item.size, now_us);
	}
	if (hub_wants_ping(hub, &sub, now_us) && !pinged) {
		pinged = true;
		ping_us = now_us;
		queue(&(struct item){.ping = true});
	}
}

/* By the clock: the same jitter whatever is sent. */
static int64_t jitter_us(void)
{
	return link.jitter_us * (int64_t)((uint64_t)now_us / 1000 * 2654435761 % 1000) / 1000;
}

static bool is_stalled(void)
{
	return now_us >= link.stall_from_us && now_us < link.stall_to_us;
}

/* One millisecond of the bottleneck, as far as TCP's window allows. */
static void pass(void)
{
	size_t budget = link.bytes_per_s / 1000 + saved_bytes;
	size_t ms = (size_t)(now_us / MS), trip_ms = (size_t)(link.rtt_us / MS);

	assert_true(ms < MS_MAX);
	flying_bytes -= passed_bytes[ms - trip_ms];
	window_bytes += passed_bytes[ms - trip_ms]; /* doubles with every round trip */
	if (now_us - busy_us > 2 * link.rtt_us + 200 * MS)
		window_bytes = WINDOW_BYTES; /* it begins anew after a pause */
	saved_bytes = 0;
	while (passed < item_count && !is_stalled()) {
		struct item *item = &items[passed];
		size_t room = window_bytes > flying_bytes ? window_bytes - flying_bytes : 0;
		size_t bytes = min_size(item->left, min_size(budget, room));
		item->left -= bytes;
		budget -= bytes;
		flying_bytes += bytes;
		passed_bytes[ms] += bytes;
		if (bytes > 0)
			busy_us = now_us;
		if (item->left > 0)
			return;
		item->there_us = now_us + link.rtt_us / 2 + jitter_us();
		if (passed > 0 && item->there_us < items[passed - 1].there_us)
			item->there_us = items[passed - 1].there_us;
		passed++;
	}
	saved_bytes = min_size(budget, link.burst_bytes);
}

static void note_arrival(const struct item *item)
{
	if (delay_count > 0 && item->seq != last_seq + 1) {
		holes++;
		gaps += item->seq - last_seq - 1;
	}
	last_seq = item->seq;
	delays_us[delay_count++] = now_us - item->publish_us;
}

/* Nothing of a TLS record can be read before its end: what was sent together arrives together. */
static bool is_there(unsigned at)
{
	while (at + 1 < item_count && items[at + 1].queued_us == items[at].queued_us)
		at++;
	return at < passed && items[at].there_us <= now_us;
}

static void arrive(void)
{
	for (; arrived < passed && is_there(arrived); arrived++) {
		const struct item *item = &items[arrived];
		if (item->ping) {
			pong_due_us = now_us + link.rtt_us / 2;
			continue;
		}
		note_arrival(item);
		newest = item->seq;
		has_new = !link.never_acks;
	}
	if (has_new && now_us - ack_sent_us >= ACK_US) {
		has_new = false;
		ack_sent_us = now_us;
		ack_seq[ack_count] = newest;
		ack_due_us[ack_count++] = now_us + link.rtt_us / 2 + jitter_us();
	}
}

static void hear(void)
{
	if (pinged && pong_due_us != 0 && pong_due_us <= now_us) {
		hub_pong(&sub, ping_us, now_us);
		pinged = false;
		pong_due_us = 0;
	}
	for (; acks_heard < ack_count && ack_due_us[acks_heard] <= now_us; acks_heard++)
		hub_ack(hub, &sub, ack_seq[acks_heard], false, now_us, NULL);
}

static void run(int64_t us)
{
	for (int64_t end_us = now_us + us; now_us < end_us; now_us += MS) {
		if (now_us - 1000000 >= (int64_t)frames * 1000000 / FPS)
			publish();
		hear();
		send_all();
		pass();
		arrive();
	}
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* From here on. */
static void forget(void)
{
	delay_count = holes = gaps = 0;
}

static int64_t delay_us(unsigned percent)
{
	assert_true(delay_count > 0);
	qsort(delays_us, delay_count, sizeof(delays_us[0]), compare);
	return delays_us[(delay_count - 1) * percent / 100];
}

static void half_the_rate_stands_below_the_limit(void **state)
{
	UNUSED_STATE(state);

	for (unsigned idr_pictures = 1; idr_pictures <= 3; idr_pictures++) {
		begin(&(struct link){.bytes_per_s = STREAM_BYTES_S / 2,
				     .rtt_us = 2 * MS,
				     .idr_pictures = idr_pictures});
		run(4000 * MS);
		forget();
		run(40000 * MS);
		assert_true(delay_count >= 20 * 3); /* not the IDRs alone */
		assert_true(delay_us(50) < LAG_MAX_US);
		assert_true(delay_us(100) < LAG_MAX_US + 50 * MS);
		end();
	}
}

/* The first packets after a rest say nothing of what the link carries. */
static void half_the_rate_stands_below_the_limit_behind_a_token_bucket(void **state)
{
	UNUSED_STATE(state);

	for (unsigned idr_pictures = 2; idr_pictures <= 4; idr_pictures++) {
		begin(&(struct link){.bytes_per_s = STREAM_BYTES_S / 2,
				     .burst_bytes = 3200,
				     .rtt_us = 2 * MS,
				     .idr_pictures = idr_pictures});
		run(4000 * MS);
		forget();
		run(40000 * MS);
		assert_true(delay_count >= 20 * 3);
		assert_true(delay_us(50) < LAG_MAX_US);
		assert_true(delay_us(100) < LAG_MAX_US + 50 * MS);
		end();
	}
}

static void on_survey(void *arg, bool lagged, unsigned carried_bps)
{
	uint64_t *sum = arg;

	if (lagged && carried_bps > 0) {
		sum[0] += carried_bps;
		sum[1]++;
	}
}

static void survey_tells_what_the_link_carries(void **state)
{
	UNUSED_STATE(state);

	for (unsigned part = 2; part <= 5; part++) {
		uint64_t sum[2] = {0};
		begin(&(struct link){.bytes_per_s = STREAM_BYTES_S / part,
				     .rtt_us = 10 * MS,
				     .idr_pictures = 3});
		for (unsigned s = 0; s < 30; s++) {
			run(1000 * MS);
			hub_survey(hub, now_us, on_survey, sum);
		}
		assert_true(sum[1] >= 10);
		assert_in_range(sum[0] / sum[1], link.bytes_per_s * 8 * 75 / 100,
				link.bytes_per_s * 8);
		end();
	}
}

static void tenth_of_the_rate_costs_what_the_idr_costs(void **state)
{
	UNUSED_STATE(state);

	for (unsigned idr_pictures = 1; idr_pictures <= 5; idr_pictures++) {
		int64_t idr_us =
			idr_pictures * (int64_t)PICTURE_BYTES * 10 * 1000000 / STREAM_BYTES_S;
		begin(&(struct link){.bytes_per_s = STREAM_BYTES_S / 10,
				     .rtt_us = 2 * MS,
				     .idr_pictures = idr_pictures});
		run(8000 * MS);
		/* At first nothing is known: at most what the limit lets out behind an IDR. */
		assert_true(delay_us(100) < idr_us + 3200 * MS);
		forget();
		run(40000 * MS);
		assert_true(delay_count >= 15);
		assert_true(delay_us(100) < idr_us + 10 * MS);
		end();
	}
}

static const int64_t round_trips_us[] = {1 * MS, 50 * MS, 200 * MS};

/* The link at every round trip and jitter there is, watched for so long. */
static void on_every_way(const struct link *model, int64_t watch_us, void (*check)(void))
{
	for (unsigned i = 0; i < ARRAY_SIZE(round_trips_us); i++)
		for (int64_t jitter_us = 0; jitter_us <= 60 * MS; jitter_us += 20 * MS) {
			struct link one = *model;
			one.rtt_us = round_trips_us[i];
			one.jitter_us = jitter_us;
			begin(&one);
			run(watch_us);
			check();
			end();
		}
}

static void assert_nothing_skipped(void)
{
	assert_int_equal(gaps, 0);
	assert_int_equal(sub.skipped_aus, 0);
}

static void nobody_on_a_good_link_is_skipped(void **state)
{
	UNUSED_STATE(state);
	on_every_way(&(struct link){.bytes_per_s = STREAM_BYTES_S * 10, .idr_pictures = 20},
		     20000 * MS, assert_nothing_skipped);
}

static void assert_one_skip(void)
{
	assert_int_equal(holes, 1);
	assert_true(gaps <= 30);
}

static void one_glitch_is_one_skip(void **state)
{
	UNUSED_STATE(state);
	on_every_way(&(struct link){.bytes_per_s = STREAM_BYTES_S * 10,
				    .stall_from_us = 6000 * MS,
				    .stall_to_us = 6700 * MS,
				    .idr_pictures = 20},
		     28000 * MS, assert_one_skip);
}

static void link_that_became_good_is_used_again(void **state)
{
	UNUSED_STATE(state);

	begin(&(struct link){.bytes_per_s = STREAM_BYTES_S / 5,
			     .rtt_us = 20 * MS,
			     .idr_pictures = 3});
	run(10000 * MS);
	assert_true(gaps > 100);
	link.bytes_per_s = STREAM_BYTES_S * 5;
	run(2500 * MS);
	forget();
	run(10000 * MS);
	assert_int_equal(gaps, 0);
	assert_int_equal(delay_count, 10 * FPS);
	assert_true(delay_us(100) < 100 * MS);
	end();
}

/* A script that answers pings, as its library does, but says nothing itself. */
static void viewer_that_never_acknowledges_is_not_held(void **state)
{
	UNUSED_STATE(state);

	for (unsigned i = 0; i < ARRAY_SIZE(round_trips_us); i++) {
		begin(&(struct link){.bytes_per_s = STREAM_BYTES_S * 10,
				     .rtt_us = round_trips_us[i],
				     .idr_pictures = 3,
				     .never_acks = true});
		run(1000 * MS);
		forget();
		run(10000 * MS);
		assert_int_equal(gaps, 0);
		assert_int_equal(delay_count, 10 * FPS);
		assert_int_equal(sub.skipped_aus, 0);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_the_rate_stands_below_the_limit),
		cmocka_unit_test(half_the_rate_stands_below_the_limit_behind_a_token_bucket),
		cmocka_unit_test(survey_tells_what_the_link_carries),
		cmocka_unit_test(tenth_of_the_rate_costs_what_the_idr_costs),
		cmocka_unit_test(nobody_on_a_good_link_is_skipped),
		cmocka_unit_test(one_glitch_is_one_skip),
		cmocka_unit_test(link_that_became_good_is_used_again),
		cmocka_unit_test(viewer_that_never_acknowledges_is_not_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
