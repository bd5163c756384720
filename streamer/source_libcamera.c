/* Cameras by libcamera: on a Raspberry Pi, and wherever else a sensor hangs on a pipeline.
 *
 * libcamera itself is in nalcast-capture, a process of its own, since it aborts when cameras vanish
 * (capproto.h): here is only what that tells. I420 is lent as it lies in the camera's buffer, with
 * its dma-buf; everything else becomes I420 in pictures of our own. What comes faster than asked
 * for is left out. A helper that dies, hangs, refuses or talks nonsense is a camera that is lost.
 */
#include "streamer/source.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/capture.h"
#include "streamer/clock.h"
#include "streamer/framegate.h"
#include "streamer/mediadev.h"
#include "streamer/pictures.h"

#define SUBSYSTEM  "source libcamera"
#define OPEN_US    20000000 /* libcamera looks at every device, and loads tunings */
#define LIST_US    1500000  /* for those who ask what there is: survey.h */
#define ASK_US     1000000
#define LISTED_MS  500      /* to end, for one that has opened no camera */
#define REFUSED_MS 1000     /* for one that has not come to pictures */
#define ABSENT_US  10000000 /* before it is asked again where nothing has changed */
#define AGE_MAX_US 1000000  /* a time stamp that is older is of another clock */
#define SECOND_US  1000000
#define GAP_MAX    1000 /* pictures: more means that the camera counts otherwise */
#define NEWEST_OF  CAPPROTO_BUFFERS_MAX

struct source_libcamera {
	struct source source;
	struct source_format format;
	struct capture capture;
	struct framegate gate;
	struct pictures pictures;
	uint8_t *jpegs; /* room for PICTURES_MAX, where the camera gives JPEG: see lend_jpeg() */
	bool jpeg_lent[PICTURES_MAX];
	unsigned own_fps_milli; /* of the camera; 0: it does not say */
	uint32_t sequence;      /* of the newest frame */
	bool has_sequence;
	uint64_t late;    /* pictures that a newer one replaced before anybody saw them */
	uint64_t missed;  /* pictures, by the camera's count */
	uint64_t damaged; /* pictures */
	int64_t told_us;  /* of damage, to the log */
};

static struct source_libcamera *libcamera_of(struct source *src)
{
	return container_of(src, struct source_libcamera, source);
}

/* --- what is there */

/* libcamera's handler of USB cameras ends their ids with vendor and product: "...-1:1.0-046d:0825".
 * No other handler's ids do; those are paths of firmware or sysfs. */
static bool is_usb(const char *id)
{
	static const char shape[] = "-xxxx:xxxx";
	size_t size = strlen(id), tail = sizeof(shape) - 1;

	if (size < tail)
		return false;
	for (size_t i = 0; i < tail; i++) {
		char c = id[size - tail + i];
		if (shape[i] == 'x' ? !isxdigit((unsigned char)c) : c != shape[i])
			return false;
	}
	return true;
}

/* Of "" the first that V4L2 does not have as well; else the first. */
static const struct source_caps *choose(const struct source_caps *list, int count,
					const char *device)
{
	for (int i = 0; i < count; i++)
		if (device[0] == '\0' ? !is_usb(list[i].id) : strcmp(list[i].id, device) == 0)
			return &list[i];
	return device[0] == '\0' && count > 0 ? &list[0] : NULL;
}

static int say_absent(const char *device, struct error *err)
{
	if (device[0] == '\0')
		return error_set(err, -ENODEV, "libcamera has no camera");
	return error_set(err, -ENODEV, "libcamera has no camera %s", device);
}

/* The caller's to free; how many. */
static int list_all(int64_t wait_us, struct source_caps **ret_list, struct error *err)
{
	int64_t until_us = clock_now_us() + wait_us;
	struct capture *c = malloc(sizeof(*c));

	if (c == NULL)
		return error_set(err, -ENOMEM, "no memory for a camera");
	int r = capture_start(c, until_us, err);
	if (r == 0)
		r = capture_list(c, until_us, ret_list, err);
	capture_end(c, LISTED_MS);
	free(c);
	for (int i = 0; i < r; i++)
		snprintf((*ret_list)[i].backend, sizeof((*ret_list)[i].backend), "libcamera");
	return r;
}

static int libcamera_probe(const char *device, struct source_caps *ret_caps, struct error *err)
{
	struct source_caps *list = NULL;
	int r = list_all(OPEN_US, &list, err);

	if (r < 0)
		return r;
	const struct source_caps *found = choose(list, r, device);
	if (found == NULL)
		r = say_absent(device, err);
	else if (found->mode_count == 0)
		r = error_set(err, -ENOTSUP, "%s has no pixel format that nalcastd knows",
			      found->id);
	else
		*ret_caps = *found;
	free(list);
	return r < 0 ? r : 0;
}

