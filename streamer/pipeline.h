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

struct pipeline_change {         /* how the newest change of the picture ended */
	uint64_t generation;     /* 0: there was none yet */
	bool pending;            /* under way: done with the next access unit */
	struct error error;      /* code 0: done. -ERANGE: no such mode, -EOPNOTSUPP: the source has
				  * one size only, -ENODEV and others: the camera does not answer */
	bool now;                /* took effect; false: will, when the camera opens */
	int64_t interruption_us; /* from the last old access unit to the first new one */
};

struct pipeline_report { /* a consistent copy */
	enum pipeline_state state;
	bool flowing; /* access units came since the camera was opened */

	bool online;             /* the camera answered when it was last asked */
	char reason[240];        /* why it is not, or "" */
	int64_t online_since_us; /* when online last changed; CLOCK_MONOTONIC */
	struct error last_error; /* of camera and encoder; code 0: none yet */

	char backend[16]; /* "test"; "" before the source was chosen */
	char id[SOURCE_DEVICE_MAX];
	bool own_size;                   /* the source has one size, its own: wanted says nothing */
	struct pipeline_picture wanted;  /* what it is opened with, next time or now */
	struct pipeline_picture granted; /* when it was open last; 0: never */
	char encoder[16];                /* while RUNNING, else "" */
	bool hardware;
	bool can_force_idr;

	unsigned fps_captured_milli; /* over the last second */
	unsigned bitrate_actual_bps; /* over the last second */
	unsigned restarts;           /* times camera or encoder had to be reopened */
	uint64_t frames_captured, frames_dropped;
	uint64_t aus_produced, aus_dropped; /* dropped: lost before the hub */
	uint64_t idr_total, idr_forced_total;

	struct pipeline_change change;
};

/* out gets what is produced; it must outlive the pipeline. */
int pipeline_new(const struct conf *conf, const struct pipeline_picture *picture, struct auq *out,
		 struct pipeline **ret_pipeline, struct error *err);

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

/* Returns the change's generation, to be found in a report. */
uint64_t pipeline_set_picture(struct pipeline *p, const struct pipeline_picture *picture);

/* Only the test source has faults; elsewhere nothing happens but a line in the log. */
void pipeline_set_fault(struct pipeline *p, enum source_fault fault);

#endif
