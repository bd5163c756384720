/* A recorded H.264 stream (Annex B) as a camera: its access units at its own pace, for ever. What
 * is a pipe and no recording is a live feed: see source_feed.h.
 *
 * The splitter makes the access units; a frame lends one of them, so nothing is copied here. At the
 * end the file begins anew with a splitter of its own, which drops what precedes the first IDR:
 * nothing after the seam refers to anything before it. */
#include "streamer/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/lender.h"
#include "streamer/nal.h"
#include "streamer/pace.h"
#include "streamer/source_feed.h"
#include "streamer/splitlog.h"
#include "streamer/splitter.h"

#define CHUNK_BYTES       (64u << 10)
#define CHUNKS_A_DEQUEUE  64   /* read at most that much before the pipeline may look elsewhere */
#define CHUNKS_TO_FIRST   1024 /* until when an IDR must have come */
#define LATE_MAX_US       1000000 /* after that the lost time is lost, not made up for */
#define FPS_DEFAULT_MILLI 25000
#define FPS_MIN_MILLI     1000 /* what a file may claim */
#define FPS_MAX_MILLI     240000

struct source_file {
	struct source source;
	struct source_format format;
	struct pace pace;
	uint64_t tick; /* of the frame that is due next */
	int fd;
	struct splitter *splitter;
	bool flushed;       /* the end was read */
	bool saw_nal;       /* in what was read so far, a start code was seen */
	uint64_t round_aus; /* since the file began anew */
	struct au *next;    /* read ahead, or NULL */
	struct lender lender;
	struct splitlog log;
	char name[SOURCE_DEVICE_MAX]; /* for people */
	bool starved;                 /* a frame is due, but all are lent */
	uint8_t chunk[CHUNK_BYTES];
};

static struct source_file *file_of(struct source *src)
{
	return container_of(src, struct source_file, source);
}

/* For people: standard input has a name as well. */
static const char *name_of(const char *device)
{
	return strcmp(device, "-") == 0 ? "standard input" : device;
}

static bool is_feed(const struct stat *st)
{
	return S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode);
}

static int check_kind(const char *path, const struct stat *st, struct error *err)
{
	if (S_ISDIR(st->st_mode))
		return error_set(err, -EISDIR, "%s: a directory, not a recording", path);
	if (!S_ISREG(st->st_mode) && !is_feed(st))
		return error_set(err, -EINVAL, "%s: neither a regular file nor a pipe", path);
	return 0;
}

/* A pipe that others read as well is made non-blocking for them, too: there is none. */
static int open_standard_input(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd >= 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		close_fd(&fd);
	return fd;
}

