/* Changes while a pipeline runs: what is reopened for which, and what holds when one fails. */
#include "tests/unit/unit.h"

#include <math.h>

#include "tests/unit/fake_camera.h"

static struct pipeline_settings settings_now(void)
{
	pipeline_get_report(pipeline, &report);
	return report.settings;
}

static struct pipeline_settings settings_of_a_small_picture(void)
{
	struct pipeline_settings settings = settings_now();

	settings.picture.width = 640;
	settings.picture.height = 480;
	return settings;
}

/* Waits until it is done; frames go on meanwhile. */
static const struct pipeline_change *outcome(uint64_t generation)
{
	wait_until(report.change.generation == generation);
	if (report.change.pending)
		give_frames(1);
	wait_until(!report.change.pending);
	return &report.change;
}

/* It is under way until a frame comes. */
static void begin_to_change_size(void)
{
	struct pipeline_settings settings = settings_of_a_small_picture();
	uint64_t generation = pipeline_set(pipeline, &settings);

	wait_until(report.change.generation == generation);
	assert_true(report.change.pending);
}

static void assert_live(uint64_t generation)
{
	const struct pipeline_change *change = outcome(generation);

	assert_int_equal(change->error.code, 0);
	assert_true(change->now);
	assert_int_equal(change->interruption_us, 0);
	assert_int_equal(atomic_load(&opens), 1);
}

static void assert_refused(uint64_t generation, int code)
{
	const struct pipeline_change *change = outcome(generation);

	assert_int_equal(change->error.code, code);
	assert_false(change->now);
	assert_true(change->error.text[0] != '\0');
}

static double control_value(const char *name)
{
	struct source_caps caps;

	pipeline_get_caps(pipeline, &caps);
	for (unsigned i = 0; i < caps.control_count; i++)
		if (strcmp(caps.controls[i].name, name) == 0)
			return caps.controls[i].value;
	fail_msg("no control %s", name);
	return 0;
}

static void bitrate_and_gop_go_to_the_running_encoder(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	struct pipeline_settings settings = settings_now();
	settings.bitrate_bps = 500000;
	assert_live(pipeline_set(pipeline, &settings));
	assert_int_equal(atomic_load(&rate_now), 500000);
	settings.gop_frames = 120;
	assert_live(pipeline_set(pipeline, &settings));
	assert_int_equal(atomic_load(&gop_now), 120);
	assert_int_equal(atomic_load(&encoder_opens), 1);
	give_frames(1);
	assert_int_equal(flags_of_next(), 0);
	assert_int_equal(settings_now().bitrate_bps, 500000);
	assert_int_equal(report.bitrate_target_bps, 500000);
}

static void bitrate_that_the_stream_cannot_have_takes_a_new_encoder(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	struct pipeline_settings settings = settings_now();
	atomic_store(&rate_is_refused, true);
	settings.bitrate_bps = 9000000;
	assert_live(pipeline_set(pipeline, &settings));
	assert_int_equal(atomic_load(&encoder_opens), 2);
	assert_int_equal(atomic_load(&rate_now), 9000000);
	give_frames(1);
	assert_int_equal(flags_of_next(), AU_IDR);
}

static void frame_rate_changes_without_reopening_the_camera(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	struct pipeline_settings settings = settings_now();
	settings.picture.fps_milli = 10000;
	assert_live(pipeline_set(pipeline, &settings));
	assert_int_equal(atomic_load(&fps_now), 10000);
	assert_int_equal(report.granted.fps_milli, 10000);
	give_frames(1);
	assert_int_equal(flags_of_next(), AU_IDR); /* its SPS says so; nothing was lost */
}

static void camera_with_one_pace_is_reopened_for_another(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	atomic_store(&paces, false);
	struct pipeline_settings settings = settings_now();
	settings.picture.fps_milli = 10000;
	const struct pipeline_change *change = outcome(pipeline_set(pipeline, &settings));
	assert_int_equal(change->error.code, 0);
	assert_true(change->now && change->interruption_us > 0);
	assert_int_equal(atomic_load(&opens), 2);
	assert_int_equal(flags_of_next(), AU_IDR | AU_DISCONTINUITY);
}

