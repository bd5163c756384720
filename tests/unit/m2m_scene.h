/* m2m_scene: pictures, the state machine that they go into, and what comes out, for the test of it.
 * Everything asserts. */
#ifndef TESTS_UNIT_M2M_SCENE_H
#define TESTS_UNIT_M2M_SCENE_H

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "streamer/m2m.h"
#include "tests/unit/unit.h"

/* The least that vicodec has, and nothing that is a whole number of macroblocks. */
#define WIDTH       640
#define HEIGHT      360
#define STEP_US     33333
#define PATIENCE_MS 15000 /* a bound for a test that hangs, not a measure */
#define LENT        6

static const char *device; /* NULL: the fake */
static uint32_t codec = V4L2_PIX_FMT_H264;
static const struct source_format format = {FRAME_I420, WIDTH, HEIGHT, 30000, {0, 0, 0}};

/* --- pictures */

static struct {
	int fd;
	uint8_t *data;
	bool lent;
} buffers[LENT];
static unsigned stride = WIDTH;
static int64_t now_us;

static inline size_t picture_bytes(void)
{
	return (size_t)stride * HEIGHT * 3 / 2;
}

static inline void make_buffers(void)
{
	for (unsigned i = 0; i < LENT; i++) {
		buffers[i].fd = memfd_create("picture", MFD_CLOEXEC);
		assert_int_equal(ftruncate(buffers[i].fd, (off_t)picture_bytes()), 0);
		buffers[i].data = mmap(NULL, picture_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED,
				       buffers[i].fd, 0);
		assert_true(buffers[i].data != MAP_FAILED);
		buffers[i].lent = false;
	}
}

static inline void free_buffers(void)
{
	for (unsigned i = 0; i < LENT; i++) {
		munmap(buffers[i].data, picture_bytes());
		close(buffers[i].fd);
	}
}

static inline struct frame next_frame(bool dmabuf)
{
	unsigned i = 0;

	while (i < LENT && buffers[i].lent)
		i++;
	assert_true(i < LENT);
	now_us += STEP_US;
	memset(buffers[i].data, (int)(now_us / STEP_US * 8 % 256), picture_bytes());
	const uint8_t *luma = buffers[i].data;
	size_t luma_size = (size_t)stride * HEIGHT;
	int fd = dmabuf ? buffers[i].fd : -1;
	return (struct frame){
		.fourcc = FRAME_I420,
		.width = WIDTH,
		.height = HEIGHT,
		.plane_count = 3,
		.plane = {{luma, luma_size, stride, fd},
			  {luma + luma_size, luma_size / 4, stride / 2, fd},
			  {luma + luma_size * 5 / 4, luma_size / 4, stride / 2, fd}},
		.pts_us = now_us,
		.index = i,
	};
}

/* --- the machine */

static struct m2m m2m;
static struct source *camera;   /* its pictures, if open, and not ours */
static int64_t expected_us[32]; /* time stamps of what went in and did not come out */
static unsigned expected_count;

static inline int open_m2m(struct error *err)
{
	int r = m2m_open(&m2m, device != NULL ? device : "", codec, err);

	expected_count = 0;
	return r < 0 ? r : m2m_set_up(&m2m, &format, err);
}

static inline void must_open(void)
{
	struct error err = {0};

	if (open_m2m(&err) < 0)
		fail_msg("%s", err.text);
}

static inline void reclaim(void)
{
	uint32_t index;

	while (m2m_reclaim(&m2m, &index) == 0) {
		if (camera != NULL) {
			source_release(camera, index);
			continue;
		}
		assert_in_range(index, 0, LENT - 1);
		assert_true(buffers[index].lent);
		buffers[index].lent = false;
	}
}

static inline unsigned lent(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < LENT; i++)
		count += buffers[i].lent;
	return count;
}

static inline int submit(bool dmabuf)
{
	struct frame frame = next_frame(dmabuf);
	int r = m2m_submit(&m2m, &frame);

	if (r < 0)
		return r;
	buffers[frame.index].lent = true;
	expected_us[expected_count++] = frame.pts_us;
	reclaim();
	return 0;
}

/* What comes is of the oldest picture, or of none. */
static inline int take(void)
{
	struct m2m_bytes bytes;
	int r = m2m_take(&m2m, &bytes);

	reclaim();
	if (r < 0)
		return r;
	if (bytes.size > 0) {
		assert_true(expected_count > 0);
		assert_int_equal(bytes.pts_us, expected_us[0]);
		memmove(expected_us, expected_us + 1, --expected_count * sizeof(expected_us[0]));
	}
	return m2m_give_back(&m2m, &bytes);
}

/* All that can be had until nothing is owed; r: how that ended. */
static inline int take_all(void)
{
	int r = 0;

	while (r == 0 || (r == -EAGAIN && m2m_is_busy(&m2m))) {
		struct pollfd fd = {.fd = m2m.dev.node.fd, .events = POLLIN | POLLOUT};
		if (r == -EAGAIN)
			assert_true(poll(&fd, 1, PATIENCE_MS) > 0);
		r = take();
	}
	return r;
}

static inline void must_encode(unsigned pictures, bool dmabuf)
{
	for (unsigned i = 0; i < pictures; i++) {
		assert_int_equal(submit(dmabuf), 0);
		assert_int_equal(take_all(), -EAGAIN);
	}
	assert_int_equal(expected_count, 0);
}

#endif
