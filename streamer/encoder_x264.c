/* libx264, tuned so that a picture leaves as soon as it came and none is much larger than its share
 * of the bitrate. */
#include "streamer/encoder.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <x264.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/h264level.h"
#include "streamer/sps.h"

#define SUBSYSTEM         "encoder x264"
#define LEVEL_1B          9 /* as x264 numbers it */
#define LEVEL_1_1         11
#define START_CODE_BYTES  4
#define FPS_DEFAULT_MILLI 25000
#define BITRATE_MIN_BPS   1000
#define BITRATE_MAX_BPS   1000000000 /* VBV numbers, in kbit, stay far inside an int */
#define SMPTE_170M        6          /* BT.601 with 525 lines: H.264 tables E-3, E-4 and E-5 */

/* The buffer of the rate control in frame times, in tenths. It bounds the largest picture: measured
 * with the test pattern, with noise and with both in turns, 320x240 at 300 kbit/s to 1920x1080p60
 * at 8 Mbit/s, the largest access unit was 1.04, 1.49 and 1.95 times its share (bitrate / fps) with
 * 10, 15 and 20. With 10 an IDR may be no larger than any other picture, and shows it. */
#define VBV_FRAMES_TENTHS 15

/* And its least in bits, so that an IDR fits in at the coarsest quantiser there is. Past that x264
 * throws coefficients away, overdraws, and pays with pictures of 11 bytes that change nothing:
 * measured with the test pattern, 1280x720p30 at 200 kbit/s stood still from IDR to IDR with 1.5
 * frame times. With 16 bits a macroblock and 5000 some pictures were still like their predecessor,
 * of 320x240 at 100 kbit/s to 1280x720p30 at 194 kbit/s, with these none; a link of just that rate
 * takes a fifth of a second for what an IDR leaves queued, a third with three threads. The part
 * that does not grow with the picture is for headers, and for small pictures' denser detail. With
 * seven threads, which each see a part of the picture only, sudden noise overdrew it by up to 1.8.
 */
#define VBV_LEAST_BITS        8000
#define VBV_BITS_A_MACROBLOCK 20

/* Macroblocks a second that a core encodes with "superfast" and has time left: a Xeon of 2.2 GHz,
 * shared with others, did 338000 with one thread (1280x720, detail that moves). Of the others, ARM
 * cores without a hardware encoder above all, it is a guess. */
#if defined(__x86_64__)
#define SUPERFAST_MACROBLOCKS 250000
#else
#define SUPERFAST_MACROBLOCKS 60000
#endif

struct x264 {
	struct encoder encoder;
	x264_t *handle;
	x264_param_t param; /* as asked for: at opening, then by set_rate() */
	int level_idc;      /* in the SPS */
	unsigned fps_milli;
	struct au_format format; /* of the newest IDR */
	unsigned gop_frames;
	unsigned since_idr; /* pictures, with it; 0: none yet */
	int64_t pictures;   /* submitted, x264's own time stamps */
	bool needs_idr;     /* an access unit was lost: the next picture must not refer to it */
	struct au *au;      /* not yet collected */
	bool has_frame;     /* not yet reclaimed: */
	uint32_t frame_index;
	struct error said; /* x264's newest complaint */
};

static struct x264 *x264_of(struct encoder *enc)
{
	return container_of(enc, struct x264, encoder);
}

static bool x264_takes(uint32_t fourcc)
{
	return fourcc == FRAME_I420;
}

static enum log_level level_of_words(const struct x264 *x, int level)
{
	if (level == X264_LOG_ERROR)
		return LOG_LEVEL_ERROR;
	/* While encoding its warnings are a line for every picture that comes out larger than
	 * meant, and its information is a page of statistics at the end. */
	return level == X264_LOG_WARNING && x->handle == NULL ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG;
}

static void x264_log(void *user, int level, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));

static void x264_log(void *user, int level, const char *fmt, va_list args)
{
	struct x264 *x = user;
	char words[256];

	vsnprintf(words, sizeof(words), fmt, args);
	words[strcspn(words, "\n")] = '\0';
	if (level == X264_LOG_ERROR)
		error_set(&x->said, -EINVAL, "%s", words);
	log_write(level_of_words(x, level), SUBSYSTEM, "%s", words);
}

static int threads_of(const struct encoder_config *cfg)
{
	if (cfg->threads > 0)
		return (int)cfg->threads;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores > 2 ? (int)(cores - 1) : 1;
}

/* "ultrafast" costs half of "superfast", and looks worse at the same bitrate: it is for machines
 * that could not keep up. */
