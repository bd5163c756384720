#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "streamer/http.h"

#define HOST "Host: cam.example\r\n"

static struct http_request read_good(const char *text)
{
	struct http_request req;
	int status = 0;

	assert_int_equal(http_read(text, strlen(text), &req, &status), strlen(text));
	return req;
}

/* 0: accepted. */
static int status_of(const char *text, size_t size)
{
	struct http_request req = {.path = "untouched"};
	int status = 0;
	ssize_t r = http_read(text, size, &req, &status);

	if (r > 0)
		return 0;
	assert_int_equal(r, -EPROTO);
	assert_string_equal(req.path, "untouched");
	return status;
}

static const char upgrade[] = "GET /camera/stream?a=1&b HTTP/1.1\r\n"
			      "hOST: Cam.example:8443\r\n"
			      "Connection: keep-alive, UPGRADE\r\n"
			      "Upgrade: WebSocket\r\n"
			      "Origin: https://cam.example:8443\r\n"
			      "X-Forwarded-Proto: https\r\n"
			      "X-Real-IP: \t2001:db8::1 \r\n"
			      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			      "Sec-WebSocket-Version: 13\r\n"
			      "Sec-WebSocket-Protocol: chat\r\n"
			      "Sec-WebSocket-Protocol:\r\n"
			      "Sec-WebSocket-Protocol: nalcast.v1, more\r\n"
			      "User-Agent: \"J\xc3\xb6rg\"\r\n"
			      "Content-Length: 0\r\n"
			      "\r\n";

static void upgrade_is_read_with_all_its_fields(void **state)
{
	UNUSED_STATE(state);
	struct http_request req = read_good(upgrade);

	assert_string_equal(req.method, "GET");
	assert_string_equal(req.path, "/camera/stream");
	assert_string_equal(req.query, "a=1&b");
	assert_string_equal(req.host, "Cam.example:8443");
	assert_true(req.has_origin);
	assert_string_equal(req.origin, "https://cam.example:8443");
	assert_string_equal(req.forwarded_proto, "https");
	assert_string_equal(req.peer, "2001:db8::1");
	assert_true(req.upgrade_websocket);
	assert_string_equal(req.ws_key, "dGhlIHNhbXBsZSBub25jZQ==");
	assert_string_equal(req.ws_version, "13");
	assert_string_equal(req.ws_protocols, "chat, nalcast.v1, more");
	assert_true(http_list_has(req.ws_protocols, "nalcast.v1"));
}

static void plain_get_has_empty_fields(void **state)
{
	UNUSED_STATE(state);
	struct http_request req = read_good("GET /snapshot.jpg HTTP/1.0\r\n\r\n");

	assert_string_equal(req.path, "/snapshot.jpg");
	assert_string_equal(req.query, "");
	assert_string_equal(req.host, "");
	assert_false(req.has_origin);
	assert_false(req.upgrade_websocket);
	assert_string_equal(req.ws_protocols, "");
}

static void every_prefix_needs_more_and_never_touches_the_result(void **state)
{
	UNUSED_STATE(state);
	struct http_request whole = read_good(upgrade), req;
	size_t size = strlen(upgrade);
	int status = 0;

	for (size_t n = 0; n < size; n++)
		assert_int_equal(http_read(upgrade, n, &req, &status), 0);
	assert_int_equal(status, 0);
	assert_int_equal(http_read(upgrade, size, &req, &status), size);
	assert_memory_equal(&req, &whole, sizeof(req));
}

static void bytes_after_the_head_are_left(void **state)
{
	UNUSED_STATE(state);
	static const char text[] = "\r\nGET / HTTP/1.1\r\n" HOST "\r\n\x81\x80";
	struct http_request req;
	int status;

	assert_int_equal(http_read(text, sizeof(text) - 1, &req, &status), sizeof(text) - 3);
	assert_string_equal(req.path, "/");
}

struct bad {
	const char *text;
	int status;
};

static const struct bad bad_lines[] = {
	{"\n", 400},
	{"GET / HTTP/1.1\n", 400},
	{"\r\n\r\n", 400},
	{"GET /\r\n", 400},
	{"GET  / HTTP/1.1\r\n", 400},
	{"GET /  HTTP/1.1\r\n", 400},
	{" GET / HTTP/1.1\r\n", 400},
	{"GET / HTTP/1.1 \r\n", 400},
	{"GET\t/ HTTP/1.1\r\n", 400},
	{"G(T / HTTP/1.1\r\n", 400},
	{"GET / http/1.1\r\n", 400},
	{"GET / HTTP/1.10\r\n", 400},
	{"GET / HTTP/1\r\n", 400},
	{"GET / HTTP/2.0\r\n", 505},
	{"GET / HTTP/0.9\r\n", 505},
	{"GET relative HTTP/1.1\r\n", 400},
	{"GET * HTTP/1.1\r\n", 400},
	{"GET /a#b HTTP/1.1\r\n", 400},
	{"GET /\xc3\xa4 HTTP/1.1\r\n", 400},
	{"GET ftp://host/ HTTP/1.1\r\n", 400},
	{"GET http:// HTTP/1.1\r\n", 400},
	{"GET http://user@host/ HTTP/1.1\r\n", 400},
	{"CONNECT host:443 HTTP/1.1\r\n", 400},
	{"A-METHOD-TOO-LONG / HTTP/1.1\r\n", 431},
};

