#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/encoder.h"
#include "streamer/settings.h"
#include "streamer/source.h"

static bool takes_nv12(uint32_t fourcc)
{
	return fourcc != FRAME_H264;
}

static const struct encoder_ops fake_encoder = {.name = "fake", .takes = takes_nv12};
static const struct source_ops fake_camera = {.name = "camera"};
static const struct source_ops fake_file = {.name = "file"};

const struct encoder_ops *const encoder_backends[] = {&fake_encoder, &encoder_pass_ops, NULL};
const struct source_ops *const source_backends[] = {&fake_camera, &fake_file, NULL};

struct fixture {
	char dir[32];
	struct conf file;
	struct store *store;
	struct settings *settings;
};

static char warnings[4096];

static void remember_line(enum log_level level, const char *line)
{
	size_t len = strlen(warnings);

	if (level <= LOG_LEVEL_WARN)
		snprintf(warnings + len, sizeof(warnings) - len, "%s\n", line);
}

static void open_settings(struct fixture *f)
{
	assert_int_equal(store_open(f->dir, &f->store, NULL), 0);
	assert_int_equal(settings_new(&f->file, f->store, &f->settings, NULL), 0);
}

static void close_settings(struct fixture *f)
{
	settings_free(f->settings);
	store_close(f->store);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	memcpy(f->dir, "/tmp/nalcast-settings-XXXXXX", 29);
	if (mkdtemp(f->dir) == NULL)
		return -1;
	conf_defaults(&f->file);
	conf_set(&f->file, "source", "file:/tmp/a.h264", NULL);
	warnings[0] = '\0';
	log_set_hook(remember_line);
	open_settings(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char path[64];

	close_settings(f);
	log_set_hook(NULL);
	snprintf(path, sizeof(path), "%s/settings.json", f->dir);
	unlink(path);
	int r = rmdir(f->dir);
	free(f);
	return r;
}

static json_t *load(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(value);
	return value;
}

static void apply(struct fixture *f, const char *change, bool persist)
{
	json_t *what = load(change);

	settings_apply(f->settings, what, persist);
	json_decref(what);
}

static void restart(struct fixture *f)
{
	close_settings(f);
	open_settings(f);
}

static const struct conf *conf_of(const struct fixture *f)
{
	return settings_conf(f->settings);
}

static void file_serves_until_something_is_changed(void **state)
{
	struct fixture *f = *state;
	json_t *mine = confkey_all(conf_of(f)), *files = confkey_all(&f->file);

	assert_true(json_equal(mine, files));
	assert_string_equal(json_string_value(json_object_get(mine, "source")), "file:/tmp/a.h264");
	assert_true(settings_running(f->settings));
	json_decref(mine);
	json_decref(files);
}

static void change_takes_effect_and_is_kept(void **state)
{
	struct fixture *f = *state;

	apply(f,
	      "{\"config\":{\"bitrate_bps\":500000,\"fps\":12.5,\"on_demand\":false,"
	      "\"profiles\":\"any\",\"source\":\"camera:7\",\"encoder\":\"fake\"},"
	      "\"resolution\":{\"width\":640,\"height\":480},\"running\":false}",
	      true);
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(conf_of(f)->bitrate_bps, 500000);
		assert_int_equal(conf_of(f)->fps_milli, 12500);
		assert_false(conf_of(f)->on_demand);
		assert_true(conf_of(f)->any_profile);
		assert_string_equal(conf_of(f)->source, "camera");
		assert_string_equal(conf_of(f)->source_device, "7");
		assert_string_equal(conf_of(f)->encoder, "fake");
		assert_int_equal(conf_of(f)->width, 640);
		assert_false(settings_running(f->settings));
		restart(f);
	}
	assert_string_equal(warnings, "");
}

static void change_that_is_not_to_last_is_gone_after_a_restart(void **state)
{
	struct fixture *f = *state;

	apply(f, "{\"config\":{\"bitrate_bps\":500000}}", true);
	apply(f, "{\"config\":{\"bitrate_bps\":700000,\"gop_frames\":30}}", false);
	assert_int_equal(conf_of(f)->bitrate_bps, 700000);
	restart(f);
	assert_int_equal(conf_of(f)->bitrate_bps, 500000);
	assert_int_equal(conf_of(f)->gop_frames, f->file.gop_frames);
}

