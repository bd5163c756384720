#include "streamer/survey.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "streamer/clock.h"

struct survey_run {
	atomic_uint users; /* the loop and the thread; the last one frees it */
	atomic_bool done;  /* by the thread: what was found is the loop's now */
	int done_fd;       /* readable then */
	int64_t begin_us;
	struct source_info *infos;
	unsigned count;
};

static void release(struct survey_run *run)
{
	if (atomic_fetch_sub(&run->users, 1) > 1)
		return;
	close(run->done_fd);
	free(run->infos);
	free(run);
}

/* --- its thread */

/* Without memory for more, what was found before stands. */
static void add(struct survey_run *run, const struct source_info *infos, unsigned count)
{
	if (count == 0)
		return;
	struct source_info *all =
		reallocarray(run->infos, (size_t)run->count + count, sizeof(*infos));
	if (all == NULL)
		return;
	memcpy(all + run->count, infos, count * sizeof(*infos));
	run->infos = all;
	run->count += count;
}

static void add_listed(struct survey_run *run, const struct source_ops *ops)
{
	struct source_info *list = NULL;
	int count = source_list(ops, &list);

	if (count > 0)
		add(run, list, (unsigned)count);
	free(list);
}

static void add_only_one(struct survey_run *run, const struct source_ops *ops)
{
	struct source_info *info = calloc(1, sizeof(*info));

	if (info != NULL && source_probe(ops, "", &info->caps, NULL) == 0)
		add(run, info, 1);
	free(info);
}

static void *look_around(void *arg)
{
	struct survey_run *run = arg;

	pthread_setname_np(pthread_self(), "survey");
	for (const struct source_ops *const *ops = source_backends; *ops != NULL; ops++) {
		if ((*ops)->list != NULL)
			add_listed(run, *ops);
		/* A file is not hardware, and nothing finds files by itself. */
		else if (strcmp((*ops)->name, "file") != 0)
			add_only_one(run, *ops);
	}
	atomic_store(&run->done, true);
	eventfd_write(run->done_fd, 1);
	release(run);
	return NULL;
}

/* --- the loop's */

static void leave(struct survey *survey)
{
	survey->source = sd_event_source_disable_unref(survey->source);
	if (survey->run != NULL)
		release(survey->run);
	survey->run = NULL;
}

static int on_run_done(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct survey *survey = arg;

	(void)source;
	(void)fd;
	(void)events;
	survey->on_done(survey->arg);
	leave(survey);
	return 0;
}

static int start_thread(struct survey_run *run)
{
	pthread_t thread;

	atomic_store(&run->users, 2);
	int r = -pthread_create(&thread, NULL, look_around, run);
	if (r < 0)
		atomic_store(&run->users, 1);
	else
		pthread_detach(thread);
	return r;
}

static int begin(struct survey *survey)
{
	struct survey_run *run = calloc(1, sizeof(*run));

	if (run == NULL)
		return -ENOMEM;
	run->begin_us = clock_now_us();
	run->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (run->done_fd < 0) {
		int code = -errno;
		free(run);
		return code;
	}
	atomic_store(&run->users, 1);
	survey->run = run;
	int r = sd_event_add_io(survey->event, &survey->source, run->done_fd, EPOLLIN, on_run_done,
				survey);
	if (r >= 0)
		r = start_thread(run);
	if (r < 0)
		leave(survey);
	return r;
}

void survey_init(struct survey *survey, sd_event *event, void (*on_done)(void *arg), void *arg)
{
	*survey = (struct survey){.event = event, .on_done = on_done, .arg = arg};
}

void survey_clear(struct survey *survey)
{
	leave(survey);
}

uint64_t survey_join(struct survey *survey, struct error *err)
{
	if (survey->run != NULL) {
		int64_t age_us = clock_now_us() - survey->run->begin_us;
		if (age_us < SURVEY_US || atomic_load(&survey->run->done))
			return survey->number;
		error_set(err, -ETIMEDOUT, "a camera's driver has not answered for %lld s",
			  (long long)(age_us / 1000000));
		return 0;
	}
	int r = begin(survey);
	if (r < 0) {
		error_set(err, r, "the cameras cannot be looked for: %s", strerror(-r));
		return 0;
	}
	return ++survey->number;
}

const struct source_info *survey_found(const struct survey *survey, uint64_t number,
				       unsigned *ret_count)
{
	static const struct source_info none;
	const struct survey_run *run = survey->run;

	if (run == NULL || survey->number != number || !atomic_load(&run->done))
		return NULL;
	*ret_count = run->count;
	return run->count > 0 ? run->infos : &none;
}