static const struct bad bad_fields[] = {
	{"\r\n", 400}, /* no Host */
	{"Host : a\r\n", 400},
	{" Host: a\r\n", 400},
	{"Host: a\r\n folded\r\n", 400},
	{"Host: a\r\n\tfolded\r\n", 400},
	{"Host: a\n", 400},
	{"Host\r\n", 400},
	{": a\r\n", 400},
	{"Ho st: a\r\n", 400},
	{"Host: a\rb\r\n", 400},
	{"X-A: \x01\r\n", 400},
	{"X-A: \x7f\r\n", 400},
	{"Host: a/b\r\n", 400},
	{"Host: a,b\r\n", 400},
	{"Host: a@b\r\n", 400},
	{"Host: a b\r\n", 400},
	{"Host: a\r\nhost: a\r\n", 400},
	{"Origin: http://a\r\nOrigin: http://a\r\n", 400},
	{"Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: a\r\n", 400},
	{"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n", 400},
	{"X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n", 400},
	{"Content-Length: 1\r\n", 501},
	{"Content-Length: 99999999999999999999999\r\n", 501},
	{"Content-Length: -1\r\n", 400},
	{"Content-Length: 0x0\r\n", 400},
	{"Content-Length:\r\n", 400},
	{"Content-Length: 0, 0\r\n", 400},
	{"Content-Length: 0\r\nContent-Length: 0\r\n", 400},
	{"Transfer-Encoding: chunked\r\n", 501},
	{"Sec-WebSocket-Key: 12345678901234567890123456789012\r\n", 431},
	{"Sec-WebSocket-Version: 12345678\r\n", 431},
};

/* A verdict must not depend on how much is there: 0 until the line that is wrong, then that. */
static void assert_bad(const char *text, size_t size, int expected)
{
	struct http_request req;
	int status = 0;
	bool decided = false;

	for (size_t n = 0; n <= size; n++) {
		ssize_t r = http_read(text, n, &req, &status);
		assert_true(r == (decided ? -EPROTO : 0) || r == -EPROTO);
		decided = r == -EPROTO;
		if (decided)
			assert_int_equal(status, expected);
	}
	assert_true(decided);
}

static void malformed_request_lines_are_refused(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++)
		assert_bad(bad_lines[i].text, strlen(bad_lines[i].text), bad_lines[i].status);
}

static void malformed_fields_are_refused(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(bad_fields) / sizeof(bad_fields[0]); i++) {
		char text[256];
		int len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s", bad_fields[i].text);
		assert_bad(text, (size_t)len, bad_fields[i].status);
	}
}

static void nul_bytes_are_refused(void **state)
{
	UNUSED_STATE(state);
	static const char in_target[] = "GET /\0 HTTP/1.1\r\n";
	static const char in_name[] = "GET / HTTP/1.1\r\nHo\0st: a\r\n";
	static const char in_value[] = "GET / HTTP/1.1\r\nX-A: a\0b\r\n";
	static const char in_host[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n";

	assert_bad(in_target, sizeof(in_target) - 1, 400);
	assert_bad(in_name, sizeof(in_name) - 1, 400);
	assert_bad(in_value, sizeof(in_value) - 1, 400);
	assert_bad(in_host, sizeof(in_host) - 1, 400);
}

static void head_over_the_limit_is_431(void **state)
{
	UNUSED_STATE(state);
	static char text[HTTP_HEAD_MAX + 100];
	int len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "X-Long: ");

	memset(text + len, 'x', sizeof(text) - (size_t)len);
	assert_bad(text, sizeof(text), 431);
	memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(status_of(text, sizeof(text)), 0);
	memcpy(text + HTTP_HEAD_MAX - 4, "x\r\n\r\n", 5);
	assert_int_equal(status_of(text, sizeof(text)), 431);
	memset(text + 5, 'x', 300);
	memcpy(text + 305, " HTTP/1.1\r\n" HOST "\r\n", 9 + 2 + sizeof(HOST) + 1);
	assert_int_equal(status_of(text, sizeof(text)), 431);
}

