#include "streamer/v4l2fmt.h"

#include <errno.h>
#include <string.h>

#include <linux/videodev2.h>

#include "common/util.h"

/* H.264 tables E-3, E-4 and E-5 */
#define BT709        1
#define BT470_BG     5
#define SMPTE_170M   6
#define SMPTE_240M   7
#define BT2020       9
#define TRANSFER_SRG 13

/* The two structures of the kernel say the same in other words. */
struct granted {
	uint32_t fourcc, width, height, field;
	uint32_t colorspace, ycbcr_enc, quantization, xfer_func;
	unsigned memory_planes;
	unsigned stride[FRAME_PLANES_MAX];
};

static uint8_t primaries_of(uint32_t colorspace)
{
	switch (colorspace) {
	case V4L2_COLORSPACE_SMPTE170M:
	case V4L2_COLORSPACE_DEFAULT:
		return SMPTE_170M;
	case V4L2_COLORSPACE_SMPTE240M:
		return SMPTE_240M;
	case V4L2_COLORSPACE_470_SYSTEM_BG:
		return BT470_BG;
	case V4L2_COLORSPACE_BT2020:
		return BT2020;
	default:
		return BT709;
	}
}

static uint8_t matrix_of(const struct granted *granted)
{
	uint32_t encoding = granted->ycbcr_enc;

	if (encoding == V4L2_YCBCR_ENC_DEFAULT)
		encoding = V4L2_MAP_YCBCR_ENC_DEFAULT(granted->colorspace);
	switch (encoding) {
	case V4L2_YCBCR_ENC_709:
	case V4L2_YCBCR_ENC_XV709:
		return BT709;
	case V4L2_YCBCR_ENC_SMPTE240M:
		return SMPTE_240M;
	case V4L2_YCBCR_ENC_BT2020:
		return BT2020;
	default:
		return SMPTE_170M;
	}
}

static uint8_t transfer_of(const struct granted *granted)
{
	uint32_t transfer = granted->xfer_func;

	if (transfer == V4L2_XFER_FUNC_DEFAULT)
		transfer = V4L2_MAP_XFER_FUNC_DEFAULT(granted->colorspace);
	switch (transfer) {
	case V4L2_XFER_FUNC_SRGB:
		return TRANSFER_SRG;
	case V4L2_XFER_FUNC_SMPTE240M:
		return SMPTE_240M;
	default:
		return granted->colorspace == V4L2_COLORSPACE_REC709 ? BT709 : SMPTE_170M;
	}
}

/* JPEG and RGB have a matrix of their own whatever the driver says: convert.h. */
static void tell_colour(const struct granted *granted, struct v4l2fmt *fmt)
{
	bool is_ycbcr = fmt->pix->planes > 1 || fmt->pix->plane[0].x_div > 1 ||
			fmt->pix->plane[0].bytes == 1;
	uint32_t range = granted->quantization;

	fmt->colour = (struct source_colour){
		.primaries = primaries_of(granted->colorspace),
		.transfer = transfer_of(granted),
		.matrix = is_ycbcr ? matrix_of(granted) : SMPTE_170M,
	};
	if (range == V4L2_QUANTIZATION_DEFAULT)
		range = granted->colorspace == V4L2_COLORSPACE_JPEG ? V4L2_QUANTIZATION_FULL_RANGE
								    : V4L2_QUANTIZATION_LIM_RANGE;
	fmt->full_range = range == V4L2_QUANTIZATION_FULL_RANGE;
}

static struct granted read_single(const struct v4l2_pix_format *pix)
{
	return (struct granted){
		.fourcc = pix->pixelformat,
		.width = pix->width,
		.height = pix->height,
		.field = pix->field,
		.colorspace = pix->colorspace,
		.ycbcr_enc = pix->ycbcr_enc,
		.quantization = pix->quantization,
		.xfer_func = pix->xfer_func,
		.memory_planes = 1,
		.stride = {pix->bytesperline},
	};
}

static struct granted read_planar(const struct v4l2_pix_format_mplane *pix)
{
	struct granted granted = {
		.fourcc = pix->pixelformat,
		.width = pix->width,
		.height = pix->height,
		.field = pix->field,
		.colorspace = pix->colorspace,
		.ycbcr_enc = pix->ycbcr_enc,
		.quantization = pix->quantization,
		.xfer_func = pix->xfer_func,
		.memory_planes = pix->num_planes,
	};

	for (unsigned i = 0; i < FRAME_PLANES_MAX; i++)
		granted.stride[i] = pix->plane_fmt[i].bytesperline;
	return granted;
}

static int set_format(const struct v4l2dev *dev, uint32_t fourcc, unsigned width, unsigned height,
		      struct granted *ret_granted, struct error *err)
{
	struct v4l2_format format = {.type = dev->type};
	bool planar = v4l2dev_is_planar(dev);

	if (planar) {
		format.fmt.pix_mp.pixelformat = fourcc;
		format.fmt.pix_mp.width = width;
		format.fmt.pix_mp.height = height;
		format.fmt.pix_mp.field = V4L2_FIELD_NONE;
	} else {
		format.fmt.pix.pixelformat = fourcc;
		format.fmt.pix.width = width;
		format.fmt.pix.height = height;
		format.fmt.pix.field = V4L2_FIELD_NONE;
	}
	int r = v4l2dev_call(dev, VIDIOC_S_FMT, &format);
	if (r < 0)
		return v4l2dev_fail(dev, r, "VIDIOC_S_FMT", err);
	*ret_granted = planar ? read_planar(&format.fmt.pix_mp) : read_single(&format.fmt.pix);
	return 0;
}

