/* viewmsg: what nalcast.v1 puts on the wire, both ways (protocol.md section 2). No I/O, no clock,
 * no allocation; any thread. Times here are those of the wire: microseconds since the Unix epoch,
 * by the clock that never steps (clock.h). */
#ifndef STREAMER_VIEWMSG_H
#define STREAMER_VIEWMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "streamer/au.h"

#define VIEWMSG_HEADER_BYTES 24
#define VIEWMSG_VERSION      1
#define VIEWMSG_IN_MAX       1024 /* bytes of one text message from a viewer */
#define VIEWMSG_OUT_MAX      1024 /* bytes of one text message to a viewer */
#define VIEWMSG_WORD_SIZE    16   /* of a word that a viewer says of itself, with its NUL */

enum viewmsg_flag {
	VIEWMSG_IDR = 1,
	VIEWMSG_DISCONTINUITY = 2,
};

struct viewmsg_header {
	unsigned flags; /* enum viewmsg_flag */
	uint32_t seq;
	int64_t capture_us, publish_us;
};

void viewmsg_write_header(uint8_t out[static VIEWMSG_HEADER_BYTES],
			  const struct viewmsg_header *header);

struct viewmsg_hello {
	const struct au_format *format; /* NULL before the first picture: its fields are null */
	uint32_t live_seq;
	const char *server; /* "nalcastd 0.1.0" */
	const char *camera; /* "main" */
	bool running;
	unsigned ack_ms; /* from one acknowledgement to the next, of what comes on time */
};

/* Writers of text: return the length, without NUL, always at most VIEWMSG_OUT_MAX. */
size_t viewmsg_write_hello(char *out, size_t size, const struct viewmsg_hello *hello);
size_t viewmsg_write_format(char *out, size_t size, const struct au_format *format);
/* reason: "" for null. since_us: when it came to be so. */
size_t viewmsg_write_source(char *out, size_t size, bool online, const char *reason,
			    int64_t since_us);
size_t viewmsg_write_stream(char *out, size_t size, bool running);
size_t viewmsg_write_time(char *out, size_t size, int64_t t0_us, int64_t t1_us, int64_t t2_us);
size_t viewmsg_write_bye(char *out, size_t size, const char *reason);

enum viewmsg_type {
	VIEWMSG_UNKNOWN, /* well-formed, but not ours: to be ignored */
	VIEWMSG_ACK,
	VIEWMSG_TIME,
	VIEWMSG_PAUSE,
	VIEWMSG_RESUME,
	VIEWMSG_KEYFRAME,
};

struct viewmsg_in {
	enum viewmsg_type type;
	uint32_t seq;      /* ack: newest received */
	uint32_t shown;    /* ack: newest shown; equal to seq where it is not said */
	unsigned queue;    /* ack: pictures waiting in the page */
	double latency_ms; /* ack: capture to shown as the page reckons; negative: not said */
	char decoder[VIEWMSG_WORD_SIZE]; /* ack: what decodes there; "": not said, or no word */
	int64_t t0_us;                   /* time */
};

/* A flat reader for one JSON object of strings, numbers, booleans and null (nested values are
 * passed over, at most 8 deep). -EINVAL: not JSON, or a value of the wrong type for a key that
 * matters. *ret_why: for the close reason. */
int viewmsg_read(const char *text, size_t size, struct viewmsg_in *ret_in, const char **ret_why);

#endif