static void null_goes_back_to_the_files_value(void **state)
{
	struct fixture *f = *state;

	apply(f, "{\"config\":{\"bitrate_bps\":500000,\"source\":\"camera\",\"fps\":10}}", true);
	assert_true(conf_of(f)->fps_given);
	apply(f, "{\"config\":{\"bitrate_bps\":null,\"source\":null,\"fps\":null}}", true);
	assert_int_equal(conf_of(f)->bitrate_bps, f->file.bitrate_bps);
	assert_string_equal(conf_of(f)->source_device, "/tmp/a.h264");
	assert_false(conf_of(f)->fps_given);
	assert_int_equal(json_object_size(store_get(f->store)), 0);
}

static void controls_are_kept_by_name(void **state)
{
	struct fixture *f = *state;
	struct pipeline_control list[SOURCE_CONTROLS_MAX];

	apply(f, "{\"controls\":{\"brightness\":0.5,\"hflip\":true,\"gain\":3}}", true);
	apply(f, "{\"controls\":{\"gain\":null}}", true);
	restart(f);
	assert_int_equal(settings_controls(f->settings, list), 2);
	assert_string_equal(list[0].name, "brightness");
	assert_true(list[0].value == 0.5);
	assert_true(list[1].value == 1);
}

static void control_of_several_values_is_kept_whole(void **state)
{
	struct fixture *f = *state;
	struct pipeline_control list[SOURCE_CONTROLS_MAX];

	apply(f, "{\"controls\":{\"awb_gains\":[1.5,2],\"roi\":[0,0.25,1,0.5]}}", true);
	apply(f, "{\"controls\":{\"awb_gains\":[3,0.5]}}", true);
	restart(f);
	assert_int_equal(settings_controls(f->settings, list), 2);
	assert_string_equal(list[0].name, "awb_gains");
	assert_int_equal(list[0].value_count, 2);
	assert_true(list[0].values[0] == 3 && list[0].values[1] == 0.5);
	assert_int_equal(list[1].value_count, 4);
	assert_true(list[1].values[1] == 0.25 && list[1].values[3] == 0.5);
}

static void control_is_a_number_or_a_few(void **state)
{
	UNUSED_STATE(state);
	static const char *const bad[] = {
		"[]",     "[1]",         "[1,2,3,4,5]", "[1,\"2\"]", "[1,null]",
		"[1,[]]", "[true,true]", "{}",          "null",      "\"1\"",
	};
	struct pipeline_control control = {.name = "as it was"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *value = json_loads(bad[i], JSON_DECODE_ANY, NULL);
		assert_non_null(value);
		if (settings_read_control("gains", value, &control))
			fail_msg("%s is taken", bad[i]);
		json_decref(value);
	}
	json_t *one = json_integer(1);
	assert_false(settings_read_control("a_name_that_no_control_has_because_it_is_too_long", one,
					   &control));
	assert_string_equal(control.name, "as it was");
	assert_true(settings_read_control("gain", one, &control));
	assert_int_equal(source_value_count(control.value_count), 1);
	json_decref(one);
}

static bool check(const struct fixture *f, const char *patch, struct conf *conf,
		  struct confkey_problem *problem)
{
	json_t *object = load(patch);
	static char key[80];
	bool fine = settings_check(f->settings, object, conf, problem, 1) == 0;

	if (!fine) { /* it may be the patch's own */
		snprintf(key, sizeof(key), "%s", problem->key);
		problem->key = key;
	}
	json_decref(object);
	return fine;
}

static void all_that_is_wrong_is_told_as_far_as_there_is_room(void **state)
{
	struct fixture *f = *state;
	static const char *const keys[] = {"fps", "bitrate", "encoder"};
	struct confkey_problem problems[4];
	struct conf conf = *conf_of(f);
	json_t *patch = load("{\"fps\":0,\"gop_frames\":30,\"bitrate\":5,\"encoder\":7}");

	assert_int_equal(settings_check(f->settings, patch, &conf, problems, 4), 3);
	assert_int_equal(conf.gop_frames, conf_of(f)->gop_frames);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		assert_string_equal(problems[i].key, keys[i]);
		json_decref(problems[i].extra);
	}
	assert_int_equal(settings_check(f->settings, patch, &conf, problems, 2), 2);
	json_decref(problems[0].extra);
	json_decref(problems[1].extra);
	json_decref(patch);
}

