/* How fast streams are split into access units, and NAL units found in them, beside memchr() over
 * the same bytes. Usage: bench_split JSON [FOLDER OF SAMPLES]
 *
 * What is compared is measured in turns, so that a machine that slows down slows all of it; the
 * median of the rounds is told. Numbers are for people: nothing is asserted. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/util.h"
#include "streamer/bits.h"
#include "streamer/nal.h"
#include "streamer/splitter.h"

#define INPUT_MIN_BYTES  (64u << 20)
#define CHUNK_BYTES      (64u << 10) /* as the sources read */
#define ROUNDS           7
#define GOP_FRAMES       15
#define PICTURE_BYTES    208000   /* 50 Mbit/s at 30 fps */
#define STREAM_BYTES_S   6250000  /* 50 Mbit/s */
#define SAMPLE_MAX_BYTES 16777216 /* of one file */
#define SLICE_MAX        (2 * PICTURE_BYTES)

struct input {
	const char *name;
	uint8_t *bytes;
	size_t size, capacity;
};

enum measure { MEMCHR, SEARCH, SPLIT, MEASURES };

static const char *const measure_names[MEASURES] = {"memchr", "search", "split"};

struct result { /* medians */
	double bytes_per_s[MEASURES];
	uint64_t found[MEASURES]; /* bytes of value 1, start codes, access units */
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_split: %s\n", what);
	exit(1);
}

static void reserve(struct input *in, size_t size)
{
	if (in->size + size <= in->capacity)
		return;
	in->capacity = 2 * (in->size + size);
	in->bytes = realloc(in->bytes, in->capacity);
	if (in->bytes == NULL)
		fail("out of memory");
}

static void append(struct input *in, const uint8_t *data, size_t size)
{
	reserve(in, size);
	memcpy(in->bytes + in->size, data, size);
	in->size += size;
}

/* ---- inputs */

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13; /* Marsaglia's xorshift */
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void append_nal(struct input *in, uint8_t header, struct bits_out *o, uint8_t *nal)
{
	static const uint8_t start_code[NAL_START_CODE_BYTES] = {0, 0, 0, 1};
	size_t size = bits_put_end(o);

	if (size == 0)
		fail("a NAL unit is too large");
	nal[0] = header;
	append(in, start_code, sizeof(start_code));
	append(in, nal, 1 + size);
}

/* 1920x1088 Baseline, POC type 2, one reference picture. */
static void append_sets(struct input *in)
{
	uint8_t nal[64];
	struct bits_out o;

	bits_out_init(&o, nal + 1, sizeof(nal) - 1);
	bits_put_u(&o, 66, 8);
	bits_put_u(&o, 0xc0, 8);
	bits_put_u(&o, 51, 8);
	bits_put_ue(&o, 0); /* id */
	bits_put_ue(&o, 0); /* log2_max_frame_num_minus4 */
	bits_put_ue(&o, 2); /* POC type */
	bits_put_ue(&o, 1); /* reference pictures */
	bits_put_u(&o, 0, 1);
	bits_put_ue(&o, 119);
	bits_put_ue(&o, 67);
	bits_put_u(&o, 0xc, 4); /* frames only, direct 8x8, no crop, no VUI */
	append_nal(in, 0x67, &o, nal);

	bits_out_init(&o, nal + 1, sizeof(nal) - 1);
	bits_put_ue(&o, 0);   /* id */
	bits_put_ue(&o, 0);   /* SPS */
	bits_put_u(&o, 0, 2); /* CAVLC, no more POC */
	bits_put_ue(&o, 0);   /* one slice group */
	bits_put_ue(&o, 0);
	bits_put_ue(&o, 0);
	bits_put_u(&o, 0, 3);   /* no weights */
	bits_put_u(&o, 0x7, 3); /* three offsets of 0 */
	bits_put_u(&o, 0, 3);
	append_nal(in, 0x68, &o, nal);
}

static void append_slice(struct input *in, unsigned frame, unsigned first_mb, size_t size,
			 uint32_t *seed)
{
	static uint8_t nal[SLICE_MAX];
	struct bits_out o;

	bits_out_init(&o, nal + 1, sizeof(nal) - 1);
	bits_put_ue(&o, first_mb);
	bits_put_ue(&o, frame == 0 ? 7 : 5);
	bits_put_ue(&o, 0); /* PPS */
	bits_put_u(&o, frame, 4);
	if (frame == 0)
		bits_put_ue(&o, 0); /* idr_pic_id */
	bits_put_u(&o, 0, 3);
	for (size_t i = 0; i < size; i += 4)
		bits_put_u(&o, next_random(seed), 32);
	append_nal(in, frame == 0 ? 0x65 : 0x41, &o, nal);
}

static struct input make_generated(const char *name, size_t slice_bytes)
{
	struct input in = {.name = name};
	uint32_t seed = 20261122;

	append_sets(&in);
	for (unsigned frame = 0; frame < GOP_FRAMES; frame++)
		for (size_t done = 0; done < PICTURE_BYTES; done += slice_bytes)
			append_slice(&in, frame, (unsigned)(done / slice_bytes), slice_bytes,
				     &seed);
	return in;
}

