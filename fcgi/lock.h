/* lock: a mutex that is held for a few instructions, and by many threads one after the other: who
 * wants it looks again for a moment before it sleeps, since sleeping costs more than all of them.
 */
#ifndef FCGI_LOCK_H
#define FCGI_LOCK_H

#include <pthread.h>

static inline void lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

#endif
