#include "streamer/trial.h"

#include <errno.h>
#include <stdio.h>

#include "common/log.h"

void trial_end(struct trial *trial)
{
	trial->is_over = true;
}

static void try_without(struct trial *trial, const struct conf *conf)
{
	struct pipeline_settings wanted;

	pipeline_settings_init(&wanted, conf);
	trial->generation = pipeline_set(trial->pipeline, &wanted);
}

static void name_suspects(unsigned suspects, char *names, size_t size)
{
	size_t len = 0;

	names[0] = '\0';
	for (unsigned i = 0; settings_suspect(i) != NULL && len < size; i++)
		if ((suspects & 1u << i) != 0)
			len += (size_t)snprintf(names + len, size - len, "%s%s",
						len > 0 ? ", " : "", settings_suspect(i));
}

/* From now on the file's values serve for these. */
static void leave_out(struct trial *trial, unsigned suspects, const struct error *why)
{
	char names[120];

	trial->is_over = true;
	settings_leave_out(trial->settings, suspects);
	name_suspects(suspects, names, sizeof(names));
	error_set(&trial->refused, why->code, "%s", why->text);
	log_warn("settings", "%s: the settings file serves for %s, not what is stored", why->text,
		 names);
}

/* --- a mode that the camera has not: known before it is opened */

static bool has_mode(const struct source_caps *caps, const struct conf *conf)
{
	return source_caps_have(caps, conf->width, conf->height, conf->fps_milli);
}

/* Returns whether the mode is what is wrong, and it was settled. */
static bool judge_mode(struct trial *trial)
{
	const struct conf *conf = settings_conf(trial->settings);
	static const unsigned guesses[] = {SETTINGS_RESOLUTION, SETTINGS_FPS,
					   SETTINGS_RESOLUTION | SETTINGS_FPS};
	struct source_caps caps;
	struct conf without;
	struct error why;

	pipeline_get_caps(trial->pipeline, &caps);
	if (caps.mode_count == 0 || has_mode(&caps, conf))
		return false;
	error_set(&why, -ERANGE, "the camera has no mode %ux%u at %u.%03u fps", conf->width,
		  conf->height, conf->fps_milli / 1000, conf->fps_milli % 1000);
	for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++) {
		unsigned stored = settings_without(trial->settings, guesses[i], &without);
		if (stored != guesses[i] || !has_mode(&caps, &without))
			continue;
		try_without(trial, &without);
		leave_out(trial, guesses[i], &why);
		return true;
	}
	return false; /* the file's own: the nearest mode serves */
}

/* --- what shows when it is opened */

/* A camera that is not there, or somebody else's, says nothing about settings. */
static bool is_absent(const struct error *error)
{
	return error->code == -ENODEV || error->code == -EBUSY || error->code == -ETIMEDOUT ||
	       error->code == -EIO || error->code == -ENOMEM;
}

static void settle_on_all(struct trial *trial, const struct error *why)
{
	struct conf without;
	unsigned stored = settings_without(trial->settings, UINT32_MAX, &without);

	trial->is_over = true;
	if (stored == 0)
		return;
	try_without(trial, &without);
	leave_out(trial, stored, why);
}

/* The one under trial was not it, or there was none yet. */
static void try_next(struct trial *trial, const struct error *why)
{
	const struct conf *conf = settings_conf(trial->settings);
	struct pipeline_settings before, after;
	struct conf without;

	if (trial->generation == 0)
		trial->refused = *why;
	pipeline_settings_init(&before, conf);
	while (settings_suspect(trial->suspect) != NULL) {
		settings_without(trial->settings, 1u << trial->suspect++, &without);
		pipeline_settings_init(&after, &without);
		if (pipeline_same_settings(&before, &after))
			continue;
		try_without(trial, &without);
		return;
	}
	settle_on_all(trial, why);
}

void trial_follow(struct trial *trial, const struct pipeline_report *report)
{
	const struct pipeline_change *change = &report->change;
	struct error why = trial->refused;

	if (trial->is_over)
		return;
	if (trial->generation == 0 && judge_mode(trial))
		return;
	if (trial->generation == 0 && report->flowing) {
		trial_end(trial);
		return;
	}
	if (change->generation < trial->generation || change->pending)
		return;
	if (report->flowing)
		leave_out(trial, 1u << (trial->suspect - 1), &why);
	else if (change->error.code != 0 ||
		 (report->state == PIPELINE_FAILED && report->refusals > 0 &&
		  !is_absent(&report->last_error)))
		try_next(trial, trial->generation == 0 ? &report->last_error : &why);
}
