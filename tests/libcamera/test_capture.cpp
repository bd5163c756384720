/* What nalcast-capture makes of cameras that we have not: a sensor on a Raspberry Pi, one that
 * mirrors, planes that lie apart. With libcamera's types, without a camera. TAP. */
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <sys/mman.h>

#include <libcamera/control_ids.h>
#include <libcamera/formats.h>
#include <libcamera/libcamera.h>

#include "capture/compat.h"
#include "capture/controls.h"
#include "capture/formats.h"
#include "capture/liblog.h"
#include "capture/text.h"
#include "capture/values.h"

using namespace capture;
using namespace libcamera;

static unsigned failures;

static void expect_at(bool condition, const char *words, int line)
{
	if (condition)
		return;
	printf("# line %d: not so: %s\n", line, words);
	failures++;
}

#define expect(condition) expect_at(condition, #condition, __LINE__)

/* --- a camera's controls */

/* As this libcamera has it: NULL where it has no such control yet, or no more. */
static const ControlId *id_of(const char *name)
{
	for (const auto &entry : libcamera::controls::controls)
		if (entry.second->name() == name)
			return entry.second;
	return nullptr;
}

static void add(ControlInfoMap::Map *map, const char *name, const ControlValue &min,
		const ControlValue &max, const ControlValue &standard)
{
	if (const ControlId *id = id_of(name))
		map->emplace(id, ControlInfo(min, max, standard));
}

static void add_modes(ControlInfoMap::Map *map, const char *name, std::vector<int32_t> modes)
{
	std::vector<ControlValue> values(modes.begin(), modes.end());

	if (const ControlId *id = id_of(name))
		map->emplace(id, ControlInfo(Span<const ControlValue>(values), values[0]));
}

/* That of a Raspberry Pi's camera, as far as this libcamera knows these controls. */
static const ControlInfoMap &pi_controls()
{
	static ControlInfoMap &all = *new ControlInfoMap;
	ControlInfoMap::Map map;

	if (!all.empty())
		return all;
	add(&map, "AeEnable", false, true, true);
	add(&map, "AwbEnable", false, true, true);
	add(&map, "Brightness", -1.0F, 1.0F, 0.0F);
	add(&map, "ExposureTime", int32_t{75}, int32_t{11766829}, ControlValue());
	add(&map, "AnalogueGain", 1.0F, 10.7F, ControlValue());
	add(&map, "ColourGains", 0.0F, 32.0F, ControlValue());
	add(&map, "LensPosition", 0.0F, 32.0F, 1.0F);
	add(&map, "FrameDurationLimits", int64_t{16666}, int64_t{1000000}, ControlValue());
	add(&map, "ScalerCrop", Rectangle(0, 0, 64, 64), Rectangle(0, 0, 3280, 2464),
	    ControlValue());
	add_modes(&map, "AfMode", {0, 1, 2});
	add_modes(&map, "NoiseReductionMode", {0, 1, 2, 3});
	add_modes(&map, "ExposureTimeMode", {0, 1});
	add_modes(&map, "AnalogueGainMode", {0, 1});
	all = ControlInfoMap(std::move(map), libcamera::controls::controls);
	return all;
}

static const struct source_control *find(const struct source_caps &caps, const char *name)
{
	for (unsigned i = 0; i < caps.control_count; i++)
		if (strcmp(caps.controls[i].name, name) == 0)
			return &caps.controls[i];
	return nullptr;
}

static struct source_caps pi_caps()
{
	struct source_caps caps = {};

	copy_text("pi", caps.id, sizeof(caps.id));
	controls_tell(pi_controls(), &caps);
	return caps;
}

static void controls_have_the_ranges_that_the_camera_tells()
{
	struct source_caps caps = pi_caps();
	const struct source_control *brightness = find(caps, "brightness");
	const struct source_control *exposure = find(caps, "exposure_us");
	const struct source_control *roi = find(caps, "roi");
	const struct source_control *ae = find(caps, "ae");

	expect(brightness && brightness->type == SOURCE_CONTROL_FLOAT && brightness->min == -1 &&
	       brightness->max == 1 && brightness->writable);
	expect(exposure && exposure->type == SOURCE_CONTROL_INTEGER && exposure->max == 11766829 &&
	       exposure->default_value == 75 && strcmp(exposure->unit, "us") == 0);
	expect(roi && roi->min == 0 && roi->max == 1 && roi->value_count == 4 &&
	       roi->values[1] == 0 && roi->default_values[2] == 1 && roi->default_values[3] == 1);
	expect(ae && ae->type == SOURCE_CONTROL_BOOL && ae->default_value == 1);
	expect(find(caps, "contrast") == nullptr);
}

