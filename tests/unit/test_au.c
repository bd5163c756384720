#include "tests/unit/unit.h"

#include "streamer/au.h"

static void reference_keeps_it_alive(void **state)
{
	UNUSED_STATE(state);
	struct au *au = au_new(4);
	assert_non_null(au);
	au->data[3] = 7;
	const struct au *shared = au_ref(au);
	au_unref(au);
	assert_int_equal(shared->data[3], 7);
	au_unref(shared);
}

static void new_one_is_empty_and_has_its_room(void **state)
{
	UNUSED_STATE(state);
	struct au *au = au_new(100);
	assert_int_equal(au->size, 0);
	assert_int_equal(au->flags, 0);
	assert_int_equal(au->capacity, 100);
	assert_string_equal(au->format.codec, "");
	au_unref(au);
}

static void too_large_is_refused(void **state)
{
	UNUSED_STATE(state);
	assert_null(au_new(AU_MAX_BYTES + 1));
}

static void unref_of_null_is_nothing(void **state)
{
	UNUSED_STATE(state);
	au_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_keeps_it_alive),
		cmocka_unit_test(new_one_is_empty_and_has_its_room),
		cmocka_unit_test(too_large_is_refused),
		cmocka_unit_test(unref_of_null_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
