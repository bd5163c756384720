/* store: what the HTTP API changed, kept across restarts and power cuts (STATE_DIR/settings.json).
 *
 * Written by a thread of its own, since fsync on an SD card takes its time and the loop has
 * viewers: to a new file, fsync, rename, fsync of the folder. What the object means is settings' to
 * know. Loop thread, but for that one. */
#ifndef STREAMER_STORE_H
#define STREAMER_STORE_H

#include <stdbool.h>

#include <jansson.h>

#include "common/error.h"

struct store;

/* Reads what is there. A damaged file is set aside as settings.json.damaged, named in the log, and
 * counts as empty; so does a folder that is not there. -ENOMEM and the like are errors. */
int store_open(const char *state_dir, struct store **ret_store, struct error *err);

/* The same to look at it only: nothing is set aside, nothing logged, and what is not empty but
 * cannot be read is an error; store_set() is not for this one. */
int store_look(const char *state_dir, struct store **ret_store, struct error *err);

/* Writes what is still to be written, and ends. NULL is nothing. */
void store_close(struct store *store);

/* An object, the store's: what was read, or set last. */
const json_t *store_get(const struct store *store);

/* The newest object wins; returns at once. A failure to write is logged, once until it works, and
 * tried again after 30 s. Takes root; NULL: no memory, which is logged. */
void store_set(struct store *store, json_t *root);

/* Is all that was set on the disk? False without an error: it is being written. */
bool store_is_kept(struct store *store, struct error *ret_err);

/* Could it be written now? 0, or a negative errno with words that name the folder. */
int store_probe(const struct store *store, struct error *err);

#endif
