#include "streamer/inflight.h"

#include "common/util.h"

#define RTT_SLACK_US 100000

void inflight_sent(struct inflight *f, uint32_t seq, int64_t now_us)
{
	if (inflight_is_full(f))
		return;
	if (f->count == INFLIGHT_MAX) {
		f->head = (f->head + 1) % INFLIGHT_MAX;
		f->count--;
	}
	unsigned at = (f->head + f->count++) % INFLIGHT_MAX;
	f->seq[at] = seq;
	f->sent_us[at] = now_us;
}

unsigned inflight_ack(struct inflight *f, uint32_t seq, int64_t now_us)
{
	unsigned settled = 0;

	/* seq wraps: later is what lies less than half the circle ahead. */
	while (f->count > 0 && (int32_t)(seq - f->seq[f->head]) >= 0) {
		f->rtt_us = now_us - f->sent_us[f->head];
		f->head = (f->head + 1) % INFLIGHT_MAX;
		f->count--;
		settled++;
	}
	if (settled == 0)
		return 0;
	f->rtt_min_us = f->acking ? min_i64(f->rtt_min_us, f->rtt_us) : f->rtt_us;
	f->acking = true;
	return settled;
}

bool inflight_is_full(const struct inflight *f)
{
	return f->acking && f->count == INFLIGHT_MAX;
}

int64_t inflight_age_us(const struct inflight *f, int64_t now_us)
{
	if (!f->acking || f->count == 0)
		return 0;
	return now_us - f->sent_us[f->head];
}

int64_t inflight_limit_us(const struct inflight *f, int64_t lag_max_us)
{
	return f->acking ? max_i64(lag_max_us, 2 * f->rtt_min_us + RTT_SLACK_US) : lag_max_us;
}
