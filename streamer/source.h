/* source: a camera, or anything that lends frames.
 *
 * A source is opened, used and closed by one thread: the pipeline's. Backends with threads or
 * processes of their own (libcamera) hide those behind source_fd(). */
#ifndef STREAMER_SOURCE_H
#define STREAMER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "streamer/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOURCE_MODES_MAX    64
#define SOURCE_CONTROLS_MAX 64
#define SOURCE_MENU_MAX     128
#define SOURCE_VALUES_MAX   4 /* numbers that are one control's value */
#define SOURCE_LIST_MAX     16
#define SOURCE_DEVICE_MAX   256 /* bytes, with NUL */

struct source_mode { /* a size, or a range of sizes, and how fast it can go */
	unsigned width_min, width_max, width_step;    /* pixels; step 0: one size */
	unsigned height_min, height_max, height_step; /* pixels */
	unsigned fps_min_milli, fps_max_milli;        /* thousandths of a frame per second */
};

enum source_control_type {
	SOURCE_CONTROL_INTEGER,
	SOURCE_CONTROL_FLOAT,
	SOURCE_CONTROL_BOOL,
};

struct source_control { /* what a camera lets people turn */
	char name[32];  /* "brightness": the API's name (protocol.md section 4) */
	char unit[16];  /* "us", or "" */
	enum source_control_type type;
	bool writable;
	unsigned value_count; /* numbers that its value is: of "awb_gains" 2; 0 and 1: one */
	union {               /* of a bool: 0 or 1 */
		double value;
		double values[SOURCE_VALUES_MAX]; /* the first value_count */
	};
	double min, max, step; /* of each of them */
	union {
		double default_value;
		double default_values[SOURCE_VALUES_MAX];
	};
	unsigned menu_first, menu_count; /* in the caps' menu: only these values; 0: no menu */
};

struct source_menu_item {
	int64_t value;
	char name[32]; /* for people */
};

/* What a source can do: filled when it is probed, the same for every opening of it. */
struct source_caps {
	char backend[16];           /* "test" */
	char id[SOURCE_DEVICE_MAX]; /* what opens this very camera again; "" where there is one */
	char name[128];             /* for people */
	unsigned mode_count;        /* 0: it has one size, its own, and cannot be asked */
	struct source_mode modes[SOURCE_MODES_MAX];
	unsigned control_count;
	struct source_control controls[SOURCE_CONTROLS_MAX];
	unsigned menu_count;
	struct source_menu_item menu[SOURCE_MENU_MAX]; /* of all controls */
	bool encoded;         /* gives H.264: nobody can ask it for an IDR or a bitrate */
	unsigned patience_ms; /* without a picture for so long it is lost; 0: as any camera */
};

struct source_config {                  /* what is wanted */
	char device[SOURCE_DEVICE_MAX]; /* "/dev/video0", a libcamera id, a file; "" for the first
					 */
	unsigned width, height;         /* pixels; 0: the source's own */
	unsigned fps_milli;             /* thousandths of a frame per second; 0: the source's own */
	bool encoded;                   /* H.264 that the camera makes, if it makes any */
};

/* How the numbers of raw pictures mean colours, as H.264 numbers it (tables E-3 to E-5); all 0:
 * BT.601 with 525 lines. Their range is always the limited one. */
struct source_colour {
	uint8_t primaries, transfer, matrix;
};

struct source_format { /* what was granted */
	uint32_t fourcc;
	unsigned width, height; /* pixels; 0: to be seen in its pictures */
	unsigned fps_milli;     /* 0: likewise */
	struct source_colour colour;
};

struct source_info { /* a camera that is there, open or not */
	struct source_caps caps;
	char in_use_by[64]; /* "ffmpeg (pid 123)"; "": nobody, or nobody we may see */
};

/* A fault to act out, for tests (protocol.md section 7). Only the test source has them. */
enum source_fault {
	SOURCE_FAULT_NONE,
	SOURCE_FAULT_UNPLUG, /* the device is gone: dequeue fails, open fails */
	SOURCE_FAULT_STALL,  /* no frame comes any more */
	SOURCE_FAULT_SLOW,   /* frames at a fifth of the rate */
	SOURCE_FAULT_BURST,  /* frames in bunches of five */
};

struct source; /* every backend's own struct has a struct source as its first member */

struct source_ops {
	const char *name; /* as written in the settings: "v4l2" */

	/* What is there and what it can do, without opening it for good. -ENODEV: no such camera.
	 */
	int (*probe)(const char *device, struct source_caps *ret_caps, struct error *err);
	/* Open and start: frames come from now on. -ENODEV, -EBUSY, -EINVAL with words. */
	int (*open)(const struct source_config *cfg, struct source **ret_source, struct error *err);
	void (*close)(struct source *src); /* frames still lent become invalid */
	void (*get_format)(const struct source *src, struct source_format *ret_format);
	int (*get_fd)(const struct source *src);
	int (*dequeue)(struct source *src, struct frame *ret_frame);
	void (*release)(struct source *src, uint32_t index);

