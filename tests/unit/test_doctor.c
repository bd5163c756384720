#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "streamer/doctor.h"
#include "streamer/encoder.h"
#include "tests/unit/findings.h"

const struct source_ops *const source_backends[] = {&source_test_ops, NULL};
static bool takes_raw(uint32_t fourcc)
{
	return fourcc == FRAME_I420;
}

static void tell(const struct encoder_config *cfg, char *words, size_t words_size)
{
	snprintf(words, words_size, "preset %s, %u threads", cfg->preset, cfg->threads);
}

static const struct encoder_ops chip = {.name = "chip", .hardware = true, .takes = takes_raw};
static const struct encoder_ops soft = {.name = "soft", .takes = takes_raw, .tell = tell};

const struct encoder_ops *const encoder_backends[] = {&chip, &soft, &encoder_pass_ops, NULL};

static struct source_info cameras[2];

/* A camera that streams under a unit of its own, behind an nginx that runs. */
static void make_healthy(struct doctor_facts *f)
{
	memset(f, 0, sizeof(*f));
	memset(cameras, 0, sizeof(cameras));
	conf_defaults(&f->conf);
	memcpy(f->conf.name, "main", 5);
	memcpy(f->conf.source, "v4l2", 5);
	memcpy(f->conf.encoder, "pass", 5);
	memcpy(f->conf.state_dir, "/var/lib/nalcast/main", 22);
	f->account = (struct account){.name = NALCAST_USER, .uid = 990};
	f->running = (struct doctor_running){
		.answers = true,
		.peer = {.pid = 12, .uid = 990},
		.name = "main",
		.version = PACKAGE_VERSION,
		.diagnostics = json_pack("[{s:s, s:s, s:s, s:s}]", "id", "stream", "status", "pass",
					 "detail", "the stream may run", "fix", ""),
	};
	f->premises = (struct premises){
		.has_unit = true,
		.unit_enabled = true,
		.stream = {.path = "/tmp/s", .exists = true, .is_socket = true, .is_heard = true},
		.control = {.path = "/tmp/c", .exists = true, .is_socket = true, .is_heard = true},
		.group = "www-data",
		.nginx_runs = true,
		.nginx_user = "www-data",
	};
	memcpy(cameras[0].caps.backend, "v4l2", 5);
	memcpy(cameras[0].caps.name, "Fine Cam", 9);
	f->cameras = cameras;
	f->camera_count = 1;
	error_set(&f->no_hardware, -ENODEV, "V4L2 has no encoder");
	error_set(&f->capture.error, -ENOENT, "nalcast-capture: No such file or directory");
	f->status.running = true;
	f->status.pipeline.online = true;
	f->shared = (struct diagnostics_facts){
		.status = &f->status,
		.conf = &f->conf,
		.account = &f->account,
	};
}

static void healthy(struct doctor_facts *f)
{
	(void)f;
}

static void without_user(struct doctor_facts *f)
{
	error_set(&f->no_user, -ENOENT, "there is no user 'nalcast'");
}

static void as_root(struct doctor_facts *f)
{
	f->account = (struct account){.name = "root"};
}

static void stopped(struct doctor_facts *f)
{
	f->running.answers = false;
	f->running.peer.pid = 0;
	f->premises.stream.is_heard = f->premises.control.is_heard = false;
}

static void stopped_without_unit(struct doctor_facts *f)
{
	stopped(f);
	f->premises.has_unit = f->premises.unit_enabled = false;
}

static void never_enabled(struct doctor_facts *f)
{
	stopped(f);
	f->premises.unit_enabled = false;
}

static void until_the_next_boot(struct doctor_facts *f)
{
	f->premises.unit_enabled = false;
}

static void begun_by_viewers(struct doctor_facts *f)
{
	stopped(f);
	f->premises.socket_enabled = f->premises.stream.is_heard = true;
}

static void not_to_be_asked(struct doctor_facts *f)
{
	stopped(f);
	f->premises.control.is_heard = true;
	error_set(&f->running.silence, -EACCES, "/tmp/c: Permission denied");
}

