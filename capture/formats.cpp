#include "capture/formats.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include <sys/stat.h>

#include <libcamera/formats.h>

#define BUFFERS       6 /* nalcastd holds some, the camera fills one, and some wait */
#define WIDTH_USUAL   1280
#define HEIGHT_USUAL  720
#define REC709_HEIGHT 720 /* from here on pictures are HD's */

using namespace libcamera;

namespace capture
{

static const std::vector<struct format> &known_formats()
{
	static const std::vector<struct format> &known = *new std::vector<struct format>{
		{FRAME_I420, formats::YUV420, 3, 1},
		{FRAME_FOURCC('N', 'V', '1', '2'), formats::NV12, 2, 1},
		{FRAME_FOURCC('Y', 'U', 'Y', 'V'), formats::YUYV, 1, 2},
		{FRAME_FOURCC('R', 'G', 'B', '3'), formats::BGR888, 1, 3},
		{FRAME_FOURCC('B', 'G', 'R', '3'), formats::RGB888, 1, 3},
		{FRAME_MJPEG, formats::MJPEG, 1, 0},
	};

	return known;
}

static bool is_ycbcr(const struct format &fmt)
{
	return fmt.bytes_per_pixel > 0 && fmt.bytes_per_pixel < 3;
}

/* Does the camera take fmt at that size? If it would rather have another, *ret_nearest is that. */
static bool try_format(CameraConfiguration *config, const struct format &fmt, const Size &size,
		       const mirror &turned, Size *ret_nearest)
{
	StreamConfiguration &stream = config->at(0);

	stream.pixelFormat = fmt.pixel;
	stream.size = size;
	stream.stride = 0;
	stream.bufferCount = BUFFERS;
	stream.colorSpace =
		size.height >= REC709_HEIGHT ? ColorSpace::Rec709 : ColorSpace::Smpte170m;
	config_set_mirror(*config, turned);
	if (config->validate() == CameraConfiguration::Invalid || stream.pixelFormat != fmt.pixel)
		return false;
	if (stream.size == size)
		return true;
	if (ret_nearest->isNull())
		*ret_nearest = stream.size;
	return false;
}

/* --- sizes */

static void add_mode(const struct source_mode &mode, struct source_caps *caps)
{
	for (unsigned i = 0; i < caps->mode_count; i++) {
		const struct source_mode &have = caps->modes[i];
		if (have.width_min == mode.width_min && have.height_min == mode.height_min &&
		    have.width_max == mode.width_max && have.height_max == mode.height_max)
			return;
	}
	if (caps->mode_count < SOURCE_MODES_MAX)
		caps->modes[caps->mode_count++] = mode;
}

static unsigned even_up(unsigned value)
{
	return value + value % 2;
}

/* 4:2:0 wants even sizes, whatever the camera could do. False: there are none in between. */
static bool fill_range(const SizeRange &range, struct source_mode *mode)
{
	mode->width_min = even_up(range.min.width);
	mode->width_step = range.hStep + range.hStep % 2;
	mode->height_min = even_up(range.min.height);
	mode->height_step = range.vStep + range.vStep % 2;
	if (mode->width_step == 0 || mode->height_step == 0 || range.min == range.max ||
	    range.max.width < mode->width_min || range.max.height < mode->height_min)
		return false;
	mode->width_max = range.max.width - (range.max.width - mode->width_min) % mode->width_step;
	mode->height_max =
		range.max.height - (range.max.height - mode->height_min) % mode->height_step;
	return true;
}

static bool has_size(CameraConfiguration *config, const struct format &fmt, const Size &size)
{
	Size nearest;

	return try_format(config, fmt, size, mirror{}, &nearest);
}

/* Pipeline handlers call a list of two sizes a range, too (virtual), or have steps that they do not
 * tell (vimc). */
static bool is_true_range(CameraConfiguration *config, const struct format &fmt,
			  const struct source_mode &mode)
{
	unsigned half_width = (mode.width_max - mode.width_min) / mode.width_step / 2;
	unsigned half_height = (mode.height_max - mode.height_min) / mode.height_step / 2;
	Size half(mode.width_min + half_width * mode.width_step,
		  mode.height_min + half_height * mode.height_step);

	return has_size(config, fmt, Size(mode.width_min, mode.height_min)) &&
	       has_size(config, fmt, half) &&
	       has_size(config, fmt,
			Size(half.width + mode.width_step, half.height + mode.height_step)) &&
	       has_size(config, fmt, Size(mode.width_max, mode.height_max));
}

static void add_sizes(CameraConfiguration *config, const struct format &fmt,
		      struct source_mode mode, struct source_caps *caps)
{
	for (const Size &size : config->at(0).formats().sizes(fmt.pixel)) {
		if (size.width % 2 != 0 || size.height % 2 != 0 || size.isNull() ||
		    !has_size(config, fmt, size))
			continue;
		mode.width_min = mode.width_max = size.width;
		mode.height_min = mode.height_max = size.height;
		mode.width_step = mode.height_step = 0;
		add_mode(mode, caps);
	}
}

void formats_tell_modes(CameraConfiguration *config, unsigned fps_min_milli, unsigned fps_max_milli,
			struct source_caps *caps)
{
	std::vector<PixelFormat> have = config->at(0).formats().pixelformats();
	struct source_mode mode = {};

