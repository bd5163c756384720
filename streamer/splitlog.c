#include "streamer/splitlog.h"

#include <inttypes.h>

#include "common/log.h"

#define TELL_EVERY_US 60000000

static struct splitter_stats sum(const struct splitter_stats *a, const struct splitter_stats *b)
{
	return (struct splitter_stats){
		.aus = a->aus + b->aus,
		.aus_dropped = a->aus_dropped + b->aus_dropped,
		.aus_headless = a->aus_headless + b->aus_headless,
		.aus_too_large = a->aus_too_large + b->aus_too_large,
		.aus_cut = a->aus_cut + b->aus_cut,
		.nals_damaged = a->nals_damaged + b->nals_damaged,
		.sps_rewritten = a->sps_rewritten + b->sps_rewritten,
		.bytes_skipped = a->bytes_skipped + b->bytes_skipped,
	};
}

/* What comes before the first IDR is no damage: one has to begin somewhere. */
static uint64_t dropped(const struct splitter_stats *stats)
{
	return stats->aus_dropped - stats->aus_headless;
}

static void tell_damage(struct splitlog *log, const struct splitter_stats *all, int64_t now_us)
{
	const struct splitter_stats *told = &log->told;

	if (dropped(all) == dropped(told) && all->nals_damaged == told->nals_damaged &&
	    all->aus_cut == told->aus_cut)
		return;
	if (log->told_us != 0 && now_us - log->told_us < TELL_EVERY_US)
		return;
	log_warn("source",
		 "%s: damaged: %" PRIu64 " access units dropped (%" PRIu64 " over %u MiB, %" PRIu64
		 " came in late pieces), %" PRIu64 " NAL units unreadable%s",
		 log->name, dropped(all) - dropped(told), all->aus_too_large - told->aus_too_large,
		 AU_MAX_BYTES >> 20, all->aus_cut - told->aus_cut,
		 all->nals_damaged - told->nals_damaged,
		 log->told_us != 0 ? " since it was last said" : "");
	log->told = *all;
	log->told_us = now_us;
}

void splitlog_look(struct splitlog *log, const struct splitter *splitter, int64_t now_us)
{
	splitter_get_stats(splitter, &log->now);
	struct splitter_stats all = sum(&log->before, &log->now);
	tell_damage(log, &all, now_us);
	if (all.sps_rewritten > 0 && !log->told_rewriting) {
		log->told_rewriting = true;
		log_info("source",
			 "%s: its SPS would make decoders hold pictures back: sent with a "
			 "restriction that says there is no reordering",
			 log->name);
	}
}

void splitlog_begin_anew(struct splitlog *log)
{
	log->before = sum(&log->before, &log->now);
	log->now = (struct splitter_stats){.aus = 0};
}

uint64_t splitlog_dropped(const struct splitlog *log)
{
	return dropped(&log->before) + dropped(&log->now);
}
