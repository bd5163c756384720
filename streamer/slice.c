#include "streamer/slice.h"

#include <errno.h>

#include "streamer/bits.h"
#include "streamer/nal.h"

#define SLICE_GROUPS_MAX  8
#define REF_IDX_MAX       32
#define REORDERINGS_MAX   66 /* 7.4.3.1: one more than entries, for fields */
#define MMCO_MAX          66
#define IDR_PIC_ID_MAX    65535
#define REDUNDANT_CNT_MAX 127

enum slice_type { SLICE_P = 0, SLICE_B = 1, SLICE_I = 2, SLICE_SP = 3, SLICE_SI = 4 };

/* ---- picture parameter set, 7.3.2.2 ---- */

static void skip_slice_group_ids(struct bits *b, unsigned groups)
{
	uint32_t units = bits_ue(b); /* pic_size_in_map_units_minus1 */
	unsigned width = groups > 4 ? 3 : groups > 2 ? 2 : 1;

	for (uint32_t i = 0; !b->failed; i++) {
		bits_u(b, width);
		if (i == units)
			break;
	}
}

static bool skip_slice_groups(struct bits *b)
{
	uint32_t groups = bits_ue(b) + 1;

	if (groups == 1)
		return true;
	uint32_t map_type = bits_ue(b);
	if (groups > SLICE_GROUPS_MAX || map_type > 6)
		return false;
	if (map_type == 0) {
		for (uint32_t i = 0; i < groups; i++)
			bits_ue(b);
	} else if (map_type == 2) {
		for (uint32_t i = 0; i < 2 * (groups - 1); i++)
			bits_ue(b);
	} else if (map_type >= 3 && map_type <= 5) {
		bits_u(b, 1);
		bits_ue(b);
	} else if (map_type == 6) {
		skip_slice_group_ids(b, groups);
	}
	return true;
}

int pps_read(const uint8_t *nal, size_t size, struct pps *ret_pps)
{
	struct pps pps = {.id = 0};
	struct bits b;

	if (size < 1 || (nal[0] & 0x9f) != NAL_PPS)
		return -EINVAL;
	bits_init(&b, nal + 1, size - 1);
	pps.id = bits_ue(&b);
	pps.sps_id = bits_ue(&b);
	pps.cabac = bits_u(&b, 1);
	pps.pic_order_present = bits_u(&b, 1);
	if (pps.id > PPS_ID_MAX || pps.sps_id > SPS_ID_MAX || !skip_slice_groups(&b))
		return -EINVAL;
	uint32_t list0 = bits_ue(&b), list1 = bits_ue(&b); /* minus 1 */
	pps.weighted_pred = bits_u(&b, 1);
	pps.weighted_bipred_idc = bits_u(&b, 2);
	bits_se(&b);   /* pic_init_qp_minus26 */
	bits_se(&b);   /* pic_init_qs_minus26 */
	bits_se(&b);   /* chroma_qp_index_offset */
	bits_u(&b, 2); /* deblocking_filter_control_present_flag, constrained_intra_pred_flag */
	pps.redundant_pic_cnt_present = bits_u(&b, 1);
	if (b.failed || list0 >= REF_IDX_MAX || list1 >= REF_IDX_MAX || pps.weighted_bipred_idc > 2)
		return -EINVAL;
	pps.num_ref_idx_default[0] = list0 + 1;
	pps.num_ref_idx_default[1] = list1 + 1;
	*ret_pps = pps;
	return 0;
}

/* ---- slice header, 7.3.3 ---- */

static bool has_slice_header(uint8_t nal_header)
{
	unsigned type = nal_header & 0x1f;

	return (nal_header & 0x80) == 0 &&
	       (type == NAL_SLICE || type == NAL_SLICE_PARTITION_A || type == NAL_SLICE_IDR);
}

