/* A camera's JPEG: what may be passed on, and that it is what the camera sent. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

#include "common/util.h"
#include "streamer/mjpeg.h"

#define WIDTH  64
#define HEIGHT 48
#define DHT    0xC4
#define DQT    0xDB
#define SOF0   0xC0
#define SOS    0xDA

struct jpeg {
	uint8_t bytes[40000];
	size_t size;
};

static struct jpeg make(int subsampling, int flags)
{
	tjhandle handle = tjInitCompress();
	unsigned char *bytes = NULL;
	unsigned long size = 0;
	uint8_t rgb[WIDTH * HEIGHT * 3];
	struct jpeg jpeg;

	for (size_t i = 0; i < sizeof(rgb); i++)
		rgb[i] = (uint8_t)(i * 7 ^ i >> 5);
	assert_int_equal(tjCompress2(handle, rgb, WIDTH, 0, HEIGHT, TJPF_RGB, &bytes, &size,
				     subsampling, 85, flags),
			 0);
	assert_true(size < sizeof(jpeg.bytes));
	memcpy(jpeg.bytes, bytes, size);
	jpeg.size = size;
	tjFree(bytes);
	tjDestroy(handle);
	return jpeg;
}

/* Where the segment begins; it must be there. */
static size_t find(const struct jpeg *jpeg, unsigned marker)
{
	size_t at = 2;

	while (jpeg->bytes[at + 1] != marker) {
		assert_true(at + 4 < jpeg->size && jpeg->bytes[at] == 0xFF);
		at += 2 + ((size_t)jpeg->bytes[at + 2] << 8 | jpeg->bytes[at + 3]);
	}
	return at;
}

static size_t length_at(const struct jpeg *jpeg, size_t at)
{
	return 2 + ((size_t)jpeg->bytes[at + 2] << 8 | jpeg->bytes[at + 3]);
}

static void cut(struct jpeg *jpeg, size_t at, size_t count)
{
	memmove(jpeg->bytes + at, jpeg->bytes + at + count, jpeg->size - at - count);
	jpeg->size -= count;
}

static void insert(struct jpeg *jpeg, size_t at, const void *bytes, size_t count)
{
	memmove(jpeg->bytes + at + count, jpeg->bytes + at, jpeg->size - at);
	memcpy(jpeg->bytes + at, bytes, count);
	jpeg->size += count;
}

/* As USB cameras have it. */
static void leave_out_tables(struct jpeg *jpeg)
{
	for (int i = 0; i < 4; i++) {
		size_t at = find(jpeg, DHT);
		cut(jpeg, at, length_at(jpeg, at));
	}
}

static int check(const struct jpeg *jpeg, struct mjpeg *ret_found)
{
	/* Of its own size: the sanitizer sees who reads on. */
	static uint8_t *copy;

	free(copy);
	copy = malloc(jpeg->size + (jpeg->size == 0));
	assert_non_null(copy);
	memcpy(copy, jpeg->bytes, jpeg->size);
	int r = mjpeg_check(copy, jpeg->size, WIDTH, HEIGHT, ret_found);
	if (r < 0) {
		free(copy);
		copy = NULL;
	}
	return r;
}

static void assert_refused(const struct jpeg *jpeg, int code)
{
	struct mjpeg found;

	assert_int_equal(check(jpeg, &found), code);
}

static void decode(const uint8_t *bytes, size_t size, uint8_t *rgb)
{
	tjhandle handle = tjInitDecompress();

	assert_int_equal(tjDecompress2(handle, bytes, size, rgb, WIDTH, 0, HEIGHT, TJPF_RGB,
				       TJFLAG_STOPONWARNING),
			 0);
	tjDestroy(handle);
}

static const int samplings[] = {TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_440, TJSAMP_GRAY};

