#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

#define LINE_MAX_BYTES 1024

static const struct {
	const char *word;
	int priority; /* syslog(3), sd-daemon(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", 3},
	[LOG_LEVEL_WARN] = {"warn", 4},
	[LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};

static enum log_level level_max = LOG_LEVEL_INFO;
static log_hook_fn *log_hook;

void log_set_level(enum log_level level)
{
	level_max = level;
}

void log_set_hook(log_hook_fn *hook)
{
	log_hook = hook;
}

const char *log_level_word(void)
{
	return levels[level_max].word;
}

int log_level_parse(const char *word, enum log_level *ret_level)
{
	for (unsigned i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(levels[i].word, word) == 0) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int write_prefix(char *line, size_t size, enum log_level level)
{
	if (getenv("JOURNAL_STREAM") != NULL)
		return snprintf(line, size, "<%d>", levels[level].priority);
	struct timespec now;
	struct tm utc;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	return snprintf(line, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %-5s ",
			utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
			utc.tm_sec, now.tv_nsec / 1000000, levels[level].word);
}

void log_write(enum log_level level, const char *subsystem, const char *fmt, ...)
{
	if (level > level_max)
		return;
	char line[LINE_MAX_BYTES];
	size_t len = log_hook == NULL ? (size_t)write_prefix(line, sizeof(line), level) : 0;
	len += (size_t)snprintf(line + len, sizeof(line) - len, "%s: ", subsystem);

	va_list args;
	va_start(args, fmt);
	int words = vsnprintf(line + len, sizeof(line) - len - 1, fmt, args);
	va_end(args);
	if (words > 0)
		len = min_size(len + (size_t)words, sizeof(line) - 2);

	/* What a peer sent may be in the words: it must not begin lines of its own. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	if (log_hook != NULL) {
		line[len] = '\0';
		log_hook(level, line);
		return;
	}
	line[len++] = '\n';
	/* Nobody is left to hear that stderr cannot be written. */
	ssize_t written = write(STDERR_FILENO, line, len);
	(void)written;
}
