/* uvc: what a USB camera says of itself: its modes, its descriptors, and the answers of its control
 * endpoint (USB 2.0 chapter 9, UVC 1.1). No I/O; one thread's. */
#ifndef TESTS_VM_UVC_H
#define TESTS_VM_UVC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/vm/usbip.h"

#define UVC_ENDPOINT        1     /* that pictures come from */
#define UVC_PAYLOAD_MAX     16384 /* bytes of a transfer, with its header */
#define UVC_HEADER_SIZE     2
#define UVC_ANSWER_MAX      1024
#define UVC_DESCRIPTORS_MAX 1024
#define UVC_SIZES           4
#define UVC_INTERVALS       4

#define UVC_FORMATS 3

enum uvc_format {
	UVC_YUYV,
	UVC_H264, /* frame based */
	UVC_MJPEG,
};

struct uvc_offer { /* the formats that the camera has, in the order of their descriptors */
	unsigned count;
	enum uvc_format formats[UVC_FORMATS];
};

/* Bits of a payload header (UVC 1.1, 2.4.3.3). */
enum uvc_payload_flag {
	UVC_PAYLOAD_FRAME_ID = 0x01, /* turns with every picture */
	UVC_PAYLOAD_END = 0x02,      /* of the picture */
	UVC_PAYLOAD_HEADER_END = 0x80,
};

struct uvc_size {
	unsigned width, height; /* pixels */
};

struct uvc_mode { /* as committed */
	enum uvc_format format;
	struct uvc_size size;
	unsigned fps_milli;     /* thousandths of a frame per second */
	unsigned picture_bytes; /* the most that a picture has; of YUYV: what each has */
};

struct uvc_controls {
	int brightness;          /* -64..64 */
	unsigned line_frequency; /* 0 off, 1 50 Hz, 2 60 Hz */
};

struct uvc { /* begins as uvc_init() leaves it */
	uint8_t probe[34];
	struct uvc_offer offer;
	struct uvc_controls controls;
	bool committed; /* turned off by who has seen it */
	struct uvc_mode mode;
	size_t descriptor_size;
	uint8_t descriptors[UVC_DESCRIPTORS_MAX]; /* of the configuration */
};

struct uvc_answer {
	bool stalled; /* no such request, or no such value */
	size_t size;
	uint8_t data[UVC_ANSWER_MAX];
};

void uvc_init(struct uvc *uvc, const struct uvc_offer *offer);

/* Answers a request to endpoint 0. A commit sets uvc->committed and uvc->mode. */
void uvc_control(struct uvc *uvc, const struct usbip_request *request,
		 struct uvc_answer *ret_answer);

/* Does this request say that pictures are wanted no more? (The driver clears the endpoint's halt
 * when it ends a bulk stream, USB 2.0 9.4.1.) */
bool uvc_request_ends_stream(const struct usbip_request *request);

#endif
