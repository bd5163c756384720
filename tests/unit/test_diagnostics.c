#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "streamer/diagnostics.h"

static const struct stream_status healthy = {
	.running = true,
	.pipeline = {.online = true, .backend = "test"},
};

static const struct au_format baseline = {.codec = "avc1.42C01F",
					  .width = 1280,
					  .height = 720,
					  .broadway = true};

/* The status and the fix of the check with this id; "" where it said nothing. */
static const char *status_of(json_t *list, const char *id, const char **ret_fix)
{
	size_t i;
	json_t *entry;

	json_array_foreach(list, i, entry)
	{
		if (strcmp(json_string_value(json_object_get(entry, "id")), id) != 0)
			continue;
		assert_true(json_string_length(json_object_get(entry, "detail")) > 0);
		*ret_fix = json_string_value(json_object_get(entry, "fix"));
		return json_string_value(json_object_get(entry, "status"));
	}
	return "";
}

static void assert_finds(const struct stream_status *status, const struct au_format *format,
			 const char *id, const char *expected)
{
	const char *fix = "";
	json_t *list = diagnostics_run(status, format);

	assert_string_equal(status_of(list, id, &fix), expected);
	/* What is wrong comes with what to do, and what is not does not. */
	assert_int_equal(fix[0] != '\0', expected[0] != '\0' && strcmp(expected, "pass") != 0);
	json_decref(list);
}

static void healthy_stream_passes(void **state)
{
	UNUSED_STATE(state);
	assert_finds(&healthy, &baseline, "source", "pass");
	assert_finds(&healthy, &baseline, "stream", "pass");
	assert_finds(&healthy, &baseline, "broadway", "pass");
	assert_finds(&healthy, &baseline, "reordering", "pass");
}

static void lost_camera_fails_with_its_reason(void **state)
{
	UNUSED_STATE(state);
	struct stream_status status = healthy;

	status.pipeline.online = false;
	snprintf(status.pipeline.reason, sizeof(status.pipeline.reason), "unplugged");
	assert_finds(&status, NULL, "source", "fail");
}

static void stopped_stream_is_said(void **state)
{
	UNUSED_STATE(state);
	struct stream_status status = healthy;

	status.running = false;
	assert_finds(&status, NULL, "stream", "warn");
}

static void stream_that_broadway_cannot_show_is_said(void **state)
{
	UNUSED_STATE(state);
	struct au_format format = baseline;

	format.broadway = false;
	assert_finds(&healthy, &format, "broadway", "warn");
}

static void pictures_held_back_are_said(void **state)
{
	UNUSED_STATE(state);
	struct au_format format = baseline;

	format.decoder_delay_frames = 4;
	assert_finds(&healthy, &format, "reordering", "warn");
}

static void what_only_a_picture_tells_is_left_out_before_it(void **state)
{
	UNUSED_STATE(state);
	assert_finds(&healthy, NULL, "broadway", "");
	assert_finds(&healthy, NULL, "reordering", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy_stream_passes),
		cmocka_unit_test(lost_camera_fails_with_its_reason),
		cmocka_unit_test(stopped_stream_is_said),
		cmocka_unit_test(stream_that_broadway_cannot_show_is_said),
		cmocka_unit_test(pictures_held_back_are_said),
		cmocka_unit_test(what_only_a_picture_tells_is_left_out_before_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
