#include "streamer/pipeline.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/chain.h"
#include "streamer/clock.h"
#include "streamer/orders.h"
#include "streamer/rate.h"

#define STALL_US      2000000 /* without a frame: the camera is lost */
#define STALL_FRAMES  3       /* ...but a slow one has this many frame times */
#define RETRY_MIN_US  1000000
#define RETRY_MAX_US  30000000
#define PIPELINE_NICE 5 /* sending must win over encoding */

struct pipeline {
	pthread_t thread;
	struct auq *out;
	struct orders orders;

	/* The thread's own. */
	char source_name[16];
	struct chain_config cfg;
	bool fps_given;
	struct source_caps known;    /* what the source can do; backend "" until it answered */
	struct chain *chain;         /* NULL: closed */
	struct pipeline_report mine; /* copied to report when something happened */
	bool demand;
	bool idr_wanted;
	bool withholding;  /* until an IDR: access units before it were lost */
	bool warned_large; /* of an access unit that Broadway cannot take; once is enough */
	int64_t last_frame_us, last_au_us;
	int64_t retry_us, retry_delay_us;
	unsigned failures;                        /* in a row */
	uint64_t captured_before, dropped_before; /* by chains closed since */
	struct rate rate;
};

static void publish_report(struct pipeline *p)
{
	orders_set_report(&p->orders, &p->mine);
	orders_tell_news(&p->orders);
}

static void set_online(struct pipeline *p, bool online, const char *reason)
{
	if (p->mine.online != online)
		p->mine.online_since_us = clock_now_us();
	p->mine.online = online;
	snprintf(p->mine.reason, sizeof(p->mine.reason), "%s", reason);
}

static int choose_and_probe(struct pipeline *p, struct error *err)
{
	if (p->cfg.source == NULL)
		p->cfg.source = source_choose(p->source_name);
	if (p->cfg.source == NULL)
		return error_set(err, -ENOENT, "this build has no source '%s'", p->source_name);
	return source_probe(p->cfg.source, p->cfg.picture.device, &p->known, err);
}

/* Find out what the source can do, unless that is known. */
static int probe(struct pipeline *p, struct error *err)
{
	if (p->known.backend[0] != '\0')
		return 0;
	int r = choose_and_probe(p, err);
	if (r < 0) {
		memset(&p->known, 0, sizeof(p->known));
		return r;
	}
	orders_set_caps(&p->orders, &p->known);
	memcpy(p->mine.backend, p->known.backend, sizeof(p->mine.backend));
	memcpy(p->mine.id, p->known.id, sizeof(p->mine.id));
	p->mine.own_size = p->known.mode_count == 0;
	return 0;
}

/* A size that this camera does not have must not keep it from starting. */
static void fit_picture(struct pipeline *p)
{
	struct source_config *picture = &p->cfg.picture;
	struct source_mode nearest;

	picture->width = p->mine.wanted.width;
	picture->height = p->mine.wanted.height;
	picture->fps_milli = p->mine.wanted.fps_milli;
	if (p->known.mode_count == 0) {
		picture->width = picture->height = 0;
		if (!p->fps_given)
			picture->fps_milli = 0;
		return;
	}
	if (source_caps_have(&p->known, picture->width, picture->height, picture->fps_milli))
		return;
	if (source_caps_nearest(&p->known, picture->width, picture->height, &nearest, 1) == 0)
		return;
	error_set(&p->mine.last_error, -ERANGE,
		  "the camera has no %ux%u at %u.%03u fps: the nearest mode serves", picture->width,
		  picture->height, picture->fps_milli / 1000, picture->fps_milli % 1000);
	log_warn("pipeline", "%s", p->mine.last_error.text);
	picture->width = nearest.width_min;
	picture->height = nearest.height_min;
	picture->fps_milli = (unsigned)max_i64(nearest.fps_min_milli,
					       min_i64(picture->fps_milli, nearest.fps_max_milli));
}

static void close_chain(struct pipeline *p)
{
	if (p->chain == NULL)
		return;
	p->captured_before = p->mine.frames_captured;
	p->dropped_before = p->mine.frames_dropped;
	chain_close(p->chain);
	p->chain = NULL;
	p->mine.flowing = false;
	p->mine.encoder[0] = '\0';
	p->mine.fps_captured_milli = p->mine.bitrate_actual_bps = 0;
}