/* Fields that are woven into one picture look like a picture. */
static bool is_whole(uint32_t field)
{
	return field == V4L2_FIELD_NONE || field == V4L2_FIELD_ANY ||
	       field == V4L2_FIELD_INTERLACED || field == V4L2_FIELD_INTERLACED_TB ||
	       field == V4L2_FIELD_INTERLACED_BT;
}

static int check_granted(const struct v4l2dev *dev, const struct granted *granted,
			 const struct pixfmt *pix, unsigned width, unsigned height,
			 struct error *err)
{
	unsigned planes = pix->apart ? pix->planes : 1;

	if (granted->fourcc != pix->fourcc)
		return error_set(err, -EINVAL, "%s: the camera refuses its own pixel format '%s'",
				 dev->path, pix->name);
	if (granted->width != width || granted->height != height)
		return error_set(err, -EINVAL, "%s: the camera refuses %ux%u and offers %ux%u",
				 dev->path, width, height, granted->width, granted->height);
	if (!is_whole(granted->field))
		return error_set(err, -ENOTSUP, "%s: the camera gives half pictures (fields)",
				 dev->path);
	if (granted->memory_planes != planes)
		return error_set(err, -EINVAL, "%s: the camera's '%s' has %u planes, not %u",
				 dev->path, pix->name, granted->memory_planes, planes);
	return 0;
}

/* Some drivers leave bytesperline 0, or give that of another format. */
static void set_strides(const struct granted *granted, struct v4l2fmt *fmt)
{
	for (unsigned i = 0; i < fmt->pix->planes; i++) {
		unsigned least = pixfmt_row_bytes(fmt->pix, i, fmt->width);
		unsigned stride = i == 0 || fmt->pix->apart
					  ? granted->stride[i]
					  : pixfmt_stride(fmt->pix, i, fmt->stride[0]);
		fmt->stride[i] = stride > least ? stride : least;
	}
}

static unsigned set_fps(const struct v4l2dev *dev, unsigned fps_milli)
{
	struct v4l2_streamparm parm = {.type = dev->type};
	struct v4l2_fract *interval = &parm.parm.capture.timeperframe;

	if (fps_milli != 0) {
		interval->numerator = 1000;
		interval->denominator = fps_milli;
	}
	unsigned long request = fps_milli != 0 ? VIDIOC_S_PARM : VIDIOC_G_PARM;
	if (v4l2dev_call(dev, request, &parm) < 0 || interval->numerator == 0)
		return 0;
	uint64_t milli = (UINT64_C(1000) * interval->denominator + interval->numerator / 2) /
			 interval->numerator;
	return (unsigned)min_i64((int64_t)milli, 1000000);
}

int v4l2fmt_set(const struct v4l2dev *dev, uint32_t fourcc, unsigned width, unsigned height,
		unsigned fps_milli, struct v4l2fmt *ret_fmt, struct error *err)
{
	struct v4l2fmt fmt = {.pix = pixfmt_find(fourcc), .width = width, .height = height};
	struct granted granted = {0}; /* gcc 12 does not see that set_format() fills it */

	if (fmt.pix == NULL)
		return error_set(err, -EINVAL, "%s: an unknown pixel format", dev->path);
	int r = set_format(dev, fourcc, width, height, &granted, err);
	if (r == 0)
		r = check_granted(dev, &granted, fmt.pix, width, height, err);
	if (r < 0)
		return r;
	fmt.memory_planes = granted.memory_planes;
	fmt.fps_milli = set_fps(dev, fps_milli);
	set_strides(&granted, &fmt);
	tell_colour(&granted, &fmt);
	*ret_fmt = fmt;
	return 0;
}

static void lay_out_apart(const struct v4l2fmt *fmt, const struct frame_plane *memory,
			  struct frame *frame)
{
	for (unsigned i = 0; i < fmt->pix->planes; i++) {
		frame->plane[i] = memory[i];
		frame->plane[i].stride = fmt->stride[i];
	}
}

static void lay_out_whole(const struct v4l2fmt *fmt, const struct frame_plane *memory,
			  struct frame *frame)
{
	size_t offset = 0;

	for (unsigned i = 0; i < fmt->pix->planes; i++) {
		size_t rest = offset < memory->size ? memory->size - offset : 0;
		size_t whole = (size_t)fmt->stride[i] * pixfmt_rows(fmt->pix, i, fmt->height);
		frame->plane[i] = (struct frame_plane){
			.data = memory->data + min_size(offset, memory->size),
			.size = min_size(rest, whole),
			.stride = fmt->stride[i],
			.dmabuf_fd = memory->dmabuf_fd,
		};
		offset += whole;
	}
}

void v4l2fmt_lay_out(const struct v4l2fmt *fmt, const struct frame_plane *memory,
		     struct frame *ret_frame)
{
	ret_frame->fourcc = fmt->pix->fourcc;
	ret_frame->width = fmt->width;
	ret_frame->height = fmt->height;
	ret_frame->plane_count = fmt->pix->planes > 0 ? fmt->pix->planes : 1;
	if (fmt->pix->planes == 0) {
		ret_frame->plane[0] = memory[0];
		ret_frame->plane[0].stride = 0;
	} else if (fmt->pix->apart) {
		lay_out_apart(fmt, memory, ret_frame);
	} else {
		lay_out_whole(fmt, memory, ret_frame);
	}
}
