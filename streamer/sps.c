#include "streamer/sps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "streamer/bits.h"
#include "streamer/nal.h"

#define LOG2_MAX_MINUS4_MAX 12
#define POC_CYCLE_MAX       255
#define REF_FRAMES_MAX      16
#define MB_PIXELS           16
#define MBS_MAX             139264u /* MaxFS of level 6.2, table A-1 */
#define MBS_ACROSS_MAX      1055u   /* A.3.1: no side over Sqrt(MaxFS * 8) */
#define CPB_COUNT_MAX       32      /* E.2.2 */
#define SAR_EXTENDED        255
#define UNSPECIFIED         2 /* tables E-3 to E-5 */
#define FPS_MAX             1000

/* Broadway is built with a heap of 50 MiB, and asking for more aborts it for good. It keeps two
 * pictures beside those that are referred to. */
#define BROADWAY_PICTURES_MAX_BYTES 40000000u
#define BROADWAY_SPARE_PICTURES     2

enum profile { /* A.2 */
	       PROFILE_BASELINE = 66,
	       PROFILE_MAIN = 77,
	       PROFILE_EXTENDED = 88,
	       PROFILE_HIGH = 100,
	       PROFILE_HIGH_10 = 110,
	       PROFILE_HIGH_422 = 122,
	       PROFILE_HIGH_444 = 244,
	       PROFILE_CAVLC_444 = 44,
};

/* Where in the RBSP, in bits, sps_rewrite() has to put its hand. */
struct layout {
	size_t vui;         /* vui_parameters_present_flag */
	size_t restriction; /* bitstream_restriction_flag, if there is a VUI */
	size_t reorder;     /* max_num_reorder_frames, if there is a restriction */
};

/* constraint_setN_flag */
static bool constraint(const struct sps *sps, unsigned n)
{
	return (sps->constraints >> (7 - n) & 1) != 0;
}

/* 7.3.2.1.1: the profiles whose parameter sets say their chroma format. */
static bool profile_says_chroma(uint8_t profile)
{
	static const uint8_t profiles[] = {100, 110, 122, 244, 44,  83, 86,
					   118, 128, 138, 139, 134, 135};

	for (size_t i = 0; i < sizeof(profiles); i++)
		if (profiles[i] == profile)
			return true;
	return false;
}

/* 7.3.2.1.1.1: passed over. */
static void skip_scaling_list(struct bits *b, unsigned entries)
{
	int32_t last = 8, next = 8;

	for (unsigned i = 0; i < entries && !b->failed; i++) {
		if (next != 0)
			next = (int32_t)(((int64_t)last + bits_se(b) + 256) % 256);
		last = next == 0 ? last : next;
	}
}

static bool read_chroma(struct bits *b, struct sps *sps)
{
	sps->chroma_format_idc = 1;
	if (!profile_says_chroma(sps->profile_idc))
		return true;
	sps->chroma_format_idc = bits_ue(b);
	if (sps->chroma_format_idc > 3)
		return false;
	if (sps->chroma_format_idc == 3)
		sps->separate_colour_planes = bits_u(b, 1);
	uint32_t luma_depth = bits_ue(b), chroma_depth = bits_ue(b);
	bits_u(b, 1); /* qpprime_y_zero_transform_bypass_flag */
	if (luma_depth > 6 || chroma_depth > 6)
		return false;
	if (bits_u(b, 1) == 0) /* seq_scaling_matrix_present_flag */
		return true;
	for (unsigned i = 0; i < (sps->chroma_format_idc == 3 ? 12u : 8u); i++)
		if (bits_u(b, 1) != 0)
			skip_scaling_list(b, i < 6 ? 16 : 64);
	return true;
}

static bool read_poc(struct bits *b, struct sps *sps)
{
	sps->poc_type = bits_ue(b);
	if (sps->poc_type == 0) {
		uint32_t log2_minus4 = bits_ue(b);
		sps->log2_max_poc_lsb = log2_minus4 + 4;
		return log2_minus4 <= LOG2_MAX_MINUS4_MAX;
	}
	if (sps->poc_type != 1)
		return sps->poc_type == 2;
	sps->delta_pic_order_always_zero = bits_u(b, 1);
	bits_se(b); /* offset_for_non_ref_pic */
	bits_se(b); /* offset_for_top_to_bottom_field */
	uint32_t cycle = bits_ue(b);
	if (cycle > POC_CYCLE_MAX)
		return false;
	for (uint32_t i = 0; i < cycle; i++)
		bits_se(b);
	return true;
}