	mode.fps_min_milli = fps_max_milli != 0 ? fps_min_milli : FORMATS_FPS_MIN_MILLI;
	mode.fps_max_milli = fps_max_milli != 0 ? fps_max_milli : FORMATS_FPS_MAX_MILLI;
	for (const struct format &fmt : known_formats()) {
		if (std::find(have.begin(), have.end(), fmt.pixel) == have.end())
			continue;
		SizeRange range = config->at(0).formats().range(fmt.pixel);
		if (fill_range(range, &mode) && is_true_range(config, fmt, mode))
			add_mode(mode, caps);
		else
			add_sizes(config, fmt, mode, caps);
	}
}

/* --- choosing */

static const struct format *try_formats(CameraConfiguration *config, const Size &size,
					const mirror &turned, Size *ret_nearest)
{
	std::vector<PixelFormat> have = config->at(0).formats().pixelformats();

	for (const struct format &fmt : known_formats())
		if ((have.empty() ||
		     std::find(have.begin(), have.end(), fmt.pixel) != have.end()) &&
		    try_format(config, fmt, size, turned, ret_nearest))
			return &fmt;
	return nullptr;
}

static std::string names_of(const std::vector<PixelFormat> &list)
{
	std::string names;

	for (const PixelFormat &pixel : list)
		names += (names.empty() ? "" : ", ") + pixel.toString();
	return names.empty() ? "none" : names;
}

static void explain_none(const CameraConfiguration &config, const Size &size, const Size &nearest,
			 const char *camera, struct error *err)
{
	if (nearest.isNull())
		error_set(err, -EINVAL,
			  "camera '%s' has no pixel format that nalcast knows (it has: %s)", camera,
			  names_of(config.at(0).formats().pixelformats()).c_str());
	else
		error_set(err, -EINVAL, "camera '%s' has no size %ux%u: it would give %ux%u",
			  camera, size.width, size.height, nearest.width, nearest.height);
}

const struct format *formats_choose(CameraConfiguration *config, const mirror &turned,
				    unsigned width, unsigned height, const char *camera,
				    struct error *err)
{
	Size own = config->at(0).size;
	Size nearest;

