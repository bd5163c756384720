/* A viewer (protocol.md section 2, nalcast.v1) on nalcastd's Unix socket: keeps the access units,
 * and tells a line a message: TIME au SEQ FLAGS BYTES CAPTURED    TIME text {...}    TIME closed
 * CODE TIME is of CLOCK_MONOTONIC, CAPTURED of the clock that nalcastd tells its viewers; both in
 * us. */
#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/unixsock.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/ws.h"

#define HEAD_MAX_BYTES 4096
#define AU_HEADER_SIZE 24
#define CONNECT_MS     20000

enum status {
	WATCH_OK,     /* enough pictures came, or it was told to stop */
	WATCH_FAILED, /* or the connection broke */
	WATCH_USAGE,
	WATCH_CLOSED, /* by nalcastd, in order */
};

struct watch {
	int fd;
	FILE *output;
	uint64_t wanted, taken; /* access units; wanted 0: until it is closed */
	uint8_t *message;
	size_t capacity;
};

static const char help[] = "Usage: watch [--output=FILE] [--pictures=N] SOCKET\n";

/* By SIGTERM, so that what came is whole in the file. */
static volatile sig_atomic_t stopping;

static void on_signal(int signal)
{
	(void)signal;
	stopping = 1;
}

static bool send_all(const struct watch *watch, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = send(watch->fd, at, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

static bool receive_all(const struct watch *watch, void *data, size_t size)
{
	char *at = data;

	while (size > 0) {
		ssize_t n = recv(watch->fd, at, size, 0);
		if (n < 0 && errno == EINTR && !stopping)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

/* A short client frame, masked with zeros (RFC 6455 5.3: any mask will do here). */
static bool send_frame(const struct watch *watch, enum ws_opcode opcode, const void *data,
		       size_t size)
{
	uint8_t frame[6 + WS_CONTROL_MAX] = {0x80 | opcode, (uint8_t)(0x80 | size)};

	memcpy(frame + 6, data, size);
	return send_all(watch, frame, 6 + size);
}

/* A byte at a time: what comes after the head is messages. */
static bool shake_hands(const struct watch *watch)
{
	static const char request[] = "GET /stream HTTP/1.1\r\n"
				      "Host: guest\r\n"
				      "Connection: Upgrade\r\n"
				      "Upgrade: websocket\r\n"
				      "Sec-WebSocket-Version: 13\r\n"
				      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
				      "Sec-WebSocket-Protocol: nalcast.v1\r\n\r\n";
	char head[HEAD_MAX_BYTES + 1] = "";
	size_t used = 0;

	if (!send_all(watch, request, sizeof(request) - 1))
		return false;
	while (used < HEAD_MAX_BYTES && strstr(head, "\r\n\r\n") == NULL) {
		if (!receive_all(watch, head + used, 1))
			return false;
		used++;
	}
	if (strncmp(head, "HTTP/1.1 101 ", 13) == 0)
		return true;
	printf("refused %s\n", head);
	return false;
}

static bool make_room(struct watch *watch, uint64_t size)
{
	if (size <= watch->capacity)
		return true;
	uint8_t *bigger = size < 64u << 20 ? realloc(watch->message, (size_t)size) : NULL;
	if (bigger == NULL)
		return false;
	watch->message = bigger;
	watch->capacity = (size_t)size;
	return true;
}

/* RFC 6455 5.2; nalcastd sends no fragments. */
static bool receive_frame(struct watch *watch, enum ws_opcode *ret_opcode, size_t *ret_size)
{
	uint8_t head[2];
	uint16_t size16;
	uint64_t size64;

	if (!receive_all(watch, head, sizeof(head)))
		return false;
	uint64_t size = head[1];
	if (size == 126) {
		if (!receive_all(watch, &size16, sizeof(size16)))
			return false;
		size = be16toh(size16);
	} else if (size == 127) {
		if (!receive_all(watch, &size64, sizeof(size64)))
			return false;
		size = be64toh(size64);
	}
	if (!make_room(watch, size) || !receive_all(watch, watch->message, (size_t)size))
		return false;
	*ret_opcode = (enum ws_opcode)(head[0] & 0x0f);
	*ret_size = (size_t)size;
	return true;
}

static uint32_t be32_at(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

static bool take_au(struct watch *watch, size_t size)
{
	const uint8_t *header = watch->message;
	char text[WS_CONTROL_MAX];

	if (size < AU_HEADER_SIZE)
		return false;
	uint32_t seq = be32_at(header + 4);
	uint64_t captured_us = (uint64_t)be32_at(header + 8) << 32 | be32_at(header + 12);
	printf("%lld au %u %u %zu %llu\n", (long long)clock_now_us(), seq, header[1],
	       size - AU_HEADER_SIZE, (unsigned long long)captured_us);
	if (watch->output != NULL)
		fwrite(header + AU_HEADER_SIZE, 1, size - AU_HEADER_SIZE, watch->output);
	watch->taken++;
	int used = snprintf(text, sizeof(text), "{\"type\":\"ack\",\"seq\":%u}", seq);
	return send_frame(watch, WS_TEXT, text, (size_t)used);
}

static enum status follow(struct watch *watch)
{
	enum ws_opcode opcode;
	size_t size;

	while (!stopping && (watch->wanted == 0 || watch->taken < watch->wanted)) {
		bool going = receive_frame(watch, &opcode, &size);
		if (going && opcode == WS_BINARY)
			going = take_au(watch, size);
		else if (going && opcode == WS_PING)
			going = send_frame(watch, WS_PONG, watch->message, size);
		else if (going && opcode == WS_TEXT)
			printf("%lld text %.*s\n", (long long)clock_now_us(), (int)size,
			       (const char *)watch->message);
		if (going && opcode == WS_CLOSE) {
			printf("%lld closed\n", (long long)clock_now_us());
			return WATCH_CLOSED;
		}
		if (!going && stopping)
			return WATCH_OK;
		if (!going) {
			printf("%lld broken\n", (long long)clock_now_us());
			return WATCH_FAILED;
		}
	}
	return WATCH_OK;
}

static bool parse_options(struct watch *watch, int argc, char **argv)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"pictures", required_argument, NULL, 'n'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n' && parse_unsigned(optarg, 1, 1000000, &watch->wanted) < 0)
			return false;
		if (option == 'o')
			watch->output = fopen(optarg, "we");
		if (option == '?' || (option == 'o' && watch->output == NULL))
			return false;
	}
	return argc - optind == 1;
}

int main(int argc, char **argv)
{
	struct watch watch = {.fd = -1};
	struct sigaction stop = {.sa_handler = on_signal};
	struct error err;
	enum status status = WATCH_FAILED;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!parse_options(&watch, argc, argv)) {
		fputs(help, stderr);
		return WATCH_USAGE;
	}
	sigaction(SIGTERM, &stop, NULL);
	if (unixsock_connect(argv[optind], SOCK_STREAM, CONNECT_MS, &watch.fd, &err) < 0)
		printf("failed %s\n", err.text);
	else if (shake_hands(&watch))
		status = follow(&watch);
	if (watch.output != NULL && fclose(watch.output) != 0)
		status = WATCH_FAILED;
	free(watch.message);
	close_fd(&watch.fd);
	return status;
}
