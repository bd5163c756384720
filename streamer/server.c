#include "streamer/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/framing.h"
#include "streamer/hub.h"
#include "streamer/viewer.h"

#define RING_AUS          2048
#define SEND_BUFFER_BYTES 65536 /* the kernel doubles it; without: 217 kB hide there */
#define HANDSHAKES_MAX    64 /* connections beyond viewers_max that have yet to say what they are */
#define SWEEP_US          1000000
#define ACCEPT_PAUSE_US   1000000 /* when descriptors ran out */
#define EVENTS_MAX        256

struct member { /* a viewer in the list */
	struct member *prev, *next;
	struct viewer *viewer;
};

struct server {
	struct server_config cfg;
	struct viewer_host host;
	struct hub *hub;
	struct member members; /* list head */
	unsigned member_count;
	uint64_t next_id;
	int epoll_fd;
	int listen_fd;
	bool watched;
	bool closing;
	bool descriptors_ran_out;
	struct percentile capture_to_publish;

	sd_event_source *listen_source, *epoll_source, *auq_source;
	sd_event_source *sweep_timer;  /* runs while there are viewers */
	sd_event_source *accept_timer; /* runs while accepting pauses */
};

static void remove_member(struct server *server, struct member *member)
{
	member->prev->next = member->next;
	member->next->prev = member->prev;
	server->member_count--;
	viewer_free(member->viewer);
	free(member);
	if (server->closing && server->member_count == 0)
		server->cfg.on_closed(server->cfg.arg);
}

