#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/error.h"
#include "common/util.h"

static void numbers_are_decimal_digits_within_limits(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *text;
		uint64_t min, max;
		int r;
		uint64_t value;
	} cases[] = {
		{"0", 0, 10, 0, 0},
		{"10", 0, 10, 0, 10},
		{"007", 0, 10, 0, 7},
		{"11", 0, 10, -ERANGE, 99},
		{"4", 5, 10, -ERANGE, 99},
		{"18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", 0, UINT64_MAX, -ERANGE, 99},
		{"", 0, 10, -EINVAL, 99},
		{"-1", 0, 10, -EINVAL, 99},
		{"+1", 0, 10, -EINVAL, 99},
		{" 1", 0, 10, -EINVAL, 99},
		{"1 ", 0, 10, -EINVAL, 99},
		{"0x5", 0, 10, -EINVAL, 99},
		{"1.5", 0, 10, -EINVAL, 99},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = 99;
		assert_int_equal(parse_unsigned(cases[i].text, cases[i].min, cases[i].max, &value),
				 cases[i].r);
		assert_true(value == cases[i].value);
	}
}

static void modes_are_octal(void **state)
{
	UNUSED_STATE(state);
	uint64_t value = 99;

	assert_int_equal(parse_octal("0660", 0777, &value), 0);
	assert_int_equal(value, 0660);
	assert_int_equal(parse_octal("0880", 0777, &value), -EINVAL);
	assert_int_equal(parse_octal("1777", 0777, &value), -ERANGE);
	assert_int_equal(value, 0660);
}

static void closed_descriptor_is_minus_one_and_errno_stays(void **state)
{
	UNUSED_STATE(state);
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_true(fd >= 0);
	errno = EXDEV;
	close_fd(&fd);
	close_fd(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(errno, EXDEV);
}

static void error_keeps_code_and_words(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};
	char long_text[1000];

	assert_int_equal(error_set(&err, -EBUSY, "%s: %d", "camera", 7), -EBUSY);
	assert_int_equal(err.code, -EBUSY);
	assert_string_equal(err.text, "camera: 7");
	assert_int_equal(error_set(NULL, -EIO, "nobody listens"), -EIO);
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	error_set(&err, -EIO, "%s", long_text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_decimal_digits_within_limits),
		cmocka_unit_test(modes_are_octal),
		cmocka_unit_test(closed_descriptor_is_minus_one_and_errno_stays),
		cmocka_unit_test(error_keeps_code_and_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
