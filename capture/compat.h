/* compat: what libcamera 0.0.3 to 0.7 call by different names, told apart by what a type has
 * rather than by version: Raspberry Pi OS's packages are ahead of their numbers.
 *
 * FrameBuffer's planes (a vector, later a Span) and Model (a string, later a string_view) need
 * nothing but `auto` and std::string(). C++ only; any thread. */
#ifndef CAPTURE_COMPAT_H
#define CAPTURE_COMPAT_H

#include <libcamera/libcamera.h>

namespace capture
{

struct mirror {
	bool horizontal, vertical;
};

inline bool operator==(const mirror &a, const mirror &b)
{
	return a.horizontal == b.horizontal && a.vertical == b.vertical;
}

/* Since 0.2 (and Raspberry Pi OS's 0.1) `orientation`, with EXIF's numbers. Either way the camera's
 * mounting is undone by the pipeline handler, where it can: unmirrored pictures are upright. */
template <typename Config>
auto set_mirror(Config &config, const mirror &m, int) -> decltype(config.orientation, void())
{
	int exif = m.horizontal ? (m.vertical ? 3 : 2) : (m.vertical ? 4 : 1);

	config.orientation = static_cast<decltype(config.orientation)>(exif);
}

template <typename Config>
auto set_mirror(Config &config, const mirror &m, long) -> decltype(config.transform, void())
{
	config.transform = static_cast<decltype(config.transform)>((m.horizontal ? 1 : 0) |
								   (m.vertical ? 2 : 0));
}

template <typename Config>
auto orientation_of(const Config &config, int) -> decltype(config.orientation, int())
{
	return static_cast<int>(config.orientation);
}

template <typename Config>
auto orientation_of(const Config &config, long) -> decltype(config.transform, int())
{
	return static_cast<int>(config.transform);
}

/* Before validate(). */
inline void config_set_mirror(libcamera::CameraConfiguration &config, const mirror &m)
{
	set_mirror(config, m, 0);
}

/* After validate(): comparable with that of another configuration, and nothing else. */
inline int config_orientation(const libcamera::CameraConfiguration &config)
{
	return orientation_of(config, 0);
}

} /* namespace capture */

#endif
