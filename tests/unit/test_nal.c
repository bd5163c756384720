#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "streamer/nal.h"

/* The NAL units as "type/ref_idc:size " each. */
static const char *walk(const void *data, size_t size)
{
	static char text[256];
	const uint8_t *pos = data, *end = pos + size;
	struct nal nal;
	size_t len = 0;

	text[0] = '\0';
	while (nal_next(&pos, end, &nal)) {
		assert_true(nal.data >= (const uint8_t *)data && nal.data + nal.size <= end);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%u/%u:%zu ", nal.type,
					nal.ref_idc, nal.size);
	}
	assert_ptr_equal(pos, end);
	return text;
}

#define WALK(literal) walk(literal, sizeof(literal) - 1)

static void units_are_found_after_both_start_codes(void **state)
{
	UNUSED_STATE(state);
	assert_string_equal(WALK("\0\0\0\1\x67\x42\0\0\1\x68\xce\0\0\0\1\x65\x88\x80"),
			    "7/3:2 8/3:2 5/3:3 ");
}

static void trailing_zeros_are_left_out(void **state)
{
	UNUSED_STATE(state);
	assert_string_equal(WALK("\0\0\1\x67\x42\0\0\0\0\0\0\1\x68\xce\0\0"), "7/3:2 8/3:2 ");
}

static void bytes_before_the_first_start_code_are_passed_over(void **state)
{
	UNUSED_STATE(state);
	assert_string_equal(WALK("\1\0\1 garbage \0\1\0\0\1\x09\xf0"), "9/0:2 ");
}

static void empty_units_are_passed_over(void **state)
{
	UNUSED_STATE(state);
	assert_string_equal(WALK("\0\0\1\0\0\1\0\0\0\0\1\x41\0\0\1"), "1/2:1 ");
	assert_string_equal(WALK("\0\0\1"), "");
	assert_string_equal(WALK("\0\0\1\0\0\0"), "");
	assert_string_equal(WALK("\1"), "");
	assert_string_equal(WALK(""), "");
}

static void emulation_prevention_is_no_start_code(void **state)
{
	UNUSED_STATE(state);
	assert_string_equal(WALK("\0\0\1\x41\0\0\3\1\1\1\0\0\3\0\0\3"), "1/2:13 ");
}

static void types_are_collected_in_one_mask(void **state)
{
	UNUSED_STATE(state);
	static const uint8_t data[] = "\0\0\1\x67\0\0\1\x68\0\0\1\x65\0\0\1\x65";

	assert_int_equal(nal_types(data, sizeof(data) - 1),
			 1u << NAL_SPS | 1u << NAL_PPS | 1u << NAL_SLICE_IDR);
	assert_int_equal(nal_types(data, 0), 0);
}

static void what_is_written_is_found_again(void **state)
{
	UNUSED_STATE(state);
	uint8_t out[2 * (NAL_START_CODE_BYTES + 2)];

	uint8_t *end = nal_write(nal_write(out, (const uint8_t *)"\x67\x42", 2),
				 (const uint8_t *)"\x68\xce", 2);
	assert_ptr_equal(end, out + sizeof(out));
	assert_memory_equal(out, "\0\0\0\1\x67\x42\0\0\0\1\x68\xce", sizeof(out));
	assert_string_equal(walk(out, sizeof(out)), "7/3:2 8/3:2 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_are_found_after_both_start_codes),
		cmocka_unit_test(trailing_zeros_are_left_out),
		cmocka_unit_test(bytes_before_the_first_start_code_are_passed_over),
		cmocka_unit_test(empty_units_are_passed_over),
		cmocka_unit_test(emulation_prevention_is_no_start_code),
		cmocka_unit_test(types_are_collected_in_one_mask),
		cmocka_unit_test(what_is_written_is_found_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
