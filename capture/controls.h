/* controls: what people may turn at a camera, under the API's names, and what that is in
 * libcamera's. Its controls are looked up by name in what the camera has, never by symbol: which
 * symbols there are depends on libcamera's version. Main thread. */
#ifndef CAPTURE_CONTROLS_H
#define CAPTURE_CONTROLS_H

#include <map>
#include <string>

#include <libcamera/libcamera.h>

#include "common/error.h"
#include "streamer/source.h"

namespace capture
{

/* All but the mirroring ones, which are no controls of libcamera's. */
void controls_tell(const libcamera::ControlInfoMap &map, struct source_caps *caps);
void controls_add_bool(const char *name, struct source_caps *caps);

/* The rates that it can be asked for, in thousandths of a frame per second; 0 and 0: it cannot. */
void controls_tell_rates(const libcamera::ControlInfoMap &map, unsigned *ret_min_milli,
			 unsigned *ret_max_milli);

/* What a whole roi is, in the sensor's pixels; empty: nobody knows. It can change with the
 * configuration. */
libcamera::Rectangle controls_sensor(const libcamera::Camera &camera);

/* Is that a value of a control of caps? -ENOTSUP, -EINVAL, -ERANGE with words. */
int controls_check(const struct source_caps &caps, const char *name, const double *values,
		   unsigned count, struct error *err);

/* What was set. map, the camera's, lives longer. */
class settings
{
public:
	explicit settings(const libcamera::ControlInfoMap &map) : map_(map)
	{
	}

	/* Of a value that controls_check() has passed. It takes effect with the next request. */
	int set(const std::string &name, const double *values, const libcamera::Rectangle &sensor,
		struct error *err);

	/* The nearest rate that the camera has; 0: its own. What comes of it; 0: it cannot be
	 * asked.
	 */
	unsigned set_fps(unsigned fps_milli);

	/* What has changed, once; or all that was ever set, for a camera that starts. */
	void put_changes(libcamera::ControlList *list);
	void put_all(libcamera::ControlList *list);

private:
	bool put(const char *theirs, const libcamera::ControlValue &value);
	bool put_number(const char *theirs, double value);
	void forget(const char *theirs);
	void set_auto_exposure(bool on);
	void set_manual(const char *mode);
	int set_roi(const double *values, const libcamera::Rectangle &sensor, struct error *err);

	const libcamera::ControlInfoMap &map_;
	std::map<unsigned, libcamera::ControlValue> applied_, pending_;
};

} /* namespace capture */

#endif