static void source_is_exchanged_while_it_runs(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	struct pipeline_settings settings = settings_now();
	memcpy(settings.source, "spare", 6);
	const struct pipeline_change *change = outcome(pipeline_set(pipeline, &settings));
	assert_int_equal(change->error.code, 0);
	assert_int_equal(atomic_load(&opens), 2);
	assert_int_equal(flags_of_next(), AU_IDR | AU_DISCONTINUITY);
}

static void source_that_cannot_be_had_leaves_all_as_it_was(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	struct pipeline_settings settings = settings_now();
	memcpy(settings.source, "none", 5);
	settings.bitrate_bps = 500000;
	assert_refused(pipeline_set(pipeline, &settings), -ENOENT);
	memcpy(settings.source, "spare", 6);
	atomic_store(&opens_to_fail, 1);
	assert_refused(pipeline_set(pipeline, &settings), -EBUSY);
	wait_until(report.state == PIPELINE_RUNNING);
	assert_string_equal(settings_now().source, "fake");
	assert_int_equal(report.settings.bitrate_bps, 2000000);
	give_frames(1);
	assert_int_equal(flags_of_next(), AU_IDR | AU_DISCONTINUITY);
}

static void source_that_opens_but_shows_nothing_is_given_up(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	struct pipeline_settings settings = settings_now();
	memcpy(settings.source, "spare", 6);
	uint64_t generation = pipeline_set(pipeline, &settings);
	wait_until(report.change.generation == generation && !report.change.pending);
	assert_int_equal(report.change.error.code, -ETIMEDOUT);
	assert_int_equal(report.state, PIPELINE_RUNNING);
	assert_string_equal(report.settings.source, "fake");
	give_frames(1);
	assert_int_equal(flags_of_next(), AU_IDR | AU_DISCONTINUITY);
}

static void encoder_that_this_build_lacks_is_refused_also_while_closed(void **state)
{
	UNUSED_STATE(state);
	start();
	wait_until(report.online);
	struct pipeline_settings settings = settings_now();
	memcpy(settings.encoder, "none", 5);
	assert_refused(pipeline_set(pipeline, &settings), -ENOENT);
	assert_string_equal(settings_now().encoder, "auto");
}

static void ready_made_h264_has_no_bitrate_to_set(void **state)
{
	UNUSED_STATE(state);
	atomic_store(&makes_h264, true);
	start_watching();
	struct pipeline_settings settings = settings_now();
	settings.bitrate_bps = 500000;
	assert_refused(pipeline_set(pipeline, &settings), -EOPNOTSUPP);
	settings = settings_now();
	settings.gop_frames = 10;
	assert_refused(pipeline_set(pipeline, &settings), -EOPNOTSUPP);
	assert_non_null(strstr(report.change.error.text, "the camera makes the H.264"));
	/* Other settings can be changed all the same. */
	settings = settings_now();
	settings.any_profile = true;
	assert_int_equal(outcome(pipeline_set(pipeline, &settings))->error.code, 0);
}

static void settings_changed_while_closed_wait_for_the_next_start(void **state)
{
	UNUSED_STATE(state);
	start();
	wait_until(report.online);
	struct pipeline_settings settings = settings_now();
	settings.bitrate_bps = 500000;
	settings.gop_frames = 7;
	const struct pipeline_change *change = outcome(pipeline_set(pipeline, &settings));
	assert_int_equal(change->error.code, 0);
	assert_false(change->now);
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	assert_int_equal(atomic_load(&rate_now), 500000);
	assert_int_equal(atomic_load(&gop_now), 7);
}

