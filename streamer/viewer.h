/* viewer: one connection on the stream socket: HTTP head, then WebSocket (raw or nalcast.v1) or an
 * endless H.264 body. Who wants JPEG is handed on.
 *
 * Owned by the server; loop thread. A viewer never closes itself: functions return false when it
 * is over, and the server frees it. All of a host's are in its list and, with their pointers as
 * data, in its epoll.
 *
 * One that keeps up costs one system call an access unit, and the memory of its struct: it receives
 * into its host's buffers, and holds bytes of its own only while they wait for more. */
#ifndef STREAMER_VIEWER_H
#define STREAMER_VIEWER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "streamer/attention.h"
#include "streamer/framing.h"
#include "streamer/http.h"
#include "streamer/hub.h"
#include "streamer/percentile.h"
#include "streamer/viewmsg.h"
#include "streamer/welcome.h"
#include "streamer/ws.h"

struct conf_limits;
struct viewer;

struct viewer_sums { /* over viewers since the start */
	uint64_t viewers;
	uint64_t sent_aus, sent_bytes, skipped_aus;
};

struct viewer_host { /* what all viewers of a server share; outlives them */
	struct hub *hub;
	int epoll_fd;
	TAILQ_HEAD(viewer_list, viewer) viewers; /* in the order in which they came */
	unsigned count;
	const char *camera;       /* "main" */
	const char *allow_origin; /* further origins, comma-separated */
	unsigned viewers_max;
	const struct conf_limits *limits;
	unsigned watching; /* viewers past the handshake: counted here by the viewers */
	unsigned asking;   /* for a snapshot: counted here by the gallery */

	/* What nalcast.v1 tells in `stream` and `source` messages; kept up by the server. */
	bool running;
	bool online;
	char reason[240];
	int64_t online_since_us;

	char received[HTTP_HEAD_MAX];    /* what one of them just received */
	uint8_t message[VIEWMSG_IN_MAX]; /* the message that it is being read to */

	struct percentile publish_to_ack;
	struct viewer_sums gone; /* of those who watch no more */
	struct welcome_counts requests;
	void (*on_watching)(void *arg); /* watching or asking changed */
	void (*on_photo)(void *arg, int fd, uint64_t id, const struct photo_request *request);
	void *arg;
};

enum viewer_news { /* bits */
		   VIEWER_NEWS_STREAM = 1 << 0,
		   VIEWER_NEWS_SOURCE = 1 << 1,
};

struct viewer_facts { /* of one that watches: a copy, for people and programs */
	uint64_t id;
	int64_t since_us; /* CLOCK_MONOTONIC */
	char peer[64];    /* as nginx says; "local" where nobody said */
	enum framing framing;
	bool paused;
	int64_t lag_us; /* the age of the oldest thing that it should have by now */
	uint64_t sent_aus, sent_bytes, skipped_aus;

	/* What only a page says, by its acknowledgements. */
	int64_t rtt_us;     /* of a message and its acknowledgement; 0 before the first */
	int64_t rtt_min_us; /* the smallest, of pings too */
	double latency_ms;  /* capture to shown as the page reckons; negative: not said */
	char decoder[VIEWMSG_WORD_SIZE]; /* "webcodecs", "broadway"; "": not said */
};

/* Takes fd, whatever the answer. */
int viewer_new(struct viewer_host *host, int fd, uint64_t id, int64_t now_us);
void viewer_free(struct viewer *v); /* NULL is nothing */

/* All of these: false when the viewer is over. */
bool viewer_on_events(struct viewer *v, uint32_t epoll_events, int64_t now_us);
bool viewer_flush(struct viewer *v, int64_t now_us); /* the hub has news */
bool viewer_tell(struct viewer *v, unsigned news, int64_t now_us);
bool viewer_tick(struct viewer *v, int64_t now_us); /* deadlines; about once a second */
bool viewer_close(struct viewer *v, enum ws_close_code code, const char *reason, int64_t now_us);

struct viewer *viewer_next(const struct viewer *v); /* NULL: it is the last */
bool viewer_is_watching(const struct viewer *v);
uint64_t viewer_id(const struct viewer *v);
void viewer_add_to_sums(const struct viewer *v, struct viewer_sums *sums); /* if it watched */
void viewer_get_facts(const struct viewer *v, int64_t now_us, struct viewer_facts *ret_facts);

/* How long it has been in the middle of one message, for the limit on what the stalled may pin;
 * 0 when it is not. */
int64_t viewer_stalled_us(const struct viewer *v, int64_t now_us);

#endif
