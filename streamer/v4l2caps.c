#include "streamer/v4l2caps.h"

#include <errno.h>
#include <string.h>

#include <linux/videodev2.h>

#include "common/util.h"
#include "streamer/pixfmt.h"

#define LIST_MAX          256 /* entries of any list of a driver's; some never end */
#define SIZE_MIN          16  /* pixels */
#define SIZE_MAX_PIXELS   8192
#define FPS_MIN_MILLI     1000 /* fewer of a camera's pictures than it gives can always be taken */
#define FPS_MAX_MILLI     1000000
#define FPS_DEFAULT_MILLI 30000

struct rates {
	unsigned min_milli, max_milli;
};

static unsigned fps_of(const struct v4l2_fract *interval)
{
	if (interval->numerator == 0)
		return FPS_MAX_MILLI;
	uint64_t milli = (UINT64_C(1000) * interval->denominator + interval->numerator / 2) /
			 interval->numerator;
	return (unsigned)(milli > FPS_MAX_MILLI ? FPS_MAX_MILLI : milli);
}

/* 30000/1001 is what everybody calls 30. */
static unsigned fps_round(unsigned fps_milli)
{
	unsigned up = (fps_milli + 999) / 1000 * 1000;

	return up - fps_milli <= up / 500 ? up : fps_milli;
}

static void add_rate(struct rates *rates, unsigned fps_milli)
{
	if (rates->max_milli == 0 || fps_milli < rates->min_milli)
		rates->min_milli = fps_milli;
	if (fps_milli > rates->max_milli)
		rates->max_milli = fps_milli;
}

/* What it does now, where it does not tell what it can. */
static void read_rate_now(const struct v4l2dev *dev, struct rates *rates)
{
	struct v4l2_streamparm parm = {.type = dev->type};

	if (v4l2dev_call(dev, VIDIOC_G_PARM, &parm) == 0 &&
	    parm.parm.capture.timeperframe.denominator != 0)
		add_rate(rates, fps_of(&parm.parm.capture.timeperframe));
	else
		add_rate(rates, FPS_DEFAULT_MILLI);
}

static struct rates read_rates(const struct v4l2dev *dev, uint32_t fourcc, unsigned width,
			       unsigned height)
{
	struct v4l2_frmivalenum ival = {.pixel_format = fourcc, .width = width, .height = height};
	struct rates rates = {0};

	for (; ival.index < LIST_MAX; ival.index++) {
		if (v4l2dev_call(dev, VIDIOC_ENUM_FRAMEINTERVALS, &ival) < 0)
			break;
		if (ival.type == V4L2_FRMIVAL_TYPE_DISCRETE) {
			add_rate(&rates, fps_of(&ival.discrete));
			continue;
		}
		add_rate(&rates, fps_of(&ival.stepwise.min));
		add_rate(&rates, fps_of(&ival.stepwise.max));
		break;
	}
	if (rates.max_milli == 0)
		read_rate_now(dev, &rates);
	rates.max_milli = fps_round(rates.max_milli);
	/* Of H.264 none can be left out. */
	if (fourcc != FRAME_H264 && rates.min_milli > FPS_MIN_MILLI)
		rates.min_milli = FPS_MIN_MILLI;
	return rates;
}

static bool is_size(unsigned width, unsigned height)
{
	return width >= SIZE_MIN && height >= SIZE_MIN && width <= SIZE_MAX_PIXELS &&
	       height <= SIZE_MAX_PIXELS;
}

/* The even ones among min, min + step ... max. False: there are none. */
static bool make_even(unsigned *min, unsigned *max, unsigned *step)
{
	if (*max > SIZE_MAX_PIXELS)
		*max = SIZE_MAX_PIXELS;
	if (*step == 0)
		*step = 1;
	while (*min < SIZE_MIN)
		*min += *step;
	if (*min % 2 != 0)
		*min += *step;
	if (*step % 2 != 0)
		*step *= 2;
	if (*min % 2 != 0 || *min > *max)
		return false;
	*max -= (*max - *min) % *step;
	if (*max == *min)
		*step = 0;
	return true;
}

static void add_mode(const struct v4l2dev *dev, struct v4l2caps *caps, uint32_t fourcc,
		     const struct source_mode *size)
{
	if (caps->count == V4L2CAPS_MODES_MAX)
		return;
	/* The largest is the slowest: what it does, all do. */
	struct rates rates = read_rates(dev, fourcc, size->width_max, size->height_max);
	struct v4l2mode *mode = &caps->modes[caps->count++];
	*mode = (struct v4l2mode){.fourcc = fourcc, .size = *size};
	mode->size.fps_min_milli = rates.min_milli;
	mode->size.fps_max_milli = rates.max_milli;
}

static void add_size(const struct v4l2dev *dev, struct v4l2caps *caps, uint32_t fourcc,
		     unsigned width, unsigned height)
{
	struct source_mode size = {
		.width_min = width,
		.width_max = width,
		.height_min = height,
		.height_max = height,
	};

	if (is_size(width, height) && width % 2 == 0 && height % 2 == 0)
		add_mode(dev, caps, fourcc, &size);
}

static void add_range(const struct v4l2dev *dev, struct v4l2caps *caps, uint32_t fourcc,
		      const struct v4l2_frmsize_stepwise *range)
{
	struct source_mode size = {
		.width_min = range->min_width,
		.width_max = range->max_width,
		.width_step = range->step_width,
		.height_min = range->min_height,
		.height_max = range->max_height,
		.height_step = range->step_height,
	};

	if (make_even(&size.width_min, &size.width_max, &size.width_step) &&
	    make_even(&size.height_min, &size.height_max, &size.height_step))
		add_mode(dev, caps, fourcc, &size);
}

