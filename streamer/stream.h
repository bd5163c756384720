/* stream: camera and viewers joined: pipeline, queue and server, the owner's will (running or
 * not), and what follows from it: the camera is open while it may and somebody watches.
 *
 * Owns pipeline, queue, darkroom and server. Loop thread. */
#ifndef STREAMER_STREAM_H
#define STREAMER_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "common/error.h"
#include "streamer/changes.h"
#include "streamer/conf.h"
#include "streamer/pipeline.h"
#include "streamer/server.h"
#include "streamer/settings.h"
#include "streamer/store.h"

struct stream;

struct stream_status {            /* a copy */
	bool running;             /* the owner allows it */
	int64_t running_since_us; /* CLOCK_MONOTONIC */
	bool demanded;            /* running, and somebody watches or it is always on */
	struct pipeline_report pipeline;
	struct server_stats server;

	struct change_outcome outcome; /* of the newest change */
	bool settings_kept;            /* what was changed is on the disk */
	struct error settings_error;   /* why it is not; code 0 while it is being written */
	struct error settings_refused; /* why some stored values do not serve; code 0: all do */
	unsigned settings_left_out;    /* which: enum settings_suspects */
};

/* listen_fd is the stream's from now on. settings, store: must outlive it. */
int stream_new(sd_event *event, struct settings *settings, struct store *store, int listen_fd,
	       struct stream **ret_stream, struct error *err);

/* Viewers are told and go; on_closed is called when they are gone, perhaps at once. */
void stream_close(struct stream *stream, void (*on_closed)(void *arg), void *arg);

/* false: the camera's driver hangs; nothing may be freed any more, the process should end. */
bool stream_free(struct stream *stream); /* NULL is nothing */

void stream_get_status(struct stream *stream, struct stream_status *ret_status);
void stream_get_caps(struct stream *stream, struct source_caps *ret_caps);

/* What viewers receive; false before the first access unit. */
bool stream_get_format(const struct stream *stream, struct au_format *ret_format);

/* Called when the status may have changed in what somebody could wait for. */
void stream_set_listener(struct stream *stream, void (*on_news)(void *arg), void *arg);

/* Returns whether that is a change. Kept in the store. */
bool stream_set_running(struct stream *stream, bool running);

/* Takes what, a change of one section as settings.h has it, checked. Returns a ticket, whose
 * outcome will stand in the status; 0: too many changes are under way. */
uint64_t stream_change(struct stream *stream, json_t *what, bool persist);
bool stream_is_changing(const struct stream *stream);

const struct settings *stream_settings(const struct stream *stream);
const struct store *stream_store(const struct stream *stream);
const struct server *stream_server(const struct stream *stream);

bool stream_close_viewer(struct stream *stream, uint64_t id); /* false: nobody of that id */

/* Asks for an IDR. *ret_seq: the newest so far; it comes after it. false: one was asked for
 * already. */
bool stream_request_idr(struct stream *stream, uint32_t *ret_seq);

void stream_set_fault(struct stream *stream, enum source_fault fault);

#endif