/* 7.4.2.1.1: crop offsets count in units of what chroma subsampling and fields can address. */
static bool read_crop(struct bits *b, struct sps *sps)
{
	bool chroma = !sps->separate_colour_planes && sps->chroma_format_idc != 0;
	uint64_t unit_x = chroma && sps->chroma_format_idc < 3 ? 2 : 1;
	uint64_t unit_y =
		(chroma && sps->chroma_format_idc == 1 ? 2u : 1u) * (sps->frame_mbs_only ? 1u : 2u);

	sps->width = sps->coded_width;
	sps->height = sps->coded_height;
	if (bits_u(b, 1) == 0)
		return true;
	uint64_t left = bits_ue(b) * unit_x, right = bits_ue(b) * unit_x;
	uint64_t top = bits_ue(b) * unit_y, bottom = bits_ue(b) * unit_y;
	if (left + right >= sps->coded_width || top + bottom >= sps->coded_height)
		return false;
	sps->crop_left = (unsigned)left;
	sps->crop_top = (unsigned)top;
	sps->width -= (unsigned)(left + right);
	sps->height -= (unsigned)(top + bottom);
	return true;
}

static bool read_size(struct bits *b, struct sps *sps)
{
	uint32_t across = bits_ue(b), down = bits_ue(b); /* both minus 1 */

	sps->frame_mbs_only = bits_u(b, 1);
	if (across >= MBS_ACROSS_MAX || down >= MBS_ACROSS_MAX)
		return false;
	across++;
	down = (down + 1) * (sps->frame_mbs_only ? 1 : 2);
	if (down > MBS_ACROSS_MAX || across * down > MBS_MAX)
		return false;
	sps->coded_width = across * MB_PIXELS;
	sps->coded_height = down * MB_PIXELS;
	if (!sps->frame_mbs_only)
		bits_u(b, 1); /* mb_adaptive_frame_field_flag */
	bits_u(b, 1);         /* direct_8x8_inference_flag */
	return read_crop(b, sps);
}

/* E.1.2 */
static bool skip_hrd(struct bits *b)
{
	uint32_t count = bits_ue(b); /* minus 1 */

	if (count >= CPB_COUNT_MAX)
		return false;
	bits_u(b, 8); /* bit_rate_scale, cpb_size_scale */
	for (uint32_t i = 0; i <= count; i++) {
		bits_ue(b);
		bits_ue(b);
		bits_u(b, 1);
	}
	bits_u(b, 20); /* four lengths of 5 bits */
	return true;
}

static void read_vui_colour(struct bits *b, struct sps *sps)
{
	if (bits_u(b, 1) == 0) /* video_signal_type_present_flag */
		return;
	bits_u(b, 3); /* video_format */
	sps->full_range = bits_u(b, 1);
	if (bits_u(b, 1) == 0) /* colour_description_present_flag */
		return;
	sps->primaries = (uint8_t)bits_u(b, 8);
	sps->transfer = (uint8_t)bits_u(b, 8);
	sps->matrix = (uint8_t)bits_u(b, 8);
}

/* All before bitstream_restriction_flag. */
static bool read_vui_front(struct bits *b, struct sps *sps)
{
	if (bits_u(b, 1) != 0 && bits_u(b, 8) == SAR_EXTENDED)
		bits_u(b, 32);
	if (bits_u(b, 1) != 0) /* overscan_info_present_flag */
		bits_u(b, 1);
	read_vui_colour(b, sps);
	if (bits_u(b, 1) != 0) { /* chroma_loc_info_present_flag */
		bits_ue(b);
		bits_ue(b);
	}
	if (bits_u(b, 1) != 0) { /* timing_info_present_flag */
		sps->num_units_in_tick = bits_u(b, 32);
		sps->time_scale = bits_u(b, 32);
		bits_u(b, 1);
	}
	bool nal_hrd = bits_u(b, 1);
	if (nal_hrd && !skip_hrd(b))
		return false;
	bool vcl_hrd = bits_u(b, 1);
	if (vcl_hrd && !skip_hrd(b))
		return false;
	if (nal_hrd || vcl_hrd)
		bits_u(b, 1); /* low_delay_hrd_flag */
	bits_u(b, 1);         /* pic_struct_present_flag */
	return true;
}

