/* uvc_descriptors: the table of what the camera can do, and its descriptors. */
#ifndef TESTS_VM_UVC_DESCRIPTORS_H
#define TESTS_VM_UVC_DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>

#include "tests/vm/uvc.h"

enum uvc_id { /* of interfaces and entities */
	      UVC_INTERFACE_CONTROL = 0,
	      UVC_INTERFACE_STREAM = 1,
	      UVC_ENTITY_CAMERA = 1,
	      UVC_ENTITY_PROCESSING = 2,
	      UVC_ENTITY_OUTPUT = 3,
};

#define UVC_CLOCK_HZ 48000000

extern const struct uvc_size uvc_sizes[UVC_SIZES];
extern const uint32_t uvc_intervals[UVC_INTERVALS]; /* units of 100 ns, shortest first */
#define UVC_INTERVAL_DEFAULT 666666

/* The configuration descriptor and all below it. Returns the bytes used. */
size_t uvc_describe(uint8_t out[static UVC_DESCRIPTORS_MAX], const struct uvc_offer *offer);

/* The device descriptor, and strings; 0: there is no such. */
size_t uvc_describe_device(uint8_t out[static UVC_ANSWER_MAX]);
size_t uvc_describe_string(uint8_t out[static UVC_ANSWER_MAX], unsigned index);

#endif
