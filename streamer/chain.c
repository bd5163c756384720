#include "streamer/chain.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "streamer/clock.h"

/* A camera that is always ahead of us must not keep the pipeline from its orders. */
#define FRAMES_A_PUMP 4

#define LENT_MAX    16  /* frames that an encoder can have at a time */
#define DRAINED_MAX 16  /* access units that it can owe */
#define DRAIN_MS    250 /* and how long it may take for them */
#define SUCCESS_AUS 300 /* so many in a row, and it works */

struct chain {
	struct chain_config cfg;
	struct source *source;
	struct encoder *encoder;
	struct source_format format;
	struct chain_stats stats;
	bool has_more; /* the last pump ended before the source had no more frames */

	uint32_t lent[LENT_MAX]; /* to the encoder: the source's frames */
	unsigned lent_count;
	struct au *drained[DRAINED_MAX]; /* of the encoder before; to be emitted next */
	unsigned drained_count;
	unsigned rate_bps; /* by chain_set_rate(); 0: as cfg says */
	unsigned aus;      /* of this encoder */
	bool is_broken;    /* access units were lost with the encoder before */
};

static int open_encoder(const struct source_format *format, const struct chain_config *cfg,
			struct encoder **ret_encoder, struct error *err)
{
	struct encoder_config encoder = {
		.in = *format,
		.bitrate_bps = cfg->bitrate_bps,
		.gop_frames = cfg->gop_frames,
		.threads = cfg->encoder_threads,
		.any_profile = cfg->any_profile,
	};

	memcpy(encoder.preset, cfg->encoder_preset, sizeof(encoder.preset));
	return encpick_open(cfg->pick, cfg->encoder, &encoder, ret_encoder, err);
}

/* Pictures that nobody here can encode are not worth asking a camera for. */
static bool wants_encoded(const struct chain_config *cfg)
{
	return encoder_exists(cfg->encoder) && encoder_find(cfg->encoder, FRAME_I420, NULL) == NULL;
}

