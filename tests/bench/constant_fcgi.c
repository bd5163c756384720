/* constant_fcgi: what libfcgi can do at best: as many threads as nalcast-fcgi has, each of which
 * accepts, answers the same and accepts again.
 *
 * constant_fcgi SOCKET THREADS. It runs until it is killed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcgiapp.h>

#include "common/util.h"

#define BACKLOG     128
#define THREADS_MAX 64

/* As long as a state. */
static const char answer[] =
	"Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n"
	"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n";

static int listen_fd;
static char body[900];

static void *work(void *ctx)
{
	FCGX_Request request;

	(void)ctx;
	FCGX_InitRequest(&request, listen_fd, 0);
	while (FCGX_Accept_r(&request) == 0) {
		FCGX_PutStr(answer, sizeof(answer) - 1, request.out);
		FCGX_PutStr(body, sizeof(body), request.out);
		FCGX_Finish_r(&request);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t threads;
	pthread_t thread;

	if (argc != 3 || parse_unsigned(argv[2], 1, THREADS_MAX, &threads) < 0) {
		fputs("Usage: constant_fcgi SOCKET THREADS\n", stderr);
		return 2;
	}
	memset(body, 'x', sizeof(body));
	if (FCGX_Init() != 0 || (listen_fd = FCGX_OpenSocket(argv[1], BACKLOG)) < 0) {
		fprintf(stderr, "constant_fcgi: %s: cannot listen\n", argv[1]);
		return 1;
	}
	for (uint64_t i = 1; i < threads; i++)
		if (pthread_create(&thread, NULL, work, NULL) != 0)
			return 1;
	work(NULL);
	return 1;
}
