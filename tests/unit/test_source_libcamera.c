/* The libcamera source with a nalcast-capture that does right. */
#include "tests/unit/capture_open.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include "common/util.h"
#include "streamer/mediadev.h"

const struct source_ops *const source_backends[] = {&source_libcamera_ops, &source_test_ops, NULL};

static void probe_fails(const char *what, const char *device, int code, const char *why)
{
	static struct source_caps caps;
	struct error err = {0};

	play(what);
	assert_int_equal(source_probe(ops, device, &caps, &err), code);
	says(err.text, why);
}

/* --- what there is */

static void is_probed_with_its_modes_and_controls(void **state)
{
	UNUSED_STATE(state);
	static struct source_caps caps;

	assert_int_equal(source_probe(ops, "", &caps, NULL), 0);
	assert_string_equal(caps.backend, "libcamera");
	assert_string_equal(caps.id, ID);
	assert_string_equal(caps.name, "imx219");
	assert_true(source_caps_have(&caps, 1280, 720, 30000));
	assert_non_null(source_caps_find_control(&caps, "brightness"));
	assert_int_equal(source_probe(ops, ID, &caps, NULL), 0);
	assert_string_equal(logged, "");
}

static void that_is_not_there_is_not_found(void **state)
{
	UNUSED_STATE(state);
	probe_fails("gone", "", -ENODEV, "libcamera has no camera");
	probe_fails("", "/base/other", -ENODEV, "libcamera has no camera /base/other");
	probe_fails("nolist", "", -EIO, "libcamera: its manager does not start");
	probe_fails("miscount", "", -EPROTO, "out of turn");
	probe_fails("otherbuild", "", -EPROTO, "is of another build");
	setenv("NALCAST_CAPTURE", "/nowhere", 1);
	static struct source_caps caps;
	assert_int_equal(source_probe(ops, "", &caps, NULL), -ENOENT);
}

/* V4L2 has them, and tells more of them; who names one may have it. */
static void usb_cameras_are_left_out_unless_named(void **state)
{
	UNUSED_STATE(state);
	static struct source_info list[SOURCE_LIST_MAX];
	static struct source_caps caps;

	play("usb");
	assert_int_equal(ops->list(list, SOURCE_LIST_MAX), 1);
	assert_string_equal(list[0].caps.id, ID);
	assert_int_equal(source_probe(ops, "", &caps, NULL), 0);
	assert_string_equal(caps.id, ID);
	play("onlyusb");
	assert_int_equal(ops->list(list, SOURCE_LIST_MAX), 0);
	assert_int_equal(source_probe(ops, "", &caps, NULL), 0);
	says(caps.id, "-046d:0825");
	struct source *src = open_camera("onlyusb");
	source_close(src);
}

static void that_does_not_answer_is_left_out_of_the_list(void **state)
{
	UNUSED_STATE(state);
	static struct source_info list[SOURCE_LIST_MAX];

	play("silent");
	assert_int_equal(ops->list(list, SOURCE_LIST_MAX), 0);
	says(logged, "nalcast-capture does not answer");
	setenv("NALCAST_CAPTURE", "/nowhere", 1);
	assert_int_equal(ops->list(list, SOURCE_LIST_MAX), 0);
}

/* --- auto */

static char dev[64];

static void touch(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", dev, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void auto_takes_it_if_there_is_one_and_asks_only_after_changes(void **state)
{
	UNUSED_STATE(state);
	const char *usual = mediadev_folder;

	snprintf(dev, sizeof(dev), "/tmp/dev-XXXXXX");
	assert_non_null(mkdtemp(dev));
	mediadev_folder = dev;
	touch("video0");
	assert_false(ops->is_present()); /* no media device: libcamera is not asked */
	assert_ptr_equal(source_choose("auto"), &source_test_ops);
	touch("media0");
	play("onlyusb");
	assert_false(ops->is_present());
	play("");
	assert_false(ops->is_present()); /* nothing has changed, so nobody is asked */
	touch("media1");
	assert_true(ops->is_present());
	assert_ptr_equal(source_choose("auto"), ops);
	play("gone");
	assert_true(ops->is_present());
	touch("media2");
	assert_false(ops->is_present());
	assert_string_equal(ops->watched_folder(), dev);

	for (const char *const *name =
		     (const char *const[]){"video0", "media0", "media1", "media2", NULL};
	     *name != NULL; name++) {
		char path[96];
		snprintf(path, sizeof(path), "%s/%s", dev, *name);
		unlink(path);
	}
	rmdir(dev);
	mediadev_folder = usual;
}

/* --- pictures */

/* I420 is where the camera put it: in the memory that was mapped once, not in a copy. */
static void i420_is_lent_without_a_copy(void **state)
{
	UNUSED_STATE(state);
	static const char *const kinds[] = {"", "pad"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct source *src = open_camera(kinds[i]);
		const uint8_t *seen[4] = {NULL};
		struct frame frame;
		for (unsigned n = 0; n < 12; n++) {
			expect_frame(src, &frame);
			assert_int_equal(frame.fourcc, FRAME_I420);
			assert_int_equal(frame.plane_count, 3);
			assert_true(frame.index < 4);
			/* The same buffer is at the same place each time. */
			if (seen[frame.index] == NULL)
				seen[frame.index] = frame.plane[0].data;
			assert_ptr_equal(seen[frame.index], frame.plane[0].data);
			for (unsigned at = 0; at < frame.plane_count; at++)
				assert_true(has_mapped(frame.plane[at].data));
			assert_int_equal(frame.plane[0].stride, i == 0 ? WIDTH : WIDTH + 64);
			assert_int_equal(frame.plane[1].data - frame.plane[0].data,
					 frame.plane[0].size + (i == 0 ? 0 : 64));
			assert_int_equal(frame.plane[0].dmabuf_fd, -1); /* a memfd is none */
			number_of(&frame);
			source_release(src, frame.index);
		}
		source_close(src);
	}
	assert_string_equal(logged, "");
}

/* --- as if the memfd were a dma-buf: there is none to be had without the kernel's help */

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

static bool plays_dmabuf;
static int reads_begun, reads_ended;

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;

	va_start(args, request);
	void *arg = va_arg(args, void *);
	va_end(args);
	if (!plays_dmabuf || request != DMA_BUF_IOCTL_SYNC)
		return __real_ioctl(fd, request, arg);
	const struct dma_buf_sync *sync = arg;
	assert_true(sync->flags & DMA_BUF_SYNC_READ);
	if (sync->flags & DMA_BUF_SYNC_END)
		reads_ended++;
	else
		reads_begun++;
	return 0;
}