int chain_open(const struct chain_config *cfg, struct chain **ret_chain, struct error *err)
{
	struct chain *chain = calloc(1, sizeof(*chain));

	if (chain == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	chain->cfg = *cfg;
	chain->cfg.picture.encoded = wants_encoded(cfg);
	int r = source_open(cfg->source, &chain->cfg.picture, &chain->source, err);
	if (r < 0)
		goto fail;
	source_get_format(chain->source, &chain->format);
	r = open_encoder(&chain->format, cfg, &chain->encoder, err);
	if (r < 0)
		goto fail;
	*ret_chain = chain;
	return 0;

fail:
	chain_close(chain);
	return r;
}

void chain_close(struct chain *chain)
{
	if (chain == NULL)
		return;
	/* The encoder first: it may still read frames that the source has lent. */
	encoder_close(chain->encoder);
	source_close(chain->source);
	for (unsigned i = 0; i < chain->drained_count; i++)
		au_unref(chain->drained[i]);
	free(chain);
}

/* The same pictures, but for their rate, handed to the same encoder? */
static bool is_like(const struct chain *chain, const struct chain_config *cfg)
{
	const struct chain_config *old = &chain->cfg;

	return cfg->source == old->source && cfg->picture.width == old->picture.width &&
	       cfg->picture.height == old->picture.height &&
	       strcmp(cfg->picture.device, old->picture.device) == 0 &&
	       wants_encoded(cfg) == old->picture.encoded &&
	       /* Only ready-made H.264 is of another profile than Baseline. */
	       (cfg->any_profile == old->any_profile || chain->format.fourcc != FRAME_H264);
}

static void reclaim(struct chain *chain)
{
	uint32_t index;

	while (chain->encoder != NULL && encoder_reclaim(chain->encoder, &index) == 0) {
		unsigned i = 0;
		while (i < chain->lent_count && chain->lent[i] != index)
			i++;
		if (i < chain->lent_count)
			chain->lent[i] = chain->lent[--chain->lent_count];
		source_release(chain->source, index);
	}
}

/* Closed, it has no need of what it was lent. */
static void drop_encoder(struct chain *chain)
{
	encoder_close(chain->encoder);
	chain->encoder = NULL;
	while (chain->lent_count > 0)
		source_release(chain->source, chain->lent[--chain->lent_count]);
	chain->aus = 0;
}

/* Have what is under way come out, for the next pump. What takes too long is lost. */
static void drain_encoder(struct chain *chain)
{
	struct pollfd fd = {.fd = encoder_fd(chain->encoder), .events = POLLIN | POLLOUT};
	int64_t until_us = clock_now_us() + DRAIN_MS * INT64_C(1000);
	int r = encoder_drain(chain->encoder);

	if (r == -ENOTSUP)
		return;
	while (r == 0 || r == -EAGAIN) {
		struct au *au;
		int64_t left_us = until_us - clock_now_us();
		if (r == -EAGAIN && (left_us <= 0 || poll(&fd, 1, (int)(left_us / 1000) + 1) <= 0))
			break;
		r = encoder_collect(chain->encoder, &au, NULL);
		if (r == 0 && chain->drained_count < DRAINED_MAX)
			chain->drained[chain->drained_count++] = au;
		else if (r == 0)
			au_unref(au);
	}
	chain->is_broken |= r != -ENODATA;
}

static void retire_encoder(struct chain *chain)
{
	drain_encoder(chain);
	drop_encoder(chain);
}

/* What the old one was given is out, or comes out now, before the next frame. Of hardware there may
 * be one only, so it goes first; if no other can be had then, it is opened again. */
static int replace_encoder(struct chain *chain, const struct chain_config *cfg, struct error *err)
{
	struct source_format format;
	struct encoder *fresh;
	bool goes_first = chain->encoder->ops->hardware;

	source_get_format(chain->source, &format);
	if (goes_first)
		retire_encoder(chain);
	int r = open_encoder(&format, cfg, &fresh, err);
	if (r < 0 && goes_first &&
	    open_encoder(&chain->format, &chain->cfg, &chain->encoder, NULL) < 0)
		return -ENOTSUP;
	if (r < 0)
		return r;
	if (!goes_first)
		retire_encoder(chain);
	chain->encoder = fresh;
	chain->format = format;
	return 0;
}

/* The rate of pictures is in an SPS: the pace of the source changes, and the encoder begins anew.
 */
static int change_pace(struct chain *chain, const struct chain_config *cfg, struct error *err)
{
	if (source_set_fps(chain->source, cfg->picture.fps_milli) < 0)
		return -ENOTSUP;
	int r = replace_encoder(chain, cfg, err);
	if (r < 0 && source_set_fps(chain->source, chain->format.fps_milli) < 0)
		return -ENOTSUP;
	return r;
}

/* What an encoder cannot change while it runs. */
static bool is_coded_alike(const struct chain *chain, const struct chain_config *cfg)
{
	return chain->encoder->ops->hardware || chain->format.fourcc == FRAME_H264 ||
	       (cfg->encoder_threads == chain->cfg.encoder_threads &&
		strcmp(cfg->encoder_preset, chain->cfg.encoder_preset) == 0);
}

static int change_coding(struct chain *chain, const struct chain_config *cfg, struct error *err)
{
	const struct chain_config *old = &chain->cfg;
	unsigned fps_milli = chain->format.fps_milli;
	int r = 0;

	if (cfg->bitrate_bps != old->bitrate_bps)
		r = encoder_set_rate(chain->encoder, cfg->bitrate_bps, fps_milli);
	if (r == 0 && cfg->gop_frames != old->gop_frames)
		r = encoder_set_gop(chain->encoder, cfg->gop_frames);
	if (r == 0)
		return 0;
	r = replace_encoder(chain, cfg, err);
	if (r < 0 && chain->encoder != NULL)
		encoder_set_rate(chain->encoder, old->bitrate_bps, fps_milli);
	return r;
}

int chain_change(struct chain *chain, const struct chain_config *cfg, struct error *err)
{
	int r;

	if (!is_like(chain, cfg))
		return -ENOTSUP;
	const struct encoder_ops *ops = encoder_find(cfg->encoder, chain->format.fourcc, err);
	if (ops == NULL)
		return -ENOENT;
	bool is_other = ops != chain->encoder->ops && strcmp(cfg->encoder, chain->cfg.encoder) != 0;
	if (cfg->picture.fps_milli != chain->cfg.picture.fps_milli)
		r = change_pace(chain, cfg, err);
	else if (is_other || !is_coded_alike(chain, cfg))
		r = replace_encoder(chain, cfg, err);
	else
		r = change_coding(chain, cfg, err);
	if (r == 0) {
		chain->cfg = *cfg;
		chain->cfg.picture.encoded = wants_encoded(cfg);
		chain->rate_bps = 0;
	}
	return r;
}

int chain_set_rate(struct chain *chain, unsigned bitrate_bps)
{
	int r = encoder_set_rate(chain->encoder, bitrate_bps, chain->format.fps_milli);

	if (r == 0)
		chain->rate_bps = bitrate_bps;
	return r;
}

void chain_poll_fds(const struct chain *chain, struct pollfd fds[static CHAIN_FDS])
{
	fds[0] = (struct pollfd){.fd = source_fd(chain->source), .events = POLLIN};
	/* One that owes nothing may say that it is ready for ever. */
	fds[1] = (struct pollfd){
		.fd = encoder_is_busy(chain->encoder) ? encoder_fd(chain->encoder) : -1,
		.events = POLLIN | POLLOUT,
	};
}

static void emit_au(struct chain *chain, struct au *au, chain_emit_fn *emit, void *arg)
{
	if (chain->is_broken)
		au->flags |= AU_DISCONTINUITY;
	chain->is_broken = false;
	if (++chain->aus == SUCCESS_AUS)
		encpick_note_success(chain->cfg.pick);
	emit(arg, au);
}

static void emit_drained(struct chain *chain, chain_emit_fn *emit, void *arg)
{
	for (unsigned i = 0; i < chain->drained_count; i++)
		emit(arg, chain->drained[i]);
	chain->drained_count = 0;
}

/* Hardware fails without there being anything wrong with the camera. Returns 0 if there is an
 * encoder again, else r. */
static int mend_encoder(struct chain *chain, int r, struct error *err)
{
	if (!chain->encoder->ops->hardware)
		return r;
	bool again = encpick_note_failure(chain->cfg.pick, err);
	if (!again && strcmp(chain->cfg.encoder, "auto") != 0)
		return r;
	drop_encoder(chain);
	chain->is_broken = true;
	r = open_encoder(&chain->format, &chain->cfg, &chain->encoder, err);
	if (r == 0 && chain->rate_bps != 0)
		encoder_set_rate(chain->encoder, chain->rate_bps, chain->format.fps_milli);
	return r;
}

static int collect(struct chain *chain, chain_emit_fn *emit, void *arg, struct error *err)
{
	struct au *au;
	int r;

	while ((r = encoder_collect(chain->encoder, &au, err)) == 0)
		emit_au(chain, au, emit, arg);
	return r == -EAGAIN ? 0 : mend_encoder(chain, r, err);
}

static int encode(struct chain *chain, const struct frame *frame, bool force_idr, struct error *err)
{
	int r = encoder_submit(chain->encoder, frame, force_idr);

	if (r == 0) {
		assert(chain->lent_count < LENT_MAX);
		chain->lent[chain->lent_count++] = frame->index;
		chain->stats.frames_copied += encoder_copy(chain->encoder) == ENCODER_COPY_ONE;
		return 0;
	}
	source_release(chain->source, frame->index);
	chain->stats.frames_dropped++;
	if (r == -EAGAIN)
		return 0;
	if (r == -ETIMEDOUT)
		error_set(err, r, "%s: nothing comes out any more", chain->encoder->ops->name);
	else
		error_set(err, r, "%s: a picture cannot be encoded", chain->encoder->ops->name);
	return mend_encoder(chain, r, err);
}

/* The next frame worth encoding. Pictures that piled up while we were busy are late: only the
 * newest raw one counts; where the source has looked for it, nothing that comes meanwhile is made
 * ready in vain. Of a camera's own H.264 every access unit counts. */
static int dequeue(struct chain *chain, struct frame *ret_frame, struct error *err)
{
	struct frame frame;
	int r = source_dequeue(chain->source, &frame);
	bool have = false;

	while (r == 0 || r == -ENODATA) {
		if (r == 0) {
			chain->stats.frames_captured++;
			if (have) {
				source_release(chain->source, ret_frame->index);
				chain->stats.frames_dropped++;
			}
			*ret_frame = frame;
			have = true;
			if (frame.fourcc == FRAME_H264 || (frame.flags & FRAME_NEWEST) != 0)
				return 1;
		}
		r = source_dequeue(chain->source, &frame);
	}
	if (r != -EAGAIN && !have)
		return error_set(err, r, "%s: %s", chain->source->ops->name,
				 source_reason(chain->source));
	return have;
}

int chain_pump(struct chain *chain, bool force_idr, chain_emit_fn *emit, void *arg,
	       struct error *err)
{
	struct frame frame;
	int frames = 0;
	int r;

	emit_drained(chain, emit, arg);
	r = collect(chain, emit, arg, err);
	reclaim(chain);
	chain->has_more = false;
	while (r == 0 && (r = dequeue(chain, &frame, err)) > 0) {
		chain->has_more = ++frames == FRAMES_A_PUMP;
		if (chain->cfg.on_frame != NULL)
			chain->cfg.on_frame(chain->cfg.on_frame_arg, &frame, &chain->format);
		r = encode(chain, &frame, force_idr, err);
		force_idr = false;
		if (r == 0)
			r = collect(chain, emit, arg, err);
		reclaim(chain);
		if (chain->has_more)
			break;
	}
	return r < 0 ? r : frames;
}

bool chain_has_more(const struct chain *chain)
{
	return chain->has_more;
}

void chain_get_format(const struct chain *chain, struct source_format *ret_format)
{
	*ret_format = chain->format;
}

const struct encoder_ops *chain_encoder(const struct chain *chain)
{
	return chain->encoder->ops;
}

enum encoder_copy chain_copy(const struct chain *chain)
{
	return encoder_copy(chain->encoder);
}

struct chain_stats chain_get_stats(const struct chain *chain)
{
	struct chain_stats stats = chain->stats;

	stats.frames_dropped += source_dropped(chain->source);
	return stats;
}

struct source *chain_source(struct chain *chain)
{
	return chain->source;
}
