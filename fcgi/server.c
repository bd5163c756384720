#include "fcgi/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "common/log.h"
#include "common/util.h"
#include "fcgi/clock.h"

#define STOP_GRACE_MS     500
#define ACCEPT_BACKOFF_MS 100 /* no descriptors left: somebody has to close one first */

struct worker {
	struct server *server;
	pthread_t thread;
	FCGX_Request fcgi;
	int epoll_fd; /* what it sleeps on: the listener and the end */
	char body[REQUEST_BODY_MAX + 1];

	pthread_mutex_t lock; /* of what follows */
	/* The connection once more, as a descriptor of our own: libfcgi closes its one when it
	 * likes, and its number may then be another connection's. */
	int conn_fd;         /* -1: none */
	int64_t deadline_ms; /* 0: none, it is our turn */
};

struct server {
	struct server_config cfg;
	/* Relaxed: server_free() sets it before it takes each worker's lock to cut its connection,
	 * and a worker looks at it under that lock: it is cut, or it sees this. */
	atomic_bool stopping;
	pthread_mutex_t lock; /* of running */
	pthread_cond_t ended;
	unsigned running; /* workers */
	unsigned worker_count;
	struct worker workers[];
};

/* From now on the peer has this long in all; 0: the peer waits for us. */
static void set_deadline(struct worker *worker, int timeout_ms)
{
	pthread_mutex_lock(&worker->lock);
	worker->deadline_ms = timeout_ms > 0 ? clock_now_ms() + timeout_ms : 0;
	pthread_mutex_unlock(&worker->lock);
}

static bool is_stopping(struct server *server)
{
	return atomic_load_explicit(&server->stopping, memory_order_relaxed);
}

/* Under worker->lock. */
static int conn_register(struct worker *worker, int fd)
{
	struct server *server = worker->server;

	if (is_stopping(server))
		return -ECANCELED;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return -errno;
	worker->conn_fd = own;
	worker->deadline_ms = clock_now_ms() + server->cfg.io_timeout_ms;
	return 0;
}

static int conn_open(struct worker *worker, int fd)
{
	pthread_mutex_lock(&worker->lock);
	int r = conn_register(worker, fd);
	pthread_mutex_unlock(&worker->lock);
	return r;
}

static void conn_close(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	close_fd(&worker->conn_fd);
	pthread_mutex_unlock(&worker->lock);
}

static const char *fcgi_param(void *ctx, const char *name)
{
	const FCGX_Request *fcgi = ctx;

	return FCGX_GetParam(name, fcgi->envp);
}

/* FCGI_STDIN to its end, or one byte more than anybody may send. */
static size_t read_body(struct worker *worker)
{
	size_t size = 0;

	while (size < sizeof(worker->body)) {
		int got = FCGX_GetStr(worker->body + size, (int)(sizeof(worker->body) - size),
				      worker->fcgi.in);
		if (got <= 0)
			break;
		size += (size_t)got;
	}
	return size;
}

static void log_answer(const struct request_input *in, const struct response *res)
{
	const char *method = in->param(in->ctx, "REQUEST_METHOD");
	const char *path = in->param(in->ctx, "DOCUMENT_URI");

	log_debug("api", "%s %s: %d", method != NULL ? method : "?", path != NULL ? path : "?",
		  res->status);
}

/* Returns whether all that the peer sent is read. */
static bool answer(struct worker *worker)
{
	struct request_input in = {.param = fcgi_param, .ctx = &worker->fcgi};
	struct response res = {0};
	size_t size;

	in.body = worker->body;
	in.body_size = read_body(worker);
	set_deadline(worker, 0);
	api_answer(worker->server->cfg.api, &in, &res);
	log_answer(&in, &res);
	set_deadline(worker, worker->server->cfg.io_timeout_ms);

	/* Out of memory: no answer at all, which the web server makes a 502 of. */
	char *bytes = response_write(&res, &size);
	if (bytes != NULL)
		FCGX_PutStr(bytes, (int)size, worker->fcgi.out);
	free(bytes);
	response_clear(&res);
	return in.body_size < sizeof(worker->body);
}

/* libfcgi would shut down our side, and wait for the peer to close its: what it has not read is
 * lost where something unread is closed. Where all is read, there is nothing to wait for. */
static void finish(struct worker *worker, bool all_is_read)
{
	FCGX_Request *fcgi = &worker->fcgi;

	fcgi->keepConnection = all_is_read;
	FCGX_Finish_r(fcgi);
	close_fd(&fcgi->ipcFd);
}

/* Takes fd. */
static void serve(struct worker *worker, int fd)
{
	if (conn_open(worker, fd) < 0) {
		close(fd);
		return;
	}
	/* FCGX_Accept_r() reads from ipcFd where there is one; keepConnection keeps the finishing
	 * of the request before, with which it begins, from closing it. It returns an error for
	 * a connection that is no good, since there is no socket to accept another from. */
	worker->fcgi.ipcFd = fd;
	worker->fcgi.keepConnection = 1;
	if (FCGX_Accept_r(&worker->fcgi) == 0) {
		/* A head that breaks off between two parameters is none to libfcgi 2.4.2 either,
		 * but it says so here only. */
		bool is_request = FCGX_GetError(worker->fcgi.in) == 0;
		finish(worker, is_request && answer(worker));
	}
	conn_close(worker);
}

