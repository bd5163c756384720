/* h264_file: a whole file in memory, and a file's access units in one piece, for comparing. */
#ifndef TESTS_UNIT_H264_FILE_H
#define TESTS_UNIT_H264_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "streamer/splitter.h"
#include "tests/unit/chunks.h"
#include "tests/unit/unit.h"

struct h264_file {
	uint8_t *bytes;
	size_t size;
};

/* bytes stays NULL if it cannot be read. */
static inline struct h264_file h264_file_read(const char *dir, const char *name)
{
	struct h264_file file = {.bytes = NULL};
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return file;
	fseek(f, 0, SEEK_END);
	long size = ftell(f);
	rewind(f);
	file.bytes = malloc((size_t)size + 1);
	assert_non_null(file.bytes);
	file.size = fread(file.bytes, 1, (size_t)size, f);
	fclose(f);
	return file;
}

struct h264_units { /* each as flags (1 byte), size (4), bytes */
	uint8_t *bytes;
	size_t size, capacity;
	unsigned count, idrs;
};

static inline void h264_units_add(struct h264_units *u, const struct au *au)
{
	if (u->size + 5 + au->size > u->capacity) {
		u->capacity = 2 * (u->size + 5 + au->size);
		u->bytes = realloc(u->bytes, u->capacity);
		assert_non_null(u->bytes);
	}
	u->bytes[u->size] = (uint8_t)au->flags;
	memcpy(u->bytes + u->size + 1, &(uint32_t){(uint32_t)au->size}, 4);
	memcpy(u->bytes + u->size + 5, au->data, au->size);
	u->size += 5 + au->size;
	u->count++;
	u->idrs += (au->flags & AU_IDR) != 0;
}

static inline struct h264_units h264_units_of(const struct h264_file *file, struct chunks *c)
{
	struct splitter *s = splitter_new();
	struct h264_units units = {.bytes = NULL};
	struct au *au;

	assert_non_null(s);
	for (size_t n; (n = chunks_next(c)) > 0; c->pos += n) {
		assert_int_equal(splitter_feed(s, file->bytes + c->pos, n), 0);
		for (; splitter_collect(s, &au) == 0; au_unref(au))
			h264_units_add(&units, au);
	}
	assert_int_equal(splitter_flush(s), 0);
	for (; splitter_collect(s, &au) == 0; au_unref(au))
		h264_units_add(&units, au);
	splitter_free(s);
	return units;
}

struct h264_cut {
	struct h264_file file;
	struct h264_units whole;
};

static inline void h264_check_cut(void *ctx, struct chunks *c)
{
	struct h264_cut *cut = ctx;
	struct h264_units units = h264_units_of(&cut->file, c);

	assert_int_equal(units.size, cut->whole.size);
	assert_memory_equal(units.bytes, cut->whole.bytes, units.size);
	free(units.bytes);
}

/* Cut in every way of chunks_try(), the file gives the same access units. */
static inline void h264_assert_cutting_changes_nothing(struct h264_file file, int every_split)
{
	struct h264_cut cut = {.file = file};

	cut.whole = h264_units_of(&file, &(struct chunks){.size = file.size});
	chunks_try(file.size, every_split, &cut, h264_check_cut);
	free(cut.whole.bytes);
}

#endif
