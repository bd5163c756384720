#include "capture/controls.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>

#include "common/log.h"

#include "capture/values.h"

#define SUBSYSTEM   "controls"
#define MODE_AUTO   0 /* ExposureTimeMode, AnalogueGainMode */
#define MODE_MANUAL 1
#define AF_MANUAL   0
#define AF_AUTO     1
#define AF_TRIGGER  0   /* AfTriggerStart */
#define FPS_US      1e9 /* thousandths of a frame per second from microseconds, and back */

using namespace libcamera;

namespace capture
{

static const char *const af_modes[] = {"manual", "auto", "continuous", nullptr};
static const char *const noise_modes[] = {"off", "fast", "high quality", "minimal", "zsl", nullptr};

static const struct known {
	const char *name;   /* the API's */
	const char *theirs; /* libcamera's */
	const char *unit;
	const char *const *menu;
	unsigned count; /* of values */
} knowns[] = {
	{"brightness", "Brightness", "", nullptr, 1},
	{"contrast", "Contrast", "", nullptr, 1},
	{"saturation", "Saturation", "", nullptr, 1},
	{"sharpness", "Sharpness", "", nullptr, 1},
	{"ev", "ExposureValue", "EV", nullptr, 1},
	{"exposure_us", "ExposureTime", "us", nullptr, 1},
	{"gain", "AnalogueGain", "", nullptr, 1},
	{"awb", "AwbEnable", "", nullptr, 1},
	{"awb_gains", "ColourGains", "", nullptr, 2},
	{"af_mode", "AfMode", "", af_modes, 1},
	{"lens_position_dioptres", "LensPosition", "dioptres", nullptr, 1},
	{"noise_reduction", "NoiseReductionMode", "", noise_modes, 1},
};

static const struct known *find_known(const std::string &name)
{
	for (const struct known &known : knowns)
		if (name == known.name)
			return &known;
	return nullptr;
}

/* --- what there is */

static void put_defaults(struct source_control *control, const double *values, unsigned count)
{
	control->value_count = count;
	std::copy_n(values, count, control->values);
	std::copy_n(values, count, control->default_values);
}

static struct source_control *add_control(const char *name, const char *unit,
					  struct source_caps *caps)
{
	if (caps->control_count == SOURCE_CONTROLS_MAX)
		return nullptr;
	struct source_control *control = &caps->controls[caps->control_count++];
	*control = {};
	snprintf(control->name, sizeof(control->name), "%s", name);
	snprintf(control->unit, sizeof(control->unit), "%s", unit);
	control->writable = true;
	return control;
}

void controls_add_bool(const char *name, struct source_caps *caps)
{
	struct source_control *control = add_control(name, "", caps);

	if (control == nullptr)
		return;
	control->type = SOURCE_CONTROL_BOOL;
	control->max = control->step = 1;
}

static void add_menu(const struct known &known, const ControlInfo &info,
		     struct source_control *control, struct source_caps *caps)
{
	control->menu_first = caps->menu_count;
	for (unsigned i = 0; known.menu != nullptr && known.menu[i] != nullptr; i++) {
		bool has = i >= control->min && i <= control->max &&
			   values_allow(info, ControlValue(static_cast<int32_t>(i)));
		if (!has || caps->menu_count == SOURCE_MENU_MAX)
			continue;
		struct source_menu_item *item = &caps->menu[caps->menu_count++];
		*item = {};
		item->value = i;
		snprintf(item->name, sizeof(item->name), "%s", known.menu[i]);
	}
	control->menu_count = caps->menu_count - control->menu_first;
}

static enum source_control_type type_of(const ControlId &id)
{
	switch (id.type()) {
	case ControlTypeBool:
		return SOURCE_CONTROL_BOOL;
	case ControlTypeFloat:
		return SOURCE_CONTROL_FLOAT;
	default:
		return SOURCE_CONTROL_INTEGER;
	}
}

/* Some say no default: then it is what they do untold. */
static void add_known(const struct known &known, const ControlId &id, const ControlInfo &info,
		      struct source_caps *caps)
{
	double min, max, defaults[SOURCE_VALUES_MAX];

