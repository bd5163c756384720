#include "streamer/mediadev.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

const char *mediadev_folder = "/dev";

/* Whatever order they come in. The time of change is that of the rights, too, which udev gives
 * last. */
static uint64_t mark_of(const char *name, const struct stat *st)
{
	uint64_t mark = st->st_ino;
	uint64_t values[] = {st->st_rdev, (uint64_t)st->st_ctim.tv_sec,
			     (uint64_t)st->st_ctim.tv_nsec};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		mark = (mark ^ values[i]) * UINT64_C(0x9e3779b97f4a7c15);
	for (; *name != '\0'; name++)
		mark = (mark ^ (uint8_t)*name) * UINT64_C(0x9e3779b97f4a7c15);
	return mark;
}

bool mediadev_exist(uint64_t *ret_mark)
{
	DIR *dir = opendir(mediadev_folder);
	bool found = false;
	uint64_t mark = 0;

	if (dir == NULL)
		return false;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		bool is_media = strncmp(entry->d_name, "media", 5) == 0;
		struct stat st;
		if ((!is_media && strncmp(entry->d_name, "video", 5) != 0) ||
		    fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
			continue;
		found |= is_media;
		mark += mark_of(entry->d_name, &st);
	}
	closedir(dir);
	if (found)
		*ret_mark = mark;
	return found;
}
