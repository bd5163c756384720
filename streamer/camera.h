/* camera: the source that was chosen, what it said it can do, and the controls people set.
 *
 * Part of a pipeline, its thread only. Knows no chain and no orders. A plain value: a copy is what
 * to go back to. */
#ifndef STREAMER_CAMERA_H
#define STREAMER_CAMERA_H

#include <stdbool.h>

#include "common/error.h"
#include "streamer/pipeline.h"
#include "streamer/source.h"

struct camera {
	char source_name[16]; /* as in the settings: "auto" */
	char device[SOURCE_DEVICE_MAX];
	const struct source_ops *source; /* NULL before it was chosen */
	struct source_caps caps;         /* backend "": it has not answered, or is lost since */
	unsigned control_count;          /* set by people: again after every opening */
	struct pipeline_control controls[SOURCE_CONTROLS_MAX];
};

void camera_init(struct camera *c, const char *source, const char *device);

/* Find out what it can do, unless that is known. */
int camera_probe(struct camera *c, struct error *err);

/* It is lost: what comes back may be another. */
void camera_forget(struct camera *c);

bool camera_is_of(const struct camera *c, const struct pipeline_settings *settings);

/* Can it and this build do what is wanted, after what held before? With the errors of a change
 * (pipeline.h). What it is not needed for is fine while it does not answer. */
int camera_check_settings(struct camera *c, const struct pipeline_settings *wanted,
			  const struct pipeline_settings *before, struct error *err);

/* What to open it with: a size that it does not have must not keep it from starting, the nearest
 * serves (-ERANGE with words: then that was chosen). fps_given: holds for ready-made H.264, too. */
int camera_fit_picture(const struct camera *c, const struct pipeline_picture *wanted,
		       bool fps_given, struct source_config *ret_config, struct error *err);

/* Set these, all or none. source: NULL while it is closed; then they are checked and kept. */
int camera_set_controls(struct camera *c, struct source *source,
			const struct pipeline_control *list, unsigned count, struct error *err);

/* To be set whenever it opens, as far as it has them. */
void camera_keep_controls(struct camera *c, const struct pipeline_control *list, unsigned count);

/* It was opened: set what people had set. What it refuses is logged, no more. */
void camera_restore_controls(struct camera *c, struct source *source);

#endif
