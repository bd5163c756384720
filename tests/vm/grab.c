/* Takes pictures from a V4L2 camera as plainly as can be, and tells a line a picture:
 *   picture SEQUENCE BYTES ok|damaged NUMBER
 * with the number that the test picture's clock holds, or - where none can be read. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef WITH_TURBOJPEG
#include <turbojpeg.h>
#endif

#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/pattern.h"

#define BUFFERS 4
#define GONE_MS 300

enum status { /* that the program ends with */
	      GRAB_OK,
	      GRAB_FAILED,
	      GRAB_USAGE,
	      GRAB_GONE,    /* ENODEV: unplugged */
	      GRAB_TIMEOUT, /* no picture came */
	      GRAB_BUSY,    /* EBUSY: another program has it */
};

struct grab {
	int fd;
	const char *output_name; /* NULL: pictures are not kept */
	FILE *output;
	uint64_t wanted; /* pictures */
	uint32_t fourcc;
	unsigned width, height, fps, patience_s;
	void *memory[BUFFERS];
	size_t memory_size[BUFFERS];
	uint8_t *luma;
	const char *failed; /* the call that did */
};

static const char help[] =
	"Usage: grab [--output=FILE] [--fps=N] [--patience-s=N] [--pictures=N] DEVICE FOURCC WIDTH "
	"HEIGHT\n"
	"Ends with 3 when the camera is gone, 4 when no picture came for N (30) s, 5 when it is "
	"busy.\n";

static enum status status_of(const struct grab *grab)
{
	int error = errno;

	if (error == 0)
		return GRAB_OK;
	printf("failed %s: %s\n", grab->failed, strerror(error));
	if (error == ENODEV)
		return GRAB_GONE;
	if (error == ETIMEDOUT)
		return GRAB_TIMEOUT;
	return error == EBUSY ? GRAB_BUSY : GRAB_FAILED;
}

static bool call(struct grab *grab, unsigned long request, const char *name, void *argument)
{
	int r;

	do
		r = ioctl(grab->fd, request, argument);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return true;
	grab->failed = name;
	return false;
}
#define CALL(grab, request, argument) call(grab, request, #request, argument)

static bool set_format(struct grab *grab)
{
	struct v4l2_format format = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.fmt.pix = {.width = grab->width,
			    .height = grab->height,
			    .pixelformat = grab->fourcc},
	};
	struct v4l2_streamparm rate = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.parm.capture.timeperframe = {1, grab->fps},
	};

	if (!CALL(grab, VIDIOC_S_FMT, &format) || !CALL(grab, VIDIOC_S_PARM, &rate))
		return false;
	const struct v4l2_fract *granted = &rate.parm.capture.timeperframe;
	printf("format %.4s %ux%u %u bytes, %u/%u s\n", (const char *)&format.fmt.pix.pixelformat,
	       format.fmt.pix.width, format.fmt.pix.height, format.fmt.pix.sizeimage,
	       granted->numerator, granted->denominator);
	grab->width = format.fmt.pix.width;
	grab->height = format.fmt.pix.height;
	grab->luma = malloc((size_t)grab->width * grab->height);
	return grab->luma != NULL;
}

static bool map_buffer(struct grab *grab, unsigned index)
{
	struct v4l2_buffer buffer = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_MMAP,
		.index = index,
	};

	if (!CALL(grab, VIDIOC_QUERYBUF, &buffer))
		return false;
	void *memory = mmap(NULL, buffer.length, PROT_READ, MAP_SHARED, grab->fd, buffer.m.offset);
	if (memory == MAP_FAILED) {
		grab->failed = "mmap";
		return false;
	}
	grab->memory[index] = memory;
	grab->memory_size[index] = buffer.length;
	return CALL(grab, VIDIOC_QBUF, &buffer);
}

static bool stream_on(struct grab *grab)
{
	struct v4l2_requestbuffers request = {
		.count = BUFFERS,
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_MMAP,
	};
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

	if (!CALL(grab, VIDIOC_REQBUFS, &request))
		return false;
	for (unsigned i = 0; i < request.count && i < BUFFERS; i++)
		if (!map_buffer(grab, i))
			return false;
	return CALL(grab, VIDIOC_STREAMON, &type);
}

static void stream_off(struct grab *grab)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

	/* After an unplug it fails with ENODEV; close() is enough then. */
	(void)ioctl(grab->fd, VIDIOC_STREAMOFF, &type);
	for (unsigned i = 0; i < BUFFERS; i++)
		if (grab->memory[i] != NULL)
			munmap(grab->memory[i], grab->memory_size[i]);
}

static bool wait_for_picture(struct grab *grab)
{
	struct pollfd fd = {grab->fd, POLLIN, 0};
	int r;

	do
		r = poll(&fd, 1, (int)grab->patience_s * 1000);
	while (r < 0 && errno == EINTR);
	if (r != 0)
		return r > 0;
	errno = ETIMEDOUT;
	grab->failed = "poll";
	return false;
}

