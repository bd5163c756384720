/* The encoder for sources that bring H.264: looks, copies once, and hands on.
 *
 * A frame holds one access unit as the splitter makes them (splitter.h), so nothing is split again:
 * what is missing is only what viewers must know, and that is in the SPS. */
#include "streamer/encoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "streamer/nal.h"
#include "streamer/sps.h"

struct pass {
	struct encoder encoder;
	unsigned fps_milli; /* at which the source plays; 0: as the SPS says */
	bool any_profile;
	struct au_format format; /* of the newest IDR */
	bool needs_idr;          /* nothing may pass that refers to what did not */
	bool broken;             /* since the last access unit that passed */
	struct error refused;    /* what collect() has to say instead */
	struct au *au;           /* not yet collected */
	bool has_frame;          /* not yet reclaimed: */
	uint32_t frame_index;
};

static struct pass *pass_of(struct encoder *enc)
{
	return container_of(enc, struct pass, encoder);
}

static bool pass_takes(uint32_t fourcc)
{
	return fourcc == FRAME_H264;
}

static int pass_open(const struct encoder_config *cfg, struct encoder **ret_encoder,
		     struct error *err)
{
	struct pass *pass = calloc(1, sizeof(*pass));

	if (pass == NULL)
		return error_set(err, -ENOMEM, "no memory for the pass-through");
	pass->encoder.ops = &encoder_pass_ops;
	pass->fps_milli = cfg->in.fps_milli;
	pass->any_profile = cfg->any_profile;
	pass->needs_idr = true;
	*ret_encoder = &pass->encoder;
	return 0;
}

static void pass_close(struct encoder *enc)
{
	struct pass *pass = pass_of(enc);

	au_unref(pass->au);
	free(pass);
}

static int pass_get_fd(const struct encoder *enc)
{
	(void)enc;
	return -1;
}

static void refuse_profile(struct pass *pass, const struct sps *sps)
{
	error_set(&pass->refused, -EPROTONOSUPPORT,
		  "the source's H.264 is of %s profile, which only some browsers can show: "
		  "--profiles=any lets it through",
		  sps_profile_name(sps));
}

/* What an IDR says about itself and all until the next. -EPROTO: no SPS that can be read. */
static int read_format(struct pass *pass, const struct frame_plane *plane)
{
	const uint8_t *pos = plane->data;
	struct nal nal;

	while (nal_next(&pos, plane->data + plane->size, &nal)) {
		struct sps sps;
		if (nal.type == NAL_SLICE_IDR)
			break;
		if (nal.type != NAL_SPS || sps_read(nal.data, nal.size, &sps) < 0)
			continue;
		if (!pass->any_profile && !sps_is_baseline(&sps))
			refuse_profile(pass, &sps);
		sps_format(&sps, &pass->format);
		if (pass->fps_milli != 0)
			pass->format.fps_milli = pass->fps_milli;
		return 0;
	}
	return -EPROTO;
}

static int take(struct pass *pass, const struct frame *frame, unsigned flags)
{
	const struct frame_plane *plane = &frame->plane[0];
	struct au *au = au_new(plane->size);

	if (au == NULL)
		return -ENOMEM;
	memcpy(au->data, plane->data, plane->size);
	au->size = plane->size;
	au->flags = flags;
	au->pts_us = frame->pts_us;
	au->format = pass->format;
	pass->au = au;
	return 0;
}

/* The picture does not pass, nor may any that refers to it. */
static int let_go(struct pass *pass)
{
	pass->needs_idr = true;
	pass->broken = true;
	return -EAGAIN;
}

static int pass_submit(struct encoder *enc, const struct frame *frame, bool force_idr)
{
	struct pass *pass = pass_of(enc);
	const struct frame_plane *plane = &frame->plane[0];

	(void)force_idr;
	if (pass->au != NULL || pass->has_frame || pass->refused.code != 0)
		return -EAGAIN;
	if (frame->fourcc != FRAME_H264 || frame->plane_count != 1)
		return -EINVAL;
	bool is_idr = (nal_types(plane->data, plane->size) & 1u << NAL_SLICE_IDR) != 0;
	pass->broken = pass->broken || (frame->flags & FRAME_DISCONTINUITY) != 0;
	if (!is_idr && (pass->needs_idr || pass->broken))
		return let_go(pass);
	if (is_idr && read_format(pass, plane) < 0)
		return let_go(pass);
	unsigned flags = (is_idr ? AU_IDR : 0) | (pass->broken ? AU_DISCONTINUITY : 0);
	if (pass->refused.code == 0 && take(pass, frame, flags) < 0)
		return let_go(pass);
	pass->needs_idr = false;
	pass->broken = false;
	pass->frame_index = frame->index;
	pass->has_frame = true;
	return 0;
}

static int pass_reclaim(struct encoder *enc, uint32_t *ret_index)
{
	struct pass *pass = pass_of(enc);

	if (!pass->has_frame)
		return -EAGAIN;
	pass->has_frame = false;
	*ret_index = pass->frame_index;
	return 0;
}

static int pass_collect(struct encoder *enc, struct au **ret_au, struct error *err)
{
	struct pass *pass = pass_of(enc);

	if (pass->refused.code != 0) {
		int code = error_set(err, pass->refused.code, "%s", pass->refused.text);
		pass->refused.code = 0;
		pass->needs_idr = true;
		return code;
	}
	if (pass->au == NULL)
		return -EAGAIN;
	*ret_au = pass->au;
	pass->au = NULL;
	return 0;
}

const struct encoder_ops encoder_pass_ops = {
	.name = "pass",
	.takes = pass_takes,
	.open = pass_open,
	.close = pass_close,
	.get_fd = pass_get_fd,
	.submit = pass_submit,
	.reclaim = pass_reclaim,
	.collect = pass_collect,
};
