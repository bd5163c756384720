#include "streamer/inflight.h"

#include "common/util.h"

#define RTT_SLACK_US   100000
#define RTT_DOUBTED_US 300000 /* more is not believed before it is confirmed */

/* TCP begins slowly, also after a pause: an IDR takes some round trips, and what follows is queued
 * behind it for some more. */
#define BEGIN_ROUND_TRIPS     10
#define BEGIN_ROUND_TRIPS_MAX 4
#define ROUND_TRIPS_MAX       2

/* How long the oldest has been out; there must be one. */
static int64_t oldest_us(const struct inflight *f, int64_t now_us)
{
	return (int32_t)((uint32_t)now_us - f->message[f->head].sent_us);
}

void inflight_sent(struct inflight *f, uint32_t seq, int64_t now_us)
{
	if (inflight_is_full(f))
		return;
	if (f->count == INFLIGHT_MAX) {
		f->head = (f->head + 1) % INFLIGHT_MAX;
		f->count--;
	}
	unsigned at = (f->head + f->count++) % INFLIGHT_MAX;
	f->message[at].seq = seq;
	f->message[at].sent_us = (uint32_t)now_us;
}

static void note_round_trip(struct inflight *f, int64_t rtt_us)
{
	rtt_us = max_i64(rtt_us, 1);
	f->rtt_min_us = f->rtt_min_us > 0 ? min_i64(f->rtt_min_us, rtt_us) : rtt_us;
}

unsigned inflight_ack(struct inflight *f, uint32_t seq, bool gathered, int64_t now_us)
{
	unsigned settled = 0;
	int64_t took_us = 0;

	/* seq wraps: later is what lies less than half the circle ahead. */
	while (f->count > 0 && (int32_t)(seq - f->message[f->head].seq) >= 0) {
		took_us = oldest_us(f, now_us);
		f->head = (f->head + 1) % INFLIGHT_MAX;
		f->count--;
		settled++;
	}
	if (settled == 0)
		return 0;
	f->acking = true;
	if (f->count == 0)
		f->empty_us = now_us;
	if (!gathered) {
		f->rtt_us = took_us;
		note_round_trip(f, took_us);
	}
	return settled;
}

void inflight_pong(struct inflight *f, int64_t ping_us, int64_t now_us)
{
	/* TCP keeps the order: what was sent before the ping has arrived. */
	if (!f->acking && f->count > 0 && oldest_us(f, now_us) > now_us - ping_us)
		f->silent = true;
	/* What is sent before or after a ping delays it, or its pong: only one that was alone says
	 * how long the way is. */
	if (f->acking && f->count == 0 && f->empty_us <= ping_us)
		f->confirmed = true;
	note_round_trip(f, now_us - ping_us);
}

bool inflight_is_in_doubt(const struct inflight *f, int64_t now_us)
{
	if (!f->expected || f->acking || f->silent || f->count == 0)
		return false;
	return f->rtt_min_us == 0 || oldest_us(f, now_us) > f->rtt_min_us + RTT_SLACK_US;
}

bool inflight_may_be_nearer(const struct inflight *f, int64_t lag_max_us)
{
	return f->acking && !f->confirmed && f->count == 0 &&
	       ROUND_TRIPS_MAX * f->rtt_min_us + RTT_SLACK_US > lag_max_us;
}

bool inflight_has_just_sent(const struct inflight *f, int64_t now_us)
{
	unsigned newest = (f->head + f->count - 1) % INFLIGHT_MAX;

	return f->count > 0 && f->message[newest].sent_us == (uint32_t)now_us;
}

bool inflight_is_fresh(const struct inflight *f, int64_t lag_max_us, int64_t now_us)
{
	return f->acking && f->count > 0 && f->count < INFLIGHT_MAX &&
	       oldest_us(f, now_us) <= lag_max_us;
}

bool inflight_says_nothing(const struct inflight *f)
{
	return !f->acking && (f->silent || !f->expected);
}

bool inflight_is_full(const struct inflight *f)
{
	return f->acking && f->count == INFLIGHT_MAX;
}

int64_t inflight_age_us(const struct inflight *f, int64_t now_us)
{
	if (!f->acking || f->count == 0)
		return 0;
	return max_i64(oldest_us(f, now_us), 0);
}

int64_t inflight_limit_us(const struct inflight *f, int64_t lag_max_us, int64_t begun_us,
			  int64_t now_us)
{
	int64_t rtt_us = f->confirmed ? f->rtt_min_us : min_i64(f->rtt_min_us, RTT_DOUBTED_US);
	bool begins = f->confirmed && now_us - begun_us < BEGIN_ROUND_TRIPS * rtt_us;
	int64_t trips = begins ? BEGIN_ROUND_TRIPS_MAX : ROUND_TRIPS_MAX;

	if (rtt_us == 0)
		return f->expected ? INT64_MAX : lag_max_us;
	return max_i64(lag_max_us, trips * rtt_us + RTT_SLACK_US);
}
