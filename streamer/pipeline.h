/* pipeline: the thread that owns camera and encoder, and fills an auq.
 *
 * All functions here are for the loop's thread, and none of them waits for the camera. Wishes go
 * one way: the newest wins, they do not queue. Reports come back the other way: a copy. A change
 * carries a generation; the report says which one is done, and how it ended. */
#ifndef STREAMER_PIPELINE_H
#define STREAMER_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "streamer/auq.h"
#include "streamer/conf.h"
#include "streamer/encoder.h"
#include "streamer/source.h"

struct pipeline;

enum pipeline_state {
	PIPELINE_IDLE, /* nobody wants pictures: the camera is closed */
	PIPELINE_RUNNING,
	PIPELINE_FAILED, /* waiting to try again */
};

struct pipeline_picture {       /* size and rate as people set them */
	unsigned width, height; /* pixels */
	unsigned fps_milli;     /* thousandths of a frame per second */
};

struct pipeline_settings { /* what may change while it runs */
	struct pipeline_picture picture;
	unsigned bitrate_bps;
	unsigned gop_frames;
	char encoder[16];         /* "auto", "x264", "v4l2m2m" */
	unsigned encoder_threads; /* 0: by the machine's cores */
	char encoder_preset[16];  /* "auto", "superfast" */
	bool any_profile;
	char source[16]; /* "auto", "test" */
	char source_device[SOURCE_DEVICE_MAX];
};

struct pipeline_control { /* a camera control and the value wanted */
	char name[32];
	unsigned value_count; /* 0 and 1: one */
	union {
		double value;
		double values[SOURCE_VALUES_MAX];
	};
};

struct pipeline_change {         /* how the newest change, of settings or controls, ended */
	uint64_t generation;     /* 0: there was none yet */
	bool pending;            /* under way: done with the next access unit */
	struct error error;      /* code 0: done. Otherwise nothing has changed: */
	bool now;                /* took effect; false: will, when the camera opens */
	int64_t interruption_us; /* from the last old access unit to the first new one; 0 where
				  * nothing was reopened */
};
/* Errors of a change: -ERANGE: no such mode, or a control's value outside its limits;
 * -EOPNOTSUPP: the source has one size, or makes the H.264 itself; -ENOENT: no such source,
 * encoder or control in this build or camera; -EACCES: a control that can only be read; -ENODEV,
 * -EBUSY and others: the camera does not answer. */

struct pipeline_report { /* a consistent copy */
	enum pipeline_state state;
	bool flowing; /* access units came since the camera was opened */

	bool online;             /* the camera answered when it was last asked */
	char reason[240];        /* why it is not, or "" */
	int64_t online_since_us; /* when online last changed; CLOCK_MONOTONIC */
	struct error last_error; /* of camera and encoder; code 0: none yet */
	unsigned refusals;       /* times it was lost with these settings before a picture came */

	char backend[16]; /* "test"; "" before the source was chosen */
	char id[SOURCE_DEVICE_MAX];
	bool own_size; /* the source has one size, its own: settings.picture says nothing */
	struct pipeline_settings settings; /* what it is opened with, next time or now */
	struct pipeline_picture granted;   /* when it was open last; 0: never */
	char encoder[16];                  /* while RUNNING, else "" */
	char encoder_reason[240];          /* why it is none in hardware, as "auto" wants, or "" */
	bool hardware;
	enum encoder_copy copy; /* of pictures, on their way into it */
	bool can_force_idr;
	bool can_set_rate;           /* the encoder's bitrate can change while it runs */
	unsigned bitrate_target_bps; /* of the encoder now: the setting, or the limit below it */

	unsigned fps_captured_milli; /* over the last second */
	unsigned bitrate_actual_bps; /* over the last second */
	unsigned restarts;           /* times camera or encoder had to be reopened */
	uint64_t frames_captured, frames_dropped, frames_copied;
	uint64_t aus_produced, aus_dropped; /* dropped: lost before the hub */
	uint64_t idr_total, idr_forced_total;

	struct pipeline_change change;
};

bool pipeline_same_picture(const struct pipeline_picture *a, const struct pipeline_picture *b);
bool pipeline_same_settings(const struct pipeline_settings *a, const struct pipeline_settings *b);

/* What conf says of the settings above. */
void pipeline_settings_init(struct pipeline_settings *settings, const struct conf *conf);

struct pipeline_config {
	const struct conf *conf;           /* for what is not among the settings; read at once */
	struct pipeline_settings settings; /* to begin with */
	/* As people left them: set when the camera opens, as far as it has them. */
	const struct pipeline_control *controls;
	unsigned control_count;
	struct auq *out; /* gets what is produced; must outlive the pipeline */
	/* On the pipeline's thread: every frame that is to be encoded; NULL: nobody looks. */
	void (*on_frame)(void *arg, const struct frame *frame, const struct source_format *format);
	void *on_frame_arg;
};

int pipeline_new(const struct pipeline_config *cfg, struct pipeline **ret_pipeline,
		 struct error *err);

/* Asks the thread to end and waits for it, at most that long. false: it is stuck in a driver;
 * nothing of it may be freed, and the process should end. NULL is nothing. */
bool pipeline_free(struct pipeline *p, int64_t timeout_us);

/* Readable when the report has news, until pipeline_take_news(). Counters alone are no news. */
int pipeline_fd(const struct pipeline *p);
void pipeline_take_news(struct pipeline *p);
void pipeline_get_report(struct pipeline *p, struct pipeline_report *ret_report);

/* What the source can do; mode_count 0 as well while no camera has answered yet. */
void pipeline_get_caps(struct pipeline *p, struct source_caps *ret_caps);

void pipeline_demand(struct pipeline *p, bool wanted);
void pipeline_force_idr(struct pipeline *p);

/* Change all settings to these, reopening only what must be; a size that cannot be had and the
 * like leave all of them as they were. Returns the change's generation, to be found in a report. */
uint64_t pipeline_set(struct pipeline *p, const struct pipeline_settings *settings);

/* Set these controls (at most SOURCE_CONTROLS_MAX), all or none; they last until set otherwise or
 * the source changes. Returns the change's generation; what the controls are then is in the caps.
 */
uint64_t pipeline_set_controls(struct pipeline *p, const struct pipeline_control *list,
			       unsigned count);

/* The encoder shall make no more than this, whatever the setting; 0: no limit. Takes effect at
 * once, or not at all where the encoder cannot be asked (can_set_rate). */
void pipeline_set_rate_limit(struct pipeline *p, unsigned bitrate_bps);

/* Only the test source has faults; elsewhere nothing happens but a line in the log. */
void pipeline_set_fault(struct pipeline *p, enum source_fault fault);

#endif
