/* The pipeline's thread with a source and an encoder that do as the test says. */
#include "tests/unit/unit.h"

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
#include "streamer/clock.h"
#include "streamer/encoder.h"
#include "streamer/pipeline.h"

#define WAIT_MS 15000 /* a bound for a test that hangs, not a measure */

/* What the fake camera does; set by the test, read by the pipeline's thread. */
static atomic_uint frames_due, opens_to_fail, opens;
static atomic_bool gone;
static int frame_fd = -1;
static atomic_uint fault_seen;
static atomic_uint au_size, au_width; /* what the fake encoder makes; 0: 16 bytes, as asked */
static atomic_uint warnings_of_size;

/* --- the fake source */

static const struct source_ops fake_source_ops;

struct fake_source {
	struct source base;
	struct source_format format;
	bool lent;
};

static int fake_probe(const char *device, struct source_caps *ret_caps, struct error *err)
{
	(void)device;
	if (atomic_load(&gone))
		return error_set(err, -ENODEV, "fake: no camera");
	*ret_caps = (struct source_caps){.backend = "fake", .mode_count = 2};
	ret_caps->modes[0] = (struct source_mode){640, 640, 0, 480, 480, 0, 5000, 30000};
	ret_caps->modes[1] = (struct source_mode){1280, 1280, 0, 720, 720, 0, 5000, 30000};
	return 0;
}

static int fake_open(const struct source_config *cfg, struct source **ret_source, struct error *err)
{
	if (atomic_load(&opens_to_fail) > 0) {
		atomic_fetch_sub(&opens_to_fail, 1);
		return error_set(err, -EBUSY, "fake: in use by somebody");
	}
	struct fake_source *fake = calloc(1, sizeof(*fake));
	assert_non_null(fake);
	fake->base.ops = &fake_source_ops;
	fake->format = (struct source_format){FRAME_H264, cfg->width, cfg->height, cfg->fps_milli};
	*ret_source = &fake->base;
	atomic_fetch_add(&opens, 1);
	return 0;
}

static void fake_close(struct source *src)
{
	free(src);
}

static void fake_get_format(const struct source *src, struct source_format *ret_format)
{
	*ret_format = ((const struct fake_source *)src)->format;
}

static int fake_get_fd(const struct source *src)
{
	(void)src;
	return frame_fd;
}

static int fake_dequeue(struct source *src, struct frame *ret_frame)
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

static void fake_release(struct source *src, uint32_t index)
{
	(void)src;
	(void)index;
}

static int fake_set_fault(struct source *src, enum source_fault fault, struct error *err)
{
	(void)src;
	(void)err;
	atomic_store(&fault_seen, fault);
	return 0;
}

static const struct source_ops fake_source_ops = {
	.name = "fake",
	.probe = fake_probe,
	.open = fake_open,
	.close = fake_close,
	.get_format = fake_get_format,
	.get_fd = fake_get_fd,
	.dequeue = fake_dequeue,
	.release = fake_release,
	.set_fault = fake_set_fault,
};

const struct source_ops *const source_backends[] = {&fake_source_ops, NULL};

/* --- the fake encoder: an IDR first and on request, one access unit a frame */

struct fake_encoder {
	struct encoder base;
	struct au_format format;
	bool begun, has, idr;
	int64_t pts_us;
};

static bool fake_takes(uint32_t fourcc)
{
	(void)fourcc;
	return true;
}

static int fake_encoder_open(const struct encoder_config *cfg, struct encoder **ret_encoder,
			     struct error *err)
{
	(void)err;
	struct fake_encoder *fake = calloc(1, sizeof(*fake));
	assert_non_null(fake);
	fake->base.ops = &encoder_pass_ops;
	fake->format.width = cfg->in.width;
	fake->format.height = cfg->in.height;
	*ret_encoder = &fake->base;
	return 0;
}

static void fake_encoder_close(struct encoder *enc)
{
	free(enc);
}

static int fake_encoder_fd(const struct encoder *enc)
{
	(void)enc;
	return -1;
}

static int fake_submit(struct encoder *enc, const struct frame *frame, bool force_idr)
{
	struct fake_encoder *fake = (struct fake_encoder *)enc;

	fake->has = true;
	fake->idr = !fake->begun || force_idr;
	fake->begun = true;
	fake->pts_us = frame->pts_us;
	return 0;
}

static int fake_reclaim(struct encoder *enc, uint32_t *ret_index)
{
	(void)enc;
	(void)ret_index;
	return -EAGAIN;
}

static int fake_collect(struct encoder *enc, struct au **ret_au, struct error *err)
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
	.can_force_idr = true,
};

const struct encoder_ops *const encoder_backends[] = {&encoder_pass_ops, NULL};

/* --- the test's side */

static struct conf conf;
static struct auq *queue;
static struct pipeline *pipeline;
static struct pipeline_report report;

