#include "streamer/darkroom.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/jpeg.h"

#define DARKROOM_NICE 10 /* the video wins: its encoder has 5 */

enum asked {
	ASKED_NOTHING,
	ASKED_ONCE,
	ASKED_ONGOING,
};

struct negative { /* a picture as it was offered */
	uint8_t *i420;
	size_t room; /* bytes */
	unsigned width, height;
	enum jfif_matrix matrix;
	bool unsuitable; /* nothing that JPEG can be made of */
	int64_t captured_us, offered_us;
};

struct darkroom {
	pthread_t thread;
	bool has_thread;
	int print_fd;
	atomic_int asked; /* enum asked */

	pthread_mutex_t box_lock; /* guards the next four; held while a picture is copied */
	pthread_cond_t box_filled;
	bool is_full, quit;
	struct negative box;

	pthread_mutex_t desk_lock; /* guards the rest; held for a moment only */
	struct darkroom_wish wish;
	struct darkroom_print
		*prints[DARKROOM_QUALITIES_MAX]; /* one that is not fetched gives way */

	struct negative work; /* the thread's own, as is the encoder */
	struct jpeg_encoder *encoder;
};

/* ---- the pipeline's thread ---- */

static bool make_room(struct negative *n, size_t bytes)
{
	if (n->room >= bytes)
		return true;
	free(n->i420);
	n->i420 = malloc(bytes);
	n->room = n->i420 != NULL ? bytes : 0;
	return n->i420 != NULL;
}

static uint8_t *copy_plane(uint8_t *to, const struct frame_plane *plane, unsigned width,
			   unsigned height)
{
	if (plane->stride == width) {
		memcpy(to, plane->data, (size_t)width * height);
		return to + (size_t)width * height;
	}
	for (unsigned y = 0; y < height; y++, to += width)
		memcpy(to, plane->data + (size_t)y * plane->stride, width);
	return to;
}

static bool is_suitable(const struct frame *frame)
{
	if (frame->fourcc != FRAME_I420 || frame->plane_count != 3)
		return false;
	if (frame->width == 0 || frame->width % 2 != 0 || frame->height % 2 != 0)
		return false;
	for (unsigned i = 0; i < 3; i++)
		if (frame->plane[i].data == NULL)
			return false;
	return true;
}

/* false: no memory for it. */
static bool fill(struct negative *n, const struct frame *frame, enum jfif_matrix matrix)
{
	unsigned width = frame->width, height = frame->height;

	n->captured_us = frame->pts_us;
	n->offered_us = clock_now_us();
	n->unsuitable = !is_suitable(frame);
	if (n->unsuitable)
		return true;
	if (!make_room(n, (size_t)width * height * 3 / 2))
		return false;
	n->width = width;
	n->height = height;
	n->matrix = matrix;
	uint8_t *to = copy_plane(n->i420, &frame->plane[0], width, height);
	to = copy_plane(to, &frame->plane[1], width / 2, height / 2);
	copy_plane(to, &frame->plane[2], width / 2, height / 2);
	return true;
}

void darkroom_offer(struct darkroom *d, const struct frame *frame, enum jfif_matrix matrix)
{
	int asked = atomic_load_explicit(&d->asked, memory_order_relaxed);

	if (asked == ASKED_NOTHING)
		return;
	/* Who asks anew from here on is asking for a later picture. */
	if (asked == ASKED_ONCE)
		atomic_compare_exchange_strong(&d->asked, &asked, ASKED_NOTHING);
	pthread_mutex_lock(&d->box_lock);
	d->is_full = fill(&d->box, frame, matrix);
	if (d->is_full)
		pthread_cond_signal(&d->box_filled);
	pthread_mutex_unlock(&d->box_lock);
}

/* ---- our own thread ---- */

/* Takes the picture; false: it is time to end. */
static bool fetch(struct darkroom *d)
{
	pthread_mutex_lock(&d->box_lock);
	while (!d->is_full && !d->quit)
		pthread_cond_wait(&d->box_filled, &d->box_lock);
	struct negative newest = d->box;
	d->box = d->work;
	d->work = newest;
	d->is_full = false;
	bool quit = d->quit;
	pthread_mutex_unlock(&d->box_lock);
	return !quit;
}

static struct darkroom_print *new_print(const struct negative *n, size_t bytes)
{
	struct darkroom_print *print = malloc(sizeof(*print) + bytes);

	if (print != NULL)
		*print = (struct darkroom_print){
			.refs = 1,
			.captured_us = n->captured_us,
			.offered_us = n->offered_us,
		};
	return print;
}

/* NULL: no memory; who asked will ask again. */
static struct darkroom_print *develop(struct darkroom *d, unsigned quality)
{
	const struct negative *n = &d->work;
	struct darkroom_print *print = new_print(n, jpeg_bytes_max(n->width, n->height));

