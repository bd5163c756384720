/* The V4L2 source with a camera that makes H.264; and its life: refused, unplugged, found. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "streamer/nal.h"
#include "streamer/v4l2find.h"
#include "tests/unit/h264_write.h"
#include "tests/unit/splitter_show.h"
#include "tests/unit/v4l2_open.h"

const struct source_ops *const source_backends[] = {&source_v4l2_ops, NULL};

static const struct fake_mode one_h264[] = {
	{.fourcc = V4L2_PIX_FMT_H264, WIDTH, HEIGHT, {{1, 30}}}};

/* --- H.264 */

static struct h264_stream idr(void)
{
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	return s;
}

static struct h264_stream p_picture(unsigned frame_num)
{
	struct h264_stream s = {.size = 0};

	put_p(&s, frame_num);
	return s;
}

static struct fake_buffer *push_h264(const struct h264_stream *s, int64_t pts_us)
{
	return fake_push(s->bytes, s->size, pts_us);
}

/* Is the next frame an IDR or another picture, with this time, after something that was lost? */
static void expect_h264(struct source *src, bool is_idr, int64_t pts_us, bool lost)
{
	struct frame frame;

	assert_int_equal(source_dequeue(src, &frame), 0);
	assert_int_equal(frame.fourcc, FRAME_H264);
	assert_int_equal((nal_types(frame.plane[0].data, frame.plane[0].size) >> NAL_SLICE_IDR) & 1,
			 is_idr);
	assert_true(frame.pts_us == pts_us);
	assert_int_equal((frame.flags & FRAME_DISCONTINUITY) != 0, lost);
	source_release(src, frame.index);
}

static void nothing_comes(struct source *src)
{
	struct frame frame;
	int r;

	while ((r = source_dequeue(src, &frame)) == -ENODATA)
		;
	assert_int_equal(r, -EAGAIN);
}

static void h264_passes_as_it_comes(void **state)
{
	UNUSED_STATE(state);
	int64_t t = begin_time();
	struct h264_stream first = idr(), second = p_picture(1), third = p_picture(2);
	struct source_caps caps;
	struct source_format format;

	fake_begin(one_h264, 1);
	assert_int_equal(source_probe(&source_v4l2_ops, "/dev/video0", &caps, NULL), 0);
	assert_true(caps.encoded);
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	source_get_format(src, &format);
	assert_int_equal(format.fourcc, FRAME_H264);
	push_h264(&first, t);
	expect_h264(src, true, t, false);
	push_h264(&second, t + 1);
	push_h264(&third, t + 2);
	expect_h264(src, false, t + 1, false); /* none is left out, and none waits for the next */
	expect_h264(src, false, t + 2, false);
	nothing_comes(src);
	assert_true(source_set_fps(src, 10000) < 0);
	source_close(src);
	fake_end();
}

static void what_precedes_the_first_idr_is_dropped(void **state)
{
	UNUSED_STATE(state);
	int64_t t = begin_time();
	struct h264_stream p = p_picture(3), first = idr();

	fake_begin(one_h264, 1);
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	push_h264(&p, t);
	nothing_comes(src);
	push_h264(&first, t + 1);
	expect_h264(src, true, t + 1, false);
	source_close(src);
	fake_end();
}

/* Damaged, or missing by the driver's count: what refers to it goes, too, up to the next IDR. */
static void after_a_lost_picture_it_goes_on_at_an_idr(void **state)
{
	UNUSED_STATE(state);
	int64_t t = begin_time();
	struct h264_stream i = idr(), p = p_picture(1), q = p_picture(2);

	fake_begin(one_h264, 1);
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	push_h264(&i, t);
	expect_h264(src, true, t, false);
	push_h264(&p, t + 1)->done.flags |= V4L2_BUF_FLAG_ERROR;
	push_h264(&q, t + 2);
	nothing_comes(src);
	assert_int_equal(source_dropped(src), 2);
	push_h264(&i, t + 3);
	expect_h264(src, true, t + 3, true);
	push_h264(&p, t + 4);
	expect_h264(src, false, t + 4, false);
	fake.sequence += 2;
	push_h264(&q, t + 5);
	nothing_comes(src);
	push_h264(&i, t + 6);
	expect_h264(src, true, t + 6, true);
	assert_int_equal(source_dropped(src), 5);
	source_close(src);
	fake_end();
}

