#include "streamer/hub.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "streamer/hub_slot.h"

#define HEAR_US         250000  /* nobody's words wait longer while pictures flow */
#define SURVEY_GRACE_US 2000000 /* after joining: the first IDR is larger than its share */

enum idr_reason {
	IDR_FOR_JOIN,
	IDR_FOR_RECOVERY,
	IDR_REASONS,
};

struct hub {
	struct hub_config cfg;
	struct subscriber subs; /* list head */
	unsigned sub_count;
	unsigned framing_subs[HUB_FRAMINGS]; /* how many of them each framing has */

	uint64_t head, tail; /* seq of the next access unit, and of the oldest in the ring */
	uint64_t idr_seq;    /* newest IDR; in the ring if has_idr */
	bool has_idr;
	size_t ring_bytes;
	size_t bytes_since_idr; /* of what follows it */
	size_t pinned_bytes;
	uint64_t published_bytes;
	struct au_format format;

	bool can_force_idr;
	bool idr_outstanding;
	bool idr_wanted[IDR_REASONS];
	int64_t idr_asked_us[IDR_REASONS];

	struct hub_slot *ring[]; /* at seq % ring_aus_max */
};

static struct hub_slot *slot_at(const struct hub *hub, uint64_t seq)
{
	return hub->ring[seq % hub->cfg.ring_aus_max];
}

static void let_go(struct hub *hub, struct hub_slot *slot)
{
	size_t size = slot->au->size;
	bool evicted = slot->evicted;

	if (hub_slot_unref(slot) && evicted)
		hub->pinned_bytes -= size;
}

struct hub *hub_new(const struct hub_config *cfg)
{
	struct hub *hub = calloc(1, sizeof(*hub) + cfg->ring_aus_max * sizeof(hub->ring[0]));

	if (hub == NULL)
		return NULL;
	hub->cfg = *cfg;
	hub->can_force_idr = true;
	hub->subs.prev = hub->subs.next = &hub->subs;
	for (unsigned i = 0; i < IDR_REASONS; i++)
		hub->idr_asked_us[i] = INT64_MIN / 2;
	return hub;
}

void hub_free(struct hub *hub)
{
	if (hub == NULL)
		return;
	assert(hub->sub_count == 0);
	hub_clear(hub);
	free(hub);
}

void hub_set_can_force_idr(struct hub *hub, bool can)
{
	hub->can_force_idr = can;
}

/* Ask if somebody wants and a budget allows. Called again at every publish, so a wish that came
 * too early is served as soon as it may be. */
static void ask_for_idr(struct hub *hub, int64_t now_us)
{
	const int64_t interval_us[IDR_REASONS] = {
		[IDR_FOR_JOIN] = hub->cfg.idr_join_interval_us,
		[IDR_FOR_RECOVERY] = hub->cfg.idr_recover_interval_us,
	};

	for (unsigned i = 0; i < IDR_REASONS; i++) {
		if (hub->idr_outstanding || !hub->can_force_idr)
			return;
		if (!hub->idr_wanted[i] || now_us - hub->idr_asked_us[i] < interval_us[i])
			continue;
		hub->idr_asked_us[i] = now_us;
		hub->idr_outstanding = true;
		hub->cfg.need_idr(hub->cfg.arg);
	}
}

static void want_idr(struct hub *hub, enum idr_reason reason, int64_t now_us)
{
	hub->idr_wanted[reason] = true;
	ask_for_idr(hub, now_us);
}

bool hub_request_idr(struct hub *hub, int64_t now_us)
{
	bool outstanding = hub->idr_outstanding || hub->idr_wanted[IDR_FOR_RECOVERY];

	want_idr(hub, IDR_FOR_RECOVERY, now_us);
	return !outstanding;
}

void hub_set_lag_max(struct hub *hub, int64_t lag_max_us)
{
	hub->cfg.lag_max_us = lag_max_us;
}

static bool idr_is_near(const struct hub *hub, int64_t now_us)
{
	return now_us - slot_at(hub, hub->idr_seq)->publish_us <= hub->cfg.join_age_max_us &&
	       hub->bytes_since_idr <= hub->cfg.join_bytes_max;
}

