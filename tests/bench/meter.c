#include "tests/bench/meter.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"

/* The number with which a line of a file of /proc begins, after those words. */
static int read_number(const char *path, const char *words, uint64_t *ret_value)
{
	FILE *file = fopen(path, "re");
	size_t skip = strlen(words);
	char line[256];
	int r = -ENODATA;

	if (file == NULL)
		return -errno;
	while (r < 0 && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, words, skip) != 0)
			continue;
		char *digits = line + skip + strspn(line + skip, " ");
		digits[strspn(digits, "0123456789")] = '\0';
		r = parse_unsigned(digits, 0, UINT64_MAX, ret_value);
	}
	fclose(file);
	return r;
}

int meter_cpu(int pid, struct meter_cpu *ret_cpu)
{
	struct meter_cpu cpu = {0};
	char path[300];
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *tasks = opendir(path);
	if (tasks == NULL)
		return -errno;
	while ((entry = readdir(tasks)) != NULL) {
		uint64_t task, used_ns;
		if (parse_unsigned(entry->d_name, 1, INT32_MAX, &task) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, entry->d_name);
		if (read_number(path, "", &used_ns) < 0)
			continue; /* it ended meanwhile */
		cpu.all_ns += used_ns;
		if (task == (uint64_t)pid)
			cpu.main_ns = used_ns;
	}
	closedir(tasks);
	*ret_cpu = cpu;
	return 0;
}

/* Not from status: what it tells is too old by some pages on each CPU. */
int meter_memory(int pid, uint64_t *ret_bytes)
{
	char path[64];
	uint64_t kib;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	int r = read_number(path, "Anonymous:", &kib);
	if (r == 0)
		*ret_bytes = kib * 1024;
	return r;
}
