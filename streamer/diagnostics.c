#include "streamer/diagnostics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/finding.h"

#define CLOCK_SANE_US  INT64_C(1704067200000000) /* 2024 began */
#define CLOCK_APART_US 2000000

/* Fills in what it finds, which is a PASS at first. false: there is nothing to say now. */
typedef bool check_fn(const struct diagnostics_facts *facts, struct finding *finding);

static bool check_source(const struct diagnostics_facts *facts, struct finding *finding)
{
	const struct pipeline_report *report = &facts->status->pipeline;

	if (report->online) {
		finding_say(finding, "%s%s%s answers", report->backend,
			    report->id[0] != '\0' ? " " : "", report->id);
		return true;
	}
	finding_say(finding, "%s", report->reason);
	if (report->last_error.code == -EBUSY)
		finding_fail(finding,
			     "end the program that has the camera; nalcastd tries again by itself");
	else
		finding_fail(finding,
			     "see that the source is there and that nalcastd may open it; it is "
			     "tried again every 30 s at the latest");
	return true;
}

static bool check_permissions(const struct diagnostics_facts *facts, struct finding *finding)
{
	if (facts->device.code != 0) {
		char fix[300];
		finding_say(finding, "%s", facts->device.text);
		account_mend(facts->account, facts->conf->source_device, fix, sizeof(fix));
		finding_fail(finding, "%s", fix);
	} else if (facts->conf->source_device[0] != '\0') {
		finding_say(finding, "nalcastd may open %.200s", facts->conf->source_device);
	} else {
		finding_say(finding, "the source names no file or device that could be forbidden");
	}
	return true;
}

static bool check_running(const struct diagnostics_facts *facts, struct finding *finding)
{
	if (facts->status->running) {
		finding_say(finding, "the stream may run");
		return true;
	}
	finding_say(finding, "the owner has stopped the stream");
	finding_warn(finding, "POST start");
	return true;
}

static bool check_broadway(const struct diagnostics_facts *facts, struct finding *finding)
{
	const struct au_format *format = facts->format;

	if (format == NULL)
		return false;
	finding_say(finding, "%s at %ux%u %s", format->codec, format->width, format->height,
		    format->broadway ? "can be shown by every browser"
				     : "is more than Broadway.js can decode: only browsers with "
				       "WebCodecs show it");
	if (!format->broadway)
		finding_warn(finding, "a smaller size, fewer reference frames, or H.264 Baseline");
	return true;
}

static bool check_reordering(const struct diagnostics_facts *facts, struct finding *finding)
{
	const struct au_format *format = facts->format;

	if (format == NULL)
		return false;
	finding_say(finding, "a decoder may hold back %u pictures before it shows the first",
		    format->decoder_delay_frames);
	if (format->decoder_delay_frames > 0)
		finding_warn(finding, "have the source write max_num_reorder_frames = 0, or "
				      "Baseline, where nalcastd does it");
	return true;
}

static bool check_encoder(const struct diagnostics_facts *facts, struct finding *finding)
{
	const struct pipeline_report *report = &facts->status->pipeline;
	uint64_t total = report->frames_captured + report->frames_dropped;

	if (report->encoder[0] == '\0')
		return false;
	finding_say(finding, "%s, %s%s%.100s; %llu of %llu frames came faster than it took them",
		    report->encoder, report->hardware ? "hardware" : "software",
		    report->encoder_reason[0] != '\0' ? ", because: " : "", report->encoder_reason,
		    (unsigned long long)report->frames_dropped, (unsigned long long)total);
	/* One in twenty: a few at the start are nothing. */
	if (total > 100 && report->frames_dropped * 20 > total)
		finding_warn(finding, "a smaller size or frame rate: PUT resolution");
	return true;
}

/* How many access units from one IDR to the next, as they came or as they are meant to. */
static uint64_t gop_frames(const struct diagnostics_facts *facts)
{
	const struct pipeline_report *report = &facts->status->pipeline;

	if (!report->own_size)
		return facts->conf->gop_frames;
	return report->idr_total > 0 ? report->aus_produced / report->idr_total : 0;
}

