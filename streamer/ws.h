/* ws: the WebSocket protocol (RFC 6455), server side, as bytes in and bytes out.
 *
 * No extensions, no I/O, no clock, no allocation. One reader belongs to one connection. */
#ifndef STREAMER_WS_H
#define STREAMER_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WS_HEADER_MAX        10  /* bytes: servers do not mask (5.1) */
#define WS_ACCEPT_SIZE       29  /* with the final NUL */
#define WS_CONTROL_MAX       125 /* bytes of payload (5.5) */
#define WS_CONTROL_FRAME_MAX (2 + WS_CONTROL_MAX)

enum ws_opcode { /* 5.2 */
		 WS_CONTINUATION = 0x0,
		 WS_TEXT = 0x1,
		 WS_BINARY = 0x2,
		 WS_CLOSE = 0x8,
		 WS_PING = 0x9,
		 WS_PONG = 0xa,
};

enum ws_close_code { /* 7.4.1 */
		     WS_CLOSE_NORMAL = 1000,
		     WS_CLOSE_GOING_AWAY = 1001,
		     WS_CLOSE_PROTOCOL_ERROR = 1002,
		     WS_CLOSE_UNSUPPORTED_DATA = 1003,
		     WS_CLOSE_NO_STATUS =
			     1005, /* never on the wire: the peer's close frame was empty */
		     WS_CLOSE_INVALID_DATA = 1007,
		     WS_CLOSE_POLICY = 1008,
		     WS_CLOSE_TOO_BIG = 1009,
		     WS_CLOSE_INTERNAL = 1011,
		     WS_CLOSE_TRY_AGAIN = 1013,
};

/* Answer to Sec-WebSocket-Key (4.2.2). -EINVAL: key is not 16 bytes in base64. */
int ws_accept(const char *key, char ret_accept[static WS_ACCEPT_SIZE]);

/* Header of an unfragmented server frame (5.2); returns its length. */
size_t ws_header(uint8_t out[static WS_HEADER_MAX], enum ws_opcode opcode, uint64_t payload_bytes);

/* A whole close frame; a reason that is too long is cut at a character. WS_CLOSE_NO_STATUS makes an
 * empty one. Returns its length. */
size_t ws_close_frame(uint8_t out[static WS_CONTROL_FRAME_MAX], enum ws_close_code code,
		      const char *reason);

enum ws_event_type {
	WS_EVENT_NONE,    /* more bytes are needed */
	WS_EVENT_MESSAGE, /* a whole message, fragments joined */
	WS_EVENT_PING,
	WS_EVENT_PONG,
	WS_EVENT_CLOSE,
	WS_EVENT_ERROR, /* fail the connection (7.1.7) with close_code; nothing more is read */
};

struct ws_event {
	enum ws_event_type type;
	enum ws_opcode opcode;  /* of a message: WS_TEXT (valid UTF-8) or WS_BINARY */
	const uint8_t *payload; /* unmasked, in the reader's buffers: until the next ws_read() */
	size_t size;            /* bytes */
	unsigned close_code;    /* WS_EVENT_CLOSE: the peer's (WS_CLOSE_NO_STATUS if none) and the
				 * payload is its reason; WS_EVENT_ERROR: what to answer */
	const char *why;        /* WS_EVENT_ERROR: for the log and the close reason */
};

struct ws_reader {    /* private to ws.c */
	uint8_t *buf; /* the caller's: joined message payload */
	size_t capacity, used;
	uint8_t control[WS_CONTROL_MAX];
	size_t control_used;
	uint8_t header[14];
	unsigned header_used;
	bool in_payload, in_message;
	bool ended; /* after a close frame or an error: the rest is passed over */
	enum ws_opcode opcode, message_opcode;
	bool fin;
	uint64_t frame_left;
	uint8_t mask[4];
	unsigned mask_pos;
	uint32_t utf8_state; /* of a text message so far: broken text is refused at once (8.1) */
};

/* buf holds one message; a longer one is WS_CLOSE_TOO_BIG. It must outlive the reader. */
void ws_reader_init(struct ws_reader *r, uint8_t *buf, size_t capacity);

/* How much of a message that is not whole yet lies in buf. Between two calls of ws_read(), buf may
 * be used for other things if those bytes are put back. */
size_t ws_reader_pending(const struct ws_reader *r);

/* Read up to the end of one event. Returns the bytes used; call again while some are left. Unmasked
 * frames are a protocol error (5.1). After a close frame or an error everything is passed over. */
size_t ws_read(struct ws_reader *r, const uint8_t *data, size_t size, struct ws_event *ret_event);

#endif