static void absolute_target_gives_path_and_host(void **state)
{
	UNUSED_STATE(state);
	struct http_request req =
		read_good("GET HTTP://cam.example:80/a/stream?q HTTP/1.1\r\nHost: other\r\n\r\n");

	assert_string_equal(req.path, "/a/stream");
	assert_string_equal(req.query, "q");
	assert_string_equal(req.host, "cam.example:80");
	req = read_good("GET http://cam.example?q HTTP/1.1\r\nHost: other\r\n\r\n");
	assert_string_equal(req.path, "/");
	assert_string_equal(req.query, "q");
	req = read_good("OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
	assert_string_equal(req.path, "*");
}

static void upgrade_needs_both_fields_and_http_1_1(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *version, *fields;
		bool upgrade;
	} cases[] = {
		{"1.1", "Upgrade: websocket\r\nConnection: upgrade\r\n", true},
		{"1.1", "Upgrade: h2c, websocket\r\nConnection: a\r\nConnection: Upgrade\r\n",
		 true},
		{"1.1", "Upgrade: websocket\r\nConnection: ,,upgrade ,\r\n", true},
		{"1.1", "Upgrade: websocket\r\n", false},
		{"1.1", "Connection: upgrade\r\n", false},
		{"1.1", "Upgrade: websockets\r\nConnection: upgrade\r\n", false},
		{"1.1", "Upgrade: websocket\r\nConnection: upgraded\r\n", false},
		{"1.0", "Upgrade: websocket\r\nConnection: upgrade\r\n", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		snprintf(text, sizeof(text), "GET / HTTP/%s\r\n" HOST "%s\r\n", cases[i].version,
			 cases[i].fields);
		assert_int_equal(read_good(text).upgrade_websocket, cases[i].upgrade);
	}
}

static void path_ends_at_a_slash(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *path;
		bool ends;
	} cases[] = {
		{"/stream", true},    {"/a/b/stream", true}, {"stream", true},
		{"/upstream", false}, {"/stream/", false},   {"/", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_request req = {.method = "GET"};
		snprintf(req.path, sizeof(req.path), "%s", cases[i].path);
		assert_int_equal(http_path_ends(&req, "stream"), cases[i].ends);
	}
}

static void lists_are_searched_by_whole_tokens(void **state)
{
	UNUSED_STATE(state);
	assert_true(http_list_has("nalcast.v1", "nalcast.v1"));
	assert_true(http_list_has("a,\tnalcast.v1 ,b", "nalcast.v1"));
	assert_false(http_list_has("nalcast.v11", "nalcast.v1"));
	assert_false(http_list_has("Nalcast.v1", "nalcast.v1"));
	assert_false(http_list_has("", "nalcast.v1"));
	assert_false(http_list_has(",,", ""));
}

static void upgrade_answer_is_exact(void **state)
{
	UNUSED_STATE(state);
	char out[1024];
	size_t len = http_write_upgrade(out, sizeof(out), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", NULL);

	assert_int_equal(len, strlen(out));
	assert_string_equal(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
				 "Connection: Upgrade\r\n"
				 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
	http_write_upgrade(out, sizeof(out), "x", "nalcast.v1");
	assert_non_null(strstr(out, "\r\nSec-WebSocket-Protocol: nalcast.v1\r\n\r\n"));
}

static void problem_is_an_answer_with_its_length(void **state)
{
	UNUSED_STATE(state);
	char out[1024], detail[2000], length[40];

	memset(detail, '"', sizeof(detail) - 1);
	detail[sizeof(detail) - 1] = '\0';
	size_t len = http_write_problem(out, sizeof(out), 405, "only \"GET\"", "Allow: GET\r\n");
	assert_int_equal(len, strlen(out));
	assert_non_null(strstr(out, "HTTP/1.1 405 Method Not Allowed\r\n"));
	assert_non_null(strstr(out, "\r\nAllow: GET\r\nConnection: close\r\n\r\n{"));
	const char *body = strstr(out, "\r\n\r\n") + 4;
	assert_string_equal(body, "{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\","
				  "\"status\":405,\"detail\":\"only \\\"GET\\\"\"}\n");
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body));
	assert_non_null(strstr(out, length));
	len = http_write_problem(out, sizeof(out), 431, detail, "Retry-After: 10\r\n");
	assert_true(len < sizeof(out));
	assert_string_equal(out + len - 5, "\\\"\"}\n");
	http_write_problem(out, sizeof(out), 426, "", "");
	assert_non_null(strstr(out, "Upgrade: websocket\r\nConnection: upgrade, close\r\n\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(upgrade_is_read_with_all_its_fields),
		cmocka_unit_test(plain_get_has_empty_fields),
		cmocka_unit_test(every_prefix_needs_more_and_never_touches_the_result),
		cmocka_unit_test(bytes_after_the_head_are_left),
		cmocka_unit_test(malformed_request_lines_are_refused),
		cmocka_unit_test(malformed_fields_are_refused),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(head_over_the_limit_is_431),
		cmocka_unit_test(absolute_target_gives_path_and_host),
		cmocka_unit_test(upgrade_needs_both_fields_and_http_1_1),
		cmocka_unit_test(path_ends_at_a_slash),
		cmocka_unit_test(lists_are_searched_by_whole_tokens),
		cmocka_unit_test(upgrade_answer_is_exact),
		cmocka_unit_test(problem_is_an_answer_with_its_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
