/* Has a V4L2 stateful encoder (multi-planar) encode a camera's pictures out of the camera's own
 * buffers, as plainly as can be: what nalcastd can do with them is held against this.
 * "Memory-to-Memory Stateful Video Encoder Interface" of the kernel's documentation. */
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/util.h"

#define BUFFERS     4
#define CODED_BYTES (512 << 10)
#define PATIENCE_MS 30000

#define CAMERA V4L2_BUF_TYPE_VIDEO_CAPTURE
#define INPUT  V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE
#define CODED  V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE

struct lend {
	int camera, encoder;
	unsigned width, height, picture_bytes;
	unsigned wanted, lent, coded;
	unsigned long long coded_bytes;
	int dmabuf[BUFFERS]; /* of the camera's */
};

static bool call(int fd, unsigned long request, const char *name, void *argument)
{
	if (ioctl(fd, request, argument) == 0)
		return true;
	if (errno != EAGAIN)
		printf("failed %s: %s\n", name, strerror(errno));
	return false;
}
#define CALL(fd, request, argument) call(fd, request, #request, argument)

static bool set_camera(struct lend *lend)
{
	struct v4l2_format format = {
		.type = CAMERA,
		.fmt.pix = {.width = lend->width,
			    .height = lend->height,
			    .pixelformat = V4L2_PIX_FMT_YUV420},
	};
	struct v4l2_streamparm rate = {.type = CAMERA, .parm.capture.timeperframe = {1, 25}};

	if (!CALL(lend->camera, VIDIOC_S_FMT, &format) || !CALL(lend->camera, VIDIOC_S_PARM, &rate))
		return false;
	lend->picture_bytes = format.fmt.pix.sizeimage;
	return true;
}

/* vicodec's own FWHT in place of H.264, which no driver makes in software. */
static bool set_encoder(const struct lend *lend)
{
	struct v4l2_format coded = {.type = CODED};
	struct v4l2_format input = {.type = INPUT};

	coded.fmt.pix_mp.pixelformat = V4L2_PIX_FMT_FWHT;
	coded.fmt.pix_mp.plane_fmt[0].sizeimage = CODED_BYTES;
	input.fmt.pix_mp.pixelformat = V4L2_PIX_FMT_YUV420;
	coded.fmt.pix_mp.width = input.fmt.pix_mp.width = lend->width;
	coded.fmt.pix_mp.height = input.fmt.pix_mp.height = lend->height;
	coded.fmt.pix_mp.num_planes = input.fmt.pix_mp.num_planes = 1;
	if (!CALL(lend->encoder, VIDIOC_S_FMT, &coded) ||
	    !CALL(lend->encoder, VIDIOC_S_FMT, &input))
		return false;
	/* Of some sizes the encoder has more rows. */
	unsigned bytes = input.fmt.pix_mp.plane_fmt[0].sizeimage;
	if (bytes > lend->picture_bytes)
		printf("failed: the encoder wants %u bytes, not %u\n", bytes, lend->picture_bytes);
	return bytes <= lend->picture_bytes;
}

static bool request(int fd, uint32_t type, uint32_t memory)
{
	struct v4l2_requestbuffers request = {.count = BUFFERS, .type = type, .memory = memory};

	return CALL(fd, VIDIOC_REQBUFS, &request) && request.count == BUFFERS;
}

static bool give_camera(const struct lend *lend, unsigned index)
{
	struct v4l2_buffer buffer = {.type = CAMERA, .memory = V4L2_MEMORY_MMAP, .index = index};

	return CALL(lend->camera, VIDIOC_QBUF, &buffer);
}

static bool give_coded(const struct lend *lend, unsigned index)
{
	struct v4l2_plane plane = {0};
	struct v4l2_buffer buffer = {
		.type = CODED,
		.memory = V4L2_MEMORY_MMAP,
		.index = index,
		.m.planes = &plane,
		.length = 1,
	};

	return CALL(lend->encoder, VIDIOC_QBUF, &buffer);
}

static bool export_picture(struct lend *lend, unsigned index)
{
	struct v4l2_exportbuffer export = {.type = CAMERA, .index = index, .flags = O_CLOEXEC};

	if (!CALL(lend->camera, VIDIOC_EXPBUF, &export))
		return false;
	lend->dmabuf[index] = export.fd;
	return true;
}

