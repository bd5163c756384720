#include "streamer/producer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"

#define SUBSYSTEM     "pipeline"
#define STALL_US      2000000 /* without a frame: the camera is lost */
#define STALL_FRAMES  3       /* ...but a slow one has this many frame times */
#define RETRY_MIN_US  1000000
#define RETRY_MAX_US  30000000
#define PIPELINE_NICE 5 /* sending must win over encoding */

static void publish_report(struct producer *p)
{
	orders_set_report(p->orders, &p->mine);
	orders_tell_news(p->orders);
}

static void set_online(struct producer *p, bool online, const char *reason)
{
	if (p->mine.online != online)
		p->mine.online_since_us = clock_now_us();
	p->mine.online = online;
	snprintf(p->mine.reason, sizeof(p->mine.reason), "%s", reason);
}

/* What the camera can do, and how its controls are, to those who ask. */
static void tell_camera(struct producer *p)
{
	const struct source_caps *caps = &p->camera.caps;

	if (caps->backend[0] == '\0')
		return; /* what was known of it stays told */
	orders_set_caps(p->orders, caps);
	memcpy(p->mine.backend, caps->backend, sizeof(p->mine.backend));
	memcpy(p->mine.id, caps->id, sizeof(p->mine.id));
	p->mine.own_size = caps->mode_count == 0;
}

static int probe(struct producer *p, struct error *err)
{
	int r = camera_probe(&p->camera, err);

	if (r == 0)
		tell_camera(p);
	return r;
}

/* What the chain is to be, by the settings and what the camera has. */
static void configure(struct producer *p, struct chain_config *ret_cfg)
{
	const struct pipeline_settings *settings = &p->mine.settings;
	struct error err = {0};

	*ret_cfg = (struct chain_config){
		.source = p->camera.source,
		.bitrate_bps = settings->bitrate_bps,
		.gop_frames = settings->gop_frames,
		.encoder_threads = settings->encoder_threads,
		.pick = &p->pick,
		.any_profile = settings->any_profile,
		.on_frame = p->on_frame,
		.on_frame_arg = p->on_frame_arg,
	};
	memcpy(ret_cfg->encoder, settings->encoder, sizeof(ret_cfg->encoder));
	memcpy(ret_cfg->encoder_preset, settings->encoder_preset, sizeof(ret_cfg->encoder_preset));
	if (camera_fit_picture(&p->camera, &settings->picture, p->fps_given, &ret_cfg->picture,
			       &err) < 0) {
		p->mine.last_error = err;
		log_warn(SUBSYSTEM, "%s", err.text);
	}
}

static void close_chain(struct producer *p)
{
	if (p->chain == NULL)
		return;
	p->captured_before = p->mine.frames_captured;
	p->dropped_before = p->mine.frames_dropped;
	p->copied_before = p->mine.frames_copied;
	chain_close(p->chain);
	p->chain = NULL;
	p->mine.flowing = false;
	p->mine.encoder[0] = p->mine.encoder_reason[0] = '\0';
	p->mine.copy = ENCODER_COPY_UNKNOWN;
	p->mine.bitrate_target_bps = 0;
	p->mine.fps_captured_milli = p->mine.bitrate_actual_bps = 0;
}

static void log_open(const struct producer *p)
{
	const struct pipeline_picture *picture = &p->mine.granted;

	if (picture->width == 0)
		log_info(SUBSYSTEM, "open: %s, waiting for its first picture",
			 p->camera.caps.backend);
	else
		log_info(SUBSYSTEM, "open: %s, %ux%u at %u.%03u fps, encoder %s",
			 p->camera.caps.backend, picture->width, picture->height,
			 picture->fps_milli / 1000, picture->fps_milli % 1000, p->mine.encoder);
}

/* The encoder's bitrate is the setting, or what viewers can take. */
static void follow_rate(struct producer *p)
{
	unsigned setting_bps = p->mine.settings.bitrate_bps;
	bool limited = p->rate_limit_bps > 0 && p->rate_limit_bps < setting_bps;
	unsigned target_bps = limited ? p->rate_limit_bps : setting_bps;

	if (p->chain == NULL || !p->mine.can_set_rate || p->rate_asked_bps == target_bps)
		return;
	p->rate_asked_bps = target_bps;
	if (chain_set_rate(p->chain, target_bps) == 0)
		p->mine.bitrate_target_bps = target_bps;
	else
		log_warn(SUBSYSTEM, "the encoder refuses %u bit/s", target_bps);
}

