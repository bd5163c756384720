/* hub_scene: a hub of the usual settings, its clock, and pictures for it, for the tests of the hub
 * and of what its owner asks of it. */
#ifndef TESTS_UNIT_HUB_SCENE_H
#define TESTS_UNIT_HUB_SCENE_H

#include "tests/unit/unit.h"

#include <string.h>

#include "streamer/hub.h"

#define FRAME_US   33333
#define LAG_MAX_US 250000
#define BUDGET_US  2000000
#define AU_BYTES   100

static struct hub *hub;
static unsigned idr_requests;
static int64_t now_us;

static size_t frame(uint8_t out[static HUB_HEADER_MAX], unsigned framing, const struct au *au,
		    uint32_t seq, int64_t publish_us)
{
	(void)au;
	(void)publish_us;
	if (framing == 0)
		return 0;
	memcpy(out, &seq, sizeof(seq));
	return sizeof(seq);
}

static void need_idr(void *arg)
{
	(void)arg;
	idr_requests++;
}

static int make_hub(void **state)
{
	UNUSED_STATE(state);
	hub = hub_new(&(struct hub_config){
		.ring_aus_max = 64,
		.ring_bytes_max = 1 << 20,
		.lag_max_us = LAG_MAX_US,
		.join_age_max_us = 500000,
		.join_bytes_max = 10 * AU_BYTES,
		.idr_join_interval_us = 500000,
		.idr_recover_interval_us = BUDGET_US,
		.frame = frame,
		.need_idr = need_idr,
	});
	idr_requests = 0;
	now_us = 1000000;
	return hub == NULL;
}

static int free_hub(void **state)
{
	UNUSED_STATE(state);
	hub_free(hub);
	return 0;
}

static void publish_sized(unsigned flags, size_t size)
{
	struct au *au = au_new(size);

	assert_non_null(au);
	au->flags = flags;
	au->size = size;
	memset(au->data, 0x55, size);
	now_us += FRAME_US;
	assert_int_equal(hub_publish(hub, au, now_us), 0);
}

static void publish(unsigned flags)
{
	publish_sized(flags, AU_BYTES);
}

static inline bool peek(struct subscriber *sub, struct hub_message *message)
{
	return hub_peek(hub, sub, now_us, message);
}

/* Send all there is; returns how many messages, and the seq of the first and the last. */
static inline unsigned drain(struct subscriber *sub, uint32_t *ret_first, uint32_t *ret_last)
{
	struct hub_message message;
	unsigned count = 0;

	while (peek(sub, &message)) {
		size_t total = 0;
		for (unsigned i = 0; i < message.iov_count; i++)
			total += message.iov[i].iov_len;
		if (count++ == 0 && ret_first != NULL)
			*ret_first = message.seq;
		if (ret_last != NULL)
			*ret_last = message.seq;
		hub_advance(hub, sub, total, now_us);
	}
	return count;
}

/* One who acknowledges, and has got a first IDR and said so. */
static inline void join_acking(struct subscriber *sub, int64_t spared_us, int64_t rtt_us)
{
	uint32_t seq = 0;

	hub_subscribe(hub, sub, 1, now_us);
	hub_expect_acks(sub, spared_us);
	publish(AU_IDR);
	drain(sub, NULL, &seq);
	now_us += rtt_us;
	hub_ack(hub, sub, seq, false, now_us, NULL);
}

#endif
