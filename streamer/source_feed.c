#include "streamer/source_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/lender.h"
#include "streamer/pace.h"
#include "streamer/splitlog.h"
#include "streamer/splitter.h"

#define CHUNK_BYTES      (64u << 10)
#define CHUNKS_A_DEQUEUE 64 /* read at most that much before the pipeline may look elsewhere */
#define PIPE_BYTES       (64u << 10) /* where the kernel does not say */
#define FRAME_US         40000       /* while the rate is not known */
#define FRAME_MAX_US     1000000
#define PAUSE_MAX_US     2000000

struct source_feed {
	struct source source;
	char name[SOURCE_DEVICE_MAX]; /* for people */
	char reason[SOURCE_DEVICE_MAX + 128];
	struct source_format format;
	int fd, epoll_fd;   /* epoll: of fd and the timer */
	struct pace timer;  /* only its alarm */
	bool stale;         /* what waits in the pipe is old: to be dropped until it is empty */
	bool has_data;      /* something came since it was opened */
	bool ended;         /* the writer is gone, and what it left is in the splitter */
	bool paused;        /* the splitter knows of this silence */
	bool starved;       /* all frames are lent: fd is not waited for */
	bool first_of_read; /* the next access unit was in the making before the newest read */

	struct splitter *splitter;
	struct splitlog log;
	struct lender lender;
	int64_t read_us, read_before_us; /* CLOCK_MONOTONIC: when bytes came; at first, opening */
	int64_t silence_us;              /* then it is lost */
	int64_t frame_us;
	unsigned stutters; /* pauses that were no ends */
	int64_t pts_us;    /* of the newest frame */
	uint8_t chunk[CHUNK_BYTES];
};

static struct source_feed *feed_of(struct source *src)
{
	return container_of(src, struct source_feed, source);
}

static void feed_close(struct source *src)
{
	struct source_feed *feed = feed_of(src);

	pace_close(&feed->timer);
	close_fd(&feed->epoll_fd);
	close_fd(&feed->fd);
	splitter_free(feed->splitter);
	lender_clear(&feed->lender);
	free(feed);
}

static int lose(struct source_feed *feed, int code, const char *why)
{
	snprintf(feed->reason, sizeof(feed->reason), "%s: %s", feed->name, why);
	return code;
}

/* Was the writer held up, so that what waits is from another time? Pages of a pipe can be half
 * empty, so half of what it holds may be all that fits. */
static bool is_full(int fd)
{
	int capacity = fcntl(fd, F_GETPIPE_SZ);
	int waiting = 0;

	if (capacity < 0)
		capacity = PIPE_BYTES;
	return ioctl(fd, FIONREAD, &waiting) == 0 && waiting >= capacity / 2;
}

static int watch(struct source_feed *feed, int fd, int op, uint32_t events)
{
	struct epoll_event event = {.events = events};

	return epoll_ctl(feed->epoll_fd, op, fd, &event) < 0 ? -errno : 0;
}

static int feed_start(struct source_feed *feed, struct error *err)
{
	int r = pace_open(&feed->timer, 1000, err);

	if (r < 0)
		return r;
	feed->splitter = splitter_new();
	if (feed->splitter == NULL)
		return error_set(err, -ENOMEM, "%s: no memory", feed->name);
	feed->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r = feed->epoll_fd < 0 ? -errno : watch(feed, feed->fd, EPOLL_CTL_ADD, EPOLLIN);
	if (r == 0)
		r = watch(feed, feed->timer.fd, EPOLL_CTL_ADD, EPOLLIN);
	if (r < 0)
		return error_set(err, r, "%s: epoll: %s", feed->name, strerror(-r));
	feed->stale = is_full(feed->fd);
	feed->paused = true; /* there is nothing that could end */
	feed->read_us = feed->read_before_us = clock_now_us();
	return 0;
}

static int64_t frame_time_us(unsigned fps_milli)
{
	return fps_milli == 0 ? FRAME_US : min_i64(1000000000 / (int64_t)fps_milli, FRAME_MAX_US);
}

static void feed_get_format(const struct source *src, struct source_format *ret_format)
{
	*ret_format = ((const struct source_feed *)src)->format;
}

static int feed_get_fd(const struct source *src)
{
	return ((const struct source_feed *)src)->epoll_fd;
}

static const char *feed_get_reason(const struct source *src)
{
	return ((const struct source_feed *)src)->reason;
}

static uint64_t feed_get_dropped(const struct source *src)
{
	return splitlog_dropped(&((const struct source_feed *)src)->log);
}

/* A FIFO says that nobody writes to it also before the first writer came. */
static bool has_lost_its_writer(const struct source_feed *feed)
{
	struct pollfd pfd = {.fd = feed->fd};

	return feed->has_data || (poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLHUP) != 0);
}

static int take_end(struct source_feed *feed)
{
	if (feed->ended)
		return lose(feed, -ENODEV, "the feed ended");
	if (!has_lost_its_writer(feed))
		return -EAGAIN;
	feed->ended = true;
	return splitter_flush(feed->splitter);
}

static int take_bytes(struct source_feed *feed, size_t size)
{
	feed->has_data = true;
	feed->read_before_us = feed->read_us;
	feed->read_us = clock_now_us();
	if (feed->stale)
		return 0;
	feed->first_of_read = !feed->paused;
	feed->paused = false;
	return splitter_feed(feed->splitter, feed->chunk, size);
}

