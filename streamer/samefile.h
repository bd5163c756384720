/* samefile: which entry of a folder is, or leads to, a certain file. Any thread. */
#ifndef STREAMER_SAMEFILE_H
#define STREAMER_SAMEFILE_H

#include <stdbool.h>
#include <sys/stat.h>

#define SAMEFILE_NAME_MAX 256 /* bytes, with NUL */

/* The first one's name. Device files are the same by their device. false: none that we can see. */
bool samefile_in(const char *folder, const struct stat *wanted, char ret_name[SAMEFILE_NAME_MAX]);

#endif
