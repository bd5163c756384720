/* The V4L2 source on a driver that does as the test says. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include <turbojpeg.h>

#include "common/log.h"
#include "streamer/convert.h"
#include "tests/unit/colours.h"
#include "tests/unit/v4l2_open.h"

const struct source_ops *const source_backends[] = {&source_v4l2_ops, NULL};

#define FRAME_US 33333

static const struct fake_mode one_i420[] = {
	{.fourcc = V4L2_PIX_FMT_YUV420, WIDTH, HEIGHT, {{1, 30}}}};
static const struct fake_mode one_planar[] = {
	{.fourcc = V4L2_PIX_FMT_YUV420M, WIDTH, HEIGHT, {{1, 30}}}};
static unsigned warnings;

static void count_warnings(enum log_level level, const char *line)
{
	(void)line;
	warnings += level == LOG_LEVEL_WARN;
}

/* --- raw */

static void yuyv_comes_as_i420_with_its_time(void **state)
{
	UNUSED_STATE(state);
	const struct pixfmt *yuyv = pixfmt_find(V4L2_PIX_FMT_YUYV);
	int64_t pts_us = begin_time();
	struct source_format format;
	struct frame frame;

	fake_begin(modes, ARRAY_SIZE(modes));
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	source_get_format(src, &format);
	assert_int_equal(format.fourcc, FRAME_I420);
	assert_int_equal(format.fps_milli, 30000);
	assert_int_equal(fake.fourcc, V4L2_PIX_FMT_YUYV);
	assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
	paint_plane(yuyv, 0, picture, 2 * WIDTH, 50, HEIGHT, &bt601, false);
	fake_push(picture, sizeof(picture), pts_us);
	assert_int_equal(source_dequeue(src, &frame), 0);
	assert_int_equal(frame.fourcc, FRAME_I420);
	assert_int_equal(frame.plane_count, 3);
	assert_true(frame.pts_us == pts_us);
	int ycc[3];
	rgb_to_ycc(patches[3], &bt601, false, ycc);
	assert_int_equal(frame.plane[0].data[100 * frame.plane[0].stride + 175], ycc[0]);
	assert_int_equal(frame.plane[1].data[50 * frame.plane[1].stride + 87], ycc[1]);
	assert_int_equal(frame.plane[2].data[50 * frame.plane[2].stride + 87], ycc[2]);
	assert_int_equal(fake_queued(), fake.buffer_count); /* the driver has its own back */
	source_release(src, frame.index);
	source_close(src);
	fake_end();
}

static void i420_is_lent_as_it_lies_in_the_buffer(void **state)
{
	UNUSED_STATE(state);
	struct frame frame;

	fake_begin(one_i420, 1);
	fake.bytesperline = WIDTH + 64;
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	assert_int_equal(fake.exported, fake.buffer_count);
	/* The strides are the driver's: its buffers are too small for them here, so none fits. */
	fake_push(picture, WIDTH * HEIGHT * 3 / 2, begin_time());
	assert_int_equal(source_dequeue(src, &frame), -ENODATA);
	assert_int_equal(source_dropped(src), 1);
	source_close(src);
	fake_end();

	fake_begin(one_i420, 1);
	src = open_fake(WIDTH, HEIGHT, 30000);
	fake_push(picture, WIDTH * HEIGHT * 3 / 2, begin_time());
	assert_int_equal(source_dequeue(src, &frame), 0);
	const uint8_t *memory = fake.buffers[frame.index].memory[0];
	assert_ptr_equal(frame.plane[0].data, memory);
	assert_ptr_equal(frame.plane[1].data, memory + WIDTH * HEIGHT);
	assert_ptr_equal(frame.plane[2].data, memory + WIDTH * HEIGHT * 5 / 4);
	assert_int_equal(frame.plane[1].stride, WIDTH / 2);
	assert_true(frame.plane[0].dmabuf_fd >= 0);
	assert_int_equal(frame.plane[0].dmabuf_fd, frame.plane[2].dmabuf_fd);
	assert_int_equal(fake_queued(), fake.buffer_count - 1);
	source_release(src, frame.index);
	assert_int_equal(fake_queued(), fake.buffer_count);
	source_close(src);
	fake_end();
}

