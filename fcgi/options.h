/* options: the command line of nalcast-fcgi. Pure; before the first thread. */
#ifndef FCGI_OPTIONS_H
#define FCGI_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/log.h"

#define OPTIONS_THREADS_MAX 64

struct options { /* strings are borrowed from argv */
	const char *socket;
	mode_t socket_mode;
	const char *socket_group; /* "": the process's own */
	const char *control_socket;
	const char *allow_origin; /* see origin_allowed() */
	unsigned threads;
	unsigned io_timeout_ms;
	enum log_level log_level;
	bool help, version; /* print that and leave */
};

/* -EINVAL with words that name the option, the value and what would be right. */
int options_read(int argc, const char *const *argv, struct options *ret_options, struct error *err);

void options_print_help(FILE *out);

#endif
