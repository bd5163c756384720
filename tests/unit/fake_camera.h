/* fake_camera: a pipeline whose source and encoder do as the test says, for the tests of it.
 * Defines the tables of backends. */
#ifndef TESTS_UNIT_FAKE_CAMERA_H
#define TESTS_UNIT_FAKE_CAMERA_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/encoder.h"
#include "streamer/pipeline.h"
#include "tests/unit/unit.h"

#define NO_VALUE 1000
#define ONE(control, wanted)                         \
	{                                            \
		.name = (control), .value = (wanted) \
	}
#define WAIT_MS 15000 /* a bound for a test that hangs, not a measure */

/* What the fake camera does; set by the test, read by the pipeline's thread. */
static atomic_uint frames_due, opens_to_fail, opens;
static atomic_bool gone;
static int frame_fd = -1;
static atomic_uint fault_seen;
static atomic_uint au_size, au_width; /* what the fake encoder makes; 0: 16 bytes, as asked */
static atomic_uint warnings_of_size, warnings_of_rate;
static atomic_bool makes_h264;                       /* the camera: nobody can ask it for a rate */
static atomic_bool paces;                            /* it can change its pace while it runs */
static atomic_uint gain, focus, fps_now;             /* as the camera has them */
static atomic_uint gains;                            /* the first * 100 + the second */
static atomic_uint encoder_opens, rate_now, gop_now; /* of the encoder */
static atomic_bool rate_is_refused, gop_is_refused;
static atomic_uint value_to_hold; /* a control that is set to it keeps the thread waiting */
static atomic_bool holds;
static atomic_uint encoder_opens_to_fail;
static atomic_uint gop_to_refuse, rate_to_refuse, width_to_refuse; /* 0: none */

/* --- the fake source */

static const struct source_ops fake_source_ops;

struct fake_source {
	struct source base;
	struct source_format format;
	bool lent;
};

static inline int fake_probe(const char *device, struct source_caps *ret_caps, struct error *err)
{
	(void)device;
	if (atomic_load(&gone))
		return error_set(err, -ENODEV, "fake: no camera");
	*ret_caps = (struct source_caps){.backend = "fake", .mode_count = 2};
	ret_caps->modes[0] = (struct source_mode){640, 640, 0, 480, 480, 0, 5000, 30000};
	ret_caps->modes[1] = (struct source_mode){1280, 1280, 0, 720, 720, 0, 5000, 30000};
	ret_caps->encoded = atomic_load(&makes_h264);
	static const struct source_control controls[] = {
		{.name = "gain", .writable = true, .max = 10, .value = 1, .default_value = 1},
		{.name = "focus", .writable = true, .max = 10},
		{.name = "heat", .max = 100, .value = 40},
		{.name = "gains",
		 .writable = true,
		 .max = 10,
		 .value_count = 2,
		 .values = {1, 2},
		 .default_values = {1, 2}},
	};
	memcpy(ret_caps->controls, controls, sizeof(controls));
	ret_caps->control_count = ARRAY_SIZE(controls);
	return 0;
}

static inline int fake_open(const struct source_config *cfg, struct source **ret_source,
			    struct error *err)
{
	if (atomic_load(&opens_to_fail) > 0) {
		atomic_fetch_sub(&opens_to_fail, 1);
		return error_set(err, -EBUSY, "fake: in use by somebody");
	}
	struct fake_source *fake = calloc(1, sizeof(*fake));
	assert_non_null(fake);
	fake->base.ops = &fake_source_ops;
	fake->format = (struct source_format){
		.fourcc = FRAME_H264,
		.width = cfg->width,
		.height = cfg->height,
		.fps_milli = cfg->fps_milli,
	};
	*ret_source = &fake->base;
	atomic_fetch_add(&opens, 1);
	atomic_store(&gain, 1);
	atomic_store(&focus, 0);
	atomic_store(&gains, 102);
	atomic_store(&fps_now, cfg->fps_milli);
	return 0;
}

