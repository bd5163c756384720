#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/nal.h"
#include "streamer/source.h"
#include "tests/unit/scene.h"
#include "tests/unit/wait_frame.h"

const struct encoder_ops *const encoder_backends[] = {NULL};
const struct source_ops *const source_backends[] = {NULL};

#define FAST_FPS_MILLI 1000000
#define RECORDED_AUS   25 /* of the recording made here: IDRs at 0, 10 and 20 */

static char dir[] = "/tmp/nalcast-test-XXXXXX";

/* static char path[] = dir/name; the newest one asked for. */
static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const void *data, size_t size)
{
	FILE *file = fopen(path_of(name), "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static int try_open(const char *path, unsigned fps_milli, struct source **ret_source,
		    struct error *err)
{
	struct source_config cfg = {.fps_milli = fps_milli};

	snprintf(cfg.device, sizeof(cfg.device), "%s", path);
	return source_open(&source_file_ops, &cfg, ret_source, err);
}

static struct source *open_file(const char *path, unsigned fps_milli)
{
	struct source *src = NULL;
	struct error err = {0};

	if (try_open(path, fps_milli, &src, &err) < 0)
		fail_msg("%s", err.text);
	return src;
}

static void what_is_no_recording_is_refused_with_words(void **state)
{
	UNUSED_STATE(state);
	static const uint8_t p_slice[] = {0, 0, 0, 1, 0x41, 0x9a, 0x24, 0x6c};
	static const struct {
		const char *name;
		const char *content;
		size_t size;
		int code;
		const char *words;
	} cases[] = {
		{"missing", NULL, 0, -ENOENT, "No such file"},
		{".", NULL, 0, -EISDIR, "directory"},
		{"empty", "", 0, -EINVAL, "no H.264"},
		{"text", "not a video at all\n", 19, -EINVAL, "no H.264"},
		{"p.h264", (const char *)p_slice, sizeof(p_slice), -EINVAL, "no IDR"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct source *src = NULL;
		struct error err = {0};
		if (cases[i].content != NULL)
			write_file(cases[i].name, cases[i].content, cases[i].size);
		assert_int_equal(try_open(path_of(cases[i].name), 0, &src, &err), cases[i].code);
		assert_non_null(strstr(err.text, cases[i].words));
		assert_non_null(strstr(err.text, path_of(cases[i].name)));
		assert_null(src);
	}
	struct source *src = NULL;
	struct error err = {0};
	assert_int_equal(try_open("", 0, &src, &err), -EINVAL);
	assert_non_null(strstr(err.text, "file:PATH"));
}

static void probe_tells_what_it_is(void **state)
{
	UNUSED_STATE(state);
	struct source_caps caps;
	struct error err = {0};

	write_file("a.h264", "x", 1);
	assert_int_equal(source_probe(&source_file_ops, path_of("a.h264"), &caps, &err), 0);
	assert_string_equal(caps.backend, "file");
	assert_string_equal(caps.id, path_of("a.h264"));
	assert_string_equal(caps.name, "a.h264");
	assert_true(caps.encoded);
	assert_int_equal(caps.mode_count, 0);
	assert_int_equal(source_probe(&source_file_ops, path_of("missing"), &caps, &err), -ENOENT);
}

/* The coded slices of a stream, split by hand. */
struct slices {
	uint8_t *data; /* the whole file */
	size_t size;
	struct nal nal[4096];
	unsigned count;
};

static bool is_slice(const struct nal *nal)
{
	return nal->type == NAL_SLICE || nal->type == NAL_SLICE_IDR;
}

static void slices_read(struct slices *slices, const char *path)
{
	FILE *file = fopen(path, "rb");
	struct nal nal;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	slices->size = (size_t)ftell(file);
	rewind(file);
	slices->data = malloc(slices->size);
	slices->count = 0;
	assert_non_null(slices->data);
	assert_int_equal(fread(slices->data, 1, slices->size, file), slices->size);
	fclose(file);
	const uint8_t *pos = slices->data;
	while (nal_next(&pos, slices->data + slices->size, &nal)) {
		if (!is_slice(&nal))
			continue;
		assert_true(slices->count < ARRAY_SIZE(slices->nal));
		slices->nal[slices->count++] = nal;
	}
}

/* Every slice of the frame is the next one of the file; returns how many there were. */
static unsigned compare_frame(const struct slices *slices, unsigned at, const struct frame *frame)
{
	const uint8_t *pos = frame->plane[0].data;
	const uint8_t *end = pos + frame->plane[0].size;
	struct nal nal;
	unsigned count = 0;

	while (nal_next(&pos, end, &nal)) {
		if (!is_slice(&nal))
			continue;
		const struct nal *expected = &slices->nal[(at + count) % slices->count];
		assert_int_equal(nal.size, expected->size);
		assert_memory_equal(nal.data, expected->data, nal.size);
		count++;
	}
	return count;
}

/* Three times round: everything is there, in order, unchanged, with times that rise. */
static void assert_plays_unchanged(const char *path)
{
	static struct slices slices;
	struct source *src = open_file(path, FAST_FPS_MILLI);
	int64_t pts_us = INT64_MIN;
	unsigned at = 0;

	slices_read(&slices, path);
	assert_true(slices.count > 0);
	while (at < 3 * slices.count) {
		struct frame frame;
		assert_int_equal(wait_frame(src, &frame), 0);
		assert_int_equal(frame.fourcc, FRAME_H264);
		assert_int_equal(frame.flags, 0);
		assert_true(frame.pts_us > pts_us);
		pts_us = frame.pts_us;
		unsigned count = compare_frame(&slices, at, &frame);
		assert_true(count > 0);
		uint32_t types = nal_types(frame.plane[0].data, frame.plane[0].size);
		if ((types & 1u << NAL_SLICE_IDR) != 0)
			assert_true((types & 1u << NAL_SPS) != 0 && (types & 1u << NAL_PPS) != 0);
		at += count;
		source_release(src, frame.index);
	}
	assert_int_equal(at, 3 * slices.count);
	source_close(src);
	free(slices.data);
}

static void camera_recording_plays_unchanged(void **state)
{
	UNUSED_STATE(state);
	const char *samples = getenv("NALCAST_SAMPLES");
	char path[256];

	snprintf(path, sizeof(path), "%s/h264bsd_test_1920x1080.h264",
		 samples != NULL ? samples : SAMPLES_DIR);
	if (access(path, R_OK) != 0) {
		print_message("# no %s here: set NALCAST_SAMPLES\n", path);
		skip();
	}
	assert_plays_unchanged(path);
}

/* The file is opened all the same: who may have it is the pass-through's to say. */
static void main_profile_recording_is_refused_by_name(void **state)
{
	UNUSED_STATE(state);
	struct encoder_config cfg = {0};
	struct error err = {0};
	struct au *au = NULL;
	struct frame frame;

	struct source *src = open_file(DATA_DIR "/bframes.h264", FAST_FPS_MILLI);
	source_get_format(src, &cfg.in);
	struct encoder *enc = scene_encoder(&encoder_pass_ops, &cfg);
	assert_int_equal(wait_frame(src, &frame), 0);
	assert_int_equal(encoder_submit(enc, &frame, false), 0);
	assert_int_equal(encoder_collect(enc, &au, &err), -EPROTONOSUPPORT);
	assert_null(au);
	assert_non_null(strstr(err.text, "Main"));
	encoder_close(enc);
	source_close(src);
}

static void pictures_out_of_order_pass_unchanged_where_any_profile_may(void **state)
{
	UNUSED_STATE(state);
	struct encoder_config cfg = {.any_profile = true};
	bool has_idr = false;

	assert_plays_unchanged(DATA_DIR "/bframes.h264");
	struct source *src = open_file(DATA_DIR "/bframes.h264", FAST_FPS_MILLI);
	source_get_format(src, &cfg.in);
	struct encoder *enc = scene_encoder(&encoder_pass_ops, &cfg);
	for (unsigned i = 0; i < 30; i++) {
		struct frame frame;
		assert_int_equal(wait_frame(src, &frame), 0);
		struct au *au = scene_encode(enc, &frame, false);
		assert_int_equal(au->size, frame.plane[0].size);
		assert_memory_equal(au->data, frame.plane[0].data, au->size);
		assert_int_equal(strncmp(au->format.codec, "avc1.4D", 7), 0);
		assert_int_equal(au->format.decoder_delay_frames, 2);
		assert_false(au->format.broadway);
		has_idr = has_idr || (au->flags & AU_IDR) != 0;
		source_release(src, frame.index);
		au_unref(au);
	}
	assert_true(has_idr);
	encoder_close(enc);
	source_close(src);
}

#ifdef WITH_X264

struct recording {
	struct au *au[RECORDED_AUS];
};

/* Write the access units [from, RECORDED_AUS) to a file. */
static void recording_write(const struct recording *rec, const char *name, unsigned from)
{
	FILE *file = fopen(path_of(name), "wb");

	assert_non_null(file);
	for (unsigned i = from; i < RECORDED_AUS; i++)
		assert_int_equal(fwrite(rec->au[i]->data, 1, rec->au[i]->size, file),
				 rec->au[i]->size);
	assert_int_equal(fclose(file), 0);
}

static void recording_make(struct recording *rec)
{
	struct encoder_config cfg = {
		.in = {.fourcc = FRAME_I420, .width = 642, .height = 482, .fps_milli = 50000},
		.bitrate_bps = 20000000,
		.gop_frames = 10,
		.threads = 2, /* more than one slice a picture */
	};
	struct scene scene;

	scene_init(&scene, 642, 482);
	struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
	for (unsigned i = 0; i < RECORDED_AUS; i++) {
		/* Some larger than the chunks that are read. */
		if (i % 4 == 1)
			scene_draw_noise(&scene);
		else
			scene_draw(&scene);
		struct frame frame = scene_frame(&scene);
		rec->au[i] = scene_encode(enc, &frame, false);
	}
	encoder_close(enc);
	scene_clear(&scene);
}

static void recording_free(struct recording *rec)
{
	for (unsigned i = 0; i < RECORDED_AUS; i++)
		au_unref(rec->au[i]);
}

static void recording_plays_unchanged_for_ever(void **state)
{
	UNUSED_STATE(state);
	struct recording rec;

	recording_make(&rec);
	recording_write(&rec, "rec.h264", 0);
	assert_plays_unchanged(path_of("rec.h264"));

	/* Ours already are in the shape that the splitter makes. */
	struct source *src = open_file(path_of("rec.h264"), FAST_FPS_MILLI);
	for (unsigned i = 0; i < 2 * RECORDED_AUS; i++) {
		const struct au *au = rec.au[i % RECORDED_AUS];
		struct frame frame;
		assert_int_equal(wait_frame(src, &frame), 0);
		assert_int_equal(frame.plane_count, 1);
		assert_int_equal(frame.plane[0].size, au->size);
		assert_memory_equal(frame.plane[0].data, au->data, au->size);
		source_release(src, frame.index);
	}
	source_close(src);
	recording_free(&rec);
}

static void recording_that_begins_with_p_pictures_is_clean_at_the_seam(void **state)
{
	UNUSED_STATE(state);
	struct recording rec;
	struct frame frame;

	recording_make(&rec);
	recording_write(&rec, "late.h264", 5);
	struct source *src = open_file(path_of("late.h264"), FAST_FPS_MILLI);
	for (unsigned i = 0; i < 40; i++) {
		const struct au *au = rec.au[10 + i % 15];
		assert_int_equal(wait_frame(src, &frame), 0);
		assert_int_equal(frame.plane[0].size, au->size);
		assert_memory_equal(frame.plane[0].data, au->data, au->size);
		assert_int_equal(frame.flags, 0);
		source_release(src, frame.index);
	}
	source_close(src);
	recording_free(&rec);
}

static void rate_is_the_one_asked_for_else_its_own(void **state)
{
	UNUSED_STATE(state);
	struct source_format format;
	struct recording rec;
	struct frame first, second;

	recording_make(&rec);
	recording_write(&rec, "rate.h264", 0);
	recording_free(&rec);
	struct source *src = open_file(path_of("rate.h264"), 0);
	source_get_format(src, &format);
	assert_int_equal(format.fourcc, FRAME_H264);
	assert_int_equal(format.width, 642);
	assert_int_equal(format.height, 482);
	assert_int_equal(format.fps_milli, 50000);
	source_close(src);

	int64_t before_us = clock_now_us();
	src = open_file(path_of("rate.h264"), 100000);
	source_get_format(src, &format);
	assert_int_equal(format.fps_milli, 100000);
	/* The first is due at once, then one every hundredth of a second. */
	assert_int_equal(source_dequeue(src, &first), 0);
	assert_true(first.pts_us >= before_us && first.pts_us <= clock_now_us());
	assert_int_equal(wait_frame(src, &second), 0);
	assert_true(second.pts_us - first.pts_us == 10000 ||
		    second.pts_us - first.pts_us > 1000000); /* this machine slept */
	source_close(src);
}

static void lent_frames_stay_and_nothing_is_left_out(void **state)
{
	UNUSED_STATE(state);
	struct recording rec;
	struct frame lent[RECORDED_AUS], frame;
	unsigned count = 0;

	recording_make(&rec);
	recording_write(&rec, "lent.h264", 0);
	struct source *src = open_file(path_of("lent.h264"), FAST_FPS_MILLI);
	assert_int_equal(wait_frame(src, &lent[count++]), 0);
	/* Until it has no more to lend: then it waits, as long as it takes. */
	for (int64_t due_us = 0; due_us < clock_now_us();) {
		struct pollfd pfd = {.fd = source_fd(src), .events = POLLIN};
		if (poll(&pfd, 1, 100) == 0)
			break;
		assert_true(count < ARRAY_SIZE(lent));
		if (source_dequeue(src, &frame) == 0)
			lent[count++] = frame;
	}
	assert_in_range(count, 2, RECORDED_AUS - 1);
	for (unsigned i = 0; i < count; i++)
		assert_memory_equal(lent[i].plane[0].data, rec.au[i]->data, rec.au[i]->size);
	source_release(src, lent[0].index);
	assert_int_equal(wait_frame(src, &frame), 0);
	assert_int_equal(frame.plane[0].size, rec.au[count]->size);
	assert_memory_equal(frame.plane[0].data, rec.au[count]->data, frame.plane[0].size);
	source_close(src); /* with all that is lent */
	recording_free(&rec);
}

static void file_that_is_emptied_meanwhile_is_lost(void **state)
{
	UNUSED_STATE(state);
	struct recording rec;
	struct frame frame;
	int r;

	recording_make(&rec);
	recording_write(&rec, "gone.h264", 0);
	recording_free(&rec);
	struct source *src = open_file(path_of("gone.h264"), FAST_FPS_MILLI);
	assert_int_equal(truncate(path_of("gone.h264"), 0), 0);
	for (unsigned i = 0; (r = wait_frame(src, &frame)) == 0; i++) {
		assert_true(i < RECORDED_AUS);
		source_release(src, frame.index);
	}
	assert_int_equal(r, -EIO);
	source_close(src);
}

#endif

static int make_dir(void **state)
{
	UNUSED_STATE(state);
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_dir(void **state)
{
	UNUSED_STATE(state);
	static const char *const names[] = {
		"empty",     "text",      "p.h264",    "a.h264",    "rec.h264",
		"late.h264", "rate.h264", "lent.h264", "gone.h264",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(path_of(names[i]));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_recording_is_refused_with_words),
		cmocka_unit_test(probe_tells_what_it_is),
		cmocka_unit_test(camera_recording_plays_unchanged),
		cmocka_unit_test(main_profile_recording_is_refused_by_name),
		cmocka_unit_test(pictures_out_of_order_pass_unchanged_where_any_profile_may),
#ifdef WITH_X264
		cmocka_unit_test(recording_plays_unchanged_for_ever),
		cmocka_unit_test(recording_that_begins_with_p_pictures_is_clean_at_the_seam),
		cmocka_unit_test(rate_is_the_one_asked_for_else_its_own),
		cmocka_unit_test(lent_frames_stay_and_nothing_is_left_out),
		cmocka_unit_test(file_that_is_emptied_meanwhile_is_lost),
#endif
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