static void log_open(const struct pipeline *p)
{
	const struct pipeline_picture *picture = &p->mine.granted;

	if (picture->width == 0)
		log_info("pipeline", "open: %s, waiting for its first picture", p->known.backend);
	else
		log_info("pipeline", "open: %s, %ux%u at %u.%03u fps, encoder %s", p->known.backend,
			 picture->width, picture->height, picture->fps_milli / 1000,
			 picture->fps_milli % 1000, p->mine.encoder);
}

static int open_chain(struct pipeline *p, struct error *err)
{
	struct source_format format;
	int r = probe(p, err);

	if (r == 0) {
		fit_picture(p);
		r = chain_open(&p->cfg, &p->chain, err);
	}
	if (r < 0)
		return r;
	chain_get_format(p->chain, &format);
	p->mine.granted = (struct pipeline_picture){format.width, format.height, format.fps_milli};
	const struct encoder_ops *encoder = chain_encoder(p->chain);
	snprintf(p->mine.encoder, sizeof(p->mine.encoder), "%s", encoder->name);
	p->mine.hardware = encoder->hardware;
	p->mine.can_force_idr = encoder->can_force_idr;
	p->mine.state = PIPELINE_RUNNING;
	p->last_frame_us = clock_now_us();
	p->withholding = true;
	rate_begin(&p->rate, p->last_frame_us);
	log_open(p);
	return 0;
}

/* Camera or encoder cannot be had: tell, and try again later and later. */
static void fail(struct pipeline *p, const struct error *err)
{
	close_chain(p);
	if (p->failures++ == 0)
		log_warn("pipeline", "lost: %s: trying again after 1, 2, 4 to 30 s", err->text);
	p->mine.state = PIPELINE_FAILED;
	p->mine.last_error = *err;
	p->mine.restarts++;
	set_online(p, false, err->text);
	memset(&p->known, 0, sizeof(p->known)); /* what comes back may be another camera */
	p->retry_us = clock_now_us() + p->retry_delay_us;
	p->retry_delay_us = min_i64(2 * p->retry_delay_us, RETRY_MAX_US);
	if (p->mine.change.pending) {
		p->mine.change.pending = false;
		p->mine.change.error = *err;
	}
	publish_report(p);
}

static void try_open(struct pipeline *p)
{
	struct error err = {0};

	if (open_chain(p, &err) < 0)
		fail(p, &err);
	else
		publish_report(p);
}

/* The first access unit after something was (re)opened or lost. */
static void begin_flow(struct pipeline *p, struct au *au)
{
	p->withholding = false;
	if (p->mine.aus_produced > 0)
		au->flags |= AU_DISCONTINUITY;
	if (p->failures > 0)
		log_info("pipeline", "back after %u tries", p->failures);
	p->failures = 0;
	p->retry_delay_us = RETRY_MIN_US;
	if (p->mine.change.pending) {
		p->mine.change.pending = false;
		p->mine.change.now = true;
		p->mine.change.interruption_us =
			p->last_au_us > 0 ? clock_now_us() - p->last_au_us : 0;
	}
	p->mine.flowing = true;
	set_online(p, true, "");
}

/* H.264 that comes ready-made has the size and rate that it has, and may change them. Returns
 * whether it did. */
static bool follow_format(struct pipeline *p, const struct au_format *format)
{
	struct pipeline_picture *picture = &p->mine.granted;
	unsigned fps_milli = picture->fps_milli != 0 ? picture->fps_milli : format->fps_milli;

	if (picture->width == format->width && picture->height == format->height &&
	    picture->fps_milli == fps_milli)
		return false;
	*picture = (struct pipeline_picture){format->width, format->height, fps_milli};
	log_open(p);
	return true;
}

static void warn_large(struct pipeline *p, size_t size)
{
	if (size <= AU_BROADWAY_MAX_BYTES || p->warned_large)
		return;
	p->warned_large = true;
	log_warn("pipeline",
		 "an access unit has %zu bytes: Broadway.js can show none over %u, so viewers "
		 "without WebCodecs will miss it; a smaller picture or bitrate helps",
		 size, AU_BROADWAY_MAX_BYTES);
}

static void push(struct pipeline *p, struct au *au)
{
	size_t size = au->size;

	p->last_au_us = clock_now_us();
	if (auq_push(p->out, au) < 0) {
		p->withholding = p->idr_wanted = true;
		p->mine.aus_dropped++;
		return;
	}
	p->mine.aus_produced++;
	p->rate.bytes += size;
}