static void menus_have_the_modes_that_the_camera_has()
{
	struct source_caps caps = pi_caps();
	const struct source_control *af = find(caps, "af_mode");
	const struct source_control *noise = find(caps, "noise_reduction");

	expect(id_of("AfMode") == nullptr || (af && af->menu_count == 3));
	expect(!af || strcmp(caps.menu[af->menu_first + 2].name, "continuous") == 0);
	expect(id_of("NoiseReductionMode") == nullptr || (noise && noise->menu_count == 4));
	expect(!noise || strcmp(caps.menu[noise->menu_first + 2].name, "high quality") == 0);
}

static void values_that_a_control_cannot_have_are_refused()
{
	struct source_caps caps = pi_caps();
	struct error err = {};
	const double half = 0.5, much = 2, few[2] = {1, 1}, none = -1;
	const double nan = std::stod("nan");

	expect(controls_check(caps, "brightness", &half, 1, &err) == 0);
	expect(controls_check(caps, "brightness", &much, 1, &err) == -ERANGE);
	expect(controls_check(caps, "brightness", &nan, 1, &err) == -ERANGE);
	expect(controls_check(caps, "brightness", few, 2, &err) == -EINVAL);
	expect(controls_check(caps, "awb_gains", few, 2, &err) == 0);
	expect(controls_check(caps, "awb_gains", few, 1, &err) == -EINVAL);
	expect(controls_check(caps, "ae", &half, 1, &err) == -ERANGE);
	expect(controls_check(caps, "roi", few, 2, &err) == -EINVAL);
	expect(controls_check(caps, "contrast", &half, 1, &err) == -ENOTSUP);
	expect(find(caps, "noise_reduction") == nullptr ||
	       controls_check(caps, "noise_reduction", &none, 1, &err) == -ERANGE);
}

/* What a list of changes says of that control of libcamera's. */
static bool says(const ControlList &list, const char *theirs, double value, unsigned i = 0)
{
	const ControlId *id = id_of(theirs);
	double number;

	return id != nullptr && list.contains(id->id()) &&
	       values_number(list.get(id->id()), i, &number) && number > value - 1e-4 &&
	       number < value + 1e-4;
}

static bool is_silent(const ControlList &list, const char *theirs)
{
	const ControlId *id = id_of(theirs);

	return id == nullptr || !list.contains(id->id());
}

static const Rectangle sensor(10, 20, 3280, 2464);

static ControlList changes(settings *s, const char *name, std::vector<double> values)
{
	ControlList list(pi_controls());
	struct error err = {};

	expect(s->set(name, values.data(), sensor, &err) == 0);
	s->put_changes(&list);
	return list;
}

static bool has_modes()
{
	return id_of("ExposureTimeMode") != nullptr;
}

static void exposure_ends_the_automatic_one_and_ae_brings_it_back()
{
	settings s(pi_controls());
	ControlList all(pi_controls());

	ControlList set = changes(&s, "exposure_us", {10000});
	expect(says(set, "ExposureTime", 10000));
	expect(has_modes() ? says(set, "ExposureTimeMode", 1) : says(set, "AeEnable", 0));
	set = changes(&s, "gain", {2.5});
	expect(says(set, "AnalogueGain", 2.5));
	expect(has_modes() ? says(set, "AnalogueGainMode", 1) : says(set, "AeEnable", 0));
	expect(is_silent(set, "ExposureTime"));
	set = changes(&s, "ae", {1});
	expect(has_modes() ? says(set, "ExposureTimeMode", 0) && says(set, "AnalogueGainMode", 0)
			   : says(set, "AeEnable", 1));
	s.put_all(&all);
	expect(is_silent(all, "ExposureTime") && is_silent(all, "AnalogueGain"));
}

static void white_balance_by_hand_ends_the_automatic_one()
{
	settings s(pi_controls());
	ControlList set = changes(&s, "awb_gains", {1.5, 2.25});

	expect(says(set, "ColourGains", 1.5, 0) && says(set, "ColourGains", 2.25, 1));
	expect(says(set, "AwbEnable", 0));
	set = changes(&s, "awb", {1});
	expect(says(set, "AwbEnable", 1) && is_silent(set, "ColourGains"));
}

static void focus_by_hand_is_manual()
{
	settings s(pi_controls());

	if (id_of("AfMode") == nullptr)
		return;
	ControlList set = changes(&s, "lens_position_dioptres", {4});
	expect(says(set, "LensPosition", 4) && says(set, "AfMode", 0));
	expect(says(changes(&s, "af_mode", {2}), "AfMode", 2));
}

