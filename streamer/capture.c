#include "streamer/capture.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"

#define SUBSYSTEM "capture"
#define PROGRAM   "nalcast-capture"

/* --- one message after another */

static int out_of_turn(const struct capture *c, struct error *err)
{
	return error_set(err, -EPROTO, PROGRAM " sends nonsense: a message of type %u out of turn",
			 c->msg.type);
}

static int wait_for_it(const struct capture *c, int64_t until_us, struct error *err)
{
	struct pollfd fds[3] = {{.fd = c->helper.fd, .events = POLLIN},
				{.fd = c->helper.pid_fd, .events = POLLIN},
				{.fd = source_stop_fd(), .events = POLLIN}};
	int64_t left_us = until_us - clock_now_us();

	if (left_us <= 0)
		return error_set(err, -ETIMEDOUT, PROGRAM " does not answer");
	poll(fds, 3, (int)((left_us + 999) / 1000));
	if (fds[2].revents != 0)
		return error_set(err, -ECANCELED, "nalcastd is ending");
	return 0;
}

/* c->msg is the next message; a buffer's descriptor is the caller's. */
static int await_message(struct capture *c, int64_t until_us, int *ret_fd, struct error *err)
{
	int r;

	while ((r = helper_receive(&c->helper, &c->msg, ret_fd, err)) == -EAGAIN) {
		r = wait_for_it(c, until_us, err);
		if (r < 0)
			return r;
	}
	return r;
}

/* One that has no descriptor. LOST, at whatever time, is the end of it. */
static int await_plain(struct capture *c, int64_t until_us, struct error *err)
{
	int fd = -1;
	int r = await_message(c, until_us, &fd, err);

	if (r == 0 && fd >= 0) {
		close_fd(&fd);
		return out_of_turn(c, err);
	}
	if (r == 0 && c->msg.type == CAPPROTO_LOST)
		return error_set(err, c->msg.result.code, "%s", c->msg.result.text);
	return r;
}

/* --- beginning and end */

static int check_hello(const struct capture *c, struct error *err)
{
	const struct capproto_hello *hello = &c->msg.hello;

	if (hello->type != CAPPROTO_HELLO)
		return out_of_turn(c, err);
	if (hello->version != CAPPROTO_VERSION || hello->caps_bytes != sizeof(struct source_caps))
		return error_set(err, -EPROTO,
				 "%.120s is of another build: install it together with nalcastd",
				 helper_path());
	log_debug(SUBSYSTEM, "libcamera %s", hello->libcamera);
	return 0;
}

static void init(struct capture *c)
{
	memset(c, 0, sizeof(*c));
	c->helper = HELPER_NONE;
	c->wake_fd = c->poll_fd = -1;
	for (unsigned i = 0; i < CAPPROTO_BUFFERS_MAX; i++)
		c->buffer[i].fd = -1;
}

int capture_start(struct capture *c, int64_t until_us, struct error *err)
{
	init(c);
	int r = helper_start(&c->helper, err);
	if (r == 0)
		r = await_plain(c, until_us, err);
	return r < 0 ? r : check_hello(c, err);
}

void capture_end(struct capture *c, int patience_ms)
{
	helper_end(&c->helper, patience_ms);
	for (unsigned i = 0; i < CAPPROTO_BUFFERS_MAX; i++)
		capbuf_unmap(&c->buffer[i]);
	close_fd(&c->wake_fd);
	close_fd(&c->poll_fd);
}

/* --- which there are */

static int add_camera(const struct capture *c, struct source_caps **list, unsigned count)
{
	if (count >= SOURCE_LIST_MAX)
		return 0;
	struct source_caps *longer = reallocarray(*list, count + 1, sizeof(**list));
	if (longer == NULL)
		return -ENOMEM;
	longer[count] = c->msg.camera.caps;
	*list = longer;
	return 0;
}

static int hear_list(struct capture *c, int64_t until_us, struct source_caps **list,
		     unsigned *count, struct error *err)
{
	for (;;) {
		int r = await_plain(c, until_us, err);
		if (r < 0)
			return r;
		if (c->msg.type == CAPPROTO_RESULT && c->msg.result.code < 0)
			return error_set(err, c->msg.result.code, "%s", c->msg.result.text);
		if (c->msg.type == CAPPROTO_LISTED && c->msg.listed.count == *count)
			return 0;
		if (c->msg.type != CAPPROTO_CAMERA)
			return out_of_turn(c, err);
		if (add_camera(c, list, *count) < 0)
			return error_set(err, -ENOMEM, "no memory for a camera");
		(*count)++;
	}
}

int capture_list(struct capture *c, int64_t until_us, struct source_caps **ret_list,
		 struct error *err)
{
	struct source_caps *list = NULL;
	unsigned count = 0;

