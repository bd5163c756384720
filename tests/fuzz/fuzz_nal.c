/* The walk against the plainest one there is; what is written again is found again. */
#include <stdlib.h>
#include <string.h>

#include "streamer/nal.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "nal";

static const uint8_t *find_plainly(const uint8_t *pos, const uint8_t *end)
{
	for (; end - pos >= 3; pos++)
		if (pos[0] == 0 && pos[1] == 0 && pos[2] == 1)
			return pos;
	return end;
}

static void check_find(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;

	for (const uint8_t *pos = data; pos < end; pos++) {
		pos = find_plainly(pos, end);
		if (pos == end)
			break;
		if (nal_find_prefix(pos, end) != pos)
			abort();
	}
	if (nal_find_prefix(data, end) != find_plainly(data, end))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *pos = data, *end = data + size;
	uint8_t *copy = malloc(2 * size + 1), *out = copy;
	uint32_t types = 0;
	struct nal nal, again;

	if (copy == NULL)
		return 0;
	check_find(data, size);
	while (nal_next(&pos, end, &nal)) {
		if (nal.size == 0 || nal.data < data || nal.data + nal.size > end ||
		    nal.data[nal.size - 1] == 0)
			abort();
		types |= 1u << nal.type;
		out = nal_write(out, nal.data, nal.size);
	}
	if (pos != end || nal_types(data, size) != types)
		abort();
	pos = data;
	const uint8_t *copy_pos = copy;
	while (nal_next(&pos, end, &nal))
		if (!nal_next(&copy_pos, out, &again) || again.size != nal.size ||
		    memcmp(again.data, nal.data, nal.size) != 0)
			abort();
	free(copy);
	return 0;
}
