#include "streamer/attention.h"

#include "common/util.h"

#define TALK_US         1500000 /* who begins, or is in trouble, says several things in a row */
#define ANSWER_US       300000  /* for a pong, and some acknowledgements to measure */
#define CROWD_INTERVALS 4

void attention_begin(struct attention *a, unsigned interval_ms, unsigned viewers, int64_t now_us)
{
	*a = (struct attention){
		.ping_us = now_us,
		.pong_us = now_us,
		.heard_us = now_us,
		.ack_ms = interval_ms * (viewers > ATTENTION_CROWD ? CROWD_INTERVALS : 1),
	};
	a->spared_us = (a->ack_ms - interval_ms) * INT64_C(1000);
	attention_hold(a, now_us);
}

void attention_hold(struct attention *a, int64_t now_us)
{
	a->until_us = max_i64(a->until_us, now_us + TALK_US);
}

bool attention_wants_ping(const struct attention *a, int64_t interval_us, int64_t now_us)
{
	return !attention_awaits_pong(a) && now_us - a->pong_us >= interval_us;
}

void attention_ping(struct attention *a, int64_t now_us)
{
	a->ping_us = max_i64(now_us, a->pong_us + 1); /* not answered by that of this moment */
	a->until_us = max_i64(a->until_us, now_us + ANSWER_US);
}

bool attention_awaits_pong(const struct attention *a)
{
	return a->ping_us > a->pong_us;
}

int64_t attention_silent_us(const struct attention *a, int64_t now_us)
{
	return attention_awaits_pong(a) ? now_us - a->ping_us : 0;
}

void attention_pong(struct attention *a, int64_t now_us)
{
	a->pong_us = now_us;
}

void attention_heard(struct attention *a, bool gathers, int64_t now_us)
{
	a->heard_us = now_us;
	a->gathered = gathers;
}

bool attention_gathers(struct attention *a, unsigned viewers, bool keeps_up, int64_t now_us)
{
	bool gathers = keeps_up && viewers > ATTENTION_CROWD && now_us >= a->until_us &&
		       !attention_awaits_pong(a);

	a->gathered |= gathers;
	return gathers;
}