static void something_else(struct doctor_facts *f)
{
	stopped(f);
	f->running.peer.pid = 13;
	error_set(&f->running.silence, -EPROTO, "it closes the connection");
}

static void of_another_kind(struct doctor_facts *f)
{
	stopped(f);
	f->premises.control.is_heard = true;
	error_set(&f->running.silence, -EPROTOTYPE, "/tmp/c: Protocol wrong type for socket");
}

static void of_another_camera(struct doctor_facts *f)
{
	memcpy(f->running.name, "door", 5);
}

static void of_another_version(struct doctor_facts *f)
{
	memcpy(f->running.version, "0.0.1", 6);
}

static void unreadable(struct doctor_facts *f)
{
	error_set(&f->stored, -EACCES, "settings.json: Permission denied");
}

static void damaged(struct doctor_facts *f)
{
	error_set(&f->stored, -EINVAL, "settings.json: damaged");
}

static void hanging(struct doctor_facts *f)
{
	stopped(f);
	error_set(&f->survey, -ETIMEDOUT, "the driver of a camera hangs");
}

static void without_camera(struct doctor_facts *f)
{
	memcpy(f->conf.source, "auto", 5);
	f->camera_count = 0;
}

static void slow_camera(struct doctor_facts *f)
{
	without_camera(f);
	memcpy(f->running.backend, "libcamera", 10);
}

static void taken(struct doctor_facts *f)
{
	stopped(f);
	memcpy(cameras[0].in_use_by, "ffmpeg (pid 1)", 15);
}

static void closed_to_who_asks(struct doctor_facts *f)
{
	stopped(f);
	f->status.pipeline.online = false;
	error_set(&f->status.pipeline.last_error, -EACCES, "/dev/video0: Permission denied");
}

static void unplugged(struct doctor_facts *f)
{
	stopped(f);
	f->status.pipeline.online = false;
	memcpy(f->status.pipeline.reason, "no camera", 10);
	error_set(&f->status.pipeline.last_error, -ENODEV, "no camera");
}

static void without_encoder(struct doctor_facts *f)
{
	memcpy(f->conf.encoder, "x264", 5);
}

static void by_itself(struct doctor_facts *f)
{
	memcpy(f->conf.encoder, "auto", 5);
}

static void in_hardware(struct doctor_facts *f)
{
	by_itself(f);
	f->no_hardware.code = 0;
}

static void without_chip(struct doctor_facts *f)
{
	memcpy(f->conf.encoder, "chip", 5);
}

static void of_a_file(struct doctor_facts *f)
{
	memcpy(f->conf.source, "file", 5);
}

static void without_libcamera(struct doctor_facts *f)
{
	memcpy(f->conf.source, "libcamera", 10);
}

static void on_a_pi_without_libcamera(struct doctor_facts *f)
{
	memcpy(f->conf.source, "auto", 5);
	memcpy(f->shared.machine.model, "Raspberry Pi 4", 15);
}

static void with_libcamera_that_crashes(struct doctor_facts *f)
{
	error_set(&f->capture.error, -EIO, "nalcast-capture: ended by signal 11");
}

static void with_libcamera(struct doctor_facts *f)
{
	f->capture.error.code = 0;
	memcpy(f->capture.words, "nalcast-capture 1\nx", 20);
}

static void in_the_way(struct doctor_facts *f)
{
	stopped(f);
	f->premises.control.is_socket = false;
}

static void heard_by_another(struct doctor_facts *f)
{
	stopped(f);
	f->premises.stream.is_heard = true;
}

static void in_a_closed_folder(struct doctor_facts *f)
{
	stopped(f);
	error_set(&f->premises.stream.folder, -EACCES, "/tmp: nalcast may not write it");
}

static void elsewhere(struct doctor_facts *f)
{
	f->premises.stream.is_heard = false;
}

static void without_group(struct doctor_facts *f)
{
	error_set(&f->premises.in_group, -ENOENT, "there is no group 'www-data'");
}

static void not_in_the_group(struct doctor_facts *f)
{
	error_set(&f->premises.in_group, -EPERM, "nalcast is not in the group 'www-data'");
}

