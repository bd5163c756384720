/* What was stored, and a camera that refuses some of it: which settings serve in the end. */
#include "tests/unit/unit.h"

#include "tests/unit/fake_camera.h"

#include "streamer/trial.h"

static struct store *store;
static struct settings *settings;
static struct trial trial;

static int set_up_trial(void **state)
{
	int r = set_up(state);

	conf.width = 1280;
	conf.height = 720;
	trial = (struct trial){.is_over = false};
	r |= store_open("/nonexistent/nalcast", &store, NULL);
	return r | settings_new(&conf, store, &settings, NULL);
}

static int tear_down_trial(void **state)
{
	int r = tear_down(state);

	settings_free(settings);
	store_close(store);
	return r;
}

/* Starts with these changes of the file's values. */
static void start_with(const char *changes)
{
	struct pipeline_config cfg = {.conf = settings_conf(settings), .out = queue};
	struct error err = {0};
	json_t *what = json_loads(changes, 0, NULL);

	assert_non_null(what);
	settings_apply(settings, what, false);
	json_decref(what);
	pipeline_settings_init(&cfg.settings, cfg.conf);
	assert_int_equal(pipeline_new(&cfg, &pipeline, &err), 0);
	trial.settings = settings;
	trial.pipeline = pipeline;
	pipeline_demand(pipeline, true);
}

/* As a stream does: it sees every report that it can. */
#define follow_until(condition)                            \
	do {                                               \
		wait_until(follow_trial() && (condition)); \
	} while (false)

static bool follow_trial(void)
{
	give_frames(1);
	trial_follow(&trial, &report);
	return true;
}

static void stored_settings_that_work_stay(void **state)
{
	UNUSED_STATE(state);
	start_with("{\"config\":{\"gop_frames\":25,\"fps\":12}}");
	follow_until(trial.is_over && report.flowing);
	assert_int_equal(settings_left_out(settings), 0);
	assert_int_equal(trial.refused.code, 0);
	assert_int_equal(atomic_load(&gop_now), 25);
}

static void setting_that_is_refused_is_left_out_alone(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		atomic_uint *refuses;
		unsigned value, left_out;
	} cases[] = {
		{&gop_to_refuse, 25, SETTINGS_GOP_FRAMES},
		{&rate_to_refuse, 700000, SETTINGS_BITRATE_BPS},
		{&width_to_refuse, 640, SETTINGS_RESOLUTION},
	};
	const char stored[] = "{\"resolution\":{\"width\":640,\"height\":480},"
			      "\"config\":{\"gop_frames\":25,\"bitrate_bps\":700000,\"fps\":12}}";

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		atomic_store(cases[i].refuses, cases[i].value);
		start_with(stored);
		follow_until(trial.is_over && report.flowing);
		assert_int_equal(settings_left_out(settings), cases[i].left_out);
		assert_non_null(strstr(trial.refused.text, "fake"));
		assert_int_equal(report.settings.picture.fps_milli, 12000);
		assert_int_equal(report.settings.gop_frames == 25, i != 0);
		assert_int_equal(report.settings.bitrate_bps == 700000, i != 1);
		assert_int_equal(report.settings.picture.width == 640, i != 2);
		assert_int_equal(tear_down_trial(state) | set_up_trial(state), 0);
	}
}

static void settings_that_are_refused_together_are_left_out_together(void **state)
{
	UNUSED_STATE(state);
	atomic_store(&gop_to_refuse, 25);
	atomic_store(&rate_to_refuse, 700000);
	start_with("{\"config\":{\"gop_frames\":25,\"bitrate_bps\":700000,\"viewers_max\":3}}");
	follow_until(trial.is_over && report.flowing);
	assert_int_equal(settings_left_out(settings), SETTINGS_GOP_FRAMES | SETTINGS_BITRATE_BPS);
	assert_int_equal(report.settings.gop_frames, conf.gop_frames);
	assert_int_equal(settings_conf(settings)->viewers_max, 3);
}

static void size_that_the_camera_has_not_is_left_out_alone(void **state)
{
	UNUSED_STATE(state);
	start_with("{\"resolution\":{\"width\":666,\"height\":480},\"config\":{\"fps\":12}}");
	follow_until(trial.is_over && report.flowing && report.granted.width == 1280);
	assert_int_equal(settings_left_out(settings), SETTINGS_RESOLUTION);
	assert_non_null(strstr(trial.refused.text, "666x480"));
	assert_int_equal(report.granted.fps_milli, 12000);
}

static void rate_that_the_camera_has_not_is_left_out_with_the_size_if_need_be(void **state)
{
	start_with("{\"resolution\":{\"width\":640,\"height\":480},\"config\":{\"fps\":61}}");
	follow_until(trial.is_over && report.flowing && report.granted.width == 640);
	assert_int_equal(settings_left_out(settings), SETTINGS_FPS);
	assert_int_equal(tear_down_trial(state) | set_up_trial(state), 0);
	start_with("{\"resolution\":{\"width\":666,\"height\":480},\"config\":{\"fps\":61}}");
	follow_until(trial.is_over && report.flowing && report.granted.width == 1280);
	assert_int_equal(settings_left_out(settings), SETTINGS_RESOLUTION | SETTINGS_FPS);
}

static void camera_that_is_not_there_refuses_nothing(void **state)
{
	UNUSED_STATE(state);
	atomic_store(&opens_to_fail, 1);
	atomic_store(&gop_to_refuse, 25);
	start_with("{\"config\":{\"gop_frames\":25,\"fps\":12}}");
	follow_until(report.last_error.code == -EBUSY);
	assert_false(trial.is_over);
	assert_int_equal(trial.generation, 0);
	follow_until(trial.is_over && report.flowing);
	assert_int_equal(settings_left_out(settings), SETTINGS_GOP_FRAMES);
}

static void trial_ends_when_people_change_something(void **state)
{
	UNUSED_STATE(state);
	atomic_store(&gop_to_refuse, 25);
	start_with("{\"config\":{\"gop_frames\":25,\"fps\":12}}");
	trial_end(&trial);
	follow_until(report.refusals > 0);
	assert_int_equal(trial.generation, 0);
	assert_int_equal(settings_left_out(settings), 0);
}

static void nothing_stored_means_nothing_to_leave_out(void **state)
{
	UNUSED_STATE(state);
	atomic_store(&gop_to_refuse, conf.gop_frames);
	start_with("{\"config\":{\"viewers_max\":3}}");
	follow_until(trial.is_over);
	assert_int_equal(settings_left_out(settings), 0);
	assert_int_equal(settings_conf(settings)->viewers_max, 3);
}

int main(void)
{
#define WITH_TRIAL(name) cmocka_unit_test_setup_teardown(name, set_up_trial, tear_down_trial)
	const struct CMUnitTest tests[] = {
		WITH_TRIAL(stored_settings_that_work_stay),
		WITH_TRIAL(setting_that_is_refused_is_left_out_alone),
		WITH_TRIAL(settings_that_are_refused_together_are_left_out_together),
		WITH_TRIAL(size_that_the_camera_has_not_is_left_out_alone),
		WITH_TRIAL(rate_that_the_camera_has_not_is_left_out_with_the_size_if_need_be),
		WITH_TRIAL(camera_that_is_not_there_refuses_nothing),
		WITH_TRIAL(trial_ends_when_people_change_something),
		WITH_TRIAL(nothing_stored_means_nothing_to_leave_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
