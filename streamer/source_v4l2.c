/* Cameras by V4L2: USB cameras, capture cards, anything with /dev/videoN.
 *
 * Raw pictures and JPEG become I420 (convert.h) in pictures of our own, so that the driver has its
 * buffers back at once, but for JPEG's, which is lent beside its I420; what is I420 already is lent
 * as it lies in the driver's buffer, with its dma-buf. A camera's own H.264 goes through the
 * splitter, which checks it, and is not decoded. What comes faster than asked for is left out,
 * before it costs anything. */
#include "streamer/source.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/framegate.h"
#include "streamer/holders.h"
#include "streamer/pictures.h"
#include "streamer/v4l2buf.h"
#include "streamer/v4l2caps.h"
#include "streamer/v4l2ctl.h"
#include "streamer/v4l2dev.h"
#include "streamer/v4l2find.h"
#include "streamer/v4l2fmt.h"
#include "streamer/v4l2stream.h"

#define SUBSYSTEM    "source v4l2"
#define BUFFERS      6       /* two lent, one being filled, and some for when we are late */
#define ERRORS_MAX   30      /* in a row without a picture: it will not recover */
#define AGE_MAX_US   1000000 /* a time stamp that is older is of another clock */
#define SECOND_US    1000000
#define WIDTH_USUAL  1280
#define HEIGHT_USUAL 720

struct source_v4l2 {
	struct source source;
	struct source_format format;
	struct v4l2dev dev;
	struct v4l2fmt fmt;
	struct v4l2bufs bufs;
	struct framegate gate;
	char reason[SOURCE_DEVICE_MAX + 64];
	uint64_t late;    /* pictures that a newer one replaced before anybody saw them */
	uint64_t damaged; /* pictures */
	int64_t told_us;  /* of damage, to the log */
	unsigned errors;  /* of the driver, in a row */

	struct pictures pictures; /* raw and JPEG, where it is to be converted */
	struct v4l2stream stream; /* H.264 */
};

static struct source_v4l2 *v4l2_of(struct source *src)
{
	return container_of(src, struct source_v4l2, source);
}

static bool is_encoded(const struct source_v4l2 *v)
{
	return v->fmt.pix->fourcc == FRAME_H264;
}

/* --- what is there */

static void tell_caps(const struct v4l2dev *dev, struct source_caps *ret_caps)
{
	struct v4l2caps caps;

	memset(ret_caps, 0, sizeof(*ret_caps));
	snprintf(ret_caps->backend, sizeof(ret_caps->backend), "v4l2");
	v4l2find_id(dev->path, ret_caps->id, sizeof(ret_caps->id));
	snprintf(ret_caps->name, sizeof(ret_caps->name), "%s", dev->card);
	v4l2caps_read(dev, &caps);
	v4l2caps_tell(&caps, ret_caps);
	v4l2ctl_read(dev, ret_caps);
}

static int open_device(const char *device, struct v4l2dev *ret_dev, struct error *err)
{
	char path[SOURCE_DEVICE_MAX];
	int r = v4l2find_path(device, path, sizeof(path), err);

	return r < 0 ? r : v4l2dev_open(ret_dev, path, err);
}

static int v4l2_probe(const char *device, struct source_caps *ret_caps, struct error *err)
{
	struct v4l2dev dev;
	int r = open_device(device, &dev, err);

	if (r < 0)
		return r;
	tell_caps(&dev, ret_caps);
	v4l2dev_close(&dev);
	if (ret_caps->mode_count == 0)
		return error_set(err, -ENOTSUP, "%s: %s has no pixel format that nalcastd knows",
				 dev.path, dev.card);
	return 0;
}

static unsigned v4l2_list(struct source_info *ret_list, unsigned max)
{
	struct v4l2node nodes[V4L2FIND_MAX];
	unsigned node_count = v4l2find_nodes(nodes, V4L2FIND_MAX);
	unsigned count = 0;

	for (unsigned i = 0; i < node_count && count < max; i++) {
		struct source_info *info = &ret_list[count];
		if (v4l2_probe(nodes[i].path, &info->caps, NULL) < 0)
			continue;
		holders_find(nodes[i].path, info->in_use_by, sizeof(info->in_use_by));
		count++;
	}
	return count;
}

