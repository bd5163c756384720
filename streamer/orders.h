/* orders: what passes between the loop's thread and the pipeline's, besides access units.
 *
 * Wishes go one way: the newest wins, they do not queue. Reports come back the other way, as a
 * copy. Part of a pipeline; each function says whose thread it is for. */
#ifndef STREAMER_ORDERS_H
#define STREAMER_ORDERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "streamer/pipeline.h"
#include "streamer/source.h"

struct wishes {
	bool quit;
	bool demand;
	bool force_idr; /* once */
	bool has_fault; /* once */
	enum source_fault fault;
	unsigned rate_limit_bps; /* 0: none */

	uint64_t generation;          /* of the newest change, of whichever kind */
	uint64_t settings_generation; /* once; 0: no change */
	struct pipeline_settings settings;
	uint64_t controls_generation; /* the same */
	bool controls_wait;           /* there are some, and they were not taken */
	unsigned control_count;
	struct pipeline_control controls[SOURCE_CONTROLS_MAX];
};

struct orders {
	int wake_fd;          /* readable: wishes came */
	int news_fd;          /* readable: the report has news */
	int stop_fd;          /* readable: the thread is to end; stays so */
	pthread_mutex_t lock; /* guards the rest */
	struct wishes wishes;
	struct pipeline_report report;
	struct source_caps caps;
};

int orders_init(struct orders *o); /* a negative errno: no descriptor */
void orders_clear(struct orders *o);

/* Loop's thread. Change the wishes between the two; no other call in between. */
struct wishes *orders_edit(struct orders *o);
void orders_send(struct orders *o);

void orders_get_report(struct orders *o, struct pipeline_report *ret_report);
void orders_get_caps(struct orders *o, struct source_caps *ret_caps);
void orders_take_news(struct orders *o); /* news_fd is not readable any more */
void orders_stop(struct orders *o);      /* the last wish: quit */

/* Pipeline's thread. Take the wishes: what is to be done once is taken away, what lasts stays; so
 * do controls until they are wanted, and come without settings. */
struct wishes orders_take(struct orders *o, bool with_controls);

void orders_set_report(struct orders *o, const struct pipeline_report *report);
void orders_set_caps(struct orders *o, const struct source_caps *caps);
void orders_tell_news(struct orders *o);

#endif
