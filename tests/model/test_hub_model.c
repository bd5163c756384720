/* The hub beside a naive one, under random joins, leaves, partial writes of every size,
 * acknowledgements right and wrong, pauses, wishes for key frames, clears, encoders that cannot be
 * asked, and failing allocations. Both must agree about everything that can be seen; besides, what
 * each viewer gets is read back as messages and held against what was published: whole, in order,
 * never a P picture after a hole; and every byte of every access unit is accounted for.
 *
 * test_hub_model [SEED [RUNS]]: the seed of each run is its number from there on; what fails says
 * its seed, and "test_hub_model SEED 1" does it again. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/util.h"
#include "tests/model/naive_hub.h"

#define RUNS   60
#define STEPS  6000
#define RX_MAX (1 << 13)

struct record { /* what each access unit begins with */
	uint32_t size, seq, idr;
};

struct viewer {
	struct subscriber sub;
	unsigned framing;
	bool paused, paused_since; /* now, and since the newest message began */
	bool rewound, may_rewind;  /* resumed where no IDR can be asked for; before that message */
	bool started;
	uint32_t last_seq;
	bool pinged;
	int64_t ping_us;
	uint64_t skipped_then; /* when the newest message began */
	uint64_t sent_bytes;
	size_t rx_size;
	uint8_t rx[RX_MAX];
};

static const size_t header_size[HUB_FRAMINGS] = {10, 34, 0};

static struct hub *hub;
static struct naive_hub naive;
static struct viewer viewers[NAIVE_VIEWERS];
static struct hub_config cfg;
static int64_t now_us;
static uint64_t seed, random_state;
static unsigned step, malloc_fails_in, idr_requests;
static bool malloc_failed;
static size_t living_bytes; /* of access units that the hub was given and has not let go of */
static uint64_t messages, gaps, losses, rewinds, settled_total;