/* -EAGAIN: nothing more there. */
static int read_chunk(struct source_feed *feed)
{
	ssize_t size = read(feed->fd, feed->chunk, sizeof(feed->chunk));

	if (size > 0)
		return take_bytes(feed, (size_t)size);
	if (size == 0)
		return take_end(feed);
	if (errno == EINTR)
		return 0;
	if (errno != EAGAIN)
		return lose(feed, -errno, strerror(errno));
	feed->stale = false;
	return -EAGAIN;
}

static int64_t pause_us(const struct source_feed *feed)
{
	int64_t pause_us = feed->frame_us;

	for (unsigned i = 0; i < feed->stutters && pause_us < PAUSE_MAX_US; i++)
		pause_us *= 2;
	return pause_us;
}

/* Nothing more to read. Returns 0 if that may have completed an access unit. */
static int take_silence(struct source_feed *feed)
{
	int64_t now_us = clock_now_us();
	int64_t lost_us = feed->read_us + feed->silence_us;
	int64_t pause_at_us = feed->read_us + pause_us(feed);

	if (now_us >= lost_us)
		return lose(feed, -ETIMEDOUT,
			    feed->has_data ? "nothing comes any more" : "nobody writes to it");
	if (!feed->paused && now_us >= pause_at_us) {
		feed->paused = true;
		feed->first_of_read = false;
		return splitter_pause(feed->splitter);
	}
	pace_wake_at(&feed->timer, feed->paused ? lost_us : min_i64(pause_at_us, lost_us));
	return -EAGAIN;
}

/* The access unit that a read completed by beginning the next one had come before that read. */
static int64_t next_pts_us(struct source_feed *feed)
{
	int64_t came_us = feed->first_of_read ? feed->read_before_us : feed->read_us;

	feed->first_of_read = false;
	feed->pts_us = max_i64(came_us, feed->pts_us + 1);
	return feed->pts_us;
}

static struct frame lend(struct source_feed *feed, struct au *au)
{
	if (feed->format.fps_milli == 0)
		feed->frame_us = frame_time_us(au->format.fps_milli);
	return lender_lend(&feed->lender, au, (au->flags & AU_DISCONTINUITY) != 0,
			   next_pts_us(feed));
}

static void look(struct source_feed *feed)
{
	splitlog_look(&feed->log, feed->splitter, feed->read_us);
	feed->stutters = (unsigned)min_i64((int64_t)feed->log.now.aus_cut, 32);
}

static int next_au(struct source_feed *feed, struct au **ret_au)
{
	for (unsigned i = 0; i < CHUNKS_A_DEQUEUE; i++) {
		if (splitter_collect(feed->splitter, ret_au) == 0)
			return 0;
		int r = read_chunk(feed);
		if (r == -EAGAIN)
			r = take_silence(feed);
		if (r < 0)
			return r == -ENOMEM ? -ENODATA : r;
	}
	pace_wake_at(&feed->timer, clock_now_us());
	return -EAGAIN;
}

static int feed_dequeue(struct source *src, struct frame *ret_frame)
{
	struct source_feed *feed = feed_of(src);
	struct au *au;

	if (lender_is_empty(&feed->lender)) {
		/* Woken by release(), not by what waits in the pipe. */
		feed->starved = true;
		watch(feed, feed->fd, EPOLL_CTL_MOD, 0);
		pace_wake_at(&feed->timer, clock_now_us() + feed->silence_us);
		return -EAGAIN;
	}
	int r = next_au(feed, &au);
	look(feed);
	if (r == 0)
		*ret_frame = lend(feed, au);
	return r;
}

static void feed_release(struct source *src, uint32_t index)
{
	struct source_feed *feed = feed_of(src);

	lender_take_back(&feed->lender, index);
	if (!feed->starved)
		return;
	feed->starved = false;
	watch(feed, feed->fd, EPOLL_CTL_MOD, EPOLLIN);
	pace_wake_at(&feed->timer, clock_now_us());
}

static const struct source_ops feed_ops = {
	.name = "file",
	.close = feed_close,
	.get_format = feed_get_format,
	.get_fd = feed_get_fd,
	.get_reason = feed_get_reason,
	.get_dropped = feed_get_dropped,
	.dequeue = feed_dequeue,
	.release = feed_release,
};

int source_feed_open(int fd, const struct source_config *cfg, int64_t silence_us,
		     struct source **ret_source, struct error *err)
{
	struct source_feed *feed = calloc(1, sizeof(*feed));

	if (feed == NULL) {
		close_fd(&fd);
		return error_set(err, -ENOMEM, "%s: no memory", cfg->device);
	}
	feed->source.ops = &feed_ops;
	feed->fd = fd;
	feed->epoll_fd = -1;
	feed->timer.fd = -1;
	feed->format = (struct source_format){.fourcc = FRAME_H264, .fps_milli = cfg->fps_milli};
	feed->frame_us = frame_time_us(cfg->fps_milli);
	feed->silence_us = silence_us;
	snprintf(feed->name, sizeof(feed->name), "%s",
		 strcmp(cfg->device, "-") == 0 ? "standard input" : cfg->device);
	feed->log.name = feed->name;
	int r = feed_start(feed, err);
	if (r < 0) {
		feed_close(&feed->source);
		return r;
	}
	*ret_source = &feed->source;
	return 0;
}
