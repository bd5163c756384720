#include "streamer/server.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/framing.h"
#include "streamer/gallery.h"
#include "streamer/hub.h"
#include "streamer/listener.h"
#include "streamer/viewer.h"

#define SEND_BUFFER_BYTES 65536 /* the kernel doubles it; without: 217 kB hide there */
#define HANDSHAKES_MAX    64 /* connections beyond viewers_max that have yet to say what they are */
#define DESCRIPTORS_KEPT  48 /* from viewers: for camera, settings and the owner */
#define SWEEP_US          1000000
#define EVENTS_MAX        256
#define HEAR_US           50000 /* half the least lag that anybody is judged by */

struct server {
	struct server_config cfg;
	struct viewer_host host;
	struct hub *hub;
	struct gallery *gallery;
	uint64_t next_id;
	unsigned connections_max; /* as descriptors go */
	bool watched;
	bool closing;
	int64_t heard_us; /* what viewers had said until then is read */
	struct percentile capture_to_publish;

	struct listener *listener; /* NULL once closing */
	sd_event_source *epoll_source, *auq_source;
	sd_event_source *sweep_timer; /* runs while there are viewers */
};

static unsigned connections(const struct server *server)
{
	return server->host.count + gallery_count(server->gallery);
}

static void on_gone(void *arg)
{
	struct server *server = arg;

	listener_resume(server->listener);
	if (server->closing && connections(server) == 0)
		server->cfg.on_closed(server->cfg.arg);
}

static void remove_viewer(struct server *server, struct viewer *v)
{
	viewer_free(v);
	if (server->host.count == 0)
		sd_event_source_set_enabled(server->sweep_timer, SD_EVENT_OFF);
	on_gone(server);
}

static void on_photo(void *arg, int fd, uint64_t id, const struct photo_request *request)
{
	struct server *server = arg;

	gallery_admit(server->gallery, fd, id, request);
}

static void on_watching(void *arg)
{
	struct server *server = arg;
	bool watched = server->host.watching + server->host.asking > 0;

	if (watched == server->watched)
		return;
	server->watched = watched;
	server->cfg.on_watched(server->cfg.arg, watched);
}

static void on_need_idr(void *arg)
{
	struct server *server = arg;

	server->cfg.need_idr(server->cfg.arg);
}

static void start_sweep(struct server *server)
{
	sd_event_source_set_time(server->sweep_timer, (uint64_t)(clock_now_us() + SWEEP_US));
	sd_event_source_set_enabled(server->sweep_timer, SD_EVENT_ONESHOT);
}

static bool has_room(void *arg)
{
	const struct server *server = arg;

	unsigned count = connections(server);

	return count < server->connections_max && count < server->host.viewers_max + HANDSHAKES_MAX;
}

static void on_peer(void *arg, int fd)
{
	struct server *server = arg;
	int bytes = SEND_BUFFER_BYTES;

	/* Only a bound on memory: were it refused, the system's own would do. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	int r = viewer_new(&server->host, fd, server->next_id++, clock_now_us());
	if (r < 0)
		log_warn("server", "a viewer cannot be let in: %s", strerror(-r));
	else if (server->host.count == 1)
		start_sweep(server);
}

/* Serves the viewers whose sockets have news. Returns whether there may be more of them. */
static bool hear(struct server *server, int64_t now_us)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(server->host.epoll_fd, events, EVENTS_MAX, 0);

	/* Each viewer is in there once, and is freed by its own event only. */
	for (int i = 0; i < count; i++) {
		struct viewer *v = events[i].data.ptr;
		if (!viewer_on_events(v, events[i].events, now_us))
			remove_viewer(server, v);
	}
	if (count < EVENTS_MAX)
		server->heard_us = now_us;
	return count == EVENTS_MAX;
}

static int on_viewers(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	(void)source;
	(void)fd;
	(void)events;
	hear(arg, clock_now_us());
	return 0;
}

/* New pictures come before words; but if it is we who were late, the acknowledgements that wait
 * in the sockets must not make laggards of those who sent them. */
