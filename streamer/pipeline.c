#include "streamer/pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "streamer/orders.h"
#include "streamer/producer.h"

struct pipeline {
	pthread_t thread;
	struct orders orders;
	struct producer producer; /* the thread's own */
};

void pipeline_settings_init(struct pipeline_settings *settings, const struct conf *conf)
{
	*settings = (struct pipeline_settings){
		.picture = {conf->width, conf->height, conf->fps_milli},
		.bitrate_bps = conf->bitrate_bps,
		.gop_frames = conf->gop_frames,
		.encoder_threads = conf->encoder_threads,
		.any_profile = conf->any_profile,
	};
	snprintf(settings->encoder, sizeof(settings->encoder), "%s", conf->encoder);
	snprintf(settings->encoder_preset, sizeof(settings->encoder_preset), "%s",
		 conf->encoder_preset);
	snprintf(settings->source, sizeof(settings->source), "%s", conf->source);
	snprintf(settings->source_device, sizeof(settings->source_device), "%s",
		 conf->source_device);
}

bool pipeline_same_picture(const struct pipeline_picture *a, const struct pipeline_picture *b)
{
	return a->width == b->width && a->height == b->height && a->fps_milli == b->fps_milli;
}

bool pipeline_same_settings(const struct pipeline_settings *a, const struct pipeline_settings *b)
{
	return pipeline_same_picture(&a->picture, &b->picture) &&
	       a->bitrate_bps == b->bitrate_bps && a->gop_frames == b->gop_frames &&
	       strcmp(a->encoder, b->encoder) == 0 && a->encoder_threads == b->encoder_threads &&
	       strcmp(a->encoder_preset, b->encoder_preset) == 0 &&
	       a->any_profile == b->any_profile && strcmp(a->source, b->source) == 0 &&
	       strcmp(a->source_device, b->source_device) == 0;
}

static void *run(void *arg)
{
	producer_run(arg);
	return NULL;
}

static void release(struct pipeline *p)
{
	orders_clear(&p->orders);
	free(p);
}

int pipeline_new(const struct pipeline_config *cfg, struct pipeline **ret_pipeline,
		 struct error *err)
{
	struct pipeline *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	int r = -orders_init(&p->orders);
	p->orders.wishes.has_fault =
		source_fault_parse(cfg->conf->test_fault, &p->orders.wishes.fault) == 0;
	producer_init(&p->producer, cfg, &p->orders);
	if (r == 0)
		r = pthread_create(&p->thread, NULL, run, &p->producer);
	if (r != 0) {
		release(p);
		return error_set(err, -r, "the pipeline's thread: %s", strerror(r));
	}
	*ret_pipeline = p;
	return 0;
}

bool pipeline_free(struct pipeline *p, int64_t timeout_us)
{
	struct timespec until;

	if (p == NULL)
		return true;
	orders_stop(&p->orders);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_us / 1000000;
	until.tv_nsec += timeout_us % 1000000 * 1000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	if (pthread_timedjoin_np(p->thread, NULL, &until) != 0)
		return false;
	release(p);
	return true;
}

int pipeline_fd(const struct pipeline *p)
{
	return p->orders.news_fd;
}

void pipeline_take_news(struct pipeline *p)
{
	orders_take_news(&p->orders);
}

void pipeline_get_report(struct pipeline *p, struct pipeline_report *ret_report)
{
	orders_get_report(&p->orders, ret_report);
}

void pipeline_get_caps(struct pipeline *p, struct source_caps *ret_caps)
{
	orders_get_caps(&p->orders, ret_caps);
}

void pipeline_demand(struct pipeline *p, bool wanted)
{
	orders_edit(&p->orders)->demand = wanted;
	orders_send(&p->orders);
}

void pipeline_force_idr(struct pipeline *p)
{
	orders_edit(&p->orders)->force_idr = true;
	orders_send(&p->orders);
}

uint64_t pipeline_set(struct pipeline *p, const struct pipeline_settings *settings)
{
	struct wishes *wishes = orders_edit(&p->orders);
	uint64_t generation = ++wishes->generation;

	wishes->settings_generation = generation;
	wishes->settings = *settings;
	orders_send(&p->orders);
	return generation;
}

/* Those of before may not have been seen yet; of each, the newest wish wins. */
static void merge_controls(struct wishes *wishes, const struct pipeline_control *list,
			   unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned at = 0;
		while (at < wishes->control_count &&
		       strcmp(wishes->controls[at].name, list[i].name) != 0)
			at++;
		if (at == SOURCE_CONTROLS_MAX) /* no camera has so many: only what is newest */
			at = wishes->control_count = 0;
		wishes->controls[at] = list[i];
		wishes->control_count += at == wishes->control_count;
	}
}

uint64_t pipeline_set_controls(struct pipeline *p, const struct pipeline_control *list,
			       unsigned count)
{
	struct wishes *wishes = orders_edit(&p->orders);
	uint64_t generation = ++wishes->generation;

	wishes->controls_generation = generation;
	merge_controls(wishes, list, count);
	orders_send(&p->orders);
	return generation;
}

void pipeline_set_rate_limit(struct pipeline *p, unsigned bitrate_bps)
{
	orders_edit(&p->orders)->rate_limit_bps = bitrate_bps;
	orders_send(&p->orders);
}

void pipeline_set_fault(struct pipeline *p, enum source_fault fault)
{
	struct wishes *wishes = orders_edit(&p->orders);

	wishes->has_fault = true;
	wishes->fault = fault;
	orders_send(&p->orders);
}
