/* Every allocation of the devices' modules fails once: what was being done fails with a code, not
 * with a crash or a leak, and works the next time. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "streamer/nal.h"
#include "streamer/source.h"
#include "streamer/source_feed.h"
#include "tests/unit/h264_write.h"
#include "tests/unit/oom.h"
#include "tests/unit/scene.h"
#include "tests/unit/splitter_show.h"

const struct encoder_ops *const encoder_backends[] = {NULL};
const struct source_ops *const source_backends[] = {NULL};

#define PATIENCE_MS 10000
#define PASSES_MAX  200 /* far more than anything here allocates */
#define NEVER       UINT32_MAX

static uint32_t allocations_left = NEVER; /* until one fails */

static bool oom_is_due(void)
{
	if (allocations_left == NEVER)
		return false;
	if (allocations_left > 0) {
		allocations_left--;
		return false;
	}
	allocations_left = NEVER; /* the one */
	return true;
}

/* Did the allocation that was to fail come up? Then there may be a later one. */
static bool had_its_turn(void)
{
	bool had = allocations_left == NEVER;

	allocations_left = NEVER;
	return had;
}

static void test_source_opens_or_says_why_not(void **state)
{
	UNUSED_STATE(state);
	const struct source_config cfg = {.width = 320, .height = 240, .fps_milli = 60000};
	uint32_t n = 0;

	for (bool again = true; again; n++) {
		struct source *src = NULL;
		struct error err = {0};
		allocations_left = n;
		int r = source_open(&source_test_ops, &cfg, &src, &err);
		again = had_its_turn();
		assert_int_equal(r, again ? -ENOMEM : 0);
		assert_true((src == NULL) == again);
		assert_true((err.text[0] != '\0') == again);
		source_close(src);
	}
	assert_in_range(n, 5, PASSES_MAX);
}

/* All of a pipe that ends: how it ends is told, whatever was lost. */
static void drain(struct source *src)
{
	struct frame frame;
	int r;

	while ((r = source_dequeue(src, &frame)) == 0 || r == -ENODATA)
		if (r == 0)
			source_release(src, frame.index);
	assert_int_equal(r, -ENODEV);
	assert_non_null(strstr(source_reason(src), "ended"));
}

static void feed_loses_pictures_and_comes_to_its_end(void **state)
{
	UNUSED_STATE(state);
	const struct source_config cfg = {.device = "-", .fps_milli = 100};
	struct h264_stream s = {.size = 0};
	uint32_t n = 0;

	for (unsigned i = 0; i < 2; i++) {
		put_sets(&s);
		put_idr(&s);
		put_p(&s, 1);
	}
	for (bool again = true; again; n++) {
		struct source *src = NULL;
		struct error err = {0};
		int fds[2];
		assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
		assert_int_equal(write(fds[1], s.bytes, s.size), s.size);
		close(fds[1]);
		allocations_left = n;
		int r = source_feed_open(fds[0], &cfg, PATIENCE_MS * 1000, &src, &err);
		assert_true((r < 0) == (src == NULL));
		if (r == 0)
			drain(src);
		again = had_its_turn();
		assert_true(r == 0 || (again && err.text[0] != '\0'));
		source_close(src);
	}
	assert_in_range(n, 5, PASSES_MAX);
}

#ifdef WITH_X264

static struct encoder_config config(void)
{
	struct encoder_config cfg = {
		.in = {.fourcc = FRAME_I420, .width = 320, .height = 240, .fps_milli = 30000},
		.bitrate_bps = 500000,
		.gop_frames = 5,
		.threads = 1,
	};

	return cfg;
}

/* Six pictures; the nth allocation fails. After a picture that was lost comes an IDR. */
static bool encode_some(struct encoder *enc, struct scene *scene, uint32_t n)
{
	bool lost = false;

	allocations_left = n;
	for (unsigned i = 0; i < 6; i++) {
		struct error err = {0};
		struct au *au;
		uint32_t index;
		scene_draw(scene);
		struct frame frame = scene_frame(scene);
		int r = encoder_submit(enc, &frame, false);
		if (r < 0) {
			assert_int_equal(r, -EAGAIN);
			lost = true;
			continue;
		}
		assert_int_equal(encoder_collect(enc, &au, &err), 0);
		assert_int_equal(encoder_reclaim(enc, &index), 0);
		if (lost)
			assert_true((au->flags & AU_IDR) != 0);
		lost = false;
		au_unref(au);
	}
	return had_its_turn();
}

