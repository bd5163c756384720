#include "streamer/m2mdev.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "common/util.h"
#include "streamer/v4l2find.h"

#define FORMATS_MAX       64          /* a driver that never ends its list is broken */
#define CODED_BYTES_MIN   (512 << 10) /* of a buffer: the largest access unit must fit */
#define FPS_DEFAULT_MILLI 25000
#define BT709             1 /* H.264 table E-5 */

int m2mdev_fail(const struct m2mdev *dev, int r, const char *what, struct error *err)
{
	return error_set(err, r, "%s: %s: %s", dev->node.path, what, strerror(-r));
}

/* --- which node */

static bool lists_format(const struct v4l2dev *node, uint32_t type, uint32_t fourcc)
{
	struct v4l2_fmtdesc desc = {.type = type};

	while (desc.index < FORMATS_MAX && v4l2dev_call(node, VIDIOC_ENUM_FMT, &desc) == 0) {
		if (desc.pixelformat == fourcc)
			return true;
		desc = (struct v4l2_fmtdesc){.type = type, .index = desc.index + 1};
	}
	return false;
}

static int check_encodes(struct m2mdev *dev, uint32_t caps, uint32_t coded, struct error *err)
{
	bool planar = (caps & V4L2_CAP_VIDEO_M2M_MPLANE) != 0;

	dev->input_type = planar ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
	dev->coded_type = planar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
	if ((caps & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE)) == 0 ||
	    (caps & V4L2_CAP_STREAMING) == 0 || !lists_format(&dev->node, dev->coded_type, coded))
		return error_set(err, -ENODEV, "%s: %s is no encoder", dev->node.path,
				 dev->node.card);
	if (!lists_format(&dev->node, dev->input_type, FRAME_I420))
		return error_set(err, -ENODEV, "%s: the encoder %s takes no I420 pictures",
				 dev->node.path, dev->node.card);
	return 0;
}

static int open_node(struct m2mdev *dev, const char *path, uint32_t coded, struct error *err)
{
	uint32_t caps;
	int r = v4l2dev_open_any(&dev->node, path, &caps, err);

	if (r < 0)
		return r;
	r = check_encodes(dev, caps, coded, err);
	if (r < 0)
		m2mdev_close(dev);
	return r;
}

/* A USB camera may be asleep, and opening it would wake it; encoders are elsewhere. */
static bool is_on_usb(unsigned number)
{
	char path[64], device[256];

	snprintf(path, sizeof(path), "/sys/class/video4linux/video%u", number);
	ssize_t size = readlink(path, device, sizeof(device) - 1);
	if (size < 0 || strcmp(v4l2_folder, "/dev") != 0)
		return false;
	device[size] = '\0';
	return strstr(device, "/usb") != NULL;
}

/* What kept the first node from being looked at is worth telling, if none is found. */
static int open_first(struct m2mdev *dev, uint32_t coded, struct error *err)
{
	unsigned numbers[V4L2FIND_MAX];
	unsigned count = v4l2find_numbers(numbers, V4L2FIND_MAX);
	struct error first = {0};

	for (unsigned i = 0; i < count; i++) {
		char path[64];
		struct error why = {0};
		if (is_on_usb(numbers[i]))
			continue;
		snprintf(path, sizeof(path), "%.48s/video%u", v4l2_folder, numbers[i]);
		if (open_node(dev, path, coded, &why) == 0)
			return 0;
		if (first.code == 0 && why.code != -ENODEV)
			first = why;
	}
	if (first.code != 0)
		return error_set(err, first.code, "%s", first.text);
	return error_set(err, -ENODEV, "V4L2 has no hardware encoder");
}

int m2mdev_open(struct m2mdev *dev, const char *path, uint32_t coded, struct error *err)
{
	*dev = (struct m2mdev){.node.fd = -1};
	return path[0] != '\0' ? open_node(dev, path, coded, err) : open_first(dev, coded, err);
}

void m2mdev_close(struct m2mdev *dev)
{
	v4l2dev_close(&dev->node);
}

/* --- formats */

static bool is_planar(const struct m2mdev *dev)
{
	return V4L2_TYPE_IS_MULTIPLANAR(dev->input_type);
}

struct layout { /* of either interface */
	uint32_t fourcc;
	unsigned width, height, stride, planes;
	size_t size;
};

static void fill_planar(struct v4l2_pix_format_mplane *pix, const struct layout *wanted,
			uint32_t colorspace)
{
	pix->pixelformat = wanted->fourcc;
	pix->width = wanted->width;
	pix->height = wanted->height;
	pix->field = V4L2_FIELD_NONE;
	pix->colorspace = colorspace;
	pix->num_planes = 1;
	pix->plane_fmt[0].bytesperline = wanted->stride;
	pix->plane_fmt[0].sizeimage = (uint32_t)wanted->size;
}

static void fill_single(struct v4l2_pix_format *pix, const struct layout *wanted,
			uint32_t colorspace)
{
	pix->pixelformat = wanted->fourcc;
	pix->width = wanted->width;
	pix->height = wanted->height;
	pix->field = V4L2_FIELD_NONE;
	pix->colorspace = colorspace;
	pix->bytesperline = wanted->stride;
	pix->sizeimage = (uint32_t)wanted->size;
}