static void quiet(enum log_level level, const char *line)
{
	(void)level;
	if (strstr(line, "an access unit has") != NULL)
		atomic_fetch_add(&warnings_of_size, 1);
}

static void give_frames(unsigned count)
{
	atomic_fetch_add(&frames_due, count);
	eventfd_write(frame_fd, 1);
}

static void start(void)
{
	struct pipeline_config cfg = {.conf = &conf, .out = queue};
	struct error err = {0};

	pipeline_settings_init(&cfg.settings, &conf);
	assert_int_equal(pipeline_new(&cfg, &pipeline, &err), 0);
}

static uint64_t set_picture(const struct pipeline_picture *picture)
{
	pipeline_get_report(pipeline, &report);
	report.settings.picture = *picture;
	return pipeline_set(pipeline, &report.settings);
}

static int set_up(void **state)
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
	frame_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	conf_defaults(&conf);
	memcpy(conf.source, "fake", 5);
	queue = auq_new(8);
	return queue == NULL;
}

static int tear_down(void **state)
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

static const struct au *next_au(void)
{
	const struct au *au;

	while ((au = auq_pop(queue)) == NULL) {
		struct pollfd readable = {.fd = auq_fd(queue), .events = POLLIN};
		if (poll(&readable, 1, WAIT_MS) != 1)
			fail_msg("no access unit came");
	}
	return au;
}

static unsigned flags_of_next(void)
{
	const struct au *au = next_au();
	unsigned flags = au->flags;

	au_unref(au);
	return flags;
}

/* A wish is seen between two pumps: after which frame is the scheduler's to say. */
static unsigned flags_until_idr(void)
{
	unsigned flags = 0;

	for (int i = 0; i < 1000 && !(flags & AU_IDR); i++) {
		give_frames(1);
		flags = flags_of_next();
	}
	return flags;
}

static void access_units_too_large_for_broadway_are_warned_of_once(void **state)
{
	UNUSED_STATE(state);
	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	for (unsigned i = 0; i < 6; i++) {
		atomic_store(&au_size, AU_BROADWAY_MAX_BYTES + (i > 1));
		give_frames(1);
		const struct au *au = next_au();
		assert_true(au->size >= AU_BROADWAY_MAX_BYTES);
		au_unref(au);
		assert_int_equal(atomic_load(&warnings_of_size), i > 1);
	}
}

static void size_is_what_the_pictures_have(void **state)
{
	UNUSED_STATE(state);
	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	atomic_store(&au_width, 176);
	give_frames(1);
	au_unref(next_au());
	wait_until(report.granted.width == 176);
	assert_int_equal(report.granted.fps_milli, 30000);
}

static void camera_is_opened_on_demand_and_closed_without(void **state)
{
	UNUSED_STATE(state);
	start();
	wait_until(report.online);
	assert_int_equal(report.state, PIPELINE_IDLE);
	assert_int_equal(atomic_load(&opens), 0);
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	give_frames(1);
	wait_until(report.flowing);
	assert_int_equal(report.granted.width, 1280);
	assert_int_equal(flags_of_next(), AU_IDR); /* the very first: no discontinuity */
	pipeline_demand(pipeline, false);
	wait_until(report.state == PIPELINE_IDLE);
}

static void idr_is_made_on_request(void **state)
{
	UNUSED_STATE(state);
	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	give_frames(1);
	assert_int_equal(flags_of_next(), AU_IDR);
	give_frames(1);
	assert_int_equal(flags_of_next(), 0);
	pipeline_force_idr(pipeline);
	assert_int_equal(flags_until_idr(), AU_IDR);
}

static void size_changes_while_it_runs(void **state)
{
	UNUSED_STATE(state);
	struct pipeline_picture small = {640, 480, 15000};

	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	give_frames(1);
	assert_int_equal(flags_of_next(), AU_IDR);
	uint64_t generation = set_picture(&small);
	wait_until(report.change.generation == generation);
	assert_true(report.change.pending);
	give_frames(1);
	wait_until(!report.change.pending);
	assert_int_equal(report.change.error.code, 0);
	assert_true(report.change.now);
	assert_int_equal(report.granted.width, 640);
	const struct au *au = next_au();
	assert_int_equal(au->flags, AU_IDR | AU_DISCONTINUITY);
	assert_int_equal(au->format.width, 640);
	au_unref(au);
}

static void size_set_while_idle_waits_for_the_next_start(void **state)
{
	UNUSED_STATE(state);
	struct pipeline_picture small = {640, 480, 15000};

	start();
	uint64_t generation = set_picture(&small);
	wait_until(report.change.generation == generation);
	assert_false(report.change.pending);
	assert_false(report.change.now);
	assert_int_equal(report.change.error.code, 0);
	assert_int_equal(report.settings.picture.width, 640);
}

