/* Whatever a query says, a request that is granted is within its limits, one that is refused has
 * words. */
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "streamer/photo.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "photo";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request req = {.method = "GET", .path = "/snapshot.jpg"};
	struct photo_request request;
	char why[PHOTO_WHY_MAX] = "";

	memcpy(req.query, data, min_size(size, sizeof(req.query) - 1));
	for (int i = 0; i < 2; i++) {
		int status = photo_read(&req, &request, why);
		if (status == 200 && (request.quality > 100 || request.max_age_us < 0 ||
				      request.max_age_us > PHOTO_AGE_MAX_MS * INT64_C(1000)))
			abort();
		if (status != 0 && status != 200 && why[0] == '\0')
			abort();
		req.path[1] = '\0'; /* an alias, perhaps */
	}
	return 0;
}
