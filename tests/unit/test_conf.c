#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/conf.h"
#include "streamer/confload.h"

static void defaults_are_those_of_the_protocol(void **state)
{
	UNUSED_STATE(state);
	struct conf conf;

	conf_defaults(&conf);
	assert_string_equal(conf.name, "main");
	assert_string_equal(conf.source, "auto");
	assert_int_equal(conf.width, 1280);
	assert_int_equal(conf.height, 720);
	assert_int_equal(conf.fps_milli, 30000);
	assert_int_equal(conf.bitrate_bps, 2000000);
	assert_int_equal(conf.gop_frames, 60);
	assert_int_equal(conf.viewer_lag_max_ms, 250);
	assert_int_equal(conf.viewers_max, 64);
	assert_int_equal(conf.idle_stop_s, 10);
	assert_true(conf.on_demand);
	assert_true(conf.adaptive);
	assert_string_equal(conf.encoder, "auto");
	assert_int_equal(conf.encoder_threads, 0);
	assert_string_equal(conf.encoder_preset, "auto");

	const struct conf_limits limits = {
		.join_age_max_ms = 500,
		.join_bytes_max = 512 << 10,
		.idr_join_interval_ms = 500,
		.idr_recover_interval_ms = 2000,
		.ring_bytes_max = 32 << 20,
		.pinned_bytes_max = 64 << 20,
		.handshake_timeout_s = 5,
		.ack_interval_ms = 50,
		.ping_interval_s = 20,
		.pong_timeout_s = 30,
		.progress_timeout_s = 10,
		.texts_heard_max = 60,
		.texts_max = 200,
	};
	assert_memory_equal(&conf.limits, &limits, sizeof(limits));
}

static void values_are_read_with_their_units(void **state)
{
	UNUSED_STATE(state);
	struct conf conf;

	conf_defaults(&conf);
	assert_int_equal(conf_set(&conf, "bitrate-bps", "2500k", NULL), 0);
	assert_int_equal(conf.bitrate_bps, 2500000);
	assert_int_equal(conf_set(&conf, "bitrate_bps", "4M", NULL), 0);
	assert_int_equal(conf.bitrate_bps, 4000000);
	assert_int_equal(conf_set(&conf, "encoder-threads", "3", NULL), 0);
	assert_int_equal(conf.encoder_threads, 3);
	assert_int_equal(conf_set(&conf, "encoder_preset", "medium", NULL), 0);
	assert_string_equal(conf.encoder_preset, "medium");
	assert_int_equal(conf_set(&conf, "join-bytes-max", "96K", NULL), 0);
	assert_int_equal(conf.limits.join_bytes_max, 96 * 1024);
	assert_int_equal(conf_set(&conf, "join_bytes_max", "1000", NULL), 0);
	assert_int_equal(conf.limits.join_bytes_max, 1000);
	assert_int_equal(conf_set(&conf, "ring-bytes-max", "1024M", NULL), 0);
	assert_int_equal(conf.limits.ring_bytes_max, 1 << 30);
	assert_int_equal(conf_set(&conf, "fps", "29.97", NULL), 0);
	assert_int_equal(conf.fps_milli, 29970);
	assert_int_equal(conf_set(&conf, "fps", "12.5", NULL), 0);
	assert_int_equal(conf.fps_milli, 12500);
	assert_int_equal(conf_set(&conf, "size", "1920x1080", NULL), 0);
	assert_int_equal(conf.width, 1920);
	assert_int_equal(conf.height, 1080);
	assert_int_equal(conf_set(&conf, "socket-mode", "0666", NULL), 0);
	assert_int_equal(conf.socket_mode, 0666);
	assert_int_equal(conf_set(&conf, "source", "file:-", NULL), 0);
	assert_string_equal(conf.source_device, "-");
	assert_int_equal(conf_set(&conf, "source", "file:/tmp/a:b.h264", NULL), 0);
	assert_string_equal(conf.source, "file");
	assert_string_equal(conf.source_device, "/tmp/a:b.h264");
	/* No file without its path; what begins like it is another. */
	static const char *const names[] = {"f", "fi", "fil", "files"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(conf_set(&conf, "source", names[i], NULL), 0);
		assert_string_equal(conf.source, names[i]);
	}
}