static void encoder_loses_a_picture_and_goes_on_with_an_idr(void **state)
{
	UNUSED_STATE(state);
	struct encoder_config cfg = config();
	struct scene scene;
	uint32_t n = 0;

	scene_init(&scene, 320, 240);
	for (bool again = true; again; n++) {
		struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
		again = encode_some(enc, &scene, n);
		encoder_close(enc);
	}
	scene_clear(&scene);
	assert_in_range(n, 6, PASSES_MAX);
}

static void encoder_opens_or_says_why_not(void **state)
{
	UNUSED_STATE(state);
	struct encoder_config cfg = config();
	const struct encoder_ops *const backends[] = {&encoder_x264_ops, &encoder_pass_ops};

	for (unsigned i = 0; i < 2; i++) {
		struct encoder *enc = NULL;
		struct error err = {0};
		allocations_left = 0;
		assert_int_equal(encoder_open(backends[i], &cfg, &enc, &err), -ENOMEM);
		assert_true(had_its_turn());
		assert_null(enc);
		assert_true(err.text[0] != '\0');
	}
}

static void make_file(const char *path)
{
	struct encoder_config cfg = config();
	struct scene scene;
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	scene_init(&scene, 320, 240);
	struct encoder *enc = scene_encoder(&encoder_x264_ops, &cfg);
	for (unsigned i = 0; i < 12; i++) {
		scene_draw(&scene);
		struct frame frame = scene_frame(&scene);
		struct au *au = scene_encode(enc, &frame, false);
		assert_int_equal(fwrite(au->data, 1, au->size, file), au->size);
		au_unref(au);
	}
	encoder_close(enc);
	scene_clear(&scene);
	assert_int_equal(fclose(file), 0);
}

static void pass_on(struct encoder *enc, const struct frame *frame)
{
	struct error err = {0};
	struct au *au;
	uint32_t index;

	if (encoder_submit(enc, frame, false) == -EAGAIN)
		return;
	assert_int_equal(encoder_collect(enc, &au, &err), 0);
	assert_int_equal(encoder_reclaim(enc, &index), 0);
	au_unref(au);
}

static void play(struct source *src, struct encoder *enc, unsigned frames)
{
	for (unsigned n = 0; n < frames;) {
		struct pollfd pfd = {.fd = source_fd(src), .events = POLLIN};
		struct frame frame;
		assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
		int r = source_dequeue(src, &frame);
		assert_true(r == 0 || r == -EAGAIN || r == -ENODATA);
		if (r < 0)
			continue;
		pass_on(enc, &frame);
		source_release(src, frame.index);
		n++;
	}
}

/* Over the seam, where a new splitter is made. */
static void file_loses_pictures_and_goes_on(void **state)
{
	UNUSED_STATE(state);
	char dir[] = "/tmp/nalcast-test-XXXXXX";
	struct source_config cfg = {.fps_milli = 1000000};
	struct encoder_config pass_cfg = {
		.in = {.fourcc = FRAME_H264, .width = 320, .height = 240, .fps_milli = 30000}};
	uint32_t n = 0;

	assert_non_null(mkdtemp(dir));
	snprintf(cfg.device, sizeof(cfg.device), "%s/oom.h264", dir);
	make_file(cfg.device);
	for (bool again = true; again; n++) {
		struct encoder *enc = scene_encoder(&encoder_pass_ops, &pass_cfg);
		struct source *src = NULL;
		struct error err = {0};
		allocations_left = n;
		int r = source_open(&source_file_ops, &cfg, &src, &err);
		assert_true((r < 0) == (src == NULL));
		if (r == 0)
			play(src, enc, 20);
		again = had_its_turn();
		assert_true(r == 0 || (again && err.text[0] != '\0'));
		source_close(src);
		encoder_close(enc);
	}
	assert_in_range(n, 5, PASSES_MAX);
	unlink(cfg.device);
	rmdir(dir);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source_opens_or_says_why_not),
		cmocka_unit_test(feed_loses_pictures_and_comes_to_its_end),
#ifdef WITH_X264
		cmocka_unit_test(encoder_loses_a_picture_and_goes_on_with_an_idr),
		cmocka_unit_test(encoder_opens_or_says_why_not),
		cmocka_unit_test(file_loses_pictures_and_goes_on),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
