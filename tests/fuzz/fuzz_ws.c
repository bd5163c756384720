/* Whole and in pieces give the same events. The first byte is the size of the pieces less one. */
#include <stdlib.h>
#include <string.h>

#include "streamer/utf8.h"
#include "streamer/ws.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "ws";

#define CAPACITY 300

struct feeder {
	struct ws_reader reader;
	uint8_t buf[CAPACITY];
	const uint8_t *data;
	size_t size, piece;
};

static void begin(struct feeder *f, const uint8_t *data, size_t size, size_t piece)
{
	ws_reader_init(&f->reader, f->buf, sizeof(f->buf));
	f->data = data;
	f->size = size;
	f->piece = piece;
}

static void check_event(const struct ws_event *event)
{
	uint32_t state = UTF8_COMPLETE;
	bool text = event->type == WS_EVENT_CLOSE ||
		    (event->type == WS_EVENT_MESSAGE && event->opcode == WS_TEXT);

	if (event->type == WS_EVENT_MESSAGE ? event->size > CAPACITY : event->size > WS_CONTROL_MAX)
		abort();
	if (text &&
	    (!utf8_feed(&state, event->payload, event->size, NULL) || state != UTF8_COMPLETE))
		abort();
	if (event->type == WS_EVENT_ERROR && (event->why == NULL || event->close_code < 1000))
		abort();
}

/* Up to the next event, or the end. */
static struct ws_event next(struct feeder *f)
{
	struct ws_event event = {.type = WS_EVENT_NONE};

	while (f->size > 0 && event.type == WS_EVENT_NONE) {
		size_t piece = f->size < f->piece ? f->size : f->piece;
		size_t used = ws_read(&f->reader, f->data, piece, &event);
		if (used == 0 || used > piece)
			abort();
		f->data += used;
		f->size -= used;
	}
	check_event(&event);
	return event;
}

static bool is_same(const struct ws_event *a, const struct ws_event *b)
{
	return a->type == b->type && a->opcode == b->opcode && a->close_code == b->close_code &&
	       a->why == b->why && a->size == b->size &&
	       (a->size == 0 || memcmp(a->payload, b->payload, a->size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feeder whole, pieces;
	struct ws_event a, b;

	if (size == 0)
		return 0;
	begin(&whole, data + 1, size - 1, size);
	begin(&pieces, data + 1, size - 1, 1 + (size_t)data[0]);
	do {
		a = next(&whole);
		b = next(&pieces);
		if (!is_same(&a, &b))
			abort();
	} while (a.type != WS_EVENT_NONE);
	return 0;
}
