#include "streamer/camera.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/encoder.h"

#define SUBSYSTEM "camera"

void camera_init(struct camera *c, const char *source, const char *device)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->source_name, sizeof(c->source_name), "%s", source);
	snprintf(c->device, sizeof(c->device), "%s", device);
}

static struct source_control *control_of(struct camera *c, const char *name)
{
	const struct source_control *found = source_caps_find_control(&c->caps, name);

	return found != NULL ? &c->caps.controls[found - c->caps.controls] : NULL;
}

static bool fits(const struct source_control *control, const struct pipeline_control *wanted)
{
	unsigned count = source_value_count(wanted->value_count);

	if (!source_control_takes(control, wanted->values, count))
		return false;
	for (unsigned i = 0; control->type != SOURCE_CONTROL_FLOAT && i < count; i++)
		if (wanted->values[i] != trunc(wanted->values[i]))
			return false;
	return true;
}

static void copy_values(double *to, const double *from, unsigned value_count)
{
	memcpy(to, from, source_value_count(value_count) * sizeof(*to));
}

static int set_values(struct source *source, const struct pipeline_control *wanted,
		      struct error *err)
{
	return source_set_control(source, wanted->name, wanted->values,
				  source_value_count(wanted->value_count), err);
}

/* While it is closed, its controls are what they will be. */
static void show_kept(struct camera *c)
{
	for (unsigned i = 0; i < c->control_count; i++) {
		const struct pipeline_control *kept = &c->controls[i];
		struct source_control *control = control_of(c, kept->name);
		if (control != NULL && control->writable && fits(control, kept))
			copy_values(control->values, kept->values, kept->value_count);
	}
}

static int choose_and_probe(struct camera *c, struct error *err)
{
	if (c->source == NULL)
		c->source = source_choose(c->source_name);
	if (c->source == NULL)
		return error_set(err, -ENOENT, "this build has no source '%s'", c->source_name);
	return source_probe(c->source, c->device, &c->caps, err);
}

int camera_probe(struct camera *c, struct error *err)
{
	if (c->caps.backend[0] != '\0')
		return 0;
	int r = choose_and_probe(c, err);
	if (r < 0)
		camera_forget(c);
	else
		show_kept(c);
	return r;
}

void camera_forget(struct camera *c)
{
	memset(&c->caps, 0, sizeof(c->caps));
}

static int check_picture(const struct camera *c, const struct pipeline_picture *picture,
			 struct error *err)
{
	if (c->caps.mode_count == 0)
		return error_set(err, -EOPNOTSUPP,
				 "%s brings its own H.264 and offers no other size",
				 c->caps.backend);
	if (!source_caps_have(&c->caps, picture->width, picture->height, picture->fps_milli))
		return error_set(err, -ERANGE, "the camera has no mode %ux%u at %u.%03u fps",
				 picture->width, picture->height, picture->fps_milli / 1000,
				 picture->fps_milli % 1000);
	return 0;
}

static bool same_source(const struct pipeline_settings *a, const struct pipeline_settings *b)
{
	return strcmp(a->source, b->source) == 0 && strcmp(a->source_device, b->source_device) == 0;
}

static bool same_coding(const struct pipeline_settings *a, const struct pipeline_settings *b)
{
	return a->bitrate_bps == b->bitrate_bps && a->gop_frames == b->gop_frames;
}

bool camera_is_of(const struct camera *c, const struct pipeline_settings *settings)
{
	return strcmp(c->source_name, settings->source) == 0 &&
	       strcmp(c->device, settings->source_device) == 0;
}

int camera_check_settings(struct camera *c, const struct pipeline_settings *wanted,
			  const struct pipeline_settings *before, struct error *err)
{
	/* Who wants what is set already wants that very picture, whatever is shown instead. */
	bool wants_picture = !pipeline_same_picture(&wanted->picture, &before->picture) ||
			     pipeline_same_settings(wanted, before);

	if (!encoder_exists(wanted->encoder))
		return error_set(err, -ENOENT, "this build has no encoder '%s'", wanted->encoder);
	int r = camera_probe(c, err);
	if (r < 0) { /* what it is not needed for, holds when it is back */
		if (wants_picture || !same_source(wanted, before))
			return r;
		*err = (struct error){0};
		return 0;
	}
	if (c->caps.encoded && !same_coding(wanted, before))
		return error_set(err, -EOPNOTSUPP,
				 "%s: the camera makes the H.264: bitrate and GOP are its own",
				 c->caps.backend);
	if (wants_picture)
		return check_picture(c, &wanted->picture, err);
	return 0;
}

