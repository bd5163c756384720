#include "streamer/jpeg.h"

#include <errno.h>
#include <turbojpeg.h>

bool jpeg_is_built(void)
{
	return true;
}

struct jpeg_encoder *jpeg_encoder_new(void)
{
	return tjInitCompress();
}

void jpeg_encoder_free(struct jpeg_encoder *encoder)
{
	if (encoder != NULL)
		tjDestroy(encoder);
}

size_t jpeg_bytes_max(unsigned width, unsigned height)
{
	return tjBufSize((int)width, (int)height, TJSAMP_420);
}

int jpeg_encode(struct jpeg_encoder *encoder, const uint8_t *i420, unsigned width, unsigned height,
		unsigned quality, uint8_t *out, size_t *ret_size, struct error *err)
{
	size_t luma_size = (size_t)width * height;
	const uint8_t *planes[] = {i420, i420 + luma_size, i420 + luma_size + luma_size / 4};
	const int strides[] = {(int)width, (int)width / 2, (int)width / 2};
	unsigned long size = jpeg_bytes_max(width, height);

	int r = tjCompressFromYUVPlanes(encoder, planes, (int)width, strides, (int)height,
					TJSAMP_420, &out, &size, (int)quality, TJFLAG_NOREALLOC);
	if (r < 0)
		return error_set(err, -EINVAL, "libturbojpeg: %s", tjGetErrorStr2(encoder));
	*ret_size = size;
	return 0;
}
