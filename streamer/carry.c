#include "streamer/carry.h"

#include "common/util.h"

#define SECOND_US  INT64_C(1000000)
#define JUDGED_US  (10 * SECOND_US)
#define PERIOD_US  (5 * SECOND_US) /* some IDRs: what is large measures best */
#define MEASURE_US 100000          /* less is no measure of a second */
#define REST_US    100000          /* of a link, in which it saves up for some packets */

void carry_sent(struct carry *c, uint64_t end, size_t size, int64_t now_us)
{
	if (c->sent != end - size) { /* something is skipped: what is before that is past */
		c->acked = end - size;
		c->timing = false;
	}
	c->sent = end;
	if (c->timing)
		return;
	c->timing = true;
	c->rested = c->acked == end - size && now_us - c->acked_us > REST_US;
	c->timed = end;
	c->timed_acked = c->acked;
	c->timed_us = now_us;
}

static uint64_t most_bytes_per_s(const struct carry *c)
{
	return c->most > c->most_before ? c->most : c->most_before;
}

static void note_measure(struct carry *c, uint64_t bytes_per_s, int64_t now_us)
{
	if (now_us - c->period_us > PERIOD_US) {
		c->period_us = now_us;
		c->most_before = c->most;
		c->most = 0;
	}
	/* Of a link at rest only while nothing better is known. */
	if (c->rested && !c->guessed && most_bytes_per_s(c) > 0)
		return;
	if (c->guessed && !c->rested)
		c->most = c->most_before = 0;
	c->guessed = c->rested;
	if (bytes_per_s > c->most)
		c->most = bytes_per_s;
}

void carry_acked(struct carry *c, uint64_t end, bool gathered, int64_t now_us)
{
	if (end > c->sent)
		end = c->sent; /* of what was never sent */
	if (end <= c->acked)
		return;
	c->acked = end;
	c->acked_us = now_us;
	if (!c->timing || end < c->timed)
		return;
	c->timing = false;
	if (gathered)
		return;
	uint64_t bytes = end - c->timed_acked;
	int64_t us = max_i64(now_us - c->timed_us, 1);
	note_measure(c, bytes * SECOND_US / (uint64_t)us, now_us);
	c->bytes += bytes;
	c->us += us;
}

void carry_lagged(struct carry *c, int64_t now_us)
{
	c->lagged = true;
	c->judged_until_us = now_us + JUDGED_US;
}

bool carry_is_judged(const struct carry *c, int64_t now_us)
{
	return now_us < c->judged_until_us;
}

int64_t carry_takes_us(const struct carry *c, size_t size, int64_t now_us)
{
	if (!carry_is_judged(c, now_us))
		return 0;
	uint64_t bytes_per_s = most_bytes_per_s(c);
	if (bytes_per_s == 0)
		return 0;
	return (int64_t)((c->sent - c->acked + size) * SECOND_US / bytes_per_s);
}

unsigned carry_survey_bps(struct carry *c)
{
	uint64_t bps = c->us >= MEASURE_US ? c->bytes * 8 * SECOND_US / (uint64_t)c->us : 0;

	c->bytes = 0;
	c->us = 0;
	c->lagged = false;
	return bps < UINT32_MAX ? (unsigned)bps : UINT32_MAX;
}
