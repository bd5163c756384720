#include "tests/unit/unit.h"

#include <string.h>

#include "streamer/outbox.h"

static const struct outbox_facts facts = {.camera = "main",
					  .running = true,
					  .online = false,
					  .reason = "unplugged"};

/* Make the next item, give its text. */
static enum outbox_item take(struct outbox *o, char *text, size_t size)
{
	uint8_t bytes[OUTBOX_BYTES];
	enum outbox_item item;
	size_t made = outbox_make(o, &facts, bytes, &item);
	size_t header = bytes[1] == 126 ? 4 : 2;

	assert_true(made >= header && made <= sizeof(bytes) && made - header < size);
	memcpy(text, bytes + header, made - header);
	text[made - header] = '\0';
	return item;
}

static void items_come_in_their_order(void **state)
{
	UNUSED_STATE(state);
	struct outbox o = {0};
	char text[OUTBOX_BYTES];

	o.wanted = OUTBOX_SOURCE | OUTBOX_PING | OUTBOX_HELLO;
	outbox_want_pong(&o, (const uint8_t *)"abc", 3);
	assert_int_equal(take(&o, text, sizeof(text)), OUTBOX_HELLO);
	assert_non_null(strstr(text, "\"hello\""));
	assert_int_equal(take(&o, text, sizeof(text)), OUTBOX_SOURCE);
	assert_non_null(strstr(text, "unplugged"));
	assert_int_equal(take(&o, text, sizeof(text)), OUTBOX_PONG);
	assert_string_equal(text, "abc");
	assert_int_equal(take(&o, text, sizeof(text)), OUTBOX_PING);
	assert_int_equal(o.wanted, 0);
}

static void what_is_wanted_twice_is_said_once(void **state)
{
	UNUSED_STATE(state);
	struct outbox o = {0};
	char text[OUTBOX_BYTES];

	for (int i = 0; i < 1000; i++) {
		o.wanted |= OUTBOX_STREAM;
		outbox_want_pong(&o, (const uint8_t *)&i, sizeof(i));
	}
	assert_int_equal(take(&o, text, sizeof(text)), OUTBOX_STREAM);
	assert_int_equal(take(&o, text, sizeof(text)), OUTBOX_PONG);
	assert_int_equal(o.wanted, 0);
}

static void close_leaves_out_what_is_of_no_interest_any_more(void **state)
{
	UNUSED_STATE(state);
	struct outbox o = {0};
	char text[OUTBOX_BYTES];

	o.wanted = OUTBOX_HELLO | OUTBOX_FORMAT | OUTBOX_TIME;
	outbox_want_close(&o, WS_CLOSE_GOING_AWAY, "nalcastd stops", true);
	assert_int_equal(take(&o, text, sizeof(text)), OUTBOX_HELLO);
	assert_int_equal(take(&o, text, sizeof(text)), OUTBOX_BYE);
	assert_non_null(strstr(text, "nalcastd stops"));
	assert_int_equal(take(&o, text, sizeof(text)), OUTBOX_CLOSE);
	assert_int_equal((uint8_t)text[0] << 8 | (uint8_t)text[1], WS_CLOSE_GOING_AWAY);
	assert_string_equal(text + 2, "nalcastd stops");
	assert_int_equal(o.wanted, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_come_in_their_order),
		cmocka_unit_test(what_is_wanted_twice_is_said_once),
		cmocka_unit_test(close_leaves_out_what_is_of_no_interest_any_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
