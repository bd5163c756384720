#include "streamer/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/source.h"

struct settings {
	const struct conf *file;
	struct store *store;
	struct conf effective;
	json_t *live;      /* what the API changed: sections of the file's shape */
	unsigned left_out; /* suspects: stored, but not in live */
};

static bool put_over(const struct settings *settings, const char *name, const json_t *value,
		     struct conf *conf, struct confkey_problem *ret_problem)
{
	const struct confkey *key = confkey_find(name);

	if (key == NULL) {
		confkey_unknown(name, ret_problem);
		return false;
	}
	if (!json_is_null(value))
		return confkey_set(key, value, conf, ret_problem);
	confkey_reset(key, settings->file, conf);
	return true;
}

unsigned settings_check(const struct settings *settings, const json_t *patch, struct conf *conf,
			struct confkey_problem *ret_problems, unsigned max)
{
	struct conf candidate = *conf;
	unsigned count = 0;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)patch, name, value)
	{
		if (count < max)
			count += !put_over(settings, name, value, &candidate, &ret_problems[count]);
	}
	if (count == 0)
		*conf = candidate;
	return count;
}

/* --- what is in effect */

static bool read_size(const json_t *size, struct conf *conf)
{
	const json_t *width = json_object_get(size, "width");
	const json_t *height = json_object_get(size, "height");
	char text[48];

	if (!json_is_integer(width) || !json_is_integer(height))
		return false;
	snprintf(text, sizeof(text), "%lldx%lld", (long long)json_integer_value(width),
		 (long long)json_integer_value(height));
	return conf_set(conf, "size", text, NULL) == 0;
}

void settings_overlay(const struct settings *settings, const json_t *change, struct conf *conf)
{
	const json_t *size = json_object_get(change, "resolution");
	const char *name;
	json_t *value;

	if (json_is_null(size)) {
		conf->width = settings->file->width;
		conf->height = settings->file->height;
	} else if (size != NULL) {
		read_size(size, conf);
	}
	json_object_foreach(json_object_get(change, "config"), name, value)
	{
		struct confkey_problem problem = {.extra = NULL};
		const struct confkey *key = confkey_find(name);
		if (key != NULL && json_is_null(value))
			confkey_reset(key, settings->file, conf);
		else if (key != NULL)
			confkey_set(key, value, conf, &problem);
		json_decref(problem.extra);
	}
}

static void merge_member(json_t *target, const char *name, json_t *value)
{
	if (json_is_null(value))
		json_object_del(target, name);
	else
		json_object_set(target, name, value);
}

/* RFC 7396, two levels deep: sections and what is in them. */
static void merge(json_t *target, const json_t *change)
{
	const char *name, *key;
	json_t *section, *value;

	json_object_foreach((json_t *)change, name, section)
	{
		if (!json_is_object(section)) {
			merge_member(target, name, section);
			continue;
		}
		json_t *old = json_object_get(target, name);
		json_t *merged = json_is_object(old) ? json_copy(old) : json_object();
		json_object_foreach(section, key, value) merge_member(merged, key, value);
		if (json_object_size(merged) > 0)
			json_object_set(target, name, merged);
		else
			json_object_del(target, name);
		json_decref(merged);
	}
}

static void recompute(struct settings *settings)
{
	settings->effective = *settings->file;
	settings_overlay(settings, settings->live, &settings->effective);
}

/* --- what the camera refused */

static const char *const suspects_names[] = {"encoder", "profiles",   "source",     "resolution",
					     "fps",     "gop_frames", "bitrate_bps"};

_Static_assert(SETTINGS_BITRATE_BPS == 1 << (ARRAY_SIZE(suspects_names) - 1), "one bit each");

const char *settings_suspect(unsigned bit)
{
	return bit < ARRAY_SIZE(suspects_names) ? suspects_names[bit] : NULL;
}

/* Which of them a change speaks of. */
static unsigned suspects_of(const json_t *change)
{
	const json_t *config = json_object_get(change, "config");
	unsigned found = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(suspects_names); i++) {
		const json_t *section = 1u << i == SETTINGS_RESOLUTION ? change : config;
		if (json_object_get(section, suspects_names[i]) != NULL)
			found |= 1u << i;
	}
	return found;
}

static void remove_suspects(json_t *live, unsigned suspects)
{
	json_t *config = json_object_get(live, "config");

	for (unsigned i = 0; i < ARRAY_SIZE(suspects_names); i++)
		if ((suspects & 1u << i) != 0)
			json_object_del(1u << i == SETTINGS_RESOLUTION ? live : config,
					suspects_names[i]);
}

unsigned settings_without(const struct settings *settings, unsigned suspects, struct conf *ret_conf)
{
	json_t *live = json_deep_copy(settings->live);

	remove_suspects(live, suspects);
	*ret_conf = *settings->file;
	settings_overlay(settings, live, ret_conf);
	json_decref(live);
	return suspects_of(settings->live) & suspects;
}

void settings_leave_out(struct settings *settings, unsigned suspects)
{
	remove_suspects(settings->live, suspects);
	settings->left_out |= suspects;
	recompute(settings);
}

