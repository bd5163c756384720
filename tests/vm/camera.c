#include "tests/vm/camera.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef WITH_TURBOJPEG
#include <turbojpeg.h>
#endif

#include "streamer/clock.h"
#include "streamer/encoder.h"
#include "streamer/pattern.h"

#define JPEG_QUALITY     80
#define H264_BITRATE_BPS 400000
#define H264_GOP_FRAMES  15
#define BRIGHTNESS_FULL  64.0 /* that is all white */

struct camera {
	uint32_t number; /* of the next picture */
	struct uvc_mode mode;
	struct pattern *pattern;
	struct pattern_canvas canvas;
	int brightness;  /* that the pattern's look has */
	uint8_t *packed; /* YUYV */
	struct encoder *encoder;
	const struct au *au;
#ifdef WITH_TURBOJPEG
	tjhandle jpeg;
	uint8_t *jpeg_data;
	unsigned long jpeg_size; /* bytes used */
#endif
};

/* What encoder.c looks into; nothing here is looked for by name. */
const struct encoder_ops *const encoder_backends[] = {NULL};

bool camera_has_mjpeg(void)
{
#ifdef WITH_TURBOJPEG
	return true;
#else
	return false;
#endif
}

struct camera *camera_new(void)
{
	return calloc(1, sizeof(struct camera));
}

void camera_stop(struct camera *camera)
{
	pattern_free(camera->pattern);
	free(camera->canvas.data);
	free(camera->packed);
	au_unref(camera->au);
	encoder_close(camera->encoder);
#ifdef WITH_TURBOJPEG
	if (camera->jpeg != NULL)
		tjDestroy(camera->jpeg);
	tjFree(camera->jpeg_data);
#endif
	*camera = (struct camera){.number = camera->number};
}

void camera_free(struct camera *camera)
{
	if (camera == NULL)
		return;
	camera_stop(camera);
	free(camera);
}

static int open_encoder(struct camera *camera, struct error *err)
{
#ifdef WITH_X264
	const struct encoder_config config = {
		.in = {.fourcc = FRAME_I420,
		       .width = camera->mode.size.width,
		       .height = camera->mode.size.height,
		       .fps_milli = camera->mode.fps_milli},
		.bitrate_bps = H264_BITRATE_BPS,
		.gop_frames = H264_GOP_FRAMES,
		.threads = 1,
	};

	return encoder_open(&encoder_x264_ops, &config, &camera->encoder, err);
#else
	(void)camera;
	return error_set(err, -ENOTSUP, "built without an encoder");
#endif
}

static int open_jpeg(struct camera *camera, struct error *err)
{
#ifdef WITH_TURBOJPEG
	camera->jpeg = tjInitCompress();
	if (camera->jpeg != NULL)
		return 0;
#else
	(void)camera;
#endif
	return error_set(err, -ENOTSUP, "no JPEG compressor");
}

static int open_packed(struct camera *camera, struct error *err)
{
	camera->packed = malloc(camera->mode.picture_bytes);
	return camera->packed != NULL ? 0 : error_set(err, -ENOMEM, "no memory");
}

int camera_start(struct camera *camera, const struct uvc_mode *mode, struct error *err)
{
	static int (*const open[])(struct camera *, struct error *) = {
		[UVC_YUYV] = open_packed,
		[UVC_H264] = open_encoder,
		[UVC_MJPEG] = open_jpeg,
	};

	camera_stop(camera);
	camera->mode = *mode;
	camera->pattern = pattern_new(mode->size.width, mode->size.height);
	camera->canvas.data = malloc(pattern_bytes(mode->size.width, mode->size.height));
	if (camera->pattern == NULL || camera->canvas.data == NULL)
		return error_set(err, -ENOMEM, "no memory");
	return open[mode->format](camera, err);
}

static struct frame frame_of(const struct camera *camera)
{
	unsigned width = camera->mode.size.width, height = camera->mode.size.height;
	const uint8_t *data = camera->canvas.data;
	size_t luma = (size_t)width * height;
	struct frame frame = {
		.fourcc = FRAME_I420,
		.width = width,
		.height = height,
		.plane_count = 3,
		.plane = {{data, luma, width, -1},
			  {data + luma, luma / 4, width / 2, -1},
			  {data + luma + luma / 4, luma / 4, width / 2, -1}},
		.pts_us = clock_now_us(),
	};

	return frame;
}

