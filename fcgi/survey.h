/* survey: asks many nalcastds the same at once, and takes what comes within one deadline: a dead
 * or slow one costs the others nothing. Blocks its thread; any number at a time. */
#ifndef FCGI_SURVEY_H
#define FCGI_SURVEY_H

#include <stddef.h>

struct survey_item {
	char path[108];     /* a control socket */
	const char *status; /* afterwards: "ok", "timeout" or "unreachable" */
	int fd;             /* the survey's own */
};

/* cancel_fd: becomes readable when the survey is to end early; -1: never. */
void survey(struct survey_item *items, size_t count, int timeout_ms, int cancel_fd);

#endif
