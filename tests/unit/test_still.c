/* IDR pictures decoded alone: ours, other encoders', and broken ones. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "streamer/nal.h"
#include "streamer/still.h"
#include "tests/unit/h264_file.h"
#include "tests/unit/h264_write.h"
#include "tests/unit/scene.h"

const struct encoder_ops *const encoder_backends[] = {&encoder_pass_ops, NULL};

static int decode(const uint8_t *h264, size_t size, struct still *ret_still)
{
	/* Of its own size: the sanitizer sees who reads on. */
	uint8_t *copy = malloc(size + (size == 0));
	struct error err = {0};

	assert_non_null(copy);
	memcpy(copy, h264, size);
	int r = still_decode(copy, size, ret_still, &err);
	free(copy);
	assert_int_equal(err.code, r);
	assert_true((err.text[0] != '\0') == (r < 0));
	return r;
}

static int decode_and_forget(const uint8_t *h264, size_t size)
{
	struct still still;
	int r = decode(h264, size, &still);

	if (r == 0)
		still_free(&still);
	return r;
}

/* The first IDR of a file of ours. */
static struct au *first_idr(const char *name)
{
	struct h264_file file = h264_file_read(DATA_DIR, name);
	struct splitter *splitter = splitter_new();
	struct au *au;

	assert_non_null(file.bytes);
	assert_int_equal(splitter_feed(splitter, file.bytes, file.size), 0);
	assert_int_equal(splitter_collect(splitter, &au), 0);
	assert_true((au->flags & AU_IDR) != 0);
	splitter_free(splitter);
	free(file.bytes);
	return au;
}

/* Every byte of the planes is there to be read. */
static uint64_t sum_of(const struct still *still)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < 3; i++) {
		const struct frame_plane *plane = &still->frame.plane[i];
		unsigned width = still->frame.width >> (i > 0),
			 height = still->frame.height >> (i > 0);
		assert_true(plane->stride >= width);
		for (unsigned y = 0; y < height; y++)
			for (unsigned x = 0; x < width; x++)
				sum += plane->data[(size_t)y * plane->stride + x];
	}
	return sum;
}

static void check_file(const char *folder, const char *name)
{
	struct h264_file file = h264_file_read(folder, name);
	struct h264_units units;
	size_t at = 0;

	if (file.bytes == NULL) {
		print_message("# %s is missing\n", name);
		return;
	}
	units = h264_units_of(&file, &(struct chunks){.size = file.size});
	while (at < units.size) {
		uint32_t size;
		struct still still;
		memcpy(&size, units.bytes + at + 1, sizeof(size));
		const uint8_t *au = units.bytes + at + 5;
		bool is_idr = (units.bytes[at] & AU_IDR) != 0;
		at += 5 + size;
		if (!is_idr) {
			assert_int_equal(decode_and_forget(au, size), -EBADMSG);
			continue;
		}
		if (decode(au, size, &still) < 0)
			fail_msg("%s: an IDR cannot be decoded", name);
		assert_true(sum_of(&still) > 0);
		still_free(&still);
	}
	free(units.bytes);
	free(file.bytes);
}