static int take_packed(struct camera *camera, struct camera_picture *ret_picture)
{
	const struct frame frame = frame_of(camera);
	uint8_t *at = camera->packed;

	for (unsigned y = 0; y < frame.height; y++) {
		const uint8_t *luma = frame.plane[0].data + (size_t)y * frame.width;
		const uint8_t *cb = frame.plane[1].data + (size_t)(y / 2) * (frame.width / 2);
		const uint8_t *cr = frame.plane[2].data + (size_t)(y / 2) * (frame.width / 2);
		for (unsigned x = 0; x < frame.width; x += 2) {
			*at++ = luma[x];
			*at++ = cb[x / 2];
			*at++ = luma[x + 1];
			*at++ = cr[x / 2];
		}
	}
	ret_picture->data = camera->packed;
	ret_picture->size = (size_t)frame.width * frame.height * 2;
	return 0;
}

static int take_h264(struct camera *camera, struct camera_picture *ret_picture, struct error *err)
{
	const struct frame frame = frame_of(camera);
	struct au *au = NULL;
	uint32_t index;
	int r = encoder_submit(camera->encoder, &frame, false);

	if (r == 0)
		r = encoder_collect(camera->encoder, &au, err);
	if (r < 0)
		return error_set(err, r, "the encoder gives no picture: %s", strerror(-r));
	(void)encoder_reclaim(camera->encoder, &index);
	au_unref(camera->au);
	camera->au = au;
	ret_picture->data = au->data;
	ret_picture->size = au->size;
	return 0;
}

#ifdef WITH_TURBOJPEG
/* As USB cameras have it (USB Video Class, MJPEG payload): without Huffman tables. A comment in
 * place of the first makes it known again. */
static size_t make_usual(uint8_t *jpeg, size_t size)
{
	static const uint8_t comment[] = "\xFF\xFE\x00\x18nalcast's test camera.";
	size_t at = 2;
	bool is_known = false;

	while (at + 4 <= size && jpeg[at + 1] != 0xDA) {
		size_t length = 2 + ((size_t)jpeg[at + 2] << 8 | jpeg[at + 3]);
		if (jpeg[at + 1] != 0xC4) {
			at += length;
			continue;
		}
		size_t kept = is_known ? 0 : sizeof(comment) - 1;
		memcpy(jpeg + at, comment, kept); /* no table is smaller */
		memmove(jpeg + at + kept, jpeg + at + length, size - at - length);
		size -= length - kept;
		at += kept;
		is_known = true;
	}
	return size;
}
#endif

static int take_jpeg(struct camera *camera, struct camera_picture *ret_picture, struct error *err)
{
#ifdef WITH_TURBOJPEG
	const struct frame frame = frame_of(camera);
	const uint8_t *planes[] = {frame.plane[0].data, frame.plane[1].data, frame.plane[2].data};
	const int strides[] = {(int)frame.width, (int)frame.width / 2, (int)frame.width / 2};

	if (tjCompressFromYUVPlanes(camera->jpeg, planes, (int)frame.width, strides,
				    (int)frame.height, TJSAMP_420, &camera->jpeg_data,
				    &camera->jpeg_size, JPEG_QUALITY, 0) != 0)
		return error_set(err, -EIO, "%s", tjGetErrorStr2(camera->jpeg));
	ret_picture->data = camera->jpeg_data;
	ret_picture->size = make_usual(camera->jpeg_data, camera->jpeg_size);
	return 0;
#else
	(void)camera;
	(void)ret_picture;
	return error_set(err, -ENOTSUP, "no JPEG compressor");
#endif
}

static void draw(struct camera *camera, const struct uvc_controls *controls)
{
	const struct pattern_clock clock = {
		.time_ms = (uint32_t)(clock_wire_us(clock_now_us()) / 1000),
		.frame = camera->number & ((1u << PATTERN_FRAME_BITS) - 1),
	};

	if (controls->brightness != camera->brightness) {
		const struct pattern_look look = {
			.brightness = controls->brightness / BRIGHTNESS_FULL,
			.contrast = 1,
		};
		pattern_set_look(camera->pattern, &look);
		camera->brightness = controls->brightness;
	}
	pattern_draw(camera->pattern, &camera->canvas, &clock);
}

int camera_take(struct camera *camera, const struct uvc_controls *controls,
		struct camera_picture *ret_picture, struct error *err)
{
	struct camera_picture picture = {.number = camera->number};
	int r = -EINVAL;

	draw(camera, controls);
	switch (camera->mode.format) {
	case UVC_YUYV:
		r = take_packed(camera, &picture);
		break;
	case UVC_H264:
		r = take_h264(camera, &picture, err);
		break;
	case UVC_MJPEG:
		r = take_jpeg(camera, &picture, err);
		break;
	}
	if (r < 0)
		return r;
	camera->number++;
	*ret_picture = picture;
	return 0;
}
