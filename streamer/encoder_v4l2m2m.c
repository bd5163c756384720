/* A V4L2 stateful H.264 encoder: the Raspberry Pi's (Zero to 4), and others of that interface.
 *
 * What the driver makes goes through the splitter as a camera's does: that puts it into our shape,
 * finds key frames by their NAL units, and repeats SPS and PPS where the driver does not. Drivers
 * have some of the controls and lack others, so each is set if it is there and missed if not. */
#include "streamer/encoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/videodev2.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/h264level.h"
#include "streamer/m2m.h"
#include "streamer/splitter.h"

#define SUBSYSTEM         "encoder v4l2m2m"
#define FPS_DEFAULT_MILLI 25000

/* While pictures go in, and by their clock: then the driver hangs. Slow pictures get so many. */
#define SILENCE_US     2000000
#define SILENCE_FRAMES 8

/* IDRs that were to come and did not: the driver counts them otherwise, or makes I pictures. */
#define GOP_OVERDUE_FRAMES 4

struct v4l2m2m {
	struct encoder encoder;
	struct m2m m2m;
	struct splitter *splitter;
	struct encoder_config cfg;
	const struct h264level *level; /* as asked for */
	bool told_copy;                /* to the log */
	bool needs_idr;                /* something was lost: nothing may pass before */
	bool idr_asked;                /* and is under way, in at most */
	unsigned idr_due_frames;       /* so many */
	unsigned since_idr;            /* pictures that came out, with it */
	unsigned silent_frames;        /* that went in, or would have, since something came out */
	int64_t silent_since_us;       /* pts of the first of them */
	bool broken;                   /* access units were lost since the last that passed */
	uint64_t dropped;              /* by the splitter, so far */
	int64_t pts_us;                /* of what the splitter was fed last */
};

static struct v4l2m2m *v4l2m2m_of(struct encoder *enc)
{
	return container_of(enc, struct v4l2m2m, encoder);
}

static bool v4l2m2m_takes(uint32_t fourcc)
{
	return fourcc == FRAME_I420;
}

/* --- opening */

/* V4L2 numbers the levels in the order of table A-1, 1b second. */
static int level_value(unsigned idc)
{
	static const uint8_t idcs[] = {10, 9,  11, 12, 13, 20, 21, 22, 30,
				       31, 32, 40, 41, 42, 50, 51, 52};
	int value = 0;

	while (value < (int)ARRAY_SIZE(idcs) - 1 && idcs[value] != idc)
		value++;
	return value;
}

static bool set(struct v4l2m2m *v, uint32_t id, int64_t value)
{
	return m2mdev_set_control(&v->m2m.dev, id, value);
}

static bool set_gop(struct v4l2m2m *v, unsigned gop_frames)
{
	bool by_period = set(v, V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, gop_frames);
	bool by_size = set(v, V4L2_CID_MPEG_VIDEO_GOP_SIZE, gop_frames);

	return by_period || by_size;
}

static void set_controls(struct v4l2m2m *v)
{
	if (!set(v, V4L2_CID_MPEG_VIDEO_H264_PROFILE,
		 V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE))
		set(v, V4L2_CID_MPEG_VIDEO_H264_PROFILE, V4L2_MPEG_VIDEO_H264_PROFILE_BASELINE);
	set(v, V4L2_CID_MPEG_VIDEO_H264_LEVEL, level_value(v->level->idc));
	set(v, V4L2_CID_MPEG_VIDEO_B_FRAMES, 0);
	/* A link carries so much and no more: no large pictures now for small ones later. */
	set(v, V4L2_CID_MPEG_VIDEO_BITRATE_MODE, V4L2_MPEG_VIDEO_BITRATE_MODE_CBR);
	set(v, V4L2_CID_MPEG_VIDEO_BITRATE, v->cfg.bitrate_bps);
	set_gop(v, v->cfg.gop_frames);
	set(v, V4L2_CID_MPEG_VIDEO_HEADER_MODE, V4L2_MPEG_VIDEO_HEADER_MODE_JOINED_WITH_1ST_FRAME);
	set(v, V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 1);
}

static void v4l2m2m_close(struct encoder *enc)
{
	struct v4l2m2m *v = v4l2m2m_of(enc);

	m2m_close(&v->m2m);
	splitter_free(v->splitter);
	free(v);
}

static int begin(struct v4l2m2m *v, struct error *err)
{
	v->splitter = splitter_new();
	if (v->splitter == NULL)
		return error_set(err, -ENOMEM, "no memory for an encoder");
	int r = m2m_open(&v->m2m, "", V4L2_PIX_FMT_H264, err);
	if (r < 0)
		return r;
	set_controls(v);
	return m2m_set_up(&v->m2m, &v->cfg.in, err);
}

