#include "tests/model/naive_hub.h"

#include <assert.h>
#include <string.h>

void naive_init(struct naive_hub *n, const struct hub_config *cfg)
{
	memset(n, 0, sizeof(*n));
	n->cfg = cfg;
	n->can_force_idr = true;
	n->join_asked_us = n->recover_asked_us = INT64_MIN / 2;
}

static size_t bytes_between(const struct naive_hub *n, uint64_t from, uint64_t to)
{
	size_t bytes = 0;

	for (uint64_t seq = from; seq < to; seq++)
		bytes += n->aus[seq].size;
	return bytes;
}

size_t naive_ring_bytes(const struct naive_hub *n)
{
	return bytes_between(n, n->tail, n->head);
}

/* Each access unit once that somebody is in the middle of, and that is not kept anyway. */
size_t naive_pinned_bytes(const struct naive_hub *n)
{
	size_t bytes = 0;

	for (uint64_t seq = 0; seq < n->tail; seq++) {
		bool held = false;
		for (unsigned i = 0; i < NAIVE_VIEWERS; i++)
			held = held || (n->viewers[i].on && n->viewers[i].mid &&
					n->viewers[i].mid_seq == seq);
		bytes += held ? n->aus[seq].size : 0;
	}
	return bytes;
}

static bool find_idr(const struct naive_hub *n, uint64_t *ret_seq)
{
	for (uint64_t seq = n->head; seq-- > n->tail;)
		if (n->aus[seq].idr) {
			*ret_seq = seq;
			return true;
		}
	return false;
}

static bool is_near(const struct naive_hub *n, uint64_t idr, int64_t now_us)
{
	return now_us - n->aus[idr].publish_us <= n->cfg->join_age_max_us &&
	       bytes_between(n, idr + 1, n->head) <= n->cfg->join_bytes_max;
}

static void ask(struct naive_hub *n, int64_t now_us)
{
	if (!n->can_force_idr || n->idr_outstanding)
		return;
	if (n->join_wanted && now_us - n->join_asked_us >= n->cfg->idr_join_interval_us)
		n->join_asked_us = now_us;
	else if (n->recover_wanted &&
		 now_us - n->recover_asked_us >= n->cfg->idr_recover_interval_us)
		n->recover_asked_us = now_us;
	else
		return;
	n->idr_outstanding = true;
	n->idr_requests++;
}

static void wait_for_idr(struct naive_hub *n, struct naive_viewer *v, bool *wanted, int64_t now_us)
{
	v->state = SUBSCRIBER_WAIT_IDR;
	v->next = n->head;
	*wanted = true;
	ask(n, now_us);
}

static void begin_at(struct naive_viewer *v, uint64_t seq, int64_t now_us)
{
	v->state = SUBSCRIBER_LIVE;
	v->next = seq;
	v->placed_us = now_us;
}

static void count_skipped(struct naive_viewer *v, uint64_t to)
{
	if (v->begun)
		v->skipped_aus += to - v->next;
}

void naive_publish(struct naive_hub *n, size_t size, bool idr, int64_t now_us)
{
	assert(n->head < NAIVE_AUS_MAX);
	n->aus[n->head++] = (struct naive_au){size, idr, now_us};
	while (n->head - n->tail > n->cfg->ring_aus_max ||
	       (n->head - n->tail > 1 && naive_ring_bytes(n) > n->cfg->ring_bytes_max))
		n->tail++;
	if (idr)
		n->idr_outstanding = n->join_wanted = n->recover_wanted = false;
	ask(n, now_us);
}

void naive_clear(struct naive_hub *n)
{
	n->tail = n->head;
	n->idr_outstanding = false;
}

void naive_lose(struct naive_hub *n, int64_t now_us)
{
	n->join_wanted = false;
	for (unsigned i = 0; i < NAIVE_VIEWERS; i++) {
		struct naive_viewer *v = &n->viewers[i];
		n->join_wanted = n->join_wanted || v->on;
		if (!v->on || v->state != SUBSCRIBER_LIVE)
			continue;
		count_skipped(v, n->head);
		v->state = SUBSCRIBER_WAIT_IDR;
		v->next = n->head;
	}
	naive_clear(n);
	ask(n, now_us);
}

void naive_keyframe(struct naive_hub *n, int64_t now_us)
{
	n->recover_wanted = true;
	ask(n, now_us);
}

static void join(struct naive_hub *n, struct naive_viewer *v, int64_t now_us)
{
	uint64_t idr;

	v->sent = v->acked = 0;
	v->timing = v->guessed = false;
	v->carried_us = 0;
	v->bytes_per_s = v->bytes_per_s_before = 0;
	v->period_us = v->judged_until_us = 0;
	if (find_idr(n, &idr) && (!n->can_force_idr || (idr >= v->next && is_near(n, idr, now_us))))
		begin_at(v, idr, now_us);
	else
		wait_for_idr(n, v, &n->join_wanted, now_us);
}

void naive_subscribe(struct naive_hub *n, struct naive_viewer *v, int64_t now_us)
{
	memset(v, 0, sizeof(*v));
	v->on = true;
	join(n, v, now_us);
}

