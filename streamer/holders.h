/* holders: which programs have a file open, as far as /proc shows their descriptors to us. Any
 * thread. */
#ifndef STREAMER_HOLDERS_H
#define STREAMER_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>

/* "ffmpeg (pid 123)" into words, of the first other process that has path (or a link to it) open;
 * "" if none can be seen. Returns whether there is one. */
bool holders_find(const char *path, char *words, size_t words_size);

#endif