static bool luma_of_jpeg(const struct grab *grab, const uint8_t *data, size_t size)
{
#ifdef WITH_TURBOJPEG
	tjhandle jpeg = tjInitDecompress();
	if (jpeg == NULL)
		return false;
	/* Damage that it can conceal is a failure, too. */
	bool done = tjDecompress2(jpeg, data, (unsigned long)size, grab->luma, (int)grab->width, 0,
				  (int)grab->height, TJPF_GRAY, TJFLAG_STOPONWARNING) == 0;
	tjDestroy(jpeg);
	return done;
#else
	(void)grab;
	(void)data;
	(void)size;
	return false;
#endif
}

static bool luma_of(const struct grab *grab, const uint8_t *data, size_t size)
{
	size_t pixels = (size_t)grab->width * grab->height;

	if (grab->fourcc == V4L2_PIX_FMT_MJPEG)
		return luma_of_jpeg(grab, data, size);
	if (grab->fourcc != V4L2_PIX_FMT_YUYV || size != pixels * 2)
		return false;
	for (size_t i = 0; i < pixels; i++)
		grab->luma[i] = data[2 * i];
	return true;
}

static void tell_picture(const struct grab *grab, const struct v4l2_buffer *buffer)
{
	const uint8_t *data = grab->memory[buffer->index];
	struct pattern_clock clock;

	printf("picture %u %u %s ", buffer->sequence, buffer->bytesused,
	       (buffer->flags & V4L2_BUF_FLAG_ERROR) != 0 ? "damaged" : "ok");
	if (luma_of(grab, data, buffer->bytesused) &&
	    pattern_read_clock(grab->luma, grab->width, grab->width, grab->height, &clock))
		printf("%u\n", clock.frame);
	else
		printf("-\n");
	if (grab->output != NULL)
		fwrite(data, 1, buffer->bytesused, grab->output);
}

static bool take_picture(struct grab *grab)
{
	struct v4l2_buffer buffer = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_MMAP,
	};

	if (!wait_for_picture(grab) || !CALL(grab, VIDIOC_DQBUF, &buffer))
		return false;
	tell_picture(grab, &buffer);
	return CALL(grab, VIDIOC_QBUF, &buffer);
}

static enum status run(struct grab *grab)
{
	errno = 0;
	if (!set_format(grab) || !stream_on(grab))
		return status_of(grab);
	int64_t begin_us = clock_now_us();
	uint64_t taken = 0;
	while (taken < grab->wanted && take_picture(grab))
		taken++;
	int error = taken < grab->wanted ? errno : 0;
	printf("%llu pictures in %lld ms\n", (unsigned long long)taken,
	       (long long)(clock_now_us() - begin_us) / 1000);
	errno = error;
	return status_of(grab);
}

static bool parse_options(struct grab *grab, int argc, char **argv)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"fps", required_argument, NULL, 'f'},
		{"patience-s", required_argument, NULL, 'p'},
		{"pictures", required_argument, NULL, 'n'},
		{0},
	};
	uint64_t number;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o') {
			grab->output_name = optarg;
			continue;
		}
		if (option == '?' || parse_unsigned(optarg, 1, 1000000, &number) < 0)
			return false;
		if (option == 'f')
			grab->fps = (unsigned)number;
		else if (option == 'p')
			grab->patience_s = (unsigned)number;
		else
			grab->wanted = number;
	}
	return argc - optind == 4;
}

static bool parse_format(struct grab *grab, char *const *words)
{
	uint64_t width, height;

	if (strlen(words[0]) != 4 || parse_unsigned(words[1], 1, 8192, &width) < 0 ||
	    parse_unsigned(words[2], 1, 8192, &height) < 0)
		return false;
	grab->fourcc = v4l2_fourcc((uint32_t)words[0][0], (uint32_t)words[0][1],
				   (uint32_t)words[0][2], (uint32_t)words[0][3]);
	grab->width = (unsigned)width;
	grab->height = (unsigned)height;
	return true;
}

static enum status open_and_run(struct grab *grab, const char *device)
{
	grab->failed = "open";
	grab->fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (grab->fd < 0)
		return status_of(grab);
	if (grab->output_name != NULL)
		grab->output = fopen(grab->output_name, "we");
	enum status status = run(grab);
	/* close() must not meet the driver's own end: both would unregister the media entity
	 * (media_device_unregister_entity() of Linux 6.1: seen in tests/vm, a NULL pointer). */
	if (status == GRAB_GONE)
		(void)poll(NULL, 0, GONE_MS);
	stream_off(grab);
	if (grab->output != NULL && fclose(grab->output) != 0)
		status = GRAB_FAILED;
	free(grab->luma);
	close_fd(&grab->fd);
	return status;
}

int main(int argc, char **argv)
{
	struct grab grab = {.fd = -1, .wanted = 10, .fps = 15, .patience_s = 30};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!parse_options(&grab, argc, argv) || !parse_format(&grab, argv + optind + 1)) {
		fputs(help, stderr);
		return GRAB_USAGE;
	}
	return open_and_run(&grab, argv[optind]);
}