static void whole_pictures_pass_as_they_are(void **state)
{
	UNUSED_STATE(state);

	for (unsigned i = 0; i < ARRAY_SIZE(samplings); i++) {
		struct jpeg jpeg = make(samplings[i], 0);
		struct mjpeg found;
		uint8_t out[sizeof(jpeg.bytes)];
		assert_int_equal(check(&jpeg, &found), 0);
		assert_int_equal(mjpeg_bytes(&found), jpeg.size);
		mjpeg_write(&found, out);
		assert_memory_equal(out, jpeg.bytes, jpeg.size);
	}
}

static void missing_huffman_tables_are_put_in(void **state)
{
	UNUSED_STATE(state);
	struct jpeg jpeg = make(TJSAMP_422, 0), own = jpeg;
	uint8_t out[sizeof(jpeg.bytes)], wanted[WIDTH * HEIGHT * 3], rgb[WIDTH * HEIGHT * 3];
	struct mjpeg found;

	leave_out_tables(&jpeg);
	size_t scan_at = find(&jpeg, SOS);
	assert_int_equal(check(&jpeg, &found), 0);
	size_t size = mjpeg_bytes(&found);
	assert_int_equal(size, jpeg.size + 420);
	mjpeg_write(&found, out);
	/* The rest is the camera's own, to the byte. */
	assert_memory_equal(out, jpeg.bytes, scan_at);
	assert_memory_equal(out + scan_at + 420, jpeg.bytes + scan_at, jpeg.size - scan_at);
	decode(out, size, rgb);
	decode(own.bytes, own.size, wanted);
	assert_memory_equal(rgb, wanted, sizeof(rgb));
	/* What libjpeg writes is the tables of K.3, too. */
	size_t at = scan_at + 4;
	for (unsigned i = 0; i < 4; i++) {
		size_t from = find(&own, DHT), length = length_at(&own, from) - 4;
		assert_memory_equal(out + at, own.bytes + from + 4, length);
		at += length;
		cut(&own, from, length + 4);
	}
	assert_int_equal(at, scan_at + 420);
}

static void padding_is_cut_off_and_anything_else_refused(void **state)
{
	UNUSED_STATE(state);
	struct jpeg jpeg = make(TJSAMP_420, 0);
	size_t size = jpeg.size;
	struct mjpeg found;

	memset(jpeg.bytes + size, 0, 700);
	jpeg.size = size + 700;
	assert_int_equal(check(&jpeg, &found), 0);
	assert_int_equal(mjpeg_bytes(&found), size);
	jpeg.bytes[size + 699] = 1;
	assert_refused(&jpeg, -EBADMSG);
	struct jpeg twice = make(TJSAMP_420, 0);
	insert(&twice, twice.size, jpeg.bytes, size);
	assert_refused(&twice, -EBADMSG);
}

static void no_part_of_a_picture_passes(void **state)
{
	UNUSED_STATE(state);
	const struct jpeg whole = make(TJSAMP_422, 0);

	for (size_t size = 0; size < whole.size; size++) {
		struct jpeg part = whole;
		part.size = size;
		assert_refused(&part, -EBADMSG);
	}
	/* Its middle is missing, but not its end. */
	struct jpeg short_one = whole;
	size_t scan_at = find(&short_one, SOS);
	size_t data_at = scan_at + length_at(&short_one, scan_at);
	cut(&short_one, data_at, short_one.size - data_at - 10);
	assert_refused(&short_one, -EBADMSG);
}

static void pictures_of_another_size_are_refused(void **state)
{
	UNUSED_STATE(state);
	const struct jpeg jpeg = make(TJSAMP_420, 0);
	struct mjpeg found;

	assert_int_equal(mjpeg_check(jpeg.bytes, jpeg.size, WIDTH, HEIGHT + 2, &found), -EBADMSG);
	assert_int_equal(mjpeg_check(jpeg.bytes, jpeg.size, WIDTH / 2, HEIGHT, &found), -EBADMSG);
	assert_int_equal(mjpeg_check(jpeg.bytes, jpeg.size, 0, 0, &found), -EBADMSG);
}

