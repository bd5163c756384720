#include "streamer/confkeys.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "streamer/encoder.h"
#include "streamer/frame.h"
#include "streamer/safetext.h"
#include "streamer/source.h"

#define TEXT_MAX 300 /* of a value, as conf_set() reads it */

enum kind {
	KIND_COUNT,
	KIND_FPS,
	KIND_YES_NO,
	KIND_PROFILES,
	KIND_ENCODER,
	KIND_PRESET,
	KIND_SOURCE,
};

struct confkey {
	const char *name;   /* in the API */
	const char *option; /* in the file */
	enum kind kind;
	size_t offset; /* in struct conf: of a count or a yes-or-no */
	unsigned min, max;
};

#define COUNT(name, option, member, min, max)                                     \
	{                                                                         \
		name, option, KIND_COUNT, offsetof(struct conf, member), min, max \
	}
#define YES_NO(name, option, member)                                           \
	{                                                                      \
		name, option, KIND_YES_NO, offsetof(struct conf, member), 0, 0 \
	}

static const struct confkey keys[] = {
	{"source", "source", KIND_SOURCE, 0, 0, 0},
	{"encoder", "encoder", KIND_ENCODER, 0, 0, 0},
	COUNT("encoder_threads", "encoder-threads", encoder_threads, 0, 64),
	{"encoder_preset", "encoder-preset", KIND_PRESET, 0, 0, 0},
	{"fps", "fps", KIND_FPS, 0, 1, CONF_FPS_MAX},
	COUNT("bitrate_bps", "bitrate-bps", bitrate_bps, 100000, 100000000),
	COUNT("gop_frames", "gop-frames", gop_frames, 1, 10000),
	YES_NO("adaptive", "adaptive", adaptive),
	YES_NO("on_demand", "on-demand", on_demand),
	COUNT("idle_stop_s", "idle-stop-s", idle_stop_s, 0, 86400),
	COUNT("viewers_max", "viewers-max", viewers_max, 1, 100000),
	COUNT("viewer_lag_max_ms", "viewer-lag-max-ms", viewer_lag_max_ms, 50, 10000),
	{"profiles", "profiles", KIND_PROFILES, 0, 0, 0},
};

const struct confkey *confkey_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

json_t *confkey_milli(unsigned milli)
{
	return milli % 1000 == 0 ? json_integer(milli / 1000) : json_real(milli / 1000.0);
}

static void write_source(const struct conf *conf, char text[static TEXT_MAX])
{
	snprintf(text, TEXT_MAX, "%s%s%s", conf->source, conf->source_device[0] != '\0' ? ":" : "",
		 conf->source_device);
}

static json_t *value_of(const struct conf *conf, const struct confkey *key)
{
	const char *member = (const char *)conf + key->offset;
	unsigned count;
	bool yes;
	char text[TEXT_MAX];

	switch (key->kind) {
	case KIND_COUNT:
		memcpy(&count, member, sizeof(count));
		return json_integer(count);
	case KIND_YES_NO:
		memcpy(&yes, member, sizeof(yes));
		return json_boolean(yes);
	case KIND_FPS:
		return confkey_milli(conf->fps_milli);
	case KIND_PROFILES:
		return json_string(conf->any_profile ? "any" : "baseline");
	case KIND_ENCODER:
		return json_string(conf->encoder);
	case KIND_PRESET:
		return json_string(conf->encoder_preset);
	case KIND_SOURCE:
		write_source(conf, text);
		return safetext(text);
	}
	return NULL;
}

json_t *confkey_all(const struct conf *conf)
{
	json_t *body = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_object_set_new(body, keys[i].name, value_of(conf, &keys[i]));
	return body;
}