static void place_at(struct subscriber *sub, uint64_t seq, int64_t now_us)
{
	sub->state = SUBSCRIBER_LIVE;
	sub->seq = seq;
	sub->placed_us = now_us;
}

/* What lies before its first message was not skipped: it had not begun to watch. */
static void count_skipped(struct subscriber *sub, uint64_t to)
{
	if (sub->sent_aus > 0 || sub->sending != NULL)
		sub->skipped_aus += to - sub->seq;
}

/* Somebody who has nothing yet: from the newest IDR if little follows it. Where no other can be
 * had on request, whatever follows it. */
static void join(struct hub *hub, struct subscriber *sub, int64_t now_us)
{
	bool again = hub->idr_seq < sub->seq; /* resumed: it has seen that one */

	sub->carry = (struct carry){.joined_us = now_us};
	if (hub->has_idr && (!hub->can_force_idr || (!again && idr_is_near(hub, now_us)))) {
		place_at(sub, hub->idr_seq, now_us);
		return;
	}
	sub->state = SUBSCRIBER_WAIT_IDR;
	sub->seq = hub->head;
	want_idr(hub, IDR_FOR_JOIN, now_us);
}

/* Somebody who has fallen behind: the newest IDR if that is ahead and recent, else the next. */
static void recover(struct hub *hub, struct subscriber *sub, int64_t now_us)
{
	if (hub->has_idr && hub->idr_seq >= sub->seq && idr_is_near(hub, now_us)) {
		count_skipped(sub, hub->idr_seq);
		place_at(sub, hub->idr_seq, now_us);
		return;
	}
	count_skipped(sub, hub->head);
	sub->state = SUBSCRIBER_WAIT_IDR;
	sub->seq = hub->head;
	want_idr(hub, IDR_FOR_RECOVERY, now_us);
}

void hub_subscribe(struct hub *hub, struct subscriber *sub, unsigned framing, int64_t now_us)
{
	assert(framing < HUB_FRAMINGS);
	memset(sub, 0, sizeof(*sub));
	sub->framing = (uint8_t)framing;
	sub->progress_us = now_us;
	sub->prev = hub->subs.prev;
	sub->next = &hub->subs;
	sub->prev->next = sub->next->prev = sub;
	hub->sub_count++;
	hub->framing_subs[framing]++;
	join(hub, sub, now_us);
}

void hub_unsubscribe(struct hub *hub, struct subscriber *sub)
{
	if (sub->sending != NULL)
		let_go(hub, sub->sending);
	sub->sending = NULL;
	sub->prev->next = sub->next;
	sub->next->prev = sub->prev;
	hub->sub_count--;
	hub->framing_subs[sub->framing]--;
}

unsigned hub_subscriber_count(const struct hub *hub)
{
	return hub->sub_count;
}

static void evict_oldest(struct hub *hub)
{
	struct hub_slot **place = &hub->ring[hub->tail % hub->cfg.ring_aus_max];
	struct hub_slot *slot = *place;

	if (hub->tail == hub->idr_seq)
		hub->has_idr = false;
	hub->ring_bytes -= slot->au->size;
	slot->evicted = true;
	hub->pinned_bytes += slot->au->size; /* taken back below if nobody holds it */
	*place = NULL;
	hub->tail++;
	let_go(hub, slot);
}

void hub_clear(struct hub *hub)
{
	while (hub->tail < hub->head)
		evict_oldest(hub);
	hub->has_idr = false;
	hub->idr_outstanding = false;
}

/* How most are sent it. */
static unsigned usual_framing(const struct hub *hub)
{
	unsigned usual = 0;

	for (unsigned i = 1; i < HUB_FRAMINGS; i++)
		if (hub->framing_subs[i] > hub->framing_subs[usual])
			usual = i;
	return usual;
}