/* A driver that lists no sizes has the one it is set to. */
static void add_size_now(const struct v4l2dev *dev, struct v4l2caps *caps, uint32_t fourcc)
{
	struct v4l2_format now = {.type = dev->type};

	if (v4l2dev_call(dev, VIDIOC_G_FMT, &now) < 0)
		return;
	if (v4l2dev_is_planar(dev))
		add_size(dev, caps, fourcc, now.fmt.pix_mp.width, now.fmt.pix_mp.height);
	else
		add_size(dev, caps, fourcc, now.fmt.pix.width, now.fmt.pix.height);
}

static void read_sizes(const struct v4l2dev *dev, struct v4l2caps *caps, uint32_t fourcc)
{
	struct v4l2_frmsizeenum size = {.pixel_format = fourcc};

	for (; size.index < LIST_MAX; size.index++) {
		if (v4l2dev_call(dev, VIDIOC_ENUM_FRAMESIZES, &size) < 0)
			break;
		if (size.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
			add_size(dev, caps, fourcc, size.discrete.width, size.discrete.height);
			continue;
		}
		add_range(dev, caps, fourcc, &size.stepwise);
		return;
	}
	if (size.index == 0)
		add_size_now(dev, caps, fourcc);
}

void v4l2caps_read(const struct v4l2dev *dev, struct v4l2caps *ret_caps)
{
	struct v4l2_fmtdesc desc = {.type = dev->type};

	ret_caps->count = 0;
	for (; desc.index < LIST_MAX; desc.index++) {
		if (v4l2dev_call(dev, VIDIOC_ENUM_FMT, &desc) < 0)
			return;
		if (pixfmt_find(desc.pixelformat) != NULL)
			read_sizes(dev, ret_caps, desc.pixelformat);
	}
}

static bool same_size(const struct source_mode *a, const struct source_mode *b)
{
	return a->width_min == b->width_min && a->width_max == b->width_max &&
	       a->width_step == b->width_step && a->height_min == b->height_min &&
	       a->height_max == b->height_max && a->height_step == b->height_step;
}

static void tell_mode(const struct source_mode *mode, struct source_caps *caps)
{
	unsigned i = 0;

	while (i < caps->mode_count && !same_size(&caps->modes[i], mode))
		i++;
	if (i == SOURCE_MODES_MAX)
		return;
	struct source_mode *told = &caps->modes[i];
	if (i == caps->mode_count) {
		caps->mode_count++;
		*told = *mode;
		return;
	}
	if (mode->fps_min_milli < told->fps_min_milli)
		told->fps_min_milli = mode->fps_min_milli;
	if (mode->fps_max_milli > told->fps_max_milli)
		told->fps_max_milli = mode->fps_max_milli;
}

void v4l2caps_tell(const struct v4l2caps *caps, struct source_caps *ret_caps)
{
	ret_caps->mode_count = 0;
	ret_caps->encoded = caps->count > 0;
	for (unsigned i = 0; i < caps->count; i++) {
		tell_mode(&caps->modes[i].size, ret_caps);
		if (caps->modes[i].fourcc != FRAME_H264)
			ret_caps->encoded = false;
	}
}

static bool is_better(const struct v4l2mode *mode, const struct v4l2mode *best, unsigned fps_milli,
		      bool encoded)
{
	bool fast = mode->size.fps_max_milli >= fps_milli;
	bool best_fast = best->size.fps_max_milli >= fps_milli;

	if (encoded && (mode->fourcc == FRAME_H264) != (best->fourcc == FRAME_H264))
		return mode->fourcc == FRAME_H264;
	if (fast != best_fast)
		return fast;
	if (!fast && mode->size.fps_max_milli != best->size.fps_max_milli)
		return mode->size.fps_max_milli > best->size.fps_max_milli;
	return pixfmt_find(mode->fourcc)->preference < pixfmt_find(best->fourcc)->preference;
}

const struct v4l2mode *v4l2caps_choose(const struct v4l2caps *caps, const struct source_config *cfg)
{
	unsigned fps_milli = cfg->fps_milli != 0 ? cfg->fps_milli : FPS_DEFAULT_MILLI;
	const struct v4l2mode *best = NULL;

	for (unsigned i = 0; i < caps->count; i++) {
		const struct v4l2mode *mode = &caps->modes[i];
		if (source_mode_has(&mode->size, cfg->width, cfg->height, 0) &&
		    (best == NULL || is_better(mode, best, fps_milli, cfg->encoded)))
			best = mode;
	}
	return best;
}

static bool is_fitter(unsigned fps_milli, unsigned best_milli, unsigned wanted_milli)
{
	bool fast = fps_round(fps_milli) >= wanted_milli;
	bool best_fast = fps_round(best_milli) >= wanted_milli;

	if (best_milli == 0 || fast != best_fast)
		return best_milli == 0 || fast;
	return fast ? fps_milli < best_milli : fps_milli > best_milli;
}

unsigned v4l2caps_choose_fps(const struct v4l2dev *dev, uint32_t fourcc, unsigned width,
			     unsigned height, unsigned fps_milli)
{
	struct v4l2_frmivalenum ival = {.pixel_format = fourcc, .width = width, .height = height};
	unsigned best_milli = 0;

	for (; ival.index < LIST_MAX; ival.index++) {
		if (v4l2dev_call(dev, VIDIOC_ENUM_FRAMEINTERVALS, &ival) < 0 ||
		    ival.type != V4L2_FRMIVAL_TYPE_DISCRETE)
			break;
		unsigned own_milli = fps_of(&ival.discrete);
		if (is_fitter(own_milli, best_milli, fps_milli))
			best_milli = own_milli;
	}
	return best_milli != 0 ? best_milli : fps_milli;
}
