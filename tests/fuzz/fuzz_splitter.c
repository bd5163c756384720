/* Whole and in pieces give the same access units, and those are in nalcast's shape. */
#include <stdlib.h>
#include <string.h>

#include "streamer/nal.h"
#include "streamer/splitter.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "splitter";

static void check_types(const struct au *au)
{
	const uint32_t dropped = 1u << NAL_AUD | 1u << NAL_FILLER | 1u << NAL_END_OF_SEQUENCE |
				 1u << NAL_END_OF_STREAM;
	const uint32_t slices = 1u << NAL_SLICE | 1u << NAL_SLICE_PARTITION_A | 1u << NAL_SLICE_IDR;
	uint32_t types = nal_types(au->data, au->size);

	if ((types & dropped) != 0 || (types & slices) == 0)
		abort();
	if (((types & 1u << NAL_SLICE_IDR) != 0) != ((au->flags & AU_IDR) != 0))
		abort();
	if ((au->flags & AU_DISCONTINUITY) != 0 && (au->flags & AU_IDR) == 0)
		abort();
}

static void check_au(const struct au *au)
{
	const uint8_t *pos = au->data, *end = au->data + au->size;
	unsigned order = 0;
	size_t size = 0;
	struct nal nal;

	check_types(au);
	for (; nal_next(&pos, end, &nal); size += NAL_START_CODE_BYTES + nal.size, order++) {
		if (nal.data - NAL_START_CODE_BYTES < au->data ||
		    memcmp(nal.data - NAL_START_CODE_BYTES, "\0\0\0\1", 4) != 0)
			abort();
		if ((au->flags & AU_IDR) != 0 &&
		    ((order == 0 && nal.type != NAL_SPS) || (order == 1 && nal.type != NAL_PPS)))
			abort();
	}
	if (size != au->size || au->format.width == 0 || au->format.codec[0] == '\0')
		abort();
	if (au->format.broadway && au->format.decoder_delay_frames > 0)
		abort();
}

static struct au *next(struct splitter *s)
{
	struct au *au;

	return splitter_collect(s, &au) == 0 ? au : NULL;
}

static bool is_same(const struct au *a, const struct au *b)
{
	return a->flags == b->flags && a->size == b->size &&
	       memcmp(a->data, b->data, a->size) == 0 &&
	       memcmp(&a->format, &b->format, sizeof(a->format)) == 0;
}

static void compare(struct splitter *whole, struct splitter *pieces)
{
	struct splitter_stats a, b;
	struct au *au, *other;

	while ((au = next(whole)) != NULL) {
		check_au(au);
		other = next(pieces);
		if (other == NULL || !is_same(au, other))
			abort();
		au_unref(au);
		au_unref(other);
	}
	if (next(pieces) != NULL)
		abort();
	splitter_get_stats(whole, &a);
	splitter_get_stats(pieces, &b);
	if (memcmp(&a, &b, sizeof(a)) != 0)
		abort();
}

/* A feed that stutters gives other access units, but none in another shape. */
static void stutter(const uint8_t *data, size_t size, size_t most)
{
	struct splitter *s = splitter_new();
	struct au *au;

	for (size_t pos = 0; s != NULL && pos < size; pos += most) {
		splitter_feed(s, data + pos, size - pos < most ? size - pos : most);
		splitter_pause(s);
		while ((au = next(s)) != NULL) {
			check_au(au);
			au_unref(au);
		}
	}
	splitter_free(s);
}

/* The first byte is the size of the pieces less one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct splitter *whole = splitter_new(), *pieces = splitter_new();

	if (whole != NULL && pieces != NULL && size > 1) {
		size_t most = 1 + (size_t)data[0];
		splitter_feed(whole, data + 1, size - 1);
		for (size_t pos = 1; pos < size; pos += most)
			splitter_feed(pieces, data + pos, size - pos < most ? size - pos : most);
		splitter_flush(whole);
		splitter_flush(pieces);
		compare(whole, pieces);
		stutter(data + 1, size - 1, most);
	}
	splitter_free(whole);
	splitter_free(pieces);
	return 0;
}