static void restarts_must_all_be_there_and_in_turn(void **state)
{
	UNUSED_STATE(state);
	struct mjpeg found;

	assert_int_equal(setenv("TJ_RESTART", "1B", 1), 0); /* one after every unit */
	const struct jpeg whole = make(TJSAMP_420, 0);
	assert_int_equal(unsetenv("TJ_RESTART"), 0);
	size_t at = find(&whole, SOS), count = 0;
	assert_int_equal(check(&whole, &found), 0);
	for (; at + 1 < whole.size; at++) {
		if (whole.bytes[at] != 0xFF || (whole.bytes[at + 1] & 0xF8) != 0xD0)
			continue;
		struct jpeg damaged = whole;
		damaged.bytes[at + 1] ^= 1;
		assert_refused(&damaged, -EBADMSG);
		damaged = whole;
		cut(&damaged, at, 2);
		assert_refused(&damaged, -EBADMSG);
		count++;
	}
	assert_int_equal(count, WIDTH / 16 * HEIGHT / 16 - 1);
}

static void what_is_unusual_is_said_to_be(void **state)
{
	UNUSED_STATE(state);
	const struct jpeg progressive = make(TJSAMP_420, TJFLAG_PROGRESSIVE);
	struct jpeg jpeg = make(TJSAMP_420, 0);

	assert_refused(&progressive, -ENOTSUP);
	jpeg.bytes[find(&jpeg, SOF0) + 4] = 12; /* bits a sample */
	assert_refused(&jpeg, -ENOTSUP);
}

static void tables_that_are_missing_in_part_are_damage(void **state)
{
	UNUSED_STATE(state);
	struct jpeg jpeg = make(TJSAMP_420, 0);
	size_t at = find(&jpeg, DHT);

	cut(&jpeg, at, length_at(&jpeg, at));
	assert_refused(&jpeg, -EBADMSG);
	jpeg = make(TJSAMP_420, 0);
	at = find(&jpeg, DQT);
	cut(&jpeg, at, length_at(&jpeg, at));
	assert_refused(&jpeg, -EBADMSG);
}

static void what_cameras_write_into_it_is_left_alone(void **state)
{
	UNUSED_STATE(state);
	static const uint8_t avi1[] = "\xFF\xE0\x00\x21"
				      "AVI1\0and 23 bytes more of that..";
	struct jpeg jpeg = make(TJSAMP_422, 0);
	struct mjpeg found;

	insert(&jpeg, 2, avi1, 35);
	insert(&jpeg, 2 + 35, "\xFF\xFF\xFF", 3); /* fill */
	assert_int_equal(check(&jpeg, &found), 0);
	assert_int_equal(mjpeg_bytes(&found), jpeg.size);
}

/* One byte anywhere: refused or passed, it is looked at within its bounds. */
static void any_byte_may_be_wrong(void **state)
{
	UNUSED_STATE(state);
	const struct jpeg whole = make(TJSAMP_420, 0);
	size_t head = find(&whole, SOS) + 14;
	struct mjpeg found;

	for (size_t at = 0; at < head; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct jpeg damaged = whole;
			damaged.bytes[at] ^= (uint8_t)(1u << bit);
			if (check(&damaged, &found) == 0)
				assert_in_range(mjpeg_bytes(&found), head, damaged.size + 420);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_pictures_pass_as_they_are),
		cmocka_unit_test(missing_huffman_tables_are_put_in),
		cmocka_unit_test(padding_is_cut_off_and_anything_else_refused),
		cmocka_unit_test(no_part_of_a_picture_passes),
		cmocka_unit_test(pictures_of_another_size_are_refused),
		cmocka_unit_test(restarts_must_all_be_there_and_in_turn),
		cmocka_unit_test(what_is_unusual_is_said_to_be),
		cmocka_unit_test(tables_that_are_missing_in_part_are_damage),
		cmocka_unit_test(what_cameras_write_into_it_is_left_alone),
		cmocka_unit_test(any_byte_may_be_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
