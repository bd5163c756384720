/* A camera's JPEG, whatever it is: refused, or passed on as something that is passed on as it is
 * when it is looked at again. */
#include <stdlib.h>
#include <string.h>

#include "streamer/mjpeg.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "mjpeg";

#define WIDTH  64
#define HEIGHT 48

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1); /* of its own size: the sanitizer sees who reads on */
	struct mjpeg first, second;

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	int r = mjpeg_check(copy, size, WIDTH, HEIGHT, &first);
	if (r == 0) {
		uint8_t *out = malloc(mjpeg_bytes(&first));
		if (out == NULL || first.size > size)
			abort();
		mjpeg_write(&first, out);
		r = mjpeg_check(out, mjpeg_bytes(&first), WIDTH, HEIGHT, &second);
		if (r < 0 || second.tables_at != 0 || second.size != mjpeg_bytes(&first))
			abort();
		free(out);
	}
	free(copy);
	return 0;
}