static void wrong_values_are_refused_and_named(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *name, *value;
	} cases[] = {
		{"size", "1280"},
		{"size", "1280x"},
		{"size", "1281x720"},
		{"size", "100x100"},
		{"size", "8000x4000"},
		{"size", "1280x720x2"},
		{"fps", ""},
		{"fps", "0"},
		{"fps", "241"},
		{"fps", "30."},
		{"fps", "29.9777"},
		{"fps", "-5"},
		{"bitrate-bps", "2G"},
		{"bitrate-bps", "10"},
		{"bitrate-bps", "999999999999"},
		{"bitrate-bps", "M"},
		{"gop-frames", "0"},
		{"gop-frames", "ten"},
		{"socket-mode", "0999"},
		{"on-demand", "maybe"},
		{"adaptive", "1"},
		{"encoder-threads", "65"},
		{"encoder-threads", "all"},
		{"encoder-preset", ""},
		{"encoder-preset", "placebo"},
		{"viewers-max", "0"},
		{"source", ""},
		{"source", "file:"},
		{"source", "file"},
		{"profiles", "main"},
		{"log-level", "loud"},
		{"name", "api"},
		{"name", "Main"},
		{"name", ""},
		{"viewer-lag-max-ms", "5"},
		{"join-age-max-ms", "10001"},
		{"join-age-max-ms", "1s"},
		{"join-bytes-max", ""},
		{"join-bytes-max", "K"},
		{"join-bytes-max", "65M"},
		{"join-bytes-max", "512k"},
		{"join-bytes-max", "1.5M"},
		{"ring-bytes-max", "63K"},
		{"ring-bytes-max", "4294967297M"},
		{"ring-bytes-max", "1025M"},
		{"pinned-bytes-max", "0"},
		{"idr-join-interval-ms", "-1"},
		{"idr-recover-interval-ms", "60001"},
		{"handshake-timeout-s", "0"},
		{"ping-interval-s", "0"},
		{"pong-timeout-s", "0"},
		{"progress-timeout-s", "0.5"},
		{"texts-heard-max", "29"},
		{"texts-max", "many"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf conf, before;
		struct error err = {0};
		conf_defaults(&conf);
		before = conf;
		assert_int_equal(conf_set(&conf, cases[i].name, cases[i].value, &err), -EINVAL);
		assert_non_null(strstr(err.text, cases[i].name));
		assert_memory_equal(&conf, &before, sizeof(conf));
	}
}

static void number_out_of_range_is_told_the_range(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *name, *value, *words;
	} cases[] = {
		{"gop-frames", "0", "1 to 10000 [60]"},
		{"ring-bytes-max", "1", "64K to 1024M [32M]"},
		{"join-bytes-max", "1G", "0 to 64M [512K]"},
		{"pong-timeout-s", "0", "'0' is not a value it takes"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf conf;
		struct error err = {0};
		conf_defaults(&conf);
		assert_int_equal(conf_set(&conf, cases[i].name, cases[i].value, &err), -EINVAL);
		assert_non_null(strstr(err.text, cases[i].words));
	}
}

static void unknown_setting_is_refused(void **state)
{
	UNUSED_STATE(state);
	struct conf conf;
	struct error err = {0};

	conf_defaults(&conf);
	assert_int_equal(conf_set(&conf, "colour", "red", &err), -ENOENT);
	assert_non_null(strstr(err.text, "colour"));
}

static int read_text(struct conf *conf, const char *text, struct error *err)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	assert_non_null(file);
	int r = conf_read(conf, file, "test.conf", err);
	fclose(file);
	return r;
}

static void file_is_read(void **state)
{
	UNUSED_STATE(state);
	struct conf conf;
	struct error err = {0};

	conf_defaults(&conf);
	assert_int_equal(read_text(&conf, "# a comment\nsize = 640x480\n\nbitrate_bps=1M\n", &err),
			 0);
	assert_int_equal(conf.width, 640);
	assert_int_equal(conf.bitrate_bps, 1000000);
}