void naive_resume(struct naive_hub *n, struct naive_viewer *v, int64_t now_us)
{
	if (v->state == SUBSCRIBER_PAUSED)
		join(n, v, now_us);
}

static int64_t flight_age_us(const struct naive_viewer *v, int64_t now_us)
{
	return v->acking && v->first < v->end ? now_us - v->flights[v->first].sent_us : 0;
}

/* Who is paused is owed nothing but the rest of what it is in the middle of. */
int64_t naive_lag_us(const struct naive_hub *n, const struct naive_viewer *v, int64_t now_us)
{
	int64_t waits_us = 0, due = v->mid ? (int64_t)v->mid_seq : (int64_t)v->next;

	if (v->mid || (v->state != SUBSCRIBER_PAUSED && v->next >= n->tail && v->next < n->head)) {
		waits_us = now_us - n->aus[due].publish_us;
		if (n->aus[due].publish_us < v->placed_us)
			waits_us = now_us - v->placed_us;
	}
	int64_t flies_us = flight_age_us(v, now_us);
	return flies_us > waits_us ? flies_us : waits_us;
}

/* protocol.md 2: max(viewer_lag_max_ms, 2 x smallest round trip + 100 ms); 4 of them in the first
 * 10. What may yet be a slow link is taken for 300 ms at most. */
static int64_t limit_us(const struct naive_hub *n, const struct naive_viewer *v, int64_t now_us)
{
	int64_t trip_us = v->rtt_min_us;

	int64_t more_us = now_us < v->judged_until_us ? 0 : v->spared_us;

	if (trip_us == 0)
		return v->expected ? INT64_MAX : n->cfg->lag_max_us + more_us;
	if (!v->confirmed && trip_us > 300000)
		trip_us = 300000;
	int64_t trips_us = 2 * trip_us + 100000;
	if (v->confirmed && now_us - v->placed_us < 10 * trip_us)
		trips_us = 4 * trip_us + 100000;
	return more_us + (trips_us > n->cfg->lag_max_us ? trips_us : n->cfg->lag_max_us);
}

static bool is_in_doubt(const struct naive_viewer *v, int64_t now_us)
{
	return v->expected && !v->acking && !v->silent && v->first < v->end &&
	       (v->rtt_min_us == 0 ||
		now_us - v->flights[v->first].sent_us > v->rtt_min_us + 100000);
}

/* Is its way long, or its link slow? One ping that nothing follows will say. */
static bool may_be_nearer(const struct naive_hub *n, const struct naive_viewer *v)
{
	bool far = 2 * v->rtt_min_us + 100000 > n->cfg->lag_max_us;

	return v->acking && !v->confirmed && v->first == v->end && far;
}

bool naive_wants_ping(const struct naive_hub *n, const struct naive_viewer *v, int64_t now_us)
{
	return is_in_doubt(v, now_us) || may_be_nearer(n, v);
}

static void note_round_trip(struct naive_viewer *v, int64_t rtt_us)
{
	if (rtt_us < 1)
		rtt_us = 1;
	if (v->rtt_min_us == 0 || rtt_us < v->rtt_min_us)
		v->rtt_min_us = rtt_us;
}

void naive_pong(struct naive_viewer *v, int64_t ping_us, int64_t now_us)
{
	if (!v->acking && v->first < v->end && v->flights[v->first].sent_us < ping_us)
		v->silent = true;
	if (v->acking && v->first == v->end && v->acked_us <= ping_us)
		v->confirmed = true;
	note_round_trip(v, now_us - ping_us);
}

/* Would its next message, sent now, arrive past the limit? Known of those who lagged only. */
static bool comes_late(const struct naive_hub *n, const struct naive_viewer *v, int64_t now_us)
{
	const struct naive_au *au = &n->aus[v->next];

	uint64_t bytes_per_s = v->bytes_per_s;
	if (v->bytes_per_s_before > bytes_per_s)
		bytes_per_s = v->bytes_per_s_before;
	if (bytes_per_s == 0 || now_us >= v->judged_until_us)
		return false;
	if (au->idr && v->first == v->end)
		return false;
	uint64_t takes_us = (v->sent - v->acked + au->size) * 1000000 / bytes_per_s;
	if (takes_us == 0)
		return false;
	if (v->first < v->end && v->flights[v->end - 1].sent_us == now_us)
		return true; /* one at a time */
	return now_us - au->publish_us + (int64_t)takes_us > limit_us(n, v, now_us);
}

static void recover(struct naive_hub *n, struct naive_viewer *v, int64_t now_us)
{
	uint64_t idr;

	if (find_idr(n, &idr) && idr >= v->next && is_near(n, idr, now_us)) {
		count_skipped(v, idr);
		begin_at(v, idr, now_us);
		return;
	}
	count_skipped(v, n->head);
	wait_for_idr(n, v, &n->recover_wanted, now_us);
}

