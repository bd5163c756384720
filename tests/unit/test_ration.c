#include "tests/unit/unit.h"

#include "streamer/ration.h"

static void texts_and_bytes_are_counted_apart(void **state)
{
	UNUSED_STATE(state);
	struct ration r = {0};

	assert_int_equal(ration_text(&r, 1), 1);
	assert_int_equal(ration_bytes(&r, 100, 2), 100);
	assert_int_equal(ration_bytes(&r, 11, 3), 111);
	assert_int_equal(ration_text(&r, 4), 2);
}

static void another_second_begins_anew(void **state)
{
	UNUSED_STATE(state);
	struct ration r = {0};

	ration_text(&r, 5000000);
	ration_bytes(&r, 100, 5999999);
	assert_int_equal(ration_text(&r, 5999999), 2);
	assert_int_equal(ration_text(&r, 6000000), 1);
	assert_int_equal(ration_bytes(&r, 7, 6000000), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_and_bytes_are_counted_apart),
		cmocka_unit_test(another_second_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