	if (width != 0 && height != 0)
		own = Size(width, height);
	else if (const struct format *fmt =
			 try_formats(config, Size(WIDTH_USUAL, HEIGHT_USUAL), turned, &nearest))
		return fmt;
	const struct format *fmt = try_formats(config, own, turned, &nearest);
	if (fmt == nullptr && width == 0 && !nearest.isNull())
		fmt = try_formats(config, nearest, turned, &nearest);
	if (fmt == nullptr)
		explain_none(*config, own, nearest, camera, err);
	return fmt;
}

/* --- what was granted, in numbers of H.264's tables E-3 to E-5 */

static uint8_t primaries_of(const ColorSpace &space)
{
	switch (space.primaries) {
	case ColorSpace::Primaries::Smpte170m:
		return 6;
	case ColorSpace::Primaries::Rec709:
		return 1;
	case ColorSpace::Primaries::Rec2020:
		return 9;
	default:
		return 2;
	}
}

static uint8_t transfer_of(const ColorSpace &space)
{
	switch (space.transferFunction) {
	case ColorSpace::TransferFunction::Linear:
		return 8;
	case ColorSpace::TransferFunction::Srgb:
		return 13;
	default: /* one curve with two numbers */
		return space.primaries == ColorSpace::Primaries::Smpte170m ? 6 : 1;
	}
}

/* RGB and JPEG become YCbCr by BT.601's, whatever the camera says. */
static uint8_t matrix_of(const struct format &fmt, const ColorSpace &space)
{
	if (!is_ycbcr(fmt))
		return 6;
	switch (space.ycbcrEncoding) {
	case ColorSpace::YcbcrEncoding::Rec709:
		return 1;
	case ColorSpace::YcbcrEncoding::Rec2020:
		return 9;
	default:
		return 6;
	}
}

void formats_tell(const struct format &fmt, const StreamConfiguration &stream,
		  struct capproto_opened *opened)
{
	opened->fourcc = fmt.fourcc;
	opened->width = stream.size.width;
	opened->height = stream.size.height;
	opened->plane_count = fmt.planes;
	opened->full_range = !is_ycbcr(fmt);
	if (!stream.colorSpace)
		return;
	opened->colour.primaries = primaries_of(*stream.colorSpace);
	opened->colour.transfer = transfer_of(*stream.colorSpace);
	opened->colour.matrix = matrix_of(fmt, *stream.colorSpace);
	if (is_ycbcr(fmt))
		opened->full_range = stream.colorSpace->range == ColorSpace::Range::Full;
}

/* --- planes */

struct piece {
	unsigned offset, length;
};

/* Two numbers may stand for one piece of memory. */
static bool is_same_file(int a, int b)
{
	struct stat first, second;

	return a == b || (fstat(a, &first) == 0 && fstat(b, &second) == 0 &&
			  first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}

/* Empty ones are left out: 0.4.0's virtual camera gives NV12 a third. */
static int find_pieces(const FrameBuffer &buffer, std::vector<piece> *ret_pieces, struct error *err)
{
	int fd = -1;

	for (const auto &plane : buffer.planes()) {
		if (plane.length == 0)
			continue;
		if (fd < 0)
			fd = plane.fd.get();
		if (!is_same_file(fd, plane.fd.get()))
			return error_set(err, -ENOTSUP,
					 "the planes of its pictures are in several buffers, which "
					 "nalcast cannot take: try another size");
		bool unknown = plane.offset == FrameBuffer::Plane::kInvalidOffset;
		ret_pieces->push_back({unknown ? 0 : plane.offset, plane.length});
	}
	return 0;
}

static unsigned stride_of(const struct format &fmt, const StreamConfiguration &stream, unsigned i)
{
	unsigned first =
		stream.stride != 0 ? stream.stride : stream.size.width * fmt.bytes_per_pixel;

	if (fmt.bytes_per_pixel == 0)
		return 0;
	return i > 0 && fmt.planes == 3 ? first / 2 : first;
}

static unsigned rows_of(const StreamConfiguration &stream, unsigned i)
{
	return i > 0 ? (stream.size.height + 1) / 2 : stream.size.height;
}

/* One piece for all planes: they lie in it one behind the other. */
static void cut_up(const struct format &fmt, const StreamConfiguration &stream,
		   std::vector<piece> *pieces)
{
	piece whole = pieces->front();
	uint64_t used = 0;

	pieces->clear();
	for (unsigned i = 0; i < fmt.planes; i++) {
		uint64_t size = uint64_t{stride_of(fmt, stream, i)} * rows_of(stream, i);
		if (used + size > whole.length)
			return;
		pieces->push_back(
			{whole.offset + static_cast<unsigned>(used), static_cast<unsigned>(size)});
		used += size;
	}
}

int formats_lay_out(const struct format &fmt, const StreamConfiguration &stream,
		    const FrameBuffer &buffer, struct capproto_plane *ret_planes, struct error *err)
{
	std::vector<piece> pieces;
	int r = find_pieces(buffer, &pieces, err);

	if (r < 0)
		return r;
	if (pieces.size() == 1 && fmt.planes > 1)
		cut_up(fmt, stream, &pieces);
	if (pieces.size() != fmt.planes)
		return error_set(err, -ENOTSUP, "its pictures have %zu planes instead of %u",
				 pieces.size(), fmt.planes);
	for (unsigned i = 0; i < fmt.planes; i++)
		ret_planes[i] = {pieces[i].offset, pieces[i].length, stride_of(fmt, stream, i)};
	return 0;
}

} /* namespace capture */
