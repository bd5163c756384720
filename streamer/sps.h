/* sps: what a sequence parameter set says (H.264 7.3.2.1, Annex E). No I/O; any thread. */
#ifndef STREAMER_SPS_H
#define STREAMER_SPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "streamer/au.h"

#define SPS_ID_MAX 31 /* seq_parameter_set_id, 7.4.2.1 */

struct sps {
	uint8_t profile_idc;
	uint8_t constraints; /* constraint_set0_flag is bit 7 */
	uint8_t level_idc;
	unsigned id;
	unsigned chroma_format_idc; /* 1 where the profile does not say */
	bool separate_colour_planes;
	unsigned log2_max_frame_num;
	unsigned poc_type; /* pic_order_cnt_type */
	unsigned log2_max_poc_lsb;
	bool delta_pic_order_always_zero;
	unsigned num_ref_frames;
	bool gaps_allowed; /* gaps_in_frame_num_value_allowed_flag */
	bool frame_mbs_only;

	unsigned coded_width, coded_height; /* pixels: whole macroblocks */
	unsigned crop_left, crop_top;       /* pixels */
	unsigned width, height;             /* pixels after cropping */

	bool vui_present;
	bool full_range;                        /* video_full_range_flag; false if unsaid */
	uint8_t primaries, transfer, matrix;    /* table E-3 to E-5; 2 (unspecified) if unsaid */
	uint32_t num_units_in_tick, time_scale; /* 0: no timing */
	bool restriction_present;               /* bitstream_restriction_flag */
	unsigned max_num_reorder_frames, max_dec_frame_buffering; /* as written, if present */
};

/* nal: with its header byte, without start code. -EINVAL: not an SPS, cut off, or with values the
 * standard forbids (sizes beyond level 6.2, more than 16 reference frames...). */
int sps_read(const uint8_t *nal, size_t size, struct sps *ret_sps);

/* Baseline or Constrained Baseline (A.2.1), or a stream that says a Baseline decoder may have it
 * (constraint_set0_flag): what Broadway decodes. */
bool sps_is_baseline(const struct sps *sps);

/* May there be B pictures? Not in a stream that says it keeps to Baseline (A.2.1), nor with POC
 * type 2, whose output order is decoding order (8.2.1.3). */
bool sps_allows_b(const struct sps *sps);

/* Can Broadway show it: Baseline, and with its reference pictures no larger than its heap? */
bool sps_suits_broadway(const struct sps *sps);

/* "Constrained Baseline", "Main", ..., for people. */
const char *sps_profile_name(const struct sps *sps);

/* fps from the VUI's timing (E.2.1: two ticks a frame), in thousandths; 0: not said. */
unsigned sps_fps_milli(const struct sps *sps);

/* The format a viewer is told. fps_milli is the VUI's. */
void sps_format(const struct sps *sps, struct au_format *ret_format);

/* How many pictures a decoder that trusts this SPS may hold back before it shows the first: 0 for
 * POC type 2 or max_num_reorder_frames = 0, else up to the level's DPB (A.3.1, E.2.1). */
unsigned sps_decoder_delay(const struct sps *sps);

/* Bytes that sps_rewrite() may need for an SPS of this size. */
#define SPS_REWRITE_MAX(size) ((size) + (size) / 2 + 32)

/* Write an SPS (nal: as for sps_read()) so that no decoder holds pictures back: with a
 * bitstream_restriction (E.1.1) of max_num_reorder_frames 0 and max_dec_frame_buffering
 * num_ref_frames, all else as it was. One that already holds nothing back is copied. The caller
 * knows that the stream has no pictures out of order, as Baseline has not. Returns the bytes, or
 * -EINVAL: not an SPS; -ENOSPC. */
ssize_t sps_rewrite(const uint8_t *nal, size_t size, uint8_t *out, size_t out_size);

#endif