static int set_format(const struct m2mdev *dev, uint32_t type, uint32_t colorspace,
		      const struct layout *wanted, struct layout *ret_granted)
{
	struct v4l2_format format = {.type = type};
	const struct v4l2_pix_format_mplane *planar = &format.fmt.pix_mp;
	const struct v4l2_pix_format *single = &format.fmt.pix;

	if (is_planar(dev))
		fill_planar(&format.fmt.pix_mp, wanted, colorspace);
	else
		fill_single(&format.fmt.pix, wanted, colorspace);
	int r = v4l2dev_call(&dev->node, VIDIOC_S_FMT, &format);
	if (r < 0)
		return r;
	*ret_granted =
		is_planar(dev)
			? (struct layout){planar->pixelformat, planar->width,
					  planar->height,      planar->plane_fmt[0].bytesperline,
					  planar->num_planes,  planar->plane_fmt[0].sizeimage}
			: (struct layout){single->pixelformat,
					  single->width,
					  single->height,
					  single->bytesperline,
					  1,
					  single->sizeimage};
	return 0;
}

/* Where a driver rounds up, the rest is to be left out of the picture. */
static bool crop(const struct m2mdev *dev, const struct source_format *in)
{
	struct v4l2_selection selection = {
		.type = V4L2_BUF_TYPE_VIDEO_OUTPUT, /* whichever interface it is */
		.target = V4L2_SEL_TGT_CROP,
		.r = {.width = in->width, .height = in->height},
	};

	return v4l2dev_call(&dev->node, VIDIOC_S_SELECTION, &selection) == 0 &&
	       selection.r.width == in->width && selection.r.height == in->height;
}

static int check_granted(const struct m2mdev *dev, const struct layout *granted,
			 const struct source_format *in, struct error *err)
{
	bool fits = granted->width >= in->width && granted->height >= in->height &&
		    granted->stride >= granted->width && granted->planes == 1 &&
		    granted->fourcc == in->fourcc &&
		    granted->size >= (size_t)granted->stride * granted->height * 3 / 2;

	if (fits && granted->width == in->width && granted->height == in->height)
		return 0;
	if (fits && crop(dev, in))
		return 0;
	return error_set(err, -ENOTSUP, "%s: the encoder takes no %ux%u (but %ux%u)",
			 dev->node.path, in->width, in->height, granted->width, granted->height);
}

/* What the encoder makes of it is up to the driver; without it, it takes another rate. */
static void set_rate(const struct m2mdev *dev, unsigned fps_milli)
{
	struct v4l2_streamparm parm = {.type = dev->input_type};

	parm.parm.output.timeperframe = (struct v4l2_fract){
		.numerator = 1000,
		.denominator = fps_milli != 0 ? fps_milli : FPS_DEFAULT_MILLI,
	};
	v4l2dev_call(&dev->node, VIDIOC_S_PARM, &parm);
}

int m2mdev_set_formats(const struct m2mdev *dev, uint32_t coded, const struct source_format *in,
		       unsigned stride, struct m2mformat *ret_format, struct error *err)
{
	uint32_t colorspace =
		in->colour.matrix == BT709 ? V4L2_COLORSPACE_REC709 : V4L2_COLORSPACE_SMPTE170M;
	size_t pixels = (size_t)in->width * in->height;
	struct layout wanted = {.fourcc = in->fourcc,
				.width = in->width,
				.height = in->height,
				.stride = stride};
	struct layout target = {.fourcc = coded,
				.width = in->width,
				.height = in->height,
				.size = pixels / 2 > CODED_BYTES_MIN ? pixels / 2
								     : CODED_BYTES_MIN};
	struct layout granted;

	/* The coded one first, as the kernel's text on stateful encoders has it. */
	int r = set_format(dev, dev->coded_type, colorspace, &target, &granted);
	if (r < 0)
		return m2mdev_fail(dev, r, "VIDIOC_S_FMT", err);
	if (granted.fourcc != coded)
		return error_set(err, -ENOTSUP, "%s: the encoder does not encode", dev->node.path);
	r = set_format(dev, dev->input_type, colorspace, &wanted, &granted);
	if (r < 0)
		return m2mdev_fail(dev, r, "VIDIOC_S_FMT", err);
	r = check_granted(dev, &granted, in, err);
	if (r < 0)
		return r;
	set_rate(dev, in->fps_milli);
	*ret_format = (struct m2mformat){
		.fourcc = granted.fourcc,
		.width = in->width,
		.height = in->height,
		.stride = granted.stride,
		.rows = granted.height,
		.size = granted.size,
	};
	return 0;
}

/* --- controls */

bool m2mdev_read_control(const struct m2mdev *dev, uint32_t id, struct m2mcontrol *ret_control)
{
	struct v4l2_queryctrl query = {.id = id};
	struct v4l2_control control = {.id = id};

	if (v4l2dev_call(&dev->node, VIDIOC_QUERYCTRL, &query) < 0 ||
	    (query.flags & V4L2_CTRL_FLAG_DISABLED) != 0)
		return false;
	v4l2dev_call(&dev->node, VIDIOC_G_CTRL, &control); /* a button has no value */
	*ret_control = (struct m2mcontrol){query.minimum, query.maximum, query.step, control.value};
	return true;
}

bool m2mdev_set_control(const struct m2mdev *dev, uint32_t id, int64_t value)
{
	struct m2mcontrol range;

	if (!m2mdev_read_control(dev, id, &range))
		return false;
	value = max_i64(range.min, min_i64(value, range.max));
	if (range.step > 1)
		value -= (value - range.min) % range.step;
	struct v4l2_control control = {.id = id, .value = (int32_t)value};
	return v4l2dev_call(&dev->node, VIDIOC_S_CTRL, &control) == 0;
}
