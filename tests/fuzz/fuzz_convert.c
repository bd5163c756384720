/* A camera's JPEG, whatever it is: decoded or refused, with nothing written outside the picture;
 * and the next good one is decoded. */
#include <stdlib.h>
#include <string.h>

#include "streamer/convert.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "convert";

#define WIDTH  64
#define HEIGHT 48

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *pixels = malloc(convert_bytes(WIDTH, HEIGHT)), *copy = malloc(size + 1);
	struct convert *convert = convert_new(FRAME_MJPEG, WIDTH, HEIGHT, false);
	struct frame frame = {
		.fourcc = FRAME_MJPEG,
		.width = WIDTH,
		.height = HEIGHT,
		.plane_count = 1,
		.plane = {{.data = copy, .size = size, .dmabuf_fd = -1}},
	};
	struct convert_picture picture;

	if (pixels == NULL || copy == NULL || convert == NULL)
		abort();
	/* Decoders begin with what the allocator gave: it must not show. */
	memset(pixels, 0, convert_bytes(WIDTH, HEIGHT));
	memcpy(copy, data, size);
	convert_lay_out(pixels, WIDTH, HEIGHT, &picture);
	int first = convert_to_i420(convert, &frame, &picture);
	int second = convert_to_i420(convert, &frame, &picture);
	if (first != second || (first == 0 && pixels[0] < 16))
		abort();
	convert_free(convert);
	free(copy);
	free(pixels);
	return 0;
}
