/* server: the viewers' socket: accepts, lets the hub's news out, sweeps, and says whether anybody
 * watches. Owns hub, viewers and gallery. Loop thread.
 *
 * Viewer sockets are not sources of sd-event one by one: with a thousand of them ready that costs
 * it 63 us each. They live in an epoll of the server's own, which is one source (1.4 us each). */
#ifndef STREAMER_SERVER_H
#define STREAMER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "common/error.h"
#include "streamer/auq.h"
#include "streamer/conf.h"
#include "streamer/darkroom.h"
#include "streamer/pipeline.h"
#include "streamer/viewer.h"

#define SERVER_RING_AUS 2048 /* access units kept at most */

struct server;

struct server_config {
	sd_event *event;
	int listen_fd; /* the server's from now on */
	const struct conf *conf;
	struct auq *auq;
	struct darkroom *darkroom; /* NULL: no JPEG is made */
	/* Somebody watches who did not, or the other way round; the pipeline is to be told. */
	void (*on_watched)(void *arg, bool watched);
	void (*need_idr)(void *arg);
	void (*on_closed)(void *arg); /* after server_close(): everybody is gone */
	void *arg;
};

struct server_stats {
	unsigned viewers;
	uint64_t published;
	int64_t capture_to_publish_us[2]; /* p50, p99 */
	int64_t publish_to_ack_us[2];
	struct welcome_counts requests;
};

int server_new(const struct server_config *cfg, struct server **ret_server, struct error *err);

/* Everybody is told "going away" (1001), nobody is let in any more. on_closed is called when the
 * last is gone, perhaps at once. */
void server_close(struct server *server);
void server_free(struct server *server); /* NULL is nothing */

/* What viewers are told of stream and camera, and whether the encoder makes IDRs on request. */
void server_set_running(struct server *server, bool running);
void server_set_report(struct server *server, const struct pipeline_report *report);

/* conf has changed: viewers_max and viewer_lag_max_ms hold from now on. Nobody is closed for it. */
void server_follow_conf(struct server *server);

/* For an owner who asks. *ret_seq: the newest so far; the IDR comes after it. false: one was asked
 * for already and is awaited. */
bool server_request_idr(struct server *server, uint32_t *ret_seq);

/* false before the first access unit. */
bool server_get_format(const struct server *server, struct au_format *ret_format);

/* Those who watch, in the order in which they came. fn returns whether to go on, and must not
 * change who watches. */
void server_each_viewer(const struct server *server,
			bool (*fn)(void *arg, const struct viewer_facts *facts), void *arg);

/* It is told so, with the reason (1008), once what it is in the middle of is sent. false: nobody of
 * that id watches. */
bool server_close_viewer(struct server *server, uint64_t id, const char *reason);

/* hub_survey() of the viewers. */
void server_survey(struct server *server,
		   void (*tell)(void *arg, bool lagged, unsigned carried_bps), void *arg);

void server_get_stats(struct server *server, struct server_stats *ret_stats);

/* Over all viewers, those who are gone included; asks each of them. */
void server_get_sums(const struct server *server, struct viewer_sums *ret_sums);

#endif