static bool v4l2_is_present(void)
{
	struct v4l2node node;

	return v4l2find_nodes(&node, 1) > 0;
}

static const char *v4l2_watched_folder(void)
{
	return v4l2_folder;
}

/* --- opening */

static void v4l2_close(struct source *src)
{
	struct source_v4l2 *v = v4l2_of(src);

	v4l2bufs_clear(&v->bufs);
	v4l2dev_close(&v->dev);
	pictures_clear(&v->pictures);
	v4l2stream_clear(&v->stream);
	free(v);
}

/* The size of cfg, or the usual one. */
static int fill_size(const struct v4l2dev *dev, const struct v4l2caps *caps,
		     struct source_config *cfg, struct error *err)
{
	struct source_caps told;
	struct source_mode nearest;

	if (cfg->width != 0 && cfg->height != 0)
		return 0;
	v4l2caps_tell(caps, &told);
	if (source_caps_nearest(&told, WIDTH_USUAL, HEIGHT_USUAL, &nearest, 1) == 0)
		return error_set(err, -ENOTSUP, "%s: it has no size that can be shown", dev->path);
	cfg->width = nearest.width_min;
	cfg->height = nearest.height_min;
	return 0;
}

static int choose_format(struct source_v4l2 *v, const struct source_config *wanted,
			 struct error *err)
{
	struct source_config cfg = *wanted;
	struct v4l2caps caps;

	v4l2caps_read(&v->dev, &caps);
	int r = fill_size(&v->dev, &caps, &cfg, err);
	if (r < 0)
		return r;
	const struct v4l2mode *mode = v4l2caps_choose(&caps, &cfg);
	if (mode == NULL)
		return error_set(err, -EINVAL, "%s: the camera has no size %ux%u", v->dev.path,
				 cfg.width, cfg.height);
	unsigned fps_milli = cfg.fps_milli;
	if (fps_milli != 0)
		fps_milli = v4l2caps_choose_fps(&v->dev, mode->fourcc, cfg.width, cfg.height,
						fps_milli);
	return v4l2fmt_set(&v->dev, mode->fourcc, cfg.width, cfg.height, fps_milli, &v->fmt, err);
}

/* What comes out: the camera's rate, or what the gate makes of it. */
static unsigned rate_of(const struct source_v4l2 *v, unsigned wanted_milli)
{
	unsigned own_milli = v->fmt.fps_milli;

	if (own_milli == 0 || wanted_milli == 0 || is_encoded(v))
		return own_milli != 0 ? own_milli : wanted_milli;
	return (uint64_t)own_milli * 9 > (uint64_t)wanted_milli * 10 ? wanted_milli : own_milli;
}

static int prepare_pictures(struct source_v4l2 *v, struct error *err)
{
	const struct v4l2fmt *fmt = &v->fmt;

	if (fmt->pix->like == FRAME_I420 && !fmt->full_range)
		return 0;
	int r = pictures_init(&v->pictures, fmt->pix->fourcc, fmt->width, fmt->height,
			      fmt->full_range);
	return r < 0 ? error_set(err, r, "%s: no memory for pictures", v->dev.path) : 0;
}

static int prepare_stream(struct source_v4l2 *v, struct error *err)
{
	int r = v4l2stream_open(&v->stream, v->dev.path);

	return r < 0 ? error_set(err, r, "%s: no memory", v->dev.path) : 0;
}

static int v4l2_start(struct source_v4l2 *v, const struct source_config *cfg, struct error *err)
{
	int r = open_device(cfg->device, &v->dev, err);

	if (r == 0)
		r = choose_format(v, cfg, err);
	if (r < 0)
		return r;
	v->format = (struct source_format){
		.fourcc = is_encoded(v) ? FRAME_H264 : FRAME_I420,
		.width = v->fmt.width,
		.height = v->fmt.height,
		.fps_milli = rate_of(v, cfg->fps_milli),
		.colour = v->fmt.colour,
	};
	framegate_init(&v->gate, is_encoded(v) ? 0 : cfg->fps_milli, v->fmt.fps_milli);
	r = is_encoded(v) ? prepare_stream(v, err) : prepare_pictures(v, err);
	if (r < 0)
		return r;
	return v4l2bufs_start(&v->bufs, &v->dev, v->fmt.memory_planes, BUFFERS, err);
}