static void dmabuf_is_lent_with_its_descriptor_and_read_between_syncs(void **state)
{
	UNUSED_STATE(state);
	struct frame frame;

	plays_dmabuf = true;
	reads_begun = reads_ended = 0;
	struct source *src = open_camera("");
	for (int n = 1; n <= 6; n++) {
		assert_int_equal(reads_begun, reads_ended);
		expect_frame(src, &frame);
		assert_int_equal(reads_begun, reads_ended + 1);
		for (unsigned i = 0; i < 3; i++) {
			assert_true(frame.plane[i].dmabuf_fd >= 0);
			assert_int_equal(frame.plane[i].dmabuf_fd, frame.plane[0].dmabuf_fd);
		}
		source_release(src, frame.index);
	}
	source_close(src);

	src = open_camera("pad"); /* the first plane is not where the dma-buf begins */
	expect_frame(src, &frame);
	assert_int_equal(frame.plane[0].dmabuf_fd, -1);
	source_release(src, frame.index);
	source_close(src);

	src = open_camera("format=NV12");
	expect_frame(src, &frame);
	assert_int_equal(frame.plane[0].dmabuf_fd, -1); /* a picture of our own */
	assert_int_equal(reads_begun, reads_ended);
	source_release(src, frame.index);
	source_close(src);
	plays_dmabuf = false;
}

/* --- what it becomes */

static struct pattern_colour average(const struct frame *frame, unsigned patch)
{
	unsigned row = patch / PATTERN_GRID, column = patch % PATTERN_GRID;
	unsigned x = (column * 2 + 1) * WIDTH / (2 * PATTERN_GRID);
	unsigned y = (row * 2 + 1) * HEIGHT / (2 * PATTERN_GRID);

	return (struct pattern_colour){
		frame->plane[0].data[y * frame->plane[0].stride + x],
		frame->plane[1].data[y / 2 * frame->plane[1].stride + x / 2],
		frame->plane[2].data[y / 2 * frame->plane[2].stride + x / 2],
	};
}

static void every_format_becomes_the_same_picture(void **state)
{
	UNUSED_STATE(state);
	static const char *const formats[] = {"format=NV12", "format=NV12,pad", "format=YUYV",
					      "format=RGB3", "format=BGR3,pad", "format=MJPG"};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct source *src = open_camera(formats[i]);
		struct frame frame;
		for (unsigned n = 0; n < 6; n++) {
			expect_frame(src, &frame);
			assert_int_equal(frame.fourcc, FRAME_I420);
			assert_int_equal(frame.plane[0].stride, WIDTH);
			uint32_t number = number_of(&frame);
			unsigned patch = 4 * PATTERN_GRID + 3;
			struct pattern_colour got = average(&frame, patch);
			struct pattern_colour wanted = pattern_patch(patch, number);
			if (abs(got.cb - wanted.cb) > 6 || abs(got.cr - wanted.cr) > 6)
				fail_msg("%s: %u %u, not %u %u", formats[i], got.cb, got.cr,
					 wanted.cb, wanted.cr);
			source_release(src, frame.index);
		}
		source_close(src);
	}
	assert_string_equal(logged, "");
}