static void roi_is_a_part_of_the_sensor()
{
	settings s(pi_controls());
	ControlList set = changes(&s, "roi", {0.25, 0.5, 0.5, 0.25});
	const double beyond[] = {0.6, 0, 0.5, 1}, empty[] = {0, 0, 0, 1};
	struct error err = {};

	Rectangle crop = set.get(id_of("ScalerCrop")->id()).get<Rectangle>();
	expect(crop == Rectangle(10 + 820, 20 + 1232, 1640, 616));
	expect(s.set("roi", beyond, sensor, &err) == -ERANGE);
	expect(s.set("roi", empty, sensor, &err) == -ERANGE);
	expect(s.set("roi", beyond, Rectangle(), &err) == -ENOTSUP);
}

static void a_rate_is_one_frame_duration_within_limits()
{
	settings s(pi_controls());
	ControlList list(pi_controls());
	unsigned min, max;

	controls_tell_rates(pi_controls(), &min, &max);
	expect(min == 1000 && max == 60002);
	expect(s.set_fps(30000) == 30000);
	s.put_changes(&list);
	expect(says(list, "FrameDurationLimits", 33333, 0));
	expect(says(list, "FrameDurationLimits", 33333, 1));
	expect(s.set_fps(1000000) == 60002);
	expect(s.set_fps(0) == 60002);
	list.clear();
	s.put_changes(&list);
	expect(says(list, "FrameDurationLimits", 16666, 0));
	expect(says(list, "FrameDurationLimits", 1000000, 1));
}

static void changes_are_told_once_and_all_at_a_start()
{
	settings s(pi_controls());
	ControlList list(pi_controls());

	expect(says(changes(&s, "brightness", {0.5}), "Brightness", 0.5));
	s.put_changes(&list);
	expect(list.empty());
	s.put_all(&list);
	expect(says(list, "Brightness", 0.5));
}

/* --- formats, of a camera that takes what is on its list */

class fake_config : public CameraConfiguration
{
public:
	using map = std::map<PixelFormat, std::vector<SizeRange>>;

	fake_config(const map &list, bool can_mirror) : list_(list), can_mirror_(can_mirror)
	{
		StreamConfiguration stream{StreamFormats(list)};
		stream.pixelFormat = list.begin()->first;
		stream.size = list.begin()->second.back().max;
		addConfiguration(stream);
	}
	Status validate() override
	{
		StreamConfiguration &stream = at(0);
		auto sizes = list_.find(stream.pixelFormat);
		if (!can_mirror_)
			config_set_mirror(*this, mirror{});
		if (sizes == list_.end())
			return Invalid;
		for (const SizeRange &range : sizes->second)
			if (range.contains(stream.size))
				return Valid;
		stream.size = sizes->second.back().max;
		return Adjusted;
	}

private:
	map list_;
	bool can_mirror_;
};

static SizeRange sizes(unsigned width, unsigned height, unsigned width_max, unsigned height_max)
{
	return SizeRange(Size(width, height), Size(width_max, height_max));
}

static fake_config pi_config()
{
	return fake_config({{formats::RGB888, {sizes(64, 64, 3280, 2464)}},
			    {formats::YUV420, {sizes(64, 64, 3280, 2464)}},
			    {formats::NV12, {sizes(64, 64, 3280, 2464)}}},
			   true);
}

static void a_range_of_sizes_is_one_mode()
{
	fake_config config = pi_config();
	struct source_caps caps = {};

	formats_tell_modes(&config, 1000, 60000, &caps);
	expect(caps.mode_count == 1);
	expect(caps.modes[0].width_min == 64 && caps.modes[0].width_max == 3280 &&
	       caps.modes[0].width_step == 2 && caps.modes[0].height_max == 2464 &&
	       caps.modes[0].fps_max_milli == 60000);
}

static void sizes_of_all_formats_are_told_once()
{
	fake_config config({{formats::YUYV, {sizes(640, 480, 640, 480)}},
			    {formats::MJPEG,
			     {sizes(640, 480, 640, 480), sizes(1920, 1080, 1920, 1080)}}},
			   false);
	struct source_caps caps = {};

	formats_tell_modes(&config, 0, 0, &caps);
	expect(caps.mode_count == 2);
	expect(caps.modes[1].width_min == 1920 && caps.modes[1].width_step == 0);
	/* Nobody knows its rates: any may be asked for. */
	expect(caps.modes[0].fps_min_milli <= 5000 && caps.modes[0].fps_max_milli >= 60000);
}

