/* What our scanner passes over, jansson reads, but for numbers that it has no room for. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/jsonscan.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "jsonscan";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_error_t where;
	char *text = malloc(size + (size == 0));

	memcpy(text, data, size);
	const char *end = jsonscan(text, text + size);
	if (end != NULL && (end <= text || end > text + size))
		abort();
	if (end != NULL) {
		json_t *json = json_loadb(text, (size_t)(end - text), JSON_DECODE_ANY, &where);
		if (json == NULL && json_error_code(&where) != json_error_numeric_overflow)
			abort();
		json_decref(json);
	}
	free(text);
	return 0;
}