int slice_read_pps_id(const uint8_t *nal, size_t size, unsigned *ret_pps_id)
{
	struct bits b;

	if (size < 1 || !has_slice_header(nal[0]))
		return -EINVAL;
	bits_init(&b, nal + 1, size - 1);
	bits_ue(&b); /* first_mb_in_slice */
	bits_ue(&b); /* slice_type */
	uint32_t id = bits_ue(&b);
	if (b.failed || id > PPS_ID_MAX)
		return -EINVAL;
	*ret_pps_id = id;
	return 0;
}

static void read_poc(struct bits *b, const struct sps *sps, const struct pps *pps,
		     struct slice *slice)
{
	bool both_fields = pps->pic_order_present && !slice->field;

	if (sps->poc_type == 0) {
		slice->poc_lsb = bits_u(b, sps->log2_max_poc_lsb);
		if (both_fields)
			slice->delta_poc_bottom = bits_se(b);
	} else if (sps->poc_type == 1 && !sps->delta_pic_order_always_zero) {
		slice->delta_poc[0] = bits_se(b);
		if (both_fields)
			slice->delta_poc[1] = bits_se(b);
	}
}

/* From the beginning of the slice header up to and with redundant_pic_cnt. */
static bool read_front(struct bits *b, const struct sps *sps, const struct pps *pps,
		       struct slice *slice)
{
	slice->first_mb = bits_ue(b);
	slice->type = bits_ue(b);
	slice->pps_id = bits_ue(b);
	slice->sps_id = pps->sps_id;
	if (slice->type > 9 || slice->pps_id != pps->id)
		return false;
	slice->type %= 5;
	if (sps->separate_colour_planes)
		slice->colour_plane = bits_u(b, 2);
	slice->frame_num = bits_u(b, sps->log2_max_frame_num);
	if (!sps->frame_mbs_only)
		slice->field = bits_u(b, 1);
	if (slice->field)
		slice->bottom = bits_u(b, 1);
	if (slice->idr)
		slice->idr_pic_id = bits_ue(b);
	read_poc(b, sps, pps, slice);
	if (pps->redundant_pic_cnt_present)
		slice->redundant_pic_cnt = bits_ue(b);
	return !b->failed && slice->idr_pic_id <= IDR_PIC_ID_MAX &&
	       slice->redundant_pic_cnt <= REDUNDANT_CNT_MAX;
}

static bool begin_slice(struct bits *b, const uint8_t *nal, size_t size, struct slice *slice)
{
	if (size < 1 || !has_slice_header(nal[0]))
		return false;
	*slice = (struct slice){.nal_type = nal[0] & 0x1f, .ref_idc = nal[0] >> 5 & 3};
	slice->idr = slice->nal_type == NAL_SLICE_IDR;
	bits_init(b, nal + 1, size - 1);
	return true;
}

int slice_read(const uint8_t *nal, size_t size, const struct sps *sps, const struct pps *pps,
	       struct slice *ret_slice)
{
	struct slice slice;
	struct bits b;

	if (!begin_slice(&b, nal, size, &slice) || !read_front(&b, sps, pps, &slice))
		return -EINVAL;
	*ret_slice = slice;
	return 0;
}

struct slice slice_partial(uint8_t nal_header)
{
	unsigned type = nal_header & 0x1f;

	return (struct slice){.nal_type = type,
			      .ref_idc = nal_header >> 5 & 3,
			      .idr = type == NAL_SLICE_IDR,
			      .partial = true};
}

bool slice_begins_picture(const struct slice *a, const struct slice *b)
{
	if (a->idr != b->idr || (a->ref_idc == 0) != (b->ref_idc == 0))
		return true;
	if (a->partial || b->partial || b->redundant_pic_cnt > 0)
		return false;
	/* What is not in a header is 0 there, and equal when parameter sets are. */
	return a->frame_num != b->frame_num || a->pps_id != b->pps_id || a->sps_id != b->sps_id ||
	       a->field != b->field || a->bottom != b->bottom || a->idr_pic_id != b->idr_pic_id ||
	       a->poc_lsb != b->poc_lsb || a->delta_poc_bottom != b->delta_poc_bottom ||
	       a->delta_poc[0] != b->delta_poc[0] || a->delta_poc[1] != b->delta_poc[1];
}