/* By fields, or not at all: its numbers say nothing. */
static void driver_that_counts_otherwise_loses_nothing(void **state)
{
	UNUSED_STATE(state);
	static const uint32_t steps[] = {0, 2};
	int64_t t = begin_time();
	struct h264_stream i = idr(), p = p_picture(1);

	for (unsigned n = 0; n < ARRAY_SIZE(steps); n++) {
		fake_begin(one_h264, 1);
		struct source *src = open_fake(WIDTH, HEIGHT, 30000);
		push_h264(&i, t)->done.sequence = 7;
		expect_h264(src, true, t, false);
		for (uint32_t k = 1; k < 10; k++) {
			push_h264(&p, t + k)->done.sequence = 7 + k * steps[n];
			expect_h264(src, false, t + k, false);
		}
		source_close(src);
		fake_end();
	}
}

static void sets_in_a_buffer_of_their_own_are_kept_for_the_idr(void **state)
{
	UNUSED_STATE(state);
	int64_t t = begin_time();
	struct h264_stream sets = {.size = 0}, picture_only = {.size = 0};

	put_sets(&sets);
	put_idr(&picture_only);
	fake_begin(one_h264, 1);
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	push_h264(&sets, t);
	nothing_comes(src);
	push_h264(&picture_only, t + 1);
	expect_h264(src, true, t + 1, false);
	source_close(src);
	fake_end();
}

/* Found out by what the pauses cost: then what comes is complete, with the time of its beginning.
 */
static void pictures_in_parts_are_put_together(void **state)
{
	UNUSED_STATE(state);
	int64_t t = begin_time();
	struct h264_stream i = idr();
	struct frame frame;
	unsigned whole = 0;

	fake_begin(one_h264, 1);
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	for (unsigned n = 0; n < 20; n++) {
		size_t half = i.size - 4;
		fake_push(i.bytes, half, t + 2 * n);
		fake_push(i.bytes + half, i.size - half, t + 2 * n + 1);
		int r;
		while ((r = source_dequeue(src, &frame)) == 0 || r == -ENODATA) {
			if (r != 0)
				continue;
			whole += frame.plane[0].size == i.size;
			source_release(src, frame.index);
		}
	}
	assert_in_range(whole, 12, 19);
	source_close(src);
	fake_end();
}

static void garbage_instead_of_h264_does_no_harm(void **state)
{
	UNUSED_STATE(state);
	int64_t t = begin_time();
	struct h264_stream i = idr();

	fake_begin(one_h264, 1);
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	memset(picture, 0x5A, sizeof(picture));
	fake_push(picture, 3000, t);
	nothing_comes(src);
	push_h264(&i, t + 1)->done.bytesused = (uint32_t)fake.plane_size[0]; /* rest is zero */
	expect_h264(src, true, t + 1, false);
	source_close(src);
	fake_end();
}

/* --- life */

static void unplugged_camera_is_lost_in_words(void **state)
{
	UNUSED_STATE(state);
	struct frame frame;

	fake_begin(modes, ARRAY_SIZE(modes));
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	fake_push(picture, sizeof(picture), begin_time());
	assert_int_equal(source_dequeue(src, &frame), 0);
	fake.gone = true;
	assert_int_equal(source_dequeue(src, &frame), -ENODEV);
	assert_non_null(strstr(source_reason(src), "/dev/video0: the camera was unplugged"));
	source_release(src, frame.index);
	source_close(src);
	fake_end();
	open_fails(-ENODEV, "there is no camera");
}

static void driver_that_gives_up_is_lost(void **state)
{
	UNUSED_STATE(state);
	struct frame frame;
	unsigned tries = 0;
	int r;

	fake_begin(modes, ARRAY_SIZE(modes));
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	fake.fail_dequeue = EIO;
	while ((r = source_dequeue(src, &frame)) == -ENODATA && tries < 1000)
		tries++;
	assert_int_equal(r, -EIO);
	source_close(src);
	fake_end();
}

static void what_cannot_be_opened_says_why(void **state)
{
	UNUSED_STATE(state);
	struct source *src = NULL;
	struct error err = {0};

	fake_begin(modes, ARRAY_SIZE(modes));
	fake.fail_format = EBUSY;
	open_fails(-EBUSY, "in use by");
	fake.fail_format = EIO;
	open_fails(-EIO, "VIDIOC_S_FMT");
	fake.fail_format = 0;
	fake.other_width = 320;
	open_fails(-EINVAL, "refuses 640x480 and offers 320x480");
	fake.other_width = 0;
	fake.field = V4L2_FIELD_ALTERNATE;
	open_fails(-ENOTSUP, "fields");
	fake.field = V4L2_FIELD_NONE;
	fake.fail_streamon = ENOSPC;
	open_fails(-ENOSPC, "bandwidth");
	fake.fail_streamon = EBUSY;
	open_fails(-EBUSY, "in use by");
	fake.fail_streamon = 0;
	assert_int_equal(open_with(1000, 1000, 0, &src, &err), -EINVAL);
	fake.no_export = fake.no_parm = true; /* neither is needed */
	src = open_fake(WIDTH, HEIGHT, 30000);
	source_close(src);
	fake_end();
	static const struct fake_mode bayer[] = {
		{.fourcc = V4L2_PIX_FMT_SBGGR8, WIDTH, HEIGHT, {{1, 30}}}};
	struct source_caps caps;
	fake_begin(bayer, 1);
	assert_int_equal(source_probe(&source_v4l2_ops, "/dev/video0", &caps, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "no pixel format"));
}