static void planes_of_their_own_memory_are_lent_with_offset_and_length(void **state)
{
	UNUSED_STATE(state);
	struct frame frame;

	fake_begin(one_planar, 1);
	fake.planar = true;
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	struct fake_buffer *buffer = fake_push(picture, WIDTH * HEIGHT, begin_time());
	assert_int_equal(source_dequeue(src, &frame), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_ptr_equal(frame.plane[i].data, buffer->memory[i]);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(frame.plane[i].dmabuf_fd, frame.plane[j].dmabuf_fd);
	}
	source_release(src, frame.index);
	/* Begins later, so it is cut off; then a plane with nothing in it. */
	buffer = fake_push(picture, WIDTH * HEIGHT, begin_time());
	buffer->offset[1] = 16;
	assert_int_equal(source_dequeue(src, &frame), -ENODATA);
	buffer = fake_push(picture, WIDTH * HEIGHT, begin_time());
	buffer->used[2] = 0;
	assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
	buffer = fake_push(picture, WIDTH * HEIGHT, begin_time());
	buffer->offset[0] = 0xFFFFFFFF; /* a driver gone mad */
	buffer->used[0] = 0xFFFFFFFF;
	assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
	assert_int_equal(source_dropped(src), 3);
	assert_int_equal(fake_queued(), fake.buffer_count);
	source_close(src);
	fake_end();
}

static void only_the_newest_picture_is_taken(void **state)
{
	UNUSED_STATE(state);
	int64_t pts_us = begin_time();
	struct frame frame;

	fake_begin(modes, ARRAY_SIZE(modes));
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	for (unsigned i = 0; i < 4; i++)
		fake_push(picture, sizeof(picture), pts_us + i * FRAME_US);
	assert_int_equal(source_dequeue(src, &frame), 0);
	assert_true(frame.pts_us == pts_us + 3 * FRAME_US);
	source_release(src, frame.index);
	assert_int_equal(source_dropped(src), 3);
	assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
	assert_int_equal(fake_queued(), fake.buffer_count);
	source_close(src);
	fake_end();
}

static void broken_pictures_cost_only_themselves(void **state)
{
	UNUSED_STATE(state);
	int64_t pts_us = begin_time();
	struct frame frame;

	fake_begin(modes, ARRAY_SIZE(modes));
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	fake_push(picture, sizeof(picture), pts_us)->done.flags |= V4L2_BUF_FLAG_ERROR;
	assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
	fake_push(picture, sizeof(picture) - 1, pts_us + FRAME_US);
	assert_int_equal(source_dequeue(src, &frame), -ENODATA);
	fake_push(picture, 0, pts_us + 2 * FRAME_US);
	assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
	fake.fail_dequeue = EIO;
	assert_int_equal(source_dequeue(src, &frame), -ENODATA);
	fake.fail_dequeue = 0;
	fake_push(picture, sizeof(picture), pts_us + 3 * FRAME_US);
	assert_int_equal(source_dequeue(src, &frame), 0);
	source_release(src, frame.index);
	assert_int_equal(source_dropped(src), 3);
	assert_int_equal(fake_queued(), fake.buffer_count);
	source_close(src);
	fake_end();
}

/* A camera that sends nothing else must not fill the log. */
static void damage_is_told_once_a_second(void **state)
{
	UNUSED_STATE(state);
	struct frame frame;

	fake_begin(modes, ARRAY_SIZE(modes));
	struct source *src = open_fake(WIDTH, HEIGHT, 0);
	warnings = 0;
	log_set_hook(count_warnings);
	for (unsigned i = 0; i < 100; i++) {
		fake_push(picture, 100, begin_time());
		assert_int_equal(source_dequeue(src, &frame), -ENODATA);
	}
	log_set_hook(NULL);
	assert_in_range(warnings, 1, 20);
	assert_int_equal(source_dropped(src), 100);
	source_close(src);
	fake_end();
}

static void camera_that_is_too_fast_is_paced(void **state)
{
	UNUSED_STATE(state);
	static const struct fake_mode fast[] = {
		{.fourcc = V4L2_PIX_FMT_YUYV, WIDTH, HEIGHT, {{1, 30}}}};
	int64_t pts_us = begin_time() - 400000;
	struct source_format format;
	struct frame frame;
	unsigned got = 0;

	fake_begin(fast, 1);
	struct source *src = open_fake(WIDTH, HEIGHT, 10000);
	source_get_format(src, &format);
	assert_int_equal(format.fps_milli, 10000);
	assert_int_equal(fake.interval.denominator, 30000); /* thousandths: all that it has */
	for (unsigned i = 0; i < 60; i++) {
		fake_push(picture, sizeof(picture), pts_us + i * FRAME_US / 3);
		if (source_dequeue(src, &frame) == 0) {
			source_release(src, frame.index);
			got++;
		}
	}
	assert_in_range(got, 6, 8); /* 60 pictures at 90 a second */
	/* Half as many from now on, without opening it anew; more take a camera set anew. */
	assert_int_equal(source_set_fps(src, 5000), 0);
	source_get_format(src, &format);
	assert_int_equal(format.fps_milli, 5000);
	assert_true(source_set_fps(src, 60000) < 0);
	source_close(src);
	fake_end();
}

