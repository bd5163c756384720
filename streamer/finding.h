/* finding: what one check found: whether it is well, in a sentence, and what to do about it. For
 * GET diagnostics and nalcastd --doctor alike. Plain values; no I/O; any thread. */
#ifndef STREAMER_FINDING_H
#define STREAMER_FINDING_H

#include <jansson.h>

enum finding_verdict {
	FINDING_PASS,
	FINDING_WARN, /* it works, but not as well as it could */
	FINDING_FAIL, /* it does not work before this is mended */
};

struct finding {
	enum finding_verdict verdict;
	char detail[400];
	char fix[320]; /* "" where nothing is wrong */
};

void finding_say(struct finding *finding, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* What is wrong was said; this is the fix. */
void finding_warn(struct finding *finding, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void finding_fail(struct finding *finding, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* {"id","status":"pass|warn|fail","detail","fix"}: a new reference, NULL: no memory. */
json_t *finding_json(const char *id, const struct finding *finding);

#endif
