#include "streamer/statejson.h"

#include <math.h>
#include <time.h>

#include "streamer/clock.h"
#include "streamer/safetext.h"

json_t *statejson_milli(unsigned milli)
{
	return milli != 0 ? confkey_milli(milli) : json_null();
}

static json_t *count_or_null(unsigned value)
{
	return value == 0 ? json_null() : json_integer(value);
}

/* RFC 3339, UTC, milliseconds. */
static json_t *time_of(int64_t monotonic_us)
{
	int64_t wire_us = clock_wire_us(monotonic_us);
	time_t seconds = (time_t)(wire_us / 1000000);
	struct tm utc;
	char date[32];

	gmtime_r(&seconds, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	return json_sprintf("%s.%03dZ", date, (int)(wire_us / 1000 % 1000));
}

json_t *statejson_picture(const struct pipeline_picture *picture)
{
	return json_pack("{s:o, s:o, s:o}", "width", count_or_null(picture->width), "height",
			 count_or_null(picture->height), "fps",
			 statejson_milli(picture->fps_milli));
}

struct pipeline_picture statejson_effective(const struct stream_status *status)
{
	const struct pipeline_report *report = &status->pipeline;

	bool granted = report->own_size || report->state == PIPELINE_RUNNING;

	return granted ? report->granted : report->settings.picture;
}

static json_t *range(unsigned min, unsigned max, unsigned step)
{
	return json_pack("{s:i, s:i, s:i}", "min", (int)min, "max", (int)max, "step", (int)step);
}

json_t *statejson_mode(const struct source_mode *mode)
{
	bool single = mode->width_step == 0 && mode->height_step == 0;
	json_t *width = single ? json_integer(mode->width_min)
			       : range(mode->width_min, mode->width_max, mode->width_step);
	json_t *height = single ? json_integer(mode->height_min)
				: range(mode->height_min, mode->height_max, mode->height_step);

	return json_pack("{s:o, s:o, s:o}", "width", width, "height", height, "fps_max",
			 statejson_milli(mode->fps_max_milli));
}

json_t *statejson_resolution(const struct stream_status *status, const struct source_caps *caps)
{
	struct pipeline_picture picture = statejson_effective(status);
	json_t *modes = json_array();

	for (unsigned i = 0; i < caps->mode_count; i++)
		json_array_append_new(modes, statejson_mode(&caps->modes[i]));
	json_t *resolution = statejson_picture(&picture);
	json_object_set_new(resolution, "modes", modes);
	return resolution;
}

static json_t *stream_json(const struct conf *conf, const struct stream_status *status)
{
	return json_pack("{s:b, s:b, s:b, s:o}", "running", status->running, "active",
			 status->pipeline.state == PIPELINE_RUNNING, "on_demand", conf->on_demand,
			 "since", time_of(status->running_since_us));
}

static json_t *source_json(const struct pipeline_report *report,
			   const struct pipeline_picture *picture)
{
	json_t *source = json_pack("{s:b, s:o, s:s, s:o}", "online", report->online, "reason",
				   report->online ? json_null() : safetext(report->reason),
				   "backend", report->backend, "id", safetext(report->id));
	json_t *shape = statejson_picture(picture);

	json_object_update(source, shape);
	json_decref(shape);
	json_object_set_new(source, "fps_captured", json_real(report->fps_captured_milli / 1000.0));
	json_object_set_new(source, "restarts", json_integer(report->restarts));
	json_object_set_new(source, "last_error",
			    report->last_error.code == 0 ? json_null()
							 : safetext(report->last_error.text));
	return source;
}

static json_t *name_or_null(const char *name)
{
	return name[0] == '\0' ? json_null() : json_string(name);
}

/* {"enabled","bitrate_bps","limited"}: what the encoder is to make now. */
static json_t *adaptive_json(const struct conf *conf, const struct pipeline_report *report)
{
	unsigned target_bps = report->bitrate_target_bps;

	return json_pack("{s:b, s:o, s:b}", "enabled", conf->adaptive && report->can_set_rate,
			 "bitrate_bps", count_or_null(target_bps), "limited",
			 target_bps != 0 && target_bps < report->settings.bitrate_bps);
}

static json_t *copy_json(enum encoder_copy copy)
{
	static const char *const words[] = {
		[ENCODER_COPY_NONE] = "none",
		[ENCODER_COPY_ONE] = "one",
	};

	return copy == ENCODER_COPY_UNKNOWN ? json_null() : json_string(words[copy]);
}

static json_t *encoder_json(const struct conf *conf, const struct pipeline_report *report,
			    const struct au_format *format)
{
	json_t *encoder =
		json_pack("{s:o, s:b, s:o, s:o, s:o, s:i, s:i, s:o, s:i, s:i}", "name",
			  name_or_null(report->encoder), "hardware", report->hardware, "reason",
			  report->encoder_reason[0] != '\0' ? safetext(report->encoder_reason)
							    : json_null(),
			  "copy", copy_json(report->copy), "codec",
			  format != NULL ? name_or_null(format->codec) : json_null(), "bitrate_bps",
			  (int)report->settings.bitrate_bps, "bitrate_actual_bps",
			  (int)report->bitrate_actual_bps, "adaptive", adaptive_json(conf, report),
			  "gop_frames", (int)report->settings.gop_frames, "decoder_delay_frames",
			  format != NULL ? (int)format->decoder_delay_frames : 0);

	json_object_set_new(encoder, "frames_copied",
			    json_integer((json_int_t)report->frames_copied));
	json_object_set_new(encoder, "idr_total", json_integer((json_int_t)report->idr_total));
	json_object_set_new(encoder, "idr_forced_total",
			    json_integer((json_int_t)report->idr_forced_total));
	json_object_set_new(encoder, "dropped_total",
			    json_integer(
				    (json_int_t)(report->frames_dropped + report->aus_dropped)));
	return encoder;
}

static json_t *latency_json(const int64_t percentiles_us[static 2])
{
	return json_pack("{s:f, s:f}", "p50", (double)percentiles_us[0] / 1000.0, "p99",
			 (double)percentiles_us[1] / 1000.0);
}

static json_t *names_of(unsigned suspects)
{
	json_t *names = json_array();

	for (unsigned i = 0; settings_suspect(i) != NULL; i++)
		if ((suspects & 1u << i) != 0)
			json_array_append_new(names, json_string(settings_suspect(i)));
	return names;
}

/* What the API changed: is it kept, and does it serve? */
static json_t *settings_state(const struct stream_status *status)
{
	const struct error *error = &status->settings_error;
	const struct error *refused = &status->settings_refused;

	return json_pack("{s:b, s:o, s:o, s:o}", "persisted", status->settings_kept, "error",
			 error->code != 0 ? safetext(error->text) : json_null(), "refused",
			 refused->code != 0 ? safetext(refused->text) : json_null(), "left_out",
			 names_of(status->settings_left_out));
}

json_t *statejson_state(const struct conf *conf, const struct stream_status *status,
			const struct au_format *format, int64_t uptime_us)
{
	struct pipeline_picture picture = statejson_effective(status);
	const struct server_stats *server = &status->server;

	return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:{s:i, s:i}, s:{s:o, s:o}, s:o}",
			 "version", PACKAGE_VERSION, "camera", conf->name, "uptime_ms",
			 (json_int_t)(uptime_us / 1000), "stream", stream_json(conf, status),
			 "source", source_json(&status->pipeline, &picture), "encoder",
			 encoder_json(conf, &status->pipeline, format), "viewers", "count",
			 (int)server->viewers, "max", (int)conf->viewers_max, "latency_ms",
			 "capture_to_publish", latency_json(server->capture_to_publish_us),
			 "publish_to_ack", latency_json(server->publish_to_ack_us), "settings",
			 settings_state(status));
}