static int config_check(const struct encoder_config *cfg, struct error *err)
{
	const struct source_format *in = &cfg->in;

	if (in->width == 0 || in->height == 0 || in->width % 2 != 0 || in->height % 2 != 0)
		return error_set(err, -EINVAL, "v4l2m2m: the size %ux%u is not even", in->width,
				 in->height);
	if (cfg->bitrate_bps == 0 || cfg->gop_frames == 0)
		return error_set(err, -EINVAL,
				 "v4l2m2m: a bitrate of %u bit/s or a GOP of %u frames is out of "
				 "range",
				 cfg->bitrate_bps, cfg->gop_frames);
	return 0;
}

static int v4l2m2m_open(const struct encoder_config *cfg, struct encoder **ret_encoder,
			struct error *err)
{
	int r = config_check(cfg, err);

	if (r < 0)
		return r;
	struct v4l2m2m *v = calloc(1, sizeof(*v));
	if (v == NULL)
		return error_set(err, -ENOMEM, "no memory for an encoder");
	*v = (struct v4l2m2m){
		.encoder.ops = &encoder_v4l2m2m_ops,
		.m2m.dev.node.fd = -1,
		.cfg = *cfg,
		.needs_idr = true,
	};
	if (v->cfg.in.fps_milli == 0)
		v->cfg.in.fps_milli = FPS_DEFAULT_MILLI;
	v->level =
		h264level_for(cfg->in.width, cfg->in.height, v->cfg.in.fps_milli, cfg->bitrate_bps);
	r = begin(v, err);
	if (r < 0) {
		v4l2m2m_close(&v->encoder);
		return r;
	}
	log_info(SUBSYSTEM, "%s: %s, %ux%u, level %u.%u", v->m2m.dev.node.path,
		 v->m2m.dev.node.card, cfg->in.width, cfg->in.height, v->level->idc / 10,
		 v->level->idc % 10);
	*ret_encoder = &v->encoder;
	return 0;
}

static int v4l2m2m_get_fd(const struct encoder *enc)
{
	return ((const struct v4l2m2m *)enc)->m2m.dev.node.fd;
}

static bool v4l2m2m_is_busy(const struct encoder *enc)
{
	return m2m_is_busy(&((const struct v4l2m2m *)enc)->m2m);
}

/* --- pictures in */

/* One that hangs takes pictures until its queue is full, and then none. */
static bool is_silent(struct v4l2m2m *v, int64_t pts_us)
{
	if (v->silent_frames++ == 0)
		v->silent_since_us = pts_us;
	return v->silent_frames > SILENCE_FRAMES && pts_us - v->silent_since_us > SILENCE_US;
}

static void lose_what_is_under_way(struct v4l2m2m *v)
{
	v->broken |= v->since_idr > 0;
	v->needs_idr = true;
	v->idr_asked = false;
}

/* The next picture that it takes up. Some cannot be asked, but all begin with an IDR. */
static int ask_for_idr(struct v4l2m2m *v)
{
	int r = 0;

	if (v->since_idr > 0 && !set(v, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1)) {
		lose_what_is_under_way(v);
		r = m2m_restart(&v->m2m);
	}
	v->idr_asked = true;
	v->idr_due_frames = 2 * M2M_PICTURES;
	return r;
}

static void tell_copy(struct v4l2m2m *v)
{
	if (v->told_copy)
		return;
	v->told_copy = true;
	log_info(SUBSYSTEM, "%s: %s", v->m2m.dev.node.path,
		 m2m_is_copying(&v->m2m) ? "every picture is copied into its memory"
					 : "it reads pictures where the camera left them");
}

static int v4l2m2m_submit(struct encoder *enc, const struct frame *frame, bool force_idr)
{
	struct v4l2m2m *v = v4l2m2m_of(enc);
	bool overdue = v->since_idr >= v->cfg.gop_frames + GOP_OVERDUE_FRAMES;
	int r = 0;

	if (is_silent(v, frame->pts_us))
		return -ETIMEDOUT;
	if ((force_idr || overdue || v->needs_idr) && !v->idr_asked)
		r = ask_for_idr(v);
	bool was_copying = m2m_is_copying(&v->m2m);
	if (r == 0)
		r = m2m_submit(&v->m2m, frame);
	if (r < 0)
		return r;
	if (v->told_copy && m2m_is_copying(&v->m2m) != was_copying) {
		lose_what_is_under_way(v); /* it began anew, to have them copied */
		v->told_copy = false;
	}
	tell_copy(v);
	if (v->idr_asked && v->idr_due_frames-- == 0)
		v->idr_asked = false; /* then it is asked again */
	return 0;
}

static int v4l2m2m_reclaim(struct encoder *enc, uint32_t *ret_index)
{
	return m2m_reclaim(&v4l2m2m_of(enc)->m2m, ret_index);
}

/* --- access units out */

static int check_profile(const struct v4l2m2m *v, struct error *err)
{
	const struct sps *sps = splitter_sps(v->splitter);

	if (v->cfg.any_profile || sps == NULL || sps_is_baseline(sps))
		return 0;
	return error_set(err, -EPROTONOSUPPORT,
			 "%s: the encoder makes %s profile, which only some browsers can show",
			 v->m2m.dev.node.path, sps_profile_name(sps));
}