	if (!values_number(info.min(), 0, &min) || !values_number(info.max(), 0, &max) || max < min)
		return;
	for (unsigned i = 0; i < known.count; i++) {
		if (!values_number(info.def(), i, &defaults[i]))
			defaults[i] = 0;
		defaults[i] = std::clamp(defaults[i], min, max);
	}
	struct source_control *control = add_control(known.name, known.unit, caps);
	if (control == nullptr)
		return;
	control->type = type_of(id);
	control->min = min;
	control->max = max;
	control->step = control->type == SOURCE_CONTROL_FLOAT ? 0 : 1;
	put_defaults(control, defaults, known.count);
	add_menu(known, info, control, caps);
}

/* Of the sensor's picture, from 0 to 1: x, y, width, height. */
static void add_roi(struct source_caps *caps)
{
	const double whole[] = {0, 0, 1, 1};
	struct source_control *control = add_control("roi", "", caps);

	if (control == nullptr)
		return;
	control->type = SOURCE_CONTROL_FLOAT;
	control->max = 1;
	put_defaults(control, whole, 4);
}

static bool has(const ControlInfoMap &map, const char *theirs)
{
	return values_find(map, theirs, nullptr) != nullptr;
}

static void tell_auto_exposure(const ControlInfoMap &map, struct source_caps *caps)
{
	const ControlInfo *info;
	double number;

	if (!has(map, "AeEnable") && !has(map, "ExposureTimeMode"))
		return;
	controls_add_bool("ae", caps);
	struct source_control *ae = &caps->controls[caps->control_count - 1];
	ae->value = ae->default_value = 1;
	if (values_find(map, "AeEnable", &info) != nullptr &&
	    values_number(info->def(), 0, &number))
		ae->value = ae->default_value = number != 0;
}

void controls_tell(const ControlInfoMap &map, struct source_caps *caps)
{
	const ControlInfo *info;

	for (const struct known &known : knowns)
		if (const ControlId *id = values_find(map, known.theirs, &info))
			add_known(known, *id, *info, caps);
	tell_auto_exposure(map, caps);
	if (has(map, "ScalerCrop"))
		add_roi(caps);
}

static bool frame_limits(const ControlInfoMap &map, double *ret_min_us, double *ret_max_us)
{
	const ControlInfo *info;

	return values_find(map, "FrameDurationLimits", &info) != nullptr &&
	       values_number(info->min(), 0, ret_min_us) &&
	       values_number(info->max(), 1, ret_max_us) && *ret_min_us > 0 &&
	       *ret_max_us >= *ret_min_us;
}

void controls_tell_rates(const ControlInfoMap &map, unsigned *ret_min_milli,
			 unsigned *ret_max_milli)
{
	double min_us, max_us;

	*ret_min_milli = *ret_max_milli = 0;
	if (!frame_limits(map, &min_us, &max_us))
		return;
	*ret_min_milli = static_cast<unsigned>(std::lround(FPS_US / max_us));
	*ret_max_milli = static_cast<unsigned>(std::lround(std::min(FPS_US / min_us, 1e9)));
}

Rectangle controls_sensor(const Camera &camera)
{
	const ControlInfo *info;
	auto from_property = camera.properties().get(properties::ScalerCropMaximum);

	if (from_property)
		return *from_property;
	if (values_find(camera.controls(), "ScalerCrop", &info) != nullptr &&
	    info->max().type() == ControlTypeRectangle && !info->max().isArray())
		return info->max().get<Rectangle>();
	return Rectangle();
}

/* --- setting */

static const struct source_control *find_control(const struct source_caps &caps, const char *name)
{
	for (unsigned i = 0; i < caps.control_count; i++)
		if (strcmp(caps.controls[i].name, name) == 0)
			return &caps.controls[i];
	return nullptr;
}

static bool is_in_menu(const struct source_caps &caps, const struct source_control &control,
		       double value)
{
	if (control.menu_count == 0)
		return true;
	for (unsigned i = 0; i < control.menu_count; i++)
		if (static_cast<double>(caps.menu[control.menu_first + i].value) == value)
			return true;
	return false;
}

int controls_check(const struct source_caps &caps, const char *name, const double *values,
		   unsigned count, struct error *err)
{
	const struct source_control *control = find_control(caps, name);

	if (control == nullptr)
		return error_set(err, -ENOTSUP, "camera '%s' has no control '%s'", caps.id, name);
	unsigned wanted = std::max(control->value_count, 1U);
	if (count != wanted)
		return error_set(err, -EINVAL, "%s is %u numbers, not %u", name, wanted, count);
	for (unsigned i = 0; i < count; i++) {
		/* Written so that a NaN is outside, too. */
		if (!(values[i] >= control->min && values[i] <= control->max))
			return error_set(err, -ERANGE, "%s is from %g to %g, not %g", name,
					 control->min, control->max, values[i]);
		if (!is_in_menu(caps, *control, values[i]) ||
		    (control->type != SOURCE_CONTROL_FLOAT && values[i] != std::floor(values[i])))
			return error_set(err, -ERANGE, "%s cannot be %g", name, values[i]);
	}
	return 0;
}

bool settings::put(const char *theirs, const ControlValue &value)
{
	const ControlInfo *info;
	const ControlId *id = values_find(map_, theirs, &info);

	if (id == nullptr || value.isNone() || !values_allow(*info, value))
		return false;
	applied_[id->id()] = value;
	pending_[id->id()] = value;
	return true;
}

bool settings::put_number(const char *theirs, double value)
{
	const ControlId *id = values_find(map_, theirs, nullptr);

	return id != nullptr && put(theirs, values_make(*id, value));
}

/* A camera that starts anew is not told of it. */
void settings::forget(const char *theirs)
{
	const ControlId *id = values_find(map_, theirs, nullptr);

	if (id == nullptr)
		return;
	applied_.erase(id->id());
	pending_.erase(id->id());
}

/* Since 0.5 exposure time and gain have a switch each; before, and where a camera has only that,
 * there is one for both. */
void settings::set_auto_exposure(bool on)
{
	bool has_modes = put_number("ExposureTimeMode", on ? MODE_AUTO : MODE_MANUAL);

	if (!put_number("AnalogueGainMode", on ? MODE_AUTO : MODE_MANUAL) && !has_modes)
		put_number("AeEnable", on);
	if (on) {
		forget("ExposureTime");
		forget("AnalogueGain");
	}
}

void settings::set_manual(const char *mode)
{
	if (!put_number(mode, MODE_MANUAL))
		put_number("AeEnable", 0);
}

int settings::set_roi(const double *v, const Rectangle &all, struct error *err)
{
	if (all.width == 0 || all.height == 0)
		return error_set(err, -ENOTSUP, "the camera does not say how large its sensor is");
	/* A millionth more is a matter of writing thirds. */
	if (v[2] <= 0 || v[3] <= 0 || v[0] + v[2] > 1.000001 || v[1] + v[3] > 1.000001)
		return error_set(err, -ERANGE,
				 "roi is x, y, width and height within 1x1, not %g, %g, %g, %g",
				 v[0], v[1], v[2], v[3]);
	unsigned width = static_cast<unsigned>(std::lround(v[2] * all.width));
	unsigned height = static_cast<unsigned>(std::lround(v[3] * all.height));
	put("ScalerCrop",
	    ControlValue(Rectangle(all.x + static_cast<int>(std::lround(v[0] * all.width)),
				   all.y + static_cast<int>(std::lround(v[1] * all.height)),
				   std::max(width, 1U), std::max(height, 1U))));
	return 0;
}

int settings::set(const std::string &name, const double *values, const Rectangle &sensor,
		  struct error *err)
{
	const struct known *known = find_known(name);