/* A descriptor; -1: there is none, or no room for one. */
static int accept_now(struct server *server)
{
	struct pollfd stop = {.fd = server->cfg.stop_fd, .events = POLLIN};
	int fd = accept4(server->cfg.listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0 && errno != EAGAIN && errno != EINTR) {
		log_warn("api", "accept: %s", strerror(errno));
		poll(&stop, 1, ACCEPT_BACKOFF_MS);
	}
	return fd;
}

/* Whoever has just answered looks first, and sleeps only where nothing waits. */
static int accept_one(struct worker *worker)
{
	struct epoll_event event;
	int fd = accept_now(worker->server);

	if (fd >= 0 || epoll_wait(worker->epoll_fd, &event, 1, -1) <= 0)
		return fd;
	return accept_now(worker->server);
}

static void *work(void *ctx)
{
	struct worker *worker = ctx;
	struct server *server = worker->server;

	FCGX_InitRequest(&worker->fcgi, -1, FCGI_FAIL_ACCEPT_ON_INTR);
	while (!is_stopping(server)) {
		int fd = accept_one(worker);
		if (fd >= 0)
			serve(worker, fd);
	}
	FCGX_Free(&worker->fcgi, 1);
	pthread_mutex_lock(&server->lock);
	server->running--;
	pthread_cond_signal(&server->ended);
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

static struct server *server_alloc(const struct server_config *cfg)
{
	struct server *server =
		calloc(1, sizeof(*server) + cfg->threads * sizeof(server->workers[0]));
	pthread_condattr_t attr;

	if (server == NULL)
		return NULL;
	server->cfg = *cfg;
	pthread_mutex_init(&server->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&server->ended, &attr);
	pthread_condattr_destroy(&attr);
	return server;
}

/* EPOLLEXCLUSIVE: a connection wakes one thread, and not all that sleep. */
static int open_epoll(const struct server_config *cfg, int *ret_fd)
{
	struct epoll_event listen = {.events = EPOLLIN | EPOLLEXCLUSIVE};
	struct epoll_event stop = {.events = EPOLLIN};
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (epoll_ctl(fd, EPOLL_CTL_ADD, cfg->listen_fd, &listen) < 0 ||
	    epoll_ctl(fd, EPOLL_CTL_ADD, cfg->stop_fd, &stop) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int start_worker(struct server *server)
{
	struct worker *worker = &server->workers[server->worker_count];

	worker->server = server;
	worker->conn_fd = -1;
	int r = open_epoll(&server->cfg, &worker->epoll_fd);
	if (r < 0)
		return r;
	pthread_mutex_init(&worker->lock, NULL);
	r = -pthread_create(&worker->thread, NULL, work, worker);
	if (r < 0) {
		pthread_mutex_destroy(&worker->lock);
		close_fd(&worker->epoll_fd);
		return r;
	}
	pthread_setname_np(worker->thread, "api");
	server->worker_count++;
	return 0;
}

int server_new(const struct server_config *cfg, struct server **ret_server, struct error *err)
{
	struct server *server = server_alloc(cfg);

	if (server == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	if (FCGX_Init() != 0) {
		server_free(server);
		return error_set(err, -ENOMEM, "libfcgi cannot be initialised");
	}
	signal(SIGPIPE, SIG_IGN); /* FCGX_Init() has put a handler of its own there */

	server->running = cfg->threads;
	for (unsigned i = 0; i < cfg->threads; i++) {
		int r = start_worker(server);
		if (r < 0) {
			server->running = server->worker_count;
			server_free(server);
			return error_set(err, r, "cannot start thread %u of %u: %s", i + 1,
					 cfg->threads, strerror(-r));
		}
	}
	*ret_server = server;
	return 0;
}

/* Shut down, not closed: libfcgi's descriptor reads the end, and its thread closes it. */
static void cut(struct server *server, int64_t deadline_ms)
{
	for (unsigned i = 0; i < server->worker_count; i++) {
		struct worker *worker = &server->workers[i];
		pthread_mutex_lock(&worker->lock);
		if (worker->conn_fd >= 0 && worker->deadline_ms <= deadline_ms &&
		    (worker->deadline_ms > 0 || is_stopping(server)))
			shutdown(worker->conn_fd, SHUT_RDWR);
		pthread_mutex_unlock(&worker->lock);
	}
}

void server_sweep(struct server *server)
{
	cut(server, clock_now_ms());
}

int server_sweep_interval_ms(const struct server *server)
{
	return server->cfg.io_timeout_ms / 2;
}

static void wait_for_workers(struct server *server, int timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += timeout_ms * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	atomic_store_explicit(&server->stopping, true, memory_order_relaxed);
	pthread_mutex_lock(&server->lock);
	while (server->running > 0)
		if (pthread_cond_timedwait(&server->ended, &server->lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&server->lock);
}

void server_free(struct server *server)
{
	if (server == NULL)
		return;
	eventfd_write(server->cfg.stop_fd, 1);
	wait_for_workers(server, STOP_GRACE_MS);
	cut(server, INT64_MAX);
	for (unsigned i = 0; i < server->worker_count; i++) {
		pthread_join(server->workers[i].thread, NULL);
		pthread_mutex_destroy(&server->workers[i].lock);
		close_fd(&server->workers[i].epoll_fd);
	}
	pthread_cond_destroy(&server->ended);
	pthread_mutex_destroy(&server->lock);
	free(server);
}
