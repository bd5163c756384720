/* http: just enough HTTP/1.1 (RFC 9112) to tell a WebSocket upgrade from a plain GET, and to
 * answer. No I/O; any thread. */
#ifndef STREAMER_HTTP_H
#define STREAMER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define HTTP_HEAD_MAX 8192 /* bytes of request line and header fields */

struct http_request {
	char method[16];
	char path[256];   /* without the query, not decoded: "/camera/stream" */
	char query[256];  /* after "?", or "" */
	char host[256];   /* Host, or "" */
	char origin[256]; /* Origin, or "" */
	bool has_origin;
	char forwarded_proto[16]; /* X-Forwarded-Proto: "https", or "" */
	char peer[64];            /* X-Real-IP, for the log, or "" */
	bool upgrade_websocket;   /* Upgrade: websocket and Connection: upgrade */
	char ws_key[32];          /* Sec-WebSocket-Key, or "" */
	char ws_version[8];       /* Sec-WebSocket-Version, or "" */
	char ws_protocols[256];   /* Sec-WebSocket-Protocol, several lines joined by ", " */
};

/* Read one request head; a target in absolute form gives path and host (RFC 9112 3.2.2). Returns
 * the bytes it took, 0 when more are needed, or -EPROTO with the status to answer in *ret_status:
 * 400, 431 (over HTTP_HEAD_MAX or a field over its room above), 501 (a GET with a body), 505. */
ssize_t http_read(const char *buf, size_t size, struct http_request *ret_req, int *ret_status);

/* Does the path end in "/name", or is it that? */
bool http_path_ends(const struct http_request *req, const char *name);

/* Is token among the comma-separated list? Case matters, as for subprotocols (RFC 6455 4.1). */
bool http_list_has(const char *list, const char *token);

/* Writers return the length, always below size (give 1,024 bytes). */
size_t http_write_upgrade(char *out, size_t size, const char *accept, const char *protocol);

/* A whole answer with a problem document (RFC 9457). extra: further header lines, each ended by
 * CRLF ("Allow: GET\r\n"), or "". "Connection: close" is added, and "Upgrade: websocket" to a 426
 * (RFC 9110 15.5.22). A detail that is too long is cut. */
size_t http_write_problem(char *out, size_t size, int status, const char *detail,
			  const char *extra);

const char *http_reason(int status); /* "Upgrade Required" */

#endif