static void what_needs_no_camera_is_taken_while_it_is_away(void **state)
{
	UNUSED_STATE(state);
	atomic_store(&gone, true);
	start();
	wait_until(report.reason[0] != '\0');
	struct pipeline_settings settings = settings_now();
	settings.bitrate_bps = 500000;
	const struct pipeline_change *change = outcome(pipeline_set(pipeline, &settings));
	assert_int_equal(change->error.code, 0);
	assert_false(change->now);
	settings.picture.fps_milli = 10000;
	assert_refused(pipeline_set(pipeline, &settings), -ENODEV);
	atomic_store(&gone, false);
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	assert_int_equal(atomic_load(&rate_now), 500000);
}

static void rate_limit_lowers_what_the_encoder_makes_not_the_setting(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	pipeline_set_rate_limit(pipeline, 300000);
	/* The thread has followed it before the change that comes after. */
	struct pipeline_settings settings = settings_now();
	settings.gop_frames = 50;
	assert_live(pipeline_set(pipeline, &settings));
	assert_int_equal(atomic_load(&rate_now), 300000);
	assert_int_equal(report.bitrate_target_bps, 300000);
	assert_int_equal(report.settings.bitrate_bps, 2000000);
	/* A lower setting wins; a reopened encoder is limited, too. */
	settings.bitrate_bps = 200000;
	assert_live(pipeline_set(pipeline, &settings));
	assert_int_equal(atomic_load(&rate_now), 200000);
	settings.bitrate_bps = 4000000;
	settings.picture.width = 640;
	settings.picture.height = 480;
	assert_int_equal(outcome(pipeline_set(pipeline, &settings))->error.code, 0);
	assert_int_equal(atomic_load(&rate_now), 300000);
	pipeline_set_rate_limit(pipeline, 0);
	settings.gop_frames = 60;
	outcome(pipeline_set(pipeline, &settings));
	assert_int_equal(atomic_load(&rate_now), 4000000);
}

static void rate_limit_holds_past_a_change_that_fails(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	pipeline_set_rate_limit(pipeline, 300000);
	struct pipeline_settings settings = settings_now();
	settings.bitrate_bps = 500000;
	settings.gop_frames = 50;
	atomic_store(&gop_is_refused, true);
	atomic_store(&encoder_opens_to_fail, 1);
	assert_refused(pipeline_set(pipeline, &settings), -EINVAL);
	assert_int_equal(atomic_load(&rate_now), 300000);
	assert_int_equal(report.bitrate_target_bps, 300000);
	assert_int_equal(report.settings.bitrate_bps, 2000000);
}

static void rate_that_the_encoder_refuses_is_tried_and_said_once(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	atomic_store(&rate_is_refused, true);
	pipeline_set_rate_limit(pipeline, 300000);
	for (unsigned i = 0; i < 3; i++) { /* each is a turn of the thread */
		const struct pipeline_control list[] = {ONE("gain", i)};
		assert_live(pipeline_set_controls(pipeline, list, 1));
	}
	assert_int_equal(atomic_load(&warnings_of_rate), 1);
	atomic_store(&rate_is_refused, false);
	pipeline_set_rate_limit(pipeline, 200000);
	struct pipeline_settings settings = settings_now();
	settings.gop_frames = 50;
	assert_live(pipeline_set(pipeline, &settings));
	assert_int_equal(atomic_load(&rate_now), 200000);
}

static void controls_are_set_and_shown(void **state)
{
	UNUSED_STATE(state);
	const struct pipeline_control list[] = {ONE("gain", 5), ONE("focus", 3)};

	start_watching();
	assert_live(pipeline_set_controls(pipeline, list, 2));
	assert_int_equal(atomic_load(&gain), 5);
	assert_int_equal(atomic_load(&focus), 3);
	assert_true(control_value("gain") == 5);
	give_frames(1);
	assert_int_equal(flags_of_next(), 0);
}