static int v4l2_open(const struct source_config *cfg, struct source **ret_source, struct error *err)
{
	struct source_v4l2 *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return error_set(err, -ENOMEM, "no memory for a camera");
	v->source.ops = &source_v4l2_ops;
	v->dev.fd = -1;
	int r = v4l2_start(v, cfg, err);
	if (r < 0) {
		v4l2_close(&v->source);
		return r;
	}
	log_info(SUBSYSTEM, "%s: %s, '%s' %ux%u%s", v->dev.path, v->dev.card, v->fmt.pix->name,
		 v->fmt.width, v->fmt.height, v->fmt.full_range ? ", full range" : "");
	*ret_source = &v->source;
	return 0;
}

/* --- pictures */

static int lose(struct source_v4l2 *v, int code, const char *why)
{
	snprintf(v->reason, sizeof(v->reason), "%s: %s", v->dev.path, why);
	return code;
}

/* A camera that sends broken pictures sends many: one line a second is enough. */
static void count_damaged(struct source_v4l2 *v, const char *what)
{
	int64_t now_us = clock_now_us();

	v->damaged++;
	if (v->told_us != 0 && now_us - v->told_us < SECOND_US)
		return;
	v->told_us = now_us;
	log_warn(SUBSYSTEM, "%s: a picture is left out: %s (%llu so far)", v->dev.path, what,
		 (unsigned long long)v->damaged);
}

static int take(struct source_v4l2 *v, struct v4l2picture *ret_picture)
{
	int r = v4l2bufs_take(&v->bufs, ret_picture);

	if (r == -EAGAIN)
		return r;
	if (r == -ENODEV)
		return lose(v, r, "the camera was unplugged");
	if (r < 0) {
		/* EIO may pass (signal loss, a packet that did not come); for ever it means that
		 * the driver has given up, and poll() returns at once each time. */
		if (++v->errors >= ERRORS_MAX)
			return lose(v, r, strerror(-r));
		return -ENODATA;
	}
	v->errors = 0;
	int64_t now_us = clock_now_us();
	if (ret_picture->pts_us > now_us || ret_picture->pts_us < now_us - AGE_MAX_US)
		ret_picture->pts_us = now_us;
	return 0;
}

static int give_back(struct source_v4l2 *v, unsigned index)
{
	int r = v4l2bufs_give_back(&v->bufs, index);

	return r == -ENODEV ? lose(v, r, "the camera was unplugged") : r;
}

static struct frame frame_of(const struct source_v4l2 *v, const struct v4l2picture *picture)
{
	struct frame frame = {.index = picture->index, .pts_us = picture->pts_us};

	v4l2fmt_lay_out(&v->fmt, picture->memory, &frame);
	return frame;
}

/* I420 where the driver left it: is all of it there? */
static int lend_as_is(struct source_v4l2 *v, const struct frame *in, struct frame *ret_frame)
{
	for (unsigned i = 0; i < in->plane_count; i++)
		if (in->plane[i].size <
		    pixfmt_plane_size(v->fmt.pix, i, in->width, in->height, in->plane[i].stride)) {
			count_damaged(v, "it is cut off");
			int r = give_back(v, in->index);
			return r == -ENODEV ? r : -ENODATA;
		}
	*ret_frame = *in;
	ret_frame->fourcc = FRAME_I420;
	ret_frame->flags = FRAME_NEWEST;
	return 0;
}

static int lend_converted(struct source_v4l2 *v, const struct frame *in, struct frame *ret_frame)
{
	struct frame out;
	int r = pictures_lend(&v->pictures, in, &out);
	bool is_kept = r == 0 && out.jpeg != NULL;

	if (!is_kept && give_back(v, in->index) == -ENODEV)
		return -ENODEV;
	if (r == -EAGAIN)
		return -ENODATA; /* nobody is ready for it */
	if (r < 0) {
		count_damaged(v, pictures_damage(r));
		return -ENODATA;
	}
	out.flags = FRAME_NEWEST;
	*ret_frame = out;
	return 0;
}

