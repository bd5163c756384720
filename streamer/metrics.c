#include "streamer/metrics.h"

#include <stdarg.h>
#include <stdio.h>

struct text {
	char *at;
	size_t room;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int len = vsnprintf(text->at, text->room, fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= text->room)
		len = 0; /* a name with an end in the middle is none: the line is left out */
	text->at += len;
	text->room -= (size_t)len;
	*text->at = '\0';
}

static void describe(struct text *text, const char *name, const char *type, const char *help)
{
	add(text, "# HELP nalcast_%s %s\n# TYPE nalcast_%s %s\n", name, help, name, type);
}

static void add_count(struct text *text, const struct metrics *m, const char *name, uint64_t value,
		      const char *help)
{
	describe(text, name, "counter", help);
	add(text, "nalcast_%s{camera=\"%s\"} %llu\n", name, m->camera, (unsigned long long)value);
}

static void add_gauge(struct text *text, const struct metrics *m, const char *name, double value,
		      const char *help)
{
	describe(text, name, "gauge", help);
	add(text, "nalcast_%s{camera=\"%s\"} %.9g\n", name, m->camera, value);
}

static void add_summary(struct text *text, const struct metrics *m, const char *name,
			const int64_t us[static 2], const char *help)
{
	static const char *const quantiles[] = {"0.5", "0.99"};

	describe(text, name, "summary", help);
	for (unsigned i = 0; i < 2; i++)
		add(text, "nalcast_%s{camera=\"%s\",quantile=\"%s\"} %.6f\n", name, m->camera,
		    quantiles[i], (double)us[i] / 1e6);
}

static void add_production(struct text *text, const struct metrics *m)
{
	add_gauge(text, m, "source_online", m->source_online,
		  "Whether the camera answered when it was last asked.");
	add_count(text, m, "source_restarts_total", m->restarts,
		  "Times camera or encoder had to be opened again.");
	add_count(text, m, "frames_captured_total", m->frames_captured, "Frames from the camera.");
	add_count(text, m, "frames_dropped_total", m->frames_dropped,
		  "Frames that came faster than the encoder took them.");
	add_count(text, m, "access_units_published_total", m->published,
		  "Access units handed to the fan-out.");
	add_count(text, m, "access_units_dropped_total", m->aus_dropped,
		  "Access units lost before the fan-out.");
	add_count(text, m, "idrs_total", m->idrs, "IDR pictures made.");
	add_count(text, m, "idrs_forced_total", m->idrs_forced,
		  "IDR pictures made because somebody needed one.");
	add_gauge(text, m, "encoder_target_bytes_per_second", m->bitrate_target_bps / 8.0,
		  "What the encoder aims at.");
	add_gauge(text, m, "encoder_actual_bytes_per_second", m->bitrate_actual_bps / 8.0,
		  "What came in the last second.");
	add_gauge(text, m, "frames_per_second", m->fps_milli / 1000.0,
		  "Frames from the camera in the last second.");
}

static void add_viewing(struct text *text, const struct metrics *m)
{
	add_gauge(text, m, "viewers", m->viewers, "Viewers that watch.");
	add_gauge(text, m, "viewers_allowed", m->viewers_max, "Viewers that may watch at a time.");
	add_count(text, m, "viewers_total", m->viewers_total, "Viewers that came.");
	add_count(text, m, "sent_bytes_total", m->sent_bytes, "Bytes of messages sent to viewers.");
	add_count(text, m, "access_units_sent_total", m->sent_aus,
		  "Access units sent, counted once for each viewer.");
	add_count(text, m, "access_units_skipped_total", m->skipped_aus,
		  "Access units that viewers who fell behind did without.");
	add_summary(text, m, "capture_to_publish_seconds", m->capture_to_publish_us,
		    "From capture to the fan-out, lately.");
	add_summary(text, m, "publish_to_ack_seconds", m->publish_to_ack_us,
		    "From the fan-out to a viewer's acknowledgement, lately.");
}

void metrics_write(const struct metrics *m, char ret[static METRICS_SIZE])
{
	struct text text = {ret, METRICS_SIZE};

	ret[0] = '\0';
	describe(&text, "build_info", "gauge", "The version of nalcastd; always 1.");
	add(&text, "nalcast_build_info{camera=\"%s\",version=\"%s\"} 1\n", m->camera, m->version);
	add_gauge(&text, m, "up", 1, "nalcastd answers.");
	add_gauge(&text, m, "uptime_seconds", (double)m->uptime_us / 1e6,
		  "Since nalcastd was started.");
	add_gauge(&text, m, "running", m->running, "Whether the owner lets the camera run.");
	add_gauge(&text, m, "active", m->active, "Whether camera and encoder are open.");
	add_gauge(&text, m, "settings_kept", m->settings_kept,
		  "Whether the changes made over the API are on the disk.");
	add_production(&text, m);
	add_viewing(&text, m);
}