/* The chain was opened, or changed, or was to be: it is what the settings say. */
static void note_chain(struct producer *p)
{
	const struct encoder_ops *encoder = chain_encoder(p->chain);
	struct source_format format;

	chain_get_format(p->chain, &format);
	/* Of ready-made H.264 only the pictures tell it, and they go on. */
	if (format.width != 0 || !p->mine.flowing)
		p->mine.granted =
			(struct pipeline_picture){format.width, format.height, format.fps_milli};
	snprintf(p->mine.encoder, sizeof(p->mine.encoder), "%s", encoder->name);
	snprintf(p->mine.encoder_reason, sizeof(p->mine.encoder_reason), "%s",
		 p->pick.reason.code != 0 ? p->pick.reason.text : "");
	p->mine.hardware = encoder->hardware;
	p->mine.can_force_idr = encoder->can_force_idr;
	p->mine.can_set_rate = encoder->set_rate != NULL;
	p->rate_asked_bps = p->mine.can_set_rate ? p->mine.settings.bitrate_bps : 0;
	p->mine.bitrate_target_bps = p->rate_asked_bps;
	follow_rate(p);
}

static int open_chain(struct producer *p, struct error *err)
{
	struct chain_config cfg;
	int r = probe(p, err);

	if (r < 0)
		return r;
	configure(p, &cfg);
	r = chain_open(&cfg, &p->chain, err);
	if (r < 0)
		return r;
	camera_restore_controls(&p->camera, chain_source(p->chain));
	tell_camera(p);
	note_chain(p);
	p->mine.state = PIPELINE_RUNNING;
	p->last_frame_us = clock_now_us();
	p->withholding = true;
	rate_begin(&p->rate, p->last_frame_us);
	log_open(p);
	return 0;
}

/* Camera or encoder cannot be had: tell, and try again later and later. */
static void fail(struct producer *p, const struct error *err)
{
	close_chain(p);
	if (p->failures++ == 0)
		log_warn(SUBSYSTEM, "lost: %s: trying again after 1, 2, 4 to 30 s", err->text);
	p->mine.state = PIPELINE_FAILED;
	p->mine.last_error = *err;
	p->mine.restarts++;
	p->mine.refusals++;
	set_online(p, false, err->text);
	camera_forget(&p->camera);
	p->retry_us = clock_now_us() + p->retry_delay_us;
	p->retry_delay_us = min_i64(2 * p->retry_delay_us, RETRY_MAX_US);
	publish_report(p);
}

static void try_open(struct producer *p)
{
	struct error err = {0};

	if (open_chain(p, &err) < 0)
		fail(p, &err);
	else
		publish_report(p);
}

/* It did not come to a picture: all is as it was before the change. */
static void go_back(struct producer *p, const struct error *err)
{
	log_warn(SUBSYSTEM, "a change failed: %s: going back to what worked", err->text);
	close_chain(p);
	p->mine.change.pending = false;
	p->mine.change.error = *err;
	p->mine.last_error = *err;
	p->mine.settings = p->settings_before;
	p->camera = p->camera_before;
	tell_camera(p);
	try_open(p);
}

static void lose(struct producer *p, const struct error *err)
{
	if (p->mine.change.pending)
		go_back(p, err);
	else
		fail(p, err);
}

/* The first access unit after something was (re)opened or lost. */
static void begin_flow(struct producer *p, struct au *au)
{
	p->withholding = false;
	if (p->mine.aus_produced > 0)
		au->flags |= AU_DISCONTINUITY;
	if (p->failures > 0)
		log_info(SUBSYSTEM, "back after %u tries", p->failures);
	p->failures = 0;
	p->retry_delay_us = RETRY_MIN_US;
	if (p->mine.change.pending) {
		p->mine.change.pending = false;
		p->mine.change.now = true;
		p->mine.change.interruption_us =
			p->last_au_us > 0 ? clock_now_us() - p->last_au_us : 0;
	}
	p->mine.flowing = true;
	p->mine.refusals = 0;
	set_online(p, true, "");
}

/* H.264 that comes ready-made has the size and rate that it has, and may change them. Returns
 * whether it did. */
static bool follow_format(struct producer *p, const struct au_format *format)
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

static void warn_large(struct producer *p, size_t size)
{
	if (size <= AU_BROADWAY_MAX_BYTES || p->warned_large)
		return;
	p->warned_large = true;
	log_warn(SUBSYSTEM,
		 "an access unit has %zu bytes: Broadway.js can show none over %u, so viewers "
		 "without WebCodecs will miss it; a smaller picture or bitrate helps",
		 size, AU_BROADWAY_MAX_BYTES);
}

static void push(struct producer *p, struct au *au)
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
	struct producer *p = arg;
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
static void refresh_report(struct producer *p)
{
	struct chain_stats stats = chain_get_stats(p->chain);

	p->mine.frames_captured = p->captured_before + stats.frames_captured;
	p->mine.frames_dropped = p->dropped_before + stats.frames_dropped;
	p->mine.frames_copied = p->copied_before + stats.frames_copied;
	p->mine.copy = chain_copy(p->chain);
	orders_set_report(p->orders, &p->mine);
}

