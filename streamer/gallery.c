#include "streamer/gallery.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/conf.h"
#include "streamer/hub.h"
#include "streamer/parcel.h"
#include "streamer/still.h"
#include "streamer/wire.h"

#define SECOND_US   INT64_C(1000000)
#define SWEEP_US    SECOND_US
#define PATIENCE_US (5 * SECOND_US)  /* for the first picture */
#define SNAPSHOT_US (30 * SECOND_US) /* for all of a snapshot to be taken */
#define EVENTS_MAX  64

struct guest {
	TAILQ_ENTRY(guest) in_list;
	struct gallery *gallery;
	struct photo_request request;
	uint64_t id;
	struct wire wire;
	bool is_waiting;  /* for its first picture */
	bool is_answered; /* all that there is to say to it is in the wire: then it goes */
	bool is_counted;  /* among the host's viewers, or those who ask */
	bool wants_idr;   /* a snapshot, of a camera that makes the H.264 itself */
	bool is_ordered;  /* such a one, and an IDR for it is being developed */
	int64_t since_us;
	int64_t progress_us; /* it took something */
	int untaken_bytes;   /* at the last look */

	struct parcel parcel; /* what is being sent */

	uint64_t pictures, bytes, skipped;
};

struct gallery {
	struct gallery_config cfg;
	int epoll_fd;
	TAILQ_HEAD(guest_list, guest) guests;
	unsigned count, snapshots;
	struct darkroom_print *newest; /* for those who take an older one */
	sd_event_source *epoll_source, *print_source;
	sd_event_source *sweep_timer; /* runs while there are guests */
};

/* ---- coming and going ---- */

static void count_in(struct guest *guest, int by)
{
	struct viewer_host *host = guest->gallery->cfg.host;

	if (guest->request.is_endless)
		host->watching += (unsigned)by;
	else
		host->asking += (unsigned)by;
	guest->is_counted = by > 0;
	host->on_watching(host->arg);
}

/* A snapshot is wanted from the camera only until it is there. */
static void count_out(struct guest *guest)
{
	if (guest->is_counted)
		count_in(guest, -1);
}

static void add_to_sums(const struct guest *guest)
{
	struct viewer_sums *gone = &guest->gallery->cfg.host->gone;

	gone->viewers++;
	gone->sent_aus += guest->pictures;
	gone->sent_bytes += guest->bytes;
	gone->skipped_aus += guest->skipped;
	log_info("gallery", "%llu: gone: %llu pictures, %llu skipped, %llu bytes",
		 (unsigned long long)guest->id, (unsigned long long)guest->pictures,
		 (unsigned long long)guest->skipped, (unsigned long long)guest->bytes);
}

static void remove_guest(struct guest *guest)
{
	struct gallery *g = guest->gallery;

	if (guest->request.is_endless && guest->is_counted)
		add_to_sums(guest);
	TAILQ_REMOVE(&g->guests, guest, in_list);
	g->count--;
	g->snapshots -= !guest->request.is_endless;
	if (g->count == 0)
		sd_event_source_set_enabled(g->sweep_timer, SD_EVENT_OFF);
	count_out(guest);
	parcel_clear(&guest->parcel);
	wire_close(&guest->wire);
	free(guest);
	g->cfg.on_gone(g->cfg.arg);
}

static void start_sweep(struct gallery *g)
{
	sd_event_source_set_time(g->sweep_timer, (uint64_t)(clock_now_us() + SWEEP_US));
	sd_event_source_set_enabled(g->sweep_timer, SD_EVENT_ONESHOT);
}

/* ---- sending; false: the connection is over ---- */

static bool send_picture(struct guest *guest)
{
	int r;

	if (guest->parcel.print == NULL)
		return true;
	r = parcel_send(&guest->parcel, &guest->wire);
	if (r <= 0)
		return r == 0;
	guest->bytes += guest->parcel.sent;
	guest->pictures++;
	parcel_clear(&guest->parcel);
	return guest->request.is_endless;
}

static bool send_all(struct guest *guest)
{
	if (guest->wire.unsent.size > 0 && !guest->wire.blocked &&
	    wire_send_unsent(&guest->wire) < 0)
		return false;
	if (guest->is_answered && guest->wire.unsent.size == 0)
		return false;
	return send_picture(guest) && wire_watch(&guest->wire, false, false) == 0;
}

static bool begin_picture(struct guest *guest, struct darkroom_print *print, int64_t now_us)
{
	bool is_first = guest->is_waiting;

	guest->is_waiting = false;
	guest->progress_us = now_us;
	parcel_pack(&guest->parcel, print, is_first, guest->request.is_endless);
	if (!guest->request.is_endless)
		count_out(guest);
	return send_all(guest);
}

