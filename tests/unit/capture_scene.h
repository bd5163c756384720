/* capture_scene: nalcast-capture played by tests/tools/fake_capture, and what it may not leave
 * behind in us: descriptors, children, mapped memory. */
#ifndef TESTS_UNIT_CAPTURE_SCENE_H
#define TESTS_UNIT_CAPTURE_SCENE_H

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/log.h"
#include "streamer/source.h"
#include "tests/unit/unit.h"

#define WAIT_MS 15000 /* a bound for a test that hangs, not a measure */

static char logged[4096]; /* warnings and errors, a line each */
static unsigned fds_before;

static inline void keep_log(enum log_level level, const char *line)
{
	size_t size = strlen(logged);

	if (level <= LOG_LEVEL_WARN)
		snprintf(logged + size, sizeof(logged) - size, "%s\n", line);
}

static inline unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* Is memory of the fake camera mapped; and if at is not NULL, is that what lies there? */
static inline bool has_mapped(const uint8_t *at)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uintptr_t begin, behind;
	char line[512];
	bool found = false;

	assert_non_null(maps);
	while (!found && fgets(line, sizeof(line), maps) != NULL)
		found = strstr(line, "memfd:fake_capture") != NULL &&
			sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &begin, &behind) == 2 &&
			(at == NULL || ((uintptr_t)at >= begin && (uintptr_t)at < behind));
	fclose(maps);
	return found;
}

/* What the helpers that are started from now on do: see fake_capture.c. */
static inline void play(const char *words)
{
	setenv("NALCAST_CAPTURE", FAKE_CAPTURE, 1);
	setenv("FAKE_CAPTURE", words, 1);
}

static inline int begin(void **state)
{
	UNUSED_STATE(state);
	logged[0] = '\0';
	log_set_hook(keep_log);
	fds_before = count_fds();
	play("");
	return 0;
}

static inline int end(void **state)
{
	UNUSED_STATE(state);
	source_set_stop_fd(-1);
	log_set_hook(NULL);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* neither a helper nor a zombie */
	assert_int_equal(errno, ECHILD);
	assert_int_equal(count_fds(), fds_before);
	assert_false(has_mapped(NULL));
	return 0;
}

static inline void await_readable(int fd)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&readable, 1, WAIT_MS), 1);
}

static inline void says(const char *text, const char *wanted)
{
	if (strstr(text, wanted) == NULL)
		fail_msg("'%s' does not say '%s'", text, wanted);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
