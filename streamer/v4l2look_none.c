#include "streamer/v4l2look.h"

#include <errno.h>

unsigned v4l2look_encoders(struct v4l2look_encoder *ret_list, unsigned max, struct error *err)
{
	(void)ret_list;
	(void)max;
	error_set(err, -ENODEV, "this build has no V4L2");
	return 0;
}

void v4l2look_formats(const char *path, char *words, size_t words_size)
{
	(void)path;
	(void)words_size;
	words[0] = '\0';
}