static void on_au(void *arg, struct au *au)
{
	struct pipeline *p = arg;
	bool is_news = p->withholding;
	bool idr = au->flags & AU_IDR;

	warn_large(p, au->size);
	if (p->withholding && !idr) {
		p->mine.aus_dropped++;
		au_unref(au);
		return;
	}
	if (p->withholding)
		begin_flow(p, au);
	if (idr) {
		is_news |= follow_format(p, &au->format);
		p->mine.idr_total++;
		p->mine.idr_forced_total += p->idr_wanted && p->mine.can_force_idr;
		p->idr_wanted = false;
	}
	push(p, au);
	/* Not before: who waited for this is answered, and may come for the picture at once. */
	if (is_news)
		publish_report(p);
}

/* Numbers are kept up to date without waking the loop for them. */
static void refresh_report(struct pipeline *p)
{
	struct chain_stats stats = chain_get_stats(p->chain);

	p->mine.frames_captured = p->captured_before + stats.frames_captured;
	p->mine.frames_dropped = p->dropped_before + stats.frames_dropped;
	orders_set_report(&p->orders, &p->mine);
}

static int64_t stall_limit_us(const struct pipeline *p)
{
	unsigned fps_milli = p->mine.granted.fps_milli;
	int64_t patience_us = p->known.patience_ms * INT64_C(1000);
	int64_t frames_us = fps_milli > 0 ? STALL_FRAMES * INT64_C(1000000000) / fps_milli : 0;

	return max_i64(patience_us > 0 ? patience_us : STALL_US, frames_us);
}

static void pump(struct pipeline *p)
{
	struct error err = {0};
	int frames = chain_pump(p->chain, p->idr_wanted, on_au, p, &err);
	int64_t now_us = clock_now_us();

	if (frames > 0)
		p->last_frame_us = now_us;
	if (frames >= 0 && now_us - p->last_frame_us >= stall_limit_us(p))
		frames = error_set(&err, -ETIMEDOUT, "%s: no picture came for %lld ms",
				   p->known.backend, (long long)(now_us - p->last_frame_us) / 1000);
	if (frames < 0) {
		fail(p, &err);
		return;
	}
	p->rate.frames += (unsigned)frames;
	rate_turn(&p->rate, now_us, &p->mine.fps_captured_milli, &p->mine.bitrate_actual_bps);
	refresh_report(p);
}

static int check_picture(struct pipeline *p, const struct pipeline_picture *picture,
			 struct error *err)
{
	int r = probe(p, err);

	if (r < 0)
		return r;
	if (p->known.mode_count == 0)
		return error_set(err, -EOPNOTSUPP,
				 "%s brings its own H.264 and offers no other size",
				 p->known.backend);
	if (!source_caps_have(&p->known, picture->width, picture->height, picture->fps_milli))
		return error_set(err, -ERANGE, "the camera has no mode %ux%u at %u.%03u fps",
				 picture->width, picture->height, picture->fps_milli / 1000,
				 picture->fps_milli % 1000);
	return 0;
}

/* Close, open with the new picture; if that fails, go back to what worked. */
static void reopen(struct pipeline *p, const struct pipeline_picture *before)
{
	struct error err = {0};

	p->mine.change.pending = true;
	close_chain(p);
	if (open_chain(p, &err) == 0)
		return;
	p->mine.change.pending = false;
	p->mine.change.error = err;
	p->mine.wanted = *before;
	try_open(p);
}

static void change_picture(struct pipeline *p, const struct wishes *wishes)
{
	struct pipeline_picture before = p->mine.wanted;

	p->mine.change = (struct pipeline_change){.generation = wishes->generation};
	if (check_picture(p, &wishes->picture, &p->mine.change.error) == 0) {
		p->mine.wanted = wishes->picture;
		if (p->chain != NULL)
			reopen(p, &before);
	}
	publish_report(p);
}

static void set_fault(struct pipeline *p, enum source_fault fault)
{
	struct error err = {0};

	if (p->cfg.source == NULL || p->cfg.source->set_fault == NULL) {
		log_warn("pipeline", "this source cannot act out faults");
		return;
	}
	struct source *source = p->chain != NULL ? chain_source(p->chain) : NULL;
	if (p->cfg.source->set_fault(source, fault, &err) < 0)
		log_warn("pipeline", "%s", err.text);
	p->retry_us = clock_now_us(); /* what was unplugged may be back */
}

static void stop_flow(struct pipeline *p)
{
	close_chain(p);
	p->mine.state = PIPELINE_IDLE;
	p->mine.change.pending = false;
	p->retry_us = 0;
	p->retry_delay_us = RETRY_MIN_US;
	p->last_au_us = 0;
	log_info("pipeline", "closed: nobody wants pictures");
	publish_report(p);
}