static int finish(struct v4l2m2m *v, struct au *au, int64_t pts_us, struct error *err)
{
	bool idr = (au->flags & AU_IDR) != 0;
	int r = idr ? check_profile(v, err) : 0;

	if (r < 0)
		return r;
	if (idr) {
		v->idr_asked = v->needs_idr = false;
		v->since_idr = 0;
	}
	v->since_idr++;
	v->silent_frames = 0;
	au->flags = (idr ? AU_IDR : 0) | (v->broken ? AU_DISCONTINUITY : 0);
	v->broken = false;
	au->pts_us = pts_us;
	au->format.fps_milli = v->cfg.in.fps_milli;
	return 0;
}

/* What the splitter cannot make sense of is as good as lost, with all that refers to it. */
static void feed(struct v4l2m2m *v, const struct m2m_bytes *bytes)
{
	struct splitter_stats stats;
	bool lost = bytes->damaged || splitter_feed(v->splitter, bytes->data, bytes->size) < 0;

	lost |= splitter_flush(v->splitter) < 0;
	splitter_get_stats(v->splitter, &stats);
	if (lost || stats.aus_dropped != v->dropped)
		lose_what_is_under_way(v);
	v->dropped = stats.aus_dropped;
	v->pts_us = bytes->pts_us;
}

static int take_bytes(struct v4l2m2m *v, struct error *err)
{
	struct m2m_bytes bytes;
	int r = m2m_take(&v->m2m, &bytes);

	if (r == 0) {
		feed(v, &bytes);
		r = m2m_give_back(&v->m2m, &bytes);
	}
	return r < 0 && r != -EAGAIN && r != -ENODATA
		       ? m2mdev_fail(&v->m2m.dev, r, "nothing more comes", err)
		       : r;
}

static int v4l2m2m_collect(struct encoder *enc, struct au **ret_au, struct error *err)
{
	struct v4l2m2m *v = v4l2m2m_of(enc);
	struct au *au;
	int r = 0;

	for (;;) {
		while (r == 0 && splitter_collect(v->splitter, &au) < 0)
			r = take_bytes(v, err);
		if (r < 0)
			return r;
		if (!v->needs_idr || (au->flags & AU_IDR) != 0)
			break;
		au_unref(au);
	}
	r = finish(v, au, v->pts_us, err);
	if (r < 0) {
		au_unref(au);
		return r;
	}
	*ret_au = au;
	return 0;
}

static int v4l2m2m_drain(struct encoder *enc)
{
	return m2m_drain(&v4l2m2m_of(enc)->m2m);
}

/* --- while it runs */

static int v4l2m2m_set_rate(struct encoder *enc, unsigned bitrate_bps, unsigned fps_milli)
{
	struct v4l2m2m *v = v4l2m2m_of(enc);

	if (bitrate_bps == 0)
		return -EINVAL;
	if (fps_milli != v->cfg.in.fps_milli || bitrate_bps > v->level->bitrate_bps)
		return -ENOTSUP; /* rate and level are in the SPS */
	if (!set(v, V4L2_CID_MPEG_VIDEO_BITRATE, bitrate_bps))
		return -ENOTSUP;
	v->cfg.bitrate_bps = bitrate_bps;
	return 0;
}

static int v4l2m2m_set_gop(struct encoder *enc, unsigned gop_frames)
{
	struct v4l2m2m *v = v4l2m2m_of(enc);

	if (gop_frames == 0)
		return -EINVAL;
	/* Where it cannot be told, IDRs are asked for. */
	set_gop(v, gop_frames);
	v->cfg.gop_frames = gop_frames;
	return 0;
}

static enum encoder_copy v4l2m2m_get_copy(const struct encoder *enc)
{
	const struct v4l2m2m *v = (const struct v4l2m2m *)enc;

	if (!v->told_copy)
		return ENCODER_COPY_UNKNOWN;
	return m2m_is_copying(&v->m2m) ? ENCODER_COPY_ONE : ENCODER_COPY_NONE;
}

const struct encoder_ops encoder_v4l2m2m_ops = {
	.name = "v4l2m2m",
	.hardware = true,
	.takes = v4l2m2m_takes,
	.open = v4l2m2m_open,
	.close = v4l2m2m_close,
	.get_fd = v4l2m2m_get_fd,
	.is_busy = v4l2m2m_is_busy,
	.submit = v4l2m2m_submit,
	.reclaim = v4l2m2m_reclaim,
	.collect = v4l2m2m_collect,
	.drain = v4l2m2m_drain,
	.set_rate = v4l2m2m_set_rate,
	.set_gop = v4l2m2m_set_gop,
	.get_copy = v4l2m2m_get_copy,
	.can_force_idr = true,
};
