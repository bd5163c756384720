#include "tests/unit/unit.h"

#include <string.h>

#include "common/util.h"
#include "streamer/machine.h"
#include "tests/unit/folder.h"

static struct machine look(void)
{
	struct machine_roots roots = {
		.proc = folder_path("proc"),
		.dev = folder_path("dev"),
		.etc = folder_path("etc"),
	};
	struct machine machine;

	machine_look(&roots, &machine);
	return machine;
}

static void begin(void)
{
	folder_begin();
	folder_put("proc/", "", 0755);
	folder_put("proc/sys/", "", 0755);
	folder_put("proc/sys/kernel/", "", 0755);
	folder_put("proc/device-tree/", "", 0755);
	folder_put("dev/", "", 0755);
	folder_put("dev/dma_heap/", "", 0755);
}

static void what_is_there_is_found(void **state)
{
	UNUSED_STATE(state);
	begin();
	folder_put("proc/sys/kernel/osrelease", "6.6.1-rpi\n", 0644);
	folder_put("proc/device-tree/model", "Raspberry Pi 4 Model B", 0644);
	folder_put("proc/meminfo",
		   "MemTotal:        3884352 kB\nCmaTotal:         262144 kB\n"
		   "CmaFree:           65536 kB\n",
		   0644);
	folder_put("dev/video10", "", 0660);
	folder_put("dev/video0", "", 0660);
	folder_put("dev/media0", "", 0660);
	folder_put("dev/videoX", "", 0660);
	folder_put("dev/null", "", 0666);
	folder_put("dev/udmabuf", "", 0600);
	folder_put("dev/dma_heap/linux,cma", "", 0660);
	struct machine machine = look();
	assert_string_equal(machine.kernel, "6.6.1-rpi");
	assert_string_equal(machine.model, "Raspberry Pi 4 Model B");
	assert_true(machine.has_cma);
	assert_int_equal(machine.cma_bytes, 256 << 20);
	assert_int_equal(machine.cma_free_bytes, 64 << 20);
	assert_true(machine.files_max > 0);
	assert_int_equal(machine.node_count, 5);
	assert_string_equal(machine.nodes[0].path, folder_path("dev/dma_heap/linux,cma"));
	assert_true(machine.nodes[0].of_buffers);
	assert_string_equal(machine.nodes[3].path, folder_path("dev/video0"));
	assert_false(machine.nodes[3].of_buffers);
	folder_end();
}

static void machine_that_says_nothing_is_no_trouble(void **state)
{
	static const char *const texts[] = {"", "CmaTotal:\n", "CmaTotal: x kB\nCmaFree: -1 kB\n",
					    "CmaTotal: 99999999999999999999999 kB\n",
					    "CmaTotal: 0 kB\nCmaFree: 0 kB"};
	UNUSED_STATE(state);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		folder_begin();
		folder_put("proc/", "", 0755);
		folder_put("proc/meminfo", texts[i], 0644);
		struct machine machine = look();
		assert_false(machine.has_cma);
		assert_string_equal(machine.kernel, "");
		assert_string_equal(machine.model, "");
		assert_int_equal(machine.node_count, 0);
		folder_end();
	}
}

struct scene { /* what people have, and what is said of it */
	const char *source;
	mode_t video, heap, udmabuf;
	const char *model;
	enum finding_verdict expected;
	bool unsaid;
};

static const struct scene scenes[] = {
	{"v4l2", 0666, 0600, 0600, "", FINDING_PASS, false},
	{"v4l2", 0600, 0666, 0666, "", FINDING_FAIL, false},
	{"auto", 0600, 0666, 0666, "", FINDING_FAIL, false},
	{"auto", 0666, 0600, 0600, "", FINDING_PASS, false},
	{"auto", 0666, 0600, 0600, "Raspberry Pi 4", FINDING_FAIL, false},
	{"auto", 0666, 0666, 0600, "Raspberry Pi 4", FINDING_PASS, false},
	{"libcamera", 0666, 0600, 0600, "", FINDING_FAIL, false},
	{"libcamera", 0666, 0600, 0666, "", FINDING_PASS, false},
	{"v4l2:/dev/video7", 0600, 0666, 0666, "", FINDING_WARN, false},
	{"test", 0600, 0600, 0600, "", FINDING_PASS, true},
	{"file:x", 0600, 0600, 0600, "", FINDING_PASS, true},
};

static void make(const struct scene *scene)
{
	begin();
	folder_put("dev/video0", "", scene->video);
	folder_put("dev/udmabuf", "", scene->udmabuf);
	folder_put("dev/dma_heap/system", "", scene->heap);
	folder_put("proc/device-tree/model", scene->model, 0644);
}

static void closed_device_files_are_said_with_the_group(void **state)
{
	UNUSED_STATE(state);
	struct account account = {.name = "nalcast", .uid = 4001};

	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		struct finding finding = {.verdict = FINDING_PASS};
		struct conf conf;
		conf_defaults(&conf);
		const char *source = scenes[i].source;
		assert_int_equal(conf_set(&conf, "source", source, NULL), 0);
		make(&scenes[i]);
		struct machine machine = look();
		bool said = machine_check_groups(&machine, &conf, &account, &finding);
		if (said == scenes[i].unsaid || finding.verdict != scenes[i].expected)
			fail_msg("scene %zu: %s", i, finding.detail);
		assert_int_equal(finding.fix[0] != '\0', scenes[i].expected != FINDING_PASS);
		folder_end();
	}
}

static void one_camera_of_several_is_a_warning(void **state)
{
	UNUSED_STATE(state);
	struct account account = {.name = "nalcast", .uid = 4001};
	struct finding finding = {.verdict = FINDING_PASS};
	struct conf conf;

	conf_defaults(&conf);
	make(&scenes[0]);
	folder_put("dev/video1", "", 0600);
	struct machine machine = look();
	assert_true(machine_check_groups(&machine, &conf, &account, &finding));
	assert_int_equal(finding.verdict, FINDING_WARN);
	assert_non_null(strstr(finding.detail, "/dev/video1"));
	folder_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_found),
		cmocka_unit_test(machine_that_says_nothing_is_no_trouble),
		cmocka_unit_test(closed_device_files_are_said_with_the_group),
		cmocka_unit_test(one_camera_of_several_is_a_warning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