static void of_no_group(struct doctor_facts *f)
{
	f->premises.group[0] = '\0';
}

static void without_nginx(struct doctor_facts *f)
{
	f->premises.nginx_runs = false;
	error_set(&f->nginx.error, -ENOENT, "nginx: No such file or directory");
}

static void nginx_stopped(struct doctor_facts *f)
{
	f->premises.nginx_runs = false;
}

static void nginx_shut_out(struct doctor_facts *f)
{
	error_set(&f->premises.to_stream, -EACCES, "/tmp/s: www-data may not write it");
}

static const struct {
	void (*make)(struct doctor_facts *f);
	const char *id, *expected; /* "": nothing is said */
	const char *words;         /* in the detail or the fix */
} cases[] = {
	{healthy, "user", "pass", NALCAST_USER},
	{healthy, "daemon", "pass", "pid 12"},
	{healthy, "stored", "", ""},
	{healthy, "stream", "pass", "may run"},
	{healthy, "source", "", ""}, /* the running one's to say */
	{healthy, "cameras", "pass", "1 camera was found"},
	{healthy, "encoders", "", ""},
	{healthy, "libcamera", "", ""},
	{healthy, "sockets", "pass", "/tmp/s"},
	{healthy, "socket-group", "pass", "www-data"},
	{healthy, "nginx", "pass", "www-data"},
	{without_user, "user", "warn", "systemd-sysusers"},
	{as_root, "user", "warn", "root"},
	{stopped, "daemon", "warn", "journalctl -u nalcastd@main"},
	{stopped, "source", "pass", "answers"},
	{stopped, "settings", "pass", "/var/lib/nalcast/main"},
	{stopped, "sockets", "pass", "left behind"},
	{never_enabled, "daemon", "warn", "enable --now nalcastd@main"},
	{stopped_without_unit, "daemon", "warn", "nalcastd --name=main"},
	{until_the_next_boot, "daemon", "warn", "systemctl enable nalcastd@main"},
	{begun_by_viewers, "daemon", "pass", "first viewer"},
	{begun_by_viewers, "sockets", "pass", "/tmp/s"},
	{not_to_be_asked, "daemon", "warn", "sudo nalcastd --doctor"},
	{not_to_be_asked, "sockets", "", ""},
	{something_else, "daemon", "fail", "end process 13"},
	{something_else, "sockets", "", ""},
	{of_another_kind, "daemon", "fail", "ss -xlp"},
	{of_another_camera, "daemon", "fail", "'door'"},
	{of_another_version, "daemon", "warn", "restart"},
	{unreadable, "stored", "warn", "sudo"},
	{damaged, "stored", "warn", "aside"},
	{hanging, "cameras", "fail", "hangs"},
	{hanging, "source", "", ""},
	{without_camera, "cameras", "warn", "test pattern"},
	{slow_camera, "cameras", "pass", "0 cameras"},
	{taken, "cameras", "warn", "Fine Cam is in use by ffmpeg (pid 1)"},
	{closed_to_who_asks, "cameras", "warn", "sudo"},
	{closed_to_who_asks, "source", "", ""},
	{unplugged, "source", "fail", "no camera"},
	{without_encoder, "encoders", "fail", "libx264-dev"},
	{by_itself, "encoders", "pass", "soft, software"},
	{in_hardware, "encoders", "pass", "chip, hardware"},
	{without_chip, "encoders", "fail", "'chip' has no hardware: V4L2 has no encoder"},
	{of_a_file, "encoders", "", ""},
	{without_libcamera, "libcamera", "fail", "libcamera-dev"},
	{on_a_pi_without_libcamera, "libcamera", "warn", "libcamera-dev"},
	{with_libcamera_that_crashes, "libcamera", "warn", "--list"},
	{with_libcamera, "libcamera", "pass", "nalcast-capture 1"},
	{in_the_way, "sockets", "fail", "mv /tmp/c"},
	{heard_by_another, "sockets", "fail", "/tmp/s"},
	{in_a_closed_folder, "sockets", "fail", "sudo chown " NALCAST_USER " /tmp"},
	{elsewhere, "sockets", "fail", "options"},
	{without_group, "socket-group", "fail", "groupadd --system www-data"},
	{not_in_the_group, "socket-group", "fail", "usermod -aG www-data " NALCAST_USER},
	{of_no_group, "socket-group", "", ""},
	{without_nginx, "nginx", "warn", "apt-get install nginx"},
	{nginx_stopped, "nginx", "warn", "enable --now nginx"},
	{nginx_shut_out, "nginx", "fail", "www-data"},
};

