/* The hub under random joins, leaves, pauses, acknowledgements, partial writes and failing
 * allocations. Each viewer's bytes are read back as messages and held against what was published:
 * whole, in order, and never a P picture after a hole.
 *
 * test_hub_model [SEED]: the seed is printed, so that a failure can be had again. */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/util.h"
#include "streamer/hub.h"

#define ROUNDS   20000
#define VIEWERS  40
#define FRAME_US 33333
#define RX_MAX   (1 << 16)
#define RING_AUS 16

struct record { /* what a viewer finds before each access unit */
	uint32_t size, seq, flags;
};

struct viewer {
	bool on, started, paused;
	struct subscriber sub;
	unsigned speed; /* bytes a round, at most */
	uint32_t last_seq;
	uint64_t messages, gaps;
	size_t rx_size;
	uint8_t rx[RX_MAX];
};

static struct viewer viewers[VIEWERS];
static struct hub *hub;
static uint64_t random_state;
static bool fail_malloc;
static unsigned idr_requests;

/* Linked with -Wl,--wrap=malloc. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return fail_malloc ? NULL : __real_malloc(size);
}

static unsigned pick(unsigned below) /* xorshift64*: the same everywhere for one seed */
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

static size_t frame(uint8_t out[static HUB_HEADER_MAX], unsigned framing, const struct au *au,
		    uint32_t seq, int64_t publish_us)
{
	struct record record = {(uint32_t)au->size, seq, au->flags};

	(void)framing;
	(void)publish_us;
	memcpy(out, &record, sizeof(record));
	return sizeof(record);
}

static void need_idr(void *arg)
{
	(void)arg;
	idr_requests++;
}

static uint8_t byte_of(uint32_t seq, size_t i)
{
	return (uint8_t)(seq * 7 + i);
}

static void check_message(struct viewer *v, const struct record *record, const uint8_t *data)
{
	for (size_t i = 0; i < record->size; i++)
		assert(data[i] == byte_of(record->seq, i));
	if (!v->started) {
		assert(record->flags & AU_IDR);
	} else if (record->seq != v->last_seq + 1) {
		assert((int32_t)(record->seq - v->last_seq) > 0);
		assert(record->flags & AU_IDR);
		v->gaps++;
	}
	v->started = true;
	v->last_seq = record->seq;
	v->messages++;
}

static void read_messages(struct viewer *v)
{
	size_t at = 0;
	struct record record;

	while (v->rx_size - at >= sizeof(record)) {
		memcpy(&record, v->rx + at, sizeof(record));
		if (v->rx_size - at < sizeof(record) + record.size)
			break;
		check_message(v, &record, v->rx + at + sizeof(record));
		at += sizeof(record) + record.size;
	}
	memmove(v->rx, v->rx + at, v->rx_size - at);
	v->rx_size -= at;
}

static size_t take(struct viewer *v, const struct hub_message *message, size_t budget)
{
	size_t taken = 0;

	for (unsigned i = 0; i < message->iov_count && taken < budget; i++) {
		size_t part = min_size(message->iov[i].iov_len, budget - taken);
		assert(v->rx_size + part <= RX_MAX);
		memcpy(v->rx + v->rx_size, message->iov[i].iov_base, part);
		v->rx_size += part;
		taken += part;
	}
	return taken;
}

static void flush(struct viewer *v, int64_t now_us)
{
	size_t budget = pick(3) == 0 ? 0 : pick(v->speed);
	struct hub_message message;

	while (budget > 0 && hub_peek(hub, &v->sub, now_us, &message)) {
		assert(message.begun == subscriber_mid_message(&v->sub));
		size_t taken = take(v, &message, budget);
		hub_advance(hub, &v->sub, taken, now_us);
		budget -= taken;
		read_messages(v);
	}
}

static void live(struct viewer *v, int64_t now_us)
{
	if (!v->on) {
		if (pick(50) > 0)
			return;
		memset(v, 0, sizeof(*v));
		v->on = true;
		v->speed = 1 + pick(1500);
		hub_subscribe(hub, &v->sub, pick(HUB_FRAMINGS), now_us);
	}
	if (pick(400) == 0) {
		hub_unsubscribe(hub, &v->sub);
		v->on = false;
		return;
	}
	if (pick(300) == 0) {
		if (v->paused)
			hub_resume(hub, &v->sub, now_us);
		else
			hub_pause(&v->sub);
		v->paused = !v->paused;
	}
	if (v->started && pick(4) == 0)
		hub_ack(hub, &v->sub, v->last_seq - pick(3), now_us, NULL);
	flush(v, now_us);
}

static void publish(bool idr, int64_t now_us)
{
	size_t size = idr ? 500 + pick(3000) : pick(400) + 1;
	struct au *au = au_new(size);
	uint32_t seq = (uint32_t)hub_published(hub);

	assert(au != NULL);
	au->size = size;
	au->flags = idr ? AU_IDR : 0;
	au->pts_us = now_us;
	for (size_t i = 0; i < size; i++)
		au->data[i] = byte_of(seq, i);
	fail_malloc = pick(200) == 0;
	int r = hub_publish(hub, au, now_us);
	assert(r == (fail_malloc ? -ENOMEM : 0));
	fail_malloc = false;
}

int main(int argc, char **argv)
{
	uint64_t seed = (uint64_t)time(NULL);
	unsigned until_idr = 0, served = 0;
	uint64_t messages = 0, gaps = 0;

	if (argc > 1 && parse_unsigned(argv[1], 0, UINT64_MAX, &seed) < 0)
		return 2;
	printf("# seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	random_state = seed * 2 + 1;
	hub = hub_new(&(struct hub_config){
		.ring_aus_max = RING_AUS,
		.ring_bytes_max = 12000,
		.lag_max_us = 400000,
		.join_age_max_us = 300000,
		.join_bytes_max = 5000,
		.idr_join_interval_us = 500000,
		.idr_recover_interval_us = 2000000,
		.frame = frame,
		.need_idr = need_idr,
	});
	assert(hub != NULL);
	for (unsigned round = 0; round < ROUNDS; round++) {
		int64_t now_us = (int64_t)round * FRAME_US;
		bool idr = until_idr == 0 || (idr_requests > served && pick(3) == 0);
		if (idr) {
			until_idr = 30;
			served = idr_requests;
		}
		until_idr--;
		publish(idr, now_us);
		for (unsigned i = 0; i < VIEWERS; i++) {
			uint64_t before = viewers[i].messages, gaps_before = viewers[i].gaps;
			live(&viewers[i], now_us + 1000);
			if (viewers[i].messages >= before) {
				messages += viewers[i].messages - before;
				gaps += viewers[i].gaps - gaps_before;
			}
		}
	}
	for (unsigned i = 0; i < VIEWERS; i++)
		if (viewers[i].on)
			hub_unsubscribe(hub, &viewers[i].sub);
	assert(hub_subscriber_count(hub) == 0);
	hub_clear(hub);
	assert(hub_pinned_bytes(hub) == 0);
	hub_free(hub);
	printf("# %llu messages, %llu gaps, all at an IDR; %u requests for one\n",
	       (unsigned long long)messages, (unsigned long long)gaps, idr_requests);
	bool enough = messages > 10000 && gaps > 100;
	printf("%sok 1 - random_viewers_never_cross_a_hole\n1..1\n", enough ? "" : "not ");
	return !enough;
}