/* A hole in the stream: nobody may cross it. */
static void lose(struct hub *hub, int64_t now_us)
{
	for (struct subscriber *sub = hub->subs.next; sub != &hub->subs; sub = sub->next) {
		if (sub->state != SUBSCRIBER_LIVE)
			continue;
		sub->state = SUBSCRIBER_WAIT_IDR;
		count_skipped(sub, hub->head);
		sub->seq = hub->head;
	}
	hub_clear(hub);
	hub->idr_wanted[IDR_FOR_JOIN] = hub->sub_count > 0;
	ask_for_idr(hub, now_us);
}

static void note_idr(struct hub *hub, uint64_t seq)
{
	hub->idr_seq = seq;
	hub->has_idr = true;
	hub->bytes_since_idr = 0;
	hub->idr_outstanding = false;
	memset(hub->idr_wanted, 0, sizeof(hub->idr_wanted));
}

int hub_publish(struct hub *hub, const struct au *au, int64_t now_us)
{
	struct hub_slot *slot = hub_slot_new(
		&(struct hub_slot){
			.seq = hub->head,
			.publish_us = now_us,
			.end_bytes = hub->published_bytes + au->size,
			.au = au,
			.in_one = usual_framing(hub),
		},
		hub->cfg.frame);

	if (slot == NULL) {
		au_unref(au);
		lose(hub, now_us);
		return -ENOMEM;
	}
	while (hub->head > hub->tail && (hub->head - hub->tail == hub->cfg.ring_aus_max ||
					 hub->ring_bytes + au->size > hub->cfg.ring_bytes_max))
		evict_oldest(hub);
	hub->ring[hub->head % hub->cfg.ring_aus_max] = slot;
	hub->head++;
	hub->ring_bytes += au->size;
	hub->published_bytes += au->size;
	hub->format = au->format;
	if (au->flags & AU_IDR)
		note_idr(hub, slot->seq);
	else
		hub->bytes_since_idr += au->size;
	ask_for_idr(hub, now_us);
	return 0;
}

/* The age of the oldest message that it should have been sent and was not. */
static int64_t waiting_us(const struct hub *hub, const struct subscriber *sub, int64_t now_us)
{
	int64_t due_us;

	if (sub->sending != NULL)
		due_us = sub->sending->publish_us;
	else if (sub->state != SUBSCRIBER_PAUSED && sub->seq < hub->head && sub->seq >= hub->tail)
		due_us = slot_at(hub, sub->seq)->publish_us;
	else
		return 0;
	return now_us - max_i64(due_us, sub->placed_us);
}

int64_t hub_lag_us(const struct hub *hub, const struct subscriber *sub, int64_t now_us)
{
	return max_i64(inflight_age_us(&sub->inflight, now_us), waiting_us(hub, sub, now_us));
}

/* Begin at the IDR that came, unless sub was still busy then and it is old by now. */
static void end_wait(struct hub *hub, struct subscriber *sub, int64_t now_us)
{
	if (!hub->has_idr || hub->idr_seq < sub->seq)
		return;
	if (hub->can_force_idr && !idr_is_near(hub, now_us)) {
		want_idr(hub, IDR_FOR_RECOVERY, now_us);
		return;
	}
	count_skipped(sub, hub->idr_seq);
	place_at(sub, hub->idr_seq, now_us);
}

static int64_t limit_us(const struct hub *hub, const struct subscriber *sub, int64_t now_us)
{
	int64_t us = inflight_limit_us(&sub->inflight, hub->cfg.lag_max_us, sub->placed_us, now_us);

	/* Who fell behind lately gets late what it gets, and says so as often as anybody. */
	if (carry_is_judged(&sub->carry, now_us) || us == INT64_MAX)
		return us;
	return us + sub->spared_us;
}

/* Would its next message be late where it goes? Not the first of all, or after a hole: that an IDR
 * takes long on a thin link cannot be helped. */
static bool comes_late(const struct hub *hub, const struct subscriber *sub, int64_t now_us)
{
	const struct hub_slot *slot = slot_at(hub, sub->seq);

	if (sub->inflight.count == 0 && (slot->au->flags & AU_IDR))
		return false;
	int64_t takes_us = carry_takes_us(&sub->carry, slot->au->size, now_us);
	if (takes_us == 0)
		return false;
	return inflight_has_just_sent(&sub->inflight, now_us) ||
	       now_us - slot->publish_us + takes_us > limit_us(hub, sub, now_us);
}