/* Says why not, and that is all. */
static bool refuse(struct guest *guest, int status, const char *why)
{
	char bytes[2048];
	size_t size = http_write_problem(bytes, sizeof(bytes), status, why,
					 status == 503 ? "Retry-After: 2\r\n" : "");

	log_info("gallery", "%llu: %d: %s", (unsigned long long)guest->id, status, why);
	guest->is_waiting = false;
	guest->is_answered = true;
	count_out(guest);
	if (wire_say(&guest->wire, bytes, size) < 0)
		return false;
	return send_all(guest);
}

/* ---- the darkroom ---- */

/* Ready for the next picture? */
static bool is_free(const struct guest *guest)
{
	return !guest->is_answered && guest->parcel.print == NULL;
}

/* false: the next time. */
static bool wish_for(struct darkroom_wish *wish, const struct guest *guest)
{
	unsigned at = 0;

	wish->ongoing |= guest->request.is_endless;
	while (at < wish->count && wish->quality[at] != guest->request.quality)
		at++;
	if (at == DARKROOM_QUALITIES_MAX)
		return false;
	wish->quality[at] = (uint8_t)guest->request.quality;
	wish->count = at == wish->count ? at + 1 : wish->count;
	return true;
}

static void ask(struct gallery *g)
{
	struct darkroom_wish wish = {.count = 0};
	const struct guest *guest;

	if (g->cfg.darkroom == NULL)
		return;
	TAILQ_FOREACH(guest, &g->guests, in_list)
	{
		if (is_free(guest) && !guest->wants_idr)
			wish_for(&wish, guest);
	}
	darkroom_ask(g->cfg.darkroom, &wish);
}

/* What the web server has not fetched yet is on its way too. */
static int untaken_bytes(const struct guest *guest)
{
	int bytes;

	return ioctl(guest->wire.fd, SIOCOUTQ, &bytes) < 0 ? 0 : bytes;
}

/* IDR pictures may be rare: who names no age is shown the newest, as it is on the screens. */
static bool is_new_enough(const struct guest *guest, int64_t offered_us, int64_t captured_us)
{
	if (guest->wants_idr && !guest->request.is_age_told)
		return true;
	return guest->request.is_endless || offered_us >= guest->since_us ||
	       captured_us >= guest->since_us - guest->request.max_age_us;
}

static bool suits(const struct guest *guest, const struct darkroom_print *print)
{
	return guest->request.quality == print->quality &&
	       is_new_enough(guest, print->offered_us, print->captured_us);
}

/* Of a camera that makes the H.264 itself a snapshot can be had of an IDR. */
static bool show_error(struct guest *guest, const struct error *error)
{
	int code = error->code;

	if (!guest->is_waiting)
		return true;
	if (code == -EOPNOTSUPP && still_is_built() && !guest->request.is_endless) {
		guest->wants_idr = true;
		return true;
	}
	return refuse(guest, code == -EBADMSG ? 502 : code == -ENOMEM ? 503 : 501, error->text);
}

static bool show(struct guest *guest, struct darkroom_print *print, int64_t now_us)
{
	if (guest->is_answered)
		return true;
	if (print->error.code != 0)
		return show_error(guest, &print->error);
	if (!suits(guest, print))
		return true;
	if (!is_free(guest) || untaken_bytes(guest) > 0) {
		guest->skipped++;
		return true;
	}
	return begin_picture(guest, print, now_us);
}

/* Has the newest IDR developed for those for whom it is new enough; the others wait for the next,
 * which a camera that can be asked is asked for. An order takes the place of one that waits, so it
 * is for all of them. */
static void order_newest_idr(struct gallery *g, int64_t now_us)
{
	struct darkroom_wish wish = {.count = 0};
	int64_t published_us = 0;
	const struct au *idr = hub_newest_idr(g->cfg.host->hub, &published_us);
	bool is_due = false, is_missed = false;
	struct guest *guest;

	TAILQ_FOREACH(guest, &g->guests, in_list)
	{
		if (!guest->wants_idr || !guest->is_waiting)
			continue;
		if (idr == NULL || !is_new_enough(guest, published_us, idr->pts_us)) {
			is_missed = true;
			continue;
		}
		is_due |= !guest->is_ordered;
		guest->is_ordered = wish_for(&wish, guest);
	}
	if (is_due)
		darkroom_develop(g->cfg.darkroom, idr, published_us, &wish);
	if (is_missed)
		hub_request_idr(g->cfg.host->hub, now_us);
}

