/* welcome: the answer to a request on the stream socket: who may watch, and in which way. No I/O;
 * loop thread. */
#ifndef STREAMER_WELCOME_H
#define STREAMER_WELCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "streamer/framing.h"
#include "streamer/http.h"
#include "streamer/photo.h"

#define WELCOME_BYTES  2048 /* of the whole HTTP answer */
#define WELCOME_DETAIL 400

struct welcome_rules {
	const char *allow_origin; /* further origins, comma-separated */
	bool is_full;             /* as many watch as may */
};

struct welcome {
	int status; /* 101 and 200: it watches, by framing, or wants a photo; else refused */
	enum framing framing;
	bool is_full;  /* 101, but only to be told that there is no room */
	bool is_photo; /* 200: JPEG, what photo says; there are no bytes yet */
	struct photo_request photo;
	char detail[WELCOME_DETAIL]; /* refused: why */
	char peer[64];               /* who asks, as nginx says; "local" where nobody said */
	size_t size;
	char bytes[WELCOME_BYTES]; /* the answer */
};

struct welcome_counts {           /* what requests showed of the web server in front */
	uint64_t upgrades;        /* asked for a WebSocket */
	uint64_t without_upgrade; /* asked for it without the headers that make one */
	uint64_t without_proto;   /* either, without X-Forwarded-Proto */
	uint64_t origins_refused; /* pages of a foreign origin, or of what looks like one: */
	char refused_origin[256]; /* the newest */
	char refused_host[256];   /* and the Host it was held against */
};

/* Reads a request's head and answers it. Returns its length; 0: it has yet to end. */
size_t welcome_read(const char *head, size_t size, const struct welcome_rules *rules,
		    struct welcome_counts *counts, struct welcome *ret_welcome);

/* Its parts. */
void welcome_answer(const struct http_request *req, const struct welcome_rules *rules,
		    struct welcome *ret_welcome);

/* Adds what a request and its answer show. */
void welcome_count(const struct http_request *req, const struct welcome *welcome,
		   struct welcome_counts *counts);

/* What is no request at all. status, detail: why. */
void welcome_refuse(int status, const char *detail, struct welcome *ret_welcome);

#endif
