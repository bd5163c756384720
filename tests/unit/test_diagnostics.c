#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/diagnostics.h"
#include "tests/unit/findings.h"

#define NOW_US INT64_C(1800000000000000) /* 2027 */

struct world { /* what facts point to; each case makes it wrong in its own way */
	struct stream_status status;
	struct au_format format;
	struct conf conf;
	json_t *request;
	struct account account;
	struct diagnostics_facts facts;
};

static void make_healthy(struct world *w)
{
	memset(w, 0, sizeof(*w));
	conf_defaults(&w->conf);
	memcpy(w->conf.state_dir, "/var/lib/nalcast/main", 22);
	w->status.running = w->status.settings_kept = true;
	w->status.pipeline = (struct pipeline_report){.online = true,
						      .backend = "test",
						      .encoder = "x264",
						      .frames_captured = 1000};
	w->status.server.requests.upgrades = 3;
	w->format = (struct au_format){.codec = "avc1.42C01F",
				       .width = 1280,
				       .height = 720,
				       .broadway = true};
	w->request = json_pack("{s:s, s:s, s:s}", "host", "cam.example", "https", "on", "include",
			       DIAGNOSTICS_INCLUDE);
	w->facts = (struct diagnostics_facts){
		.status = &w->status,
		.format = &w->format,
		.conf = &w->conf,
		.request = w->request,
		.wall_us = NOW_US,
		.wire_us = NOW_US,
		.account = &w->account,
		.machine = {.files_max = 1048576},
	};
	w->account = (struct account){.name = "nalcast", .uid = 990};
}

static void healthy(struct world *w)
{
	(void)w;
}

static void unplugged(struct world *w)
{
	w->status.pipeline.online = false;
	memcpy(w->status.pipeline.reason, "unplugged", 10);
}

static void taken(struct world *w)
{
	unplugged(w);
	error_set(&w->status.pipeline.last_error, -EBUSY, "/dev/video0: busy");
}

static void forbidden(struct world *w)
{
	error_set(&w->facts.device, -EACCES, "/dev/video0: Permission denied");
}

static void of_a_device(struct world *w)
{
	memcpy(w->conf.source_device, "/dev/video0", 12);
}

static void stopped(struct world *w)
{
	w->status.running = false;
}

static void too_slow(struct world *w)
{
	w->status.pipeline.frames_dropped = 100;
}

static void closed(struct world *w)
{
	w->status.pipeline.encoder[0] = '\0';
}

static void high_profile(struct world *w)
{
	w->format.broadway = false;
}

static void reordered(struct world *w)
{
	w->format.decoder_delay_frames = 4;
}

static void unseen(struct world *w)
{
	w->facts.format = NULL;
}

static void long_gop(struct world *w)
{
	w->conf.gop_frames = 2100;
}

static void heavy_gop(struct world *w)
{
	w->conf.limits.ring_bytes_max = 400000; /* 60 pictures at 30 fps and 2 Mbit/s: 500,000 */
}

static void few_idrs_from_a_camera(struct world *w)
{
	w->status.pipeline.own_size = true;
	w->status.pipeline.idr_total = 1;
	w->status.pipeline.aus_produced = 3000;
	w->status.pipeline.fps_captured_milli = 30000;
	w->status.pipeline.bitrate_actual_bps = 1000000;
}

static void ready_made_but_unseen(struct world *w)
{
	w->status.pipeline.own_size = true;
}

static void over_http(struct world *w)
{
	json_object_del(w->request, "https");
}

static void by_a_proxy_in_front(struct world *w)
{
	over_http(w);
	json_object_set_new(w->request, "forwarded_proto", json_string("https"));
}

static void on_this_machine(struct world *w)
{
	over_http(w);
	json_object_set_new(w->request, "host", json_string("localhost:8080"));
}

static void without_host(struct world *w)
{
	json_object_del(w->request, "host");
}

static void by_foreign_files(struct world *w)
{
	json_object_del(w->request, "include");
}

static void by_older_files(struct world *w)
{
	json_object_set_new(w->request, "include", json_string("0"));
}

static void over_the_socket(struct world *w)
{
	w->facts.request = NULL;
}

static void without_upgrade(struct world *w)
{
	w->status.server.requests.upgrades = 0;
	w->status.server.requests.without_upgrade = 2;
}

static void without_proto(struct world *w)
{
	w->status.server.requests.without_proto = 1;
}

static void without_viewers(struct world *w)
{
	w->status.server.requests.upgrades = 0;
}

static void without_port(struct world *w)
{
	w->status.server.requests.origins_refused = 1;
	memcpy(w->status.server.requests.refused_origin, "https://cam:8443", 17);
	memcpy(w->status.server.requests.refused_host, "cam", 4);
}

static void in_1970(struct world *w)
{
	w->facts.wall_us = w->facts.wire_us = 1000000;
}

static void set_later(struct world *w)
{
	w->facts.wire_us = NOW_US - 3600000000;
}

static void full_disk(struct world *w)
{
	error_set(&w->status.settings_error, -ENOSPC, "/var/lib: No space left on device");
}

static void forbidden_folder(struct world *w)
{
	error_set(&w->facts.disk, -EACCES, "/var/lib/nalcast: Permission denied");
}