/* conf_set() knows the limits: values go through it as text. */
static int set_text(struct conf *conf, const struct confkey *key, const json_t *value)
{
	char text[TEXT_MAX];

	if (json_is_boolean(value))
		snprintf(text, sizeof(text), "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_string(value))
		snprintf(text, sizeof(text), "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	else
		snprintf(text, sizeof(text), "%.3f", json_real_value(value));
	return conf_set(conf, key->option, text, NULL);
}

void confkey_reset(const struct confkey *key, const struct conf *file, struct conf *conf)
{
	json_t *value;

	switch (key->kind) {
	case KIND_SOURCE: /* a path may be what JSON cannot say */
		memcpy(conf->source, file->source, sizeof(conf->source));
		memcpy(conf->source_device, file->source_device, sizeof(conf->source_device));
		return;
	case KIND_FPS:
		conf->fps_milli = file->fps_milli;
		conf->fps_given = file->fps_given;
		return;
	case KIND_COUNT:
	case KIND_YES_NO:
	case KIND_PROFILES:
	case KIND_ENCODER:
	case KIND_PRESET:
		value = value_of(file, key);
		if (value != NULL)
			set_text(conf, key, value);
		json_decref(value);
	}
}

static bool is_of_type(const struct confkey *key, const json_t *value)
{
	switch (key->kind) {
	case KIND_COUNT:
		return json_is_integer(value);
	case KIND_FPS:
		return json_is_number(value);
	case KIND_YES_NO:
		return json_is_boolean(value);
	case KIND_PROFILES:
	case KIND_ENCODER:
	case KIND_PRESET:
	case KIND_SOURCE:
		return json_is_string(value);
	}
	return false;
}

static json_t *allowed_encoders(void)
{
	json_t *list = json_pack("[s]", "auto");

	/* What takes H.264 passes it through: nobody chooses that one. */
	for (const struct encoder_ops *const *ops = encoder_backends; *ops != NULL; ops++)
		if (!(*ops)->takes(FRAME_H264))
			json_array_append_new(list, json_string((*ops)->name));
	return list;
}

/* A file is not for the API to choose: whoever may use it would read any file nalcastd can. */
static json_t *allowed_sources(void)
{
	json_t *list = json_pack("[s]", "auto");

	for (const struct source_ops *const *ops = source_backends; *ops != NULL; ops++)
		if (strcmp((*ops)->name, "file") != 0)
			json_array_append_new(list, json_string((*ops)->name));
	return list;
}

static json_t *allowed_for(const struct confkey *key)
{
	switch (key->kind) {
	case KIND_COUNT:
	case KIND_FPS:
		return json_pack("{s:i, s:i}", "min", (int)key->min, "max", (int)key->max);
	case KIND_YES_NO:
		return json_pack("[b, b]", 1, 0);
	case KIND_PROFILES:
		return json_pack("[s, s]", "baseline", "any");
	case KIND_ENCODER:
		return allowed_encoders();
	case KIND_PRESET:
		return json_pack("[s, s, s, s, s, s, s]", "auto", "ultrafast", "superfast",
				 "veryfast", "faster", "fast", "medium");
	case KIND_SOURCE:
		return allowed_sources();
	}
	return NULL;
}

/* Is the word one of the list? A source may go on with what it opens: "v4l2:/dev/video0". */
static bool is_allowed(const json_t *list, const char *word, bool has_device)
{
	size_t len = has_device ? strcspn(word, ":") : strlen(word);
	size_t i;
	const json_t *entry;

	json_array_foreach(list, i, entry)
	{
		if (json_string_length(entry) == len &&
		    strncmp(json_string_value(entry), word, len) == 0)
			return true;
	}
	return false;
}

static json_t *nearest_to(const struct confkey *key, const json_t *value)
{
	double wish = json_number_value(value);

	return json_integer((json_int_t)fmax(key->min, fmin(wish, key->max)));
}

static bool problem(struct confkey_problem *ret_problem, enum ctl_code code, const char *key,
		    json_t *extra)
{
	ret_problem->code = code;
	ret_problem->key = key;
	ret_problem->extra = extra;
	return false;
}

static const char *type_words(const struct confkey *key)
{
	static const char *const words[] = {
		[KIND_COUNT] = "an integer",          [KIND_FPS] = "a number",
		[KIND_YES_NO] = "true or false",      [KIND_PROFILES] = "\"baseline\" or \"any\"",
		[KIND_ENCODER] = "an encoder's name", [KIND_PRESET] = "a preset's name",
		[KIND_SOURCE] = "a source's name",
	};

	return words[key->kind];
}

static bool wrong_value(const struct confkey *key, const json_t *value,
			struct confkey_problem *ret_problem)
{
	json_t *extra = json_pack("{s:o}", "allowed", allowed_for(key));
	bool ranged = key->kind == KIND_COUNT || key->kind == KIND_FPS;

	if (ranged)
		error_set(&ret_problem->error, -EINVAL, "%s is %s from %u to %u", key->name,
			  type_words(key), key->min, key->max);
	else
		error_set(&ret_problem->error, -EINVAL, "%s is %s", key->name, type_words(key));
	if (ranged && json_is_number(value))
		json_object_set_new(extra, "nearest", nearest_to(key, value));
	return problem(ret_problem, CTL_INVALID, key->name, extra);
}

/* A name of the right type that this build does not have. */
static bool is_here(const struct confkey *key, const json_t *value,
		    struct confkey_problem *ret_problem)
{
	const char *word = json_string_value(value);
	bool is_source = key->kind == KIND_SOURCE;

	if (!is_source && key->kind != KIND_ENCODER)
		return true;
	json_t *list = allowed_for(key);
	if (is_allowed(list, word, is_source)) {
		json_decref(list);
		return true;
	}
	if (is_source && strncmp(word, "file:", 5) == 0)
		error_set(&ret_problem->error, -EOPNOTSUPP,
			  "a file can be named in the settings file only");
	else
		error_set(&ret_problem->error, -ENOENT, "this build has no %s '%.60s'", key->name,
			  word);
	return problem(ret_problem, CTL_UNSUPPORTED, key->name,
		       json_pack("{s:o}", "allowed", list));
}

bool confkey_set(const struct confkey *key, const json_t *value, struct conf *conf,
		 struct confkey_problem *ret_problem)
{
	if (!is_of_type(key, value))
		return wrong_value(key, value, ret_problem);
	if (!is_here(key, value, ret_problem))
		return false;
	if (set_text(conf, key, value) < 0)
		return wrong_value(key, value, ret_problem);
	return true;
}

void confkey_unknown(const char *name, struct confkey_problem *ret_problem)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_array_append_new(list, json_string(keys[i].name));
	error_set(&ret_problem->error, -ENOENT, "there is no setting '%.40s' here", name);
	problem(ret_problem, CTL_INVALID, name, json_pack("{s:o}", "allowed", list));
}
