/* naive_hub: what the hub should do, written as plainly as can be: every access unit is remembered
 * for ever, everything that the hub keeps count of is counted anew at each question. One run's
 * worth; no memory of its own. */
#ifndef TESTS_MODEL_NAIVE_HUB_H
#define TESTS_MODEL_NAIVE_HUB_H

#include "streamer/hub.h"

#define NAIVE_AUS_MAX     2000
#define NAIVE_VIEWERS     12
#define NAIVE_FLIGHTS_MAX 2000

struct naive_au {
	size_t size;
	bool idr;
	int64_t publish_us;
};

struct naive_viewer {
	bool on;
	enum subscriber_state state;
	uint64_t next; /* not begun yet */
	int64_t placed_us;
	bool mid; /* in the middle of mid_seq */
	uint64_t mid_seq;
	bool begun; /* anything, ever */
	uint64_t sent_aus, skipped_aus;

	struct {
		uint64_t seq;
		int64_t sent_us;
	} flights[NAIVE_FLIGHTS_MAX]; /* sent and not acknowledged: from first to end */
	unsigned first, end;
	bool expected, acking, silent, confirmed;
	int64_t rtt_min_us; /* 0: not known */
	int64_t acked_us;   /* anything, last */

	/* What the link carries: places in all bytes ever published. */
	size_t sent, acked;
	bool timing, rested, guessed;
	size_t timed, timed_acked;
	int64_t timed_us, carried_us;
	uint64_t bytes_per_s, bytes_per_s_before; /* most of this 5 s, and of those before */
	int64_t period_us, judged_until_us;
	int64_t spared_us;
};

struct naive_hub {
	const struct hub_config *cfg;
	struct naive_au aus[NAIVE_AUS_MAX];
	uint64_t head, tail; /* the next to be published, and the oldest that is kept */
	bool can_force_idr, idr_outstanding;
	bool join_wanted, recover_wanted;
	int64_t join_asked_us, recover_asked_us;
	unsigned idr_requests;
	struct naive_viewer viewers[NAIVE_VIEWERS];
};

void naive_init(struct naive_hub *n, const struct hub_config *cfg);
void naive_publish(struct naive_hub *n, size_t size, bool idr, int64_t now_us);
void naive_lose(struct naive_hub *n, int64_t now_us);
void naive_clear(struct naive_hub *n);
void naive_keyframe(struct naive_hub *n, int64_t now_us);
size_t naive_ring_bytes(const struct naive_hub *n);
size_t naive_pinned_bytes(const struct naive_hub *n);

void naive_subscribe(struct naive_hub *n, struct naive_viewer *v, int64_t now_us);
void naive_resume(struct naive_hub *n, struct naive_viewer *v, int64_t now_us);
bool naive_peek(struct naive_hub *n, struct naive_viewer *v, int64_t now_us, uint64_t *ret_seq);
void naive_advance(struct naive_hub *n, struct naive_viewer *v, uint64_t seq, bool whole,
		   int64_t now_us);
unsigned naive_ack(struct naive_hub *n, struct naive_viewer *v, uint32_t seq, bool gathered,
		   int64_t now_us, int64_t *ret_publish_us);
void naive_pong(struct naive_viewer *v, int64_t ping_us, int64_t now_us);
bool naive_wants_ping(const struct naive_hub *n, const struct naive_viewer *v, int64_t now_us);
int64_t naive_lag_us(const struct naive_hub *n, const struct naive_viewer *v, int64_t now_us);

#endif
