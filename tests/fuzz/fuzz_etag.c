/* A header's list of tags: whatever comes before it, a tag of ours at the end of a list that can
 * be read is found; and a list is read alike every time. */
#include <stdlib.h>
#include <string.h>

#include "common/etag.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "etag";

#define TAG "\"0123456789abcdef0123456789abcdef\""

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *header = malloc(size + sizeof(TAG) + 2);

	memcpy(header, data, size);
	header[size] = '\0';
	bool found = etag_matches(header, TAG);
	if (found && strchr(header, '*') == NULL && strstr(header, TAG) == NULL)
		abort();
	/* One more tag takes nothing away, but from the star that must stand alone. */
	size_t len = strlen(header);
	memcpy(header + len, "," TAG, sizeof("," TAG));
	if (found && strstr(header, TAG) < header + len && !etag_matches(header, TAG))
		abort();
	free(header);
	return 0;
}