static void time_of_another_clock_is_not_believed(void **state)
{
	UNUSED_STATE(state);
	struct frame frame;

	fake_begin(modes, ARRAY_SIZE(modes));
	struct source *src = open_fake(WIDTH, HEIGHT, 0);
	static const int64_t lies_us[] = {0, 5, INT64_C(1000000000000000)};
	for (unsigned i = 0; i < ARRAY_SIZE(lies_us); i++) {
		int64_t before_us = clock_now_us();
		fake_push(picture, sizeof(picture), lies_us[i]);
		assert_int_equal(source_dequeue(src, &frame), 0);
		assert_true(frame.pts_us >= before_us && frame.pts_us <= clock_now_us());
		source_release(src, frame.index);
	}
	int64_t before_us = clock_now_us();
	fake_push(picture, sizeof(picture), before_us - 500000)->done.flags = 0; /* unknown clock */
	assert_int_equal(source_dequeue(src, &frame), 0);
	assert_true(frame.pts_us >= before_us);
	source_release(src, frame.index);
	source_close(src);
	fake_end();
}

/* --- JPEG */

static void jpeg_is_decoded_and_garbage_left_out(void **state)
{
	UNUSED_STATE(state);
	static uint8_t rgb[1280 * 720 * 3];
	tjhandle handle = tjInitCompress();
	unsigned char *jpeg = NULL;
	unsigned long size = 0;
	struct source_format format;
	struct frame frame;

	memset(rgb, 128, sizeof(rgb));
	assert_int_equal(tjCompress2(handle, rgb, 1280, 0, 720, TJPF_RGB, &jpeg, &size, TJSAMP_422,
				     90, 0),
			 0);
	fake_begin(modes, ARRAY_SIZE(modes));
	struct source *src = open_fake(1280, 720, 30000);
	assert_int_equal(fake.fourcc, V4L2_PIX_FMT_MJPEG);
	source_get_format(src, &format);
	assert_int_equal(format.fourcc, FRAME_I420);
	assert_int_equal(format.colour.matrix, 6);
	fake_push(jpeg, size, begin_time());
	assert_int_equal(source_dequeue(src, &frame), 0);
	assert_in_range(frame.plane[0].data[0], 125, 127); /* limited range: 16 + 128 * 219 / 255 */
	source_release(src, frame.index);
	fake_push(picture, 5000, begin_time());
	assert_int_equal(source_dequeue(src, &frame), -ENODATA);
	fake_push(jpeg, size / 2, begin_time());
	assert_int_equal(source_dequeue(src, &frame), -ENODATA);
	assert_int_equal(source_dropped(src), 2);
	/* v4l2loopback's first buffer says that all of it was used. */
	fake_push(jpeg, size, begin_time())->done.bytesused = (uint32_t)fake.plane_size[0];
	assert_int_equal(source_dequeue(src, &frame), 0);
	source_release(src, frame.index);
	source_close(src);
	fake_end();
	tjFree(jpeg);
	tjDestroy(handle);
}

static unsigned char *make_jpeg(unsigned long *ret_size)
{
	static uint8_t rgb[1280 * 720 * 3];
	tjhandle handle = tjInitCompress();
	unsigned char *jpeg = NULL;

	for (size_t i = 0; i < sizeof(rgb); i++)
		rgb[i] = (uint8_t)(i * i >> 9);
	assert_int_equal(tjCompress2(handle, rgb, 1280, 0, 720, TJPF_RGB, &jpeg, ret_size,
				     TJSAMP_422, 90, 0),
			 0);
	tjDestroy(handle);
	return jpeg;
}

static void jpeg_is_lent_beside_its_i420_as_the_camera_gave_it(void **state)
{
	UNUSED_STATE(state);
	unsigned long size = 0;
	unsigned char *jpeg = make_jpeg(&size);
	struct frame frame, next;

	fake_begin(modes, ARRAY_SIZE(modes));
	struct source *src = open_fake(1280, 720, 30000);
	const struct fake_buffer *buffer = fake_push(jpeg, size, begin_time());
	assert_int_equal(source_dequeue(src, &frame), 0);
	assert_int_equal(frame.fourcc, FRAME_I420);
	assert_ptr_equal(frame.jpeg, buffer->memory[0]); /* not even copied */
	assert_int_equal(frame.jpeg_size, size);
	assert_memory_equal(frame.jpeg, jpeg, size);
	assert_int_equal(fake_queued(), fake.buffer_count - 1);
	fake_push(jpeg, size, begin_time() + FRAME_US);
	assert_int_equal(source_dequeue(src, &next), 0);
	source_release(src, frame.index);
	assert_int_equal(fake_queued(), fake.buffer_count - 1);
	source_release(src, next.index);
	assert_int_equal(fake_queued(), fake.buffer_count);
	source_close(src);
	fake_end();
	tjFree(jpeg);
}

