#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "streamer/args.h"

static json_t *load(const char *text)
{
	json_t *args = json_loads(text, 0, NULL);

	assert_non_null(args);
	return args;
}

static void picture_is_read(void **state)
{
	UNUSED_STATE(state);
	struct args_fault faults[ARGS_PICTURE_FAULTS];
	struct pipeline_picture picture;
	json_t *args = load("{\"width\":1280,\"height\":720,\"fps\":29.97}");

	assert_int_equal(args_picture(args, &picture, faults), 0);
	assert_int_equal(picture.width, 1280);
	assert_int_equal(picture.height, 720);
	assert_int_equal(picture.fps_milli, 29970);
	json_decref(args);
	args = load("{\"width\":160,\"height\":120}");
	assert_int_equal(args_picture(args, &picture, faults), 0);
	assert_int_equal(picture.fps_milli, 0);
	json_decref(args);
}

static void wrong_picture_is_pointed_at(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *args, *pointer;
	} cases[] = {
		{"{\"height\":480}", "/width"},
		{"{\"width\":\"640\",\"height\":480}", "/width"},
		{"{\"width\":641,\"height\":480}", "/width"},
		{"{\"width\":158,\"height\":480}", "/width"},
		{"{\"width\":4098,\"height\":480}", "/width"},
		{"{\"width\":-640,\"height\":480}", "/width"},
		{"{\"width\":640.0,\"height\":480}", "/width"},
		{"{\"width\":640,\"height\":118}", "/height"},
		{"{\"width\":640,\"height\":9223372036854775807}", "/height"},
		{"{\"width\":640,\"height\":null}", "/height"},
		{"{\"width\":640,\"height\":480,\"fps\":0}", "/fps"},
		{"{\"width\":640,\"height\":480,\"fps\":241}", "/fps"},
		{"{\"width\":640,\"height\":480,\"fps\":1e300}", "/fps"},
		{"{\"width\":640,\"height\":480,\"fps\":true}", "/fps"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pipeline_picture picture = {7, 7, 7};
		struct args_fault faults[ARGS_PICTURE_FAULTS];
		json_t *args = load(cases[i].args);
		assert_int_equal(args_picture(args, &picture, faults), 1);
		assert_string_equal(faults[0].pointer, cases[i].pointer);
		assert_non_null(strstr(faults[0].error.text, cases[i].pointer + 1));
		assert_int_equal(picture.width, 7);
		json_decref(args);
	}
}

static void all_that_is_wrong_with_a_picture_is_told(void **state)
{
	UNUSED_STATE(state);
	static const char *const pointers[] = {"/width", "/height", "/fps"};
	struct pipeline_picture picture = {7, 7, 7};
	struct args_fault faults[ARGS_PICTURE_FAULTS];
	json_t *args = load("{\"width\":641,\"fps\":0}");

	assert_int_equal(args_picture(args, &picture, faults), 3);
	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
		assert_string_equal(faults[i].pointer, pointers[i]);
	json_decref(args);
}

static void timeout_has_a_default_and_limits(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *args;
		int r;
		int64_t us;
	} cases[] = {
		{"{}", 0, 5000000},
		{"{\"timeout_ms\":0}", 0, 0},
		{"{\"timeout_ms\":20000}", 0, 20000000},
		{"{\"timeout_ms\":20001}", -EINVAL, -1},
		{"{\"timeout_ms\":-1}", -EINVAL, -1},
		{"{\"timeout_ms\":\"5\"}", -EINVAL, -1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *pointer = "";
		int64_t us = -1;
		json_t *args = load(cases[i].args);
		assert_int_equal(args_timeout(args, &us, &pointer, NULL), cases[i].r);
		assert_int_equal(us, cases[i].us);
		assert_string_equal(pointer, cases[i].r == 0 ? "" : "/timeout_ms");
		json_decref(args);
	}
}

static void change_has_defaults_and_types(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *args, *pointer;
	} cases[] = {
		{"{\"dry_run\":1}", "/dry_run"},
		{"{\"persist\":\"no\"}", "/persist"},
		{"{\"if_match\":7}", "/if_match"},
		{"{\"if_match\":null}", "/if_match"},
		{"{\"if_none_match\":[]}", "/if_none_match"},
		{"{\"timeout_ms\":1.5}", "/timeout_ms"},
	};
	struct args_change change;
	const char *pointer;

	json_t *args = load("{}");
	assert_int_equal(args_change(args, &change, &pointer, NULL), 0);
	assert_true(change.persist && !change.dry_run && change.if_match == NULL);
	assert_int_equal(change.timeout_us, 5000000);
	json_decref(args);
	args = load("{\"dry_run\":true,\"persist\":false,\"if_match\":\"*\",\"timeout_ms\":1}");
	assert_int_equal(args_change(args, &change, &pointer, NULL), 0);
	assert_true(!change.persist && change.dry_run);
	assert_string_equal(change.if_match, "*");
	json_decref(args);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		args = load(cases[i].args);
		assert_int_equal(args_change(args, &change, &pointer, NULL), -EINVAL);
		assert_string_equal(pointer, cases[i].pointer);
		json_decref(args);
	}
}

static void page_has_defaults_and_limits(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *args, *pointer;
		unsigned offset, limit;
	} cases[] = {
		{"{}", NULL, 0, 100},
		{"{\"offset\":7,\"limit\":0}", NULL, 7, 0},
		{"{\"limit\":200}", NULL, 0, 200},
		{"{\"limit\":201}", "/limit", 0, 0},
		{"{\"limit\":-1}", "/limit", 0, 0},
		{"{\"offset\":\"0\"}", "/offset", 0, 0},
		{"{\"offset\":99999999999}", "/offset", 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned offset = 0, limit = 0;
		const char *pointer = NULL;
		json_t *args = load(cases[i].args);
		int r = args_page(args, &offset, &limit, &pointer, NULL);
		assert_int_equal(r, cases[i].pointer != NULL ? -EINVAL : 0);
		assert_int_equal(offset, cases[i].offset);
		assert_int_equal(limit, cases[i].limit);
		if (cases[i].pointer != NULL)
			assert_string_equal(pointer, cases[i].pointer);
		json_decref(args);
	}
}

static void wish_is_brought_within_limits(void **state)
{
	UNUSED_STATE(state);
	json_t *args = load("{\"width\":-5,\"height\":99999999999}");
	struct pipeline_picture wish = args_wish(args);

	assert_int_equal(wish.width, 160);
	assert_int_equal(wish.height, 2304);
	json_decref(args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picture_is_read),
		cmocka_unit_test(wrong_picture_is_pointed_at),
		cmocka_unit_test(all_that_is_wrong_with_a_picture_is_told),
		cmocka_unit_test(timeout_has_a_default_and_limits),
		cmocka_unit_test(change_has_defaults_and_types),
		cmocka_unit_test(page_has_defaults_and_limits),
		cmocka_unit_test(wish_is_brought_within_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