unsigned settings_left_out(const struct settings *settings)
{
	return settings->left_out;
}

void settings_apply(struct settings *settings, const json_t *change, bool persist)
{
	merge(settings->live, change);
	settings->left_out &= ~suspects_of(change);
	recompute(settings);
	if (!persist)
		return;
	json_t *kept = json_copy((json_t *)store_get(settings->store));
	merge(kept, change);
	if (json_equal(kept, store_get(settings->store)))
		json_decref(kept);
	else
		store_set(settings->store, kept);
}

bool settings_running(const struct settings *settings)
{
	return !json_is_false(json_object_get(settings->live, "running"));
}

bool settings_read_control(const char *name, const json_t *value,
			   struct pipeline_control *ret_control)
{
	struct pipeline_control control = {.value_count = (unsigned)json_array_size(value)};
	size_t i;
	json_t *number;

	if (strlen(name) >= sizeof(control.name))
		return false;
	snprintf(control.name, sizeof(control.name), "%s", name);
	if (json_is_array(value) &&
	    (json_array_size(value) < 2 || json_array_size(value) > SOURCE_VALUES_MAX))
		return false;
	json_array_foreach(value, i, number)
	{
		if (!json_is_number(number))
			return false;
		control.values[i] = json_number_value(number);
	}
	if (json_is_number(value))
		control.value = json_number_value(value);
	else if (json_is_boolean(value))
		control.value = json_is_true(value);
	else if (!json_is_array(value))
		return false;
	*ret_control = control;
	return true;
}

unsigned settings_controls(const struct settings *settings, struct pipeline_control *ret_list)
{
	unsigned count = 0;
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(settings->live, "controls"), name, value)
	{
		if (count < SOURCE_CONTROLS_MAX &&
		    settings_read_control(name, value, &ret_list[count]))
			count++;
	}
	return count;
}

const struct conf *settings_conf(const struct settings *settings)
{
	return &settings->effective;
}

/* --- what was stored */

static void leave_out(const char *section, const char *name)
{
	log_warn("settings", "stored %s%s%.40s makes no sense: the file's value serves", section,
		 section[0] != '\0' ? " " : "", name);
}

static void leave_alone(const char *section, const char *name)
{
	log_warn("settings", "stored %s%s%.40s is not known to this version: it is left alone",
		 section, section[0] != '\0' ? " " : "", name);
}

static json_t *sound_config(const struct settings *settings, json_t *kept)
{
	struct conf scratch = *settings->file;
	json_t *sound = json_object();
	const char *name;
	json_t *value;

	json_object_foreach(kept, name, value)
	{
		struct confkey_problem problem = {.extra = NULL};
		const struct confkey *key = confkey_find(name);
		if (key == NULL)
			leave_alone("config", name);
		else if (confkey_set(key, value, &scratch, &problem))
			json_object_set(sound, name, value);
		else
			leave_out("config", name);
		json_decref(problem.extra);
	}
	return sound;
}

/* Which controls there are, the camera says when it is opened. */
static json_t *sound_controls(json_t *kept)
{
	struct pipeline_control control;
	json_t *sound = json_object();
	const char *name;
	json_t *value;

	json_object_foreach(kept, name, value)
	{
		if (settings_read_control(name, value, &control))
			json_object_set(sound, name, value);
		else
			leave_out("control", name);
	}
	return sound;
}

/* NULL: it makes no sense. A new reference. */
static json_t *sound_section(const struct settings *settings, const char *name, json_t *kept)
{
	struct conf scratch;

	if (strcmp(name, "running") == 0)
		return json_is_boolean(kept) ? json_incref(kept) : NULL;
	if (strcmp(name, "resolution") == 0)
		return read_size(kept, &scratch) ? json_incref(kept) : NULL;
	if (!json_is_object(kept))
		return NULL;
	return strcmp(name, "config") == 0 ? sound_config(settings, kept) : sound_controls(kept);
}

static bool is_section(const char *name)
{
	static const char *const names[] = {"running", "resolution", "config", "controls"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void take_stored(struct settings *settings)
{
	const char *name;
	json_t *kept;

	json_object_foreach((json_t *)store_get(settings->store), name, kept)
	{
		if (!is_section(name)) {
			leave_alone("", name);
			continue;
		}
		json_t *sound = sound_section(settings, name, kept);
		if (sound != NULL)
			json_object_set_new(settings->live, name, sound);
		else
			leave_out("", name);
	}
}

int settings_new(const struct conf *file, struct store *store, struct settings **ret_settings,
		 struct error *err)
{
	struct settings *settings = calloc(1, sizeof(*settings));

	if (settings == NULL || (settings->live = json_object()) == NULL) {
		free(settings);
		return error_set(err, -ENOMEM, "out of memory");
	}
	settings->file = file;
	settings->store = store;
	take_stored(settings);
	recompute(settings);
	*ret_settings = settings;
	return 0;
}

void settings_free(struct settings *settings)
{
	if (settings == NULL)
		return;
	json_decref(settings->live);
	free(settings);
}
