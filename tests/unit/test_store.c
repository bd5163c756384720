#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "streamer/store.h"

static char dir[64];
static char last_line[1024];

static void remember_line(enum log_level level, const char *line)
{
	(void)level;
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static int make_dir(void **state)
{
	UNUSED_STATE(state);
	memcpy(dir, "/tmp/nalcast-store-XXXXXX", 26);
	last_line[0] = '\0';
	log_set_hook(remember_line);
	return mkdtemp(dir) == NULL;
}

static void path_of(char *path, size_t size, const char *leaf)
{
	snprintf(path, size, "%s/%s", dir, leaf);
}

static int remove_dir(void **state)
{
	static const char *const leaves[] = {"settings.json", "settings.json.damaged",
					     "sub/settings.json", "sub"};
	char path[128];

	UNUSED_STATE(state);
	log_set_hook(NULL);
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		path_of(path, sizeof(path), leaves[i]);
		remove(path);
	}
	return rmdir(dir);
}

static struct store *open_store(const char *where)
{
	struct store *store = NULL;
	struct error err = {0};

	assert_int_equal(store_open(where, &store, &err), 0);
	return store;
}

static void settings_survive_a_restart(void **state)
{
	UNUSED_STATE(state);
	char sub[128];
	struct store_settings settings = {
		.has_running = true,
		.running = false,
		.has_picture = true,
		.width = 640,
		.height = 480,
		.fps_milli = 29970,
	};

	path_of(sub, sizeof(sub), "sub"); /* made when it is missing */
	struct store *store = open_store(sub);
	assert_false(store_get(store)->has_running);
	store_set(store, &settings);
	store_close(store);

	store = open_store(sub);
	const struct store_settings *kept = store_get(store);
	assert_true(kept->has_running && !kept->running && kept->has_picture);
	assert_int_equal(kept->width, 640);
	assert_int_equal(kept->height, 480);
	assert_int_equal(kept->fps_milli, 29970);
	store_close(store);
}

static void newest_settings_win(void **state)
{
	UNUSED_STATE(state);
	struct store *store = open_store(dir);
	struct store_settings settings = {.has_picture = true, .height = 480, .fps_milli = 1000};

	for (unsigned width = 160; width <= 320; width += 2) {
		settings.width = width;
		store_set(store, &settings);
	}
	store_close(store);
	store = open_store(dir);
	assert_int_equal(store_get(store)->width, 320);
	store_close(store);
}

static void damaged_file_is_set_aside_and_named(void **state)
{
	UNUSED_STATE(state);
	char path[128];

	path_of(path, sizeof(path), "settings.json");
	FILE *file = fopen(path, "w");
	fputs("{\"running\": fal", file);
	fclose(file);
	struct store *store = open_store(dir);
	assert_false(store_get(store)->has_running);
	assert_non_null(strstr(last_line, path));
	store_close(store);
	path_of(path, sizeof(path), "settings.json.damaged");
	assert_int_equal(access(path, F_OK), 0);
}

static void values_that_make_no_sense_are_left_out(void **state)
{
	UNUSED_STATE(state);
	char path[128];

	path_of(path, sizeof(path), "settings.json");
	FILE *file = fopen(path, "w");
	fputs("{\"running\": 7, \"picture\": {\"width\": -1, \"height\": 480}}", file);
	fclose(file);
	struct store *store = open_store(dir);
	assert_false(store_get(store)->has_running);
	assert_false(store_get(store)->has_picture);
	store_close(store);
}

static void folder_that_cannot_be_written_is_logged_and_harms_nobody(void **state)
{
	UNUSED_STATE(state);
	struct store *store = open_store("/proc/nalcast-cannot-be-made");
	struct store_settings settings = {.has_running = true};

	store_set(store, &settings);
	assert_true(store_get(store)->has_running);
	store_close(store);
	assert_non_null(strstr(last_line, "cannot be kept"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(settings_survive_a_restart, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(newest_settings_win, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(damaged_file_is_set_aside_and_named, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(values_that_make_no_sense_are_left_out, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(
			folder_that_cannot_be_written_is_logged_and_harms_nobody, make_dir,
			remove_dir),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