static const char *preset_of(const struct encoder_config *cfg, unsigned fps_milli)
{
	uint64_t macroblocks_per_s =
		(uint64_t)h264level_macroblocks(cfg->in.width, cfg->in.height) * fps_milli / 1000;

	if (cfg->preset[0] != '\0' && strcmp(cfg->preset, "auto") != 0)
		return cfg->preset;
	return macroblocks_per_s > (uint64_t)threads_of(cfg) * SUPERFAST_MACROBLOCKS ? "ultrafast"
										     : "superfast";
}

/* How much the rate control may save up for one picture, which bounds the largest of them. */
static int vbv_kbit(const x264_param_t *param, unsigned bitrate_bps, unsigned fps_milli)
{
	int64_t bits = (int64_t)bitrate_bps * 1000 * VBV_FRAMES_TENTHS / fps_milli / 10;
	int64_t macroblocks =
		h264level_macroblocks((unsigned)param->i_width, (unsigned)param->i_height);
	int64_t least_bits = VBV_LEAST_BITS + macroblocks * VBV_BITS_A_MACROBLOCK;

	return (int)(max_i64(bits, least_bits) / 1000 + 1);
}

static void param_set_rate(x264_param_t *param, unsigned bitrate_bps, unsigned fps_milli)
{
	int kbps = (int)((bitrate_bps + 999) / 1000);

	param->rc.i_rc_method = X264_RC_ABR;
	param->rc.i_bitrate = kbps;
	param->rc.i_vbv_max_bitrate = kbps;
	param->rc.i_vbv_buffer_size = vbv_kbit(param, bitrate_bps, fps_milli);
}

static void param_set_picture(x264_param_t *param, const struct source_format *in,
			      unsigned fps_milli)
{
	param->i_csp = X264_CSP_I420;
	param->i_width = (int)in->width;
	param->i_height = (int)in->height;
	param->i_fps_num = fps_milli;
	param->i_fps_den = 1000;
	param->i_timebase_num = 1000;
	param->i_timebase_den = fps_milli;
	const struct source_colour *colour = &in->colour;
	bool told = colour->matrix != 0;
	param->vui.b_fullrange = 0;
	param->vui.i_colorprim = told ? colour->primaries : SMPTE_170M;
	param->vui.i_transfer = told ? colour->transfer : SMPTE_170M;
	param->vui.i_colmatrix = told ? colour->matrix : SMPTE_170M;
}

static void param_set_stream(x264_param_t *param, const struct encoder_config *cfg)
{
	param->i_threads = threads_of(cfg);
	/* Threads that each take a picture would hold pictures back. */
	param->b_sliced_threads = param->i_threads > 1;
	/* IDRs are ours to place: x264 cannot be told another distance while it runs. */
	param->i_keyint_max = X264_KEYINT_MAX_INFINITE;
	param->i_keyint_min = 1;
	param->i_scenecut_threshold = 0;
	param->b_open_gop = 0;
	param->b_repeat_headers = 1;
	param->b_annexb = 1;
	param->b_aud = 0;
}

static int param_fill(struct x264 *x, const struct encoder_config *cfg, struct error *err)
{
	const char *preset = preset_of(cfg, x->fps_milli);

	if (x264_param_default_preset(&x->param, preset, "zerolatency") < 0)
		return error_set(err, -ENOTSUP, "x264 has no preset '%.15s'", preset);
	param_set_picture(&x->param, &cfg->in, x->fps_milli);
	param_set_stream(&x->param, cfg);
	param_set_rate(&x->param, cfg->bitrate_bps, x->fps_milli);
	/* x264 164 copies these names and loses the copies when it cannot open. */
	x->param.rc.psz_stat_out = NULL;
	x->param.rc.psz_stat_in = NULL;
	x->param.pf_log = x264_log;
	x->param.p_log_private = x;
	x->param.i_log_level = X264_LOG_INFO;
	if (x264_param_apply_profile(&x->param, "baseline") < 0)
		return error_set(err, -ENOTSUP, "x264 has no Baseline profile");
	return 0;
}

static int config_check(const struct encoder_config *cfg, struct error *err)
{
	const struct source_format *in = &cfg->in;

	if (in->width == 0 || in->height == 0 || in->width % 2 != 0 || in->height % 2 != 0)
		return error_set(err, -EINVAL, "x264: the size %ux%u is not even", in->width,
				 in->height);
	if (cfg->bitrate_bps < BITRATE_MIN_BPS || cfg->bitrate_bps > BITRATE_MAX_BPS)
		return error_set(err, -EINVAL, "x264: the bitrate %u bit/s is out of range",
				 cfg->bitrate_bps);
	if (cfg->gop_frames == 0)
		return error_set(err, -EINVAL, "x264: a GOP of %u frames is out of range",
				 cfg->gop_frames);
	return 0;
}