static void size_of_its_own_is_near_the_usual_one(void **state)
{
	UNUSED_STATE(state);
	struct source_format format;

	fake_begin(modes, ARRAY_SIZE(modes));
	struct source *src = open_fake(0, 0, 0);
	source_get_format(src, &format);
	assert_int_equal(format.width, 1280);
	source_close(src);
	fake_end();
}

/* --- which there are */

static void make_file(const char *folder, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close_fd(&fd);
}

static void make_link(const char *folder, const char *name, const char *to)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(symlink(to, path), 0);
}

static void cameras_are_listed_with_an_id_that_lasts(void **state)
{
	UNUSED_STATE(state);
	char folder[] = "/tmp/v4l2-XXXXXX", below[64], remove[128], path[SOURCE_DEVICE_MAX];
	struct source_info *list = NULL;
	struct error err = {0};

	assert_non_null(mkdtemp(folder));
	v4l2_folder = folder;
	fake_begin(modes, ARRAY_SIZE(modes));
	assert_int_equal(source_list(&source_v4l2_ops, &list), 0);
	free(list);
	assert_false(source_v4l2_ops.is_present());
	assert_int_equal(v4l2find_path("", path, sizeof(path), &err), -ENODEV);

	make_file(folder, "video10");
	make_file(folder, "video2");
	make_file(folder, "video");
	make_file(folder, "video2x");
	make_file(folder, "vbi0");
	snprintf(below, sizeof(below), "%s/v4l", folder);
	assert_int_equal(mkdir(below, 0700), 0);
	snprintf(below, sizeof(below), "%s/v4l/by-id", folder);
	assert_int_equal(mkdir(below, 0700), 0);
	make_link(below, "usb-Fake-index0", "../../video10");

	assert_true(source_v4l2_ops.is_present());
	assert_int_equal(source_list(&source_v4l2_ops, &list), 2);
	snprintf(path, sizeof(path), "%s/video2", folder);
	assert_string_equal(list[0].caps.id, path); /* udev has no name for it */
	snprintf(path, sizeof(path), "%s/usb-Fake-index0", below);
	assert_string_equal(list[1].caps.id, path);
	assert_string_equal(list[1].caps.name, "Fake Camera");
	assert_string_equal(list[1].caps.backend, "v4l2");
	assert_int_equal(list[1].caps.mode_count, 2);
	assert_string_equal(list[1].in_use_by, "");
	free(list);

	assert_int_equal(v4l2find_path("usb-fake-1", path, sizeof(path), &err), 0);
	assert_non_null(strstr(path, "/video2"));
	assert_int_equal(v4l2find_path("usb-fake-2", path, sizeof(path), &err), -ENODEV);
	assert_non_null(strstr(err.text, "usb-fake-2"));
	assert_ptr_equal(source_choose("auto"), &source_v4l2_ops);
	assert_int_equal(fake.opens, 0);
	v4l2_folder = "/dev";
	snprintf(remove, sizeof(remove), "rm -r %s", folder);
	assert_int_equal(system(remove), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h264_passes_as_it_comes),
		cmocka_unit_test(what_precedes_the_first_idr_is_dropped),
		cmocka_unit_test(after_a_lost_picture_it_goes_on_at_an_idr),
		cmocka_unit_test(driver_that_counts_otherwise_loses_nothing),
		cmocka_unit_test(sets_in_a_buffer_of_their_own_are_kept_for_the_idr),
		cmocka_unit_test(pictures_in_parts_are_put_together),
		cmocka_unit_test(garbage_instead_of_h264_does_no_harm),
		cmocka_unit_test(unplugged_camera_is_lost_in_words),
		cmocka_unit_test(driver_that_gives_up_is_lost),
		cmocka_unit_test(what_cannot_be_opened_says_why),
		cmocka_unit_test(size_of_its_own_is_near_the_usual_one),
		cmocka_unit_test(cameras_are_listed_with_an_id_that_lasts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