/* USB cameras are left out: V4L2 has them, with their H.264 and their rates. */
static unsigned libcamera_list(struct source_info *ret_list, unsigned max)
{
	struct source_caps *list = NULL;
	struct error err = {0};
	unsigned count = 0;
	int r = helper_is_there() ? list_all(LIST_US, &list, &err) : 0;

	if (r < 0)
		log_warn(SUBSYSTEM, "which cameras there are is not known: %s", err.text);
	for (int i = 0; i < r && count < max; i++)
		if (!is_usb(list[i].id))
			ret_list[count++] = (struct source_info){.caps = list[i]};
	free(list);
	return count;
}

/* A Raspberry Pi has media devices without any camera, so that only libcamera knows; but it is
 * asked again only where something has changed, or was perhaps not ready yet. */
static struct {
	pthread_mutex_t lock; /* guards the rest */
	uint64_t mark;
	int64_t asked_us; /* 0: never */
	bool present;
} newest_look = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool remembers(uint64_t mark, bool *ret_present)
{
	pthread_mutex_lock(&newest_look.lock);
	bool known = newest_look.asked_us != 0 && newest_look.mark == mark &&
		     (newest_look.present || clock_now_us() - newest_look.asked_us < ABSENT_US);
	*ret_present = newest_look.present;
	pthread_mutex_unlock(&newest_look.lock);
	return known;
}

static void remember(uint64_t mark, bool present)
{
	pthread_mutex_lock(&newest_look.lock);
	newest_look.mark = mark;
	newest_look.asked_us = clock_now_us();
	newest_look.present = present;
	pthread_mutex_unlock(&newest_look.lock);
}

static bool libcamera_is_present(void)
{
	struct source_caps *list = NULL;
	struct error err = {0};
	bool present = false;
	uint64_t mark;

	if (!mediadev_exist(&mark) || !helper_is_there())
		return false;
	if (remembers(mark, &present))
		return present;
	int r = list_all(OPEN_US, &list, &err);
	if (r < 0)
		log_warn(SUBSYSTEM, "auto: %s", err.text);
	present = false;
	for (int i = 0; i < r; i++)
		present |= !is_usb(list[i].id);
	free(list);
	remember(mark, present);
	return present;
}

static const char *libcamera_watched_folder(void)
{
	return mediadev_folder;
}

/* --- opening */

static void libcamera_close(struct source *src)
{
	struct source_libcamera *l = libcamera_of(src);

	capture_end(&l->capture, HELPER_END_MS);
	pictures_clear(&l->pictures);
	free(l->jpegs);
	free(l);
}

/* Which one "" is, is decided here, lest it be the one that V4L2 has. */
static int fill_id(struct capture *c, struct capproto_open *open, int64_t until_us,
		   struct error *err)
{
	struct source_caps *list = NULL;

	if (open->id[0] != '\0')
		return 0;
	int r = capture_list(c, until_us, &list, err);
	if (r < 0)
		return r;
	const struct source_caps *found = choose(list, r, "");
	if (found != NULL)
		memcpy(open->id, found->id, sizeof(open->id));
	free(list);
	return found != NULL ? 0 : say_absent("", err);
}

static int open_capture(struct capture *c, const struct source_config *cfg, struct error *err)
{
	int64_t until_us = clock_now_us() + OPEN_US;
	struct capproto_open open = {
		.width = cfg->width,
		.height = cfg->height,
		.fps_milli = cfg->fps_milli,
	};

	memcpy(open.id, cfg->device, sizeof(open.id));
	int r = capture_start(c, until_us, err);
	if (r == 0)
		r = fill_id(c, &open, until_us, err);
	if (r == 0)
		r = capture_open(c, &open, until_us, err);
	if (r == 0)
		log_info(SUBSYSTEM, "%s: '%s' %ux%u%s, %u buffers", open.id, c->pix->name,
			 c->opened.width, c->opened.height,
			 c->opened.full_range ? ", full range" : "", c->opened.buffer_count);
	return r;
}

/* What comes out: the camera's rate, or what the gate makes of it. */
static unsigned rate_of(unsigned own_milli, unsigned wanted_milli)
{
	if (own_milli == 0 || wanted_milli == 0)
		return own_milli != 0 ? own_milli : wanted_milli;
	return (uint64_t)own_milli * 9 > (uint64_t)wanted_milli * 10 ? wanted_milli : own_milli;
}

static bool is_jpeg(const struct source_libcamera *l)
{
	return l->capture.pix->planes == 0;
}

