#include "streamer/v4l2look.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <linux/videodev2.h>

#include "streamer/m2mdev.h"
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

static void name_inputs(const struct m2mdev *dev, struct v4l2look_encoder *encoder)
{
	for (unsigned i = 0; i < FORMATS_MAX; i++) {
		struct v4l2_fmtdesc desc = {.index = i, .type = dev->input_type};
		if (v4l2dev_call(&dev->node, VIDIOC_ENUM_FMT, &desc) < 0)
			return;
		add_word(encoder->takes, sizeof(encoder->takes), desc.pixelformat);
	}
}

static bool look_at(unsigned number, struct v4l2look_encoder *encoder)
{
	struct m2mdev dev;

	*encoder = (struct v4l2look_encoder){.path = ""};
	snprintf(encoder->path, sizeof(encoder->path), "%.48s/video%u", v4l2_folder, number);
	if (m2mdev_open(&dev, encoder->path, V4L2_PIX_FMT_H264, NULL) < 0)
		return false;
	snprintf(encoder->card, sizeof(encoder->card), "%s", dev.node.card);
	name_inputs(&dev, encoder);
	m2mdev_close(&dev);
	return true;
}

unsigned v4l2look_encoders(struct v4l2look_encoder *ret_list, unsigned max, struct error *err)
{
	unsigned numbers[V4L2FIND_MAX];
	unsigned number_count = v4l2find_numbers(numbers, V4L2FIND_MAX);
	unsigned count = 0;
	struct m2mdev dev;

	for (unsigned i = 0; i < number_count && count < max; i++)
		count += look_at(numbers[i], &ret_list[count]);
	err->code = 0;
	if (count == 0 && m2mdev_open(&dev, "", V4L2_PIX_FMT_H264, err) == 0)
		m2mdev_close(&dev);
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