bool slice_repeats(const struct slice *a, const struct slice *b)
{
	return !a->partial && !b->partial && a->redundant_pic_cnt == 0 &&
	       b->redundant_pic_cnt == 0 && a->first_mb == b->first_mb &&
	       a->colour_plane == b->colour_plane;
}

/* ---- from there to dec_ref_pic_marking(), 7.3.3.1 to 7.3.3.3 ---- */

static bool is_p(const struct slice *slice)
{
	return slice->type == SLICE_P || slice->type == SLICE_SP;
}

static unsigned list_count(const struct slice *slice)
{
	if (slice->type == SLICE_B)
		return 2;
	return is_p(slice) ? 1 : 0;
}

static bool read_ref_idx(struct bits *b, const struct pps *pps, const struct slice *slice,
			 unsigned ret_num[2])
{
	unsigned lists = list_count(slice);

	ret_num[0] = pps->num_ref_idx_default[0];
	ret_num[1] = pps->num_ref_idx_default[1];
	if (slice->type == SLICE_B)
		bits_u(b, 1); /* direct_spatial_mv_pred_flag */
	if (lists == 0 || bits_u(b, 1) == 0)
		return true;
	for (unsigned i = 0; i < lists; i++) {
		uint32_t minus1 = bits_ue(b);
		if (minus1 >= REF_IDX_MAX)
			return false;
		ret_num[i] = minus1 + 1;
	}
	return true;
}

/* 7.3.3.1: each list's commands end with a 3. */
static bool skip_ref_list_modification(struct bits *b, unsigned lists)
{
	for (unsigned list = 0; list < lists; list++) {
		if (bits_u(b, 1) == 0)
			continue;
		unsigned count = 0;
		while (bits_ue(b) != 3) {
			bits_ue(b);
			if (b->failed || ++count > REORDERINGS_MAX)
				return false;
		}
	}
	return true;
}

/* 7.3.3.2 */
static void skip_pred_weights(struct bits *b, const struct sps *sps, unsigned lists,
			      const unsigned num[2])
{
	bool chroma = !sps->separate_colour_planes && sps->chroma_format_idc != 0;

	bits_ue(b);
	if (chroma)
		bits_ue(b);
	for (unsigned list = 0; list < lists; list++) {
		for (unsigned i = 0; i < num[list]; i++) {
			unsigned values = bits_u(b, 1) != 0 ? 2 : 0;
			if (chroma && bits_u(b, 1) != 0)
				values += 4;
			while (values-- > 0)
				bits_se(b);
		}
	}
}

/* 7.3.3.3, of other than IDR pictures. */
static int find_mmco5(struct bits *b)
{
	if (bits_u(b, 1) == 0) /* adaptive_ref_pic_marking_mode_flag */
		return b->failed ? -EINVAL : 0;
	for (unsigned i = 0; i <= MMCO_MAX; i++) {
		uint32_t operation = bits_ue(b);
		if (b->failed || operation > 6)
			return -EINVAL;
		if (operation == 0)
			return 0;
		if (operation == 5)
			return 1;
		bits_ue(b);
		if (operation == 3)
			bits_ue(b);
	}
	return -EINVAL;
}

int slice_resets_frame_num(const uint8_t *nal, size_t size, const struct sps *sps,
			   const struct pps *pps)
{
	struct slice slice;
	unsigned num[2];
	struct bits b;

	if (!begin_slice(&b, nal, size, &slice) || !read_front(&b, sps, pps, &slice))
		return -EINVAL;
	if (slice.idr || slice.ref_idc == 0)
		return 0;
	unsigned lists = list_count(&slice);
	if (!read_ref_idx(&b, pps, &slice, num) || !skip_ref_list_modification(&b, lists))
		return -EINVAL;
	if ((pps->weighted_pred && is_p(&slice)) ||
	    (pps->weighted_bipred_idc == 1 && slice.type == SLICE_B))
		skip_pred_weights(&b, sps, lists, num);
	return find_mmco5(&b);
}
