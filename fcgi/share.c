#include "fcgi/share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/lock.h"

void share_init(struct share *share)
{
	pthread_condattr_t attr;

	*share = (struct share){.is_asking = false};
	lock_init(&share->lock);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&share->news, &attr);
	pthread_condattr_destroy(&attr);
}

void share_destroy(struct share *share)
{
	ctl_reply_clear(&share->reply);
	pthread_cond_destroy(&share->news);
	pthread_mutex_destroy(&share->lock);
}

/* False where it cannot be given to another, or there is no memory for that. */
static bool copy_text(const struct ctl_reply *from, struct ctl_reply *to)
{
	char *text = from->text != NULL ? malloc(from->text_size + 1) : NULL;

	if (text == NULL)
		return false;
	memcpy(text, from->text, from->text_size + 1);
	*to = *from;
	to->text = text;
	return true;
}

/* Under the lock, which is let go while asking. The answer is ours, and a copy is the others'. */
static int ask_for_all(struct share *share, share_ask_fn *ask, void *ctx,
		       struct ctl_reply *ret_reply, struct error *err)
{
	struct error why = {0};

	share->is_asking = true;
	uint64_t number = ++share->begun;
	pthread_mutex_unlock(&share->lock);
	int r = ask(ctx, ret_reply, &why);
	pthread_mutex_lock(&share->lock);
	ctl_reply_clear(&share->reply);
	share->r = r == 0 && !copy_text(ret_reply, &share->reply) ? -EAGAIN : r;
	share->err = why;
	share->is_asking = false;
	share->done = number;
	*err = why;
	return r;
}

/* Under the lock: what another was told. -EAGAIN: it is not for us. */
static int take(const struct share *share, struct ctl_reply *ret_reply, struct error *err)
{
	if (share->r < 0) {
		*err = share->err;
		return share->r;
	}
	return copy_text(&share->reply, ret_reply) ? 0 : -EAGAIN;
}

static struct timespec after_ms(int timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return until;
}

int share_ask(struct share *share, share_ask_fn *ask, void *ctx, int timeout_ms,
	      struct ctl_reply *ret_reply, struct error *err)
{
	const struct timespec until = after_ms(timeout_ms);
	bool has_asked = false;
	int r = -EINPROGRESS;

	pthread_mutex_lock(&share->lock);
	/* The asking that is under way began before us. */
	const uint64_t wanted = share->begun + 1;
	while (r == -EINPROGRESS) {
		if (share->done >= wanted)
			r = take(share, ret_reply, err);
		else if ((has_asked = !share->is_asking))
			r = ask_for_all(share, ask, ctx, ret_reply, err);
		else if (pthread_cond_timedwait(&share->news, &share->lock, &until) == ETIMEDOUT &&
			 share->done < wanted)
			r = error_set(err, -ETIMEDOUT, "no answer to others in time");
	}
	pthread_mutex_unlock(&share->lock);
	/* Not before: those who wake want the lock. */
	if (has_asked)
		pthread_cond_broadcast(&share->news);
	return r != -EAGAIN ? r : ask(ctx, ret_reply, err);
}
