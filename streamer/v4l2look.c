#include "streamer/v4l2look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <linux/videodev2.h>

#include "streamer/v4l2caps.h"
#include "streamer/v4l2dev.h"
#include "streamer/v4l2find.h"

#define FORMATS_MAX 64 /* of a queue; some drivers never end */

static void add_word(char *words, size_t words_size, uint32_t fourcc)
{
	const char letters[] = {(char)fourcc, (char)(fourcc >> 8), (char)(fourcc >> 16),
				(char)(fourcc >> 24 & 0x7f), '\0'};
	size_t used = strlen(words);

	if (strstr(words, letters) == NULL)
		snprintf(words + used, words_size - used, "%s%s", used > 0 ? " " : "", letters);
}

static bool next_format(const struct v4l2dev *dev, uint32_t type, unsigned index,
			uint32_t *ret_fourcc)
{
	struct v4l2_fmtdesc desc = {.index = index, .type = type};

	if (v4l2dev_call(dev, VIDIOC_ENUM_FMT, &desc) < 0)
		return false;
	*ret_fourcc = desc.pixelformat;
	return true;
}

static bool gives_h264(const struct v4l2dev *dev, uint32_t type)
{
	uint32_t fourcc;

	for (unsigned i = 0; i < FORMATS_MAX && next_format(dev, type, i, &fourcc); i++)
		if (fourcc == V4L2_PIX_FMT_H264)
			return true;
	return false;
}

static bool is_encoder(const struct v4l2dev *dev, struct v4l2look_encoder *encoder)
{
	struct v4l2_capability cap = {0};
	uint32_t fourcc;

	if (v4l2dev_call(dev, VIDIOC_QUERYCAP, &cap) < 0)
		return false;
	uint32_t caps =
		(cap.capabilities & V4L2_CAP_DEVICE_CAPS) != 0 ? cap.device_caps : cap.capabilities;
	bool planar = (caps & V4L2_CAP_VIDEO_M2M_MPLANE) != 0;
	if (!planar && (caps & V4L2_CAP_VIDEO_M2M) == 0)
		return false;
	if (!gives_h264(dev,
			planar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE))
		return false;
	uint32_t in = planar ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
	for (unsigned i = 0; i < FORMATS_MAX && next_format(dev, in, i, &fourcc); i++)
		add_word(encoder->takes, sizeof(encoder->takes), fourcc);
	snprintf(encoder->card, sizeof(encoder->card), "%.31s", (const char *)cap.card);
	return true;
}

static bool look_at(unsigned number, struct v4l2look_encoder *encoder)
{
	struct v4l2dev dev = {.fd = -1};

	*encoder = (struct v4l2look_encoder){.path = ""};
	snprintf(encoder->path, sizeof(encoder->path), "%.48s/video%u", v4l2_folder, number);
	dev.fd = v4l2_calls->open(encoder->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (dev.fd < 0)
		return false;
	bool found = is_encoder(&dev, encoder);
	v4l2dev_close(&dev);
	return found;
}

unsigned v4l2look_encoders(struct v4l2look_encoder *ret_list, unsigned max)
{
	unsigned numbers[V4L2FIND_MAX];
	unsigned number_count = v4l2find_numbers(numbers, V4L2FIND_MAX);
	unsigned count = 0;

	for (unsigned i = 0; i < number_count && count < max; i++)
		count += look_at(numbers[i], &ret_list[count]);
	return count;
}

void v4l2look_formats(const char *path, char *words, size_t words_size)
{
	struct v4l2caps caps;
	struct v4l2dev dev;

	words[0] = '\0';
	if (v4l2dev_open(&dev, path, NULL) < 0)
		return;
	v4l2caps_read(&dev, &caps);
	for (unsigned i = 0; i < caps.count; i++)
		add_word(words, words_size, caps.modes[i].fourcc);
	v4l2dev_close(&dev);
}
