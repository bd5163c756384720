#include "streamer/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "common/log.h"
#include "common/util.h"

#define FILE_NAME "settings.json"

struct store {
	char dir[256];
	struct store_settings settings; /* the loop's */

	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* guards text and quit */
	pthread_cond_t news;
	char *text; /* to be written; owned */
	bool quit;
	bool failing; /* the thread's */
};

static bool read_unsigned(const json_t *root, const char *key, unsigned *ret_value)
{
	const json_t *value = json_object_get(root, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > 1000000)
		return false;
	*ret_value = (unsigned)json_integer_value(value);
	return true;
}

static void read_settings(const json_t *root, struct store_settings *settings)
{
	const json_t *running = json_object_get(root, "running");
	const json_t *picture = json_object_get(root, "picture");

	if (json_is_boolean(running)) {
		settings->has_running = true;
		settings->running = json_is_true(running);
	}
	settings->has_picture = read_unsigned(picture, "width", &settings->width) &&
				read_unsigned(picture, "height", &settings->height) &&
				read_unsigned(picture, "fps_milli", &settings->fps_milli);
}

static void load(struct store *store)
{
	char path[300], aside[320];
	json_error_t where;

	snprintf(path, sizeof(path), "%s/" FILE_NAME, store->dir);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		if (errno != ENOENT)
			log_warn("store", "%s: %m: the settings' defaults serve", path);
		return;
	}
	json_t *root = json_loadf(file, JSON_REJECT_DUPLICATES, &where);
	fclose(file);
	if (json_is_object(root)) {
		read_settings(root, &store->settings);
	} else {
		snprintf(aside, sizeof(aside), "%s.damaged", path);
		int r = rename(path, aside);
		log_warn("store", "%s: damaged (line %d: %s)%s%s: the settings' defaults serve",
			 path, where.line, where.text, r == 0 ? ", set aside as " : "",
			 r == 0 ? aside : "");
	}
	json_decref(root);
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, text, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		size -= (size_t)written;
	}
	return 0;
}

static int replace_file(int dir_fd, const char *text)
{
	int fd = openat(dir_fd, FILE_NAME ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	if (fd < 0)
		return -errno;
	int r = write_all(fd, text, strlen(text));
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	if (r == 0 && renameat(dir_fd, FILE_NAME ".new", dir_fd, FILE_NAME) < 0)
		r = -errno;
	if (r == 0 && fsync(dir_fd) < 0)
		r = -errno;
	return r;
}

static int write_file(const struct store *store, const char *text)
{
	if (mkdir(store->dir, 0750) < 0 && errno != EEXIST)
		return -errno;
	int dir_fd = open(store->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	int r = replace_file(dir_fd, text);
	close(dir_fd);
	return r;
}

static void *run(void *arg)
{
	struct store *store = arg;

	pthread_setname_np(pthread_self(), "store");
	pthread_mutex_lock(&store->lock);
	while (store->text != NULL || !store->quit) {
		if (store->text == NULL) {
			pthread_cond_wait(&store->news, &store->lock);
			continue;
		}
		char *text = store->text;
		store->text = NULL;
		pthread_mutex_unlock(&store->lock);
		int r = write_file(store, text);
		if (r < 0 && !store->failing)
			log_error("store", "%s: settings cannot be kept: %s", store->dir,
				  strerror(-r));
		store->failing = r < 0;
		free(text);
		pthread_mutex_lock(&store->lock);
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

int store_open(const char *state_dir, struct store **ret_store, struct error *err)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	snprintf(store->dir, sizeof(store->dir), "%s", state_dir);
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->news, NULL);
	load(store);
	*ret_store = store;
	return 0;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	pthread_mutex_lock(&store->lock);
	store->quit = true;
	pthread_cond_signal(&store->news);
	pthread_mutex_unlock(&store->lock);
	if (store->has_thread)
		pthread_join(store->thread, NULL);
	pthread_cond_destroy(&store->news);
	pthread_mutex_destroy(&store->lock);
	free(store->text);
	free(store);
}

const struct store_settings *store_get(const struct store *store)
{
	return &store->settings;
}

static char *encode(const struct store_settings *settings)
{
	json_t *root = json_object();
	char *text = NULL;

	if (root == NULL)
		return NULL;
	if (settings->has_running)
		json_object_set_new(root, "running", json_boolean(settings->running));
	if (settings->has_picture)
		json_object_set_new(root, "picture",
				    json_pack("{s:i, s:i, s:i}", "width", (int)settings->width,
					      "height", (int)settings->height, "fps_milli",
					      (int)settings->fps_milli));
	text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	return text;
}

void store_set(struct store *store, const struct store_settings *settings)
{
	char *text = encode(settings);

	store->settings = *settings;
	pthread_mutex_lock(&store->lock);
	if (text != NULL) {
		free(store->text);
		store->text = text;
	}
	pthread_cond_signal(&store->news);
	pthread_mutex_unlock(&store->lock);
	/* Most daemons never change a setting: the thread starts with the first. */
	if (!store->has_thread)
		store->has_thread = pthread_create(&store->thread, NULL, run, store) == 0;
	if (!store->has_thread || text == NULL)
		log_error("store", "%s: settings cannot be kept: out of memory", store->dir);
}
