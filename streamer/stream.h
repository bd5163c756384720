/* stream: camera and viewers joined: pipeline, queue and server, the owner's will (running or
 * not), and what follows from it: the camera is open while it may and somebody watches.
 *
 * Owns pipeline, queue and server. Loop thread. */
#ifndef STREAMER_STREAM_H
#define STREAMER_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "common/error.h"
#include "streamer/conf.h"
#include "streamer/pipeline.h"
#include "streamer/server.h"
#include "streamer/store.h"

struct stream;

struct stream_status {            /* a copy */
	bool running;             /* the owner allows it */
	int64_t running_since_us; /* CLOCK_MONOTONIC */
	bool demanded;            /* running, and somebody watches or it is always on */
	struct pipeline_report pipeline;
	struct server_stats server;
};

/* listen_fd is the stream's from now on. conf, store: must outlive it. */
int stream_new(sd_event *event, const struct conf *conf, struct store *store, int listen_fd,
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

/* Returns the generation; how it ends stands in the status. Kept in the store once it ended well,
 * if persist. */
uint64_t stream_set(struct stream *stream, const struct pipeline_settings *settings, bool persist);

/* The newest settings that were asked for and did not fail: what a further change is made of. */
void stream_get_settings(struct stream *stream, struct pipeline_settings *ret_settings);

uint64_t stream_set_controls(struct stream *stream, const struct pipeline_control *list,
			     unsigned count);

/* stream_set() of the picture alone. */
uint64_t stream_set_picture(struct stream *stream, const struct pipeline_picture *picture,
			    bool persist);

void stream_set_fault(struct stream *stream, enum source_fault fault);

#endif