static void x264_close(struct encoder *enc)
{
	struct x264 *x = x264_of(enc);

	if (x->handle != NULL)
		x264_encoder_close(x->handle);
	au_unref(x->au);
	free(x);
}

/* Open with what is in param, and learn the level x264 chose. */
static void handle_open(struct x264 *x)
{
	x264_param_t chosen;

	x->handle = x264_encoder_open(&x->param);
	if (x->handle == NULL)
		return;
	x264_encoder_parameters(x->handle, &chosen);
	x->level_idc = chosen.i_level_idc;
}

static int x264_start(struct x264 *x, const struct encoder_config *cfg, struct error *err)
{
	int r = param_fill(x, cfg, err);

	if (r < 0)
		return r;
	handle_open(x);
	if (x->handle != NULL && x->level_idc == LEVEL_1B) {
		/* Written as 1.1 with a constraint flag (A.3.1), so decoders that know codec
		 * strings by heart do not know it. */
		x264_encoder_close(x->handle);
		x->param.i_level_idc = LEVEL_1_1;
		handle_open(x);
	}
	if (x->handle == NULL)
		return error_set(err, -EINVAL, "x264 cannot encode %ux%u at %u bit/s: %s",
				 cfg->in.width, cfg->in.height, cfg->bitrate_bps,
				 x->said.code != 0 ? x->said.text : "it does not say why");
	return 0;
}

static int x264_open(const struct encoder_config *cfg, struct encoder **ret_encoder,
		     struct error *err)
{
	int r = config_check(cfg, err);

	if (r < 0)
		return r;
	struct x264 *x = calloc(1, sizeof(*x));
	if (x == NULL)
		return error_set(err, -ENOMEM, "no memory for x264");
	x->encoder.ops = &encoder_x264_ops;
	x->gop_frames = cfg->gop_frames;
	x->fps_milli = cfg->in.fps_milli != 0 ? cfg->in.fps_milli : FPS_DEFAULT_MILLI;
	r = x264_start(x, cfg, err);
	if (r < 0) {
		x264_close(&x->encoder);
		return r;
	}
	*ret_encoder = &x->encoder;
	return 0;
}

static int x264_get_fd(const struct encoder *enc)
{
	(void)enc;
	return -1;
}

/* The start code is x264's own, of three bytes or four. */
static void nal_of(const x264_nal_t *from, const uint8_t **ret_data, size_t *ret_size)
{
	size_t start = from->b_long_startcode ? 4 : 3;

	*ret_data = from->p_payload + start;
	*ret_size = (size_t)from->i_payload - start;
}

/* x264 writes an SEI with its options before the first picture: 600 bytes nobody reads. */
static bool is_wanted(const x264_nal_t *nal)
{
	return nal->i_type != NAL_SEI;
}

/* As nal_write(), whose header and x264's both want to name the NAL unit types. */
static uint8_t *nal_put(uint8_t *out, const x264_nal_t *nal)
{
	static const uint8_t start_code[START_CODE_BYTES] = {0, 0, 0, 1};
	const uint8_t *data;
	size_t size;

	nal_of(nal, &data, &size);
	memcpy(out, start_code, sizeof(start_code));
	memcpy(out + sizeof(start_code), data, size);
	return out + sizeof(start_code) + size;
}

static struct au *au_of(const x264_nal_t *nals, int count)
{
	size_t size = 0;

	for (int i = 0; i < count; i++)
		if (is_wanted(&nals[i]))
			size += START_CODE_BYTES + (size_t)nals[i].i_payload;
	struct au *au = au_new(size);
	if (au == NULL)
		return NULL;
	uint8_t *out = au->data;
	for (int i = 0; i < count; i++)
		if (is_wanted(&nals[i]))
			out = nal_put(out, &nals[i]);
	au->size = (size_t)(out - au->data);
	return au;
}

static void format_update(struct x264 *x, const x264_nal_t *nals, int count)
{
	for (int i = 0; i < count; i++) {
		const uint8_t *data;
		size_t size;
		struct sps sps;
		nal_of(&nals[i], &data, &size);
		if (nals[i].i_type != NAL_SPS || sps_read(data, size, &sps) < 0)
			continue;
		sps_format(&sps, &x->format);
		x->format.fps_milli = x->fps_milli;
	}
}

/* x264 only reads the planes, whatever its types say. */
static uint8_t *plane_of(const struct frame *frame, unsigned i)
{
	return (uint8_t *)(uintptr_t)frame->plane[i].data;
}