static void limits_are_those_of_the_settings_file(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *key, *too_small, *min, *max, *too_large;
	} cases[] = {
		{"fps", "0.999", "1", "240", "240.001"},
		{"bitrate_bps", "99999", "100000", "100000000", "100000001"},
		{"gop_frames", "0", "1", "10000", "10001"},
		{"idle_stop_s", "-1", "0", "86400", "86401"},
		{"viewers_max", "0", "1", "100000", "100001"},
		{"viewer_lag_max_ms", "49", "50", "10000", "10001"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const values[] = {cases[i].too_small, cases[i].min, cases[i].max,
					      cases[i].too_large};
		for (unsigned at = 0; at < 4; at++) {
			char patch[100];
			struct confkey_problem problem = {.extra = NULL};
			struct conf conf = *conf_of(f);
			snprintf(patch, sizeof(patch), "{\"%s\":%s}", cases[i].key, values[at]);
			bool inside = at == 1 || at == 2;
			if (check(f, patch, &conf, &problem) != inside)
				fail_msg("%s", patch);
			if (inside)
				continue;
			/* What is allowed and what is nearest are true. */
			double nearest =
				json_number_value(json_object_get(problem.extra, "nearest"));
			json_t *bound = load(at == 0 ? cases[i].min : cases[i].max);
			assert_true(nearest == json_number_value(bound));
			assert_string_equal(problem.key, cases[i].key);
			assert_int_equal(problem.code, CTL_INVALID);
			json_decref(bound);
			json_decref(problem.extra);
		}
	}
}

static void wrong_value_is_pointed_at_and_changes_nothing(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *patch, *key;
		enum ctl_code code;
	} cases[] = {
		{"{\"bitrate_bps\":500000,\"fps\":\"30\"}", "fps", CTL_INVALID},
		{"{\"bitrate_bps\":500000,\"bitrate\":1}", "bitrate", CTL_INVALID},
		{"{\"bitrate_bps\":500000,\"source\":\"file:/etc/passwd\"}", "source",
		 CTL_UNSUPPORTED},
		{"{\"bitrate_bps\":500000,\"source\":\"file:\"}", "source", CTL_UNSUPPORTED},
		{"{\"bitrate_bps\":500000,\"source\":\"v4l2\"}", "source", CTL_UNSUPPORTED},
		{"{\"bitrate_bps\":500000,\"source\":\"\"}", "source", CTL_UNSUPPORTED},
		{"{\"bitrate_bps\":500000,\"encoder\":\"nvenc\"}", "encoder", CTL_UNSUPPORTED},
		{"{\"bitrate_bps\":500000,\"encoder\":\"pass\"}", "encoder", CTL_UNSUPPORTED},
		{"{\"bitrate_bps\":500000,\"encoder\":\"fake:1\"}", "encoder", CTL_UNSUPPORTED},
		{"{\"bitrate_bps\":500000,\"encoder\":7}", "encoder", CTL_INVALID},
		{"{\"bitrate_bps\":500000,\"encoder_preset\":\"slow\"}", "encoder_preset",
		 CTL_INVALID},
		{"{\"bitrate_bps\":500000,\"encoder_preset\":3}", "encoder_preset", CTL_INVALID},
		{"{\"bitrate_bps\":500000,\"encoder_threads\":65}", "encoder_threads", CTL_INVALID},
		{"{\"bitrate_bps\":500000,\"profiles\":\"high\"}", "profiles", CTL_INVALID},
		{"{\"bitrate_bps\":500000,\"on_demand\":1}", "on_demand", CTL_INVALID},
		{"{\"bitrate_bps\":500000,\"gop_frames\":60.0}", "gop_frames", CTL_INVALID},
		{"{\"bitrate_bps\":500000,\"gop_frames\":{}}", "gop_frames", CTL_INVALID},
		{"{\"bitrate_bps\":500000,\"fps\":1e300}", "fps", CTL_INVALID},
		{"{\"bitrate_bps\":9223372036854775807}", "bitrate_bps", CTL_INVALID},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct confkey_problem problem = {.extra = NULL};
		struct conf conf = *conf_of(f);
		if (check(f, cases[i].patch, &conf, &problem))
			fail_msg("%s", cases[i].patch);
		assert_string_equal(problem.key, cases[i].key);
		assert_int_equal(problem.code, cases[i].code);
		assert_non_null(json_object_get(problem.extra, "allowed"));
		assert_true(problem.error.text[0] != '\0');
		assert_int_equal(conf.bitrate_bps, f->file.bitrate_bps);
		json_decref(problem.extra);
	}
}

static void long_source_is_refused_whole(void **state)
{
	struct fixture *f = *state;
	struct confkey_problem problem = {.extra = NULL};
	struct conf conf = *conf_of(f);
	char patch[600];

	snprintf(patch, sizeof(patch), "{\"source\":\"camera:%0300d\"}", 0);
	assert_false(check(f, patch, &conf, &problem));
	assert_string_equal(problem.key, "source");
	json_decref(problem.extra);
	assert_string_equal(conf.source, "file");
}

