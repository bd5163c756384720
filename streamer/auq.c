#include "streamer/auq.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "common/util.h"

struct auq {
	pthread_mutex_t lock; /* guards head, count and ring */
	int fd;
	unsigned depth;
	unsigned head, count;
	const struct au *ring[];
};

struct auq *auq_new(unsigned depth)
{
	struct auq *q = calloc(1, sizeof(*q) + depth * sizeof(q->ring[0]));

	if (q == NULL)
		return NULL;
	q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (q->fd < 0) {
		free(q);
		return NULL;
	}
	pthread_mutex_init(&q->lock, NULL);
	q->depth = depth;
	return q;
}

void auq_free(struct auq *q)
{
	if (q == NULL)
		return;
	for (const struct au *au; (au = auq_pop(q)) != NULL;)
		au_unref(au);
	close_fd(&q->fd);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

int auq_fd(const struct auq *q)
{
	return q->fd;
}

int auq_push(struct auq *q, struct au *au)
{
	pthread_mutex_lock(&q->lock);
	bool full = q->count == q->depth;
	bool was_empty = q->count == 0;
	if (!full)
		q->ring[(q->head + q->count++) % q->depth] = au;
	pthread_mutex_unlock(&q->lock);

	if (full) {
		au_unref(au);
		return -ENOBUFS;
	}
	if (was_empty)
		eventfd_write(q->fd, 1);
	return 0;
}

const struct au *auq_pop(struct auq *q)
{
	const struct au *au = NULL;
	eventfd_t count;

	pthread_mutex_lock(&q->lock);
	if (q->count == 0) {
		/* Under the lock: a push after it finds the queue empty and writes again. */
		eventfd_read(q->fd, &count);
	} else {
		au = q->ring[q->head];
		q->head = (q->head + 1) % q->depth;
		q->count--;
	}
	pthread_mutex_unlock(&q->lock);
	return au;
}