static void follow(struct pipeline *p, const struct wishes *wishes)
{
	if (wishes->has_fault)
		set_fault(p, wishes->fault);
	if (wishes->generation != p->mine.change.generation)
		change_picture(p, wishes);
	if (wishes->force_idr)
		p->idr_wanted = true;
	if (p->demand && !wishes->demand)
		stop_flow(p);
	p->demand = wishes->demand;
	if (p->demand && p->chain == NULL && clock_now_us() >= p->retry_us)
		try_open(p);
}

static int wait_ms(const struct pipeline *p)
{
	int64_t until_us;

	if (p->chain != NULL && chain_has_more(p->chain))
		return 0;
	if (p->chain != NULL)
		until_us = p->last_frame_us + stall_limit_us(p);
	else if (p->demand)
		until_us = p->retry_us;
	else
		return -1;
	/* Rounded up: waking a moment too early would spin. */
	return (int)max_i64(0, (until_us - clock_now_us() + 999) / 1000);
}

static void wait_for_work(struct pipeline *p)
{
	struct pollfd fds[1 + CHAIN_FDS] = {{.fd = p->orders.wake_fd, .events = POLLIN}};
	nfds_t count = 1;

	if (p->chain != NULL) {
		chain_poll_fds(p->chain, fds + 1);
		count += CHAIN_FDS;
	}
	poll(fds, count, wait_ms(p));
}

static void probe_at_start(struct pipeline *p)
{
	struct error err = {0};
	int r = probe(p, &err);

	set_online(p, r == 0, err.text);
	p->mine.online_since_us = clock_now_us();
	if (r < 0) {
		p->mine.last_error = err;
		log_warn("pipeline", "no camera yet: %s", err.text);
	} else {
		log_info("pipeline", "source: %s, %s", p->known.backend,
			 p->known.id[0] != '\0' ? p->known.id : p->known.backend);
	}
	publish_report(p);
}

static void *run(void *arg)
{
	struct pipeline *p = arg;

	pthread_setname_np(pthread_self(), "pipeline");
	/* Linux: of this thread alone, and of those that the encoder starts from it. */
	setpriority(PRIO_PROCESS, 0, PIPELINE_NICE);
	probe_at_start(p);
	for (;;) {
		struct wishes wishes = orders_take(&p->orders);
		if (wishes.quit)
			break;
		follow(p, &wishes);
		wait_for_work(p);
		if (p->chain != NULL)
			pump(p);
	}
	close_chain(p);
	return NULL;
}

static void init_settings(struct pipeline *p, const struct conf *conf,
			  const struct pipeline_picture *picture)
{
	snprintf(p->source_name, sizeof(p->source_name), "%s", conf->source);
	snprintf(p->cfg.picture.device, sizeof(p->cfg.picture.device), "%s", conf->source_device);
	snprintf(p->cfg.encoder, sizeof(p->cfg.encoder), "%s", conf->encoder);
	p->cfg.bitrate_bps = conf->bitrate_bps;
	p->cfg.gop_frames = conf->gop_frames;
	p->cfg.any_profile = conf->any_profile;
	p->fps_given = conf->fps_given;
	p->mine.wanted = *picture;
	p->mine.can_force_idr = true;
	p->retry_delay_us = RETRY_MIN_US;
	p->orders.report = p->mine;
	p->orders.wishes.picture = *picture;
	p->orders.wishes.has_fault =
		source_fault_parse(conf->test_fault, &p->orders.wishes.fault) == 0;
}

static void release(struct pipeline *p)
{
	orders_clear(&p->orders);
	free(p);
}

int pipeline_new(const struct conf *conf, const struct pipeline_picture *picture, struct auq *out,
		 struct pipeline **ret_pipeline, struct error *err)
{
	struct pipeline *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	p->out = out;
	int r = -orders_init(&p->orders);
	init_settings(p, conf, picture);
	if (r == 0)
		r = pthread_create(&p->thread, NULL, run, p);
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
	orders_edit(&p->orders)->quit = true;
	orders_send(&p->orders);
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

uint64_t pipeline_set_picture(struct pipeline *p, const struct pipeline_picture *picture)
{
	struct wishes *wishes = orders_edit(&p->orders);
	uint64_t generation = ++wishes->generation;

	wishes->picture = *picture;
	orders_send(&p->orders);
	return generation;
}

void pipeline_set_fault(struct pipeline *p, enum source_fault fault)
{
	struct wishes *wishes = orders_edit(&p->orders);

	wishes->has_fault = true;
	wishes->fault = fault;
	orders_send(&p->orders);
}
