#include "streamer/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A camera that is always ahead of us must not keep the pipeline from its orders. */
#define FRAMES_A_PUMP 4

struct chain {
	struct chain_config cfg;
	struct source *source;
	struct encoder *encoder;
	struct source_format format;
	struct chain_stats stats;
	bool has_more; /* the last pump ended before the source had no more frames */
};

static int open_encoder(const struct source_format *format, const struct chain_config *cfg,
			struct encoder **ret_encoder, struct error *err)
{
	struct encoder_config encoder = {
		.in = *format,
		.bitrate_bps = cfg->bitrate_bps,
		.gop_frames = cfg->gop_frames,
		.any_profile = cfg->any_profile,
	};
	const struct encoder_ops *ops = encoder_find(cfg->encoder, format->fourcc, err);

	return ops == NULL ? -ENOENT : encoder_open(ops, &encoder, ret_encoder, err);
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

/* With nothing in flight: what a synchronous encoder was given is out before the next frame. */
static int replace_encoder(struct chain *chain, const struct chain_config *cfg, struct error *err)
{
	struct source_format format;
	struct encoder *fresh;

	if (encoder_fd(chain->encoder) >= 0)
		return -ENOTSUP;
	source_get_format(chain->source, &format);
	int r = open_encoder(&format, cfg, &fresh, err);
	if (r < 0)
		return r;
	encoder_close(chain->encoder);
	chain->encoder = fresh;
	chain->format = format;
	return 0;
}

/* The rate of pictures is in an SPS: the pace of the source changes, and the encoder begins anew.
 */
static int change_pace(struct chain *chain, const struct chain_config *cfg, struct error *err)
{
	if (encoder_fd(chain->encoder) >= 0 ||
	    source_set_fps(chain->source, cfg->picture.fps_milli) < 0)
		return -ENOTSUP;
	int r = replace_encoder(chain, cfg, err);
	if (r < 0 && source_set_fps(chain->source, chain->format.fps_milli) < 0)
		return -ENOTSUP;
	return r;
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
	if (r < 0)
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
	if (cfg->picture.fps_milli != chain->cfg.picture.fps_milli)
		r = change_pace(chain, cfg, err);
	else if (ops != chain->encoder->ops)
		r = replace_encoder(chain, cfg, err);
	else
		r = change_coding(chain, cfg, err);
	if (r == 0) {
		chain->cfg = *cfg;
		chain->cfg.picture.encoded = wants_encoded(cfg);
	}
	return r;
}

int chain_set_rate(struct chain *chain, unsigned bitrate_bps)
{
	return encoder_set_rate(chain->encoder, bitrate_bps, chain->format.fps_milli);
}

void chain_poll_fds(const struct chain *chain, struct pollfd fds[static CHAIN_FDS])
{
	fds[0] = (struct pollfd){.fd = source_fd(chain->source), .events = POLLIN};
	fds[1] = (struct pollfd){.fd = encoder_fd(chain->encoder), .events = POLLIN | POLLOUT};
}

static void reclaim(struct chain *chain)
{
	uint32_t index;

	while (encoder_reclaim(chain->encoder, &index) == 0)
		source_release(chain->source, index);
}

static int collect(struct chain *chain, chain_emit_fn *emit, void *arg, struct error *err)
{
	struct au *au;
	int r;

	while ((r = encoder_collect(chain->encoder, &au, err)) == 0)
		emit(arg, au);
	return r == -EAGAIN ? 0 : r;
}

static int encode(struct chain *chain, const struct frame *frame, bool force_idr, struct error *err)
{
	int r = encoder_submit(chain->encoder, frame, force_idr);

	if (r == 0)
		return 0;
	source_release(chain->source, frame->index);
	chain->stats.frames_dropped++;
	if (r == -EAGAIN)
		return 0;
	return error_set(err, r, "%s: a picture cannot be encoded", chain->encoder->ops->name);
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
	int r = collect(chain, emit, arg, err);

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
