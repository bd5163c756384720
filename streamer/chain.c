#include "streamer/chain.h"

#include <errno.h>
#include <stdlib.h>

/* A camera that is always ahead of us must not keep the pipeline from its orders. */
#define FRAMES_A_PUMP 4

struct chain {
	struct source *source;
	struct encoder *encoder;
	struct source_format format;
	struct chain_stats stats;
	bool has_more; /* the last pump ended before the source had no more frames */
};

static int open_encoder(struct chain *chain, const struct chain_config *cfg, struct error *err)
{
	struct encoder_config encoder = {
		.in = chain->format,
		.bitrate_bps = cfg->bitrate_bps,
		.gop_frames = cfg->gop_frames,
		.any_profile = cfg->any_profile,
	};
	const struct encoder_ops *ops = encoder_find(cfg->encoder, chain->format.fourcc, err);

	if (ops == NULL)
		return -ENOENT;
	return encoder_open(ops, &encoder, &chain->encoder, err);
}

int chain_open(const struct chain_config *cfg, struct chain **ret_chain, struct error *err)
{
	struct chain *chain = calloc(1, sizeof(*chain));

	if (chain == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	int r = source_open(cfg->source, &cfg->picture, &chain->source, err);
	if (r < 0)
		goto fail;
	source_get_format(chain->source, &chain->format);
	r = open_encoder(chain, cfg, err);
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
 * newest raw one counts. Of a camera's own H.264 every access unit does. */
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
			if (frame.fourcc == FRAME_H264)
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