static bool check_gop(const struct diagnostics_facts *facts, struct finding *finding)
{
	const struct pipeline_report *report = &facts->status->pipeline;
	uint64_t frames = gop_frames(facts);
	uint64_t bps = report->own_size ? report->bitrate_actual_bps : facts->conf->bitrate_bps;
	uint64_t fps_milli = report->own_size ? report->fps_captured_milli : facts->conf->fps_milli;

	if (frames == 0 || fps_milli == 0)
		return false;
	uint64_t bytes = bps / 8 * frames * 1000 / fps_milli;
	finding_say(finding,
		    "from one IDR to the next: %llu access units, about %llu bytes; the ring "
		    "holds %u and %u bytes",
		    (unsigned long long)frames, (unsigned long long)bytes, SERVER_RING_AUS,
		    facts->conf->limits.ring_bytes_max);
	if (frames > SERVER_RING_AUS || bytes > facts->conf->limits.ring_bytes_max)
		finding_warn(finding, "%s",
			     report->own_size ? "let the source make IDR pictures more often, or "
						"raise ring-bytes-max: who joins late waits"
					      : "a smaller gop_frames or bitrate_bps, or a larger "
						"ring-bytes-max");
	return true;
}

static const char *shown(const struct diagnostics_facts *facts, const char *key)
{
	const char *value = json_string_value(json_object_get(facts->request, key));

	return value != NULL ? value : "";
}

static bool is_https(const struct diagnostics_facts *facts)
{
	return strcmp(shown(facts, "forwarded_proto"), "https") == 0 ||
	       strcmp(shown(facts, "https"), "on") == 0 ||
	       strcmp(shown(facts, "scheme"), "https") == 0;
}

static bool is_loopback(const char *host)
{
	return strncmp(host, "localhost", 9) == 0 || strncmp(host, "127.", 4) == 0 ||
	       strncmp(host, "[::1]", 5) == 0;
}

static bool check_web_server(const struct diagnostics_facts *facts, struct finding *finding)
{
	const char *host = shown(facts, "host");

	if (facts->request == NULL)
		return false;
	finding_say(finding, "this request came for '%.120s' over %s", host,
		    is_https(facts) ? "https" : "http");
	if (host[0] == '\0') {
		finding_say(finding, "the web server does not pass on Host");
		finding_fail(
			finding,
			"nginx: fastcgi_param HTTP_HOST $http_host, as in the shipped include");
	} else if (!is_https(facts) && !is_loopback(host)) {
		finding_warn(finding,
			     "serve it over https: without, browsers have no WebCodecs, and "
			     "pictures and passwords travel in the open");
	}
	return true;
}

/* nginx tells no program its timeouts and buffers; whose files set them, ours do. */
static bool check_include(const struct diagnostics_facts *facts, struct finding *finding)
{
	const char *include = shown(facts, "include");

	if (facts->request == NULL)
		return false;
	finding_say(finding, "nginx runs nalcast's own files, with their timeouts and buffers");
	if (include[0] == '\0') {
		finding_say(finding,
			    "something else than nalcast's nginx files, or older ones, is in "
			    "front: its timeouts and buffers cannot be seen");
		finding_warn(finding,
			     "use the shipped include, or see that a silent viewer is kept 60 s, "
			     "the API may take 25 s, and streams are not buffered");
	} else if (strcmp(include, DIAGNOSTICS_INCLUDE) != 0) {
		finding_say(finding,
			    "nginx runs version %.20s of nalcast's files; this nalcastd is of %s",
			    include, DIAGNOSTICS_INCLUDE);
		finding_warn(finding,
			     "reload nginx; where that does not help, include the files of this "
			     "installation, and restart nalcastd");
	}
	return true;
}

static bool check_upgrades(const struct diagnostics_facts *facts, struct finding *finding)
{
	const struct welcome_counts *requests = &facts->status->server.requests;

	if (requests->upgrades == 0 && requests->without_upgrade == 0)
		return false;
	finding_say(finding,
		    "%llu viewers asked for a WebSocket, %llu came without the headers for it, "
		    "%llu without X-Forwarded-Proto",
		    (unsigned long long)requests->upgrades,
		    (unsigned long long)requests->without_upgrade,
		    (unsigned long long)requests->without_proto);
	/* A browser that opens the URL by hand is no reason to worry. */
	if (requests->upgrades == 0)
		finding_fail(
			finding,
			"nginx: proxy_http_version 1.1 and the headers Upgrade and Connection, "
			"as in the shipped include");
	else if (requests->without_proto > 0)
		finding_warn(finding,
			     "nginx: proxy_set_header X-Forwarded-Proto $scheme, as in the shipped "
			     "include; fine for programs that connect to the socket itself");
	return true;
}