void gallery_follow_idr(struct gallery *g)
{
	if (g->snapshots > 0)
		order_newest_idr(g, clock_now_us());
}

static void show_all(struct gallery *g, struct darkroom_print *print, int64_t now_us)
{
	for (struct guest *guest = TAILQ_FIRST(&g->guests), *next; guest != NULL; guest = next) {
		next = TAILQ_NEXT(guest, in_list);
		if (!show(guest, print, now_us))
			remove_guest(guest);
	}
}

static int on_prints(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct gallery *g = arg;
	int64_t now_us = clock_now_us();
	struct darkroom_print *print;

	(void)source;
	(void)fd;
	(void)events;
	while ((print = darkroom_take(g->cfg.darkroom)) != NULL) {
		show_all(g, print, now_us);
		darkroom_print_unref(g->newest);
		g->newest = print;
	}
	gallery_follow_idr(g);
	ask(g);
	return 0;
}

/* ---- the guests ---- */

/* What they still say is not read; all of it that comes is that they go. */
static bool on_event(struct guest *guest, uint32_t events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		return false;
	if (events & EPOLLOUT)
		guest->wire.blocked = false;
	return send_all(guest);
}

static int on_guests(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct gallery *g = arg;
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(fd, events, EVENTS_MAX, 0);

	(void)source;
	(void)revents;
	for (int i = 0; i < count; i++) {
		struct guest *guest = events[i].data.ptr;
		if (!on_event(guest, events[i].events))
			remove_guest(guest);
	}
	ask(g);
	return 0;
}

static bool tick(struct guest *guest, int64_t now_us)
{
	const struct viewer_host *host = guest->gallery->cfg.host;
	int64_t timeout_us = host->limits->progress_timeout_s * SECOND_US;
	int bytes = untaken_bytes(guest);

	if (guest->is_waiting && now_us - guest->since_us >= PATIENCE_US)
		return refuse(guest, 503,
			      !host->online      ? host->reason
			      : guest->wants_idr ? "no IDR picture came in time: an older one "
						   "serves with a higher max_age_ms"
						 : "no picture came in time");
	if (!guest->request.is_endless)
		return now_us - guest->since_us < SNAPSHOT_US;
	if ((is_free(guest) && bytes == 0) || bytes != guest->untaken_bytes)
		guest->progress_us = now_us;
	guest->untaken_bytes = bytes;
	if (now_us - guest->progress_us < timeout_us)
		return true;
	log_info("gallery", "%llu: took nothing for %u s", (unsigned long long)guest->id,
		 host->limits->progress_timeout_s);
	return false;
}

static int on_sweep(sd_event_source *source, uint64_t usec, void *arg)
{
	struct gallery *g = arg;
	int64_t now_us = clock_now_us();

	(void)source;
	(void)usec;
	for (struct guest *guest = TAILQ_FIRST(&g->guests), *next; guest != NULL; guest = next) {
		next = TAILQ_NEXT(guest, in_list);
		if (!tick(guest, now_us))
			remove_guest(guest);
	}
	if (g->count > 0)
		start_sweep(g);
	ask(g);
	return 0;
}

/* Answers at once who can be; false: it is over. */
static bool receive(struct guest *guest, int64_t now_us)
{
	struct gallery *g = guest->gallery;
	const struct viewer_host *host = g->cfg.host;
	bool is_watched = host->watching + host->asking > 0;

	if (g->cfg.darkroom == NULL)
		return refuse(guest, 501, "this nalcastd was built without libturbojpeg");
	if (!host->running)
		return refuse(guest, 503, "the stream is stopped by its owner");
	if (!guest->request.is_endless && g->snapshots > GALLERY_SNAPSHOTS_MAX)
		return refuse(guest, 503, "too many snapshots are asked for at a time");
	if (g->newest != NULL && g->newest->error.code == 0 && guest->request.max_age_us > 0 &&
	    suits(guest, g->newest))
		return begin_picture(guest, g->newest, now_us);
	/* With somebody watching the camera is tried again and again anyway. */
	if (!host->online && is_watched)
		return refuse(guest, 503, host->reason);
	count_in(guest, 1);
	log_info("gallery", "%llu: %s %s", (unsigned long long)guest->id,
		 guest->request.peer[0] != '\0' ? guest->request.peer : "local",
		 guest->request.is_endless ? "watches, MJPEG" : "asks for a snapshot");
	return true;
}

