/* producer: what a pipeline's thread does: opens camera and encoder, pumps frames through them into
 * an auq, reopens what is lost, and follows orders.
 *
 * Part of a pipeline. Its thread only, but for producer_init(), before that begins. */
#ifndef STREAMER_PRODUCER_H
#define STREAMER_PRODUCER_H

#include <stdbool.h>
#include <stdint.h>

#include "streamer/auq.h"
#include "streamer/camera.h"
#include "streamer/chain.h"
#include "streamer/devwatch.h"
#include "streamer/orders.h"
#include "streamer/pipeline.h"
#include "streamer/rate.h"

struct producer { /* private to producer.c */
	struct auq *out;
	struct orders *orders;
	void (*on_frame)(void *arg, const struct frame *frame, const struct source_format *format);
	void *on_frame_arg;
	bool fps_given;
	struct camera camera;
	struct chain *chain; /* NULL: closed */
	struct encpick pick;
	struct pipeline_report mine; /* copied to orders when something happened */
	/* To go back to when a change that is under way comes to nothing. */
	struct pipeline_settings settings_before;
	struct camera camera_before;
	unsigned rate_limit_bps; /* 0: none */
	unsigned rate_asked_bps; /* of the encoder, which may have refused it */
	struct devwatch watch;   /* open while a camera is missed */
	bool demand;
	bool idr_wanted;
	bool withholding;  /* until an IDR: access units before it were lost */
	bool warned_large; /* of an access unit that Broadway cannot take; once is enough */
	int64_t last_frame_us, last_au_us;
	int64_t retry_us, retry_delay_us;
	unsigned failures;                                       /* in a row */
	uint64_t captured_before, dropped_before, copied_before; /* by chains closed since */
	struct rate rate;
};

void producer_init(struct producer *p, const struct pipeline_config *cfg, struct orders *orders);

void producer_run(struct producer *p); /* until told to quit */

#endif
