#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/store.h"

static char dir[64];
static char last_line[1024];

static bool no_threads;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg)
{
	return no_threads ? EAGAIN : __real_pthread_create(thread, attr, run, arg);
}

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
					     "settings.json.new", "sub/settings.json", "sub"};
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

static bool is_kept_in_the_end(struct store *store, struct error *error)
{
	for (unsigned i = 0; i < 1000 && error->code == 0; i++) {
		if (store_is_kept(store, error))
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

static void write_file(const char *text)
{
	char path[128];

	path_of(path, sizeof(path), "settings.json");
	FILE *file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
}

static void object_survives_a_restart(void **state)
{
	UNUSED_STATE(state);
	char sub[128];
	struct error error = {0};

	path_of(sub, sizeof(sub), "sub"); /* made when it is missing */
	struct store *store = open_store(sub);
	assert_int_equal(json_object_size(store_get(store)), 0);
	assert_true(store_is_kept(store, &error));
	store_set(store, json_pack("{s:b, s:{s:f}}", "running", 0, "config", "fps", 29.97));
	assert_true(is_kept_in_the_end(store, &error));
	store_close(store);

	store = open_store(sub);
	const json_t *config = json_object_get(store_get(store), "config");
	assert_true(json_is_false(json_object_get(store_get(store), "running")));
	assert_true(json_number_value(json_object_get(config, "fps")) == 29.97);
	store_close(store);
}

static void newest_object_wins(void **state)
{
	UNUSED_STATE(state);
	struct store *store = open_store(dir);

	for (int n = 0; n <= 100; n++)
		store_set(store, json_pack("{s:i}", "n", n));
	store_close(store);
	store = open_store(dir);
	assert_int_equal(json_integer_value(json_object_get(store_get(store), "n")), 100);
	store_close(store);
}

static void damaged_file_is_set_aside_and_named(void **state)
{
	UNUSED_STATE(state);
	static const char *const texts[] = {"{\"running\": fal", "",     "[]", "7",
					    "{\"a\":1,\"a\":2}", "{} {}"};
	char path[128], aside[128];

	path_of(path, sizeof(path), "settings.json");
	path_of(aside, sizeof(aside), "settings.json.damaged");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		write_file(texts[i]);
		struct store *store = open_store(dir);
		assert_int_equal(json_object_size(store_get(store)), 0);
		assert_non_null(strstr(last_line, path));
		store_close(store);
		assert_int_equal(access(aside, F_OK), 0);
		assert_int_equal(access(path, F_OK), -1);
		unlink(aside);
	}
}

static void file_half_written_beside_it_harms_nobody(void **state)
{
	UNUSED_STATE(state);
	char path[128];

	write_file("{\"running\": false}");
	path_of(path, sizeof(path), "settings.json.new");
	FILE *file = fopen(path, "w");
	fputs("{\"runn", file);
	fclose(file);
	struct store *store = open_store(dir);
	assert_true(json_is_false(json_object_get(store_get(store), "running")));
	store_set(store, json_pack("{s:i}", "n", 1));
	store_close(store);
	assert_int_equal(access(path, F_OK), -1);
}

static void folder_that_cannot_be_written_is_said_and_harms_nobody(void **state)
{
	UNUSED_STATE(state);
	struct store *store = open_store("/proc/nalcast-cannot-be-made");
	struct error error = {0};

	store_set(store, json_pack("{s:i}", "n", 1));
	assert_int_equal(json_integer_value(json_object_get(store_get(store), "n")), 1);
	assert_false(is_kept_in_the_end(store, &error));
	assert_non_null(strstr(error.text, "cannot be kept"));
	store_close(store);
	assert_non_null(strstr(last_line, "cannot be kept"));
}

static void what_failed_is_written_with_the_next(void **state)
{
	UNUSED_STATE(state);
	char sub[128];
	struct error error = {0};

	path_of(sub, sizeof(sub), "sub");
	FILE *file = fopen(sub, "w"); /* in the folder's place */
	fclose(file);
	struct store *store = open_store(sub);
	assert_true(store_probe(store, NULL) < 0);
	store_set(store, json_pack("{s:i}", "n", 1));
	assert_false(is_kept_in_the_end(store, &error));
	unlink(sub);
	store_set(store, json_pack("{s:i}", "n", 2));
	for (unsigned i = 0; i < 1000 && !store_is_kept(store, &error); i++)
		poll(NULL, 0, 10);
	assert_true(store_is_kept(store, &error));
	assert_int_equal(error.code, 0);
	assert_non_null(strstr(last_line, "kept again"));
	store_close(store);
}

static void what_no_thread_wrote_is_written_at_the_end(void **state)
{
	UNUSED_STATE(state);
	struct store *store = open_store(dir);

	no_threads = true;
	store_set(store, json_pack("{s:i}", "n", 1));
	assert_non_null(strstr(last_line, "no thread"));
	store_close(store);
	no_threads = false;
	store = open_store(dir);
	assert_int_equal(json_integer_value(json_object_get(store_get(store), "n")), 1);
	store_close(store);
}

static void probe_tells_what_would_come(void **state)
{
	UNUSED_STATE(state);
	char sub[128];

	struct store *store = open_store(dir);
	assert_int_equal(store_probe(store, NULL), 0);
	store_close(store);
	path_of(sub, sizeof(sub), "sub");
	store = open_store(sub); /* can be made */
	assert_int_equal(store_probe(store, NULL), 0);
	store_close(store);
}

static void looking_sets_nothing_aside(void **state)
{
	UNUSED_STATE(state);
	struct store *store = NULL;
	struct error err = {0};
	char path[128];

	assert_int_equal(store_look(dir, &store, &err), 0);
	assert_int_equal(json_object_size(store_get(store)), 0);
	store_close(store);
	store = NULL;
	path_of(path, sizeof(path), "settings.json");
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs("[1]", file);
	fclose(file);
	assert_int_equal(store_look(dir, &store, &err), -EINVAL);
	assert_null(store);
	assert_non_null(strstr(err.text, "not an object"));
	assert_string_equal(last_line, "");
	assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)
		IN_A_FOLDER(object_survives_a_restart),
		IN_A_FOLDER(newest_object_wins),
		IN_A_FOLDER(damaged_file_is_set_aside_and_named),
		IN_A_FOLDER(file_half_written_beside_it_harms_nobody),
		IN_A_FOLDER(folder_that_cannot_be_written_is_said_and_harms_nobody),
		IN_A_FOLDER(what_failed_is_written_with_the_next),
		IN_A_FOLDER(what_no_thread_wrote_is_written_at_the_end),
		IN_A_FOLDER(probe_tells_what_would_come),
		IN_A_FOLDER(looking_sets_nothing_aside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