int camera_fit_picture(const struct camera *c, const struct pipeline_picture *wanted,
		       bool fps_given, struct source_config *ret_config, struct error *err)
{
	struct source_mode nearest;

	memcpy(ret_config->device, c->device, sizeof(ret_config->device));
	ret_config->width = wanted->width;
	ret_config->height = wanted->height;
	ret_config->fps_milli = wanted->fps_milli;
	if (c->caps.mode_count == 0) {
		ret_config->width = ret_config->height = 0;
		if (!fps_given)
			ret_config->fps_milli = 0;
		return 0;
	}
	if (source_caps_have(&c->caps, wanted->width, wanted->height, wanted->fps_milli) ||
	    source_caps_nearest(&c->caps, wanted->width, wanted->height, &nearest, 1) == 0)
		return 0;
	ret_config->width = nearest.width_min;
	ret_config->height = nearest.height_min;
	ret_config->fps_milli =
		(unsigned)max_i64(nearest.fps_min_milli,
				  min_i64(wanted->fps_milli, nearest.fps_max_milli));
	return error_set(err, -ERANGE,
			 "the camera has no %ux%u at %u.%03u fps: the nearest mode serves",
			 wanted->width, wanted->height, wanted->fps_milli / 1000,
			 wanted->fps_milli % 1000);
}

static int check_control(struct camera *c, const struct pipeline_control *wanted, struct error *err)
{
	const struct source_control *control = control_of(c, wanted->name);

	if (control == NULL)
		return error_set(err, -ENOENT, "the camera has no control '%s'", wanted->name);
	if (!control->writable)
		return error_set(err, -EACCES, "the control '%s' can only be read", wanted->name);
	if (fits(control, wanted))
		return 0;
	bool whole = control->type != SOURCE_CONTROL_FLOAT;
	if (control->value_count > 1)
		return error_set(err, -ERANGE, "%s is %u %snumbers from %g to %g", wanted->name,
				 control->value_count, whole ? "whole " : "", control->min,
				 control->max);
	return error_set(err, -ERANGE, "%s is a %snumber from %g to %g", wanted->name,
			 whole ? "whole " : "", control->min, control->max);
}

/* One was refused: those before it get back the values they had. */
static void put_back(struct camera *c, struct source *source, const struct pipeline_control *list,
		     unsigned count)
{
	struct error err = {0};

	while (count-- > 0) {
		const struct source_control *control = control_of(c, list[count].name);
		if (source_set_control(source, control->name, control->values,
				       source_value_count(control->value_count), &err) < 0)
			log_warn(SUBSYSTEM, "%s cannot be put back: %s", control->name, err.text);
	}
}

void camera_keep_controls(struct camera *c, const struct pipeline_control *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned at = 0;
		while (at < c->control_count && strcmp(c->controls[at].name, list[i].name) != 0)
			at++;
		if (at == SOURCE_CONTROLS_MAX)
			return;
		c->controls[at] = list[i];
		c->control_count = at == c->control_count ? at + 1 : c->control_count;
	}
	show_kept(c);
}

int camera_set_controls(struct camera *c, struct source *source,
			const struct pipeline_control *list, unsigned count, struct error *err)
{
	for (unsigned i = 0; i < count; i++) {
		int r = check_control(c, &list[i], err);
		if (r < 0)
			return r;
	}
	for (unsigned i = 0; source != NULL && i < count; i++) {
		int r = set_values(source, &list[i], err);
		if (r < 0) {
			put_back(c, source, list, i);
			return r;
		}
	}
	camera_keep_controls(c, list, count);
	return 0;
}

void camera_restore_controls(struct camera *c, struct source *source)
{
	for (unsigned i = 0; i < c->control_count; i++) {
		const struct pipeline_control *kept = &c->controls[i];
		struct error err = {0};
		int r = check_control(c, kept, &err);
		if (r == 0)
			r = set_values(source, kept, &err);
		if (r == 0)
			continue;
		struct source_control *control = control_of(c, kept->name);
		if (control != NULL)
			copy_values(control->values, control->default_values, control->value_count);
		log_warn(SUBSYSTEM, "a control that was set before is left alone: %s", err.text);
	}
}