static void hear_before_judging(struct server *server)
{
	int64_t now_us = clock_now_us();
	unsigned rounds = server->host.count / EVENTS_MAX + 1;

	if (now_us - server->heard_us <= HEAR_US)
		return;
	while (rounds-- > 0 && hear(server, now_us))
		;
}

/* Stalled viewers hold the access unit they are in the middle of. All together they may hold so
 * much; past it, who has stalled longest goes. */
static void limit_pinned(struct server *server, int64_t now_us)
{
	while (hub_pinned_bytes(server->hub) > server->host.limits->pinned_bytes_max) {
		struct viewer *worst = NULL;
		int64_t worst_us = 0;
		for (struct viewer *v = TAILQ_FIRST(&server->host.viewers); v != NULL;
		     v = viewer_next(v)) {
			int64_t stalled_us = viewer_stalled_us(v, now_us);
			if (stalled_us > worst_us) {
				worst_us = stalled_us;
				worst = v;
			}
		}
		if (worst == NULL)
			return;
		log_warn("server", "stalled viewers hold %zu bytes: closing the longest stalled",
			 hub_pinned_bytes(server->hub));
		remove_viewer(server, worst);
	}
}

static int on_auq(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct server *server = arg;
	const struct au *au;
	bool has_idr = false;

	(void)source;
	(void)fd;
	(void)events;
	hear_before_judging(server);
	int64_t now_us = clock_now_us();
	while ((au = auq_pop(server->cfg.auq)) != NULL) {
		percentile_add(&server->capture_to_publish, now_us - au->pts_us, now_us);
		has_idr |= (au->flags & AU_IDR) != 0;
		if (hub_publish(server->hub, au, now_us) < 0)
			log_warn("server", "out of memory: an access unit is lost");
	}
	for (struct viewer *v = TAILQ_FIRST(&server->host.viewers), *next; v != NULL; v = next) {
		next = viewer_next(v);
		if (viewer_is_watching(v) && !viewer_flush(v, now_us))
			remove_viewer(server, v);
	}
	limit_pinned(server, now_us);
	if (has_idr)
		gallery_follow_idr(server->gallery);
	return 0;
}

static int on_sweep(sd_event_source *source, uint64_t usec, void *arg)
{
	struct server *server = arg;

	(void)source;
	(void)usec;
	hear_before_judging(server);
	int64_t now_us = clock_now_us();
	for (struct viewer *v = TAILQ_FIRST(&server->host.viewers), *next; v != NULL; v = next) {
		next = viewer_next(v);
		if (!viewer_tick(v, now_us))
			remove_viewer(server, v);
	}
	if (server->host.count > 0)
		start_sweep(server);
	return 0;
}

static int add_sources(struct server *server, int listen_fd)
{
	sd_event *event = server->cfg.event;
	struct listener_config listener = {
		.event = event,
		.fd = listen_fd,
		.name = "server",
		.has_room = has_room,
		.on_peer = on_peer,
		.arg = server,
	};
	int r = listener_new(&listener, &server->listener);

	if (r >= 0)
		r = sd_event_add_io(event, &server->epoll_source, server->host.epoll_fd, EPOLLIN,
				    on_viewers, server);
	if (r >= 0)
		r = sd_event_add_io(event, &server->auq_source, auq_fd(server->cfg.auq), EPOLLIN,
				    on_auq, server);
	/* New pictures before new words: they are what is late. */
	if (r >= 0)
		r = sd_event_source_set_priority(server->auq_source, SD_EVENT_PRIORITY_IMPORTANT);
	/* Accuracy 0 is sd-event's 250 ms: no deadline here needs to be met any better. */
	if (r >= 0)
		r = sd_event_add_time(event, &server->sweep_timer, CLOCK_MONOTONIC, 0, 0, on_sweep,
				      server);
	if (r >= 0)
		r = sd_event_source_set_enabled(server->sweep_timer, SD_EVENT_OFF);
	return r;
}

