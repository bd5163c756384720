/* slice: what picture parameter sets and slice headers say that tells one picture from the next
 * (H.264 7.3.2.2, 7.3.3, 7.4.1.2.4). No I/O; any thread. */
#ifndef STREAMER_SLICE_H
#define STREAMER_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "streamer/sps.h"

#define PPS_ID_MAX     255 /* pic_parameter_set_id, 7.4.2.2 */
#define SLICE_HEAD_MAX 96  /* bytes of a NAL unit that surely hold what slice_read() reads */

struct pps {
	unsigned id, sps_id;
	bool cabac;             /* entropy_coding_mode_flag */
	bool pic_order_present; /* bottom_field_pic_order_in_frame_present_flag */
	bool redundant_pic_cnt_present;
	bool weighted_pred; /* of P slices */
	unsigned weighted_bipred_idc;
	unsigned num_ref_idx_default[2]; /* entries of list 0 and 1 */
};

struct slice {
	unsigned nal_type, ref_idc;
	unsigned first_mb, colour_plane;
	unsigned type; /* slice_type modulo 5, table 7-6 */
	unsigned pps_id, sps_id;
	unsigned frame_num;
	bool field, bottom;
	bool idr;
	unsigned idr_pic_id;
	unsigned poc_lsb;
	int32_t delta_poc_bottom, delta_poc[2];
	unsigned redundant_pic_cnt;
	bool partial; /* only NAL unit type and ref_idc are known: the rest could not be read */
};

/* These take NAL units with their header byte, without start code. -EINVAL: cut off, or with values
 * that the standard forbids. */
int pps_read(const uint8_t *nal, size_t size, struct pps *ret_pps);
int slice_read_pps_id(const uint8_t *nal, size_t size, unsigned *ret_pps_id);
int slice_read(const uint8_t *nal, size_t size, const struct sps *sps, const struct pps *pps,
	       struct slice *ret_slice);

/* What its first byte says of a slice whose header could not be read. */
struct slice slice_partial(uint8_t nal_header);

/* 7.4.1.2.4: is b the first slice of another primary picture than a's? */
bool slice_begins_picture(const struct slice *a, const struct slice *b);

/* Do both begin with the same macroblock? Two primary slices of one picture never do. */
bool slice_repeats(const struct slice *a, const struct slice *b);

/* Does the whole slice NAL unit carry memory_management_control_operation 5 (7.4.3.3), after which
 * frame_num counts from 0? -EINVAL: not known. */
int slice_resets_frame_num(const uint8_t *nal, size_t size, const struct sps *sps,
			   const struct pps *pps);

#endif
