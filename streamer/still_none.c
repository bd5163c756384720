/* What still.h promises, without libavcodec. */
#include "streamer/still.h"

#include <errno.h>

bool still_is_built(void)
{
	return false;
}

int still_decode(const uint8_t *h264, size_t size, struct still *ret_still, struct error *err)
{
	(void)h264;
	(void)size;
	(void)ret_still;
	return error_set(err, -ENOSYS, "this nalcastd was built without libavcodec");
}

void still_free(struct still *still)
{
	(void)still;
}