static void on_watching(void *arg)
{
	struct server *server = arg;
	bool watched = server->host.watching > 0;

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

static void start_timer(sd_event_source *timer, int64_t after_us)
{
	sd_event_source_set_time(timer, (uint64_t)(clock_now_us() + after_us));
	sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static int add_viewer(struct server *server, int fd, int64_t now_us)
{
	int bytes = SEND_BUFFER_BYTES;
	struct member *member = calloc(1, sizeof(*member));

	if (member == NULL) {
		close(fd);
		return -ENOMEM;
	}
	/* Only a bound on memory: were it refused, the system's own would do. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	member->viewer = viewer_new(&server->host, fd, server->next_id++, now_us);
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = member,
	};
	if (member->viewer == NULL || epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		viewer_free(member->viewer);
		free(member);
		return -ENOMEM;
	}
	member->prev = server->members.prev;
	member->next = &server->members;
	member->prev->next = member->next->prev = member;
	if (server->member_count++ == 0)
		start_timer(server->sweep_timer, SWEEP_US);
	return 0;
}

static bool has_room(const struct server *server)
{
	return server->member_count < server->cfg.conf->viewers_max + HANDSHAKES_MAX;
}

static void pause_accepting(struct server *server, const char *why)
{
	if (!server->descriptors_ran_out)
		log_warn("server", "accepting nobody for now: %s", why);
	server->descriptors_ran_out = true;
	sd_event_source_set_enabled(server->listen_source, SD_EVENT_OFF);
	start_timer(server->accept_timer, ACCEPT_PAUSE_US);
}

static int on_listen(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct server *server = arg;
	int64_t now_us = clock_now_us();

	(void)source;
	(void)events;
	for (;;) {
		if (!has_room(server)) {
			pause_accepting(server, "too many connections");
			return 0;
		}
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (peer >= 0) {
			add_viewer(server, peer, now_us);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno == EAGAIN)
			server->descriptors_ran_out = false; /* nobody waits any more */
		else
			pause_accepting(server, strerror(errno));
		return 0;
	}
}

static int on_accept_again(sd_event_source *source, uint64_t usec, void *arg)
{
	struct server *server = arg;

	(void)source;
	(void)usec;
	sd_event_source_set_enabled(server->listen_source, SD_EVENT_ON);
	return 0;
}

static int on_viewers(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct server *server = arg;
	struct epoll_event events[EVENTS_MAX];
	int64_t now_us = clock_now_us();
	int count = epoll_wait(fd, events, EVENTS_MAX, 0);

	(void)source;
	(void)revents;
	/* Each viewer is in there once, and is freed by its own event only. */
	for (int i = 0; i < count; i++) {
		struct member *member = events[i].data.ptr;
		if (!viewer_on_events(member->viewer, events[i].events, now_us))
			remove_member(server, member);
	}
	return 0;
}

/* Stalled viewers hold the access unit they are in the middle of. All together they may hold so
 * much; past it, who has stalled longest goes. */
static void limit_pinned(struct server *server, int64_t now_us)
{
	while (hub_pinned_bytes(server->hub) > server->host.limits->pinned_bytes_max) {
		struct member *worst = NULL;
		int64_t worst_us = 0;
		for (struct member *m = server->members.next; m != &server->members; m = m->next) {
			int64_t stalled_us = viewer_stalled_us(m->viewer, now_us);
			if (stalled_us > worst_us) {
				worst_us = stalled_us;
				worst = m;
			}
		}
		if (worst == NULL)
			return;
		log_warn("server", "stalled viewers hold %zu bytes: closing the longest stalled",
			 hub_pinned_bytes(server->hub));
		remove_member(server, worst);
	}
}

static int on_auq(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct server *server = arg;
	const struct au *au;
	int64_t now_us = clock_now_us();

	(void)source;
	(void)fd;
	(void)events;
	while ((au = auq_pop(server->cfg.auq)) != NULL) {
		percentile_add(&server->capture_to_publish, now_us - au->pts_us, now_us);
		if (hub_publish(server->hub, au, now_us) < 0)
			log_warn("server", "out of memory: an access unit is lost");
	}
	for (struct member *m = server->members.next, *next; m != &server->members; m = next) {
		next = m->next;
		if (viewer_is_watching(m->viewer) && !viewer_flush(m->viewer, now_us))
			remove_member(server, m);
	}
	limit_pinned(server, now_us);
	return 0;
}

static int on_sweep(sd_event_source *source, uint64_t usec, void *arg)
{
	struct server *server = arg;
	int64_t now_us = clock_now_us();

	(void)source;
	(void)usec;
	for (struct member *m = server->members.next, *next; m != &server->members; m = next) {
		next = m->next;
		if (!viewer_tick(m->viewer, now_us))
			remove_member(server, m);
	}
	if (server->member_count > 0)
		start_timer(server->sweep_timer, SWEEP_US);
	return 0;
}

static int add_timer(struct server *server, sd_event_source **ret_source,
		     sd_event_time_handler_t handler)
{
	int r = sd_event_add_time(server->cfg.event, ret_source, CLOCK_MONOTONIC, 0, 0, handler,
				  server);

	return r < 0 ? r : sd_event_source_set_enabled(*ret_source, SD_EVENT_OFF);
}

static int add_sources(struct server *server)
{
	sd_event *event = server->cfg.event;
	int r = sd_event_add_io(event, &server->listen_source, server->listen_fd, EPOLLIN,
				on_listen, server);

	if (r >= 0)
		r = sd_event_add_io(event, &server->epoll_source, server->epoll_fd, EPOLLIN,
				    on_viewers, server);
	if (r >= 0)
		r = sd_event_add_io(event, &server->auq_source, auq_fd(server->cfg.auq), EPOLLIN,
				    on_auq, server);
	/* New pictures before new words: they are what is late. */
	if (r >= 0)
		r = sd_event_source_set_priority(server->auq_source, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = add_timer(server, &server->sweep_timer, on_sweep);
	if (r >= 0)
		r = add_timer(server, &server->accept_timer, on_accept_again);
	return r;
}

static struct hub *make_hub(struct server *server)
{
	const struct conf_limits *limits = &server->cfg.conf->limits;
	struct hub_config cfg = {
		.ring_aus_max = RING_AUS,
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

int server_new(const struct server_config *cfg, struct server **ret_server, struct error *err)
{
	struct server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	server->cfg = *cfg;
	server->listen_fd = cfg->listen_fd;
	server->members.prev = server->members.next = &server->members;
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server->hub = make_hub(server);
	server->host = (struct viewer_host){
		.hub = server->hub,
		.camera = cfg->conf->name,
		.allow_origin = cfg->conf->allow_origin,
		.viewers_max = cfg->conf->viewers_max,
		.limits = &cfg->conf->limits,
		.running = true,
		.online = true,
		.on_watching = on_watching,
		.arg = server,
	};
	int r = server->hub == NULL ? -ENOMEM : server->epoll_fd < 0 ? -errno : 0;
	if (r == 0)
		r = add_sources(server);
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

	sd_event_source_set_enabled(server->listen_source, SD_EVENT_OFF);
	sd_event_source_set_enabled(server->accept_timer, SD_EVENT_OFF);
	for (struct member *m = server->members.next, *next; m != &server->members; m = next) {
		next = m->next;
		if (!viewer_close(m->viewer, WS_CLOSE_GOING_AWAY, "nalcastd stops", now_us))
			remove_member(server, m);
	}
	server->closing = true;
	if (server->member_count == 0)
		server->cfg.on_closed(server->cfg.arg);
}

void server_free(struct server *server)
{
	if (server == NULL)
		return;
	server->closing = false; /* nobody is to hear of it any more */
	while (server->member_count > 0)
		remove_member(server, server->members.next);
	sd_event_source_disable_unref(server->listen_source);
	sd_event_source_disable_unref(server->epoll_source);
	sd_event_source_disable_unref(server->auq_source);
	sd_event_source_disable_unref(server->sweep_timer);
	sd_event_source_disable_unref(server->accept_timer);
	hub_free(server->hub);
	close_fd(&server->epoll_fd);
	close_fd(&server->listen_fd);
	free(server);
}

static void tell_all(struct server *server, unsigned news)
{
	int64_t now_us = clock_now_us();

	for (struct member *m = server->members.next, *next; m != &server->members; m = next) {
		next = m->next;
		if (!viewer_tell(m->viewer, news, now_us))
			remove_member(server, m);
	}
}

void server_set_running(struct server *server, bool running)
{
	if (server->host.running == running)
		return;
	server->host.running = running;
	tell_all(server, VIEWER_NEWS_STREAM);
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

	for (struct member *m = server->members.next; m != &server->members; m = m->next) {
		if (!viewer_is_watching(m->viewer))
			continue;
		viewer_get_facts(m->viewer, now_us, &facts);
		if (!fn(arg, &facts))
			return;
	}
}

bool server_close_viewer(struct server *server, uint64_t id, const char *reason)
{
	int64_t now_us = clock_now_us();

	for (struct member *m = server->members.next; m != &server->members; m = m->next) {
		if (viewer_id(m->viewer) != id || !viewer_is_watching(m->viewer))
			continue;
		if (!viewer_close(m->viewer, WS_CLOSE_POLICY, reason, now_us))
			remove_member(server, m);
		return true;
	}
	return false;
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
	};

	stats.capture_to_publish_us[0] = percentile_get(&server->capture_to_publish, 500, now_us);
	stats.capture_to_publish_us[1] = percentile_get(&server->capture_to_publish, 990, now_us);
	stats.publish_to_ack_us[0] = percentile_get(&server->host.publish_to_ack, 500, now_us);
	stats.publish_to_ack_us[1] = percentile_get(&server->host.publish_to_ack, 990, now_us);
	*ret_stats = stats;
}