static void size_that_the_camera_lacks_changes_nothing(void **state)
{
	UNUSED_STATE(state);
	struct pipeline_picture odd = {644, 480, 15000};

	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	uint64_t generation = set_picture(&odd);
	wait_until(report.change.generation == generation);
	assert_int_equal(report.change.error.code, -ERANGE);
	assert_int_equal(report.settings.picture.width, 1280);
	assert_int_equal(atomic_load(&opens), 1);
}

static void size_that_fails_to_open_goes_back_to_what_worked(void **state)
{
	UNUSED_STATE(state);
	struct pipeline_picture small = {640, 480, 15000};

	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	give_frames(1);
	assert_int_equal(flags_of_next(), AU_IDR);
	atomic_store(&opens_to_fail, 1);
	uint64_t generation = set_picture(&small);
	wait_until(report.change.generation == generation && !report.change.pending);
	assert_int_equal(report.change.error.code, -EBUSY);
	assert_int_equal(report.settings.picture.width, 1280);
	wait_until(report.state == PIPELINE_RUNNING);
	give_frames(1);
	assert_int_equal(flags_of_next(), AU_IDR | AU_DISCONTINUITY);
}

static void setting_that_the_camera_lacks_gives_way_to_the_nearest(void **state)
{
	UNUSED_STATE(state);
	conf.width = 800;
	conf.height = 600;
	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	assert_int_equal(report.granted.width, 640);
	assert_int_equal(report.last_error.code, -ERANGE);
}

static void lost_camera_is_told_and_comes_back(void **state)
{
	UNUSED_STATE(state);
	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	give_frames(1);
	assert_int_equal(flags_of_next(), AU_IDR);
	atomic_store(&gone, true);
	give_frames(1);
	wait_until(report.state == PIPELINE_FAILED);
	assert_false(report.online);
	assert_non_null(strstr(report.reason, "gone"));
	assert_int_equal(report.restarts, 1);
	atomic_store(&gone, false);
	wait_until(report.state == PIPELINE_RUNNING);
	give_frames(1);
	wait_until(report.online);
	/* What was due while it was gone came with it. */
	assert_int_equal(flags_of_next(), AU_IDR | AU_DISCONTINUITY);
}

static void camera_that_is_not_there_at_the_start_is_waited_for(void **state)
{
	UNUSED_STATE(state);
	atomic_store(&gone, true);
	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_FAILED);
	assert_non_null(strstr(report.reason, "no camera"));
	atomic_store(&gone, false);
	wait_until(report.state == PIPELINE_RUNNING);
}

static void stalled_camera_is_reopened(void **state)
{
	UNUSED_STATE(state);
	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	give_frames(1);
	assert_int_equal(flags_of_next(), AU_IDR);
	wait_until(report.state == PIPELINE_FAILED);
	assert_int_equal(report.last_error.code, -ETIMEDOUT);
	wait_until(report.state == PIPELINE_RUNNING);
	assert_int_equal(atomic_load(&opens), 2);
}

static void full_queue_withholds_until_an_idr(void **state)
{
	UNUSED_STATE(state);
	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	give_frames(20); /* the queue holds 8 */
	do {             /* counters are no news */
		poll(NULL, 0, 1);
		pipeline_get_report(pipeline, &report);
	} while (report.aus_dropped < 12);
	assert_int_equal(flags_of_next(), AU_IDR);
	/* Make room, give more: nothing but an IDR may follow the hole. */
	for (const struct au *au; (au = auq_pop(queue)) != NULL;) {
		assert_int_equal(au->flags, 0);
		au_unref(au);
	}
	assert_int_equal(flags_until_idr(), AU_IDR | AU_DISCONTINUITY);
}

static void fault_reaches_the_source(void **state)
{
	UNUSED_STATE(state);
	start();
	wait_until(report.online);
	pipeline_set_fault(pipeline, SOURCE_FAULT_STALL);
	/* The thread has taken the wish before the change that follows it. */
	struct pipeline_picture same = {1280, 720, 30000};
	uint64_t generation = set_picture(&same);
	wait_until(report.change.generation == generation);
	assert_int_equal(atomic_load(&fault_seen), SOURCE_FAULT_STALL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(camera_is_opened_on_demand_and_closed_without),
		TEST(access_units_too_large_for_broadway_are_warned_of_once),
		TEST(size_is_what_the_pictures_have),
		TEST(idr_is_made_on_request),
		TEST(size_changes_while_it_runs),
		TEST(size_set_while_idle_waits_for_the_next_start),
		TEST(size_that_the_camera_lacks_changes_nothing),
		TEST(size_that_fails_to_open_goes_back_to_what_worked),
		TEST(setting_that_the_camera_lacks_gives_way_to_the_nearest),
		TEST(lost_camera_is_told_and_comes_back),
		TEST(camera_that_is_not_there_at_the_start_is_waited_for),
		TEST(stalled_camera_is_reopened),
		TEST(full_queue_withholds_until_an_idr),
		TEST(fault_reaches_the_source),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
