/* fake_nalcastd: a control socket that answers as it is told, for tests of nalcast-fcgi.
 *
 * fake_nalcastd SOCKET [BACKLOG]. Each line on stdin is an object that says how requests are
 * answered from then on; each request is a line on stdout. It ends with stdin.
 *
 *     {"reply":{"ok":true,"result":{}}}   that, with the request's "v" and "id" where it has none
 *     {"raw":"text"}                      this packet
 *     {"size":70000}                      a packet of that many bytes
 *     {"silent":true}                     nothing
 *     {"close":true}                      an end of the connection
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "common/ctlproto.h"
#include "common/unixsock.h"
#include "common/util.h"

#define CONNECTIONS_MAX 64
#define PACKET_MAX      100000
#define FIXED_FDS       2 /* stdin and the listener */

static struct pollfd fds[FIXED_FDS + CONNECTIONS_MAX];
static json_t *script;

/* A reader without stdio's buffer: poll() would not see what lies in there. */
static int read_script(void)
{
	static char line[PACKET_MAX];
	static size_t len;
	ssize_t got = read(STDIN_FILENO, line + len, 1);

	if (got <= 0)
		return -1;
	if (line[len] != '\n') {
		len = min_size(len + 1, sizeof(line) - 1);
		return 0;
	}
	json_t *next = json_loadb(line, len, 0, NULL);
	len = 0;
	if (next == NULL)
		return -1;
	json_decref(script);
	script = next;
	puts("{\"script\":true}");
	return 0;
}

static void send_reply(int fd, const json_t *request, const json_t *wanted)
{
	json_t *reply = json_deep_copy(wanted);

	json_object_set_new(reply, "v", json_integer(CTL_VERSION));
	json_object_set(reply, "id", json_object_get(request, "id"));
	/* What the script says goes before what is usual. */
	json_object_update(reply, (json_t *)wanted);
	char *text = json_dumps(reply, JSON_COMPACT);
	send(fd, text, strlen(text), MSG_NOSIGNAL);
	free(text);
	json_decref(reply);
}

/* -1: the connection is to be closed. */
static int answer(int fd, const json_t *request)
{
	static char bytes[PACKET_MAX];
	json_t *value;

	if ((value = json_object_get(script, "reply")) != NULL) {
		send_reply(fd, request, value);
	} else if ((value = json_object_get(script, "raw")) != NULL) {
		send(fd, json_string_value(value), json_string_length(value), MSG_NOSIGNAL);
	} else if ((value = json_object_get(script, "size")) != NULL) {
		memset(bytes, 'x', sizeof(bytes));
		send(fd, bytes, min_size((size_t)json_integer_value(value), sizeof(bytes)),
		     MSG_NOSIGNAL);
	} else if (json_object_get(script, "close") != NULL) {
		return -1;
	}
	return 0;
}

static void serve(struct pollfd *conn)
{
	static char packet[CTL_PACKET_MAX];
	ssize_t len = recv(conn->fd, packet, sizeof(packet), 0);
	json_t *request = len > 0 ? json_loadb(packet, (size_t)len, 0, NULL) : NULL;

	if (request != NULL)
		printf("%.*s\n", (int)len, packet);
	if (request == NULL || answer(conn->fd, request) < 0)
		close_fd(&conn->fd);
	json_decref(request);
}

static void accept_one(void)
{
	for (size_t i = FIXED_FDS; i < ARRAY_SIZE(fds); i++) {
		if (fds[i].fd >= 0)
			continue;
		fds[i].fd = accept4(fds[1].fd, NULL, NULL, SOCK_CLOEXEC);
		return;
	}
}

static void loop(void)
{
	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents != 0 && read_script() < 0)
			return;
		if (fds[1].revents != 0)
			accept_one();
		for (size_t i = FIXED_FDS; i < ARRAY_SIZE(fds); i++)
			if (fds[i].fd >= 0 && fds[i].revents != 0)
				serve(&fds[i]);
	}
}

int main(int argc, char **argv)
{
	struct unixsock_config cfg = {.type = SOCK_SEQPACKET, .mode = 0600, .backlog = 64};
	struct error err = {0};
	uint64_t backlog = 64;

	if (argc < 2 || (argc > 2 && parse_unsigned(argv[2], 0, 4096, &backlog) < 0)) {
		fputs("Usage: fake_nalcastd SOCKET [BACKLOG]\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	cfg.path = argv[1];
	cfg.backlog = (int)backlog;
	if (unixsock_listen(&cfg, &fds[1].fd, &err) < 0) {
		fprintf(stderr, "fake_nalcastd: %s\n", err.text);
		return 1;
	}
	fds[0].fd = STDIN_FILENO;
	puts("{\"ready\":true}");
	loop();
	unlink(argv[1]);
	for (size_t i = 1; i < ARRAY_SIZE(fds); i++)
		close_fd(&fds[i].fd);
	json_decref(script);
	return 0;
}