/* What comes late is held: acknowledgements may yet show a better link. When all have come, it is
 * known. */
static bool has_fallen_behind(const struct hub *hub, const struct subscriber *sub, int64_t now_us)
{
	return sub->seq < hub->tail || inflight_is_full(&sub->inflight) ||
	       hub_lag_us(hub, sub, now_us) > limit_us(hub, sub, now_us) ||
	       (sub->inflight.count == 0 && comes_late(hub, sub, now_us));
}

/* Move sub to where the policy wants it. Only at a message's border. */
static void apply_policy(struct hub *hub, struct subscriber *sub, int64_t now_us)
{
	if (sub->state == SUBSCRIBER_LIVE && has_fallen_behind(hub, sub, now_us)) {
		sub->state = SUBSCRIBER_DRAINING;
		carry_lagged(&sub->carry, now_us);
	}
	if (sub->state == SUBSCRIBER_DRAINING &&
	    (sub->inflight.count == 0 || inflight_says_nothing(&sub->inflight)))
		recover(hub, sub, now_us);
	if (sub->state == SUBSCRIBER_WAIT_IDR)
		end_wait(hub, sub, now_us);
}

/* The usual one, of which there may be thousands: it was sent all but the newest, and nothing is
 * old. No policy has anything to say to it, and to ask one would touch more of its memory. */
static bool is_in_step(const struct hub *hub, const struct subscriber *sub, int64_t now_us)
{
	int64_t lag_max_us = hub->cfg.lag_max_us;

	if (sub->state != SUBSCRIBER_LIVE || sub->seq + 1 != hub->head || hub->head == hub->tail ||
	    now_us - slot_at(hub, sub->seq)->publish_us > lag_max_us)
		return false;
	return !sub->acknowledges || (inflight_is_fresh(&sub->inflight, lag_max_us, now_us) &&
				      !carry_is_judged(&sub->carry, now_us));
}

static bool may_be_sent(struct hub *hub, struct subscriber *sub, int64_t now_us)
{
	/* The usual answers: there is no more, and there is. */
	if (sub->state == SUBSCRIBER_LIVE && sub->seq == hub->head)
		return false;
	if (is_in_step(hub, sub, now_us))
		return true;
	if (inflight_may_be_nearer(&sub->inflight, hub->cfg.lag_max_us))
		return false; /* that ping is to be alone */
	apply_policy(hub, sub, now_us);
	return sub->state == SUBSCRIBER_LIVE && sub->seq != hub->head &&
	       !inflight_is_in_doubt(&sub->inflight, now_us) && !comes_late(hub, sub, now_us);
}

bool hub_peek(struct hub *hub, struct subscriber *sub, int64_t now_us,
	      struct hub_message *ret_message)
{
	if (sub->sending == NULL && !may_be_sent(hub, sub, now_us))
		return false;
	const struct hub_slot *slot = sub->sending != NULL ? sub->sending : slot_at(hub, sub->seq);
	hub_slot_show(slot, sub->framing, sub->sending != NULL ? sub->sent : 0, ret_message);
	return true;
}

void hub_advance(struct hub *hub, struct subscriber *sub, size_t bytes, int64_t now_us)
{
	struct hub_slot *slot = sub->sending;

	sub->progress_us = now_us;
	if (slot == NULL) {
		slot = slot_at(hub, sub->seq++);
		if (sub->acknowledges) {
			inflight_sent(&sub->inflight, (uint32_t)slot->seq, now_us);
			carry_sent(&sub->carry, slot->end_bytes, slot->au->size, now_us);
		}
		sub->sent = 0;
	}
	size_t total = slot->header_size[sub->framing] + slot->au->size;
	sub->sent += bytes;
	assert(sub->sent <= total);
	if (sub->sent < total) {
		if (sub->sending == NULL) {
			sub->sending = slot;
			slot->refs++;
		}
		return;
	}
	sub->sent_aus++;
	sub->sent_bytes += total;
	if (sub->sending != NULL) {
		sub->sending = NULL;
		let_go(hub, slot);
	}
}