json_t *statejson_control_value(const struct source_control *control, double value)
{
	switch (control->type) {
	case SOURCE_CONTROL_INTEGER:
		return json_integer((json_int_t)value);
	case SOURCE_CONTROL_FLOAT:
		/* 1 and not 1.0, as everybody else writes it. */
		return value == rint(value) ? json_integer((json_int_t)value) : json_real(value);
	case SOURCE_CONTROL_BOOL:
		return json_boolean(value != 0);
	}
	return NULL;
}

json_t *statejson_control_values(const struct source_control *control, const double *values)
{
	if (control->value_count <= 1)
		return statejson_control_value(control, values[0]);
	json_t *list = json_array();
	for (unsigned i = 0; i < control->value_count; i++)
		json_array_append_new(list, statejson_control_value(control, values[i]));
	return list;
}

/* null where it means nothing: the limits of a yes or no, the step of what has none. */
static json_t *control_limit(const struct source_control *control, double value)
{
	return control->type == SOURCE_CONTROL_BOOL ? json_null()
						    : statejson_control_value(control, value);
}

/* "1": "50 Hz" */
static json_t *menu_json(const struct source_caps *caps, const struct source_control *control)
{
	const struct source_menu_item *item = &caps->menu[control->menu_first];
	json_t *menu = json_object();

	for (unsigned i = 0; i < control->menu_count; i++, item++) {
		char value[24];
		snprintf(value, sizeof(value), "%lld", (long long)item->value);
		json_object_set_new(menu, value, safetext(item->name));
	}
	return menu;
}