static bool start(struct lend *lend)
{
	int camera = CAMERA, input = INPUT, coded = CODED;

	if (!request(lend->camera, CAMERA, V4L2_MEMORY_MMAP) ||
	    !request(lend->encoder, INPUT, V4L2_MEMORY_DMABUF) ||
	    !request(lend->encoder, CODED, V4L2_MEMORY_MMAP))
		return false;
	for (unsigned i = 0; i < BUFFERS; i++)
		if (!export_picture(lend, i) || !give_camera(lend, i) || !give_coded(lend, i))
			return false;
	return CALL(lend->camera, VIDIOC_STREAMON, &camera) &&
	       CALL(lend->encoder, VIDIOC_STREAMON, &input) &&
	       CALL(lend->encoder, VIDIOC_STREAMON, &coded);
}

/* From the camera to the encoder. EAGAIN: it has none. */
static bool lend_picture(struct lend *lend)
{
	struct v4l2_buffer taken = {.type = CAMERA, .memory = V4L2_MEMORY_MMAP};

	if (!CALL(lend->camera, VIDIOC_DQBUF, &taken))
		return false;
	struct v4l2_plane plane = {
		.bytesused = taken.bytesused,
		.length = lend->picture_bytes,
		.m.fd = lend->dmabuf[taken.index],
	};
	struct v4l2_buffer lent = {
		.type = INPUT,
		.memory = V4L2_MEMORY_DMABUF,
		.index = taken.index,
		.timestamp = taken.timestamp,
		.m.planes = &plane,
		.length = 1,
	};
	lend->lent++;
	return CALL(lend->encoder, VIDIOC_QBUF, &lent);
}

static bool give_back_picture(const struct lend *lend)
{
	struct v4l2_plane plane = {0};
	struct v4l2_buffer buffer = {
		.type = INPUT,
		.memory = V4L2_MEMORY_DMABUF,
		.m.planes = &plane,
		.length = 1,
	};

	return CALL(lend->encoder, VIDIOC_DQBUF, &buffer) && give_camera(lend, buffer.index);
}

static bool take_coded(struct lend *lend)
{
	struct v4l2_plane plane = {0};
	struct v4l2_buffer buffer = {
		.type = CODED,
		.memory = V4L2_MEMORY_MMAP,
		.m.planes = &plane,
		.length = 1,
	};

	if (!CALL(lend->encoder, VIDIOC_DQBUF, &buffer))
		return false;
	lend->coded += plane.bytesused > 0;
	lend->coded_bytes += plane.bytesused;
	return give_coded(lend, buffer.index);
}

static bool go_on(struct lend *lend)
{
	struct pollfd fds[] = {
		{lend->lent < lend->wanted ? lend->camera : -1, POLLIN, 0},
		{lend->encoder, POLLIN | POLLOUT, 0},
	};

	if (poll(fds, ARRAY_SIZE(fds), PATIENCE_MS) <= 0) {
		printf("failed: nothing came\n");
		return false;
	}
	/* Each until there is nothing to be done. */
	while (give_back_picture(lend))
		continue;
	if (errno != EAGAIN)
		return false;
	while (take_coded(lend))
		continue;
	if (errno != EAGAIN)
		return false;
	return fds[0].revents == 0 || lend_picture(lend) || errno == EAGAIN;
}

static int run(struct lend *lend)
{
	if (!set_camera(lend) || !set_encoder(lend) || !start(lend))
		return 1;
	while (lend->coded < lend->wanted) {
		if (!go_on(lend))
			return 1;
	}
	printf("%u pictures, %llu bytes, no copy\n", lend->coded, lend->coded_bytes);
	return 0;
}

int main(int argc, char **argv)
{
	struct lend lend = {0};
	uint64_t width, height, pictures;

	if (argc != 6 || parse_unsigned(argv[3], 2, 8192, &width) < 0 ||
	    parse_unsigned(argv[4], 2, 8192, &height) < 0 ||
	    parse_unsigned(argv[5], 1, 100000, &pictures) < 0) {
		fputs("Usage: lend ENCODER CAMERA WIDTH HEIGHT PICTURES\n", stderr);
		return 2;
	}
	lend.width = (unsigned)width;
	lend.height = (unsigned)height;
	lend.wanted = (unsigned)pictures;
	lend.encoder = open(argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	lend.camera = open(argv[2], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (lend.encoder < 0 || lend.camera < 0) {
		printf("failed open: %s\n", strerror(errno));
		return 1;
	}
	return run(&lend);
}