/* The newest picture that may pass, so that none is converted that a newer one replaces. */
static int take_newest(struct source_v4l2 *v, struct v4l2picture *ret_picture)
{
	struct v4l2picture picture;
	bool have = false;
	int r;

	while ((r = take(v, &picture)) == 0) {
		bool passes = !picture.damaged && framegate_passes(&v->gate, picture.pts_us);
		if (picture.damaged)
			count_damaged(v, "the driver says that it is damaged");
		unsigned given_up = picture.index;
		if (passes && have)
			given_up = ret_picture->index;
		v->late += passes && have;
		if ((!passes || have) && give_back(v, given_up) == -ENODEV)
			return -ENODEV;
		if (passes)
			*ret_picture = picture;
		have |= passes;
	}
	return have ? 0 : r;
}

static int dequeue_picture(struct source_v4l2 *v, struct frame *ret_frame)
{
	struct v4l2picture picture;
	int r = take_newest(v, &picture);

	if (r < 0)
		return r;
	struct frame in = frame_of(v, &picture);
	return pictures_exist(&v->pictures) ? lend_converted(v, &in, ret_frame)
					    : lend_as_is(v, &in, ret_frame);
}

/* --- H.264 */

static int feed_next(struct source_v4l2 *v)
{
	struct v4l2picture picture;
	int r = take(v, &picture);

	if (r < 0)
		return r;
	if (picture.damaged)
		count_damaged(v, "the driver says that it is damaged");
	int fed = v4l2stream_feed(&v->stream, &picture);
	r = give_back(v, picture.index);
	return r == -ENODEV ? r : fed < 0 ? -ENODATA : 0;
}

static int dequeue_au(struct source_v4l2 *v, struct frame *ret_frame)
{
	while (v4l2stream_lend(&v->stream, ret_frame) < 0) {
		int r = feed_next(v);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- the interface */

static int v4l2_dequeue(struct source *src, struct frame *ret_frame)
{
	struct source_v4l2 *v = v4l2_of(src);

	return is_encoded(v) ? dequeue_au(v, ret_frame) : dequeue_picture(v, ret_frame);
}

static void v4l2_release(struct source *src, uint32_t index)
{
	struct source_v4l2 *v = v4l2_of(src);
	uint32_t buffer = index;

	if (is_encoded(v)) {
		v4l2stream_take_back(&v->stream, index);
		return;
	}
	if (pictures_exist(&v->pictures))
		buffer = pictures_take_back(&v->pictures, index);
	if (buffer != PICTURES_NO_BUFFER)
		v4l2bufs_give_back(&v->bufs, buffer); /* if it is gone, take() will hear of it */
}

static void v4l2_get_format(const struct source *src, struct source_format *ret_format)
{
	*ret_format = ((const struct source_v4l2 *)src)->format;
}

static int v4l2_get_fd(const struct source *src)
{
	return ((const struct source_v4l2 *)src)->dev.fd;
}

static const char *v4l2_get_reason(const struct source *src)
{
	return ((const struct source_v4l2 *)src)->reason;
}

static uint64_t v4l2_get_dropped(const struct source *src)
{
	const struct source_v4l2 *v = (const struct source_v4l2 *)src;

	return v->damaged + v->late + v4l2stream_dropped(&v->stream);
}

static int v4l2_set_control(struct source *src, const char *name, const double *values,
			    unsigned count, struct error *err)
{
	return v4l2ctl_set(&v4l2_of(src)->dev, name, values, count, err);
}

/* Fewer of what comes already; for more the camera has to be set anew. */
static int v4l2_set_fps(struct source *src, unsigned fps_milli)
{
	struct source_v4l2 *v = v4l2_of(src);

	if (is_encoded(v) || fps_milli > v->fmt.fps_milli)
		return -ERANGE;
	framegate_init(&v->gate, fps_milli, v->fmt.fps_milli);
	v->format.fps_milli = rate_of(v, fps_milli);
	return 0;
}

const struct source_ops source_v4l2_ops = {
	.name = "v4l2",
	.probe = v4l2_probe,
	.open = v4l2_open,
	.close = v4l2_close,
	.get_format = v4l2_get_format,
	.get_fd = v4l2_get_fd,
	.dequeue = v4l2_dequeue,
	.release = v4l2_release,
	.set_control = v4l2_set_control,
	.set_fps = v4l2_set_fps,
	.get_reason = v4l2_get_reason,
	.get_dropped = v4l2_get_dropped,
	.is_present = v4l2_is_present,
	.list = v4l2_list,
	.watched_folder = v4l2_watched_folder,
};
