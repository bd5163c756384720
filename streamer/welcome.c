#include "streamer/welcome.h"

#include <stdio.h>
#include <string.h>

#include "common/origin.h"
#include "streamer/ws.h"

#define SUBPROTOCOL "nalcast.v1"
#define FULL        "as many viewers as allowed are watching"

/* extra: further header lines. */
static void refuse(struct welcome *w, int status, const char *detail, const char *extra)
{
	w->status = status;
	w->framing = FRAMING_BARE;
	snprintf(w->detail, sizeof(w->detail), "%s", detail);
	w->size = http_write_problem(w->bytes, sizeof(w->bytes), status, detail, extra);
}

static void answer_stream_h264(struct welcome *w, const struct welcome_rules *rules)
{
	if (rules->is_full) {
		refuse(w, 503, FULL, "Retry-After: 10\r\n");
		return;
	}
	w->status = 200;
	w->framing = FRAMING_BARE;
	w->size = (size_t)snprintf(w->bytes, sizeof(w->bytes),
				   "HTTP/1.1 200 OK\r\nContent-Type: video/h264\r\n"
				   "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n"
				   "Connection: close\r\n\r\n");
}

/* A browser cannot see a refused upgrade: nalcast.v1 is let in to be told, and closed. */
static void answer_upgrade(struct welcome *w, const struct http_request *req,
			   const struct welcome_rules *rules)
{
	char accept[WS_ACCEPT_SIZE];
	bool v1 = http_list_has(req->ws_protocols, SUBPROTOCOL);

	if (strcmp(req->ws_version, "13") != 0) {
		refuse(w, 426, "WebSocket version 13 is spoken here",
		       "Sec-WebSocket-Version: 13\r\n");
	} else if (ws_accept(req->ws_key, accept) < 0) {
		refuse(w, 400, "Sec-WebSocket-Key must be 16 bytes in base64", "");
	} else if (rules->is_full && !v1) {
		refuse(w, 503, FULL, "Retry-After: 10\r\n");
	} else {
		w->status = 101;
		w->framing = v1 ? FRAMING_V1 : FRAMING_RAW;
		w->is_full = rules->is_full;
		w->size = http_write_upgrade(w->bytes, sizeof(w->bytes), accept,
					     v1 ? SUBPROTOCOL : "");
	}
}

static void answer_photo(struct welcome *w, int status, const char *why,
			 const struct welcome_rules *rules)
{
	if (status != 200) {
		refuse(w, status, why, "");
	} else if (w->photo.is_endless && rules->is_full) {
		refuse(w, 503, FULL, "Retry-After: 10\r\n");
	} else {
		w->status = 200;
		w->is_photo = true;
		w->size = 0;
	}
}

static void refuse_origin(struct welcome *w, const struct http_request *req)
{
	char detail[WELCOME_DETAIL];

	snprintf(detail, sizeof(detail), "pages of origin %.200s may not watch: see allow-origin",
		 req->origin);
	refuse(w, 403, detail, "");
}

void welcome_answer(const struct http_request *req, const struct welcome_rules *rules,
		    struct welcome *ret_welcome)
{
	bool is_stream = http_path_ends(req, "stream");
	bool is_h264 = http_path_ends(req, "stream.h264");
	char why[PHOTO_WHY_MAX];
	int photo_status = photo_read(req, &ret_welcome->photo, why);

	ret_welcome->is_full = ret_welcome->is_photo = false;
	if (!is_stream && !is_h264 && photo_status == 0)
		refuse(ret_welcome, 404,
		       "here are only stream, stream.h264, stream.mjpg and snapshot.jpg", "");
	else if (strcmp(req->method, "GET") != 0)
		refuse(ret_welcome, 405, "only GET is allowed here", "Allow: GET\r\n");
	else if (!origin_allowed(req->has_origin ? req->origin : NULL, req->host,
				 req->forwarded_proto, rules->allow_origin))
		refuse_origin(ret_welcome, req);
	else if (photo_status != 0)
		answer_photo(ret_welcome, photo_status, why, rules);
	else if (is_h264)
		answer_stream_h264(ret_welcome, rules);
	else if (!req->upgrade_websocket)
		refuse(ret_welcome, 426, "this is a WebSocket: connect with wss",
		       "Sec-WebSocket-Version: 13\r\n");
	else
		answer_upgrade(ret_welcome, req, rules);
	/* RFC 9110 9.3.2: the same fields, and no content. */
	if (strcmp(req->method, "HEAD") == 0)
		ret_welcome->size =
			(size_t)(strstr(ret_welcome->bytes, "\r\n\r\n") + 4 - ret_welcome->bytes);
}

void welcome_count(const struct http_request *req, const struct welcome *welcome,
		   struct welcome_counts *counts)
{
	if (welcome->status == 403) {
		counts->origins_refused++;
		snprintf(counts->refused_origin, sizeof(counts->refused_origin), "%s", req->origin);
		snprintf(counts->refused_host, sizeof(counts->refused_host), "%s", req->host);
	} else if (http_path_ends(req, "stream") && strcmp(req->method, "GET") == 0) {
		counts->upgrades += req->upgrade_websocket;
		counts->without_upgrade += !req->upgrade_websocket;
		counts->without_proto += req->forwarded_proto[0] == '\0';
	}
}

void welcome_refuse(int status, const char *detail, struct welcome *ret_welcome)
{
	ret_welcome->is_full = ret_welcome->is_photo = false;
	refuse(ret_welcome, status, detail, "");
}

size_t welcome_read(const char *head, size_t size, const struct welcome_rules *rules,
		    struct welcome_counts *counts, struct welcome *ret_welcome)
{
	struct http_request req;
	int status;

	ssize_t used = http_read(head, size, &req, &status);
	if (used == 0)
		return 0;
	if (used < 0) {
		welcome_refuse(status, "the request head cannot be understood", ret_welcome);
	} else {
		welcome_answer(&req, rules, ret_welcome);
		welcome_count(&req, ret_welcome, counts);
	}
	snprintf(ret_welcome->peer, sizeof(ret_welcome->peer), "%s",
		 used > 0 && req.peer[0] != '\0' ? req.peer : "local");
	return used > 0 ? (size_t)used : size;
}