static void picture_fill(const struct x264 *x, const struct frame *frame, bool idr,
			 x264_picture_t *ret_picture)
{
	x264_picture_init(ret_picture);
	ret_picture->i_type = idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
	ret_picture->i_pts = x->pictures;
	ret_picture->img.i_csp = X264_CSP_I420;
	ret_picture->img.i_plane = 3;
	for (unsigned i = 0; i < 3; i++) {
		ret_picture->img.plane[i] = plane_of(frame, i);
		ret_picture->img.i_stride[i] = (int)frame->plane[i].stride;
	}
}

static bool is_ours(const struct x264 *x, const struct frame *frame)
{
	return frame->fourcc == FRAME_I420 && frame->plane_count == 3 &&
	       frame->width == (unsigned)x->param.i_width &&
	       frame->height == (unsigned)x->param.i_height;
}

static int x264_submit(struct encoder *enc, const struct frame *frame, bool force_idr)
{
	struct x264 *x = x264_of(enc);
	x264_picture_t picture, coded;
	x264_nal_t *nals;
	int count = 0;

	if (x->au != NULL || x->has_frame)
		return -EAGAIN;
	if (!is_ours(x, frame))
		return -EINVAL;
	bool idr = force_idr || x->needs_idr || x->since_idr >= x->gop_frames;
	picture_fill(x, frame, idr, &picture);
	int size = x264_encoder_encode(x->handle, &nals, &count, &picture, &coded);
	if (size < 0)
		return -EIO;
	x->pictures++;
	x->au = size > 0 ? au_of(nals, count) : NULL;
	x->needs_idr = x->au == NULL;
	if (x->au == NULL)
		return -EAGAIN;
	if (coded.b_keyframe) {
		format_update(x, nals, count);
		x->au->flags |= AU_IDR;
		x->since_idr = 0;
	}
	x->since_idr++;
	x->au->format = x->format;
	x->au->pts_us = frame->pts_us;
	x->frame_index = frame->index;
	x->has_frame = true;
	return 0;
}

static int x264_reclaim(struct encoder *enc, uint32_t *ret_index)
{
	struct x264 *x = x264_of(enc);

	if (!x->has_frame)
		return -EAGAIN;
	x->has_frame = false;
	*ret_index = x->frame_index;
	return 0;
}

static int x264_collect(struct encoder *enc, struct au **ret_au, struct error *err)
{
	struct x264 *x = x264_of(enc);

	(void)err;
	if (x->au == NULL)
		return -EAGAIN;
	*ret_au = x->au;
	x->au = NULL;
	return 0;
}

static const x264_level_t *level_of(int level_idc)
{
	const x264_level_t *level = x264_levels;

	while (level->level_idc != 0 && level->level_idc != level_idc)
		level++;
	return level->level_idc != 0 ? level : NULL;
}

/* The rate of pictures is in the SPS, and so is the level, which bounds the bitrate: going past
 * them takes a new stream. */
static int x264_set_rate(struct encoder *enc, unsigned bitrate_bps, unsigned fps_milli)
{
	struct x264 *x = x264_of(enc);
	const x264_level_t *level = level_of(x->level_idc);
	x264_param_t param = x->param;

	if (bitrate_bps < BITRATE_MIN_BPS || bitrate_bps > BITRATE_MAX_BPS)
		return -EINVAL;
	if (fps_milli != x->fps_milli)
		return -ENOTSUP;
	param_set_rate(&param, bitrate_bps, fps_milli);
	if (level == NULL || param.rc.i_vbv_max_bitrate > level->bitrate ||
	    param.rc.i_vbv_buffer_size > level->cpb)
		return -ENOTSUP;
	if (x264_encoder_reconfig(x->handle, &param) < 0)
		return -ENOTSUP;
	x->param = param;
	return 0;
}

static int x264_set_gop(struct encoder *enc, unsigned gop_frames)
{
	if (gop_frames == 0)
		return -EINVAL;
	x264_of(enc)->gop_frames = gop_frames;
	return 0;
}

static void x264_tell(const struct encoder_config *cfg, char *words, size_t words_size)
{
	int threads = threads_of(cfg);

	snprintf(words, words_size, "preset %s, %d thread%s", preset_of(cfg, cfg->in.fps_milli),
		 threads, threads == 1 ? "" : "s");
}

const struct encoder_ops encoder_x264_ops = {
	.name = "x264",
	.takes = x264_takes,
	.open = x264_open,
	.close = x264_close,
	.get_fd = x264_get_fd,
	.submit = x264_submit,
	.reclaim = x264_reclaim,
	.collect = x264_collect,
	.set_rate = x264_set_rate,
	.set_gop = x264_set_gop,
	.tell = x264_tell,
	.can_force_idr = true,
};
