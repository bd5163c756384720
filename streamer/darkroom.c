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
#include "streamer/mjpeg.h"
#include "streamer/photo.h"
#include "streamer/still.h"

#define DARKROOM_NICE 10 /* the video wins: its encoder has 5 */

enum asked { /* bits; 0: nothing */
	     ASKED_AS_IT_IS = 1 << 0,
	     ASKED_ENCODED = 1 << 1, /* in some quality */
	     ASKED_ONGOING = 1 << 2, /* of every picture, not of the next one only */
};

struct room { /* that is kept from picture to picture */
	uint8_t *data;
	size_t size; /* bytes */
};

struct negative {         /* a picture as it was offered */
	int asked;        /* which of enum asked it can serve; without I420 only ASKED_AS_IT_IS */
	struct room jpeg; /* the camera's own: */
	size_t jpeg_size; /* 0: it has none */
	struct room i420;
	unsigned width, height;
	enum jfif_matrix matrix;
	bool unsuitable; /* nothing that JPEG can be made of */
	int64_t captured_us, offered_us;
};

struct order {                /* to develop an IDR */
	const struct au *idr; /* NULL: none */
	int64_t published_us;
	struct darkroom_wish wish;
};

struct darkroom {
	pthread_t thread;
	bool has_thread;
	int print_fd;
	atomic_int asked; /* bits of enum asked */

	pthread_mutex_t box_lock; /* guards the next five; held while a picture is copied */
	pthread_cond_t box_filled;
	bool is_full, quit;
	struct negative box;
	struct order order;

	pthread_mutex_t desk_lock; /* guards the rest; held for a moment only */
	struct darkroom_wish wish;
	struct darkroom_print
		*prints[DARKROOM_QUALITIES_MAX]; /* one that is not fetched gives way */

	struct negative work; /* the thread's own, as is the encoder */
	struct jpeg_encoder *encoder;
};

/* ---- the pipeline's thread ---- */