static void refused(struct world *w)
{
	error_set(&w->status.settings_refused, -ERANGE, "no mode 642x482");
}

static void few_files(struct world *w)
{
	w->facts.machine.files_max = 64;
}

static void on_a_pi(struct world *w)
{
	memcpy(w->conf.source, "auto", 5);
	memcpy(w->facts.machine.model, "Raspberry Pi 4", 15);
	w->facts.machine.has_cma = true;
	w->facts.machine.cma_bytes = UINT64_C(256) << 20;
}

static void on_a_pi_with_little(struct world *w)
{
	on_a_pi(w);
	w->facts.machine.cma_bytes = 8 << 20;
}

static void with_a_node(struct world *w)
{
	memcpy(w->conf.source, "v4l2", 5);
	memcpy(w->facts.machine.nodes[0].path, "/dev/null", 10);
	w->facts.machine.node_count = 1;
}

static void with_a_closed_node(struct world *w)
{
	with_a_node(w);
	/* root's alone, wherever this runs */
	memcpy(w->facts.machine.nodes[0].path, "/proc/1/mem", 12);
}

static const struct {
	void (*make)(struct world *w);
	const char *id, *expected; /* "": nothing is said */
} cases[] = {
	{healthy, "source", "pass"},
	{healthy, "permissions", "pass"},
	{healthy, "open-files", "pass"},
	{healthy, "groups", ""},
	{healthy, "memory", ""},
	{healthy, "stream", "pass"},
	{healthy, "encoder", "pass"},
	{healthy, "broadway", "pass"},
	{healthy, "reordering", "pass"},
	{healthy, "gop", "pass"},
	{healthy, "web-server", "pass"},
	{healthy, "include", "pass"},
	{healthy, "upgrades", "pass"},
	{healthy, "origins", "pass"},
	{healthy, "clock", "pass"},
	{healthy, "settings", "pass"},
	{unplugged, "source", "fail"},
	{taken, "source", "fail"},
	{forbidden, "permissions", "fail"},
	{of_a_device, "permissions", "pass"},
	{with_a_node, "groups", "pass"},
	{with_a_closed_node, "groups", "fail"},
	{on_a_pi, "memory", "pass"},
	{on_a_pi_with_little, "memory", "warn"},
	{few_files, "open-files", "warn"},
	{stopped, "stream", "warn"},
	{too_slow, "encoder", "warn"},
	{closed, "encoder", ""},
	{high_profile, "broadway", "warn"},
	{reordered, "reordering", "warn"},
	{unseen, "broadway", ""},
	{unseen, "reordering", ""},
	{long_gop, "gop", "warn"},
	{heavy_gop, "gop", "warn"},
	{few_idrs_from_a_camera, "gop", "warn"},
	{ready_made_but_unseen, "gop", ""},
	{over_http, "web-server", "warn"},
	{by_a_proxy_in_front, "web-server", "pass"},
	{on_this_machine, "web-server", "pass"},
	{without_host, "web-server", "fail"},
	{over_the_socket, "web-server", ""},
	{by_foreign_files, "include", "warn"},
	{by_older_files, "include", "warn"},
	{over_the_socket, "include", ""},
	{without_upgrade, "upgrades", "fail"},
	{without_proto, "upgrades", "warn"},
	{without_viewers, "upgrades", ""},
	{without_viewers, "origins", ""},
	{without_port, "origins", "warn"},
	{in_1970, "clock", "warn"},
	{set_later, "clock", "warn"},
	{full_disk, "settings", "fail"},
	{forbidden_folder, "settings", "fail"},
	{refused, "settings", "warn"},
};

static void each_case_is_said_with_its_fix(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *expected = cases[i].expected;
		struct world w;
		make_healthy(&w);
		cases[i].make(&w);
		json_t *list = diagnostics_run(&w.facts);
		json_t *entry = entry_of(list, cases[i].id);
		if (strcmp(text_of(entry, "status"), expected) != 0)
			fail_msg("case %zu: %s is '%s', not '%s'", i, cases[i].id,
				 text_of(entry, "status"), expected);
		/* What is wrong comes with what to do, and what is not does not. */
		bool wrong = expected[0] != '\0' && strcmp(expected, "pass") != 0;
		assert_int_equal(text_of(entry, "fix")[0] != '\0', wrong);
		assert_int_equal(text_of(entry, "detail")[0] != '\0', expected[0] != '\0');
		json_decref(list);
		json_decref(w.request);
	}
}

static void file_that_may_not_be_read_is_found(void **state)
{
	UNUSED_STATE(state);
	struct world w;
	char path[] = "/tmp/nalcast-diagnostics-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	make_healthy(&w);
	account_self(&w.account);
	snprintf(w.conf.source_device, sizeof(w.conf.source_device), "%s", path);
	diagnostics_look(&w.facts, &w.account, &machine_roots);
	assert_int_equal(w.facts.device.code, 0);
	assert_int_equal(chmod(path, 0), 0);
	diagnostics_look(&w.facts, &w.account, &machine_roots);
	/* root may read everything */
	assert_int_equal(w.facts.device.code, access(path, R_OK) < 0 ? -EACCES : 0);
	unlink(path);
	json_decref(w.request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case_is_said_with_its_fix),
		cmocka_unit_test(file_that_may_not_be_read_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