static void control_of_several_values_is_set_and_shown(void **state)
{
	UNUSED_STATE(state);
	struct pipeline_control wanted = {.name = "gains", .value_count = 2, .values = {3, 4}};
	struct source_caps caps;

	start_watching();
	assert_int_equal(atomic_load(&gains), 102);
	assert_live(pipeline_set_controls(pipeline, &wanted, 1));
	assert_int_equal(atomic_load(&gains), 304);
	pipeline_get_caps(pipeline, &caps);
	const struct source_control *shown = source_caps_find_control(&caps, "gains");
	assert_true(shown->values[0] == 3 && shown->values[1] == 4);
	/* It comes back with the camera. */
	atomic_store(&gone, true);
	give_frames(1);
	wait_until(report.state == PIPELINE_FAILED);
	atomic_store(&gone, false);
	wait_until(report.state == PIPELINE_RUNNING);
	assert_int_equal(atomic_load(&gains), 304);
}

static void control_takes_its_own_number_of_values(void **state)
{
	UNUSED_STATE(state);
	static const struct pipeline_control cases[] = {
		{.name = "gains", .values = {3}},
		{.name = "gains", .value_count = 3, .values = {3, 4, 5}},
		{.name = "gains", .value_count = 2, .values = {3, 10.5}},
		{.name = "gains", .value_count = 2, .values = {-1, 3}},
		{.name = "gains", .value_count = 2, .values = {3, (double)NAN}},
		{.name = "gain", .value_count = 2, .values = {3, 4}},
	};

	start_watching();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(pipeline_set_controls(pipeline, &cases[i], 1), -ERANGE);
	assert_non_null(strstr(report.change.error.text, "whole number"));
	assert_int_equal(atomic_load(&gains), 102);
	assert_int_equal(atomic_load(&gain), 1);
}

static void values_are_put_back_when_another_control_is_refused(void **state)
{
	UNUSED_STATE(state);
	static const struct pipeline_control list[] = {
		{.name = "gains", .value_count = 2, .values = {3, 4}},
		ONE("focus", 7),
	};

	start_watching();
	assert_refused(pipeline_set_controls(pipeline, list, 2), -EIO);
	assert_int_equal(atomic_load(&gains), 102);
}

static void controls_are_set_all_or_none(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		struct pipeline_control list[2];
		int code;
	} cases[] = {
		{{ONE("gain", 5), ONE("focus", 7)}, -EIO}, /* once the first is set already */
		{{ONE("gain", 5), ONE("focus", 11)}, -ERANGE},
		{{ONE("gain", 5), ONE("focus", 2.5)}, -ERANGE},
		{{ONE("gain", 5), ONE("zoom", 1)}, -ENOENT},
		{{ONE("gain", 5), ONE("heat", 50)}, -EACCES},
	};
	start_watching();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_refused(pipeline_set_controls(pipeline, cases[i].list, 2), cases[i].code);
		assert_int_equal(atomic_load(&gain), 1);
		assert_true(control_value("gain") == 1);
	}
}

static void controls_last_past_a_reopened_camera(void **state)
{
	UNUSED_STATE(state);
	const struct pipeline_control list[] = {ONE("gain", 5)};

	start();
	assert_false(outcome(pipeline_set_controls(pipeline, list, 1))->now);
	assert_int_equal(report.change.error.code, 0);
	assert_true(control_value("gain") == 5);
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	assert_int_equal(atomic_load(&gain), 5);
	give_frames(1);
	wait_until(report.flowing);
	struct pipeline_settings settings = settings_of_a_small_picture();
	assert_int_equal(outcome(pipeline_set(pipeline, &settings))->error.code, 0);
	assert_int_equal(atomic_load(&opens), 2);
	assert_int_equal(atomic_load(&gain), 5);
	/* ...and past one that was lost. */
	atomic_store(&gone, true);
	give_frames(1);
	wait_until(report.state == PIPELINE_FAILED);
	atomic_store(&gone, false);
	wait_until(report.state == PIPELINE_RUNNING);
	assert_int_equal(atomic_load(&gain), 5);
	assert_true(control_value("gain") == 5);
}

static void controls_wait_for_a_change_that_is_under_way(void **state)
{
	UNUSED_STATE(state);
	const struct pipeline_control list[] = {ONE("gain", 5)},
				      other[] = {ONE("focus", 2), ONE("gain", 6)};

	start_watching();
	begin_to_change_size();
	pipeline_set_controls(pipeline, list, 1);
	uint64_t newest = pipeline_set_controls(pipeline, other, 2);
	give_frames(1);
	wait_until(report.change.generation == newest);
	assert_int_equal(report.change.error.code, 0);
	assert_int_equal(atomic_load(&gain), 6);
	assert_int_equal(atomic_load(&focus), 2);
}