	/* May be NULL. */
	int (*set_control)(struct source *src, const char *name, const double *values,
			   unsigned count, struct error *err);
	int (*set_fps)(struct source *src, unsigned fps_milli);
	void (*set_fault)(enum source_fault fault);
	const char *(*get_reason)(const struct source *src);
	uint64_t (*get_dropped)(const struct source *src);
	/* Is it worth trying with source=auto: is a camera there? NULL: never. */
	bool (*is_present)(void);
	/* Every camera there is, the one that "" opens first; returns how many (at most max). */
	unsigned (*list)(struct source_info *ret_list, unsigned max);
	/* Where its device files appear: see devwatch.h. */
	const char *(*watched_folder)(void);
};

struct source { /* the first member of every backend's own struct */
	const struct source_ops *ops;
};

/* The backend called name, or NULL when this build has none. */
const struct source_ops *source_find(const char *name);

/* The same, but "auto" is the first backend that sees a camera, else the test pattern. */
const struct source_ops *source_choose(const char *name);

/* Every camera that ops knows of. Opens each for a moment; *ret_list is the caller's to free, also
 * when none was found. Returns how many, or -ENOMEM. Any thread. */
int source_list(const struct source_ops *ops, struct source_info **ret_list);

int source_probe(const struct source_ops *ops, const char *device, struct source_caps *ret_caps,
		 struct error *err);

/* On success *ret_source is the caller's, to be given to source_close(). */
int source_open(const struct source_ops *ops, const struct source_config *cfg,
		struct source **ret_source, struct error *err);
void source_close(struct source *src); /* NULL is nothing */
void source_get_format(const struct source *src, struct source_format *ret_format);

/* Readable (POLLIN) when source_dequeue() has something to say. Valid until source_close(). */
int source_fd(const struct source *src);

/* Borrow the oldest filled frame; give it back with source_release().
 * -EAGAIN: none yet. -ENODATA: a damaged frame was skipped, go on. Any other: the source is lost
 * (-ENODEV: unplugged). */
int source_dequeue(struct source *src, struct frame *ret_frame);
void source_release(struct source *src, uint32_t index);

/* In words, why source_dequeue() said that it is lost; "the camera is gone" if it has none. */
const char *source_reason(const struct source *src);

/* Pictures that it had to drop itself since it was opened, for damage, or because they were late.
 */
uint64_t source_dropped(const struct source *src);

/* count: how many values, never 0. -ENOTSUP: no such control. -ERANGE: one is outside its limits,
 * or it takes another number of them. */
int source_set_control(struct source *src, const char *name, const double *values, unsigned count,
		       struct error *err);

/* Acted out from now on, by one that is open and by the next: a fault is the process's, so that an
 * unplugged one stays away until it is plugged in again. -ENOTSUP: no faults here. */
int source_set_fault(const struct source_ops *ops, enum source_fault fault, struct error *err);

/* Change the pace while running; what was lent stays lent. Negative: no, close and open it. */
int source_set_fps(struct source *src, unsigned fps_milli);

/* Does caps have this size at this rate (fps_milli 0: any)? Sources without modes take none. */
bool source_caps_have(const struct source_caps *caps, unsigned width, unsigned height,
		      unsigned fps_milli);
bool source_mode_has(const struct source_mode *mode, unsigned width, unsigned height,
		     unsigned fps_milli);

/* The modes nearest to width x height by area and shape, nearest first; returns how many (at most
 * max). Each is a single size (of a range: the nearest size in it). */
unsigned source_caps_nearest(const struct source_caps *caps, unsigned width, unsigned height,
			     struct source_mode *ret_modes, unsigned max);

/* How many numbers a value_count says: 1 if it is 0. */
unsigned source_value_count(unsigned value_count);

/* Are these count values of the control's number, and each within its limits? A NaN is not. */
bool source_control_takes(const struct source_control *control, const double *values,
			  unsigned count);

/* NULL: it has none of that name. */
const struct source_control *source_caps_find_control(const struct source_caps *caps,
						      const char *name);

/* Of the calling thread: a descriptor that is readable once the thread is to end, for a backend
 * that waits for something else than a driver: opening is then given up. -1, and so at first: none.
 */
void source_set_stop_fd(int fd);
int source_stop_fd(void);

const char *source_fault_word(enum source_fault fault);
int source_fault_parse(const char *word, enum source_fault *ret_fault); /* -EINVAL */

/* What configure chose, in the order in which source=auto tries them, NULL-ended. Defined in
 * backends.c, which only the daemon links; a test defines its own. */
extern const struct source_ops *const source_backends[];

extern const struct source_ops source_test_ops; /* moving pattern; always built */

extern const struct source_ops source_file_ops;      /* recorded or piped Annex B; always built */
extern const struct source_ops source_v4l2_ops;      /* WITH_V4L2 */
extern const struct source_ops source_libcamera_ops; /* WITH_CONVERT: needs no libcamera here */

#ifdef __cplusplus
}
#endif
#endif