static void idr_pictures_of_every_encoder_are_decoded(void **state)
{
	static const char *const ours[] = {"aud.h264",  "bframes.h264", "crop.h264",
					   "poc0.h264", "refresh.h264", "slices.h264"};
	static const char *const samples[] = {
		"BA1_Sony_D.jsv",
		"BANM_MW_D.264",
		"CVFC1_Sony_C.jsv",
		"Cisco_Men_whisper_640x320_CAVLC_Bframe_9.264",
		"MPS_MW_A.264",
		"SVA_Base_B.264",
		"SarVui.264",
		"Static.264",
		"Zhling_1280x720.264",
		"camera-streamer_capture.h264",
		"h264bsd_test_640x360.h264",
		"openipc_smolrtsp_video.h264",
		"test_qcif_cabac.264",
	};
	const char *folder = getenv("NALCAST_SAMPLES");

	UNUSED_STATE(state);
	for (unsigned i = 0; i < ARRAY_SIZE(ours); i++)
		check_file(DATA_DIR, ours[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(samples); i++)
		check_file(folder != NULL ? folder : SAMPLES_DIR, samples[i]);
}

static void cropping_is_as_the_sps_says(void **state)
{
	UNUSED_STATE(state);
	struct au *au = first_idr("crop.h264");
	struct still still;

	assert_int_equal(decode(au->data, au->size, &still), 0);
	assert_int_equal(still.frame.width, 90);
	assert_int_equal(still.frame.height, 50);
	assert_int_equal(still.frame.fourcc, FRAME_I420);
	still_free(&still);
	au_unref(au);
}

static void a_picture_without_all_of_its_slices_is_damaged(void **state)
{
	UNUSED_STATE(state);
	struct au *au = first_idr("slices.h264");

	assert_int_equal(decode_and_forget(au->data, au->size), 0);
	for (unsigned missing = 0; missing < 4; missing++) {
		struct au *part = au_new(au->size);
		const uint8_t *pos = au->data;
		uint8_t *out = part->data;
		struct nal nal;
		unsigned slice = 0;
		while (nal_next(&pos, au->data + au->size, &nal))
			if (nal.type != NAL_SLICE_IDR || slice++ != missing)
				out = nal_write(out, nal.data, nal.size);
		assert_int_equal(slice, 4);
		assert_int_equal(decode_and_forget(part->data, (size_t)(out - part->data)),
				 -EBADMSG);
		au_unref(part);
	}
	au_unref(au);
}

/* It ends anywhere. A few last bits may say nothing new. */
static void a_picture_that_is_cut_off_is_damaged(void **state)
{
	UNUSED_STATE(state);
	struct au *au = first_idr("crop.h264");
	size_t whole = 0;

	for (size_t size = 0; size < au->size; size += 1 + size / 100)
		whole += decode_and_forget(au->data, size) == 0;
	assert_in_range(whole, 0, 1);
	au_unref(au);
}

static void wrong_bits_do_no_harm(void **state)
{
	UNUSED_STATE(state);
	struct au *au = first_idr("slices.h264");
	uint32_t seed = 1;

	for (unsigned round = 0; round < 400; round++) {
		struct au *wrong = au_new(au->size);
		memcpy(wrong->data, au->data, au->size);
		for (unsigned i = 0; i < 1 + round % 5; i++) {
			seed = seed * 1664525 + 1013904223;
			wrong->data[seed / 8 % au->size] ^= (uint8_t)(1u << seed % 8);
		}
		int r = decode_and_forget(wrong->data, au->size);
		assert_true(r == 0 || r == -EBADMSG || r == -EFBIG || r == -EPROTONOSUPPORT);
		au_unref(wrong);
	}
	au_unref(au);
}

static void write_sps(struct h264_stream *s, unsigned profile, unsigned chroma, unsigned mbs,
		      bool is_progressive)
{
	struct h264_bits b = {.count = 0};

	h264_u(&b, profile, 8);
	h264_u(&b, 0, 8);
	h264_u(&b, 62, 8);
	h264_ue(&b, 0);
	if (profile >= 100) {
		h264_ue(&b, chroma);
		h264_ue(&b, 0); /* bits of a sample, beyond 8 */
		h264_ue(&b, 0);
		h264_u(&b, 0, 2);
	}
	h264_ue(&b, 0); /* log2_max_frame_num_minus4 */
	h264_ue(&b, 2); /* pic_order_cnt_type */
	h264_ue(&b, 1); /* reference frames */
	h264_u(&b, 0, 1);
	h264_ue(&b, mbs - 1);
	h264_ue(&b, is_progressive ? mbs - 1 : mbs / 2 - 1);
	h264_u(&b, is_progressive, 1);
	if (!is_progressive)
		h264_u(&b, 0, 1);
	h264_u(&b, 1, 1);
	h264_u(&b, 0, 2); /* no cropping, no VUI */
	h264_start_code(s, 4);
	h264_nal_bytes(s, 0x67, b);
}

static void what_is_not_decoded_is_refused_in_words_before_it_is_tried(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		unsigned profile, chroma, mbs;
		bool is_progressive;
		int code;
	} cases[] = {
		{66, 1, 200, true, -EFBIG},           {100, 2, 20, true, -EPROTONOSUPPORT},
		{100, 0, 20, true, -EPROTONOSUPPORT}, {77, 1, 20, false, -EPROTONOSUPPORT},
		{66, 1, 20, true, -EBADMSG}, /* of which there is nothing but the SPS */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct h264_stream s = {.size = 0};
		write_sps(&s, cases[i].profile, cases[i].chroma, cases[i].mbs,
			  cases[i].is_progressive);
		assert_int_equal(decode_and_forget(s.bytes, s.size), cases[i].code);
	}
	assert_int_equal(decode_and_forget((const uint8_t *)"", 0), -EBADMSG);
	assert_int_equal(decode_and_forget((const uint8_t *)"\0\0\0\1\x65", 5), -EBADMSG);
}

#ifdef WITH_X264
static double difference(const struct still *still, const struct scene *scene)
{
	const struct frame_plane *luma = &still->frame.plane[0];
	double sum = 0;

	for (unsigned y = 0; y < scene->height; y++)
		for (unsigned x = 0; x < scene->width; x++)
			sum += abs(luma->data[(size_t)y * luma->stride + x] -
				   scene->canvas.data[(size_t)y * scene->width + x]);
	return sum / ((double)scene->width * scene->height);
}

static void check_matrix(unsigned width, unsigned height, uint8_t matrix, enum jfif_matrix wanted)
{
	struct encoder_config cfg = {
		.in = {FRAME_I420, width, height, 30000, {matrix, matrix, matrix}},
		.bitrate_bps = 20000000,
		.gop_frames = 60,
		.threads = 1,
	};
	struct encoder *encoder = scene_encoder(&encoder_x264_ops, &cfg);
	struct scene scene;
	struct still still;

	scene_init(&scene, width, height);
	scene_draw(&scene);
	const struct frame frame = scene_frame(&scene);
	struct au *au = scene_encode(encoder, &frame, true);
	assert_int_equal(decode(au->data, au->size, &still), 0);
	assert_int_equal(still.frame.width, width);
	assert_int_equal(still.frame.height, height);
	assert_int_equal(still.matrix, wanted);
	assert_true(difference(&still, &scene) < 3);
	still_free(&still);
	au_unref(au);
	scene_clear(&scene);
	encoder_close(encoder);
}

static void our_own_pictures_come_back_with_their_matrix(void **state)
{
	UNUSED_STATE(state);
	check_matrix(640, 480, 6, JFIF_FROM_BT601);
	check_matrix(640, 480, 1, JFIF_FROM_BT709);
	check_matrix(1280, 720, 1, JFIF_FROM_BT709);
	check_matrix(1280, 720, 6, JFIF_FROM_BT601);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idr_pictures_of_every_encoder_are_decoded),
		cmocka_unit_test(cropping_is_as_the_sps_says),
		cmocka_unit_test(a_picture_without_all_of_its_slices_is_damaged),
		cmocka_unit_test(a_picture_that_is_cut_off_is_damaged),
		cmocka_unit_test(wrong_bits_do_no_harm),
		cmocka_unit_test(what_is_not_decoded_is_refused_in_words_before_it_is_tried),
#ifdef WITH_X264
		cmocka_unit_test(our_own_pictures_come_back_with_their_matrix),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
