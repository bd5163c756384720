/* store: what the HTTP API changed, kept across restarts and power cuts (STATE_DIR/settings.json).
 *
 * Written by a thread of its own, since fsync on an SD card takes its time and the loop has
 * viewers: to a new file, fsync, rename, fsync of the folder. Loop thread, but for that one. */
#ifndef STREAMER_STORE_H
#define STREAMER_STORE_H

#include <stdbool.h>

#include "common/error.h"

struct store;

struct store_settings {
	bool has_running, running;
	bool has_picture;
	unsigned width, height, fps_milli;
};

/* Reads what is there. A damaged file is set aside as settings.json.damaged, named in the log, and
 * counts as empty; so does a folder that is not there. -ENOMEM and the like are errors. */
int store_open(const char *state_dir, struct store **ret_store, struct error *err);

/* Writes what is still to be written, and ends. NULL is nothing. */
void store_close(struct store *store);

const struct store_settings *store_get(const struct store *store);

/* The newest settings win; returns at once. A failure to write is logged, once until it works. */
void store_set(struct store *store, const struct store_settings *settings);

#endif