static int64_t stall_limit_us(const struct producer *p)
{
	unsigned fps_milli = p->mine.granted.fps_milli;
	int64_t patience_us = p->camera.caps.patience_ms * INT64_C(1000);
	int64_t frames_us = fps_milli > 0 ? STALL_FRAMES * INT64_C(1000000000) / fps_milli : 0;

	return max_i64(patience_us > 0 ? patience_us : STALL_US, frames_us);
}

static void pump(struct producer *p)
{
	struct error err = {0};
	int frames = chain_pump(p->chain, p->idr_wanted, on_au, p, &err);
	int64_t now_us = clock_now_us();

	if (frames > 0)
		p->last_frame_us = now_us;
	if (frames >= 0 && now_us - p->last_frame_us >= stall_limit_us(p))
		frames = error_set(&err, -ETIMEDOUT, "%s: no picture came for %lld ms",
				   p->camera.caps.backend,
				   (long long)(now_us - p->last_frame_us) / 1000);
	if (frames < 0) {
		lose(p, &err);
		return;
	}
	if (strcmp(chain_encoder(p->chain)->name, p->mine.encoder) != 0)
		note_chain(p); /* it failed, and another serves */
	p->rate.frames += (unsigned)frames;
	rate_turn(&p->rate, now_us, &p->mine.fps_captured_milli, &p->mine.bitrate_actual_bps);
	refresh_report(p);
}

/* Change what can be changed while it runs; reopen for the rest. Pending until pictures come. */
static void change_chain(struct producer *p, const struct pipeline_settings *newest)
{
	struct pipeline_change *change = &p->mine.change;
	struct error err = {0};
	struct chain_config cfg;

	configure(p, &cfg);
	int r = chain_change(p->chain, &cfg, &err);
	if (r != -ENOTSUP) {
		change->now = r == 0;
		/* The one before it may be still under way. */
		change->pending = p->withholding;
		if (r < 0) {
			change->error = err;
			p->mine.settings = *newest;
		}
		note_chain(p);
		if (r == 0)
			log_info(SUBSYSTEM,
				 "changed while running: %u bit/s, %u frames a GOP, %u.%03u fps",
				 cfg.bitrate_bps, cfg.gop_frames, p->mine.granted.fps_milli / 1000,
				 p->mine.granted.fps_milli % 1000);
		return;
	}
	change->pending = true;
	close_chain(p);
	if (open_chain(p, &err) < 0)
		go_back(p, &err);
}

/* Another name for the same camera: its controls stay as they are. */
static void recognise(struct producer *p, const struct camera *before)
{
	struct camera *camera = &p->camera;

	if (camera->source != before->source || strcmp(camera->device, before->device) != 0)
		return;
	camera_keep_controls(camera, before->controls, before->control_count);
}

static void change_settings(struct producer *p, const struct wishes *wishes)
{
	struct pipeline_change *change = &p->mine.change;
	bool was_pending = change->pending;

	*change = (struct pipeline_change){.generation = wishes->settings_generation};
	if (!was_pending) { /* else what worked last was before that one */
		p->settings_before = p->mine.settings;
		p->camera_before = p->camera;
	}
	struct pipeline_settings newest = p->mine.settings;
	struct camera newest_camera = p->camera;
	p->mine.settings = wishes->settings;
	if (!camera_is_of(&p->camera, &wishes->settings))
		camera_init(&p->camera, wishes->settings.source, wishes->settings.source_device);
	if (camera_check_settings(&p->camera, &wishes->settings, &newest, &change->error) < 0) {
		p->mine.settings = newest;
		p->camera = newest_camera;
		change->pending = was_pending;
	} else {
		recognise(p, &newest_camera);
		tell_camera(p);
		p->mine.refusals = 0;
		p->retry_us = clock_now_us(); /* this may be what was needed */
		if (p->chain != NULL)
			change_chain(p, &newest);
	}
	publish_report(p);
}

static void change_controls(struct producer *p, const struct wishes *wishes)
{
	struct pipeline_change *change = &p->mine.change;
	struct source *source = p->chain != NULL ? chain_source(p->chain) : NULL;

	*change = (struct pipeline_change){.generation = wishes->controls_generation};
	int r = probe(p, &change->error);
	if (r == 0)
		r = camera_set_controls(&p->camera, source, wishes->controls, wishes->control_count,
					&change->error);
	tell_camera(p);
	change->now = r == 0 && p->chain != NULL;
	publish_report(p);
}

static void set_fault(struct producer *p, enum source_fault fault)
{
	struct error err = {0};

	if (p->camera.source == NULL)
		return;
	if (source_set_fault(p->camera.source, fault, &err) < 0)
		log_warn(SUBSYSTEM, "%s", err.text);
	p->retry_us = clock_now_us(); /* what was unplugged may be back */
}