static inline void fake_close(struct source *src)
{
	free(src);
}

static inline void fake_get_format(const struct source *src, struct source_format *ret_format)
{
	*ret_format = ((const struct fake_source *)src)->format;
}

static inline int fake_get_fd(const struct source *src)
{
	(void)src;
	return frame_fd;
}

static inline int fake_dequeue(struct source *src, struct frame *ret_frame)
{
	struct fake_source *fake = (struct fake_source *)src;
	eventfd_t count;

	if (atomic_load(&gone))
		return -ENODEV;
	eventfd_read(frame_fd, &count);
	if (atomic_load(&frames_due) == 0)
		return -EAGAIN;
	atomic_fetch_sub(&frames_due, 1);
	*ret_frame = (struct frame){
		.fourcc = FRAME_H264, /* every one counts */
		.width = fake->format.width,
		.height = fake->format.height,
		.pts_us = clock_now_us(),
	};
	return 0;
}

static inline void fake_release(struct source *src, uint32_t index)
{
	(void)src;
	(void)index;
}

static inline void fake_set_fault(enum source_fault fault)
{
	atomic_store(&fault_seen, fault);
}

/* A focus of 7 is where it jams. */
static inline int fake_set_control(struct source *src, const char *name, const double *values,
				   unsigned count, struct error *err)
{
	double value = values[0];

	(void)src;
	if (strcmp(name, "gains") == 0) {
		assert_int_equal(count, 2);
		atomic_store(&gains, (unsigned)(values[0] * 100 + values[1]));
		return 0;
	}
	while (atomic_load(&value_to_hold) == (unsigned)value) {
		atomic_store(&holds, true);
		poll(NULL, 0, 1);
	}
	if (strcmp(name, "gain") == 0)
		atomic_store(&gain, (unsigned)value);
	else if (value == 7)
		return error_set(err, -EIO, "fake: jammed");
	else
		atomic_store(&focus, (unsigned)value);
	return 0;
}

static inline int fake_set_fps(struct source *src, unsigned fps_milli)
{
	if (!atomic_load(&paces))
		return -ENOTSUP;
	((struct fake_source *)src)->format.fps_milli = fps_milli;
	atomic_store(&fps_now, fps_milli);
	return 0;
}

/* Where its device file would appear; NULL: nobody watches. */
static const char *watch_folder;

static inline const char *fake_watched_folder(void)
{
	return watch_folder != NULL ? watch_folder : "/nowhere";
}

#define FAKE_SOURCE                                                                    \
	.probe = fake_probe, .open = fake_open, .close = fake_close,                   \
	.get_format = fake_get_format, .get_fd = fake_get_fd, .dequeue = fake_dequeue, \
	.release = fake_release

static const struct source_ops fake_source_ops = {
	.name = "fake",
	FAKE_SOURCE,
	.set_fault = fake_set_fault,
	.set_control = fake_set_control,
	.set_fps = fake_set_fps,
	.watched_folder = fake_watched_folder,
};

/* Another name for it, and so another camera. */
static const struct source_ops spare_source_ops = {
	.name = "spare",
	FAKE_SOURCE,
};

const struct source_ops *const source_backends[] = {&fake_source_ops, &spare_source_ops, NULL};

/* --- the fake encoder: an IDR first and on request, one access unit a frame */

struct fake_encoder {
	struct encoder base;
	bool has_frame; /* not yet reclaimed: */
	uint32_t frame_index;
	struct au_format format;
	bool begun, has, idr;
	int64_t pts_us;
};

static inline bool fake_takes(uint32_t fourcc)
{
	(void)fourcc;
	return true;
}

