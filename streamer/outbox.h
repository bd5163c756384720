/* outbox: what one viewer is to be told between video messages: words and control frames.
 *
 * Items are noted as wanted and made when their turn comes, from what is true then: they cannot
 * pile up, however slow the viewer. Part of a viewer; loop thread. No I/O. */
#ifndef STREAMER_OUTBOX_H
#define STREAMER_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "streamer/au.h"
#include "streamer/viewmsg.h"
#include "streamer/ws.h"

#define OUTBOX_BYTES (VIEWMSG_OUT_MAX + WS_HEADER_MAX) /* of one item, framed */

enum outbox_item { /* bits; said in this order */
		   OUTBOX_HELLO = 1 << 0,
		   OUTBOX_FORMAT = 1 << 1,
		   OUTBOX_STREAM = 1 << 2,
		   OUTBOX_SOURCE = 1 << 3,
		   OUTBOX_TIME = 1 << 4,
		   OUTBOX_PONG = 1 << 5,
		   OUTBOX_PING = 1 << 6,
		   OUTBOX_BYE = 1 << 7,
		   OUTBOX_CLOSE = 1 << 8,
};

struct outbox_facts {                       /* what words are made of */
	const struct au_format *format_now; /* of the newest picture, or NULL */
	uint32_t live_seq;
	const char *camera;
	bool running, online;
	const char *reason;
	int64_t online_since_us; /* CLOCK_MONOTONIC */
	unsigned ack_ms;
};

struct outbox {
	unsigned wanted; /* enum outbox_item, bits */

	struct au_format format;        /* for OUTBOX_FORMAT */
	int64_t time_t0_us, time_t1_us; /* for OUTBOX_TIME; wire clock */
	uint8_t pong[WS_CONTROL_MAX];   /* for OUTBOX_PONG */
	size_t pong_size;
	enum ws_close_code close_code;     /* for OUTBOX_CLOSE */
	char close_reason[WS_CONTROL_MAX]; /* and OUTBOX_BYE */
};

bool outbox_want_format(struct outbox *o, const struct au_format *format); /* if it is news */
void outbox_want_pong(struct outbox *o, const uint8_t *payload, size_t size);
void outbox_want_close(struct outbox *o, enum ws_close_code code, const char *reason, bool bye);

/* Make the next wanted item; there must be one. Returns its length; *ret_item: which it is. */
size_t outbox_make(struct outbox *o, const struct outbox_facts *facts,
		   uint8_t out[static OUTBOX_BYTES], enum outbox_item *ret_item);

#endif
