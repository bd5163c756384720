/* attention: when a viewer is listened to as soon as it speaks, and whether it still answers.
 *
 * Among some dozens everybody is, all the time. To wake for each word of a crowd would cost about
 * what sending the pictures costs, and nearly all say only that these arrived. So there, what a
 * viewer says that keeps up is left in its socket until somebody needs to know, and then read
 * together: it is gathered. But not for a moment after it came or said anything else than that, nor
 * while it owes a pong. What was gathered measures no time: who knows when it came.
 *
 * Part of one viewer; loop thread. No clock: time is an argument. */
#ifndef STREAMER_ATTENTION_H
#define STREAMER_ATTENTION_H

#include <stdbool.h>
#include <stdint.h>

#define ATTENTION_CROWD 32 /* more viewers than that are one */

struct attention {
	int64_t ping_us, pong_us; /* the newest */
	int64_t until_us;         /* it is listened to */
	int64_t heard_us;         /* what it had said by then is read */
	bool gathered;            /* what is read next may have waited */

	unsigned ack_ms;   /* it is to acknowledge so often what comes on time... */
	int64_t spared_us; /* ...which is so much less often than where there is no crowd */
};

/* It came, as one of so many; as if a pong had come just now. interval_ms: from acknowledgement to
 * acknowledgement where there is no crowd. */
void attention_begin(struct attention *a, unsigned interval_ms, unsigned viewers, int64_t now_us);

/* It said something that more may follow on. */
void attention_hold(struct attention *a, int64_t now_us);

bool attention_wants_ping(const struct attention *a, int64_t interval_us, int64_t now_us);
void attention_ping(struct attention *a, int64_t now_us);
bool attention_awaits_pong(const struct attention *a);
int64_t attention_silent_us(const struct attention *a, int64_t now_us); /* after a ping; else 0 */
void attention_pong(struct attention *a, int64_t now_us);

/* What it had said is read. gathers: what it says next is left in its socket as well. */
void attention_heard(struct attention *a, bool gathers, int64_t now_us);

/* Whether what it says is to be left there from now on. keeps_up: as hub_keeps_up() has it. */
bool attention_gathers(struct attention *a, unsigned viewers, bool keeps_up, int64_t now_us);

#endif
