/* What jpeg.h promises, without libturbojpeg. */
#include "streamer/jpeg.h"

#include <errno.h>

bool jpeg_is_built(void)
{
	return false;
}

struct jpeg_encoder *jpeg_encoder_new(void)
{
	return NULL;
}

void jpeg_encoder_free(struct jpeg_encoder *encoder)
{
	(void)encoder;
}

size_t jpeg_bytes_max(unsigned width, unsigned height)
{
	(void)width;
	(void)height;
	return 0;
}

int jpeg_encode(struct jpeg_encoder *encoder, const uint8_t *i420, unsigned width, unsigned height,
		unsigned quality, uint8_t *out, size_t *ret_size, struct error *err)
{
	(void)encoder;
	(void)i420;
	(void)width;
	(void)height;
	(void)quality;
	(void)out;
	(void)ret_size;
	return error_set(err, -ENOSYS, "this nalcastd was built without libturbojpeg");
}