/* E.1.1 */
static bool read_vui(struct bits *b, struct sps *sps, struct layout *layout)
{
	sps->primaries = sps->transfer = sps->matrix = UNSPECIFIED;
	layout->vui = bits_position(b);
	sps->vui_present = bits_u(b, 1);
	if (!sps->vui_present)
		return true;
	if (!read_vui_front(b, sps))
		return false;
	layout->restriction = bits_position(b);
	sps->restriction_present = bits_u(b, 1);
	if (!sps->restriction_present)
		return true;
	bits_u(b, 1); /* motion_vectors_over_pic_boundaries_flag */
	for (int i = 0; i < 4; i++)
		bits_ue(b); /* max_bytes_per_pic_denom to log2_max_mv_length_vertical */
	layout->reorder = bits_position(b);
	sps->max_num_reorder_frames = bits_ue(b);
	sps->max_dec_frame_buffering = bits_ue(b);
	return sps->max_num_reorder_frames <= REF_FRAMES_MAX &&
	       sps->max_dec_frame_buffering <= REF_FRAMES_MAX;
}

/* 7.3.2.1.1 */
static bool read_data(struct bits *b, struct sps *sps, struct layout *layout)
{
	sps->profile_idc = (uint8_t)bits_u(b, 8);
	sps->constraints = (uint8_t)bits_u(b, 8);
	sps->level_idc = (uint8_t)bits_u(b, 8);
	sps->id = bits_ue(b);
	if (sps->id > SPS_ID_MAX || !read_chroma(b, sps))
		return false;
	uint32_t log2_minus4 = bits_ue(b);
	sps->log2_max_frame_num = log2_minus4 + 4;
	if (log2_minus4 > LOG2_MAX_MINUS4_MAX || !read_poc(b, sps))
		return false;
	sps->num_ref_frames = bits_ue(b);
	sps->gaps_allowed = bits_u(b, 1);
	return sps->num_ref_frames <= REF_FRAMES_MAX && read_size(b, sps) &&
	       read_vui(b, sps, layout);
}

static int read_nal(const uint8_t *nal, size_t size, struct sps *sps, struct layout *layout)
{
	struct bits b;

	if (size < 1 || (nal[0] & 0x9f) != NAL_SPS) /* with forbidden_zero_bit 0 */
		return -EINVAL;
	bits_init(&b, nal + 1, size - 1);
	return read_data(&b, sps, layout) && !b.failed ? 0 : -EINVAL;
}

int sps_read(const uint8_t *nal, size_t size, struct sps *ret_sps)
{
	struct layout layout = {.vui = 0};
	struct sps sps;

	/* With what lies between its members: an SPS can be compared as bytes. */
	memset(&sps, 0, sizeof(sps));
	int r = read_nal(nal, size, &sps, &layout);
	if (r == 0)
		memcpy(ret_sps, &sps, sizeof(sps));
	return r;
}

bool sps_is_baseline(const struct sps *sps)
{
	return sps->profile_idc == PROFILE_BASELINE || constraint(sps, 0);
}

bool sps_allows_b(const struct sps *sps)
{
	return sps->poc_type != 2 && !sps_is_baseline(sps);
}

const char *sps_profile_name(const struct sps *sps)
{
	switch (sps->profile_idc) {
	case PROFILE_BASELINE:
		return constraint(sps, 1) ? "Constrained Baseline" : "Baseline";
	case PROFILE_MAIN:
		return "Main";
	case PROFILE_EXTENDED:
		return "Extended";
	case PROFILE_HIGH:
		return constraint(sps, 4) && constraint(sps, 5) ? "Constrained High" : "High";
	case PROFILE_HIGH_10:
		return constraint(sps, 3) ? "High 10 Intra" : "High 10";
	case PROFILE_HIGH_422:
		return constraint(sps, 3) ? "High 4:2:2 Intra" : "High 4:2:2";
	case PROFILE_HIGH_444:
		return constraint(sps, 3) ? "High 4:4:4 Intra" : "High 4:4:4 Predictive";
	case PROFILE_CAVLC_444:
		return "CAVLC 4:4:4 Intra";
	}
	return "unknown";
}

unsigned sps_fps_milli(const struct sps *sps)
{
	uint64_t ticks = (uint64_t)sps->num_units_in_tick * 2;

	if (ticks == 0 || sps->time_scale == 0 || sps->time_scale / ticks > FPS_MAX)
		return 0;
	return (unsigned)((sps->time_scale * UINT64_C(1000) + ticks / 2) / ticks);
}

/* Table A-1: MaxDpbMbs. Level 1b, however it is written, has level 1's. */
static unsigned dpb_mbs_max(const struct sps *sps)
{
	static const struct {
		uint8_t level_idc;
		unsigned mbs;
	} levels[] = {{10, 396},   {11, 900},   {20, 2376},  {21, 4752},   {30, 8100},  {31, 18000},
		      {32, 20480}, {41, 32768}, {42, 34816}, {50, 110400}, {52, 184320}};

	if (sps->level_idc == 11 && sps->profile_idc <= PROFILE_EXTENDED && constraint(sps, 3))
		return levels[0].mbs;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (sps->level_idc <= levels[i].level_idc)
			return levels[i].mbs;
	return 696320;
}

