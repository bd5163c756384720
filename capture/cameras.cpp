#include "capture/cameras.h"

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <glob.h>
#include <unistd.h>

#include "common/log.h"

#include "capture/compat.h"
#include "capture/controls.h"
#include "capture/deadline.h"
#include "capture/formats.h"
#include "capture/text.h"

#define SUBSYSTEM   "cameras"
#define START_S_MAX 60 /* it loads modules and asks every device */

using namespace libcamera;

namespace capture
{

static int start_manager(CameraManager **ret_manager, struct error *err)
{
	static CameraManager *manager;

	if (manager == nullptr) {
		deadline limit(START_S_MAX);
		manager = new CameraManager;
		int r = manager->start();
		if (r < 0) {
			manager = nullptr;
			return error_set(err, r, "libcamera does not start: %s", strerror(-r));
		}
	}
	*ret_manager = manager;
	return 0;
}

int cameras_list(std::vector<camera_ref> *ret_list, struct error *err)
{
	CameraManager *manager = nullptr; /* gcc 14 does not see that it is filled */
	int r = start_manager(&manager, err);

	if (r < 0)
		return r;
	ret_list->clear();
	for (const camera_ref &camera : manager->cameras()) {
		if (fits_text(camera->id(), SOURCE_DEVICE_MAX))
			ret_list->push_back(camera);
		else
			log_warn(SUBSYSTEM, "a camera is left out for its id: %s",
				 camera->id().c_str());
	}
	return 0;
}

/* libcamera's ids of USB cameras end in "-vvvv:pppp", vendor and product. */
static bool is_usb(const std::string &id)
{
	static const char shape[] = "-xxxx:xxxx";
	const size_t size = sizeof(shape) - 1;

	if (id.size() < size)
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = id[id.size() - size + i];
		if (shape[i] == 'x' ? isxdigit(static_cast<unsigned char>(c)) == 0 : c != shape[i])
			return false;
	}
	return true;
}

/* --- why there is none */

/* libcamera says nothing of devices that it may not open. */
static bool is_forbidden(const char *pattern, std::string *ret_path)
{
	glob_t found = {};
	bool is = false;

	if (glob(pattern, 0, nullptr, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc && !is; i++) {
			is = access(found.gl_pathv[i], R_OK | W_OK) < 0 && errno == EACCES;
			*ret_path = found.gl_pathv[i];
		}
	globfree(&found);
	return is;
}

static int explain_none(const std::string &id, struct error *err)
{
	std::string what = id.empty() ? "libcamera sees no camera" : "no camera '" + id + "'";
	std::string path;

	if (is_forbidden("/dev/media*", &path) || is_forbidden("/dev/v4l-subdev*", &path))
		return error_set(
			err, -EACCES,
			"%s: %s may not be opened: put nalcastd's user into the group that "
			"owns it (video)",
			what.c_str(), path.c_str());
	if (access("/run/udev/data", F_OK) < 0)
		return error_set(err, -ENODEV,
				 "%s: no udev is running here, and libcamera needs it",
				 what.c_str());
	return error_set(err, -ENODEV,
			 "%s: is its cable the right way round, and libcamera's package of modules "
			 "(Debian: libcamera-ipa) installed?",
			 what.c_str());
}

static int explain_other(const std::string &id, const std::vector<camera_ref> &list,
			 struct error *err)
{
	std::string names;

	for (const camera_ref &camera : list)
		names += (names.empty() ? "'" : ", '") + camera->id() + "'";
	return error_set(err, -ENODEV, "no camera '%s'; there is %s", id.c_str(), names.c_str());
}

int cameras_find(const std::string &id, camera_ref *ret_camera, struct error *err)
{
	std::vector<camera_ref> list;
	int r = cameras_list(&list, err);

	if (r < 0)
		return r;
	for (const camera_ref &camera : list) {
		if (id.empty() ? is_usb(camera->id()) : camera->id() != id)
			continue;
		*ret_camera = camera;
		return 0;
	}
	if (list.empty())
		return explain_none(id, err);
	if (!id.empty())
		return explain_other(id, list, err);
	*ret_camera = list.front();
	return 0;
}

/* --- what one can do */

std::unique_ptr<CameraConfiguration> cameras_configuration(const camera_ref &camera,
							   struct error *err)
{
	std::unique_ptr<CameraConfiguration> config =
		camera->generateConfiguration({StreamRole::VideoRecording});

	if (!config || config->empty())
		config = camera->generateConfiguration({StreamRole::Viewfinder});
	if (config && config->empty())
		config.reset();
	if (!config)
		error_set(err, -ENOTSUP, "camera '%s' has no video", camera->id().c_str());
	return config;
}

/* A camera that cannot do it corrects the configuration. */
static bool can_mirror(const camera_ref &camera, const mirror &m)
{
	std::unique_ptr<CameraConfiguration> config = cameras_configuration(camera, nullptr);

	if (!config)
		return false;
	config_set_mirror(*config, m);
	int wanted = config_orientation(*config);
	return config->validate() != CameraConfiguration::Invalid &&
	       config_orientation(*config) == wanted;
}

int cameras_describe(const camera_ref &camera, struct source_caps *ret_caps, struct error *err)
{
	deadline limit(START_S_MAX);
	std::unique_ptr<CameraConfiguration> config = cameras_configuration(camera, err);
	auto model = camera->properties().get(properties::Model);
	struct source_caps caps = {};
	unsigned min_milli, max_milli;

	if (!config)
		return -ENOTSUP;
	copy_text("libcamera", caps.backend, sizeof(caps.backend));
	copy_text(camera->id(), caps.id, sizeof(caps.id));
	copy_text(model ? std::string(*model) : camera->id(), caps.name, sizeof(caps.name));
	controls_tell_rates(camera->controls(), &min_milli, &max_milli);
	formats_tell_modes(config.get(), min_milli, max_milli, &caps);
	if (caps.mode_count == 0)
		return error_set(err, -ENOTSUP,
				 "camera '%s' has no pixel format that nalcast knows", caps.id);
	controls_tell(camera->controls(), &caps);
	if (can_mirror(camera, {true, false}))
		controls_add_bool("hflip", &caps);
	if (can_mirror(camera, {false, true}))
		controls_add_bool("vflip", &caps);
	*ret_caps = caps;
	return 0;
}

} /* namespace capture */
