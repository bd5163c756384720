/* ops: the operations of the control socket (protocol.md section 3): a request's arguments in, a
 * reply out, and in between perhaps some time until a change took effect.
 *
 * Knows no sockets: control.c carries requests and replies. Each noun has its file and its table:
 *
 *     ops.c           health, state, diagnostics, metrics, sources
 *     ops_stream.c    start, stop, resolution, set-resolution, fault
 *
 * Loop thread. */
#ifndef STREAMER_OPS_H
#define STREAMER_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/ctlproto.h"
#include "common/error.h"
#include "streamer/conf.h"
#include "streamer/stream.h"

struct op_host { /* what operations work on; outlives them */
	const struct conf *conf;
	struct stream *stream;
	int64_t start_us; /* of this process; CLOCK_MONOTONIC */
};

struct op;

struct op_wait { /* what an operation waits for */
	bool (*is_done)(const struct op *op, const struct stream_status *status);
	/* Fills op->reply. pending: the deadline passed before it was done. */
	void (*answer)(struct op *op, const struct stream_status *status, bool pending);
};

struct op { /* one request under way; embedded in its connection */
	const struct op_host *host;
	const struct op_wait *wait; /* NULL: reply is the answer */
	struct ctl_reply reply;     /* owned; but for its id */

	/* What an operation that waits remembers. */
	int64_t timeout_us;
	bool changed;
	uint64_t generation;
	struct pipeline_picture requested;
};

/* Runs req. Afterwards op->reply is the answer, or op->wait is set: then op_look() is to be called
 * whenever the stream has news, and op_expire() op->timeout_us after now. */
void op_begin(struct op *op, const struct op_host *host, const struct ctl_request *req);

/* Both end the waiting with op->reply set; op_look() only if it is over: then true. */
bool op_look(struct op *op, const struct stream_status *status);
void op_expire(struct op *op, const struct stream_status *status);

/* --- for the files of operations */

#define OP_RETRY_AFTER_S 2

struct op_entry {
	const char *name;
	void (*run)(struct op *op, const json_t *args);
};

/* Tables, each ended by a NULL name. */
extern const struct op_entry ops_stream[];

void op_reply(struct op *op, json_t *result); /* takes it; NULL: no memory */

/* extra: further keys for the problem document, or NULL; taken. */
void op_fail(struct op *op, enum ctl_code code, const char *pointer, json_t *extra,
	     const char *message);

/* The answer is given when it is done, perhaps at once. */
void op_wait_for(struct op *op, const struct op_wait *wait, int64_t timeout_us);

#endif
