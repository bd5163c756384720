/* Real streams of other people's encoders, which are not in this tree: $NALCAST_SAMPLES, or samples
 * in the folder shared beside the source tree. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "streamer/splitter.h"
#include "tests/unit/h264_file.h"

static const char *samples;

/* Intact ones; as many access units as ffmpeg finds pictures. */
static const struct {
	const char *name;
	unsigned units, idrs;
} intact[] = {
	{"BA1_FT_C.264", 299, 2},
	{"BA1_Sony_D.jsv", 17, 1},
	{"BANM_MW_D.264", 100, 4},
	{"CVFC1_Sony_C.jsv", 50, 1},
	{"Cisco_Men_whisper_640x320_CAVLC_Bframe_9.264", 9, 2},
	{"LS_SVA_D.264", 1700, 1},
	{"MPS_MW_A.264", 150, 5},
	{"MR1_BT_A.h264", 62, 1},
	{"SVA_Base_B.264", 17, 1},
	{"SarVui.264", 17, 1},
	{"Static.264", 10, 1},
	{"Zhling_1280x720.264", 19, 1},
	{"camera-streamer_capture.h264", 1, 1},
	{"h264bsd_test_1920x1080.h264", 73, 2},
	{"h264bsd_test_640x360.h264", 73, 2},
	{"openipc_smolrtsp_video.h264", 812, 13},
	{"test_qcif_cabac.264", 30, 1},
};

static const struct {
	const char *name;
	unsigned pictures; /* in the file, the headless ones too */
} damaged[] = {
	{"BA_MW_D_IDR_LOST.264", 97},
	{"BA_MW_D_P_LOST.264", 99},
	{"Error_I_P.264", 6},
};

static struct h264_file read_sample(const char *name)
{
	struct h264_file file = h264_file_read(samples, name);

	if (file.bytes == NULL)
		print_message("%s is missing\n", name);
	return file;
}

static void access_units_are_as_many_as_pictures(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(intact) / sizeof(intact[0]); i++) {
		struct h264_file file = read_sample(intact[i].name);
		struct h264_units units = h264_units_of(&file, &(struct chunks){.size = file.size});
		if (file.bytes != NULL &&
		    (units.count != intact[i].units || units.idrs != intact[i].idrs))
			fail_msg("%s: %u access units, %u IDR", intact[i].name, units.count,
				 units.idrs);
		free(units.bytes);
		free(file.bytes);
	}
}

/* The splitter after all of the file, whose access units were shown to look. */
static struct splitter *split(const struct h264_file *file,
			      void (*look)(const struct splitter *s, const struct au *au),
			      struct splitter_stats *ret_stats)
{
	struct splitter *s = splitter_new();
	struct au *au;

	splitter_feed(s, file->bytes, file->size);
	splitter_flush(s);
	for (; splitter_collect(s, &au) == 0; au_unref(au))
		look(s, au);
	splitter_get_stats(s, ret_stats);
	return s;
}

static void assert_resumes_at_an_idr(const struct splitter *s, const struct au *au)
{
	(void)s;
	if ((au->flags & AU_DISCONTINUITY) != 0)
		assert_true(au->flags & AU_IDR);
}

static void assert_not_held_back(const struct splitter *s, const struct au *au)
{
	if (sps_is_baseline(splitter_sps(s)))
		assert_int_equal(au->format.decoder_delay_frames, 0);
}

static void damaged_streams_resume_at_an_idr(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct h264_file file = read_sample(damaged[i].name);
		struct splitter_stats stats;
		struct splitter *s = split(&file, assert_resumes_at_an_idr, &stats);
		if (file.bytes != NULL)
			assert_int_equal(stats.aus + stats.aus_dropped, damaged[i].pictures);
		splitter_free(s);
		free(file.bytes);
	}
}

/* What may have pictures out of order keeps its SPS. */
static void no_baseline_stream_holds_pictures_back(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(intact) / sizeof(intact[0]); i++) {
		struct h264_file file = read_sample(intact[i].name);
		struct splitter_stats stats;
		struct splitter *s = split(&file, assert_not_held_back, &stats);
		if (file.bytes != NULL && !sps_is_baseline(splitter_sps(s)))
			assert_int_equal(stats.sps_rewritten, 0);
		splitter_free(s);
		free(file.bytes);
	}
}

/* Byte by byte and at random; the split at every offset is for our own small ones. */
static void cutting_the_samples_changes_nothing(void **state)
{
	UNUSED_STATE(state);
	for (size_t i = 0; i < sizeof(intact) / sizeof(intact[0]); i++) {
		struct h264_file file = read_sample(intact[i].name);
		h264_assert_cutting_changes_nothing(file, 0);
		free(file.bytes);
	}
}

int main(void)
{
	samples = getenv("NALCAST_SAMPLES");
	if (samples == NULL)
		samples = SAMPLES_DIR;
	if (access(samples, R_OK) < 0) {
		printf("1..0 # SKIP no samples in %s\n", samples);
		return 0;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(access_units_are_as_many_as_pictures),
		cmocka_unit_test(damaged_streams_resume_at_an_idr),
		cmocka_unit_test(no_baseline_stream_holds_pictures_back),
		cmocka_unit_test(cutting_the_samples_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
