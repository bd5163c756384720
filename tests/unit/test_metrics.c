#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "streamer/metrics.h"

static char text[METRICS_SIZE];

static const struct metrics largest = {
	.camera = "12345678901234567890123456789012",
	.version = "10.20.30-rc1",
	.uptime_us = INT64_MAX,
	.published = UINT64_MAX,
	.frames_captured = UINT64_MAX,
	.frames_dropped = UINT64_MAX,
	.aus_dropped = UINT64_MAX,
	.idrs = UINT64_MAX,
	.idrs_forced = UINT64_MAX,
	.restarts = UINT64_MAX,
	.bitrate_target_bps = UINT32_MAX,
	.bitrate_actual_bps = UINT32_MAX,
	.fps_milli = UINT32_MAX,
	.viewers = UINT32_MAX,
	.viewers_max = UINT32_MAX,
	.viewers_total = UINT64_MAX,
	.sent_bytes = UINT64_MAX,
	.sent_aus = UINT64_MAX,
	.skipped_aus = UINT64_MAX,
	.capture_to_publish_us = {INT64_MAX, INT64_MAX},
	.publish_to_ack_us = {INT64_MAX, INT64_MAX},
};

static void numbers_are_shown_with_the_camera(void **state)
{
	UNUSED_STATE(state);
	static const char *const lines[] = {
		"nalcast_up{camera=\"door\"} 1\n",
		"nalcast_source_online{camera=\"door\"} 1\n",
		"nalcast_viewers{camera=\"door\"} 2\n",
		"nalcast_sent_bytes_total{camera=\"door\"} 123456789012\n",
		"nalcast_encoder_target_bytes_per_second{camera=\"door\"} 250000\n",
		"nalcast_frames_per_second{camera=\"door\"} 29.97\n",
		"nalcast_capture_to_publish_seconds{camera=\"door\",quantile=\"0.99\"} 0.012345\n",
	};
	const struct metrics metrics = {
		.camera = "door",
		.version = "1",
		.source_online = true,
		.viewers = 2,
		.sent_bytes = 123456789012,
		.bitrate_target_bps = 2000000,
		.fps_milli = 29970,
		.capture_to_publish_us = {1000, 12345},
	};

	metrics_write(&metrics, text);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (strstr(text, lines[i]) == NULL)
			fail_msg("%s", lines[i]);
}

/* "nalcast_x{...} 1" or "# TYPE nalcast_x ...": the name after prefix. */
static bool name_in(const char *line, const char *prefix, char name[static 80])
{
	size_t len = strlen(prefix);

	return strncmp(line, prefix, len) == 0 && sscanf(line + len, "%79[a-z0-9_]", name) == 1;
}

static void every_sample_follows_its_help_and_type(void **state)
{
	UNUSED_STATE(state);
	char help[80] = "", type[80] = "", name[80];
	unsigned samples = 0;

	metrics_write(&largest, text);
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (name_in(line, "# HELP ", help))
			continue;
		if (name_in(line, "# TYPE ", type)) {
			assert_string_equal(type, help);
			continue;
		}
		assert_true(name_in(line, "", name));
		assert_string_equal(name, type);
		samples++;
	}
	assert_true(samples > 20);
}

static void largest_numbers_fit(void **state)
{
	UNUSED_STATE(state);
	metrics_write(&largest, text);
	assert_true(strlen(text) < METRICS_SIZE - 1000);
	assert_non_null(strstr(text, "nalcast_publish_to_ack_seconds{"));
	assert_non_null(strstr(text, " 18446744073709551615\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_shown_with_the_camera),
		cmocka_unit_test(every_sample_follows_its_help_and_type),
		cmocka_unit_test(largest_numbers_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
