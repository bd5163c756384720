/* ws_echo: nalcastd's own WebSocket code as an echo server, so that any conformance suite can be
 * pointed at it: text and binary messages come back, whole or in fragments, pings are answered,
 * close frames returned.
 *
 * ws_echo PORT|PATH: listens on 127.0.0.1:PORT or on a Unix socket, says "ready" and serves until
 * it is killed. One thread, blocking sends: a peer that does not read stops the others. */
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/unixsock.h"
#include "common/util.h"
#include "streamer/http.h"
#include "streamer/ws.h"

#define PEERS_MAX     32
#define MESSAGE_BYTES (32u << 20)
#define OUT_BYTES     2048

struct peer {
	int fd; /* -1: free */
	bool upgraded;
	char head[HTTP_HEAD_MAX];
	size_t head_size;
	struct ws_reader reader;
	uint8_t *message;
};

static struct peer peers[PEERS_MAX];

static void drop(struct peer *peer)
{
	close_fd(&peer->fd);
	free(peer->message);
	peer->message = NULL;
}

static bool send_all(struct peer *peer, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t sent = send(peer->fd, at, size, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		at += sent;
		size -= (size_t)sent;
	}
	return true;
}

static bool send_frame(struct peer *peer, enum ws_opcode opcode, const uint8_t *data, size_t size)
{
	uint8_t header[WS_HEADER_MAX];
	size_t header_size = ws_header(header, opcode, size);

	return send_all(peer, header, header_size) && send_all(peer, data, size);
}

static bool send_close(struct peer *peer, unsigned code, const char *reason)
{
	uint8_t frame[WS_CONTROL_FRAME_MAX];
	size_t size = ws_close_frame(frame, (enum ws_close_code)code, reason);

	send_all(peer, frame, size);
	shutdown(peer->fd, SHUT_WR);
	return false;
}

/* false: the conversation is over. */
static bool answer(struct peer *peer, const struct ws_event *event)
{
	switch (event->type) {
	case WS_EVENT_MESSAGE:
		return send_frame(peer, event->opcode, event->payload, event->size);
	case WS_EVENT_PING:
		return send_frame(peer, WS_PONG, event->payload, event->size);
	case WS_EVENT_CLOSE:
		return send_close(peer, event->close_code, "");
	case WS_EVENT_ERROR:
		return send_close(peer, event->close_code, event->why);
	case WS_EVENT_PONG:
	case WS_EVENT_NONE:
		break;
	}
	return true;
}

static bool read_frames(struct peer *peer, const uint8_t *data, size_t size)
{
	struct ws_event event;

	do {
		size_t used = ws_read(&peer->reader, data, size, &event);
		data += used;
		size -= used;
		if (!answer(peer, &event))
			return false;
	} while (event.type != WS_EVENT_NONE);
	return true;
}

static bool upgrade(struct peer *peer, const struct http_request *req)
{
	char accept[WS_ACCEPT_SIZE], out[OUT_BYTES];

	if (!req->upgrade_websocket || ws_accept(req->ws_key, accept) < 0) {
		size_t size = http_write_problem(out, sizeof(out), 426, "a WebSocket is here", "");
		send_all(peer, out, size);
		return false;
	}
	peer->message = malloc(MESSAGE_BYTES);
	if (peer->message == NULL)
		return false;
	ws_reader_init(&peer->reader, peer->message, MESSAGE_BYTES);
	peer->upgraded = true;
	return send_all(peer, out, http_write_upgrade(out, sizeof(out), accept, ""));
}

static bool read_head(struct peer *peer, size_t received)
{
	struct http_request req;
	int status;

	peer->head_size += received;
	ssize_t used = http_read(peer->head, peer->head_size, &req, &status);
	if (used <= 0)
		return used == 0;
	return upgrade(peer, &req) &&
	       read_frames(peer, (uint8_t *)peer->head + used, peer->head_size - (size_t)used);
}

static bool serve(struct peer *peer)
{
	uint8_t data[65536];

	if (!peer->upgraded) {
		ssize_t received = recv(peer->fd, peer->head + peer->head_size,
					sizeof(peer->head) - peer->head_size, 0);
		return received > 0 && read_head(peer, (size_t)received);
	}
	ssize_t received = recv(peer->fd, data, sizeof(data), 0);
	return received > 0 && read_frames(peer, data, (size_t)received);
}

static void admit(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	for (unsigned i = 0; i < PEERS_MAX && fd >= 0; i++) {
		if (peers[i].fd < 0) {
			peers[i] = (struct peer){.fd = fd};
			return;
		}
	}
	if (fd >= 0)
		close(fd);
}

static int listen_at(const char *where)
{
	struct unixsock_config cfg = {.path = where,
				      .type = SOCK_STREAM,
				      .mode = 0600,
				      .backlog = 64};
	struct error err = {0};
	uint64_t port;
	int fd, one = 1;

	if (parse_unsigned(where, 1, 65535, &port) < 0) {
		if (unixsock_listen(&cfg, &fd, &err) == 0)
			return fd;
		fprintf(stderr, "ws_echo: %s\n", err.text);
		return -1;
	}
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htobe16((uint16_t)port),
		.sin_addr.s_addr = htobe32(INADDR_LOOPBACK),
	};
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 64) < 0) {
		perror("ws_echo");
		return -1;
	}
	return fd;
}

int main(int argc, char **argv)
{
	int listener = argc == 2 ? listen_at(argv[1]) : -1;

	if (argc != 2)
		fputs("Usage: ws_echo PORT|PATH\n", stderr);
	if (listener < 0)
		return EXIT_FAILURE;
	for (unsigned i = 0; i < PEERS_MAX; i++)
		peers[i].fd = -1;
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd fds[1 + PEERS_MAX] = {{.fd = listener, .events = POLLIN}};
		for (unsigned i = 0; i < PEERS_MAX; i++)
			fds[1 + i] = (struct pollfd){.fd = peers[i].fd, .events = POLLIN};
		if (poll(fds, 1 + PEERS_MAX, -1) < 0)
			continue;
		for (unsigned i = 0; i < PEERS_MAX; i++)
			if (fds[1 + i].revents != 0 && !serve(&peers[i]))
				drop(&peers[i]);
		if (fds[0].revents != 0)
			admit(listener);
	}
}
