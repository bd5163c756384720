/* splitter: makes access units out of any Annex B byte stream, in whatever pieces it comes.
 *
 * Finds where one access unit ends by H.264 7.4.1.2.3 and 7.4.1.2.4 (first_mb_in_slice is not
 * enough), and puts each into the shape nalcast sends: 4-byte start codes, no delimiters, filler
 * or trailing zeros, all active SPS and PPS before every IDR, changed ones before their use, and no
 * SPS that makes decoders hold pictures back for nothing (paramsets.h). Until the first IDR with
 * its parameter sets, and after damage until the next, everything is dropped. An access unit over
 * AU_MAX_BYTES is dropped with all to the next IDR.
 * Owned by one source; its thread only. No I/O, no clock, no log. */
#ifndef STREAMER_SPLITTER_H
#define STREAMER_SPLITTER_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "streamer/au.h"
#include "streamer/sps.h"

struct splitter;

struct splitter_stats {
	uint64_t aus;           /* collected */
	uint64_t aus_dropped;   /* before the first IDR, or after damage */
	uint64_t aus_headless;  /* of those: before the first IDR */
	uint64_t aus_too_large; /* of those: over AU_MAX_BYTES, without what was dropped after */
	uint64_t aus_cut;       /* a pause was no end: see splitter_pause() */
	uint64_t nals_damaged;  /* unreadable: parameter sets; slices from the first IDR on */
	uint64_t sps_rewritten; /* they would have made decoders hold pictures back */
	uint64_t bytes_skipped; /* before the first start code of all */
};

struct splitter *splitter_new(void); /* NULL: no memory */
void splitter_free(struct splitter *s);

/* Take bytes, all of them. -ENOMEM: the access unit in the making is lost, everything up to the
 * next IDR will be dropped. */
int splitter_feed(struct splitter *s, const uint8_t *data, size_t size);

/* Nothing more belongs to the access unit in the making: the stream ended, or a camera said where
 * its buffer ends. Without it an access unit is complete when the next one begins. */
int splitter_flush(struct splitter *s);

/* Nothing came for a while: if a picture is in the making, take it as complete. If what comes then
 * shows that it was not, all to the next IDR is dropped. */
int splitter_pause(struct splitter *s);

/* The next complete access unit, now the caller's, or -EAGAIN. Flags and format are set, pts_us is
 * the caller's to set. AU_DISCONTINUITY: something was dropped before it. */
int splitter_collect(struct splitter *s, struct au **ret_au);

/* The SPS of the newest access unit collected, as it is sent, or NULL. */
const struct sps *splitter_sps(const struct splitter *s);

void splitter_get_stats(const struct splitter *s, struct splitter_stats *ret_stats);

#endif