static void controls_that_wait_have_their_turn_when_nobody_wants_pictures(void **state)
{
	UNUSED_STATE(state);
	const struct pipeline_control list[] = {ONE("gain", 5)};

	start_watching();
	begin_to_change_size();
	uint64_t generation = pipeline_set_controls(pipeline, list, 1);
	pipeline_demand(pipeline, false);
	wait_until(report.change.generation == generation);
	assert_int_equal(report.change.error.code, 0);
	assert_false(report.change.now);
}

/* Seen by the thread together, one ends before the other begins. */
static void settings_are_not_overtaken_by_controls(void **state)
{
	UNUSED_STATE(state);
	const struct pipeline_control first[] = {ONE("focus", 2)}, second[] = {ONE("gain", 5)};
	const struct pipeline_picture small = {640, 480, 30000};

	start_watching();
	atomic_store(&value_to_hold, 2);
	pipeline_set_controls(pipeline, first, 1);
	while (!atomic_load(&holds))
		poll(NULL, 0, 1);
	uint64_t size = set_picture(&small);
	uint64_t controls = pipeline_set_controls(pipeline, second, 1);
	atomic_store(&value_to_hold, 5);
	wait_until(report.change.generation == size);
	give_frames(1);
	wait_until(report.change.generation == size && !report.change.pending);
	atomic_store(&value_to_hold, NO_VALUE);
	wait_until(report.change.generation == controls);
	assert_int_equal(atomic_load(&gain), 5);
}

static void stored_controls_that_the_camera_lacks_do_no_harm(void **state)
{
	UNUSED_STATE(state);
	static const struct pipeline_control stored[] = {ONE("zoom", 1), ONE("gain", 99),
							 ONE("focus", 4)};
	struct pipeline_config cfg = {.conf = &conf,
				      .controls = stored,
				      .control_count = 3,
				      .out = queue};
	struct error err = {0};

	pipeline_settings_init(&cfg.settings, &conf);
	assert_int_equal(pipeline_new(&cfg, &pipeline, &err), 0);
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	assert_int_equal(atomic_load(&gain), 1);
	assert_int_equal(atomic_load(&focus), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bitrate_and_gop_go_to_the_running_encoder),
		TEST(bitrate_that_the_stream_cannot_have_takes_a_new_encoder),
		TEST(frame_rate_changes_without_reopening_the_camera),
		TEST(camera_with_one_pace_is_reopened_for_another),
		TEST(source_is_exchanged_while_it_runs),
		TEST(source_that_cannot_be_had_leaves_all_as_it_was),
		TEST(source_that_opens_but_shows_nothing_is_given_up),
		TEST(encoder_that_this_build_lacks_is_refused_also_while_closed),
		TEST(ready_made_h264_has_no_bitrate_to_set),
		TEST(settings_changed_while_closed_wait_for_the_next_start),
		TEST(what_needs_no_camera_is_taken_while_it_is_away),
		TEST(rate_limit_lowers_what_the_encoder_makes_not_the_setting),
		TEST(rate_limit_holds_past_a_change_that_fails),
		TEST(rate_that_the_encoder_refuses_is_tried_and_said_once),
		TEST(controls_are_set_and_shown),
		TEST(control_of_several_values_is_set_and_shown),
		TEST(control_takes_its_own_number_of_values),
		TEST(values_are_put_back_when_another_control_is_refused),
		TEST(controls_are_set_all_or_none),
		TEST(controls_last_past_a_reopened_camera),
		TEST(controls_wait_for_a_change_that_is_under_way),
		TEST(controls_that_wait_have_their_turn_when_nobody_wants_pictures),
		TEST(settings_are_not_overtaken_by_controls),
		TEST(stored_controls_that_the_camera_lacks_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