static void stop_flow(struct producer *p)
{
	close_chain(p);
	p->mine.state = PIPELINE_IDLE;
	p->mine.change.pending = false;
	p->retry_us = 0;
	p->retry_delay_us = RETRY_MIN_US;
	p->last_au_us = 0;
	log_info(SUBSYSTEM, "closed: nobody wants pictures");
	publish_report(p);
}

/* While a camera is missed, one that is plugged in is tried at once. */
static void watch(struct producer *p)
{
	const struct source_ops *source = p->camera.source;
	bool wanted =
		p->demand && p->chain == NULL && source != NULL && source->watched_folder != NULL;

	if (!wanted)
		devwatch_close(&p->watch);
	else if (p->watch.fd < 0)
		devwatch_open(&p->watch, source->watched_folder());
}

static void follow(struct producer *p, const struct wishes *wishes)
{
	if (wishes->has_fault)
		set_fault(p, wishes->fault);
	p->rate_limit_bps = wishes->rate_limit_bps;
	follow_rate(p);
	if (wishes->settings_generation != 0)
		change_settings(p, wishes);
	if (wishes->controls_generation != 0)
		change_controls(p, wishes);
	if (wishes->force_idr)
		p->idr_wanted = true;
	if (p->demand && !wishes->demand)
		stop_flow(p);
	p->demand = wishes->demand;
	watch(p); /* before it is tried: none that comes meanwhile is overlooked */
	if (p->demand && p->chain == NULL && clock_now_us() >= p->retry_us)
		try_open(p);
}

static int wait_ms(const struct producer *p)
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

static void look_for_camera(struct producer *p)
{
	if (!devwatch_take(&p->watch))
		return;
	p->retry_us = clock_now_us();
	p->retry_delay_us = RETRY_MIN_US;
}

static void wait_for_work(struct producer *p)
{
	struct pollfd fds[1 + CHAIN_FDS] = {{.fd = p->orders->wake_fd, .events = POLLIN}};
	nfds_t count = 1;

	if (p->chain != NULL) {
		chain_poll_fds(p->chain, fds + 1);
		count += CHAIN_FDS;
	} else if (p->watch.fd >= 0) {
		fds[count++] = (struct pollfd){.fd = p->watch.fd, .events = POLLIN};
	}
	poll(fds, count, wait_ms(p));
	if (p->chain == NULL && p->watch.fd >= 0 && fds[1].revents != 0)
		look_for_camera(p);
}

static void probe_at_start(struct producer *p)
{
	struct error err = {0};
	int r = probe(p, &err);

	set_online(p, r == 0, err.text);
	p->mine.online_since_us = clock_now_us();
	if (r < 0) {
		p->mine.last_error = err;
		log_warn(SUBSYSTEM, "no camera yet: %s", err.text);
	} else {
		log_info(SUBSYSTEM, "source: %s, %s", p->camera.caps.backend,
			 p->camera.caps.id[0] != '\0' ? p->camera.caps.id : p->camera.caps.backend);
	}
	publish_report(p);
}

void producer_run(struct producer *p)
{
	pthread_setname_np(pthread_self(), "pipeline");
	/* Linux: of this thread alone, and of those that the encoder starts from it. */
	setpriority(PRIO_PROCESS, 0, PIPELINE_NICE);
	source_set_stop_fd(p->orders->stop_fd);
	probe_at_start(p);
	for (;;) {
		/* One change at a time: who waits for a reopened camera hears of that first. */
		struct wishes wishes = orders_take(p->orders, !p->mine.change.pending);
		if (wishes.quit)
			break;
		follow(p, &wishes);
		if (wishes.controls_wait && !p->mine.change.pending)
			continue; /* nothing else may wake us for them */
		wait_for_work(p);
		if (p->chain != NULL)
			pump(p);
	}
	close_chain(p);
	devwatch_close(&p->watch);
}

void producer_init(struct producer *p, const struct pipeline_config *cfg, struct orders *orders)
{
	const struct pipeline_settings *settings = &cfg->settings;

	*p = (struct producer){
		.out = cfg->out,
		.orders = orders,
		.on_frame = cfg->on_frame,
		.on_frame_arg = cfg->on_frame_arg,
		.fps_given = cfg->conf->fps_given,
		.watch.fd = -1,
		.retry_delay_us = RETRY_MIN_US,
		.mine.settings = *settings,
		.mine.can_force_idr = true,
		.mine.can_set_rate = true,
	};
	camera_init(&p->camera, settings->source, settings->source_device);
	camera_keep_controls(&p->camera, cfg->controls, cfg->control_count);
	orders_set_report(orders, &p->mine);
}