	c->msg.list = (struct capproto_list){.type = CAPPROTO_LIST};
	int r = helper_send(&c->helper, &c->msg, err);
	if (r == 0)
		r = hear_list(c, until_us, &list, &count, err);
	if (r < 0) {
		free(list);
		return r;
	}
	*ret_list = list;
	return count < SOURCE_LIST_MAX ? (int)count : SOURCE_LIST_MAX;
}

/* --- opening */

static int check_planes(const struct capproto_opened *opened, const struct pixfmt *pix,
			struct error *err)
{
	unsigned planes = pix->planes > 0 ? pix->planes : 1;

	if (opened->plane_count != planes)
		return error_set(err, -EPROTO, PROGRAM ": '%s' with %u planes, not %u", pix->name,
				 opened->plane_count, planes);
	for (unsigned i = 0; i < pix->planes; i++) {
		const struct capproto_plane *plane = &opened->plane[i];
		if (plane->stride < pixfmt_row_bytes(pix, i, opened->width) ||
		    plane->size <
			    pixfmt_plane_size(pix, i, opened->width, opened->height, plane->stride))
			return error_set(err, -EPROTO,
					 PROGRAM ": plane %u of '%s' is too small for %ux%u", i,
					 pix->name, opened->width, opened->height);
	}
	return 0;
}

static int note_opened(struct capture *c, struct error *err)
{
	const struct capproto_opened *opened = &c->msg.opened;
	const struct pixfmt *pix = pixfmt_find(opened->fourcc);

	if (c->pix != NULL)
		return out_of_turn(c, err);
	if (pix == NULL || pix->apart || pix->like == FRAME_H264)
		return error_set(err, -ENOTSUP,
				 "libcamera gives pictures that nalcastd cannot use: 0x%08x",
				 opened->fourcc);
	if (opened->width % 2 != 0 || opened->height % 2 != 0)
		return error_set(err, -ENOTSUP,
				 "libcamera gives %ux%u: only even sizes can be sent",
				 opened->width, opened->height);
	int r = check_planes(opened, pix, err);
	if (r < 0)
		return r;
	c->opened = *opened;
	c->pix = pix;
	return 0;
}

/* The bytes that the planes need of each buffer. */
static size_t bytes_needed(const struct capproto_opened *opened)
{
	size_t needed = 0;

	for (unsigned i = 0; i < opened->plane_count; i++) {
		size_t end = (size_t)opened->plane[i].offset + opened->plane[i].size;
		needed = end > needed ? end : needed;
	}
	return needed;
}

static int note_buffer(struct capture *c, int *fd, struct error *err)
{
	const struct capproto_buffer *told = &c->msg.buffer;

	if (c->pix == NULL || told->index >= c->opened.buffer_count ||
	    c->buffer[told->index].data != NULL) {
		close_fd(fd);
		return out_of_turn(c, err);
	}
	if (told->bytes < bytes_needed(&c->opened)) {
		close_fd(fd);
		return error_set(err, -EPROTO, PROGRAM ": a buffer of %u bytes for planes of %zu",
				 told->bytes, bytes_needed(&c->opened));
	}
	int r = capbuf_map(&c->buffer[told->index], *fd, told->bytes, err);
	c->mapped += r == 0;
	return r;
}

static int hear_opened(struct capture *c, int64_t until_us, struct error *err)
{
	int r = 0;

	while (r == 0 && (c->pix == NULL || c->mapped < c->opened.buffer_count)) {
		int fd = -1;
		r = await_message(c, until_us, &fd, err);
		if (r < 0)
			return r;
		if (c->msg.type == CAPPROTO_BUFFER)
			r = note_buffer(c, &fd, err);
		else if (c->msg.type == CAPPROTO_OPENED)
			r = note_opened(c, err);
		else if ((c->msg.type == CAPPROTO_RESULT || c->msg.type == CAPPROTO_LOST) &&
			 c->msg.result.code < 0)
			r = error_set(err, c->msg.result.code, "%s", c->msg.result.text);
		else if (c->msg.type != CAPPROTO_CAMERA)
			r = out_of_turn(c, err);
	}
	return r;
}