static json_t *control_json(const struct source_caps *caps, const struct source_control *control)
{
	static const char *const types[] = {
		[SOURCE_CONTROL_INTEGER] = "integer",
		[SOURCE_CONTROL_FLOAT] = "number",
		[SOURCE_CONTROL_BOOL] = "boolean",
	};

	json_t *json =
		json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:b}", "type", types[control->type],
			  "value", statejson_control_values(control, control->values), "min",
			  control_limit(control, control->min), "max",
			  control_limit(control, control->max), "step",
			  control->step > 0 ? control_limit(control, control->step) : json_null(),
			  "default", statejson_control_values(control, control->default_values),
			  "unit", control->unit, "writable", control->writable);
	if (control->menu_count > 0)
		json_object_set_new(json, "menu", menu_json(caps, control));
	return json;
}

json_t *statejson_controls(const struct source_caps *caps)
{
	json_t *controls = json_object();

	for (unsigned i = 0; i < caps->control_count; i++)
		json_object_set_new(controls, caps->controls[i].name,
				    control_json(caps, &caps->controls[i]));
	return controls;
}

/* null: it did not say. */
static json_t *ms_or_null(double ms)
{
	return ms > 0 ? json_real(ms) : json_null();
}

json_t *statejson_viewer(const struct viewer_facts *facts)
{
	return json_pack("{s:I, s:o, s:f, s:I, s:I, s:o, s:o, s:o}", "id", (json_int_t)facts->id,
			 "since", time_of(facts->since_us), "lag_ms",
			 (double)facts->lag_us / 1000.0, "skipped", (json_int_t)facts->skipped_aus,
			 "sent_bytes", (json_int_t)facts->sent_bytes, "latency_ms",
			 ms_or_null(facts->latency_ms), "rtt_ms",
			 ms_or_null((double)facts->rtt_us / 1000.0), "decoder",
			 name_or_null(facts->decoder));
}

void statejson_metrics(const struct conf *conf, const struct stream_status *status,
		       const struct viewer_sums *sums, int64_t uptime_us,
		       struct metrics *ret_metrics)
{
	const struct pipeline_report *report = &status->pipeline;
	const struct server_stats *server = &status->server;

	*ret_metrics = (struct metrics){
		.camera = conf->name,
		.version = PACKAGE_VERSION,
		.uptime_us = uptime_us,
		.running = status->running,
		.active = report->state == PIPELINE_RUNNING,
		.source_online = report->online,
		.published = server->published,
		.frames_captured = report->frames_captured,
		.frames_dropped = report->frames_dropped,
		.aus_dropped = report->aus_dropped,
		.idrs = report->idr_total,
		.idrs_forced = report->idr_forced_total,
		.restarts = report->restarts,
		.bitrate_target_bps = report->bitrate_target_bps,
		.bitrate_actual_bps = report->bitrate_actual_bps,
		.fps_milli = report->fps_captured_milli,
		.viewers = server->viewers,
		.viewers_max = conf->viewers_max,
		.viewers_total = sums->viewers,
		.sent_bytes = sums->sent_bytes,
		.sent_aus = sums->sent_aus,
		.skipped_aus = sums->skipped_aus,
		.capture_to_publish_us = {server->capture_to_publish_us[0],
					  server->capture_to_publish_us[1]},
		.publish_to_ack_us = {server->publish_to_ack_us[0], server->publish_to_ack_us[1]},
		.settings_kept = status->settings_kept,
	};
}