/* Its buffer goes back at once: what may be parsed later lies where nobody else writes. */
static void jpeg_is_lent_in_a_copy_with_its_picture(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_camera("format=MJPG");
	struct frame frame[3];

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 3; i++) {
			expect_frame(src, &frame[i]);
			assert_true(frame[i].jpeg != NULL && !has_mapped(frame[i].jpeg));
			assert_memory_equal(frame[i].jpeg, "\xff\xd8", 2);
			assert_true(i == 0 || frame[i].jpeg != frame[i - 1].jpeg);
		}
		struct frame none;
		assert_true(source_dequeue(src, &none) < 0); /* there is no room for a fourth */
		for (unsigned i = 0; i < 3; i++)
			source_release(src, i);
	}
	source_close(src);
}

static void full_range_is_made_limited(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_camera("full");
	struct frame frame;

	expect_frame(src, &frame);
	assert_int_equal(frame.plane[0].stride, WIDTH); /* a picture of our own */
	source_release(src, frame.index);
	source_close(src);
}

static void who_is_late_gets_the_newest(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_camera("fps=200");
	struct frame frame;
	uint32_t newest = 0;

	expect_frame(src, &frame);
	uint32_t first = number_of(&frame);
	source_release(src, frame.index);
	/* By now all buffers are full, and pictures get lost for want of one. */
	while (source_dropped(src) == 0) {
		poll(NULL, 0, 50);
		expect_frame(src, &frame);
		newest = number_of(&frame);
		source_release(src, frame.index);
	}
	assert_true(newest > first + 1);
	source_close(src);
}

/* One that does not pace is paced here, by its time stamps. */
static void fast_camera_is_paced(void **state)
{
	UNUSED_STATE(state);
	struct source *src = NULL;
	struct source_format format;
	struct frame frame;
	int64_t first_us = 0;

	play("fps=300,nofps");
	assert_int_equal(open_with("", 25000, &src, NULL), 0);
	source_get_format(src, &format);
	assert_int_equal(format.fps_milli, 25000);
	for (unsigned n = 0; n < 31; n++) { /* by the 20th its pace is known */
		expect_frame(src, &frame);
		first_us = n == 20 ? frame.pts_us : first_us;
		source_release(src, frame.index);
	}
	assert_true(frame.pts_us - first_us >= 10 * 40000 * 9 / 10);
	source_close(src);
}

/* --- orders */

static void controls_are_set_and_no_frame_is_lost_by_it(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_camera("chatty=2");
	struct error err = {0};
	struct frame frame;

	expect_frame(src, &frame);
	uint32_t number = number_of(&frame);
	source_release(src, frame.index);
	assert_int_equal(set_control(src, "brightness", 0.5, &err), 0);
	/* They came before the answer: the descriptor says so without another from the camera. */
	await_readable(source_fd(src));
	assert_int_equal(source_dequeue(src, &frame), 0);
	assert_true(number_of(&frame) >= number + 2);
	source_release(src, frame.index);
	assert_int_equal(set_control(src, "gain", 7, &err), -EIO);
	assert_string_equal(err.text, "libcamera: jammed");
	assert_int_equal(set_control(src, "gain", 3, &err), 0);
	expect_frame(src, &frame);
	source_release(src, frame.index);
	source_close(src);
}

static void control_that_is_not_answered_costs_a_second_and_no_picture(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_camera("deaf");
	struct error err = {0};
	struct frame frame;

	assert_int_equal(set_control(src, "gain", 1, &err), -ETIMEDOUT);
	says(err.text, "nalcast-capture does not answer");
	expect_frame(src, &frame);
	source_release(src, frame.index);
	source_close(src);
}

static void pace_is_the_cameras_or_ours(void **state)
{
	UNUSED_STATE(state);
	struct source_format format;
	struct source *src = open_camera("");

	assert_int_equal(source_set_fps(src, 50000), 0);
	source_get_format(src, &format);
	assert_int_equal(format.fps_milli, 50000);
	source_close(src);

	src = open_camera("fixedfps");
	assert_int_equal(source_set_fps(src, 50000), -ERANGE);
	assert_int_equal(source_set_fps(src, 10000), 0);
	source_get_format(src, &format);
	assert_int_equal(format.fps_milli, 10000);
	source_close(src);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(is_probed_with_its_modes_and_controls),
		TEST(that_is_not_there_is_not_found),
		TEST(usb_cameras_are_left_out_unless_named),
		TEST(that_does_not_answer_is_left_out_of_the_list),
		TEST(auto_takes_it_if_there_is_one_and_asks_only_after_changes),
		TEST(i420_is_lent_without_a_copy),
		TEST(dmabuf_is_lent_with_its_descriptor_and_read_between_syncs),
		TEST(every_format_becomes_the_same_picture),
		TEST(jpeg_is_lent_in_a_copy_with_its_picture),
		TEST(full_range_is_made_limited),
		TEST(who_is_late_gets_the_newest),
		TEST(fast_camera_is_paced),
		TEST(controls_are_set_and_no_frame_is_lost_by_it),
		TEST(control_that_is_not_answered_costs_a_second_and_no_picture),
		TEST(pace_is_the_cameras_or_ours),
	};

	return cmocka_run_group_tests_name("libcamera", tests, NULL, NULL);
}
