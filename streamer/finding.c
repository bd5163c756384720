#include "streamer/finding.h"

#include <stdarg.h>
#include <stdio.h>

#include "streamer/safetext.h"

void finding_say(struct finding *finding, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(finding->detail, sizeof(finding->detail), fmt, args);
	va_end(args);
}

void finding_warn(struct finding *finding, const char *fmt, ...)
{
	va_list args;

	finding->verdict = FINDING_WARN;
	va_start(args, fmt);
	vsnprintf(finding->fix, sizeof(finding->fix), fmt, args);
	va_end(args);
}

void finding_fail(struct finding *finding, const char *fmt, ...)
{
	va_list args;

	finding->verdict = FINDING_FAIL;
	va_start(args, fmt);
	vsnprintf(finding->fix, sizeof(finding->fix), fmt, args);
	va_end(args);
}

json_t *finding_json(const char *id, const struct finding *finding)
{
	static const char *const words[] = {
		[FINDING_PASS] = "pass",
		[FINDING_WARN] = "warn",
		[FINDING_FAIL] = "fail",
	};

	return json_pack("{s:s, s:s, s:o, s:o}", "id", id, "status", words[finding->verdict],
			 "detail", safetext(finding->detail), "fix", safetext(finding->fix));
}
