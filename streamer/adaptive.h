/* adaptive: the encoder's bitrate follows the viewers' links while somebody watches: once a second
 * the server says how they fare, adapt.h decides, the pipeline is told.
 *
 * Part of a stream; loop thread. Nothing runs while nobody watches. */
#ifndef STREAMER_ADAPTIVE_H
#define STREAMER_ADAPTIVE_H

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "streamer/adapt.h"
#include "streamer/conf.h"
#include "streamer/pipeline.h"
#include "streamer/server.h"

struct adaptive { /* private to adaptive.c; begins as zeros */
	const struct conf *conf;
	struct pipeline *pipeline;
	struct server *server;
	sd_event_source *timer;
	struct adapt adapt;
	unsigned limit_bps; /* as the pipeline was told */
};

/* conf, as it is at any moment, says whether to. All must outlive it. */
int adaptive_init(struct adaptive *a, sd_event *event, const struct conf *conf,
		  struct pipeline *pipeline, struct server *server);
void adaptive_clear(struct adaptive *a);

void adaptive_set_watched(struct adaptive *a, bool watched);

#endif