static void each_case_is_said_with_its_fix(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *expected = cases[i].expected;
		struct doctor_facts facts;
		char words[800];
		make_healthy(&facts);
		cases[i].make(&facts);
		json_t *list = doctor_check(&facts);
		json_t *entry = entry_of(list, cases[i].id);
		snprintf(words, sizeof(words), "%s | %s", text_of(entry, "detail"),
			 text_of(entry, "fix"));
		if (strcmp(text_of(entry, "status"), expected) != 0 ||
		    strstr(words, cases[i].words) == NULL)
			fail_msg("case %zu: %s is '%s', not '%s': %s", i, cases[i].id,
				 text_of(entry, "status"), expected, words);
		bool wrong = expected[0] != '\0' && strcmp(expected, "pass") != 0;
		assert_int_equal(text_of(entry, "fix")[0] != '\0', wrong);
		json_decref(list);
		json_decref(facts.running.diagnostics);
	}
}

static char *printed(const struct doctor_facts *facts, bool colours)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_t *list = doctor_check(facts);

	assert_non_null(out);
	doctor_print(facts, list, colours, out);
	fclose(out);
	json_decref(list);
	return text;
}

static void page_has_cameras_and_findings(void **state)
{
	UNUSED_STATE(state);
	struct doctor_facts facts;

	make_healthy(&facts);
	taken(&facts);
	cameras[0].caps.mode_count = 2;
	cameras[0].caps.modes[0] = (struct source_mode){.width_max = 640, .height_max = 480};
	cameras[0].caps.modes[1] = (struct source_mode){.width_min = 1280,
							.width_max = 1280,
							.height_min = 720,
							.height_max = 720,
							.fps_max_milli = 30000};
	memcpy(cameras[0].caps.id, "/dev/null", 10);
	facts.conf.encoder_threads = 3;
	char *text = printed(&facts, false);
	assert_non_null(strstr(text, "chip         hardware, not here: V4L2 has no encoder\n"));
	assert_non_null(strstr(text, "soft         software, preset auto, 3 threads\n"));
	assert_non_null(strstr(text, PACKAGE_STRING ", camera 'main'\n"));
	assert_non_null(strstr(text, "v4l2         Fine Cam\n"));
	assert_non_null(strstr(text, "source = v4l2:/dev/null\n"));
	assert_non_null(strstr(text, "root:root 0666, " NALCAST_USER " may open it\n"));
	assert_non_null(strstr(text, "1280x720 up to 30 fps, 1 more; 0 controls\n"));
	assert_non_null(strstr(text, "in use by ffmpeg (pid 1)\n"));
	assert_non_null(strstr(text, "  warn  cameras      Fine Cam is in use"));
	assert_non_null(strstr(text, "mend: end that program"));
	assert_null(strchr(text, '\033'));
	free(text);
	json_decref(facts.running.diagnostics);
}

static void names_cannot_move_the_cursor(void **state)
{
	UNUSED_STATE(state);
	struct doctor_facts facts;

	make_healthy(&facts);
	memcpy(cameras[0].caps.name, "\033[2J\xc2\x9b\x7f\rü", 10);
	char *text = printed(&facts, false);
	assert_non_null(strstr(text, "?[2J???ü\n"));
	free(text);
	text = printed(&facts, true);
	assert_non_null(strstr(text, "\033[32mpass\033[0m"));
	assert_non_null(strstr(text, "?[2J???"));
	free(text);
	json_decref(facts.running.diagnostics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_is_said_with_its_fix),
		cmocka_unit_test(page_has_cameras_and_findings),
		cmocka_unit_test(names_cannot_move_the_cursor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
