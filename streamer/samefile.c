#include "streamer/samefile.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>

static bool is_same(const struct stat *a, const struct stat *b)
{
	if (S_ISCHR(a->st_mode) && S_ISCHR(b->st_mode))
		return a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool samefile_in(const char *folder, const struct stat *wanted, char ret_name[SAMEFILE_NAME_MAX])
{
	DIR *dir = opendir(folder);
	bool found = false;

	if (dir == NULL)
		return false;
	for (struct dirent *entry; !found && (entry = readdir(dir)) != NULL;) {
		struct stat st;
		/* Follows links, and opens nothing: that would wake a device. */
		found = entry->d_name[0] != '.' &&
			fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && is_same(&st, wanted);
		if (found)
			snprintf(ret_name, SAMEFILE_NAME_MAX, "%s", entry->d_name);
	}
	closedir(dir);
	return found;
}