static inline int fake_encoder_open(const struct encoder_config *cfg, struct encoder **ret_encoder,
				    struct error *err)
{
	if (atomic_load(&encoder_opens_to_fail) > 0) {
		atomic_fetch_sub(&encoder_opens_to_fail, 1);
		return error_set(err, -EINVAL, "fake: not such a picture");
	}
	if (cfg->gop_frames == atomic_load(&gop_to_refuse) ||
	    cfg->bitrate_bps == atomic_load(&rate_to_refuse) ||
	    cfg->in.width == atomic_load(&width_to_refuse))
		return error_set(err, -EINVAL, "fake: not with me");
	struct fake_encoder *fake = calloc(1, sizeof(*fake));
	assert_non_null(fake);
	fake->base.ops = &encoder_pass_ops;
	fake->format.width = cfg->in.width;
	fake->format.height = cfg->in.height;
	atomic_fetch_add(&encoder_opens, 1);
	atomic_store(&rate_now, cfg->bitrate_bps);
	atomic_store(&gop_now, cfg->gop_frames);
	*ret_encoder = &fake->base;
	return 0;
}

static inline void fake_encoder_close(struct encoder *enc)
{
	free(enc);
}

static inline int fake_encoder_fd(const struct encoder *enc)
{
	(void)enc;
	return -1;
}

static inline int fake_submit(struct encoder *enc, const struct frame *frame, bool force_idr)
{
	struct fake_encoder *fake = (struct fake_encoder *)enc;

	fake->has = true;
	fake->idr = !fake->begun || force_idr;
	fake->begun = true;
	fake->pts_us = frame->pts_us;
	fake->has_frame = true;
	fake->frame_index = frame->index;
	return 0;
}

static inline int fake_reclaim(struct encoder *enc, uint32_t *ret_index)
{
	struct fake_encoder *fake = (struct fake_encoder *)enc;

	if (!fake->has_frame)
		return -EAGAIN;
	fake->has_frame = false;
	*ret_index = fake->frame_index;
	return 0;
}

static inline int fake_collect(struct encoder *enc, struct au **ret_au, struct error *err)
{
	struct fake_encoder *fake = (struct fake_encoder *)enc;

	(void)err;
	if (!fake->has)
		return -EAGAIN;
	size_t size = atomic_load(&au_size) != 0 ? atomic_load(&au_size) : 16;
	struct au *au = au_new(size);
	assert_non_null(au);
	memset(au->data, 0, size);
	au->size = size;
	au->flags = fake->idr ? AU_IDR : 0;
	au->pts_us = fake->pts_us;
	au->format = fake->format;
	if (atomic_load(&au_width) != 0)
		au->format.width = atomic_load(&au_width);
	fake->has = false;
	*ret_au = au;
	return 0;
}

static inline int fake_set_rate(struct encoder *enc, unsigned bitrate_bps, unsigned fps_milli)
{
	(void)enc;
	(void)fps_milli;
	if (atomic_load(&rate_is_refused))
		return -ENOTSUP;
	atomic_store(&rate_now, bitrate_bps);
	return 0;
}

static inline int fake_set_gop(struct encoder *enc, unsigned gop_frames)
{
	(void)enc;
	if (atomic_load(&gop_is_refused))
		return -ENOTSUP;
	atomic_store(&gop_now, gop_frames);
	return 0;
}

/* The frames say that they are H.264, which always goes to the pass-through: here the fake is it.
 */
const struct encoder_ops encoder_pass_ops = {
	.name = "pass",
	.takes = fake_takes,
	.open = fake_encoder_open,
	.close = fake_encoder_close,
	.get_fd = fake_encoder_fd,
	.submit = fake_submit,
	.reclaim = fake_reclaim,
	.collect = fake_collect,
	.set_rate = fake_set_rate,
	.set_gop = fake_set_gop,
	.can_force_idr = true,
};

const struct encoder_ops *const encoder_backends[] = {&encoder_pass_ops, NULL};

/* --- the test's side */

static struct conf conf;
static struct auq *queue;
static struct pipeline *pipeline;
static struct pipeline_report report;

