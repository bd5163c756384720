#include "streamer/diagnostics.h"

#include <stdio.h>

#include "common/util.h"

enum verdict {
	PASS,
	WARN,
	FAIL,
};

struct facts {
	const struct stream_status *status;
	const struct au_format *format; /* NULL: no picture yet */
};

struct finding {
	enum verdict verdict;
	char detail[320];
	const char *fix; /* "" where nothing is wrong */
};

/* Fills in what it finds, which is a PASS at first. false: there is nothing to say now. */
typedef bool check_fn(const struct facts *facts, struct finding *finding);

static bool check_source(const struct facts *facts, struct finding *finding)
{
	const struct pipeline_report *report = &facts->status->pipeline;

	if (report->online) {
		snprintf(finding->detail, sizeof(finding->detail), "%s %s answers", report->backend,
			 report->id);
		return true;
	}
	finding->verdict = FAIL;
	snprintf(finding->detail, sizeof(finding->detail), "%s", report->reason);
	finding->fix = "see that the source is there and that nalcastd may open it; it is tried "
		       "again every 30 s at the latest";
	return true;
}

static bool check_running(const struct facts *facts, struct finding *finding)
{
	if (facts->status->running) {
		snprintf(finding->detail, sizeof(finding->detail), "the stream may run");
		return true;
	}
	finding->verdict = WARN;
	snprintf(finding->detail, sizeof(finding->detail), "the owner has stopped the stream");
	finding->fix = "POST start";
	return true;
}

static bool check_broadway(const struct facts *facts, struct finding *finding)
{
	const struct au_format *format = facts->format;

	if (format == NULL)
		return false;
	finding->verdict = format->broadway ? PASS : WARN;
	snprintf(finding->detail, sizeof(finding->detail), "%s at %ux%u %s", format->codec,
		 format->width, format->height,
		 format->broadway ? "can be shown by every browser"
				  : "is more than Broadway.js can decode: only browsers with "
				    "WebCodecs show it");
	if (!format->broadway)
		finding->fix = "a smaller size, fewer reference frames, or H.264 Baseline";
	return true;
}

static bool check_reordering(const struct facts *facts, struct finding *finding)
{
	const struct au_format *format = facts->format;

	if (format == NULL)
		return false;
	finding->verdict = format->decoder_delay_frames == 0 ? PASS : WARN;
	snprintf(finding->detail, sizeof(finding->detail),
		 "a decoder may hold back %u pictures before it shows the first",
		 format->decoder_delay_frames);
	if (finding->verdict == WARN)
		finding->fix = "have the source write max_num_reorder_frames = 0, or Baseline, "
			       "where nalcastd does it";
	return true;
}

static const struct {
	const char *id;
	check_fn *run;
} checks[] = {
	{"source", check_source},
	{"stream", check_running},
	{"broadway", check_broadway},
	{"reordering", check_reordering},
};

json_t *diagnostics_run(const struct stream_status *status, const struct au_format *format)
{
	static const char *const words[] = {[PASS] = "pass", [WARN] = "warn", [FAIL] = "fail"};
	const struct facts facts = {status, format};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(checks) && list != NULL; i++) {
		struct finding finding = {.verdict = PASS, .fix = ""};
		if (!checks[i].run(&facts, &finding))
			continue;
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "id", checks[i].id,
						      "status", words[finding.verdict], "detail",
						      finding.detail, "fix", finding.fix));
	}
	return list;
}
