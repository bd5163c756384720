#include "streamer/v4l2look.h"

unsigned v4l2look_encoders(struct v4l2look_encoder *ret_list, unsigned max)
{
	(void)ret_list;
	(void)max;
	return 0;
}

void v4l2look_formats(const char *path, char *words, size_t words_size)
{
	(void)path;
	(void)words_size;
	words[0] = '\0';
}
