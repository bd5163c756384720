/* splitter_show: what the splitter makes of a small stream, as text. */
#ifndef TESTS_UNIT_SPLITTER_SHOW_H
#define TESTS_UNIT_SPLITTER_SHOW_H

#include <stdio.h>
#include <string.h>

#include "streamer/nal.h"
#include "streamer/splitter.h"
#include "tests/unit/h264_write.h"
#include "tests/unit/unit.h"

#define NAL_FILLER_HEADER 0x0c
#define AUD_HEADER        0x09
#define SEI_HEADER        0x06

static const struct h264_sps sps0 = {.poc_type = 2, .refs = 1};
static const struct h264_pps pps0 = {.id = 0};

/* Access units as text: "I7,8,5 " for an IDR, "P1,1 " for another, with ! for a discontinuity. */
struct shown {
	char text[8192];
	size_t len;
};

static inline void show_text(struct shown *out, const char *text)
{
	size_t len = strlen(text);

	assert_true(out->len + len < sizeof(out->text));
	memcpy(out->text + out->len, text, len + 1);
	out->len += len;
}

static inline void show_au(struct shown *out, const struct au *au)
{
	const uint8_t *pos = au->data, *end = au->data + au->size;
	size_t size = 0;
	struct nal nal;
	char word[16];

	show_text(out, (au->flags & AU_IDR) != 0 ? "I" : "P");
	if ((au->flags & AU_DISCONTINUITY) != 0)
		show_text(out, "!");
	for (bool first = true; nal_next(&pos, end, &nal); first = false) {
		snprintf(word, sizeof(word), "%s%u", first ? "" : ",", nal.type);
		show_text(out, word);
		assert_memory_equal(nal.data - NAL_START_CODE_BYTES, "\0\0\0\1", 4);
		size += NAL_START_CODE_BYTES + nal.size;
	}
	show_text(out, " ");
	assert_int_equal(size, au->size);
}

static inline void collect_all(struct splitter *s, struct shown *out)
{
	struct au *au;

	while (splitter_collect(s, &au) == 0) {
		show_au(out, au);
		assert_int_equal(au->format.width, splitter_sps(s)->width);
		au_unref(au);
	}
}

static inline void assert_splits(const struct h264_stream *stream, const char *expected)
{
	struct splitter *s = splitter_new();
	struct shown out = {.len = 0};

	assert_int_equal(splitter_feed(s, stream->bytes, stream->size), 0);
	assert_int_equal(splitter_flush(s), 0);
	collect_all(s, &out);
	assert_string_equal(out.text, expected);
	splitter_free(s);
}

static inline void put_sets(struct h264_stream *s)
{
	h264_sps(s, &sps0);
	h264_pps(s, &pps0);
}

static inline void put_idr(struct h264_stream *s)
{
	h264_slice(s, &sps0, &pps0, &(struct h264_slice){.idr = true, .data_bytes = 5});
}

static inline void put_p(struct h264_stream *s, unsigned frame_num)
{
	h264_slice(s, &sps0, &pps0, &(struct h264_slice){.frame_num = frame_num, .data_bytes = 5});
}

#endif
