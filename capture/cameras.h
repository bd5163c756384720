/* cameras: those that libcamera sees, and what they can do. Main thread.
 *
 * libcamera allows one manager a process; it is never destroyed, since its static objects are gone
 * before it is at exit. */
#ifndef CAPTURE_CAMERAS_H
#define CAPTURE_CAMERAS_H

#include <memory>
#include <string>
#include <vector>

#include <libcamera/libcamera.h>

#include "common/error.h"
#include "streamer/source.h"

namespace capture
{

using camera_ref = std::shared_ptr<libcamera::Camera>;

/* Looks for them the first time. */
int cameras_list(std::vector<camera_ref> *ret_list, struct error *err);

/* "": the first that is not by USB, which V4L2 is better at; else the first. -ENODEV, and -EACCES
 * where it seems that we may not see it, with words. */
int cameras_find(const std::string &id, camera_ref *ret_camera, struct error *err);

/* -ENOTSUP: it gives nothing that we can take. */
int cameras_describe(const camera_ref &camera, struct source_caps *ret_caps, struct error *err);

/* Video, or else the viewfinder; with words when there is neither. */
std::unique_ptr<libcamera::CameraConfiguration> cameras_configuration(const camera_ref &camera,
								      struct error *err);

} /* namespace capture */

#endif