	if (name == "roi")
		return set_roi(values, sensor, err);
	if (name == "ae") {
		set_auto_exposure(values[0] != 0);
		return 0;
	}
	/* What sets itself would set over it. */
	if (name == "exposure_us")
		set_manual("ExposureTimeMode");
	else if (name == "gain")
		set_manual("AnalogueGainMode");
	else if (name == "awb_gains")
		put_number("AwbEnable", 0);
	else if (name == "awb")
		forget("ColourGains");
	else if (name == "lens_position_dioptres")
		put_number("AfMode", AF_MANUAL);
	else if (name == "af_mode" && values[0] == AF_AUTO)
		put_number("AfTrigger", AF_TRIGGER);
	bool done = known->count == 2 ? put(known->theirs, values_make_pair(values[0], values[1]))
				      : put_number(known->theirs, values[0]);
	return done ? 0
		    : error_set(err, -EINVAL, "the camera does not take %s %g", name.c_str(),
				values[0]);
}

unsigned settings::set_fps(unsigned fps_milli)
{
	double min_us, max_us;

	if (!frame_limits(map_, &min_us, &max_us))
		return 0;
	int64_t shortest = std::llround(min_us);
	int64_t longest = std::llround(max_us);
	if (fps_milli != 0)
		shortest = longest = std::llround(std::clamp(FPS_US / fps_milli, min_us, max_us));
	const int64_t limits[2] = {shortest, longest};
	put("FrameDurationLimits", ControlValue(Span<const int64_t, 2>(limits)));
	return static_cast<unsigned>(std::lround(FPS_US / static_cast<double>(shortest)));
}

void settings::put_changes(ControlList *list)
{
	for (const auto &change : pending_)
		list->set(change.first, change.second);
	pending_.clear();
}

void settings::put_all(ControlList *list)
{
	for (const auto &setting : applied_)
		list->set(setting.first, setting.second);
	pending_.clear();
}

} /* namespace capture */
