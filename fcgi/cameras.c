#include "fcgi/cameras.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/util.h"
#include "fcgi/clock.h"
#include "fcgi/ctlclient.h"
#include "fcgi/survey.h"

#define PATH_SIZE       108  /* of a Unix socket, with its NUL */
#define IMPATIENT_MS    300  /* longest wait of who finds many waiting already */
#define SURVEY_MS       300  /* for all cameras together */
#define IDLE_MAX        8    /* connections kept of one camera */
#define IDLE_TIMEOUT_MS 2000 /* nalcastd closes them after 5,000 */

/* A connection that nobody uses. */
struct idle {
	int fd;
	int64_t since_ms;
};

struct camera {
	char name[CAMNAME_MAX + 1]; /* "": free */
	unsigned waiting;           /* calls, and of these: */
	unsigned changing;
	unsigned failed;            /* calls, since one was answered */
	bool is_late;               /* a call was given up, and none was answered since */
	struct idle idle[IDLE_MAX]; /* the one used last is the last */
	unsigned idle_count;
};

struct cameras {
	struct cameras_config cfg;
	char folder[PATH_SIZE]; /* of the cameras' folders; "": there is one camera */
	const char *file;       /* the socket's name in a camera's folder */
	unsigned waiting_max, waiting_each_max, changing_max, changing_each_max;

	pthread_mutex_t lock; /* of all below; never held while waiting */
	unsigned waiting, changing;
	struct camera list[CAMERAS_MAX];
};

/* "DIR/main/FILE" is DIR and FILE. */
static void split_path(struct cameras *cameras)
{
	static const char middle[] = "/" CAMNAME_MAIN "/";
	const char *path = cameras->cfg.control_socket;
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash + 1 - path) : 0;

	if (len < sizeof(middle) - 1 ||
	    memcmp(path + len - (sizeof(middle) - 1), middle, sizeof(middle) - 1) != 0)
		return;
	memcpy(cameras->folder, path, len - (sizeof(middle) - 1));
	cameras->file = path + len;
	if (cameras->folder[0] == '\0')
		memcpy(cameras->folder, "/.", sizeof("/."));
}

static unsigned share(unsigned threads, unsigned part)
{
	return threads > part ? threads / part : 1;
}

