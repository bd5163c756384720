/* log: one line per event on stderr, any thread.
 *
 * Under systemd (JOURNAL_STREAM) lines begin with "<N>", its priority; elsewhere with the time
 * in UTC and the level. Then come the subsystem (a word: "viewer", "pipeline") and the words.
 * A line is one write(2), so threads and programs sharing stderr never mix letters. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* Before the first thread starts. Until then: info. */
void log_set_level(enum log_level level);

/* The level that was set, as a word: for programs that we start. Any thread. */
const char *log_level_word(void);

/* "error", "warn", "info" or "debug". -EINVAL: none of them. */
int log_level_parse(const char *word, enum log_level *ret_level);

void log_write(enum log_level level, const char *subsystem, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(subsystem, ...) log_write(LOG_LEVEL_ERROR, subsystem, __VA_ARGS__)
#define log_warn(subsystem, ...)  log_write(LOG_LEVEL_WARN, subsystem, __VA_ARGS__)
#define log_info(subsystem, ...)  log_write(LOG_LEVEL_INFO, subsystem, __VA_ARGS__)
#define log_debug(subsystem, ...) log_write(LOG_LEVEL_DEBUG, subsystem, __VA_ARGS__)

/* For tests: lines go to hook instead of stderr. NULL: back to stderr. */
typedef void log_hook_fn(enum log_level level, const char *line);
void log_set_hook(log_hook_fn *hook);

#ifdef __cplusplus
}
#endif
#endif