static uint32_t chosen(fake_config *config, unsigned width, unsigned height)
{
	struct error err = {};
	const struct format *fmt = formats_choose(config, {}, width, height, "it", &err);

	return fmt != nullptr ? fmt->fourcc : 0;
}

static void the_best_format_that_has_the_size_is_taken()
{
	fake_config pi = pi_config();
	fake_config usb({{formats::YUYV, {sizes(640, 480, 640, 480)}},
			 {formats::MJPEG,
			  {sizes(640, 480, 640, 480), sizes(1280, 720, 1280, 720)}}},
			false);

	expect(chosen(&pi, 1920, 1080) == FRAME_I420);
	expect(pi.at(0).bufferCount == 6 && pi.at(0).colorSpace == ColorSpace::Rec709);
	expect(chosen(&pi, 640, 480) == FRAME_I420);
	expect(pi.at(0).colorSpace == ColorSpace::Smpte170m);
	expect(chosen(&usb, 640, 480) == FRAME_FOURCC('Y', 'U', 'Y', 'V'));
	expect(chosen(&usb, 1280, 720) == FRAME_MJPEG);
	expect(chosen(&usb, 0, 0) == FRAME_MJPEG); /* the usual size */
	expect(chosen(&usb, 800, 600) == 0);
}

static void who_cannot_mirror_is_found_out()
{
	fake_config pi = pi_config();
	fake_config usb({{formats::YUYV, {sizes(640, 480, 640, 480)}}}, false);
	std::vector<int> seen;

	for (int turned = 0; turned < 4; turned++) {
		mirror m = {turned % 2 == 1, turned / 2 == 1};
		config_set_mirror(pi, m);
		int wanted = config_orientation(pi);
		pi.validate();
		expect(config_orientation(pi) == wanted);
		for (int other : seen)
			expect(other != wanted);
		seen.push_back(wanted);
		config_set_mirror(usb, m);
		usb.validate();
		expect((config_orientation(usb) == wanted) == (turned == 0));
	}
}

/* --- planes */

static FrameBuffer::Plane plane(const SharedFD &fd, unsigned offset, unsigned length)
{
	FrameBuffer::Plane made;

	made.fd = fd;
	made.offset = offset;
	made.length = length;
	return made;
}

static SharedFD memory()
{
	return SharedFD(UniqueFD(memfd_create("plane", MFD_CLOEXEC)));
}

static int lay_out(fake_config *config, const std::vector<FrameBuffer::Plane> &planes,
		   struct capproto_plane *ret_planes)
{
	struct error err = {};
	const struct format *fmt = formats_choose(config, {}, 640, 480, "it", &err);

	config->at(0).stride = 704;
	FrameBuffer buffer(planes);
	return formats_lay_out(*fmt, config->at(0), buffer, ret_planes, &err);
}

static void planes_are_where_the_camera_says()
{
	fake_config pi = pi_config();
	struct capproto_plane planes[CAPPROTO_PLANES_MAX] = {};
	SharedFD fd = memory();

	expect(lay_out(&pi,
		       {plane(fd, 0, 704 * 480), plane(fd, 400000, 352 * 240),
			plane(fd, 500000, 352 * 240)},
		       planes) == 0);
	expect(planes[0].offset == 0 && planes[0].size == 704 * 480 && planes[0].stride == 704);
	expect(planes[1].offset == 400000 && planes[1].size == 352 * 240 &&
	       planes[1].stride == 352);
	expect(planes[2].offset == 500000 && planes[2].stride == 352);
}

static void a_picture_in_one_piece_is_cut_up()
{
	fake_config pi = pi_config();
	struct capproto_plane planes[CAPPROTO_PLANES_MAX] = {};
	SharedFD fd = memory();

	expect(lay_out(&pi, {plane(fd, 0, 704 * 720)}, planes) == 0);
	expect(planes[1].offset == 704 * 480 && planes[1].size == 352 * 240);
	expect(planes[2].offset == 704 * 600 && planes[2].stride == 352);
	expect(lay_out(&pi, {plane(fd, 0, 704 * 720 - 1)}, planes) == -ENOTSUP);
}

static void planes_that_lie_apart_are_refused()
{
	fake_config pi = pi_config();
	struct capproto_plane planes[CAPPROTO_PLANES_MAX] = {};
	SharedFD fd = memory();

	expect(lay_out(&pi,
		       {plane(fd, 0, 704 * 480), plane(memory(), 0, 352 * 240),
			plane(memory(), 0, 352 * 240)},
		       planes) == -ENOTSUP);
}