static bool check_origins(const struct diagnostics_facts *facts, struct finding *finding)
{
	const struct welcome_counts *requests = &facts->status->server.requests;

	if (requests->upgrades == 0 && requests->origins_refused == 0)
		return false;
	finding_say(finding, "no page of another origin asked for the stream");
	if (requests->origins_refused == 0)
		return true;
	finding_say(
		finding,
		"%llu times a page was refused, the newest of origin %.100s where Host was %.100s",
		(unsigned long long)requests->origins_refused, requests->refused_origin,
		requests->refused_host);
	finding_warn(finding,
		     "where these are the same but for the port: proxy_set_header Host $http_host "
		     "in nginx; where that site may watch: allow-origin");
	return true;
}

static bool check_clock(const struct diagnostics_facts *facts, struct finding *finding)
{
	int64_t apart_us = facts->wall_us - facts->wire_us;

	finding_say(finding, "the clock is set; pictures' times are %lld ms off",
		    (long long)-apart_us / 1000);
	if (facts->wall_us < CLOCK_SANE_US) {
		finding_say(finding, "the clock shows a time before 2024");
		finding_warn(finding, "set the clock, by NTP for example, and restart nalcastd");
	} else if (apart_us > CLOCK_APART_US || apart_us < -CLOCK_APART_US) {
		finding_say(
			finding,
			"the clock was set since nalcastd started: pictures' times are %lld s off",
			(long long)-apart_us / 1000000);
		finding_warn(finding, "restart nalcastd; only what shows the time of day is wrong");
	}
	return true;
}

static bool check_settings(const struct diagnostics_facts *facts, struct finding *finding)
{
	const struct stream_status *status = facts->status;

	finding_say(finding, "changes made over the API are kept in %.200s",
		    facts->conf->state_dir);
	if (status->settings_error.code != 0 || facts->disk.code != 0) {
		finding_say(finding, "%s",
			    status->settings_error.code != 0 ? status->settings_error.text
							     : facts->disk.text);
		finding_fail(finding,
			     "make room there, or let nalcastd's user write there; until then "
			     "changes are lost with a restart");
	} else if (status->settings_refused.code != 0) {
		finding_say(finding, "%s: for settings.left_out of the state the file serves",
			    status->settings_refused.text);
		finding_warn(finding,
			     "PUT resolution or PATCH config with what this camera has, or DELETE "
			     "the keys");
	}
	return true;
}

static bool check_groups(const struct diagnostics_facts *facts, struct finding *finding)
{
	return machine_check_groups(&facts->machine, facts->conf, facts->account, finding);
}

static bool check_memory(const struct diagnostics_facts *facts, struct finding *finding)
{
	return machine_check_memory(&facts->machine, facts->conf, finding);
}

static bool check_files(const struct diagnostics_facts *facts, struct finding *finding)
{
	return machine_check_files(&facts->machine, facts->conf, finding);
}

static const struct {
	const char *id;
	check_fn *run;
} checks[] = {
	{"source", check_source},         {"permissions", check_permissions},
	{"groups", check_groups},         {"memory", check_memory},
	{"open-files", check_files},      {"stream", check_running},
	{"encoder", check_encoder},       {"broadway", check_broadway},
	{"reordering", check_reordering}, {"gop", check_gop},
	{"web-server", check_web_server}, {"include", check_include},
	{"upgrades", check_upgrades},     {"origins", check_origins},
	{"clock", check_clock},           {"settings", check_settings},
};

void diagnostics_look(struct diagnostics_facts *facts, const struct account *account,
		      const struct machine_roots *roots)
{
	const char *device = facts->conf->source_device;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	facts->wall_us = now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
	facts->wire_us = clock_wire_us(clock_now_us());
	facts->account = account;
	machine_look(roots, &facts->machine);
	/* What is not there is for the source to say. */
	if (device[0] == '/' && access(device, F_OK) == 0)
		account_may(account, device, R_OK, &facts->device);
}

json_t *diagnostics_run(const struct diagnostics_facts *facts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(checks) && list != NULL; i++) {
		struct finding finding = {.verdict = FINDING_PASS};
		if (checks[i].run(facts, &finding))
			json_array_append_new(list, finding_json(checks[i].id, &finding));
	}
	return list;
}