static int watch(const struct capture *c, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(c->poll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int make_pollable(struct capture *c)
{
	c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->wake_fd < 0 || c->poll_fd < 0)
		return -errno;
	int r = watch(c, c->wake_fd);
	if (r == 0)
		r = watch(c, c->helper.fd);
	return r < 0 ? r : watch(c, c->helper.pid_fd);
}

int capture_open(struct capture *c, const struct capproto_open *open, int64_t until_us,
		 struct error *err)
{
	int r = make_pollable(c);

	if (r < 0)
		return error_set(err, r, "no descriptors for a camera: %s", strerror(-r));
	c->msg.open = *open;
	c->msg.open.type = CAPPROTO_OPEN;
	r = helper_send(&c->helper, &c->msg, err);
	return r < 0 ? r : hear_opened(c, until_us, err);
}

/* --- while it is open */

static int lose(struct capture *c, const struct error *err)
{
	if (c->lost.code == 0) {
		c->lost = *err;
		/* The other side may say no more, and who waits is to hear of it. */
		eventfd_write(c->wake_fd, 1);
	}
	return c->lost.code;
}

static int check_frame(const struct capture *c, struct error *err)
{
	const struct capproto_frame *frame = &c->msg.frame;

	if (frame->index >= c->opened.buffer_count)
		return error_set(err, -EPROTO,
				 PROGRAM " sends nonsense: a frame in buffer %u of %u",
				 frame->index, c->opened.buffer_count);
	if (c->ours[frame->index])
		return error_set(err, -EPROTO, PROGRAM " sends nonsense: buffer %u is ours already",
				 frame->index);
	if (c->pix->planes == 0 && frame->bytes > c->opened.plane[0].size)
		return error_set(err, -EPROTO, PROGRAM " sends nonsense: %u bytes in a plane of %u",
				 frame->bytes, c->opened.plane[0].size);
	return 0;
}

/* The next message of an open camera: a frame, or an answer. Else it is lost. */
static int hear(struct capture *c, struct error *err)
{
	int fd = -1;
	int r = helper_receive(&c->helper, &c->msg, &fd, err);

	if (r < 0)
		return r;
	close_fd(&fd);
	switch (c->msg.type) {
	case CAPPROTO_FRAME:
		r = check_frame(c, err);
		if (r == 0)
			c->ours[c->msg.frame.index] = true;
		return r;
	case CAPPROTO_RESULT:
		return 0;
	case CAPPROTO_LOST:
		return error_set(err, c->msg.result.code, "%s", c->msg.result.text);
	default:
		return out_of_turn(c, err);
	}
}

static void unqueue(struct capture *c, struct capproto_frame *ret_frame)
{
	eventfd_t count;

	*ret_frame = c->queue[0];
	memmove(c->queue, c->queue + 1, --c->queued * sizeof(c->queue[0]));
	if (c->queued == 0 && c->lost.code == 0)
		eventfd_read(c->wake_fd, &count);
}

int capture_take(struct capture *c, struct capproto_frame *ret_frame)
{
	struct error err = {0};

	if (c->queued > 0) {
		unqueue(c, ret_frame);
		return 0;
	}
	if (c->lost.code != 0)
		return c->lost.code;
	int r = hear(c, &err);
	if (r == -EAGAIN)
		return r;
	if (r < 0)
		return lose(c, &err);
	if (c->msg.type != CAPPROTO_FRAME)
		return -EAGAIN; /* the answer to what was given up; poll_fd knows of more */
	*ret_frame = c->msg.frame;
	return 0;
}

void capture_give_back(struct capture *c, uint32_t index)
{
	union capproto_message done;

	c->ours[index] = false;
	done.done = (struct capproto_done){.type = CAPPROTO_DONE, .index = index};
	helper_send(&c->helper, &done, NULL); /* if it is gone, capture_take() will hear of it */
}

/* Every frame that is queued is in a buffer of its own: there is room. */
static void enqueue(struct capture *c)
{
	if (c->queued == 0)
		eventfd_write(c->wake_fd, 1);
	c->queue[c->queued++] = c->msg.frame;
}

static int hear_result(struct capture *c, int64_t until_us, struct error *err)
{
	for (;;) {
		int r = hear(c, err);
		if (r == -EAGAIN) {
			r = wait_for_it(c, until_us, err);
			if (r < 0)
				return r; /* late is not lost: pictures may go on */
			continue;
		}
		if (r < 0)
			return lose(c, err);
		if (c->msg.type == CAPPROTO_FRAME)
			enqueue(c);
		else if (c->msg.result.number == c->number) /* else of one that was given up */
			return c->msg.result.code < 0 ? error_set(err, c->msg.result.code, "%s",
								  c->msg.result.text)
						      : 0;
	}
}

int capture_ask(struct capture *c, union capproto_message *question, int64_t until_us,
		struct error *err)
{
	struct error why = {0};

	if (c->lost.code != 0)
		return error_set(err, c->lost.code, "%s", c->lost.text);
	if (++c->number == 0) /* 0 is the answer to OPEN */
		c->number = 1;
	if (question->type == CAPPROTO_CONTROL)
		question->control.number = c->number;
	else
		question->set_fps.number = c->number;
	int r = helper_send(&c->helper, question, &why);
	if (r == 0)
		r = hear_result(c, until_us, &why);
	return r < 0 ? error_set(err, r, "%s", why.text) : 0;
}