static void an_empty_plane_is_none()
{
	fake_config nv12({{formats::NV12, {sizes(640, 480, 640, 480)}}}, false);
	struct capproto_plane planes[CAPPROTO_PLANES_MAX] = {};
	SharedFD fd = memory();

	expect(lay_out(&nv12,
		       {plane(fd, 0, 704 * 480), plane(fd, 704 * 480, 704 * 240), plane(fd, 0, 0)},
		       planes) == 0);
	expect(planes[1].offset == 704 * 480 && planes[1].stride == 704);
}

static void colours_are_numbers_of_h264()
{
	struct error err = {};
	fake_config pi = pi_config();
	const struct format *fmt = formats_choose(&pi, {}, 640, 480, "it", &err);
	struct capproto_opened opened = {};

	formats_tell(*fmt, pi.at(0), &opened);
	expect(opened.colour.primaries == 6 && opened.colour.transfer == 6 &&
	       opened.colour.matrix == 6 && opened.full_range == 0);
	pi.at(0).colorSpace = ColorSpace::Rec709;
	formats_tell(*fmt, pi.at(0), &opened);
	expect(opened.colour.primaries == 1 && opened.colour.transfer == 1 &&
	       opened.colour.matrix == 1 && opened.plane_count == 3);
	pi.at(0).colorSpace->range = ColorSpace::Range::Full;
	formats_tell(*fmt, pi.at(0), &opened);
	expect(opened.full_range == 1);
}

/* --- words */

static void libcameras_lines_become_ours()
{
	liblog_line line =
		liblog_parse("[0:12:34.567890] [77]  WARN V4L2 v4l2_device.cpp:1 no such");

	expect(line.level == LOG_LEVEL_DEBUG && line.words == "V4L2: no such");
	line = liblog_parse("[0:12:34.567890] [77] ERROR Camera camera.cpp:667 it failed");
	expect(line.level == LOG_LEVEL_WARN && line.words == "Camera: it failed");
	line = liblog_parse(
		"[0:12:34.5] [77] ERROR IPU3 ipu3.cpp:9 Could not find parameter buffer");
	expect(line.level == LOG_LEVEL_DEBUG);
	line = liblog_parse("[0:12:34.5] [77] FATAL default pipeline.cpp:9 assertion failed");
	expect(line.level == LOG_LEVEL_ERROR && line.words == "default: assertion failed");
	expect(liblog_parse("").words.empty());
	expect(liblog_parse("[never closed").words == "[never closed");
	expect(liblog_parse("words of their own").words == "words of their own");
}

static void foreign_words_fit_their_fields()
{
	char text[8];

	copy_text("caf\xc3\xa9\n and more", text, sizeof(text));
	expect(strcmp(text, "caf??? ") == 0);
	expect(fits_text("1234567", sizeof(text)) && !fits_text("12345678", sizeof(text)));
	expect(!fits_text("\t", sizeof(text)));
}

static const struct {
	const char *name;
	void (*run)();
} tests[] = {
#define TEST(function)              \
	{                           \
#function, function \
	}
	TEST(controls_have_the_ranges_that_the_camera_tells),
	TEST(menus_have_the_modes_that_the_camera_has),
	TEST(values_that_a_control_cannot_have_are_refused),
	TEST(exposure_ends_the_automatic_one_and_ae_brings_it_back),
	TEST(white_balance_by_hand_ends_the_automatic_one),
	TEST(focus_by_hand_is_manual),
	TEST(roi_is_a_part_of_the_sensor),
	TEST(a_rate_is_one_frame_duration_within_limits),
	TEST(changes_are_told_once_and_all_at_a_start),
	TEST(a_range_of_sizes_is_one_mode),
	TEST(sizes_of_all_formats_are_told_once),
	TEST(the_best_format_that_has_the_size_is_taken),
	TEST(who_cannot_mirror_is_found_out),
	TEST(planes_are_where_the_camera_says),
	TEST(a_picture_in_one_piece_is_cut_up),
	TEST(planes_that_lie_apart_are_refused),
	TEST(an_empty_plane_is_none),
	TEST(colours_are_numbers_of_h264),
	TEST(libcameras_lines_become_ours),
	TEST(foreign_words_fit_their_fields),
};

int main()
{
	unsigned failed = 0, number = 0;

	printf("1..%zu\n", std::size(tests));
	for (const auto &test : tests) {
		failures = 0;
		test.run();
		printf("%s %u - %s\n", failures == 0 ? "ok" : "not ok", ++number, test.name);
		failed += failures > 0;
	}
	return failed > 0;
}