/* What nobody will see costs no decoding: it is not looked at, or its damage would be counted. */
static void jpeg_that_is_left_out_is_not_decoded(void **state)
{
	UNUSED_STATE(state);
	static const struct fake_mode fast[] = {
		{.fourcc = V4L2_PIX_FMT_MJPEG, 1280, 720, {{1, 30}}}};
	unsigned long size = 0;
	unsigned char *jpeg = make_jpeg(&size);
	int64_t pts_us = begin_time();
	struct frame frame;

	fake_begin(fast, 1);
	struct source *src = open_fake(1280, 720, 10000);
	warnings = 0;
	log_set_hook(count_warnings);
	fake_push(jpeg, size, pts_us);
	assert_int_equal(source_dequeue(src, &frame), 0);
	assert_true((frame.flags & FRAME_NEWEST) != 0);
	source_release(src, frame.index);
	/* Too early, as paced; then late, with a newer one there already. */
	fake_push(picture, 5000, pts_us + FRAME_US);
	fake_push(picture, 5000, pts_us + 3 * FRAME_US);
	fake_push(jpeg, size, pts_us + 6 * FRAME_US);
	assert_int_equal(source_dequeue(src, &frame), 0);
	assert_true(frame.pts_us == pts_us + 6 * FRAME_US);
	source_release(src, frame.index);
	assert_int_equal(warnings, 0);
	log_set_hook(NULL);
	assert_int_equal(fake_queued(), fake.buffer_count);
	source_close(src);
	fake_end();
	tjFree(jpeg);
}

/* --- colours */

static struct source_colour colour_with(uint32_t colorspace, uint32_t encoding)
{
	struct source_format format;

	fake_begin(one_i420, 1);
	fake.colorspace = colorspace;
	fake.ycbcr_enc = encoding;
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	source_get_format(src, &format);
	source_close(src);
	fake_end();
	return format.colour;
}

static void matrix_is_told_as_h264_numbers_it(void **state)
{
	UNUSED_STATE(state);
	assert_int_equal(colour_with(V4L2_COLORSPACE_DEFAULT, 0).matrix, 6);
	assert_int_equal(colour_with(V4L2_COLORSPACE_SMPTE170M, 0).matrix, 6);
	assert_int_equal(colour_with(V4L2_COLORSPACE_REC709, 0).matrix, 1);
	assert_int_equal(colour_with(V4L2_COLORSPACE_SRGB, 0).matrix, 6);
	assert_int_equal(colour_with(V4L2_COLORSPACE_SRGB, 0).primaries, 1);
	assert_int_equal(colour_with(V4L2_COLORSPACE_SRGB, 0).transfer, 13);
	assert_int_equal(colour_with(V4L2_COLORSPACE_SRGB, V4L2_YCBCR_ENC_709).matrix, 1);
	assert_int_equal(colour_with(V4L2_COLORSPACE_REC709, V4L2_YCBCR_ENC_601).matrix, 6);
	assert_int_equal(colour_with(V4L2_COLORSPACE_BT2020, 0).matrix, 9);
	assert_int_equal(colour_with(V4L2_COLORSPACE_SMPTE240M, 0).matrix, 7);
}

static void full_range_becomes_limited(void **state)
{
	UNUSED_STATE(state);
	static uint8_t white[WIDTH * HEIGHT * 3 / 2];
	struct frame frame;

	memset(white, 128, sizeof(white));
	memset(white, 255, WIDTH * HEIGHT);
	fake_begin(one_i420, 1);
	fake.quantization = V4L2_QUANTIZATION_FULL_RANGE;
	struct source *src = open_fake(WIDTH, HEIGHT, 30000);
	fake_push(white, sizeof(white), begin_time());
	assert_int_equal(source_dequeue(src, &frame), 0);
	assert_int_equal(frame.plane[0].data[0], 235);
	assert_int_equal(frame.plane[1].data[0], 128);
	source_release(src, frame.index);
	source_close(src);
	fake_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yuyv_comes_as_i420_with_its_time),
		cmocka_unit_test(i420_is_lent_as_it_lies_in_the_buffer),
		cmocka_unit_test(planes_of_their_own_memory_are_lent_with_offset_and_length),
		cmocka_unit_test(only_the_newest_picture_is_taken),
		cmocka_unit_test(broken_pictures_cost_only_themselves),
		cmocka_unit_test(damage_is_told_once_a_second),
		cmocka_unit_test(camera_that_is_too_fast_is_paced),
		cmocka_unit_test(time_of_another_clock_is_not_believed),
		cmocka_unit_test(jpeg_is_decoded_and_garbage_left_out),
		cmocka_unit_test(jpeg_is_lent_beside_its_i420_as_the_camera_gave_it),
		cmocka_unit_test(jpeg_that_is_left_out_is_not_decoded),
		cmocka_unit_test(matrix_is_told_as_h264_numbers_it),
		cmocka_unit_test(full_range_becomes_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