#define CHECK(what)                            \
	do {                                   \
		if (!(what))                   \
			fail(#what, __LINE__); \
	} while (0)

static _Noreturn void fail(const char *what, int line)
{
	printf("# seed %" PRIu64 ", step %u, line %d: %s\n", seed, step, line, what);
	printf("not ok 1 - the_hub_does_as_the_naive_one\n1..1\n");
	fflush(stdout);
	exit(1);
}

/* Linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=au_unref. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __real_au_unref(const struct au *au);
void __wrap_au_unref(const struct au *au);

/* The n-th from when malloc_fails_in was set to n fails. */
static bool fails_now(void)
{
	if (malloc_fails_in == 0 || --malloc_fails_in > 0)
		return false;
	malloc_failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void __wrap_au_unref(const struct au *au)
{
	if (au != NULL && au->refs == 1)
		living_bytes -= au->size;
	__real_au_unref(au);
}

static unsigned pick(unsigned below) /* xorshift64*: the same everywhere for one seed */
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

static bool chance(unsigned one_in)
{
	return pick(one_in) == 0;
}

static uint8_t byte_of(uint32_t seq, size_t i)
{
	return (uint8_t)(seq * 7 + i);
}

static size_t frame(uint8_t out[static HUB_HEADER_MAX], unsigned framing, const struct au *au,
		    uint32_t seq, int64_t publish_us)
{
	(void)au;
	(void)publish_us;
	for (size_t i = 0; i < header_size[framing]; i++)
		out[i] = byte_of(seq + framing, i);
	return header_size[framing];
}

static void need_idr(void *arg)
{
	(void)arg;
	idr_requests++;
}

/* What can be told of a message without knowing any policy. */
static void check_message(struct viewer *v, const uint8_t *header, const struct record *record,
			  const uint8_t *au)
{
	for (size_t i = 0; i < header_size[v->framing]; i++)
		CHECK(header[i] == byte_of(record->seq + v->framing, i));
	for (size_t i = sizeof(*record); i < record->size; i++)
		CHECK(au[i] == byte_of(record->seq, i));
	uint32_t next = v->last_seq + 1;
	CHECK(record->idr || (v->started && record->seq == next));
	if (v->started && record->seq < next) {
		CHECK(v->may_rewind);
		rewinds++;
	}
	if (v->started && record->seq > next)
		gaps++;
	v->started = true;
	v->last_seq = record->seq;
	v->sent_bytes += header_size[v->framing] + record->size;
	messages++;
}

static void read_messages(struct viewer *v)
{
	struct record record;
	size_t before = header_size[v->framing];

	while (v->rx_size >= before + sizeof(record)) {
		memcpy(&record, v->rx + before, sizeof(record));
		size_t size = before + record.size;
		if (v->rx_size < size)
			return;
		check_message(v, v->rx, &record, v->rx + before);
		v->rx_size -= size;
		memmove(v->rx, v->rx + size, v->rx_size);
	}
}

static size_t take(struct viewer *v, const struct hub_message *message, size_t budget)
{
	size_t taken = 0;

	for (unsigned i = 0; i < message->iov_count && taken < budget; i++) {
		size_t part = min_size(message->iov[i].iov_len, budget - taken);
		CHECK(v->rx_size + part <= RX_MAX);
		memcpy(v->rx + v->rx_size, message->iov[i].iov_base, part);
		v->rx_size += part;
		taken += part;
	}
	return taken;
}

/* A message begins. Since that of the one before, everything was skipped that was published,
 * unless it paused. */
static void check_begun(struct viewer *v, uint32_t seq)
{
	uint64_t skipped = v->sub.skipped_aus - v->skipped_then;

	if (!v->started)
		CHECK(v->sub.skipped_aus == 0);
	else if (!v->paused_since)
		CHECK(skipped == seq - (v->last_seq + 1));
	else if (!v->rewound)
		CHECK(skipped <= seq - (v->last_seq + 1));
	v->skipped_then = v->sub.skipped_aus;
	v->may_rewind = v->rewound;
	v->paused_since = v->rewound = false;
}

/* Shows what both would send; sends up to budget bytes of it. Returns how many. */
static size_t send_some(unsigned at, size_t budget)
{
	struct viewer *v = &viewers[at];
	struct naive_viewer *nv = &naive.viewers[at];
	struct hub_message message;
	uint64_t seq;

	bool any = hub_peek(hub, &v->sub, now_us, &message);
	CHECK(any == naive_peek(&naive, nv, now_us, &seq));
	if (!any)
		return 0;
	CHECK(message.seq == (uint32_t)seq);
	CHECK(message.begun == nv->mid);
	CHECK(nv->mid || !v->paused);
	size_t left = 0;
	for (unsigned i = 0; i < message.iov_count; i++)
		left += message.iov[i].iov_len;
	CHECK(v->rx_size + left == header_size[v->framing] + naive.aus[seq].size);
	size_t bytes = min_size(left, budget);
	if (bytes == 0)
		return 0;
	if (!message.begun)
		check_begun(v, message.seq);
	take(v, &message, bytes);
	hub_advance(hub, &v->sub, bytes, now_us);
	naive_advance(&naive, nv, seq, bytes == left, now_us);
	CHECK(v->sub.progress_us == now_us);
	read_messages(v);
	CHECK((v->rx_size == 0) == (bytes == left));
	return bytes;
}

static void send_all(unsigned at)
{
	while (send_some(at, SIZE_MAX) > 0)
		;
}

/* Right, old, again, of the future, or nonsense. */
static void acknowledge(unsigned at)
{
	struct viewer *v = &viewers[at];
	uint32_t seq = v->started ? v->last_seq : 0;
	int64_t publish_us = -1, naive_publish_us = -1;

	switch (pick(8)) {
	case 0:
		seq -= pick(20);
		break;
	case 1:
		seq = chance(2) ? (uint32_t)naive.head + pick(100) : seq + 1;
		break;
	case 2:
		if (chance(10))
			seq = pick(UINT32_MAX);
		break;
	default:
		break;
	}
	bool gathered = chance(3);
	unsigned settled = hub_ack(hub, &v->sub, seq, gathered, now_us, &publish_us);
	CHECK(settled ==
	      naive_ack(&naive, &naive.viewers[at], seq, gathered, now_us, &naive_publish_us));
	CHECK(publish_us == naive_publish_us);
	CHECK(settled == 0 || v->sub.progress_us == now_us);
	settled_total += settled;
}

/* A ping is sent, or the pong of the last comes. */
static void ping_or_pong(unsigned at)
{
	struct viewer *v = &viewers[at];

	v->pinged = !v->pinged;
	if (v->pinged) {
		v->ping_us = now_us;
		return;
	}
	hub_pong(&v->sub, v->ping_us, now_us);
	naive_pong(&naive.viewers[at], v->ping_us, now_us);
}

static void pause_or_resume(unsigned at)
{
	struct viewer *v = &viewers[at];
	struct naive_viewer *nv = &naive.viewers[at];

	if (chance(2)) {
		hub_pause(&v->sub);
		nv->state = SUBSCRIBER_PAUSED;
		v->paused = v->paused_since = true;
		return;
	}
	v->rewound = v->rewound || (v->paused && !naive.can_force_idr);
	v->paused = false;
	hub_resume(hub, &v->sub, now_us);
	naive_resume(&naive, nv, now_us);
}

static void subscribe(unsigned at)
{
	struct viewer *v = &viewers[at];

	memset(v, 0, sizeof(*v));
	v->framing = pick(HUB_FRAMINGS);
	hub_subscribe(hub, &v->sub, v->framing, now_us);
	naive_subscribe(&naive, &naive.viewers[at], now_us);
	if (chance(2)) {
		naive.viewers[at].expected = true;
		naive.viewers[at].spared_us = chance(2) ? 150000 : 0;
		hub_expect_acks(&v->sub, naive.viewers[at].spared_us);
	}
}

static void unsubscribe(unsigned at)
{
	hub_unsubscribe(hub, &viewers[at].sub);
	naive.viewers[at].on = false;
}

static struct au *make_au(bool idr)
{
	size_t size = sizeof(struct record) + pick(idr ? 2000 : 300);
	struct record record = {(uint32_t)size, (uint32_t)naive.head, idr};
	struct au *au = au_new(size);

	CHECK(au != NULL);
	au->size = size;
	au->flags = idr ? AU_IDR : 0;
	au->pts_us = now_us;
	au->format.width = pick(1000);
	memcpy(au->data, &record, sizeof(record));
	for (size_t i = sizeof(record); i < size; i++)
		au->data[i] = byte_of(record.seq, i);
	living_bytes += size;
	return au;
}

static void publish(void)
{
	bool idr = (naive.idr_outstanding && chance(3)) || chance(30);
	struct au *au = make_au(idr);
	size_t size = au->size;
	unsigned width = au->format.width;

	if (chance(100))
		malloc_fails_in = 1 + pick(2);
	malloc_failed = false;
	int r = hub_publish(hub, au, now_us);
	malloc_fails_in = 0;
	CHECK(r == (malloc_failed ? -ENOMEM : 0));
	if (malloc_failed) {
		losses++;
		naive_lose(&naive, now_us);
		return;
	}
	naive_publish(&naive, size, idr, now_us);
	CHECK(hub_format(hub)->width == width);
}

static void upset(void)
{
	if (chance(4)) {
		naive.can_force_idr = !naive.can_force_idr;
		hub_set_can_force_idr(hub, naive.can_force_idr);
	} else if (chance(3)) {
		hub_clear(hub);
		naive_clear(&naive);
	} else {
		hub_request_idr(hub, now_us);
		naive_keyframe(&naive, now_us);
	}
}

static void act(unsigned at)
{
	if (!naive.viewers[at].on) {
		if (chance(3))
			subscribe(at);
		return;
	}
	unsigned what = pick(100);
	if (what < 40)
		send_all(at);
	else if (what < 65)
		send_some(at, pick(pick(4) == 0 ? 3 : 600));
	else if (what < 93 && at % 3 != 0) /* every third never acknowledges */
		acknowledge(at);
	else if (what < 97)
		ping_or_pong(at);
	else if (what < 99)
		pause_or_resume(at);
	else if (chance(4))
		unsubscribe(at);
}

static void check_all(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < NAIVE_VIEWERS; i++) {
		const struct subscriber *sub = &viewers[i].sub;
		const struct naive_viewer *nv = &naive.viewers[i];
		if (!nv->on)
			continue;
		count++;
		CHECK(subscriber_mid_message(sub) == nv->mid);
		CHECK(sub->sent_aus == nv->sent_aus);
		CHECK(sub->sent_bytes == viewers[i].sent_bytes);
		CHECK(sub->skipped_aus == nv->skipped_aus);
		CHECK(hub_wants_ping(hub, sub, now_us) == naive_wants_ping(&naive, nv, now_us));
		CHECK(hub_lag_us(hub, sub, now_us) == naive_lag_us(&naive, nv, now_us));
	}
	CHECK(hub_subscriber_count(hub) == count);
	CHECK(hub_published(hub) == naive.head);
	CHECK(hub_live_seq(hub) == (uint32_t)(naive.head - 1));
	CHECK((hub_format(hub) != NULL) == (naive.head > 0));
	CHECK(idr_requests == naive.idr_requests);

	size_t ring_bytes = naive_ring_bytes(&naive), pinned_bytes = naive_pinned_bytes(&naive);
	CHECK(hub_pinned_bytes(hub) == pinned_bytes);
	CHECK(living_bytes == ring_bytes + pinned_bytes);
	CHECK(naive.head - naive.tail <= cfg.ring_aus_max);
	CHECK(ring_bytes <= cfg.ring_bytes_max || naive.head - naive.tail == 1);
}

/* Whatever the two agree on: never more requests than the budgets allow. */
static void check_budgets(void)
{
	static unsigned before;
	static int64_t asked_us[STEPS];

	if (step == 0)
		before = 0;
	if (idr_requests == before)
		return;
	CHECK(idr_requests == before + 1);
	asked_us[before++] = now_us;
	for (unsigned i = 0; i < before; i++) {
		int64_t span_us = now_us - asked_us[i];
		CHECK(before - i <= span_us / cfg.idr_join_interval_us +
					    span_us / cfg.idr_recover_interval_us + 2);
	}
}

static void begin_run(void)
{
	random_state = seed * 2 + 1;
	for (unsigned i = 0; i < 20; i++)
		pick(2); /* small seeds are alike at first */
	cfg = (struct hub_config){
		.ring_aus_max = 1 + pick(40),
		.ring_bytes_max = 500 + pick(20000),
		.lag_max_us = 50000 + pick(600000),
		.join_age_max_us = pick(500000),
		.join_bytes_max = pick(6000),
		.idr_join_interval_us = 1 + pick(500000),
		.idr_recover_interval_us = 1 + pick(2000000),
		.frame = frame,
		.need_idr = need_idr,
	};
	malloc_fails_in = 1;
	CHECK(hub_new(&cfg) == NULL);
	hub = hub_new(&cfg);
	CHECK(hub != NULL);
	naive_init(&naive, &cfg);
	now_us = pick(1000000);
	idr_requests = 0;
}

static void end_run(void)
{
	for (unsigned i = 0; i < NAIVE_VIEWERS; i++)
		if (naive.viewers[i].on)
			unsubscribe(i);
	check_all();
	hub_clear(hub);
	naive_clear(&naive);
	check_all();
	CHECK(living_bytes == 0);
	hub_free(hub);
}

static void run(void)
{
	begin_run();
	for (step = 0; step < STEPS; step++) {
		now_us += pick(8000);
		if (chance(300))
			now_us += pick(1500000); /* the camera stalls */
		if (naive.head < NAIVE_AUS_MAX && chance(8))
			publish();
		else if (chance(60))
			upset();
		else
			act(pick(NAIVE_VIEWERS));
		check_all();
		check_budgets();
	}
	end_run();
}

int main(int argc, char **argv)
{
	uint64_t from = (uint64_t)time(NULL), runs = RUNS;

	if (argc > 1 && parse_unsigned(argv[1], 0, UINT64_MAX / 4, &from) < 0)
		return 2;
	if (argc > 2 && parse_unsigned(argv[2], 1, 1000000, &runs) < 0)
		return 2;
	for (seed = from; seed < from + runs; seed++)
		run();
	printf("# seeds from %" PRIu64 ": %" PRIu64 " messages, %" PRIu64 " gaps, %" PRIu64
	       " replays, %" PRIu64 " losses, %" PRIu64 " settled\n",
	       from, messages, gaps, rewinds, losses, settled_total);
	bool enough = messages > 500 * runs && gaps > 10 * runs;
	printf("%sok 1 - the_hub_does_as_the_naive_one\n1..1\n", enough ? "" : "not ");
	return !enough;
}