static void stored_nonsense_is_left_out_piece_by_piece(void **state)
{
	struct fixture *f = *state;
	json_t *stored = load("{\"running\":7,\"resolution\":{\"width\":641,\"height\":480},"
			      "\"config\":{\"bitrate_bps\":5,\"gop_frames\":30,\"fps\":null,"
			      "\"source\":\"file:/etc/shadow\",\"of_a_newer_version\":{\"a\":[]}},"
			      "\"controls\":{\"gain\":\"much\",\"ev\":1,\"roi\":[0,\"x\"]},"
			      "\"a_new_section\":[1]}");

	store_set(f->store, stored);
	restart(f);
	assert_true(settings_running(f->settings));
	assert_int_equal(conf_of(f)->width, f->file.width);
	assert_int_equal(conf_of(f)->bitrate_bps, f->file.bitrate_bps);
	assert_int_equal(conf_of(f)->gop_frames, 30);
	assert_string_equal(conf_of(f)->source, "file");
	assert_string_equal(conf_of(f)->source_device, "/tmp/a.h264");
	static const char *const named[] = {"running", "resolution",    "bitrate_bps",
					    "fps",     "source",        "of_a_newer_version",
					    "gain",    "a_new_section", "roi"};
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		if (strstr(warnings, named[i]) == NULL)
			fail_msg("%s is not named in:\n%s", named[i], warnings);

	/* What a newer version wrote stays. */
	apply(f, "{\"config\":{\"gop_frames\":15}}", true);
	restart(f);
	const json_t *config = json_object_get(store_get(f->store), "config");
	assert_non_null(json_object_get(config, "of_a_newer_version"));
	assert_non_null(json_object_get(store_get(f->store), "a_new_section"));
}

static void refused_setting_gives_way_to_the_files_and_the_others_stay(void **state)
{
	struct fixture *f = *state;
	const unsigned size = SETTINGS_RESOLUTION, rate = SETTINGS_FPS;
	struct conf conf;

	assert_int_equal(settings_without(f->settings, UINT32_MAX, &conf), 0);
	apply(f,
	      "{\"config\":{\"fps\":10,\"viewers_max\":3},\"resolution\":{\"width\":640,"
	      "\"height\":480}}",
	      true);
	assert_int_equal(settings_without(f->settings, UINT32_MAX, &conf), size | rate);
	assert_int_equal(conf.fps_milli, f->file.fps_milli);
	assert_int_equal(settings_without(f->settings, size, &conf), size);
	assert_int_equal(conf.width, f->file.width);
	assert_int_equal(conf.fps_milli, 10000);
	assert_int_equal(conf_of(f)->width, 640);
	settings_leave_out(f->settings, size);
	assert_int_equal(settings_left_out(f->settings), size);
	assert_int_equal(conf_of(f)->width, f->file.width);
	assert_int_equal(conf_of(f)->fps_milli, 10000);
	assert_int_equal(conf_of(f)->viewers_max, 3);
	/* Until it is changed; and the camera may be another after a restart. */
	apply(f, "{\"config\":{\"fps\":12}}", true);
	assert_int_equal(settings_left_out(f->settings), size);
	restart(f);
	assert_int_equal(conf_of(f)->width, 640);
	settings_leave_out(f->settings, size | rate);
	apply(f, "{\"resolution\":null}", true);
	assert_int_equal(settings_left_out(f->settings), rate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_SETTINGS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		WITH_SETTINGS(file_serves_until_something_is_changed),
		WITH_SETTINGS(change_takes_effect_and_is_kept),
		WITH_SETTINGS(change_that_is_not_to_last_is_gone_after_a_restart),
		WITH_SETTINGS(null_goes_back_to_the_files_value),
		WITH_SETTINGS(controls_are_kept_by_name),
		WITH_SETTINGS(all_that_is_wrong_is_told_as_far_as_there_is_room),
		WITH_SETTINGS(control_of_several_values_is_kept_whole),
		cmocka_unit_test(control_is_a_number_or_a_few),
		WITH_SETTINGS(limits_are_those_of_the_settings_file),
		WITH_SETTINGS(wrong_value_is_pointed_at_and_changes_nothing),
		WITH_SETTINGS(long_source_is_refused_whole),
		WITH_SETTINGS(stored_nonsense_is_left_out_piece_by_piece),
		WITH_SETTINGS(refused_setting_gives_way_to_the_files_and_the_others_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
