/* camera: what the test camera sees: the test picture (protocol.md section 7) in the format that
 * was agreed on, numbered from 0 on for as long as the program runs. One thread's. */
#ifndef TESTS_VM_CAMERA_H
#define TESTS_VM_CAMERA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "tests/vm/uvc.h"

struct camera;

struct camera_picture {
	const uint8_t *data; /* the camera's, until the next picture or camera_stop() */
	size_t size;         /* bytes */
	uint32_t number;
};

bool camera_has_mjpeg(void); /* in this build */

struct camera *camera_new(void); /* NULL: no memory */
void camera_free(struct camera *camera);

/* Pictures of this mode from now on; of H.264, the next one is an IDR. */
int camera_start(struct camera *camera, const struct uvc_mode *mode, struct error *err);
void camera_stop(struct camera *camera);

int camera_take(struct camera *camera, const struct uvc_controls *controls,
		struct camera_picture *ret_picture, struct error *err);

#endif
