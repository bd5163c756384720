/* ops: the operations of the control socket (protocol.md section 3): a request's arguments in, a
 * reply out, and in between perhaps some time until a change took effect.
 *
 * Knows no sockets: control.c carries requests and replies. Each noun has its file and its table:
 *
 *     ops.c           health, state, diagnostics, metrics
 *     ops_stream.c    start, stop, resolution, set-resolution, keyframe, fault
 *     ops_config.c    config, set-config, reset-config, sources
 *     ops_controls.c  controls, set-controls, reset-control
 *     ops_viewers.c   viewers, close-viewer
 *
 * Loop thread. */
#ifndef STREAMER_OPS_H
#define STREAMER_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <systemd/sd-event.h>

#include "common/ctlproto.h"
#include "common/error.h"
#include "streamer/account.h"
#include "streamer/args.h"
#include "streamer/memo.h"
#include "streamer/stream.h"
#include "streamer/survey.h"

struct op_host { /* what operations work on; outlives them */
	struct stream *stream;
	struct survey *survey;
	sd_event *event;
	struct memo *state;     /* what GET state was answered last */
	int64_t start_us;       /* of this process; CLOCK_MONOTONIC */
	struct account account; /* likewise */
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
	uint64_t ticket;                 /* of its change or survey */
	json_t *requested;               /* owned */
	struct pipeline_picture picture; /* that was requested */
};

/* Runs req. Afterwards op->reply is the answer, or op->wait is set: then op_look() is to be called
 * whenever stream or survey have news, and op_expire() op->timeout_us after now. */
void op_begin(struct op *op, const struct op_host *host, const struct ctl_request *req);

/* Both end the waiting with op->reply set; op_look() only if it is over: then true. */
bool op_look(struct op *op, const struct stream_status *status);
void op_expire(struct op *op, const struct stream_status *status);

void op_clear(struct op *op); /* what it owns; it waits no more */

/* --- for the files of operations */

struct op_entry {
	const char *name;
	void (*run)(struct op *op, const json_t *args);
};

/* Tables, each ended by a NULL name. */
extern const struct op_entry ops_config[];
extern const struct op_entry ops_controls[];
extern const struct op_entry ops_stream[];
extern const struct op_entry ops_viewers[];

void op_reply(struct op *op, json_t *result); /* takes it; NULL: no memory */

/* extra: further keys for the problem document, or NULL; taken. */
void op_fail(struct op *op, enum ctl_code code, const char *pointer, json_t *extra,
	     const char *message);

#define OP_FAULTS_MAX 16

/* One more thing that is wrong with the body: the first is what the operation fails with, and all
 * of them, up to OP_FAULTS_MAX, are told in "errors". */
void op_add_fault(struct op *op, enum ctl_code code, const char *pointer, json_t *extra,
		  const char *message);

/* The same for a key of it, whatever letters it has. */
void op_add_fault_of_key(struct op *op, enum ctl_code code, const char *key, json_t *extra,
			 const char *message);

bool op_has_failed(const struct op *op);
void op_add_to_failure(struct op *op, json_t *extra); /* as that of op_fail() */

/* An argument is wrong. */
void op_fail_argument(struct op *op, const char *pointer, const struct error *error);

/* The camera cannot now. */
void op_fail_unavailable(struct op *op, const char *why);

/* What every change takes; if_match is held against body, that of GET, which is taken. false: op is
 * answered. */
bool op_read_change(struct op *op, const json_t *args, json_t *body,
		    struct args_change *ret_change);

/* Hands the change over and waits for its outcome; see stream_change(). */
void op_change(struct op *op, json_t *what, const struct args_change *change,
	       const struct op_wait *wait);

bool op_outcome_is_there(const struct op *op, const struct stream_status *status);

/* {"requested","effective","changed","applied"}, which the outcome fills; with_interruption:
 * "interruption_ms", too. op->requested and effective are taken. */
void op_reply_change(struct op *op, json_t *effective, const struct stream_status *status,
		     bool pending, bool with_interruption);

/* What the pipeline said to a change that cannot be. pointer: to what may be wrong. extra as for
 * op_fail(). */
void op_fail_change(struct op *op, const struct error *error, const char *pointer, json_t *extra);

/* {"nearest":[...]}: what the camera has instead. */
json_t *op_nearest_modes(const struct op *op, unsigned width, unsigned height);

/* Would the camera do it, as far as it has said? */
int op_check_picture(const struct op *op, const struct pipeline_picture *picture,
		     struct error *err);

/* The answer is given when it is done, perhaps at once. */
void op_wait_for(struct op *op, const struct op_wait *wait, int64_t timeout_us);

#endif