static void append_file(struct input *in, const char *dir, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *file = fopen(path, "rbe");
	uint8_t *bytes = malloc(SAMPLE_MAX_BYTES);
	if (file != NULL && bytes != NULL)
		append(in, bytes, fread(bytes, 1, SAMPLE_MAX_BYTES, file));
	free(bytes);
	if (file != NULL)
		fclose(file);
}

static bool is_stream(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL &&
	       (strcmp(dot, ".264") == 0 || strcmp(dot, ".h264") == 0 || strcmp(dot, ".jsv") == 0);
}

static struct input make_samples(const char *dir)
{
	struct input in = {.name = "samples"};
	struct dirent **entries;
	int count = scandir(dir, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		if (is_stream(entries[i]->d_name))
			append_file(&in, dir, entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return in;
}

static void repeat(struct input *in)
{
	size_t once = in->size;

	while (once > 0 && in->size < INPUT_MIN_BYTES) {
		reserve(in, once);
		append(in, in->bytes, once);
	}
}

/* ---- measures */

static uint64_t run_memchr(const struct input *in)
{
	const uint8_t *pos = in->bytes, *end = in->bytes + in->size;
	uint64_t count = 0;

	while ((pos = memchr(pos, 1, (size_t)(end - pos))) != NULL) {
		pos++;
		count++;
	}
	return count;
}

static uint64_t run_search(const struct input *in)
{
	const uint8_t *pos = in->bytes, *end = in->bytes + in->size;
	uint64_t count = 0;

	while ((pos = nal_find_prefix(pos, end)) < end) {
		pos += 3;
		count++;
	}
	return count;
}

static uint64_t collect(struct splitter *s)
{
	uint64_t count = 0;
	struct au *au;

	for (; splitter_collect(s, &au) == 0; au_unref(au))
		count++;
	return count;
}

static uint64_t run_split(const struct input *in)
{
	struct splitter *s = splitter_new();
	uint64_t count = 0;

	if (s == NULL)
		fail("out of memory");
	for (size_t pos = 0; pos < in->size; pos += CHUNK_BYTES) {
		size_t left = in->size - pos;
		splitter_feed(s, in->bytes + pos, left < CHUNK_BYTES ? left : CHUNK_BYTES);
		count += collect(s);
	}
	splitter_flush(s);
	count += collect(s);
	splitter_free(s);
	return count;
}

static double cpu_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct result measure(const struct input *in)
{
	static uint64_t (*const run[MEASURES])(const struct input *) = {run_memchr, run_search,
									run_split};
	double seconds[MEASURES][ROUNDS];
	struct result result;

	for (int round = 0; round < ROUNDS; round++) {
		for (int m = 0; m < MEASURES; m++) {
			double begin_s = cpu_s();
			result.found[m] = run[m](in);
			seconds[m][round] = cpu_s() - begin_s;
		}
	}
	for (int m = 0; m < MEASURES; m++) {
		qsort(seconds[m], ROUNDS, sizeof(double), compare);
		result.bytes_per_s[m] = (double)in->size / seconds[m][ROUNDS / 2];
	}
	return result;
}

/* ---- telling */

static double core_percent(const struct result *result)
{
	return 100.0 * STREAM_BYTES_S / result->bytes_per_s[SPLIT];
}

static void tell(const struct input *in, const struct result *result)
{
	printf("%-14s %8.1f", in->name, (double)in->size / 1e6);
	for (int m = 0; m < MEASURES; m++)
		printf(" %8.0f", result->bytes_per_s[m] / 1e6);
	printf(" %9llu %9.3f %%\n", (unsigned long long)result->found[SPLIT], core_percent(result));
}

static void write_json(FILE *json, bool first, const struct input *in, const struct result *result)
{
	fprintf(json, "%s\n  {\"input\":\"%s\",\"bytes\":%zu", first ? "" : ",", in->name,
		in->size);
	for (int m = 0; m < MEASURES; m++)
		fprintf(json, ",\"%s_bytes_per_s\":%.0f", measure_names[m], result->bytes_per_s[m]);
	fprintf(json, ",\"access_units\":%llu,\"core_percent_at_50_mbit_s\":%.4f}",
		(unsigned long long)result->found[SPLIT], core_percent(result));
}

int main(int argc, char **argv)
{
	struct input inputs[] = {
		make_generated("one slice", PICTURE_BYTES),
		make_generated("1400-byte", 1400),
		make_samples(argc > 2 ? argv[2] : "."),
	};

	if (argc < 2)
		fail("usage: bench_split JSON [SAMPLES]");
	FILE *json = fopen(argv[1], "we");
	if (json == NULL)
		fail("the JSON file cannot be written");
#ifdef __SANITIZE_ADDRESS__
	printf("Built with sanitizers: these numbers say little.\n");
#endif
	printf("MB/s of one core, medians of %d rounds; last: of one core, at 50 Mbit/s\n", ROUNDS);
	printf("%-14s %8s %8s %8s %8s %9s %11s\n", "input", "MB", "memchr", "search", "split",
	       "pictures", "core");
	fprintf(json, "[");
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
		repeat(&inputs[i]);
		if (inputs[i].size > 0) {
			struct result result = measure(&inputs[i]);
			tell(&inputs[i], &result);
			write_json(json, i == 0, &inputs[i], &result);
		}
		free(inputs[i].bytes);
	}
	fprintf(json, "\n]\n");
	return fclose(json) == 0 ? 0 : 1;
}
