#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "streamer/welcome.h"

#define UPGRADE                                                                      \
	"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V1 "Sec-WebSocket-Protocol: other, nalcast.v1\r\n"

static const struct welcome_rules open_house = {.allow_origin = ""};
static const struct welcome_rules full_house = {.allow_origin = "", .is_full = true};

/* The answer to "METHOD PATH" with these header lines. */
static struct welcome ask(const char *line, const char *fields, const struct welcome_rules *rules)
{
	struct http_request req;
	struct welcome welcome;
	char head[1024];
	int status;

	int size = snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: cam.example\r\n%s\r\n", line,
			    fields);
	assert_true(http_read(head, (size_t)size, &req, &status) > 0);
	welcome_answer(&req, rules, &welcome);
	assert_true(welcome.size > 0 && welcome.size < sizeof(welcome.bytes));
	char first[32];
	snprintf(first, sizeof(first), "HTTP/1.1 %d ", welcome.status);
	assert_memory_equal(welcome.bytes, first, strlen(first));
	return welcome;
}

static void the_three_ways_to_watch_are_let_in(void **state)
{
	UNUSED_STATE(state);
	struct welcome w = ask("GET /camera/stream", UPGRADE, &open_house);

	assert_int_equal(w.status, 101);
	assert_int_equal(w.framing, FRAMING_RAW);
	assert_null(memmem(w.bytes, w.size, "nalcast.v1", 10));
	w = ask("GET /camera/stream", UPGRADE V1, &open_house);
	assert_int_equal(w.status, 101);
	assert_int_equal(w.framing, FRAMING_V1);
	assert_false(w.is_full);
	assert_non_null(memmem(w.bytes, w.size, "nalcast.v1", 10));
	w = ask("GET /stream.h264", "", &open_house);
	assert_int_equal(w.status, 200);
	assert_int_equal(w.framing, FRAMING_BARE);
}

static void when_it_is_full_only_the_page_is_let_in_to_be_told(void **state)
{
	UNUSED_STATE(state);

	assert_int_equal(ask("GET /stream", UPGRADE, &full_house).status, 503);
	assert_int_equal(ask("GET /stream.h264", "", &full_house).status, 503);
	struct welcome w = ask("GET /stream", UPGRADE V1, &full_house);
	assert_int_equal(w.status, 101);
	assert_true(w.is_full);
}

static void who_wants_jpeg_is_handed_on(void **state)
{
	UNUSED_STATE(state);
	struct http_request req;
	struct welcome w;
	int status;
	static const char snapshot[] = "GET /a/snapshot.jpg?quality=7 HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char endless[] = "GET /?action=stream HTTP/1.1\r\nHost: a\r\n\r\n";

	assert_true(http_read(snapshot, strlen(snapshot), &req, &status) > 0);
	welcome_answer(&req, &full_house, &w); /* it is no viewer */
	assert_int_equal(w.status, 200);
	assert_true(w.is_photo);
	assert_int_equal(w.photo.quality, 7);
	assert_true(http_read(endless, strlen(endless), &req, &status) > 0);
	welcome_answer(&req, &open_house, &w);
	assert_true(w.status == 200 && w.is_photo && w.photo.is_endless);
	welcome_answer(&req, &full_house, &w);
	assert_true(w.status == 503 && !w.is_photo);
	assert_non_null(memmem(w.bytes, w.size, "Retry-After", 11));
}

static void what_is_refused_says_why(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *line, *fields;
		int status;
		const char *says;
	} cases[] = {
		{"GET /", "", 404, "stream.h264"},
		{"PUT /stream", UPGRADE, 405, "GET"},
		{"HEAD /snapshot.jpg", "", 405, "GET"},
		{"GET /snapshot.jpg?quality=0", "", 422, "from 1 to 100"},
		{"GET /snapshot.jpg", "Origin: http://evil.example\r\n", 403, "evil.example"},
		{"GET /stream.mjpg", "Origin: null\r\n", 403, "null"},
		{"GET /stream", "", 426, "wss"},
		{"GET /stream", "Origin: http://evil.example\r\n" UPGRADE, 403, "evil.example"},
		{"GET /stream",
		 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n", 426,
		 "13"},
		{"GET /stream",
		 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		 "Sec-WebSocket-Key: short\r\n",
		 400, "base64"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct welcome w = ask(cases[i].line, cases[i].fields, &open_house);
		assert_int_equal(w.status, cases[i].status);
		assert_non_null(strstr(w.detail, cases[i].says));
		assert_non_null(memmem(w.bytes, w.size, "problem+json", 12));
	}
}

static void head_is_refused_without_content(void **state)
{
	UNUSED_STATE(state);
	static const char *const lines[] = {"HEAD /stream", "HEAD /stream.h264", "HEAD /else"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct welcome w = ask(lines[i], "", &open_house);
		assert_int_equal(w.status, i < 2 ? 405 : 404);
		assert_non_null(memmem(w.bytes, w.size, "\r\nContent-Length: ", 18));
		assert_memory_equal(w.bytes + w.size - 4, "\r\n\r\n", 4);
	}
}

static void what_is_no_request_is_told_so(void **state)
{
	UNUSED_STATE(state);
	struct welcome w;

	welcome_refuse(431, "too long", &w);
	assert_int_equal(w.status, 431);
	assert_false(w.is_full);
	assert_non_null(memmem(w.bytes, w.size, "too long", 8));
}

static void requests_show_what_the_web_server_passes_on(void **state)
{
	UNUSED_STATE(state);
	static const char *const requests[][2] = {
		{"GET /stream", UPGRADE "X-Forwarded-Proto: https\r\n"},
		{"GET /stream", UPGRADE},
		{"GET /stream", "X-Forwarded-Proto: https\r\n"},
		{"GET /stream", UPGRADE "Origin: https://cam.example:8443\r\n"},
		{"GET /stream.h264", ""},
		{"POST /stream", ""},
		{"GET /", ""},
	};
	struct welcome_counts counts = {0};

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct http_request req;
		struct welcome w;
		char head[1024];
		int status;
		int size =
			snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: cam.example\r\n%s\r\n",
				 requests[i][0], requests[i][1]);
		assert_true(http_read(head, (size_t)size, &req, &status) > 0);
		welcome_answer(&req, &open_house, &w);
		welcome_count(&req, &w, &counts);
	}
	assert_int_equal(counts.upgrades, 2);
	assert_int_equal(counts.without_upgrade, 1);
	assert_int_equal(counts.without_proto, 1);
	assert_int_equal(counts.origins_refused, 1);
	assert_string_equal(counts.refused_origin, "https://cam.example:8443");
	assert_string_equal(counts.refused_host, "cam.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_show_what_the_web_server_passes_on),
		cmocka_unit_test(the_three_ways_to_watch_are_let_in),
		cmocka_unit_test(when_it_is_full_only_the_page_is_let_in_to_be_told),
		cmocka_unit_test(who_wants_jpeg_is_handed_on),
		cmocka_unit_test(what_is_refused_says_why),
		cmocka_unit_test(head_is_refused_without_content),
		cmocka_unit_test(what_is_no_request_is_told_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
