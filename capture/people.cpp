#include "capture/people.h"

#include <cstdio>

#include "capture/cameras.h"
#include "capture/formats.h"

namespace capture
{

static void print_mode(const struct source_mode &mode)
{
	printf("    %ux%u", mode.width_min, mode.height_min);
	if (mode.width_step != 0)
		printf(" to %ux%u in steps of %ux%u", mode.width_max, mode.height_max,
		       mode.width_step, mode.height_step);
	if (mode.fps_max_milli != FORMATS_FPS_MAX_MILLI)
		printf(", %g to %g pictures a second", mode.fps_min_milli / 1000.0,
		       mode.fps_max_milli / 1000.0);
	putchar('\n');
}

static void print_control(const struct source_caps &caps, const struct source_control &control)
{
	printf("    %s: ", control.name);
	if (control.type == SOURCE_CONTROL_BOOL)
		printf("no or yes");
	else if (control.menu_count == 0)
		printf("%g to %g%s%s", control.min, control.max, control.unit[0] != '\0' ? " " : "",
		       control.unit);
	for (unsigned i = 0; i < control.menu_count; i++) {
		const struct source_menu_item &item = caps.menu[control.menu_first + i];
		printf("%s%lld %s", i > 0 ? ", " : "", static_cast<long long>(item.value),
		       item.name);
	}
	printf(" (%g)\n", control.default_value);
}

static void print_camera(const struct source_caps &caps)
{
	printf("%s\n  %s\n  sizes:\n", caps.id, caps.name);
	for (unsigned i = 0; i < caps.mode_count; i++)
		print_mode(caps.modes[i]);
	printf("  controls:%s\n", caps.control_count == 0 ? " none" : "");
	for (unsigned i = 0; i < caps.control_count; i++)
		print_control(caps, caps.controls[i]);
}

int people_list()
{
	std::vector<camera_ref> cameras;
	camera_ref first;
	struct error err = {};
	int r = cameras_find("", &first, &err);

	if (r == 0)
		r = cameras_list(&cameras, &err);
	if (r < 0) {
		fprintf(stderr, "nalcast-capture: %s\n", err.text);
		return 1;
	}
	printf("libcamera %s\n", libcamera::CameraManager::version().c_str());
	for (const camera_ref &camera : cameras) {
		struct source_caps caps;
		if (cameras_describe(camera, &caps, &err) == 0)
			print_camera(caps);
		else
			printf("%s\n", err.text);
	}
	return 0;
}

} /* namespace capture */
