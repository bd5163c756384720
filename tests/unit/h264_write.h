/* h264_write: NAL units with just the headers a test wants, written bit by bit (H.264 7.3, 9.1), so
 * that every rule has its own small stream. Pictures are never decoded here. */
#ifndef TESTS_UNIT_H264_WRITE_H
#define TESTS_UNIT_H264_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/unit/unit.h"

struct h264_bits { /* an RBSP in the making */
	uint8_t bytes[1024];
	size_t count; /* bits */
};

static inline void h264_u(struct h264_bits *b, uint32_t value, unsigned n)
{
	while (n-- > 0) {
		assert_true(b->count / 8 < sizeof(b->bytes));
		if (value >> n & 1)
			b->bytes[b->count / 8] |= (uint8_t)(0x80 >> b->count % 8);
		b->count++;
	}
}

static inline void h264_ue(struct h264_bits *b, uint32_t value)
{
	unsigned len = 0;

	while (len < 31 && (UINT64_C(2) << len) - 1 <= value)
		len++;
	h264_u(b, 0, len);
	h264_u(b, 1, 1);
	h264_u(b, (uint32_t)(value - ((UINT64_C(1) << len) - 1)), len);
}

static inline void h264_se(struct h264_bits *b, int32_t value)
{
	h264_ue(b, value > 0 ? (uint32_t)value * 2 - 1 : (uint32_t)-value * 2);
}

struct h264_stream { /* Annex B */
	uint8_t bytes[16384];
	size_t size;
};

static inline void h264_byte(struct h264_stream *s, uint8_t byte)
{
	assert_true(s->size < sizeof(s->bytes));
	s->bytes[s->size++] = byte;
}

static inline void h264_start_code(struct h264_stream *s, unsigned bytes)
{
	while (bytes-- > 1)
		h264_byte(s, 0);
	h264_byte(s, 1);
}

/* Header byte and RBSP with its stop bit, emulation prevention put in (7.4.1); no start code. */
static inline void h264_nal_bytes(struct h264_stream *s, unsigned header, struct h264_bits rbsp)
{
	unsigned zeros = 0;

	h264_u(&rbsp, 1, 1);
	h264_byte(s, (uint8_t)header);
	for (size_t i = 0; i < (rbsp.count + 7) / 8; i++) {
		if (zeros == 2 && rbsp.bytes[i] <= 3) {
			h264_byte(s, 3);
			zeros = 0;
		}
		h264_byte(s, rbsp.bytes[i]);
		zeros = rbsp.bytes[i] == 0 ? zeros + 1 : 0;
	}
}

static inline void h264_nal(struct h264_stream *s, unsigned header, struct h264_bits rbsp)
{
	h264_start_code(s, 4);
	h264_nal_bytes(s, header, rbsp);
}

struct h264_sps {
	unsigned profile, constraints, level, id; /* profile 0: 66, level 0: 30 */
	unsigned log2_max_frame_num;              /* 0: 4 */
	unsigned poc_type, log2_max_poc_lsb;      /* 0: 4 */
	bool delta_always_zero;
	unsigned refs;
	bool gaps, fields;
	unsigned mbs_across, mbs_down; /* 0: 4; down in map units */
	bool crop;
	unsigned left, right, top, bottom; /* crop units */
	bool vui, timing, restriction, hrd, colour;
	uint32_t tick, scale;
	unsigned reorder, buffering;
};