void gallery_admit(struct gallery *g, int fd, uint64_t id, const struct photo_request *request)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	int64_t now_us = clock_now_us();

	if (guest == NULL || wire_open(&guest->wire, fd, g->epoll_fd, guest) < 0) {
		log_warn("gallery", "%llu cannot be let in", (unsigned long long)id);
		if (guest == NULL)
			close_fd(&fd);
		free(guest);
		return;
	}
	guest->gallery = g;
	guest->request = *request;
	guest->id = id;
	guest->since_us = guest->progress_us = now_us;
	guest->is_waiting = true;
	TAILQ_INSERT_TAIL(&g->guests, guest, in_list);
	if (g->count++ == 0)
		start_sweep(g);
	g->snapshots += !request->is_endless;
	if (!receive(guest, now_us))
		remove_guest(guest);
	ask(g);
}

/* Who watches already is kept: pictures may come back. */
void gallery_follow(struct gallery *g)
{
	const struct viewer_host *host = g->cfg.host;
	const char *why = !host->running  ? "the stream is stopped by its owner"
			  : !host->online ? host->reason
					  : NULL;

	if (why == NULL)
		return;
	for (struct guest *guest = TAILQ_FIRST(&g->guests), *next; guest != NULL; guest = next) {
		next = TAILQ_NEXT(guest, in_list);
		if (guest->is_waiting && !refuse(guest, 503, why))
			remove_guest(guest);
	}
	ask(g);
}

unsigned gallery_count(const struct gallery *g)
{
	return g->count;
}

void gallery_close(struct gallery *g)
{
	for (struct guest *guest = TAILQ_FIRST(&g->guests), *next; guest != NULL; guest = next) {
		next = TAILQ_NEXT(guest, in_list);
		if (guest->is_waiting)
			refuse(guest, 503, "nalcastd stops");
		remove_guest(guest);
	}
	ask(g);
}

bool gallery_close_one(struct gallery *g, uint64_t id)
{
	struct guest *guest;

	TAILQ_FOREACH(guest, &g->guests, in_list)
	{
		if (guest->id != id || !guest->request.is_endless || !guest->is_counted)
			continue;
		remove_guest(guest);
		ask(g);
		return true;
	}
	return false;
}

bool gallery_each(const struct gallery *g, bool (*fn)(void *arg, const struct viewer_facts *facts),
		  void *arg)
{
	int64_t now_us = clock_now_us();
	const struct guest *guest;

	TAILQ_FOREACH(guest, &g->guests, in_list)
	{
		struct viewer_facts facts = {
			.id = guest->id,
			.since_us = guest->since_us,
			.framing = FRAMING_BARE,
			.lag_us = guest->parcel.print != NULL
					  ? now_us - guest->parcel.print->captured_us
					  : 0,
			.sent_aus = guest->pictures,
			.sent_bytes = guest->bytes,
			.skipped_aus = guest->skipped,
			.latency_ms = -1,
		};
		if (!guest->request.is_endless || !guest->is_counted)
			continue;
		snprintf(facts.peer, sizeof(facts.peer), "%s",
			 guest->request.peer[0] != '\0' ? guest->request.peer : "local");
		if (!fn(arg, &facts))
			return false;
	}
	return true;
}

static int add_sources(struct gallery *g)
{
	sd_event *event = g->cfg.event;
	int r = sd_event_add_io(event, &g->epoll_source, g->epoll_fd, EPOLLIN, on_guests, g);

	if (r >= 0 && g->cfg.darkroom != NULL)
		r = sd_event_add_io(event, &g->print_source, darkroom_fd(g->cfg.darkroom), EPOLLIN,
				    on_prints, g);
	if (r >= 0)
		r = sd_event_add_time(event, &g->sweep_timer, CLOCK_MONOTONIC, 0, 0, on_sweep, g);
	if (r >= 0)
		r = sd_event_source_set_enabled(g->sweep_timer, SD_EVENT_OFF);
	return r;
}

int gallery_new(const struct gallery_config *cfg, struct gallery **ret_gallery)
{
	struct gallery *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return -ENOMEM;
	g->cfg = *cfg;
	TAILQ_INIT(&g->guests);
	g->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int r = g->epoll_fd < 0 ? -errno : add_sources(g);
	if (r < 0) {
		gallery_free(g);
		return r;
	}
	*ret_gallery = g;
	return 0;
}

void gallery_free(struct gallery *g)
{
	if (g == NULL)
		return;
	while (!TAILQ_EMPTY(&g->guests))
		remove_guest(TAILQ_FIRST(&g->guests));
	darkroom_print_unref(g->newest);
	sd_event_source_disable_unref(g->epoll_source);
	sd_event_source_disable_unref(g->print_source);
	sd_event_source_disable_unref(g->sweep_timer);
	close_fd(&g->epoll_fd);
	free(g);
}