/* MaxDpbFrames of the level (A.3.1), and never less than are referred to. */
static unsigned dpb_frames(const struct sps *sps)
{
	unsigned mbs = sps->coded_width / MB_PIXELS * (sps->coded_height / MB_PIXELS);
	unsigned frames = dpb_mbs_max(sps) / mbs;

	if (frames < sps->num_ref_frames)
		frames = sps->num_ref_frames;
	return frames < REF_FRAMES_MAX ? frames : REF_FRAMES_MAX;
}

unsigned sps_decoder_delay(const struct sps *sps)
{
	if (sps->poc_type == 2)
		return 0;
	return sps->restriction_present ? sps->max_num_reorder_frames : dpb_frames(sps);
}

bool sps_suits_broadway(const struct sps *sps)
{
	uint64_t frames = sps_decoder_delay(sps) == 0 ? sps->num_ref_frames : dpb_frames(sps);
	uint64_t frame_bytes = (uint64_t)sps->coded_width * sps->coded_height * 3 / 2;

	return sps_is_baseline(sps) && sps->frame_mbs_only &&
	       (frames + BROADWAY_SPARE_PICTURES) * frame_bytes <= BROADWAY_PICTURES_MAX_BYTES;
}

void sps_format(const struct sps *sps, struct au_format *ret_format)
{
	*ret_format = (struct au_format){.width = sps->width,
					 .height = sps->height,
					 .crop_left = sps->crop_left,
					 .crop_top = sps->crop_top,
					 .coded_width = sps->coded_width,
					 .coded_height = sps->coded_height,
					 .fps_milli = sps_fps_milli(sps),
					 .decoder_delay_frames = sps_decoder_delay(sps),
					 .broadway = sps_suits_broadway(sps)};
	snprintf(ret_format->codec, sizeof(ret_format->codec), "avc1.%02X%02X%02X",
		 sps->profile_idc, sps->constraints, sps->level_idc);
}

/* All of a VUI before bitstream_restriction_flag, saying nothing. */
static void put_empty_vui(struct bits_out *o)
{
	bits_put_u(o, 1, 1); /* vui_parameters_present_flag */
	bits_put_u(o, 0, 8); /* aspect ratio, overscan, video signal, chroma, timing, nal_hrd,
			      * vcl_hrd, pic_struct: none */
}

/* The restriction before max_num_reorder_frames, with the values that stand for none (E.2.1). */
static void put_empty_restriction(struct bits_out *o)
{
	bits_put_u(o, 1, 1); /* bitstream_restriction_flag */
	bits_put_u(o, 1, 1); /* motion_vectors_over_pic_boundaries_flag */
	bits_put_ue(o, 2);   /* max_bytes_per_pic_denom */
	bits_put_ue(o, 1);   /* max_bits_per_mb_denom */
	bits_put_ue(o, 15);  /* log2_max_mv_length_horizontal */
	bits_put_ue(o, 15);  /* log2_max_mv_length_vertical */
}

ssize_t sps_rewrite(const uint8_t *nal, size_t size, uint8_t *out, size_t out_size)
{
	struct layout layout = {.vui = 0};
	struct sps sps = {.id = 0};
	struct bits_out o;
	struct bits b;

	if (read_nal(nal, size, &sps, &layout) < 0)
		return -EINVAL;
	if (out_size < SPS_REWRITE_MAX(size))
		return -ENOSPC;
	if (sps_decoder_delay(&sps) == 0) {
		memcpy(out, nal, size);
		return (ssize_t)size;
	}
	size_t keep = layout.vui;
	if (sps.vui_present)
		keep = sps.restriction_present ? layout.reorder : layout.restriction;
	out[0] = nal[0];
	bits_init(&b, nal + 1, size - 1);
	bits_out_init(&o, out + 1, out_size - 1);
	for (size_t i = 0; i < keep; i++)
		bits_put_u(&o, bits_u(&b, 1), 1);
	if (!sps.vui_present)
		put_empty_vui(&o);
	if (!sps.restriction_present)
		put_empty_restriction(&o);
	bits_put_ue(&o, 0);
	bits_put_ue(&o, sps.num_ref_frames);
	size_t used = bits_put_end(&o);
	return used > 0 ? (ssize_t)(1 + used) : -ENOSPC;
}