static bool make_room(struct room *room, size_t bytes)
{
	if (room->size >= bytes)
		return true;
	free(room->data);
	room->data = malloc(bytes);
	room->size = room->data != NULL ? bytes : 0;
	return room->data != NULL;
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

static bool copy_i420(struct negative *n, const struct frame *frame)
{
	unsigned width = frame->width, height = frame->height;

	if (!make_room(&n->i420, (size_t)width * height * 3 / 2))
		return false;
	uint8_t *to = copy_plane(n->i420.data, &frame->plane[0], width, height);
	to = copy_plane(to, &frame->plane[1], width / 2, height / 2);
	copy_plane(to, &frame->plane[2], width / 2, height / 2);
	return true;
}

/* false: browsers cannot show it, or there is none. */
static bool copy_jpeg(struct negative *n, const struct frame *frame)
{
	struct mjpeg jpeg;

	if (frame->jpeg == NULL ||
	    mjpeg_check(frame->jpeg, frame->jpeg_size, frame->width, frame->height, &jpeg) < 0 ||
	    !make_room(&n->jpeg, mjpeg_bytes(&jpeg)))
		return false;
	mjpeg_write(&jpeg, n->jpeg.data);
	n->jpeg_size = mjpeg_bytes(&jpeg);
	return true;
}

/* false: no memory for it. */
static bool fill(struct negative *n, const struct frame *frame, enum jfif_matrix matrix, int asked)
{
	n->captured_us = frame->pts_us;
	n->offered_us = clock_now_us();
	n->asked = asked;
	n->jpeg_size = 0;
	n->unsuitable = !is_suitable(frame);
	if (n->unsuitable)
		return true;
	n->width = frame->width;
	n->height = frame->height;
	n->matrix = matrix;
	bool is_done = (asked & ASKED_AS_IT_IS) != 0 && copy_jpeg(n, frame) &&
		       (asked & ASKED_ENCODED) == 0;
	return is_done || copy_i420(n, frame);
}

void darkroom_offer(struct darkroom *d, const struct frame *frame, enum jfif_matrix matrix)
{
	int asked = atomic_load_explicit(&d->asked, memory_order_relaxed);

	if (asked == 0)
		return;
	/* Who asks anew from here on is asking for a later picture. */
	int seen = asked;
	if ((asked & ASKED_ONGOING) == 0)
		atomic_compare_exchange_strong(&d->asked, &seen, 0);
	pthread_mutex_lock(&d->box_lock);
	d->is_full = fill(&d->box, frame, matrix, asked);
	if (d->is_full)
		pthread_cond_signal(&d->box_filled);
	pthread_mutex_unlock(&d->box_lock);
}

/* ---- our own thread ---- */

/* What there is to do; false: it is time to end. */
static bool fetch(struct darkroom *d, bool *ret_has_work, struct order *ret_order)
{
	pthread_mutex_lock(&d->box_lock);
	while (!d->is_full && d->order.idr == NULL && !d->quit)
		pthread_cond_wait(&d->box_filled, &d->box_lock);
	*ret_has_work = d->is_full;
	if (d->is_full) {
		struct negative newest = d->box;
		d->box = d->work;
		d->work = newest;
	}
	d->is_full = false;
	*ret_order = d->order;
	d->order.idr = NULL;
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

/* NULL: no memory; who asked will ask again. */
static struct darkroom_print *hand_on(const struct negative *n)
{
	struct darkroom_print *print = new_print(n, n->jpeg_size);

	if (print == NULL)
		return NULL;
	memcpy(print->bytes, n->jpeg.data, n->jpeg_size);
	print->size = n->jpeg_size;
	return print;
}

static struct darkroom_print *encode(struct darkroom *d, unsigned quality)
{
	const struct negative *n = &d->work;
	struct darkroom_print *print = new_print(n, jpeg_bytes_max(n->width, n->height));

	if (print == NULL)
		return NULL;
	if (jpeg_encode(d->encoder, n->i420.data, n->width, n->height, quality, print->bytes,
			&print->size, &print->error) < 0)
		return print;
	/* Of the room for the worst of pictures; to make it smaller cannot fail for long. */
	struct darkroom_print *cut = realloc(print, sizeof(*print) + print->size);
	if (cut != NULL)
		print = cut;
	return print;
}

static struct darkroom_print *develop(struct darkroom *d, unsigned quality)
{
	bool is_as_it_is = quality == DARKROOM_AS_IT_IS;
	struct darkroom_print *print = is_as_it_is && d->work.jpeg_size > 0
					       ? hand_on(&d->work)
					       : encode(d, is_as_it_is ? PHOTO_QUALITY : quality);

	if (print != NULL)
		print->quality = quality;
	return print;
}

static int asked_by(unsigned quality)
{
	return quality == DARKROOM_AS_IT_IS ? ASKED_AS_IT_IS : ASKED_ENCODED;
}

/* What the picture was copied for; who has asked for more meanwhile has the next one. */
static void develop_all(struct darkroom *d, const struct darkroom_wish *wish)
{
	struct negative *n = &d->work;

	/* Of its I420, if there is any, in place. */
	if (n->jpeg_size == 0 || (n->asked & ASKED_ENCODED) != 0)
		jfif_convert(n->i420.data, n->width, n->height, n->matrix);
	for (unsigned i = 0; i < wish->count; i++)
		if ((n->asked & asked_by(wish->quality[i])) != 0)
			deliver(d, i, develop(d, wish->quality[i]));
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

static struct darkroom_wish wish_now(struct darkroom *d)
{
	pthread_mutex_lock(&d->desk_lock);
	struct darkroom_wish wish = d->wish;
	pthread_mutex_unlock(&d->desk_lock);
	return wish;
}

static void forget(struct negative *n)
{
	free(n->i420.data);
	free(n->jpeg.data);
	n->i420 = n->jpeg = (struct room){0};
}

static void develop_work(struct darkroom *d)
{
	struct darkroom_wish wish = wish_now(d);

	if (d->work.unsuitable) {
		deliver(d, 0, decline(&d->work));
		return;
	}
	develop_all(d, &wish);
	if (!wish.ongoing)
		forget(&d->work);
}

static void fail(struct darkroom *d, const struct error *error)
{
	struct darkroom_print *print = new_print(&d->work, 0);

	if (print != NULL)
		print->error = *error;
	deliver(d, 0, print);
}

static void develop_idr(struct darkroom *d, const struct order *order)
{
	struct negative *n = &d->work;
	struct error err = {0};
	struct still still;

	if (still_decode(order->idr->data, order->idr->size, &still, &err) < 0) {
		fail(d, &err);
		return;
	}
	still.frame.pts_us = order->idr->pts_us;
	if (fill(n, &still.frame, still.matrix, ASKED_AS_IT_IS | ASKED_ENCODED) && !n->unsuitable) {
		n->offered_us = order->published_us;
		develop_all(d, &order->wish);
	}
	still_free(&still);
	forget(n);
}

static void *run(void *arg)
{
	struct darkroom *d = arg;
	struct order order;
	bool has_work;

	pthread_setname_np(pthread_self(), "jpeg");
	setpriority(PRIO_PROCESS, 0, DARKROOM_NICE); /* Linux: of this thread alone */
	while (fetch(d, &has_work, &order)) {
		if (has_work)
			develop_work(d);
		if (order.idr != NULL)
			develop_idr(d, &order);
		au_unref(order.idr);
	}
	au_unref(order.idr);
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
	au_unref(d->order.idr);
	jpeg_encoder_free(d->encoder);
	pthread_cond_destroy(&d->box_filled);
	pthread_mutex_destroy(&d->box_lock);
	pthread_mutex_destroy(&d->desk_lock);
	close_fd(&d->print_fd);
	free(d);
}

void darkroom_ask(struct darkroom *d, const struct darkroom_wish *wish)
{
	int asked = wish->count > 0 && wish->ongoing ? ASKED_ONGOING : 0;

	for (unsigned i = 0; i < wish->count; i++)
		asked |= asked_by(wish->quality[i]);
	pthread_mutex_lock(&d->desk_lock);
	d->wish = *wish;
	pthread_mutex_unlock(&d->desk_lock);
	atomic_store(&d->asked, asked);
}

void darkroom_develop(struct darkroom *d, const struct au *idr, int64_t published_us,
		      const struct darkroom_wish *wish)
{
	pthread_mutex_lock(&d->box_lock);
	const struct au *old = d->order.idr;
	d->order = (struct order){au_ref(idr), published_us, *wish};
	pthread_cond_signal(&d->box_filled);
	pthread_mutex_unlock(&d->box_lock);
	au_unref(old);
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
