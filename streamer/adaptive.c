#include "streamer/adaptive.h"

#include "common/log.h"
#include "streamer/clock.h"

#define ROUND_US 1000000

static void set_timer(struct adaptive *a, bool on)
{
	sd_event_source_set_time(a->timer, (uint64_t)(clock_now_us() + ROUND_US));
	sd_event_source_set_enabled(a->timer, on ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* 0: none */
static void set_limit(struct adaptive *a, unsigned limit_bps)
{
	if (limit_bps == a->limit_bps)
		return;
	a->limit_bps = limit_bps;
	pipeline_set_rate_limit(a->pipeline, limit_bps);
}

/* As if nobody had ever lagged. */
static void forget(struct adaptive *a, unsigned setting_bps)
{
	set_limit(a, 0);
	adapt_init(&a->adapt, setting_bps);
}

static void on_carried(void *arg, bool lagged, unsigned carried_bps)
{
	struct adaptive *a = arg;

	adapt_add(&a->adapt, lagged, carried_bps);
}

static void decide(struct adaptive *a, const struct pipeline_report *report)
{
	const struct pipeline_picture *picture = &report->granted;
	unsigned setting_bps = report->settings.bitrate_bps;
	unsigned before_bps = a->adapt.target_bps;

	adapt_set(&a->adapt, setting_bps,
		  adapt_picture_floor_bps(picture->width, picture->height, picture->fps_milli));
	server_survey(a->server, on_carried, a);
	unsigned target_bps = adapt_decide(&a->adapt, clock_now_us());
	if (target_bps == before_bps)
		return;
	log_debug("adaptive", "%u bit/s of %u", target_bps, setting_bps);
	set_limit(a, target_bps < setting_bps ? target_bps : 0);
}

static int on_round(sd_event_source *source, uint64_t usec, void *arg)
{
	struct adaptive *a = arg;
	struct pipeline_report report;

	(void)source;
	(void)usec;
	pipeline_get_report(a->pipeline, &report);
	if (!a->conf->adaptive || !report.can_set_rate)
		forget(a, report.settings.bitrate_bps);
	else if (report.flowing)
		decide(a, &report);
	set_timer(a, true);
	return 0;
}

int adaptive_init(struct adaptive *a, sd_event *event, const struct conf *conf,
		  struct pipeline *pipeline, struct server *server)
{
	a->conf = conf;
	a->pipeline = pipeline;
	a->server = server;
	adapt_init(&a->adapt, conf->bitrate_bps);
	int r = sd_event_add_time(event, &a->timer, CLOCK_MONOTONIC, 0, 0, on_round, a);
	return r < 0 ? r : sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
}

void adaptive_clear(struct adaptive *a)
{
	a->timer = sd_event_source_disable_unref(a->timer);
}

void adaptive_set_watched(struct adaptive *a, bool watched)
{
	if (a->timer == NULL)
		return;
	if (!watched)
		forget(a, a->adapt.setting_bps);
	set_timer(a, watched);
}