bool subscriber_mid_message(const struct subscriber *sub)
{
	return sub->sending != NULL;
}

static bool pictures_flow(const struct hub *hub, int64_t now_us)
{
	return hub->head - hub->tail >= 2 &&
	       now_us - slot_at(hub, hub->head - 2)->publish_us < HEAR_US;
}

bool hub_keeps_up(const struct hub *hub, const struct subscriber *sub, int64_t now_us)
{
	return sub->state == SUBSCRIBER_LIVE && sub->seq == hub->head && sub->sending == NULL &&
	       pictures_flow(hub, now_us) && sub->inflight.acking &&
	       !carry_is_judged(&sub->carry, now_us);
}

bool hub_must_hear(const struct hub *hub, const struct subscriber *sub, int64_t now_us)
{
	return inflight_age_us(&sub->inflight, now_us) >
	       min_i64(limit_us(hub, sub, now_us), HEAR_US);
}

unsigned hub_ack(struct hub *hub, struct subscriber *sub, uint32_t seq, bool gathered,
		 int64_t now_us, int64_t *ret_publish_us)
{
	unsigned settled = inflight_ack(&sub->inflight, seq, gathered, now_us);

	if (settled == 0)
		return 0;
	sub->progress_us = now_us;
	/* Our 64-bit number of the message that is the newest with these low 32 bits. */
	uint64_t full = hub->head - 1 - (uint32_t)((uint32_t)(hub->head - 1) - seq);
	bool known = full >= hub->tail && full < hub->head;
	const struct hub_slot *slot = known ? slot_at(hub, full) : NULL;
	carry_acked(&sub->carry, known ? slot->end_bytes : sub->carry.sent, gathered, now_us);
	if (ret_publish_us != NULL)
		*ret_publish_us = known ? slot->publish_us : 0;
	return settled;
}

void hub_survey(struct hub *hub, int64_t now_us,
		void (*tell)(void *arg, bool lagged, unsigned carried_bps), void *arg)
{
	for (struct subscriber *sub = hub->subs.next; sub != &hub->subs; sub = sub->next) {
		bool lagged = sub->carry.lagged || sub->state == SUBSCRIBER_DRAINING;
		bool counts = sub->inflight.acking && sub->state != SUBSCRIBER_PAUSED &&
			      now_us - sub->carry.joined_us > SURVEY_GRACE_US;
		unsigned carried_bps = carry_survey_bps(&sub->carry);
		if (counts)
			tell(arg, lagged, carried_bps);
	}
}

void hub_expect_acks(struct subscriber *sub, int64_t spared_us)
{
	sub->acknowledges = sub->inflight.expected = true;
	sub->spared_us = spared_us;
}

void hub_pong(struct subscriber *sub, int64_t ping_us, int64_t now_us)
{
	inflight_pong(&sub->inflight, ping_us, now_us);
}

bool hub_wants_ping(const struct hub *hub, const struct subscriber *sub, int64_t now_us)
{
	return inflight_is_in_doubt(&sub->inflight, now_us) ||
	       inflight_may_be_nearer(&sub->inflight, hub->cfg.lag_max_us);
}

void hub_pause(struct subscriber *sub)
{
	sub->state = SUBSCRIBER_PAUSED;
}

void hub_resume(struct hub *hub, struct subscriber *sub, int64_t now_us)
{
	if (sub->state == SUBSCRIBER_PAUSED)
		join(hub, sub, now_us);
}

const struct au *hub_newest_idr(const struct hub *hub, int64_t *ret_publish_us)
{
	if (!hub->has_idr)
		return NULL;
	const struct hub_slot *slot = slot_at(hub, hub->idr_seq);
	*ret_publish_us = slot->publish_us;
	return slot->au;
}

uint32_t hub_live_seq(const struct hub *hub)
{
	return (uint32_t)(hub->head - 1);
}

const struct au_format *hub_format(const struct hub *hub)
{
	return hub->head > 0 ? &hub->format : NULL;
}

size_t hub_pinned_bytes(const struct hub *hub)
{
	return hub->pinned_bytes;
}

uint64_t hub_published(const struct hub *hub)
{
	return hub->head;
}
