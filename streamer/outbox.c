#include "streamer/outbox.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "streamer/clock.h"

bool outbox_want_format(struct outbox *o, const struct au_format *format)
{
	if (memcmp(format, &o->format, sizeof(o->format)) == 0)
		return false;
	o->format = *format;
	o->wanted |= OUTBOX_FORMAT;
	return true;
}

void outbox_want_pong(struct outbox *o, const uint8_t *payload, size_t size)
{
	memcpy(o->pong, payload, size);
	o->pong_size = size;
	o->wanted |= OUTBOX_PONG;
}

void outbox_want_close(struct outbox *o, enum ws_close_code code, const char *reason, bool bye)
{
	/* What else was wanted is no longer of interest, but for who we are. */
	o->wanted &= OUTBOX_HELLO;
	o->wanted |= OUTBOX_CLOSE | (bye ? OUTBOX_BYE : 0);
	o->close_code = code;
	snprintf(o->close_reason, sizeof(o->close_reason), "%s", reason);
}

static size_t put_frame(uint8_t *out, enum ws_opcode opcode, const void *payload, size_t size)
{
	size_t header = ws_header(out, opcode, size);

	if (size > 0)
		memcpy(out + header, payload, size);
	return header + size;
}

static size_t write_hello(const struct outbox_facts *facts, char *text, size_t size)
{
	struct viewmsg_hello hello = {
		.format = facts->format_now,
		.live_seq = facts->live_seq,
		.server = "nalcastd " PACKAGE_VERSION,
		.camera = facts->camera,
		.running = facts->running,
		.ack_ms = facts->ack_ms,
	};

	return viewmsg_write_hello(text, size, &hello);
}

static size_t write_text(const struct outbox *o, enum outbox_item item,
			 const struct outbox_facts *facts, char *text, size_t size)
{
	switch (item) {
	case OUTBOX_HELLO:
		return write_hello(facts, text, size);
	case OUTBOX_FORMAT:
		return viewmsg_write_format(text, size, &o->format);
	case OUTBOX_STREAM:
		return viewmsg_write_stream(text, size, facts->running);
	case OUTBOX_SOURCE:
		return viewmsg_write_source(text, size, facts->online, facts->reason,
					    clock_wire_us(facts->online_since_us));
	case OUTBOX_TIME:
		return viewmsg_write_time(text, size, o->time_t0_us, o->time_t1_us,
					  clock_wire_us(clock_now_us()));
	case OUTBOX_BYE:
		return viewmsg_write_bye(text, size, o->close_reason);
	case OUTBOX_PONG:
	case OUTBOX_PING:
	case OUTBOX_CLOSE:
		break;
	}
	return 0;
}

size_t outbox_make(struct outbox *o, const struct outbox_facts *facts,
		   uint8_t out[static OUTBOX_BYTES], enum outbox_item *ret_item)
{
	enum outbox_item item = (enum outbox_item)(o->wanted & -o->wanted);
	char text[VIEWMSG_OUT_MAX];

	assert(o->wanted != 0);
	o->wanted &= ~(unsigned)item;
	*ret_item = item;
	if (item == OUTBOX_PONG)
		return put_frame(out, WS_PONG, o->pong, o->pong_size);
	if (item == OUTBOX_PING)
		return put_frame(out, WS_PING, NULL, 0);
	if (item == OUTBOX_CLOSE)
		return ws_close_frame(out, o->close_code, o->close_reason);
	size_t size = write_text(o, item, facts, text, sizeof(text));
	return put_frame(out, WS_TEXT, text, size);
}