int cameras_new(const struct cameras_config *cfg, struct cameras **ret_cameras, struct error *err)
{
	if (strlen(cfg->control_socket) >= PATH_SIZE)
		return error_set(err, -EINVAL, "%s: a socket's path has at most %d bytes",
				 cfg->control_socket, PATH_SIZE - 1);
	struct cameras *cameras = calloc(1, sizeof(*cameras));
	if (cameras == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	cameras->cfg = *cfg;
	split_path(cameras);
	/* Half of the threads wait for as long as it takes, a quarter for one camera: the others
	 * stay free for what is answered at once. */
	cameras->waiting_max = cameras->changing_max = share(cfg->threads, 2);
	cameras->waiting_each_max = cameras->changing_each_max = share(cfg->threads, 4);
	pthread_mutex_init(&cameras->lock, NULL);
	*ret_cameras = cameras;
	return 0;
}

static void close_idle(struct camera *camera)
{
	while (camera->idle_count > 0)
		close_fd(&camera->idle[--camera->idle_count].fd);
}

void cameras_free(struct cameras *cameras)
{
	if (cameras == NULL)
		return;
	for (size_t i = 0; i < CAMERAS_MAX; i++)
		close_idle(&cameras->list[i]);
	pthread_mutex_destroy(&cameras->lock);
	free(cameras);
}

/* -ENAMETOOLONG where no socket can be there. */
static int write_path(const struct cameras *cameras, const char *name, char out[PATH_SIZE])
{
	int len = strcmp(name, CAMNAME_MAIN) == 0
			  ? snprintf(out, PATH_SIZE, "%s", cameras->cfg.control_socket)
			  : snprintf(out, PATH_SIZE, "%s/%s/%s", cameras->folder, name,
				     cameras->file);

	return len < PATH_SIZE ? 0 : -ENAMETOOLONG;
}

static bool has_folder(const struct cameras *cameras, const char *name)
{
	char path[PATH_SIZE + CAMNAME_MAX + 2];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%.*s", cameras->folder, CAMNAME_MAX, name);
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A camera that does not run is one all the same. */
static bool knows(void *ctx, const char *name)
{
	const struct cameras *cameras = ctx;

	if (strcmp(name, CAMNAME_MAIN) == 0)
		return true;
	return cameras->folder[0] != '\0' && camname_is_valid(name) && has_folder(cameras, name);
}

/* Under the lock. NULL: all places are taken by cameras that are being asked. */
static struct camera *find(struct cameras *cameras, const char *name)
{
	struct camera *place = NULL;

	for (size_t i = 0; i < CAMERAS_MAX; i++) {
		struct camera *camera = &cameras->list[i];
		if (strcmp(camera->name, name) == 0)
			return camera;
		if (camera->waiting == 0 && (place == NULL || place->name[0] != '\0'))
			place = camera;
	}
	if (place != NULL) {
		close_idle(place);
		*place = (struct camera){.waiting = 0};
		snprintf(place->name, sizeof(place->name), "%s", name);
	}
	return place;
}

/* Under the lock: a connection from before, or -1. Those below the last are older than it. */
static int take_idle(struct camera *camera)
{
	if (camera->idle_count == 0)
		return -1;
	const struct idle *last = &camera->idle[camera->idle_count - 1];
	if (clock_now_ms() - last->since_ms > IDLE_TIMEOUT_MS) {
		close_idle(camera);
		return -1;
	}
	camera->idle_count--;
	return last->fd;
}

/* Under the lock. */
static void keep_idle(struct camera *camera, int fd)
{
	if (fd < 0 || camera->idle_count == IDLE_MAX) {
		close_fd(&fd);
		return;
	}
	camera->idle[camera->idle_count++] = (struct idle){fd, clock_now_ms()};
}

/* Under the lock: may this call be made now, and how long may it wait? */
static int admit(struct cameras *cameras, struct camera *camera, const struct api_call *call,
		 int *ret_timeout_ms, struct error *err)
{
	bool is_crowded = cameras->waiting >= cameras->waiting_max ||
			  camera->waiting >= cameras->waiting_each_max;

	*ret_timeout_ms = call->timeout_ms;
	if (call->is_change && (cameras->changing >= cameras->changing_max ||
				camera->changing >= cameras->changing_each_max))
		return error_set(err, -EBUSY,
				 "%u changes are being made at this moment, %u of them here, and "
				 "that is the most there may be.",
				 cameras->changing, camera->changing);
	if (call->is_change || !is_crowded)
		return 0;
	if (camera->is_late)
		return error_set(err, -ETIMEDOUT, "%s: no answer to others in time", camera->name);
	*ret_timeout_ms = (int)min_i64(call->timeout_ms, IMPATIENT_MS);
	return 0;
}

/* nalcastd's, and not the question's or our own end. */
static bool is_failure(int r)
{
	return r < 0 && r != -ECANCELED && r != -E2BIG;
}

/* A call that is admitted. */
struct visit {
	struct camera *camera;
	int fd; /* a connection from before, and for the next one; -1: none */
	int timeout_ms;
};

static int enter(struct cameras *cameras, const struct api_call *call, struct visit *ret_visit,
		 struct error *err)
{
	int timeout_ms = 0;

	pthread_mutex_lock(&cameras->lock);
	struct camera *camera = find(cameras, call->camera);
	int r = camera != NULL ? admit(cameras, camera, call, &timeout_ms, err)
			       : error_set(err, -EBUSY, "%d cameras are being asked.", CAMERAS_MAX);
	if (r == 0) {
		cameras->waiting++;
		camera->waiting++;
		cameras->changing += call->is_change;
		camera->changing += call->is_change;
		*ret_visit = (struct visit){camera, take_idle(camera), timeout_ms};
	}
	pthread_mutex_unlock(&cameras->lock);
	return r;
}

/* A failure that repeats is logged when it begins and when it ends. */
static void log_change(const struct api_call *call, unsigned failed_before, int r,
		       const struct error *err)
{
	if (r == 0 && failed_before > 0)
		log_info("control", "camera %s answers again after %u failed calls", call->camera,
			 failed_before);
	else if (is_failure(r) && failed_before == 0)
		log_warn("control", "camera %s: %s: %s", call->camera, call->op, err->text);
}

static void leave(struct cameras *cameras, const struct api_call *call, const struct visit *visit,
		  int r, const struct error *err)
{
	struct camera *camera = visit->camera;

	pthread_mutex_lock(&cameras->lock);
	keep_idle(camera, visit->fd);
	cameras->waiting--;
	camera->waiting--;
	cameras->changing -= call->is_change;
	camera->changing -= call->is_change;
	if (r == 0 || is_failure(r))
		camera->is_late = r == -ETIMEDOUT;
	unsigned failed = camera->failed;
	camera->failed = r == 0 ? 0 : failed + is_failure(r);
	pthread_mutex_unlock(&cameras->lock);
	log_change(call, failed, r, err);
}

static int ask_camera(const struct cameras *cameras, const struct api_call *call,
		      struct visit *visit, struct ctl_reply *ret_reply, struct error *err)
{
	char path[PATH_SIZE];
	struct ctlclient client = {path, cameras->cfg.cancel_fd, visit->fd, call->as_text};

	if (write_path(cameras, call->camera, path) < 0)
		return error_set(err, -ENAMETOOLONG, "camera %s: too long for the path of a socket",
				 call->camera);
	int r = ctlclient_call(&client, call->op, call->args, visit->timeout_ms, ret_reply, err);
	visit->fd = client.fd;
	return r;
}

static int call_camera(void *ctx, const struct api_call *call, struct ctl_reply *ret_reply,
		       struct error *err)
{
	struct cameras *cameras = ctx;
	struct visit visit = {.fd = -1};
	int r = enter(cameras, call, &visit, err);

	if (r < 0)
		return r;
	r = ask_camera(cameras, call, &visit, ret_reply, err);
	leave(cameras, call, &visit, r, err);
	return r;
}

/* Their names, main first: whether it is there or not, it is the one that is meant. */
static size_t find_names(const struct cameras *cameras, char (*names)[CAMNAME_MAX + 1])
{
	DIR *dir = cameras->folder[0] != '\0' ? opendir(cameras->folder) : NULL;
	size_t count = 1;
	const struct dirent *entry;

	snprintf(names[0], sizeof(names[0]), CAMNAME_MAIN);
	while (dir != NULL && count < CAMERAS_MAX && (entry = readdir(dir)) != NULL) {
		if (!camname_is_valid(entry->d_name) || strcmp(entry->d_name, CAMNAME_MAIN) == 0 ||
		    !has_folder(cameras, entry->d_name))
			continue;
		memcpy(names[count++], entry->d_name, strlen(entry->d_name) + 1);
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static json_t *camera_json(const char *name, const char *status)
{
	return json_pack("{s:s, s:s, s:{s:o}}", "name", name, "status", status, "links", "api",
			 json_sprintf("cameras/%s/", name));
}

static json_t *list(void *ctx)
{
	const struct cameras *cameras = ctx;
	char names[CAMERAS_MAX][CAMNAME_MAX + 1];
	size_t count = find_names(cameras, names);
	struct survey_item *items = calloc(count, sizeof(*items));
	json_t *all = json_array();

	if (items == NULL) {
		json_decref(all);
		return NULL;
	}
	qsort(names + 1, count - 1, sizeof(names[0]), compare_names);
	/* A path too long stays "": nobody is there. */
	for (size_t i = 0; i < count; i++)
		if (write_path(cameras, names[i], items[i].path) < 0)
			items[i].path[0] = '\0';
	survey(items, count, SURVEY_MS, cameras->cfg.cancel_fd);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(all, camera_json(names[i], items[i].status));
	free(items);
	return all;
}

const struct api_backend cameras_backend = {
	.call = call_camera,
	.knows = knows,
	.list = list,
};