static int open_path(const char *path, int *ret_fd, struct stat *ret_st, struct error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? open_standard_input()
			  : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, ret_st) < 0) {
		int r = error_set(err, -errno, "%s: %s", name_of(path), strerror(errno));
		close_fd(&fd);
		return r;
	}
	int r = check_kind(name_of(path), ret_st, err);
	if (r < 0) {
		close_fd(&fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* Without opening a FIFO: that would let its writer go on, and closing it would end the writer. */
static int look_at(const char *path, struct stat *ret_st, struct error *err)
{
	if (path[0] == '\0')
		return error_set(err, -EINVAL, "the source 'file' needs a path: file:PATH");
	int r = strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, ret_st) : stat(path, ret_st);
	if (r < 0)
		return error_set(err, -errno, "%s: %s", name_of(path), strerror(errno));
	if (strcmp(path, "-") != 0 && access(path, R_OK) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	return check_kind(name_of(path), ret_st, err);
}

static int file_probe(const char *device, struct source_caps *ret_caps, struct error *err)
{
	const char *slash = strrchr(device, '/');
	struct stat st;
	int r = look_at(device, &st, err);

	if (r < 0)
		return r;
	memset(ret_caps, 0, sizeof(*ret_caps));
	snprintf(ret_caps->backend, sizeof(ret_caps->backend), "file");
	snprintf(ret_caps->id, sizeof(ret_caps->id), "%s", device);
	snprintf(ret_caps->name, sizeof(ret_caps->name), "%s",
		 slash != NULL ? slash + 1 : name_of(device));
	ret_caps->encoded = true;
	ret_caps->patience_ms = is_feed(&st) ? SOURCE_FEED_PATIENCE_MS : 0;
	return 0;
}

static void file_close(struct source *src)
{
	struct source_file *file = file_of(src);

	pace_close(&file->pace);
	close_fd(&file->fd);
	splitter_free(file->splitter);
	au_unref(file->next);
	lender_clear(&file->lender);
	free(file);
}

/* -EIO: a whole round gave nothing. */
static int begin_anew(struct source_file *file)
{
	if (file->round_aus == 0)
		return -EIO;
	struct splitter *splitter = splitter_new();
	if (splitter == NULL)
		return -ENOMEM;
	if (lseek(file->fd, 0, SEEK_SET) < 0) {
		splitter_free(splitter);
		return -EIO;
	}
	splitter_free(file->splitter);
	file->splitter = splitter;
	splitlog_begin_anew(&file->log);
	file->flushed = false;
	file->round_aus = 0;
	return 0;
}

static int feed_chunk(struct source_file *file)
{
	ssize_t size = read(file->fd, file->chunk, sizeof(file->chunk));

	if (size < 0)
		return errno == EINTR ? 0 : -errno;
	if (size > 0) {
		if (!file->saw_nal)
			file->saw_nal = nal_types(file->chunk, (size_t)size) != 0;
		return splitter_feed(file->splitter, file->chunk, (size_t)size);
	}
	if (file->flushed)
		return begin_anew(file);
	file->flushed = true;
	return splitter_flush(file->splitter);
}

/* -EAGAIN: nothing in so many chunks; go on later. */
static int read_next(struct source_file *file, unsigned chunks_max)
{
	for (unsigned i = 0; i < chunks_max; i++) {
		if (splitter_collect(file->splitter, &file->next) == 0) {
			file->round_aus++;
			return 0;
		}
		int r = feed_chunk(file);
		if (r < 0)
			return r;
	}
	return -EAGAIN;
}

static int read_first(struct source_file *file, const char *path, struct error *err)
{
	int r = read_next(file, CHUNKS_TO_FIRST);

	if (r == 0)
		return 0;
	if (r != -EIO && r != -EAGAIN)
		return error_set(err, r, "%s: %s", path, strerror(-r));
	if (!file->saw_nal)
		return error_set(err, -EINVAL, "%s: no H.264 byte stream (Annex B) in it", path);
	return error_set(err, -EINVAL, "%s: no IDR picture with its parameter sets in %s", path,
			 r == -EIO ? "it" : "its first 64 MiB");
}

static unsigned choose_fps(unsigned wanted_milli, unsigned own_milli)
{
	if (wanted_milli != 0)
		return wanted_milli;
	bool sane = own_milli >= FPS_MIN_MILLI && own_milli <= FPS_MAX_MILLI;
	return sane ? own_milli : FPS_DEFAULT_MILLI;
}

static int file_start(struct source_file *file, const struct source_config *cfg, struct error *err)
{
	if (lseek(file->fd, 0, SEEK_SET) < 0)
		return error_set(err, -errno, "%s: %s", file->name, strerror(errno));
	file->splitter = splitter_new();
	if (file->splitter == NULL)
		return error_set(err, -ENOMEM, "%s: no memory", file->name);
	int r = read_first(file, file->name, err);
	if (r < 0)
		return r;
	file->format.fourcc = FRAME_H264;
	file->format.width = file->next->format.width;
	file->format.height = file->next->format.height;
	file->format.fps_milli = choose_fps(cfg->fps_milli, file->next->format.fps_milli);
	return pace_open(&file->pace, file->format.fps_milli, err);
}

static int recording_open(int fd, const struct source_config *cfg, struct source **ret_source,
			  struct error *err)
{
	struct source_file *file = calloc(1, sizeof(*file));

	if (file == NULL) {
		close_fd(&fd);
		return error_set(err, -ENOMEM, "%s: no memory", cfg->device);
	}
	file->source.ops = &source_file_ops;
	file->fd = fd;
	file->pace.fd = -1;
	snprintf(file->name, sizeof(file->name), "%s", name_of(cfg->device));
	file->log.name = file->name;
	int r = file_start(file, cfg, err);
	if (r < 0) {
		file_close(&file->source);
		return r;
	}
	*ret_source = &file->source;
	return 0;
}

static int file_open(const struct source_config *cfg, struct source **ret_source, struct error *err)
{
	struct stat st;
	int fd = -1; /* open_path() sets it: gcc 12 does not see that */
	int r = look_at(cfg->device, &st, err);

	if (r == 0)
		r = open_path(cfg->device, &fd, &st, err);
	if (r < 0)
		return r;
	if (is_feed(&st))
		return source_feed_open(fd, cfg, SOURCE_FEED_SILENCE_US, ret_source, err);
	return recording_open(fd, cfg, ret_source, err);
}

static void file_get_format(const struct source *src, struct source_format *ret_format)
{
	*ret_format = ((const struct source_file *)src)->format;
}

static int file_get_fd(const struct source *src)
{
	return ((const struct source_file *)src)->pace.fd;
}

static uint64_t file_get_dropped(const struct source *src)
{
	return splitlog_dropped(&((const struct source_file *)src)->log);
}

static struct frame lend(struct source_file *file, int64_t pts_us)
{
	struct au *au = file->next;
	/* The IDR at the seam follows nothing that was lost. */
	bool lost = (au->flags & AU_DISCONTINUITY) != 0 && file->round_aus > 1;

	file->next = NULL;
	return lender_lend(&file->lender, au, lost, pts_us);
}

/* Make sure of file->next. Returns what dequeue() is to say if there is none. */
static int have_next(struct source_file *file, int64_t now_us)
{
	if (file->next != NULL)
		return 0;
	int r = read_next(file, CHUNKS_A_DEQUEUE);
	if (r == -EAGAIN || r == -ENOMEM)
		pace_wake_at(&file->pace, now_us);
	return r == -ENOMEM ? -ENODATA : r;
}

static int file_dequeue(struct source *src, struct frame *ret_frame)
{
	struct source_file *file = file_of(src);
	int64_t now_us = clock_now_us();
	int64_t due_us = pace_due_us(&file->pace, file->tick);

	file->starved = lender_is_empty(&file->lender);
	if (now_us < due_us || file->starved) {
		/* Starved, it is woken by release(). */
		pace_wake_at(&file->pace, file->starved ? now_us + LATE_MAX_US : due_us);
		return -EAGAIN;
	}
	int r = have_next(file, now_us);
	splitlog_look(&file->log, file->splitter, now_us);
	if (r < 0)
		return r;
	if (now_us - due_us > LATE_MAX_US) {
		file->pace.begin_us += now_us - due_us;
		due_us = now_us;
	}
	*ret_frame = lend(file, due_us);
	file->tick++;
	pace_wake_at(&file->pace, pace_due_us(&file->pace, file->tick));
	return 0;
}

static void file_release(struct source *src, uint32_t index)
{
	struct source_file *file = file_of(src);

	lender_take_back(&file->lender, index);
	if (file->starved)
		pace_wake_at(&file->pace, pace_due_us(&file->pace, file->tick));
	file->starved = false;
}

const struct source_ops source_file_ops = {
	.name = "file",
	.probe = file_probe,
	.open = file_open,
	.close = file_close,
	.get_format = file_get_format,
	.get_fd = file_get_fd,
	.get_dropped = file_get_dropped,
	.dequeue = file_dequeue,
	.release = file_release,
};