static inline void quiet(enum log_level level, const char *line)
{
	(void)level;
	if (strstr(line, "an access unit has") != NULL)
		atomic_fetch_add(&warnings_of_size, 1);
	if (strstr(line, "the encoder refuses") != NULL)
		atomic_fetch_add(&warnings_of_rate, 1);
}

static inline void give_frames(unsigned count)
{
	atomic_fetch_add(&frames_due, count);
	eventfd_write(frame_fd, 1);
}

static inline void start(void)
{
	struct pipeline_config cfg = {.conf = &conf, .out = queue};
	struct error err = {0};

	pipeline_settings_init(&cfg.settings, &conf);
	assert_int_equal(pipeline_new(&cfg, &pipeline, &err), 0);
}

static inline uint64_t set_picture(const struct pipeline_picture *picture)
{
	pipeline_get_report(pipeline, &report);
	report.settings.picture = *picture;
	return pipeline_set(pipeline, &report.settings);
}

static inline int set_up(void **state)
{
	UNUSED_STATE(state);
	log_set_hook(quiet);
	atomic_store(&frames_due, 0);
	atomic_store(&opens_to_fail, 0);
	atomic_store(&opens, 0);
	atomic_store(&gone, false);
	atomic_store(&fault_seen, 0);
	atomic_store(&au_size, 0);
	atomic_store(&au_width, 0);
	atomic_store(&warnings_of_size, 0);
	atomic_store(&warnings_of_rate, 0);
	atomic_store(&makes_h264, false);
	atomic_store(&paces, true);
	atomic_store(&encoder_opens, 0);
	atomic_store(&encoder_opens_to_fail, 0);
	atomic_store(&gop_to_refuse, 0);
	atomic_store(&rate_to_refuse, 0);
	atomic_store(&width_to_refuse, 0);
	atomic_store(&rate_is_refused, false);
	atomic_store(&gop_is_refused, false);
	atomic_store(&value_to_hold, NO_VALUE);
	atomic_store(&holds, false);
	frame_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	conf_defaults(&conf);
	memcpy(conf.source, "fake", 5);
	queue = auq_new(8);
	return queue == NULL;
}

static inline int tear_down(void **state)
{
	UNUSED_STATE(state);
	bool freed = pipeline_free(pipeline, 5000000);
	pipeline = NULL;
	auq_free(queue);
	close(frame_fd);
	log_set_hook(NULL);
	return !freed;
}

/* Waits for news until the condition holds. */
#define wait_until(condition)                                                         \
	do {                                                                          \
		pipeline_get_report(pipeline, &report);                               \
		if (condition)                                                        \
			break;                                                        \
		struct pollfd news = {.fd = pipeline_fd(pipeline), .events = POLLIN}; \
		if (poll(&news, 1, WAIT_MS) != 1)                                     \
			fail_msg("no news, waiting for: %s", #condition);             \
		pipeline_take_news(pipeline);                                         \
	} while (true)

static inline const struct au *next_au(void)
{
	const struct au *au;

	while ((au = auq_pop(queue)) == NULL) {
		struct pollfd readable = {.fd = auq_fd(queue), .events = POLLIN};
		if (poll(&readable, 1, WAIT_MS) != 1)
			fail_msg("no access unit came");
	}
	return au;
}

static inline unsigned flags_of_next(void)
{
	const struct au *au = next_au();
	unsigned flags = au->flags;

	au_unref(au);
	return flags;
}

static inline void start_open(void)
{
	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
}

/* Open, and past its first IDR. */
static inline void start_watching(void)
{
	start_open();
	give_frames(1);
	assert_int_equal(flags_of_next(), AU_IDR);
	wait_until(report.flowing);
}

/* A wish is seen between two pumps: after which frame is the scheduler's to say. */
static inline unsigned flags_until_idr(void)
{
	unsigned flags = 0;

	for (int i = 0; i < 1000 && !(flags & AU_IDR); i++) {
		give_frames(1);
		flags = flags_of_next();
	}
	return flags;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
