/* ctlproto: what the FastCGI program and nalcastd say to each other: the envelope.
 *
 * One JSON object per SOCK_SEQPACKET packet, one reply for each request:
 *
 *     {"v":1,"id":7,"op":"set-resolution","args":{...}}
 *     {"v":1,"id":7,"ok":true,"result":{...}}        "pending":true when a deadline passed first
 *     {"v":1,"id":7,"ok":false,"error":{"code":"unsupported","message":"...","pointer":"/width"}}
 *
 * A result is what the HTTP API answers, so the FastCGI program need not know what is in it;
 * an error may have further keys ("pointer", "nearest", "retry_after_s", ...), which go into the
 * problem document. No I/O, any thread. */
#ifndef COMMON_CTLPROTO_H
#define COMMON_CTLPROTO_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "common/error.h"

#define CTL_VERSION    1
#define CTL_PACKET_MAX 65536 /* bytes */
#define CTL_DEPTH_MAX  20    /* of nested arrays and objects: those of HTTP's bodies, and ours */

enum ctl_code { /* travels as a word */
		CTL_OK,
		CTL_INVALID,     /* the request itself */
		CTL_UNSUPPORTED, /* a value that this camera, encoder or build does not take */
		CTL_BUSY,        /* somebody else has it */
		CTL_NOT_FOUND,
		CTL_CONFLICT,     /* not in this state */
		CTL_PRECONDITION, /* if_match names another state than the present one */
		CTL_UNAVAILABLE,  /* not now: the camera is offline or starting */
		CTL_INTERNAL,
};

struct ctl_request {
	json_int_t id;
	char op[32];
	json_t *args; /* an object, never NULL; owned */
};

struct ctl_reply {
	json_int_t id;
	enum ctl_code code; /* CTL_OK: result is set, else error is */
	bool pending;       /* accepted, but its deadline passed before it took effect */
	json_t *result;     /* owned */
	char *text;         /* instead of result: its JSON; owned */
	size_t text_size;   /* known once decoded */
	json_t *error;      /* object with "message" and perhaps more, without "code"; owned */
};

/* Encoders return the length without a final NUL, or -EMSGSIZE when it would not fit (a packet
 * is at most CTL_PACKET_MAX). What they are given stays the caller's. */
int ctl_request_encode(const struct ctl_request *req, char *buf, size_t size);
int ctl_reply_encode(const struct ctl_reply *reply, char *buf, size_t size);

/* A result as text, as ctl_reply_encode() writes it; NULL: no memory. The caller's to free. */
char *ctl_result_text(const json_t *result);

/* Decoders return 0, or -EPROTO with words; -EPROTONOSUPPORT for another version, and *ret_id
 * then is the request's id (0 where there is none), for the answer. On success *ret is to be
 * cleared by the caller. */
int ctl_request_decode(const char *buf, size_t len, struct ctl_request *ret_req, json_int_t *ret_id,
		       struct error *err);
int ctl_reply_decode(const char *buf, size_t len, struct ctl_reply *ret_reply, struct error *err);

/* A reply that is ok and plain, as ctl_reply_encode() writes most: its result as text, which is
 * JSON, for who only hands it on, at a tenth of the cost. -EAGAIN: ctl_reply_decode() knows. */
int ctl_reply_decode_text(const char *buf, size_t len, struct ctl_reply *ret_reply);

void ctl_request_clear(struct ctl_request *req);
void ctl_reply_clear(struct ctl_reply *reply);

/* Would this text nest deeper than that? Asked before jansson recurses over it. */
bool ctl_is_too_deep(const char *buf, size_t len, unsigned depth_max);

const char *ctl_code_word(enum ctl_code code);
enum ctl_code ctl_code_from_word(const char *word); /* CTL_INTERNAL for an unknown one */

#endif
