/* http_load: as many requests as an HTTP/1.1 server on loopback answers, over connections that are
 * kept.
 *
 * http_load PORT PATH CONNECTIONS MS. Writes one JSON object: "answers" of 200, "others", "lost"
 * connections, "seconds", and the percentiles "p50_us" and "p99_us" of the time to an answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

#define CONNECTIONS_MAX 256
#define ANSWER_MAX      65536
#define SAMPLES_MAX     2000000

struct connection {
	int64_t since_us; /* of the request in flight */
	size_t size;      /* bytes of its answer so far */
	char answer[ANSWER_MAX + 1];
};

static struct connection connections[CONNECTIONS_MAX];
static struct pollfd fds[CONNECTIONS_MAX];
static uint32_t samples_us[SAMPLES_MAX];
static size_t answers, others, lost;
static char request[1024];
static int request_size;

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void ask(size_t i)
{
	connections[i].size = 0;
	connections[i].since_us = now_us();
	/* A request is small: loopback takes it whole. */
	if (send(fds[i].fd, request, (size_t)request_size, MSG_NOSIGNAL) != request_size) {
		lost++;
		close_fd(&fds[i].fd);
	}
}

static int open_one(size_t i, uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fds[i] = (struct pollfd){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
				 .events = POLLIN};
	if (connect(fds[i].fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	ask(i);
	return 0;
}

/* The whole answer's size, once its head is there; 0 before. */
static size_t answer_size(const char *answer)
{
	static const char field[] = "\r\nContent-Length: ";
	const char *end = strstr(answer, "\r\n\r\n");
	const char *length = end != NULL ? strcasestr(answer, field) : NULL;
	char digits[12];
	uint64_t size;

	if (length == NULL || length > end)
		return 0;
	length += sizeof(field) - 1;
	snprintf(digits, sizeof(digits), "%.*s", (int)strspn(length, "0123456789"), length);
	return parse_unsigned(digits, 0, ANSWER_MAX, &size) == 0
		       ? (size_t)(end + 4 - answer) + (size_t)size
		       : 0;
}

static void receive(size_t i)
{
	struct connection *conn = &connections[i];
	ssize_t got = recv(fds[i].fd, conn->answer + conn->size, ANSWER_MAX - conn->size, 0);

	if (got <= 0) {
		lost++;
		close_fd(&fds[i].fd);
		return;
	}
	conn->size += (size_t)got;
	conn->answer[conn->size] = '\0';
	size_t size = answer_size(conn->answer);
	if (size == 0 || conn->size < size)
		return;
	bool is_ok = strncmp(conn->answer, "HTTP/1.1 200 ", 13) == 0;
	if (is_ok && answers < SAMPLES_MAX)
		samples_us[answers++] = (uint32_t)(now_us() - conn->since_us);
	others += !is_ok;
	ask(i);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void run(size_t count, int64_t time_us)
{
	const int64_t begin_us = now_us();
	int64_t left_us;

	while ((left_us = begin_us + time_us - now_us()) > 0) {
		if (poll(fds, count, (int)(left_us / 1000) + 1) <= 0)
			continue;
		for (size_t i = 0; i < count; i++)
			if (fds[i].fd >= 0 && fds[i].revents != 0)
				receive(i);
	}
	double seconds = (double)(now_us() - begin_us) / 1e6;
	qsort(samples_us, answers, sizeof(samples_us[0]), compare);
	printf("{\"answers\":%zu,\"others\":%zu,\"lost\":%zu,\"seconds\":%.3f,\"p50_us\":%" PRIu32
	       ",\"p99_us\":%" PRIu32 "}\n",
	       answers, others, lost, seconds, samples_us[answers / 2],
	       samples_us[answers * 99 / 100]);
}

int main(int argc, char **argv)
{
	uint64_t port, count, time_ms;

	if (argc != 5 || parse_unsigned(argv[1], 1, UINT16_MAX, &port) < 0 ||
	    parse_unsigned(argv[3], 1, CONNECTIONS_MAX, &count) < 0 ||
	    parse_unsigned(argv[4], 1, 600000, &time_ms) < 0) {
		fputs("Usage: http_load PORT PATH CONNECTIONS MS\n", stderr);
		return 2;
	}
	request_size = snprintf(request, sizeof(request),
				"GET %.900s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[2]);
	for (size_t i = 0; i < count; i++) {
		if (open_one(i, (uint16_t)port) < 0) {
			perror("http_load: connect");
			return 1;
		}
	}
	run(count, (int64_t)time_ms * 1000);
	return 0;
}