static inline void h264_put_vui(struct h264_bits *b, const struct h264_sps *p)
{
	h264_u(b, 1, 1); /* aspect_ratio_info_present_flag */
	h264_u(b, 255, 8);
	h264_u(b, 0x00010001, 32);
	h264_u(b, 0, 1);
	h264_u(b, p->colour, 1);
	if (p->colour) {
		h264_u(b, 5, 3);
		h264_u(b, 1, 1);
		h264_u(b, 1, 1);
		h264_u(b, 0x090a0b, 24);
	}
	h264_u(b, 0, 1);
	h264_u(b, p->timing, 1);
	if (p->timing) {
		h264_u(b, p->tick, 32);
		h264_u(b, p->scale, 32);
		h264_u(b, 1, 1);
	}
	h264_u(b, p->hrd, 1);
	if (p->hrd) {
		h264_ue(b, 0);
		h264_u(b, 0x11, 8);
		h264_ue(b, 1000);
		h264_ue(b, 1000);
		h264_u(b, 0, 1);
		h264_u(b, 0, 20);
	}
	h264_u(b, 0, 1);
	if (p->hrd)
		h264_u(b, 0, 1);
	h264_u(b, 0, 1);
	h264_u(b, p->restriction, 1);
	if (!p->restriction)
		return;
	h264_u(b, 1, 1);
	for (int i = 0; i < 4; i++)
		h264_ue(b, 11);
	h264_ue(b, p->reorder);
	h264_ue(b, p->buffering);
}

static inline struct h264_bits h264_sps_rbsp(const struct h264_sps *p)
{
	struct h264_bits b = {.count = 0};

	h264_u(&b, p->profile != 0 ? p->profile : 66, 8);
	h264_u(&b, p->constraints, 8);
	h264_u(&b, p->level != 0 ? p->level : 30, 8);
	h264_ue(&b, p->id);
	h264_ue(&b, p->log2_max_frame_num != 0 ? p->log2_max_frame_num - 4 : 0);
	h264_ue(&b, p->poc_type);
	if (p->poc_type == 0) {
		h264_ue(&b, p->log2_max_poc_lsb != 0 ? p->log2_max_poc_lsb - 4 : 0);
	} else if (p->poc_type == 1) {
		h264_u(&b, p->delta_always_zero, 1);
		h264_se(&b, -7);
		h264_se(&b, 7);
		h264_ue(&b, 2);
		h264_se(&b, 1);
		h264_se(&b, -1);
	}
	h264_ue(&b, p->refs);
	h264_u(&b, p->gaps, 1);
	h264_ue(&b, p->mbs_across != 0 ? p->mbs_across - 1 : 3);
	h264_ue(&b, p->mbs_down != 0 ? p->mbs_down - 1 : 3);
	h264_u(&b, !p->fields, 1);
	if (p->fields)
		h264_u(&b, 0, 1);
	h264_u(&b, 1, 1);
	h264_u(&b, p->crop, 1);
	if (p->crop) {
		h264_ue(&b, p->left);
		h264_ue(&b, p->right);
		h264_ue(&b, p->top);
		h264_ue(&b, p->bottom);
	}
	h264_u(&b, p->vui, 1);
	if (p->vui)
		h264_put_vui(&b, p);
	return b;
}

static inline void h264_sps(struct h264_stream *s, const struct h264_sps *p)
{
	h264_nal(s, 0x67, h264_sps_rbsp(p));
}

struct h264_pps {
	unsigned id, sps_id;
	bool pic_order_present, redundant_pic_cnt_present;
	unsigned groups, map_type; /* groups 0: 1 */
	int qp;                    /* pic_init_qp_minus26: makes one differ */
};

static inline void h264_put_slice_groups(struct h264_bits *b, const struct h264_pps *p)
{
	h264_ue(b, p->map_type);
	if (p->map_type == 0) {
		for (unsigned i = 0; i < p->groups; i++)
			h264_ue(b, 3);
	} else if (p->map_type == 2) {
		for (unsigned i = 0; i < 2 * (p->groups - 1); i++)
			h264_ue(b, i);
	} else if (p->map_type >= 3 && p->map_type <= 5) {
		h264_u(b, 1, 1);
		h264_ue(b, 2);
	} else if (p->map_type == 6) {
		h264_ue(b, 15);
		for (unsigned i = 0; i < 16; i++)
			h264_u(b, i % p->groups, p->groups > 4 ? 3 : p->groups > 2 ? 2 : 1);
	}
}

