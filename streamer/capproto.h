/* capproto: what nalcastd and nalcast-capture say to each other.
 *
 * One SOCK_SEQPACKET pair a camera: a message is one packet, one struct of this file, in the bytes
 * of this machine, since both programs come from one build (the first message says so). What the
 * other side sends is foreign all the same: libcamera may have trampled on it. So whatever was
 * received goes through capproto_check() first, and is of no use if that refuses it. C and C++; no
 * I/O; any thread.
 *
 *   nalcastd                 nalcast-capture
 *                            HELLO                        once, before anything else
 *   LIST                     CAMERA... LISTED             what is there
 *   OPEN                     CAMERA OPENED BUFFER...      a descriptor goes with each BUFFER
 *                            FRAME...                     lent until DONE
 *   DONE, CONTROL, SET_FPS   RESULT                       of CONTROL and SET_FPS
 *                            LOST                         the camera is gone: with words; the end
 *
 * OPEN that is refused has RESULT as its answer. Either side ends by closing; what was lent is then
 * nobody's. A helper serves one OPEN in its life. */
#ifndef STREAMER_CAPPROTO_H
#define STREAMER_CAPPROTO_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "streamer/frame.h"
#include "streamer/source.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CAPPROTO_VERSION     1
#define CAPPROTO_FD          3 /* the helper's end, when it starts */
#define CAPPROTO_BUFFERS_MAX 16
#define CAPPROTO_PLANES_MAX  FRAME_PLANES_MAX

enum capproto_type {
	CAPPROTO_HELLO = 1,
	CAPPROTO_LIST,
	CAPPROTO_CAMERA,
	CAPPROTO_LISTED,
	CAPPROTO_OPEN,
	CAPPROTO_OPENED,
	CAPPROTO_BUFFER,
	CAPPROTO_FRAME,
	CAPPROTO_DONE,
	CAPPROTO_CONTROL,
	CAPPROTO_SET_FPS,
	CAPPROTO_RESULT,
	CAPPROTO_LOST,
};

/* Every message begins with its type. */
struct capproto_hello {
	uint32_t type;
	uint32_t version;
	uint32_t caps_bytes; /* sizeof(struct source_caps): one build or not */
	char libcamera[32];  /* its version: "v0.4.0" */
};

struct capproto_list {
	uint32_t type;
};

/* Of a camera that is there. Its id opens it again; menus and modes as source.h says. */
struct capproto_camera {
	uint32_t type;
	struct source_caps caps;
};

struct capproto_listed {
	uint32_t type;
	uint32_t count; /* cameras told before */
};

struct capproto_open {
	uint32_t type;
	char id[SOURCE_DEVICE_MAX]; /* "": the first */
	uint32_t width, height;     /* pixels; 0: the camera's own */
	uint32_t fps_milli;         /* 0: the camera's own */
};

struct capproto_plane {
	uint32_t offset, size, stride; /* bytes; in the buffer; stride 0: compressed */
};

struct capproto_opened {
	uint32_t type;
	uint32_t fourcc; /* pixfmt.h: YU12, NV12, YUYV, RGB3, BGR3, MJPG */
	uint32_t width, height;
	uint32_t fps_milli; /* 0: the camera does not say and cannot be asked; we pace it */
	uint32_t full_range;
	struct source_colour colour;
	uint8_t reserved;
	uint32_t buffer_count, plane_count;
	struct capproto_plane plane[CAPPROTO_PLANES_MAX]; /* the same in every buffer */
};

struct capproto_buffer { /* its one descriptor goes with it: a dma-buf or a memfd */
	uint32_t type;
	uint32_t index;
	uint32_t bytes;  /* of the mapping */
	uint32_t dmabuf; /* 1: it is one */
};

struct capproto_frame {
	uint32_t type;
	uint32_t index;
	uint32_t sequence; /* as the camera counts: a gap is a lost frame */
	uint32_t bytes;    /* used of plane 0 if compressed; else 0 */
	int64_t pts_us;    /* CLOCK_MONOTONIC, of exposure */
};

struct capproto_done {
	uint32_t type;
	uint32_t index;
};

struct capproto_control {
	uint32_t type;
	uint32_t number; /* comes back in RESULT */
	char name[32];
	uint32_t count; /* of values: 1, but for awb_gains and roi */
	uint32_t reserved;
	double value[4];
};

struct capproto_set_fps {
	uint32_t type;
	uint32_t number;
	uint32_t fps_milli;
};

struct capproto_result { /* RESULT and LOST */
	uint32_t type;
	uint32_t number; /* 0: of OPEN, or LOST */
	int32_t code;    /* 0, or a negative errno with words */
	char text[sizeof(((struct error *)0)->text)];
};

union capproto_message { /* room for any */
	uint32_t type;
	struct capproto_hello hello;
	struct capproto_list list;
	struct capproto_camera camera;
	struct capproto_listed listed;
	struct capproto_open open;
	struct capproto_opened opened;
	struct capproto_buffer buffer;
	struct capproto_frame frame;
	struct capproto_done done;
	struct capproto_control control;
	struct capproto_set_fps set_fps;
	struct capproto_result result;
};

/* Bytes of a message of that type; 0: there is none such. */
size_t capproto_size(uint32_t type);

/* Are these size bytes a message whose every field is what it may be: texts that end and are UTF-8
 * without control characters, counts within their arrays, planes within 32 bits, finite numbers,
 * flags 0 or 1? -EPROTO with words. The peers' order and the buffers' real sizes are the
 * receiver's to check. */
int capproto_check(const union capproto_message *msg, size_t size, struct error *err);

#ifdef __cplusplus
}
#endif
#endif