static struct hub *make_hub(struct server *server)
{
	const struct conf_limits *limits = &server->cfg.conf->limits;
	struct hub_config cfg = {
		.ring_aus_max = SERVER_RING_AUS,
		.ring_bytes_max = limits->ring_bytes_max,
		.lag_max_us = server->cfg.conf->viewer_lag_max_ms * INT64_C(1000),
		.join_age_max_us = limits->join_age_max_ms * INT64_C(1000),
		.join_bytes_max = limits->join_bytes_max,
		.idr_join_interval_us = limits->idr_join_interval_ms * INT64_C(1000),
		.idr_recover_interval_us = limits->idr_recover_interval_ms * INT64_C(1000),
		.frame = framing_write,
		.need_idr = on_need_idr,
		.arg = server,
	};

	return hub_new(&cfg);
}

static unsigned find_connections_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > INT_MAX)
		return INT_MAX;
	/* Where there are next to none, viewers have half. */
	return (unsigned)(limit.rlim_cur - min_i64((int64_t)limit.rlim_cur / 2, DESCRIPTORS_KEPT));
}

static void follow_viewers_max(struct server *server)
{
	unsigned wanted = server->cfg.conf->viewers_max;

	if (wanted == server->host.viewers_max)
		return;
	server->host.viewers_max = wanted;
	if (wanted > server->connections_max)
		log_warn("server",
			 "viewers-max is %u, but descriptors are for %u: see LimitNOFILE or ulimit",
			 wanted, server->connections_max);
	listener_resume(server->listener);
}

int server_new(const struct server_config *cfg, struct server **ret_server, struct error *err)
{
	struct server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	server->cfg = *cfg;
	server->connections_max = find_connections_max();
	server->hub = make_hub(server);
	server->host = (struct viewer_host){
		.hub = server->hub,
		.epoll_fd = epoll_create1(EPOLL_CLOEXEC),
		.viewers = TAILQ_HEAD_INITIALIZER(server->host.viewers),
		.camera = cfg->conf->name,
		.allow_origin = cfg->conf->allow_origin,
		.limits = &cfg->conf->limits,
		.running = true,
		.online = true,
		.on_watching = on_watching,
		.on_photo = on_photo,
		.arg = server,
	};
	struct gallery_config gallery = {
		.event = cfg->event,
		.darkroom = cfg->darkroom,
		.host = &server->host,
		.on_gone = on_gone,
		.arg = server,
	};
	int r = server->hub == NULL ? -ENOMEM : server->host.epoll_fd < 0 ? -errno : 0;
	follow_viewers_max(server);
	if (r == 0)
		r = gallery_new(&gallery, &server->gallery);
	if (r == 0)
		r = add_sources(server, cfg->listen_fd);
	if (r < 0) {
		server_free(server);
		return error_set(err, r, "the viewers' server: %s", strerror(-r));
	}
	*ret_server = server;
	return 0;
}

void server_close(struct server *server)
{
	int64_t now_us = clock_now_us();

	listener_free(server->listener);
	server->listener = NULL;
	for (struct viewer *v = TAILQ_FIRST(&server->host.viewers), *next; v != NULL; v = next) {
		next = viewer_next(v);
		if (!viewer_close(v, WS_CLOSE_GOING_AWAY, "nalcastd stops", now_us))
			remove_viewer(server, v);
	}
	gallery_close(server->gallery);
	server->closing = true;
	if (connections(server) == 0)
		server->cfg.on_closed(server->cfg.arg);
}

void server_free(struct server *server)
{
	if (server == NULL)
		return;
	server->closing = false; /* nobody is to hear of it any more */
	while (!TAILQ_EMPTY(&server->host.viewers))
		remove_viewer(server, TAILQ_FIRST(&server->host.viewers));
	gallery_free(server->gallery);
	listener_free(server->listener);
	sd_event_source_disable_unref(server->epoll_source);
	sd_event_source_disable_unref(server->auq_source);
	sd_event_source_disable_unref(server->sweep_timer);
	hub_free(server->hub);
	close_fd(&server->host.epoll_fd);
	free(server);
}

static void tell_all(struct server *server, unsigned news)
{
	int64_t now_us = clock_now_us();

	for (struct viewer *v = TAILQ_FIRST(&server->host.viewers), *next; v != NULL; v = next) {
		next = viewer_next(v);
		if (!viewer_tell(v, news, now_us))
			remove_viewer(server, v);
	}
}

