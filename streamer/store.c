#include "streamer/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "common/log.h"
#include "common/util.h"

#define FILE_NAME      "settings.json"
#define RETRY_S        30
#define ROOM_MIN_BYTES 65536 /* for the old file and the new one, with room to spare */

struct store {
	char dir[256];
	json_t *root; /* the loop's */

	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t news;
	char *text;      /* to be written; owned */
	bool is_writing; /* what was text a moment ago */
	bool quit;
	struct error failure; /* of the last writing; code 0: it went well */
};

/* An object, or NULL, with words; the file may be absent, which is an empty one. */
static json_t *load(const char *path, struct error *err)
{
	json_error_t where;
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		if (errno == ENOENT)
			return json_object();
		error_set(err, -errno, "%s: %m", path);
		return NULL;
	}
	json_t *root = json_loadf(file, JSON_REJECT_DUPLICATES, &where);
	fclose(file);
	if (json_is_object(root))
		return root;
	if (root != NULL)
		snprintf(where.text, sizeof(where.text), "not an object");
	json_decref(root);
	error_set(err, -EINVAL, "%s: damaged (line %d: %.100s)", path, where.line, where.text);
	return NULL;
}

static void set_aside(const char *path, const struct error *why)
{
	char aside[320];

	snprintf(aside, sizeof(aside), "%s.damaged", path);
	int r = why->code == -EINVAL ? rename(path, aside) : -1;
	log_warn("store", "%s%s%s: the settings' defaults serve", why->text,
		 r == 0 ? ", set aside as " : "", r == 0 ? aside : "");
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

/* Nothing waits for the disk with the lock held. Returns whether it went well. */
static bool write_text(struct store *store, char *text)
{
	struct error failure = {0};

	store->is_writing = true;
	pthread_mutex_unlock(&store->lock);
	int r = write_file(store, text);
	if (r < 0)
		error_set(&failure, r, "%s: settings cannot be kept: %s", store->dir, strerror(-r));
	pthread_mutex_lock(&store->lock);
	if (r < 0 && store->failure.code == 0)
		log_error("store", "%s", failure.text);
	if (r == 0 && store->failure.code != 0)
		log_info("store", "%s: settings are kept again", store->dir);
	store->is_writing = false;
	store->failure = failure;
	/* What failed is still to be written, unless there is something newer. */
	if (r < 0 && store->text == NULL)
		store->text = text;
	else
		free(text);
	return r == 0;
}

/* For news, or for the time to try again. */
static void wait_after_failure(struct store *store)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RETRY_S;
	pthread_cond_timedwait(&store->news, &store->lock, &until);
}

static void write_until_told_to_quit(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	while (store->text != NULL || !store->quit) {
		if (store->text == NULL) {
			pthread_cond_wait(&store->news, &store->lock);
			continue;
		}
		char *text = store->text;
		store->text = NULL;
		if (write_text(store, text))
			continue;
		if (store->quit)
			break;
		wait_after_failure(store);
	}
	pthread_mutex_unlock(&store->lock);
}

static void *run(void *arg)
{
	pthread_setname_np(pthread_self(), "store");
	write_until_told_to_quit(arg);
	return NULL;
}

static int make(const char *state_dir, bool to_look, struct store **ret_store, struct error *err)
{
	struct store *store = calloc(1, sizeof(*store));
	struct error why = {-ENOMEM, "out of memory"};
	char path[300];

	if (store == NULL)
		return error_set(err, why.code, "%s", why.text);
	snprintf(store->dir, sizeof(store->dir), "%s", state_dir);
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->news, NULL);
	snprintf(path, sizeof(path), "%s/" FILE_NAME, store->dir);
	store->root = load(path, &why);
	if (store->root == NULL && !to_look && why.code != -ENOMEM) {
		set_aside(path, &why);
		store->root = json_object();
	}
	if (store->root == NULL) {
		store_close(store);
		return error_set(err, why.code, "%s", why.text);
	}
	*ret_store = store;
	return 0;
}

int store_open(const char *state_dir, struct store **ret_store, struct error *err)
{
	return make(state_dir, false, ret_store, err);
}

int store_look(const char *state_dir, struct store **ret_store, struct error *err)
{
	return make(state_dir, true, ret_store, err);
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
	else
		write_until_told_to_quit(store);
	pthread_cond_destroy(&store->news);
	pthread_mutex_destroy(&store->lock);
	free(store->text);
	json_decref(store->root);
	free(store);
}

const json_t *store_get(const struct store *store)
{
	return store->root;
}

void store_set(struct store *store, json_t *root)
{
	char *text = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;

	if (text == NULL) {
		log_error("store", "%s: settings cannot be kept: out of memory", store->dir);
		json_decref(root);
		return;
	}
	json_decref(store->root);
	store->root = root;
	pthread_mutex_lock(&store->lock);
	free(store->text);
	store->text = text;
	pthread_cond_signal(&store->news);
	pthread_mutex_unlock(&store->lock);
	/* Most daemons never change a setting: the thread starts with the first. */
	if (!store->has_thread)
		store->has_thread = pthread_create(&store->thread, NULL, run, store) == 0;
	if (!store->has_thread)
		log_error("store", "%s: settings cannot be kept: no thread", store->dir);
}

bool store_is_kept(struct store *store, struct error *ret_err)
{
	pthread_mutex_lock(&store->lock);
	bool kept = store->text == NULL && !store->is_writing && store->failure.code == 0;
	*ret_err = store->failure;
	pthread_mutex_unlock(&store->lock);
	return kept;
}

int store_probe(const struct store *store, struct error *err)
{
	struct statvfs disk;

	/* The folder is made with the first change: until then, the one above it counts. */
	if (access(store->dir, F_OK) < 0 && errno == ENOENT) {
		char above[sizeof(store->dir)];
		snprintf(above, sizeof(above), "%s", store->dir);
		char *slash = strrchr(above, '/');
		if (slash != NULL && slash != above)
			*slash = '\0';
		if (access(above, W_OK | X_OK) < 0)
			return error_set(err, -errno, "%s: cannot be made: %s: %m", store->dir,
					 above);
		return 0;
	}
	if (access(store->dir, W_OK | X_OK) < 0 || statvfs(store->dir, &disk) < 0)
		return error_set(err, -errno, "%s: %m", store->dir);
	if (disk.f_bavail * disk.f_frsize < ROOM_MIN_BYTES)
		return error_set(err, -ENOSPC, "%s: the disk is full", store->dir);
	return 0;
}