	if (print == NULL)
		return NULL;
	print->quality = quality;
	if (jpeg_encode(d->encoder, n->i420, n->width, n->height, quality, print->bytes,
			&print->size, &print->error) < 0)
		return print;
	/* Of the room for the worst of pictures; to make it smaller cannot fail for long. */
	struct darkroom_print *cut = realloc(print, sizeof(*print) + print->size);
	return cut != NULL ? cut : print;
}

static struct darkroom_print *decline(const struct negative *n)
{
	struct darkroom_print *print = new_print(n, 0);

	if (print != NULL)
		error_set(
			&print->error, -EOPNOTSUPP,
			"the camera makes the H.264 itself: there are no pictures to make JPEG of");
	return print;
}

static void deliver(struct darkroom *d, unsigned slot, struct darkroom_print *print)
{
	if (print == NULL)
		return;
	pthread_mutex_lock(&d->desk_lock);
	struct darkroom_print *old = d->prints[slot];
	d->prints[slot] = print;
	pthread_mutex_unlock(&d->desk_lock);
	darkroom_print_unref(old);
	eventfd_write(d->print_fd, 1);
}

static struct darkroom_wish wish_now(struct darkroom *d)
{
	pthread_mutex_lock(&d->desk_lock);
	struct darkroom_wish wish = d->wish;
	pthread_mutex_unlock(&d->desk_lock);
	return wish;
}

static void forget(struct negative *n)
{
	free(n->i420);
	n->i420 = NULL;
	n->room = 0;
}

static void *run(void *arg)
{
	struct darkroom *d = arg;

	pthread_setname_np(pthread_self(), "jpeg");
	setpriority(PRIO_PROCESS, 0, DARKROOM_NICE); /* Linux: of this thread alone */
	while (fetch(d)) {
		struct darkroom_wish wish = wish_now(d);
		if (d->work.unsuitable) {
			deliver(d, 0, decline(&d->work));
			continue;
		}
		jfif_convert(d->work.i420, d->work.width, d->work.height, d->work.matrix);
		for (unsigned i = 0; i < wish.count; i++)
			deliver(d, i, develop(d, wish.quality[i]));
		if (!wish.ongoing)
			forget(&d->work);
	}
	return NULL;
}

/* ---- the loop's thread ---- */

static int set_up(struct darkroom *d)
{
	d->print_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_mutex_init(&d->box_lock, NULL);
	pthread_mutex_init(&d->desk_lock, NULL);
	pthread_cond_init(&d->box_filled, NULL);
	if (d->print_fd < 0)
		return -errno;
	d->encoder = jpeg_encoder_new();
	if (d->encoder == NULL)
		return -ENOMEM;
	int r = -pthread_create(&d->thread, NULL, run, d);
	d->has_thread = r == 0;
	return r;
}

int darkroom_new(struct darkroom **ret_darkroom, struct error *err)
{
	struct darkroom *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	int r = set_up(d);
	if (r < 0) {
		darkroom_free(d);
		return error_set(err, r, "the thread that makes JPEG: %s", strerror(-r));
	}
	*ret_darkroom = d;
	return 0;
}

static void end_thread(struct darkroom *d)
{
	pthread_mutex_lock(&d->box_lock);
	d->quit = true;
	pthread_cond_signal(&d->box_filled);
	pthread_mutex_unlock(&d->box_lock);
	pthread_join(d->thread, NULL);
}

void darkroom_free(struct darkroom *d)
{
	if (d == NULL)
		return;
	if (d->has_thread)
		end_thread(d);
	for (unsigned i = 0; i < DARKROOM_QUALITIES_MAX; i++)
		darkroom_print_unref(d->prints[i]);
	forget(&d->box);
	forget(&d->work);
	jpeg_encoder_free(d->encoder);
	pthread_cond_destroy(&d->box_filled);
	pthread_mutex_destroy(&d->box_lock);
	pthread_mutex_destroy(&d->desk_lock);
	close_fd(&d->print_fd);
	free(d);
}

void darkroom_ask(struct darkroom *d, const struct darkroom_wish *wish)
{
	pthread_mutex_lock(&d->desk_lock);
	d->wish = *wish;
	pthread_mutex_unlock(&d->desk_lock);
	atomic_store(&d->asked, wish->count == 0 ? ASKED_NOTHING
				: wish->ongoing  ? ASKED_ONGOING
						 : ASKED_ONCE);
}

int darkroom_fd(const struct darkroom *d)
{
	return d->print_fd;
}

struct darkroom_print *darkroom_take(struct darkroom *d)
{
	struct darkroom_print *print = NULL;
	eventfd_t count;

	pthread_mutex_lock(&d->desk_lock);
	for (unsigned i = 0; i < DARKROOM_QUALITIES_MAX && print == NULL; i++) {
		print = d->prints[i];
		d->prints[i] = NULL;
	}
	if (print == NULL)
		eventfd_read(d->print_fd, &count);
	pthread_mutex_unlock(&d->desk_lock);
	return print;
}

struct darkroom_print *darkroom_print_ref(struct darkroom_print *print)
{
	print->refs++;
	return print;
}

void darkroom_print_unref(struct darkroom_print *print)
{
	if (print != NULL && --print->refs == 0)
		free(print);
}
