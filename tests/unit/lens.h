/* lens: a source of I420 pictures in dma-bufs (memfds), which come when the test says: for the
 * tests of what happens to them on their way. It asserts that what is lent comes back once. */
#ifndef TESTS_UNIT_LENS_H
#define TESTS_UNIT_LENS_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "streamer/source.h"
#include "tests/unit/unit.h"

#define LENS_BUFFERS 6

static struct {
	bool no_dmabuf;
	int64_t step_us; /* from one picture to the next */
	int64_t pts_us;  /* of the newest */
	unsigned shown;  /* so far: decides what they show */
	unsigned opens;
	bool lent[LENS_BUFFERS];
} lens;

static atomic_uint lens_due; /* pictures to come */
static int lens_fd = -1;     /* readable when there are */

struct lens_source {
	struct source base;
	struct source_format format;
	int buffer[LENS_BUFFERS];
	uint8_t *data[LENS_BUFFERS];
	size_t size;
};

static const struct source_ops lens_ops;

static inline int lens_open(const struct source_config *cfg, struct source **ret_source,
			    struct error *err)
{
	struct lens_source *src = calloc(1, sizeof(*src));

	(void)err;
	assert_non_null(src);
	src->base.ops = &lens_ops;
	src->format =
		(struct source_format){FRAME_I420, cfg->width, cfg->height, cfg->fps_milli, {0}};
	src->size = (size_t)cfg->width * cfg->height * 3 / 2;
	for (unsigned i = 0; i < LENS_BUFFERS; i++) {
		src->buffer[i] = memfd_create("lens", MFD_CLOEXEC);
		assert_int_equal(ftruncate(src->buffer[i], (off_t)src->size), 0);
		src->data[i] = mmap(NULL, src->size, PROT_READ | PROT_WRITE, MAP_SHARED,
				    src->buffer[i], 0);
		assert_true(src->data[i] != MAP_FAILED);
		lens.lent[i] = false;
	}
	lens.opens++;
	*ret_source = &src->base;
	return 0;
}

static inline void lens_close(struct source *base)
{
	struct lens_source *src = (struct lens_source *)base;

	for (unsigned i = 0; i < LENS_BUFFERS; i++) {
		munmap(src->data[i], src->size);
		close(src->buffer[i]);
	}
	free(src);
}

static inline void lens_get_format(const struct source *base, struct source_format *ret_format)
{
	*ret_format = ((const struct lens_source *)base)->format;
}

static inline int lens_get_fd(const struct source *base)
{
	(void)base;
	return lens_fd;
}

/* The same picture for the same number, whoever encodes it. */
static inline void lens_draw(const struct lens_source *src, uint8_t *data)
{
	unsigned width = src->format.width;

	for (size_t i = 0; i < src->size; i++)
		data[i] = (uint8_t)(i % width / 4 + i / width + lens.shown * 3);
}

static inline bool lens_take(void)
{
	eventfd_t sink;

	if (atomic_load(&lens_due) == 0)
		eventfd_read(lens_fd, &sink);
	if (atomic_load(&lens_due) == 0)
		return false;
	atomic_fetch_sub(&lens_due, 1);
	return true;
}

static inline int lens_dequeue(struct source *base, struct frame *ret_frame)
{
	struct lens_source *src = (struct lens_source *)base;
	unsigned i = 0, width = src->format.width, height = src->format.height;

	if (!lens_take())
		return -EAGAIN;
	while (i < LENS_BUFFERS && lens.lent[i])
		i++;
	assert_true(i < LENS_BUFFERS);
	lens.shown++;
	lens.lent[i] = true;
	lens.pts_us += lens.step_us;
	lens_draw(src, src->data[i]);
	int fd = lens.no_dmabuf ? -1 : src->buffer[i];
	size_t luma = (size_t)width * height;
	*ret_frame = (struct frame){
		.fourcc = FRAME_I420,
		.width = width,
		.height = height,
		.plane_count = 3,
		.plane = {{src->data[i], luma, width, fd},
			  {src->data[i] + luma, luma / 4, width / 2, fd},
			  {src->data[i] + luma * 5 / 4, luma / 4, width / 2, fd}},
		.pts_us = lens.pts_us,
		.index = i,
	};
	return 0;
}

static inline void lens_release(struct source *base, uint32_t index)
{
	(void)base;
	assert_true(index < LENS_BUFFERS && lens.lent[index]);
	lens.lent[index] = false;
}

static inline int lens_set_fps(struct source *base, unsigned fps_milli)
{
	((struct lens_source *)base)->format.fps_milli = fps_milli;
	return 0;
}

static inline unsigned lens_lent(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < LENS_BUFFERS; i++)
		count += lens.lent[i];
	return count;
}

static inline int lens_probe(const char *device, struct source_caps *ret_caps, struct error *err)
{
	(void)device;
	(void)err;
	*ret_caps = (struct source_caps){.backend = "lens", .mode_count = 1};
	ret_caps->modes[0] = (struct source_mode){320, 320, 0, 240, 240, 0, 1000, 60000};
	return 0;
}

static const struct source_ops lens_ops = {
	.name = "lens",
	.probe = lens_probe,
	.open = lens_open,
	.close = lens_close,
	.get_format = lens_get_format,
	.get_fd = lens_get_fd,
	.dequeue = lens_dequeue,
	.release = lens_release,
	.set_fps = lens_set_fps,
};

static inline void lens_begin(void)
{
	memset(&lens, 0, sizeof(lens));
	lens.step_us = 33333;
	lens.pts_us = 1000000;
	atomic_store(&lens_due, 0);
	lens_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static inline void lens_end(void)
{
	close(lens_fd);
	lens_fd = -1;
}

static inline void lens_give(unsigned pictures)
{
	atomic_fetch_add(&lens_due, pictures);
	eventfd_write(lens_fd, 1);
}

#endif