static void end_wait(struct naive_hub *n, struct naive_viewer *v, int64_t now_us)
{
	uint64_t idr;

	if (!find_idr(n, &idr) || idr < v->next)
		return;
	if (n->can_force_idr && !is_near(n, idr, now_us)) {
		n->recover_wanted = true;
		ask(n, now_us);
		return;
	}
	count_skipped(v, idr);
	begin_at(v, idr, now_us);
}

bool naive_peek(struct naive_hub *n, struct naive_viewer *v, int64_t now_us, uint64_t *ret_seq)
{
	if (v->mid) {
		*ret_seq = v->mid_seq;
		return true;
	}
	if (v->state == SUBSCRIBER_LIVE && v->next == n->head)
		return false; /* nothing is held back: whether it is late is seen at the next */
	if (may_be_nearer(n, v))
		return false;
	if (v->state == SUBSCRIBER_LIVE &&
	    (v->next < n->tail || naive_lag_us(n, v, now_us) > limit_us(n, v, now_us) ||
	     (v->acking && v->end - v->first >= INFLIGHT_MAX) ||
	     (v->first == v->end && comes_late(n, v, now_us)))) {
		v->state = SUBSCRIBER_DRAINING;
		v->judged_until_us = now_us + 10000000;
	}
	if (v->state == SUBSCRIBER_DRAINING &&
	    (v->first == v->end || (!v->acking && (v->silent || !v->expected))))
		recover(n, v, now_us);
	if (v->state == SUBSCRIBER_WAIT_IDR)
		end_wait(n, v, now_us);
	if (v->state != SUBSCRIBER_LIVE || v->next == n->head || is_in_doubt(v, now_us) ||
	    comes_late(n, v, now_us))
		return false;
	*ret_seq = v->next;
	return true;
}

static void note_sent(struct naive_hub *n, struct naive_viewer *v, uint64_t seq, int64_t now_us)
{
	size_t from = bytes_between(n, 0, seq);

	if (v->sent != from) {
		v->acked = from;
		v->timing = false;
	}
	v->sent = from + n->aus[seq].size;
	if (!v->timing) {
		v->timing = true;
		v->timed = v->sent;
		v->timed_acked = v->acked;
		v->timed_us = now_us;
		v->rested = v->acked == from && now_us - v->carried_us > 100000;
	}
	assert(v->end < NAIVE_FLIGHTS_MAX);
	v->flights[v->end].seq = seq;
	v->flights[v->end++].sent_us = now_us;
	if (v->end - v->first > INFLIGHT_MAX)
		v->first++; /* of one that never acknowledged: it does not matter which */
}

static void note_acked(struct naive_hub *n, struct naive_viewer *v, uint32_t seq, bool gathered,
		       int64_t now_us)
{
	bool known = seq >= n->tail && seq < n->head;
	size_t to = known ? bytes_between(n, 0, (uint64_t)seq + 1) : v->sent;

	to = to < v->sent ? to : v->sent;
	if (to <= v->acked)
		return;
	v->acked = to;
	v->carried_us = now_us;
	if (!v->timing || to < v->timed)
		return;
	v->timing = false;
	if (gathered)
		return;
	int64_t us = now_us > v->timed_us ? now_us - v->timed_us : 1;
	uint64_t bytes_per_s = (to - v->timed_acked) * 1000000 / (uint64_t)us;
	if (now_us - v->period_us > 5000000) {
		v->period_us = now_us;
		v->bytes_per_s_before = v->bytes_per_s;
		v->bytes_per_s = 0;
	}
	/* Of a link at rest only while there is nothing better. */
	if (v->rested && !v->guessed && (v->bytes_per_s > 0 || v->bytes_per_s_before > 0))
		return;
	if (!v->rested && v->guessed)
		v->bytes_per_s = v->bytes_per_s_before = 0;
	v->guessed = v->rested;
	v->bytes_per_s = bytes_per_s > v->bytes_per_s ? bytes_per_s : v->bytes_per_s;
}

void naive_advance(struct naive_hub *n, struct naive_viewer *v, uint64_t seq, bool whole,
		   int64_t now_us)
{
	if (!v->mid) {
		assert(seq == v->next);
		v->next++;
	}
	if (!v->mid && v->expected)
		note_sent(n, v, seq, now_us);
	v->begun = true;
	v->mid = !whole;
	v->mid_seq = seq;
	v->sent_aus += whole;
}

unsigned naive_ack(struct naive_hub *n, struct naive_viewer *v, uint32_t seq, bool gathered,
		   int64_t now_us, int64_t *ret_publish_us)
{
	unsigned settled = 0;
	int64_t rtt_us = 0;

	for (; v->first < v->end && (int32_t)(seq - (uint32_t)v->flights[v->first].seq) >= 0;
	     v->first++, settled++)
		rtt_us = now_us - v->flights[v->first].sent_us;
	if (settled == 0)
		return 0;
	if (!gathered)
		note_round_trip(v, rtt_us);
	v->acking = true;
	v->acked_us = now_us;
	note_acked(n, v, seq, gathered, now_us);
	*ret_publish_us = 0;
	if (seq >= n->tail && seq < n->head) /* runs are too short for seq to wrap */
		*ret_publish_us = n->aus[seq].publish_us;
	return settled;
}