static void wrong_line_is_named_and_nothing_is_taken(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"size = 640x480\nfps = fast\n", "test.conf:2: fps"},
		{"size = 640x480\ncolour = red\n", "test.conf:2: there is no setting"},
		{"size = 640x480\nnonsense\n", "test.conf:2: "},
		{"[camera]\nsize = 640x480\n", "test.conf:2: there are no sections"},
		{"name = other\n", "test.conf:1: name"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf conf, before;
		struct error err = {0};
		conf_defaults(&conf);
		before = conf;
		assert_int_equal(read_text(&conf, cases[i].text, &err), -EINVAL);
		assert_non_null(strstr(err.text, cases[i].words));
		assert_memory_equal(&conf, &before, sizeof(conf));
	}
}

static int load(struct conf *conf, struct error *err, const char *a, const char *b)
{
	const char *argv[] = {"nalcastd", a, b, NULL};
	enum conf_action action;

	return conf_load(conf, (char **)(uintptr_t)argv, &action, err);
}

static void doctor_takes_the_settings_of_the_others(void **state)
{
	static const struct {
		const char *argv[4];
		enum conf_action expected;
	} cases[] = {
		{{"nalcastd", "--name=door", "--doctor", NULL}, CONF_DOCTOR},
		{{"nalcastd", "--doctor=json", "--name=door", NULL}, CONF_DOCTOR_JSON},
		{{"nalcastd", "--name=door", NULL, NULL}, CONF_RUN},
	};
	UNUSED_STATE(state);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum conf_action action = CONF_EXIT;
		struct conf conf;
		assert_int_equal(conf_load(&conf, (char **)(uintptr_t)cases[i].argv, &action, NULL),
				 0);
		assert_int_equal(action, cases[i].expected);
		assert_string_equal(conf.name, "door");
	}
	struct conf conf;
	struct error err = {0};
	assert_int_equal(load(&conf, &err, "--doctor=xml", NULL), -EINVAL);
	assert_int_equal(load(&conf, &err, "--doctor", "--size=huge"), -EINVAL);
}

static void command_line_wins_over_the_file(void **state)
{
	UNUSED_STATE(state);
	char path[] = "/tmp/nalcast-conf-XXXXXX";
	char option[64];
	struct conf conf;
	struct error err = {0};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(dprintf(fd, "size = 640x480\nfps = 15\n"), 24);
	close(fd);
	snprintf(option, sizeof(option), "--config=%s", path);
	assert_int_equal(load(&conf, &err, "--fps=25", option), 0);
	unlink(path);
	assert_int_equal(conf.width, 640);
	assert_int_equal(conf.fps_milli, 25000);
}

static void paths_follow_from_the_name(void **state)
{
	UNUSED_STATE(state);
	struct conf conf;
	struct error err = {0};

	assert_int_equal(load(&conf, &err, "--name=door", NULL), 0);
	assert_non_null(strstr(conf.stream_socket, "/nalcast/door/stream.sock"));
	assert_non_null(strstr(conf.control_socket, "/nalcast/door/control.sock"));
	assert_non_null(strstr(conf.state_dir, "/nalcast/door"));
}

static void command_line_that_is_wrong_is_named(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *argument, *words;
	} cases[] = {
		{"--colour=red", "--colour"},
		{"size", "'size'"},
		{"--size", "--size needs a value"},
		{"--size=big", "size: 'big'"},
		{"--config=/nonexistent/file", "/nonexistent/file"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf conf;
		struct error err = {0};
		assert_true(load(&conf, &err, cases[i].argument, NULL) < 0);
		assert_non_null(strstr(err.text, cases[i].words));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_protocol),
		cmocka_unit_test(values_are_read_with_their_units),
		cmocka_unit_test(wrong_values_are_refused_and_named),
		cmocka_unit_test(number_out_of_range_is_told_the_range),
		cmocka_unit_test(unknown_setting_is_refused),
		cmocka_unit_test(file_is_read),
		cmocka_unit_test(wrong_line_is_named_and_nothing_is_taken),
		cmocka_unit_test(doctor_takes_the_settings_of_the_others),
		cmocka_unit_test(command_line_wins_over_the_file),
		cmocka_unit_test(paths_follow_from_the_name),
		cmocka_unit_test(command_line_that_is_wrong_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
