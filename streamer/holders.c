#include "streamer/holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/samefile.h"

static bool has_open(const char *pid, const struct stat *wanted)
{
	char path[32], name[SAMEFILE_NAME_MAX];

	snprintf(path, sizeof(path), "/proc/%.10s/fd", pid);
	return samefile_in(path, wanted, name);
}

static void name_process(const char *pid, char *words, size_t words_size)
{
	char path[32], name[32] = "a program";

	snprintf(path, sizeof(path), "/proc/%.10s/comm", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t size = read(fd, name, sizeof(name) - 1);
		if (size > 0) {
			name[size] = '\0';
			name[strcspn(name, "\n")] = '\0';
		}
		close_fd(&fd);
	}
	snprintf(words, words_size, "%s (pid %.10s)", name, pid);
}

bool holders_find(const char *path, char *words, size_t words_size)
{
	struct stat wanted;
	bool found = false;

	snprintf(words, words_size, "%s", "");
	if (stat(path, &wanted) < 0)
		return false;
	DIR *proc = opendir("/proc");
	if (proc == NULL)
		return false;
	for (struct dirent *entry; !found && (entry = readdir(proc)) != NULL;) {
		uint64_t pid;
		if (parse_unsigned(entry->d_name, 1, INT32_MAX, &pid) < 0 ||
		    pid == (uint64_t)getpid() || !has_open(entry->d_name, &wanted))
			continue;
		name_process(entry->d_name, words, words_size);
		found = true;
	}
	closedir(proc);
	return found;
}
