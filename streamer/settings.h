/* settings: what is in effect: the file's values, and over them what the API changed (protocol.md
 * section 6). Owns the changes and gives those that are to last to the store.
 *
 * A change is an object of sections; a null goes back to the file's value:
 *
 *     {"running":true, "resolution":{"width":640,"height":480}, "config":{"bitrate_bps":1000000},
 *      "controls":{"brightness":10}}
 *
 * That is also what settings.json holds. Loop thread. */
#ifndef STREAMER_SETTINGS_H
#define STREAMER_SETTINGS_H

#include <stdbool.h>

#include <jansson.h>

#include "common/error.h"
#include "streamer/conf.h"
#include "streamer/confkeys.h"
#include "streamer/pipeline.h"
#include "streamer/store.h"

struct settings;

/* file, store: must outlive it. What the store holds and makes no sense is left out, with a warning
 * each; what it holds and is not known (a newer version's) is kept there. */
int settings_new(const struct conf *file, struct store *store, struct settings **ret_settings,
		 struct error *err);
void settings_free(struct settings *settings); /* NULL is nothing */

/* The effective values; the object stays, settings_apply() changes what is in it. */
const struct conf *settings_conf(const struct settings *settings);

bool settings_running(const struct settings *settings);

/* The controls that were changed, at most SOURCE_CONTROLS_MAX; returns how many. */
unsigned settings_controls(const struct settings *settings, struct pipeline_control *ret_list);

/* A control's value as JSON has it: a number, true or false, or a list of up to SOURCE_VALUES_MAX
 * numbers, two at least. false: it is something else. */
bool settings_read_control(const char *name, const json_t *value,
			   struct pipeline_control *ret_control);

/* Puts a patch of the section "config", as it came, over conf: all of it, or none and all that is
 * wrong with it, as far as there is room. Returns how many of those. */
unsigned settings_check(const struct settings *settings, const json_t *patch, struct conf *conf,
			struct confkey_problem *ret_problems, unsigned max);

/* Puts a change that was checked over conf. */
void settings_overlay(const struct settings *settings, const json_t *change, struct conf *conf);

/* The change is in effect from now on; persist: for later starts as well. */
void settings_apply(struct settings *settings, const json_t *change, bool persist);

/* What a camera may refuse of what was stored, one bit each. */
enum settings_suspects {
	SETTINGS_ENCODER = 1 << 0,
	SETTINGS_PROFILES = 1 << 1,
	SETTINGS_SOURCE = 1 << 2,
	SETTINGS_RESOLUTION = 1 << 3,
	SETTINGS_FPS = 1 << 4,
	SETTINGS_GOP_FRAMES = 1 << 5,
	SETTINGS_BITRATE_BPS = 1 << 6,
};
const char *settings_suspect(unsigned bit); /* its name; NULL: there are no more */

/* What would be in effect without these. Returns those of them that are stored. */
unsigned settings_without(const struct settings *settings, unsigned suspects,
			  struct conf *ret_conf);

/* The camera refused these: the file's values serve, and the store stays as it is. */
void settings_leave_out(struct settings *settings, unsigned suspects);

/* What is left out, and was not changed since. */
unsigned settings_left_out(const struct settings *settings);

#endif