void server_set_running(struct server *server, bool running)
{
	if (server->host.running == running)
		return;
	server->host.running = running;
	tell_all(server, VIEWER_NEWS_STREAM);
	gallery_follow(server->gallery);
}

void server_set_report(struct server *server, const struct pipeline_report *report)
{
	struct viewer_host *host = &server->host;
	bool is_news = host->online != report->online ||
		       (!report->online && strcmp(host->reason, report->reason) != 0);

	if (report->state == PIPELINE_RUNNING)
		hub_set_can_force_idr(server->hub, report->can_force_idr);
	else
		hub_clear(server->hub);
	host->online = report->online;
	host->online_since_us = report->online_since_us;
	memcpy(host->reason, report->reason, sizeof(host->reason));
	if (is_news)
		tell_all(server, VIEWER_NEWS_SOURCE);
	/* One that opens is not online before its first picture, but worth waiting for. */
	if (report->state == PIPELINE_FAILED)
		gallery_follow(server->gallery);
}

void server_follow_conf(struct server *server)
{
	const struct conf *conf = server->cfg.conf;

	follow_viewers_max(server);
	hub_set_lag_max(server->hub, conf->viewer_lag_max_ms * INT64_C(1000));
}

bool server_request_idr(struct server *server, uint32_t *ret_seq)
{
	*ret_seq = hub_live_seq(server->hub);
	return hub_request_idr(server->hub, clock_now_us());
}

bool server_get_format(const struct server *server, struct au_format *ret_format)
{
	const struct au_format *format = hub_format(server->hub);

	if (format == NULL)
		return false;
	*ret_format = *format;
	return true;
}

void server_each_viewer(const struct server *server,
			bool (*fn)(void *arg, const struct viewer_facts *facts), void *arg)
{
	int64_t now_us = clock_now_us();
	struct viewer_facts facts;

	for (struct viewer *v = TAILQ_FIRST(&server->host.viewers); v != NULL; v = viewer_next(v)) {
		if (!viewer_is_watching(v))
			continue;
		viewer_get_facts(v, now_us, &facts);
		if (!fn(arg, &facts))
			return;
	}
	gallery_each(server->gallery, fn, arg);
}

bool server_close_viewer(struct server *server, uint64_t id, const char *reason)
{
	int64_t now_us = clock_now_us();

	for (struct viewer *v = TAILQ_FIRST(&server->host.viewers); v != NULL; v = viewer_next(v)) {
		if (viewer_id(v) != id || !viewer_is_watching(v))
			continue;
		if (!viewer_close(v, WS_CLOSE_POLICY, reason, now_us))
			remove_viewer(server, v);
		return true;
	}
	return gallery_close_one(server->gallery, id);
}

void server_survey(struct server *server,
		   void (*tell)(void *arg, bool lagged, unsigned carried_bps), void *arg)
{
	hub_survey(server->hub, clock_now_us(), tell, arg);
}

void server_get_stats(struct server *server, struct server_stats *ret_stats)
{
	int64_t now_us = clock_now_us();
	struct server_stats stats = {
		.viewers = server->host.watching,
		.published = hub_published(server->hub),
		.requests = server->host.requests,
	};

	stats.capture_to_publish_us[0] = percentile_get(&server->capture_to_publish, 500, now_us);
	stats.capture_to_publish_us[1] = percentile_get(&server->capture_to_publish, 990, now_us);
	stats.publish_to_ack_us[0] = percentile_get(&server->host.publish_to_ack, 500, now_us);
	stats.publish_to_ack_us[1] = percentile_get(&server->host.publish_to_ack, 990, now_us);
	*ret_stats = stats;
}

void server_get_sums(const struct server *server, struct viewer_sums *ret_sums)
{
	*ret_sums = server->host.gone;
	for (struct viewer *v = TAILQ_FIRST(&server->host.viewers); v != NULL; v = viewer_next(v))
		viewer_add_to_sums(v, ret_sums);
}