static int prepare(struct source_libcamera *l, unsigned fps_milli, struct error *err)
{
	const struct capproto_opened *opened = &l->capture.opened;

	l->own_fps_milli = opened->fps_milli;
	l->format = (struct source_format){
		.fourcc = FRAME_I420,
		.width = opened->width,
		.height = opened->height,
		.fps_milli = rate_of(opened->fps_milli, fps_milli),
		.colour = opened->colour,
	};
	framegate_init(&l->gate, fps_milli, opened->fps_milli);
	if (opened->fourcc == FRAME_I420 && !opened->full_range)
		return 0;
	if (is_jpeg(l))
		l->jpegs = malloc(PICTURES_MAX * (size_t)opened->plane[0].size);
	if ((is_jpeg(l) && l->jpegs == NULL) ||
	    pictures_init(&l->pictures, opened->fourcc, opened->width, opened->height,
			  opened->full_range) < 0)
		return error_set(err, -ENOMEM, "no memory for pictures");
	return 0;
}

static int libcamera_open(const struct source_config *cfg, struct source **ret_source,
			  struct error *err)
{
	struct source_libcamera *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return error_set(err, -ENOMEM, "no memory for a camera");
	l->source.ops = &source_libcamera_ops;
	int r = open_capture(&l->capture, cfg, err);
	if (r == 0)
		r = prepare(l, cfg->fps_milli, err);
	if (r < 0) {
		capture_end(&l->capture, REFUSED_MS);
		free(l->jpegs);
		free(l);
		return r;
	}
	*ret_source = &l->source;
	return 0;
}

/* --- pictures */

/* A camera that sends broken pictures sends many: one line a second is enough. */
static void count_damaged(struct source_libcamera *l, const char *what)
{
	int64_t now_us = clock_now_us();

	l->damaged++;
	if (l->told_us != 0 && now_us - l->told_us < SECOND_US)
		return;
	l->told_us = now_us;
	log_warn(SUBSYSTEM, "a picture is left out: %s (%llu so far)", what,
		 (unsigned long long)l->damaged);
}

static void count_missed(struct source_libcamera *l, uint32_t sequence)
{
	uint32_t gap = sequence - l->sequence - 1;

	if (l->has_sequence && gap < GAP_MAX)
		l->missed += gap;
	l->has_sequence = true;
	l->sequence = sequence;
}

static int take(struct source_libcamera *l, struct capproto_frame *ret_frame)
{
	int r = capture_take(&l->capture, ret_frame);

	if (r < 0)
		return r;
	int64_t now_us = clock_now_us();
	if (ret_frame->pts_us > now_us || ret_frame->pts_us < now_us - AGE_MAX_US)
		ret_frame->pts_us = now_us;
	count_missed(l, ret_frame->sequence);
	return 0;
}

/* The newest picture that may pass, so that none is converted that a newer one replaces. After some
 * that may not the pipeline has its turn: there are cameras that do not pace at all. */
static int take_newest(struct source_libcamera *l, struct capproto_frame *ret_frame)
{
	struct capproto_frame frame;
	bool have = false;
	int r = 0;

	for (unsigned i = 0; i < NEWEST_OF && (r = take(l, &frame)) == 0; i++) {
		if (!framegate_passes(&l->gate, frame.pts_us)) {
			capture_give_back(&l->capture, frame.index);
			continue;
		}
		if (have) {
			capture_give_back(&l->capture, ret_frame->index);
			l->late++;
		}
		*ret_frame = frame;
		have = true;
	}
	if (have)
		return 0;
	return r < 0 ? r : -EAGAIN;
}

static struct frame show(const struct capture *c, const struct capproto_frame *told)
{
	const struct capbuf *buf = &c->buffer[told->index];
	bool compressed = c->pix->planes == 0;
	/* Who is given a dma-buf alone takes it from its beginning. */
	bool has_fd = buf->is_dmabuf && c->opened.plane[0].offset == 0;
	struct frame frame = {
		.flags = FRAME_NEWEST,
		.fourcc = c->pix->fourcc,
		.width = c->opened.width,
		.height = c->opened.height,
		.plane_count = c->opened.plane_count,
		.pts_us = told->pts_us,
		.index = told->index,
	};

	for (unsigned i = 0; i < frame.plane_count; i++)
		frame.plane[i] = (struct frame_plane){
			.data = buf->data + c->opened.plane[i].offset,
			.size = compressed ? told->bytes : c->opened.plane[i].size,
			.stride = c->opened.plane[i].stride,
			.dmabuf_fd = has_fd ? buf->fd : -1,
		};
	return frame;
}

static void give_back(struct source_libcamera *l, uint32_t index)
{
	capbuf_end_read(&l->capture.buffer[index]);
	capture_give_back(&l->capture, index);
}

static int refuse(struct source_libcamera *l, int code)
{
	if (code != -EAGAIN) /* else nobody is ready for it */
		count_damaged(l, pictures_damage(code));
	return -ENODATA;
}

