/* What is told of hardware that encodes, fails and is replaced: the pipeline on fake_m2m. */
#include "tests/unit/unit.h"

#include <poll.h>
#include <string.h>

#include "common/log.h"
#include "streamer/pipeline.h"
#include "tests/unit/calls_watch.h"
#include "tests/unit/fake_m2m.h"
#include "tests/unit/lens.h"
#include "tests/unit/quiet.h"

#define WAIT_MS   15000 /* a bound for a test that hangs, not a measure */
#define TURN_MS   2
#define TURNS_MAX 5000

const struct source_ops *const source_backends[] = {&lens_ops, NULL};
const struct encoder_ops *const encoder_backends[] = {
	&encoder_v4l2m2m_ops,
#ifdef WITH_X264
	&encoder_x264_ops,
#endif
	NULL,
};

static struct conf conf;
static struct auq *queue;
static struct pipeline *pipeline;
static struct pipeline_report report;
static unsigned idrs, breaks;

static void drop_aus(void)
{
	const struct au *au;

	while ((au = auq_pop(queue)) != NULL) {
		idrs += (au->flags & AU_IDR) != 0;
		breaks += (au->flags & AU_DISCONTINUITY) != 0;
		au_unref(au);
	}
}

/* A picture, and time to take it. */
static void turn(void)
{
	struct pollfd news = {.fd = pipeline_fd(pipeline), .events = POLLIN};

	if (atomic_load(&lens_due) == 0)
		lens_give(1);
	poll(&news, 1, TURN_MS);
	pipeline_take_news(pipeline);
	drop_aus();
	pipeline_get_report(pipeline, &report);
}

#define turn_until(condition)                                                \
	do {                                                                 \
		for (unsigned n = 0; turn(), !(condition); n++)              \
			if (n == TURNS_MAX)                                  \
				fail_msg("waited in vain for: " #condition); \
	} while (0)

static int set_up(void **state)
{
	struct pipeline_config cfg = {.conf = &conf};
	struct error err = {0};

	UNUSED_STATE(state);
	log_set_hook(quiet);
	lens_begin();
	lens.step_us = 500000; /* two seconds are over soon */
	fake_m2m_begin();
	calls_watch_begin();
	fake_m2m.canned = true;
	idrs = breaks = 0;
	conf_defaults(&conf);
	memcpy(conf.source, "lens", 5);
	conf.width = 320;
	conf.height = 240;
	queue = auq_new(64);
	cfg.out = queue;
	pipeline_settings_init(&cfg.settings, &conf);
	return pipeline_new(&cfg, &pipeline, &err);
}

static int tear_down(void **state)
{
	UNUSED_STATE(state);
	assert_true(pipeline_free(pipeline, WAIT_MS * INT64_C(1000)));
	auq_free(queue);
	assert_int_equal(calls_watch.open, 0);
	assert_int_equal(calls_watch.mapped, 0);
	v4l2_calls = calls_watch.under;
	fake_m2m_end();
	lens_end();
	log_set_hook(NULL);
	return 0;
}

static void report_says_that_nothing_is_copied(void **state)
{
	UNUSED_STATE(state);
	pipeline_demand(pipeline, true);
	turn_until(report.flowing && report.frames_captured >= 20);
	assert_string_equal(report.encoder, "v4l2m2m");
	assert_string_equal(report.encoder_reason, "");
	assert_true(report.hardware && report.can_set_rate && report.can_force_idr);
	assert_int_equal(report.copy, ENCODER_COPY_NONE);
	assert_int_equal(report.frames_copied, 0);
	pipeline_demand(pipeline, false);
	turn_until(report.state == PIPELINE_IDLE);
	assert_string_equal(report.encoder, "");
	assert_int_equal(report.copy, ENCODER_COPY_UNKNOWN);
}

#ifdef WITH_X264

static void report_says_why_x264_took_over(void **state)
{
	UNUSED_STATE(state);
	fake_m2m.silent_after = 5;
	pipeline_demand(pipeline, true);
	pipeline_set_rate_limit(pipeline, 300000);
	turn_until(strcmp(report.encoder, "v4l2m2m") == 0);
	turn_until(strcmp(report.encoder, "x264") == 0);
	assert_non_null(strstr(report.encoder_reason, "nothing comes out"));
	assert_false(report.hardware);
	assert_true(report.online);
	assert_int_equal(report.state, PIPELINE_RUNNING);
	assert_int_equal(report.restarts, 0); /* of the camera */
	assert_int_equal(report.bitrate_target_bps, 300000);
	assert_int_equal(report.copy, ENCODER_COPY_UNKNOWN);
	turn_until(breaks == 3);
	assert_int_equal(idrs, 4);
	assert_int_equal(lens.opens, 1);
}

#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(report_says_that_nothing_is_copied),
#ifdef WITH_X264
		TEST(report_says_why_x264_took_over),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