static inline struct h264_bits h264_pps_rbsp(const struct h264_pps *p)
{
	struct h264_bits b = {.count = 0};
	unsigned groups = p->groups != 0 ? p->groups : 1;

	h264_ue(&b, p->id);
	h264_ue(&b, p->sps_id);
	h264_u(&b, 0, 1);
	h264_u(&b, p->pic_order_present, 1);
	h264_ue(&b, groups - 1);
	if (groups > 1)
		h264_put_slice_groups(&b, p);
	h264_ue(&b, 0);
	h264_ue(&b, 0);
	h264_u(&b, 0, 3);
	h264_se(&b, p->qp);
	h264_se(&b, 0);
	h264_se(&b, 0);
	h264_u(&b, 0, 2);
	h264_u(&b, p->redundant_pic_cnt_present, 1);
	return b;
}

static inline void h264_pps(struct h264_stream *s, const struct h264_pps *p)
{
	h264_nal(s, 0x68, h264_pps_rbsp(p));
}

struct h264_slice {
	bool idr, non_ref;
	unsigned first_mb;
	unsigned frame_num, idr_pic_id, poc_lsb;
	int32_t delta_bottom, delta0, delta1;
	bool field, bottom;
	unsigned redundant;
	bool mmco5;
	unsigned data_bytes; /* after the header */
};

/* P slices, or I slices of an IDR. */
static inline struct h264_bits
h264_slice_rbsp(const struct h264_sps *sps, const struct h264_pps *pps, const struct h264_slice *p)
{
	struct h264_bits b = {.count = 0};
	bool both = pps->pic_order_present && !p->field;

	h264_ue(&b, p->first_mb);
	h264_ue(&b, p->idr ? 7 : 5);
	h264_ue(&b, pps->id);
	h264_u(&b, p->frame_num, sps->log2_max_frame_num != 0 ? sps->log2_max_frame_num : 4);
	if (sps->fields) {
		h264_u(&b, p->field, 1);
		if (p->field)
			h264_u(&b, p->bottom, 1);
	}
	if (p->idr)
		h264_ue(&b, p->idr_pic_id);
	if (sps->poc_type == 0) {
		h264_u(&b, p->poc_lsb, sps->log2_max_poc_lsb != 0 ? sps->log2_max_poc_lsb : 4);
		if (both)
			h264_se(&b, p->delta_bottom);
	} else if (sps->poc_type == 1 && !sps->delta_always_zero) {
		h264_se(&b, p->delta0);
		if (both)
			h264_se(&b, p->delta1);
	}
	if (pps->redundant_pic_cnt_present)
		h264_ue(&b, p->redundant);
	if (!p->idr)
		h264_u(&b, 0, 2); /* no override, no list modification */
	if (p->idr) {
		h264_u(&b, 0, 2);
	} else if (!p->non_ref) {
		h264_u(&b, p->mmco5, 1);
		if (p->mmco5) {
			h264_ue(&b, 5);
			h264_ue(&b, 0);
		}
	}
	for (unsigned i = 0; i < p->data_bytes; i++)
		h264_u(&b, i * 37 % 251, 8);
	return b;
}

static inline void h264_slice(struct h264_stream *s, const struct h264_sps *sps,
			      const struct h264_pps *pps, const struct h264_slice *p)
{
	h264_nal(s, p->idr ? 0x65 : p->non_ref ? 0x01 : 0x41, h264_slice_rbsp(sps, pps, p));
}

/* SEI with an unregistered payload of so many bytes, in effect; or any NAL unit of filler. */
static inline void h264_other(struct h264_stream *s, unsigned header, unsigned bytes)
{
	struct h264_bits b = {.count = 0};

	for (unsigned i = 0; i < bytes; i++)
		h264_u(&b, 0x55, 8);
	h264_nal(s, header, b);
}

#endif