static int lend_converted(struct source_libcamera *l, const struct frame *in,
			  struct frame *ret_frame)
{
	int r = pictures_lend(&l->pictures, in, ret_frame);

	give_back(l, in->index);
	return r < 0 ? refuse(l, r) : 0;
}

/* JPEG is parsed, twice over, from a copy: where the other side may write, what is checked need not
 * be what is read. As many can be lent as there are pictures, which they are lent with. */
static int lend_jpeg(struct source_libcamera *l, const struct frame *in, struct frame *ret_frame)
{
	struct frame own = *in;
	unsigned at = 0;

	while (at < PICTURES_MAX && l->jpeg_lent[at])
		at++;
	if (at < PICTURES_MAX) {
		uint8_t *copy = l->jpegs + at * (size_t)l->capture.opened.plane[0].size;
		memcpy(copy, in->plane[0].data, in->plane[0].size);
		own.plane[0].data = copy;
		own.index = at;
	}
	give_back(l, in->index);
	int r = at < PICTURES_MAX ? pictures_lend(&l->pictures, &own, ret_frame) : -EAGAIN;
	if (r < 0)
		return refuse(l, r);
	l->jpeg_lent[at] = true;
	return 0;
}

static int libcamera_dequeue(struct source *src, struct frame *ret_frame)
{
	struct source_libcamera *l = libcamera_of(src);
	struct capproto_frame told;
	int r = take_newest(l, &told);

	if (r < 0)
		return r;
	struct frame in = show(&l->capture, &told);
	capbuf_begin_read(&l->capture.buffer[told.index]);
	if (is_jpeg(l))
		return lend_jpeg(l, &in, ret_frame);
	if (pictures_exist(&l->pictures))
		return lend_converted(l, &in, ret_frame);
	*ret_frame = in;
	return 0;
}

static void libcamera_release(struct source *src, uint32_t index)
{
	struct source_libcamera *l = libcamera_of(src);

	if (!pictures_exist(&l->pictures)) {
		give_back(l, index);
		return;
	}
	uint32_t jpeg = pictures_take_back(&l->pictures, index);
	if (jpeg != PICTURES_NO_BUFFER)
		l->jpeg_lent[jpeg] = false;
}

/* --- the rest of the interface */

static void libcamera_get_format(const struct source *src, struct source_format *ret_format)
{
	*ret_format = ((const struct source_libcamera *)src)->format;
}

static int libcamera_get_fd(const struct source *src)
{
	return ((const struct source_libcamera *)src)->capture.poll_fd;
}

static const char *libcamera_get_reason(const struct source *src)
{
	return ((const struct source_libcamera *)src)->capture.lost.text;
}

static uint64_t libcamera_get_dropped(const struct source *src)
{
	const struct source_libcamera *l = (const struct source_libcamera *)src;

	return l->damaged + l->late + l->missed;
}

static int libcamera_set_control(struct source *src, const char *name, const double *values,
				 unsigned count, struct error *err)
{
	union capproto_message question = {
		.control = {.type = CAPPROTO_CONTROL, .count = count},
	};

	if (count > ARRAY_SIZE(question.control.value))
		return error_set(err, -ERANGE, "%s has not so many values", name);
	memcpy(question.control.value, values, count * sizeof(values[0]));
	snprintf(question.control.name, sizeof(question.control.name), "%s", name);
	return capture_ask(&libcamera_of(src)->capture, &question, clock_now_us() + ASK_US, err);
}

/* The camera's own pace if it can; else fewer of what comes already. */
static int libcamera_set_fps(struct source *src, unsigned fps_milli)
{
	struct source_libcamera *l = libcamera_of(src);
	union capproto_message question = {
		.set_fps = {.type = CAPPROTO_SET_FPS, .fps_milli = fps_milli},
	};

	if (capture_ask(&l->capture, &question, clock_now_us() + ASK_US, NULL) == 0)
		l->own_fps_milli = fps_milli;
	else if (l->own_fps_milli != 0 && fps_milli > l->own_fps_milli)
		return -ERANGE;
	framegate_init(&l->gate, fps_milli, l->own_fps_milli);
	l->format.fps_milli = rate_of(l->own_fps_milli, fps_milli);
	return 0;
}

const struct source_ops source_libcamera_ops = {
	.name = "libcamera",
	.probe = libcamera_probe,
	.open = libcamera_open,
	.close = libcamera_close,
	.get_format = libcamera_get_format,
	.get_fd = libcamera_get_fd,
	.dequeue = libcamera_dequeue,
	.release = libcamera_release,
	.set_control = libcamera_set_control,
	.set_fps = libcamera_set_fps,
	.get_reason = libcamera_get_reason,
	.get_dropped = libcamera_get_dropped,
	.is_present = libcamera_is_present,
	.list = libcamera_list,
	.watched_folder = libcamera_watched_folder,
};
