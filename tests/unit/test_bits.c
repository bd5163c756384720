#include "tests/unit/unit.h"

#include "streamer/bits.h"
#include "tests/unit/h264_write.h"

static struct bits over(const char *data, size_t size)
{
	struct bits b;

	bits_init(&b, (const uint8_t *)data, size);
	return b;
}

#define OVER(literal) over(literal, sizeof(literal) - 1)

static void fixed_lengths_are_read_across_bytes(void **state)
{
	UNUSED_STATE(state);
	struct bits b = OVER("\xa5\x0f\xff\x12\x34\x56\x78");

	assert_int_equal(bits_u(&b, 1), 1);
	assert_int_equal(bits_u(&b, 3), 2);
	assert_int_equal(bits_u(&b, 8), 0x50);
	assert_int_equal(bits_u(&b, 0), 0);
	assert_int_equal(bits_u(&b, 12), 0xfff);
	assert_int_equal(bits_u(&b, 32), 0x12345678);
	assert_false(b.failed);
}

static void exp_golomb_codes_are_those_of_table_9_2(void **state)
{
	UNUSED_STATE(state);
	struct bits b = OVER("\xa6\x42\x98\xe2\x04\x8a"); /* 0 to 9 */

	for (uint32_t i = 0; i < 9; i++)
		assert_int_equal(bits_ue(&b), i);
	b = OVER("\xa6\x42\x98\xe2\x04\x8a");
	static const int32_t values[] = {0, 1, -1, 2, -2, 3, -3, 4, -4};
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(bits_se(&b), values[i]);
}

static void the_largest_codes_are_read_and_longer_ones_fail(void **state)
{
	UNUSED_STATE(state);
	static const uint32_t values[] = {0xfffffffe, 0x7fffffff, 0x80000000, 65535, 1000000};
	struct h264_bits w = {.count = 0};
	struct bits b;

	for (size_t i = 0; i < 5; i++)
		h264_ue(&w, values[i]);
	h264_se(&w, INT32_MAX);
	h264_se(&w, -INT32_MAX);
	bits_init(&b, w.bytes, sizeof(w.bytes));
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(bits_ue(&b), values[i]);
	assert_int_equal(bits_se(&b), INT32_MAX);
	assert_int_equal(bits_se(&b), -INT32_MAX);
	assert_false(b.failed);
	b = OVER("\x00\x00\x03\x00\x00\x80\xff\xff\xff\xff");
	assert_int_equal(bits_ue(&b), 0);
	assert_true(b.failed);
}

static void running_out_is_remembered(void **state)
{
	UNUSED_STATE(state);
	struct bits b = OVER("\xff");

	assert_int_equal(bits_u(&b, 9), 0);
	assert_true(b.failed);
	assert_int_equal(bits_u(&b, 1), 0);
	b = OVER("\x08");
	assert_int_equal(bits_ue(&b), 0);
	assert_true(b.failed);
	b = OVER("");
	assert_int_equal(bits_u(&b, 1), 0);
	assert_true(b.failed);
}

static void emulation_prevention_is_passed_over(void **state)
{
	UNUSED_STATE(state);
	struct bits b = OVER("\0\0\3\1\0\3\0\0\3\0\0\3\3");

	assert_int_equal(bits_u(&b, 24), 1);
	assert_int_equal(bits_u(&b, 16), 3);
	assert_int_equal(bits_u(&b, 32), 0);
	assert_int_equal(bits_u(&b, 8), 3);
	assert_false(b.failed);
	assert_int_equal(bits_u(&b, 1), 0);
	assert_true(b.failed);
}

static void more_data_is_what_comes_before_the_stop_bit(void **state)
{
	UNUSED_STATE(state);
	struct bits b = OVER("\xb0\x80");

	bits_u(&b, 8);
	assert_false(bits_more_rbsp_data(&b));
	b = OVER("\xb0");
	bits_u(&b, 2);
	assert_true(bits_more_rbsp_data(&b));
	bits_u(&b, 1);
	assert_false(bits_more_rbsp_data(&b));
	bits_u(&b, 1);
	assert_false(bits_more_rbsp_data(&b));
	b = OVER("\xb0\x00\x01");
	bits_u(&b, 3);
	assert_true(bits_more_rbsp_data(&b));
	b = OVER("\x00\x00\x03\x80\x00");
	bits_u(&b, 16);
	assert_false(bits_more_rbsp_data(&b));
	b = OVER("\x00\x00\x03\xc0");
	bits_u(&b, 16);
	assert_true(bits_more_rbsp_data(&b));
	bits_u(&b, 32);
	assert_false(bits_more_rbsp_data(&b));
	b = OVER("");
	assert_false(bits_more_rbsp_data(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_lengths_are_read_across_bytes),
		cmocka_unit_test(exp_golomb_codes_are_those_of_table_9_2),
		cmocka_unit_test(the_largest_codes_are_read_and_longer_ones_fail),
		cmocka_unit_test(running_out_is_remembered),
		cmocka_unit_test(emulation_prevention_is_passed_over),
		cmocka_unit_test(more_data_is_what_comes_before_the_stop_bit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
