/* folder: a folder of a test's own, with files as it says, and its end. */
#ifndef TESTS_UNIT_FOLDER_H
#define TESTS_UNIT_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char folder_root[] = "/tmp/nu-XXXXXX";

static inline void folder_begin(void)
{
	memcpy(strrchr(folder_root, '-') + 1, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder_root));
	assert_int_equal(chmod(folder_root, 0755), 0);
}

/* A path in it; valid until it was asked for eight times more. */
static inline const char *folder_path(const char *name)
{
	static char paths[8][256];
	static unsigned at;
	char *path = paths[at++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder_root, name);
	return path;
}

/* name ends with '/': a folder. */
static inline void folder_put(const char *name, const char *text, mode_t mode)
{
	const char *path = folder_path(name);

	if (name[strlen(name) - 1] == '/') {
		assert_int_equal(mkdir(path, mode), 0);
	} else {
		FILE *file = fopen(path, "we");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	assert_int_equal(chmod(path, mode), 0); /* whatever the umask */
}

/* Two levels deep at most below the folder that is named: no test makes more. */
static inline void folder_empty(const char *path, unsigned levels)
{
	DIR *dir = opendir(path);

	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
		char name[512];
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%.240s/%s", path, entry->d_name);
		if (levels > 0 && entry->d_type == DT_DIR)
			folder_empty(name, levels - 1);
		remove(name);
	}
	if (dir != NULL)
		closedir(dir);
}

static inline void folder_end(void)
{
	folder_empty(folder_root, 3);
	rmdir(folder_root);
}

#endif
