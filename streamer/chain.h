/* chain: one source and one encoder, opened together: frames in, access units out.
 *
 * Owned by the pipeline; its thread only. Knows nothing of retries, viewers or queues. */
#ifndef STREAMER_CHAIN_H
#define STREAMER_CHAIN_H

#include <poll.h>
#include <stdbool.h>

#include "common/error.h"
#include "streamer/au.h"
#include "streamer/encoder.h"
#include "streamer/encpick.h"
#include "streamer/source.h"

#define CHAIN_FDS 2

struct chain_config {
	const struct source_ops *source;
	struct source_config picture; /* device, size and rate wanted */
	char encoder[16];             /* "auto", "x264" */
	unsigned encoder_threads;     /* as in encoder_config, these two */
	char encoder_preset[16];
	struct encpick *pick; /* outlives it; what it knows of hardware serves the next */
	unsigned bitrate_bps;
	unsigned gop_frames;
	bool any_profile;
	/* Shown every frame before it is encoded; only to look at, or to copy. NULL: nobody. */
	void (*on_frame)(void *arg, const struct frame *frame, const struct source_format *format);
	void *on_frame_arg;
};

struct chain_stats {
	uint64_t frames_captured;
	uint64_t frames_dropped; /* came damaged, or faster than they could be encoded */
	uint64_t frames_copied;  /* from where the source left them to where the encoder can read */
};

struct chain;

/* Takes every access unit; the receiver owns it. */
typedef void chain_emit_fn(void *arg, struct au *au);

int chain_open(const struct chain_config *cfg, struct chain **ret_chain, struct error *err);
void chain_close(struct chain *chain); /* NULL is nothing */

/* Become cfg while running, with nothing of what was produced lost: the bitrate and the GOP of the
 * encoder, the pace of the source, where they can; at worst with an encoder opened anew, and so an
 * IDR, after a moment's wait for what the old one still owed. -ENOTSUP: no, close it and open
 * another. Other errors, with words: it is as it was. */
int chain_change(struct chain *chain, const struct chain_config *cfg, struct error *err);

/* Only the rate that the encoder makes now; the next chain_change() may undo it. */
int chain_set_rate(struct chain *chain, unsigned bitrate_bps);

/* What to poll for; a descriptor may be -1. */
void chain_poll_fds(const struct chain *chain, struct pollfd fds[static CHAIN_FDS]);

/* Do what is to be done now, without waiting, for a few frames at most. force_idr: the next
 * picture. An encoder in hardware that fails is replaced (encpick.h): chain_encoder() may be
 * another afterwards. Returns how many frames came, or a negative errno with words: the chain is
 * broken and must be closed. */
int chain_pump(struct chain *chain, bool force_idr, chain_emit_fn *emit, void *arg,
	       struct error *err);

/* There may be more to do at once: do not wait before the next pump. */
bool chain_has_more(const struct chain *chain);

void chain_get_format(const struct chain *chain, struct source_format *ret_format);
const struct encoder_ops *chain_encoder(const struct chain *chain);
enum encoder_copy chain_copy(const struct chain *chain);
struct chain_stats chain_get_stats(const struct chain *chain);
struct source *chain_source(struct chain *chain);

#endif
