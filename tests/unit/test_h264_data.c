/* Our own small streams from x264, in tests/data. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "streamer/nal.h"
#include "streamer/splitter.h"
#include "tests/unit/h264_file.h"

static const struct {
	const char *name;
	unsigned units, idrs;
	unsigned width, height, poc_type, delay;
	const char *profile;
} files[] = {
	{"aud.h264", 6, 2, 96, 64, 2, 0, "Constrained Baseline"},
	{"bframes.h264", 12, 2, 96, 64, 0, 2, "Main"},
	{"crop.h264", 6, 2, 90, 50, 2, 0, "Constrained Baseline"},
	{"poc0.h264", 8, 4, 96, 64, 0, 1, "Main"},
	{"refresh.h264", 12, 1, 96, 64, 2, 0, "Constrained Baseline"},
	{"slices.h264", 12, 3, 96, 64, 2, 0, "Constrained Baseline"},
};

static struct h264_file read_data(const char *name)
{
	struct h264_file file = h264_file_read(DATA_DIR, name);

	if (file.bytes == NULL)
		fail_msg("%s/%s is missing", DATA_DIR, name);
	return file;
}

static void access_units_are_as_many_as_pictures(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct h264_file file = read_data(files[i].name);
		struct h264_units units = h264_units_of(&file, &(struct chunks){.size = file.size});
		assert_int_equal(units.count, files[i].units);
		assert_int_equal(units.idrs, files[i].idrs);
		free(units.bytes);
		free(file.bytes);
	}
}

static void format_is_that_of_the_stream(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct h264_file file = read_data(files[i].name);
		struct splitter *s = splitter_new();
		struct au *au;
		splitter_feed(s, file.bytes, file.size);
		assert_int_equal(splitter_collect(s, &au), 0);
		assert_int_equal(au->format.width, files[i].width);
		assert_int_equal(au->format.height, files[i].height);
		assert_int_equal(au->format.coded_width, 96);
		assert_int_equal(au->format.coded_height, 64);
		assert_int_equal(au->format.fps_milli, 25000);
		const struct sps *sps = splitter_sps(s);
		assert_int_equal(sps->poc_type, files[i].poc_type);
		assert_int_equal(sps_decoder_delay(sps), files[i].delay);
		assert_string_equal(sps_profile_name(sps), files[i].profile);
		au_unref(au);
		splitter_free(s);
		free(file.bytes);
	}
}

static void slices_stay_together_and_delimiters_go(void **state)
{
	UNUSED_STATE(state);
	static const char *const names[] = {"slices.h264", "aud.h264"};
	static const unsigned slices[] = {4, 1};

	for (size_t i = 0; i < 2; i++) {
		struct h264_file file = read_data(names[i]);
		struct splitter *s = splitter_new();
		struct au *au;
		splitter_feed(s, file.bytes, file.size);
		splitter_flush(s);
		for (; splitter_collect(s, &au) == 0; au_unref(au)) {
			const uint8_t *pos = au->data, *end = au->data + au->size;
			unsigned count = 0;
			for (struct nal nal; nal_next(&pos, end, &nal);)
				count += nal.type == NAL_SLICE || nal.type == NAL_SLICE_IDR;
			assert_int_equal(count, slices[i]);
			assert_int_equal(nal_types(au->data, au->size) & 1u << NAL_AUD, 0);
		}
		splitter_free(s);
		free(file.bytes);
	}
}

static void cutting_the_files_changes_nothing(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct h264_file file = read_data(files[i].name);
		h264_assert_cutting_changes_nothing(file, 1);
		free(file.bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(access_units_are_as_many_as_pictures),
		cmocka_unit_test(format_is_that_of_the_stream),
		cmocka_unit_test(slices_stay_together_and_delimiters_go),
		cmocka_unit_test(cutting_the_files_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
