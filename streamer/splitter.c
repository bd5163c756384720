#include "streamer/splitter.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "streamer/nal.h"
#include "streamer/paramsets.h"
#include "streamer/slice.h"

#define AU_FIRST_BYTES 4096 /* capacity while nothing is known of the stream */

enum fate {                 /* of the NAL unit in the making */
	    FATE_UNDECIDED, /* its first bytes gather in head */
	    FATE_DROP,
	    FATE_SET, /* a parameter set: gathers in set */
	    FATE_AU,  /* goes on to the access unit in the making */
};

struct finished { /* an access unit to be collected, and what it was decoded by */
	struct finished *next;
	struct au *au;
	struct sps sps;
};

struct splitter {
	/* The byte stream (Annex B.1). */
	bool seen_start, in_nal;
	size_t zeros; /* at the end of what was fed: data, or part of the next start code? */

	/* The NAL unit in the making. */
	enum fate fate;
	uint8_t head[SLICE_HEAD_MAX];
	size_t head_size;
	uint8_t *set;
	size_t set_size;
	bool is_first_slice;

	/* The access unit in the making. */
	struct au *au;   /* NULL: no byte of it was kept yet */
	size_t au_guess; /* capacity to begin with */
	size_t slice_at; /* where in it the first slice is, after its start code */
	struct slice first_slice, last_slice; /* primary ones, if has_vcl */
	bool has_vcl;
	bool bad; /* to be dropped */

	/* Since splitter_pause(), until it is known whether more came of what it ended: */
	bool paused_nal;     /* of the NAL unit */
	bool paused_picture; /* of the picture, whose first_slice and last_slice are kept */

	/* The coded video sequence. */
	struct paramsets sets;
	struct sps active;  /* as of the newest IDR; only while !need_idr */
	bool seen_idr;      /* a whole one */
	bool need_idr;      /* drop until there is one */
	bool dropped_since; /* the newest finished access unit */
	unsigned prev_ref_frame_num;
	bool prev_ref_frame_num_known;

	struct finished *first, **end;
	struct sps collected_sps;
	bool has_collected;
	bool out_of_memory; /* since the last call began */
	struct splitter_stats stats;
};

struct splitter *splitter_new(void)
{
	struct splitter *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->set = malloc(PARAMSET_MAX_BYTES);
	if (s->set == NULL) {
		free(s);
		return NULL;
	}
	s->end = &s->first;
	s->au_guess = AU_FIRST_BYTES;
	s->need_idr = true;
	return s;
}

void splitter_free(struct splitter *s)
{
	struct au *au;

	if (s == NULL)
		return;
	while (splitter_collect(s, &au) == 0)
		au_unref(au);
	au_unref(s->au);
	paramsets_clear(&s->sets);
	free(s->set);
	free(s);
}

/* ---- the access unit in the making ---- */

/* Drop it, and all up to the next IDR. */
static void spoil(struct splitter *s)
{
	s->bad = true;
	s->need_idr = true;
	if (s->fate == FATE_AU)
		s->fate = FATE_DROP;
}

static void spoil_out_of_memory(struct splitter *s)
{
	s->out_of_memory = true;
	spoil(s);
}

/* Make sure of room for size more bytes; false: the access unit is spoilt. */
static bool au_reserve(struct splitter *s, size_t size)
{
	size_t used = s->au != NULL ? s->au->size : 0;

	if (size > AU_MAX_BYTES - used) {
		s->stats.aus_too_large++;
		spoil(s);
		return false;
	}
	size_t needed = used + size;
	if (s->au == NULL) {
		s->au = au_new(needed > s->au_guess ? needed : s->au_guess);
		if (s->au == NULL)
			spoil_out_of_memory(s);
		return s->au != NULL;
	}
	if (needed <= s->au->capacity)
		return true;
	size_t doubled = s->au->capacity < AU_MAX_BYTES / 2 ? s->au->capacity * 2 : AU_MAX_BYTES;
	if (au_resize(&s->au, needed > doubled ? needed : doubled) < 0) {
		spoil_out_of_memory(s);
		return false;
	}
	return true;
}

static void au_append(struct splitter *s, const uint8_t *data, size_t size)
{
	if (s->bad || !au_reserve(s, size))
		return;
	memcpy(s->au->data + s->au->size, data, size);
	s->au->size += size;
}

/* Parameter sets go before the SEI that may be there already. */
static void au_insert_sets(struct splitter *s, unsigned sps_id, enum paramsets_which which)
{
	size_t size = paramsets_size(&s->sets, sps_id, which);

	if (s->bad || size == 0 || !au_reserve(s, size))
		return;
	memmove(s->au->data + size, s->au->data, s->au->size);
	paramsets_write(&s->sets, sps_id, which, s->au->data);
	s->au->size += size;
}

static void au_push(struct splitter *s)
{
	struct finished *f = malloc(sizeof(*f));

	if (f == NULL) {
		spoil_out_of_memory(s);
		return;
	}
	s->au_guess = s->au->size < AU_MAX_BYTES / 2 ? s->au->size + s->au->size / 4 : AU_MAX_BYTES;
	(void)au_resize(&s->au, s->au->size); /* what is too much stays if it must */
	if (s->last_slice.idr)
		s->au->flags |= AU_IDR;
	s->seen_idr = true; /* nothing is pushed before */
	if (s->dropped_since)
		s->au->flags |= AU_DISCONTINUITY;
	sps_format(&s->active, &s->au->format);
	*f = (struct finished){.au = s->au, .sps = s->active};
	*s->end = f;
	s->end = &f->next;
	s->au = NULL;
	s->dropped_since = false;
}

/* Its last NAL unit has been. What came for the next one before its first slice stays. */
static void au_finish(struct splitter *s)
{
	if (!s->has_vcl)
		return;
	if (!s->bad)
		au_push(s);
	if (s->bad) {
		s->stats.aus_dropped++;
		s->stats.aus_headless += !s->seen_idr;
		s->dropped_since = true;
	}
	if (s->au != NULL)
		s->au->size = 0;
	s->has_vcl = false;
	s->bad = false;
}

/* ---- slices ---- */

/* H.264 7.4.3, frame_num: does nothing lack between the last reference picture and this slice's? */
static bool follows_on(const struct splitter *s, const struct slice *slice)
{
	unsigned max = 1u << s->active.log2_max_frame_num;

	return s->active.gaps_allowed || !s->prev_ref_frame_num_known ||
	       slice->frame_num == s->prev_ref_frame_num ||
	       slice->frame_num == (s->prev_ref_frame_num + 1) % max;
}

/* The first slice of the first picture after another. sps: its own. */
static void begin_picture(struct splitter *s, const struct slice *slice, const struct sps *sps)
{
	if (slice->idr) {
		s->need_idr = s->bad;
		s->active = *sps;
		s->prev_ref_frame_num_known = false;
	}
	/* 7.4.1.2.1: only an IDR changes the SPS in force; if one changed, its IDR is lost. */
	bool changed = !slice->idr && paramsets_sps_changed(&s->sets, s->active.id);
	if (s->need_idr || changed || slice->redundant_pic_cnt > 0 || !follows_on(s, slice))
		spoil(s);
	au_insert_sets(s, slice->sps_id, slice->idr ? PARAMSETS_ALL : PARAMSETS_FRESH);
	if (slice->ref_idc != 0) {
		s->prev_ref_frame_num = slice->frame_num;
		s->prev_ref_frame_num_known = true;
	}
	s->is_first_slice = true;
}

/* 7.4.1.2.4, or no macroblock twice in a picture: there are cameras that give every IDR the same
 * idr_pic_id. */
static bool is_of_another_picture(const struct splitter *s, const struct slice *slice)
{
	return slice_begins_picture(&s->last_slice, slice) || slice_repeats(&s->first_slice, slice);
}

/* More came of what a pause seemed to have ended. */
static void take_late(struct splitter *s)
{
	s->stats.aus_cut++;
	s->paused_nal = s->paused_picture = false;
	s->need_idr = true;
	s->dropped_since = true;
}

static void take_slice(struct splitter *s, const struct slice *slice, const struct sps *sps)
{
	bool late = s->paused_picture && !is_of_another_picture(s, slice);

	if (s->has_vcl && is_of_another_picture(s, slice))
		au_finish(s);
	if (late)
		take_late(s);
	s->paused_picture = false;
	if (!s->has_vcl) {
		begin_picture(s, slice, sps);
		s->first_slice = s->last_slice = *slice;
	}
	if (late)
		spoil(s);
	s->has_vcl = true;
	if (slice->redundant_pic_cnt == 0)
		s->last_slice = *slice;
	s->fate = s->bad ? FATE_DROP : FATE_AU;
}

/* A slice that cannot be read belongs to the picture before it as far as one can see, and spoils
 * it: better one picture too few than one with a hole. */
static void take_damaged_slice(struct splitter *s)
{
	struct slice slice = slice_partial(s->head[0]);

	if (s->has_vcl && is_of_another_picture(s, &slice))
		au_finish(s);
	if (!s->has_vcl)
		s->first_slice = s->last_slice = slice;
	s->paused_picture = false;
	s->has_vcl = true;
	s->stats.nals_damaged += s->seen_idr; /* before, its parameter sets were not to be had */
	s->fate = FATE_DROP;
	spoil(s);
}

/* By which SPS a slice is read: an IDR brings its own into force (7.4.1.2.1). NULL: there is none,
 * or the slice contradicts the active one. */
static const struct sps *sps_of(const struct splitter *s, const struct pps *pps, bool idr)
{
	if (idr || s->need_idr)
		return paramsets_sps(&s->sets, pps->sps_id);
	return s->active.id == pps->sps_id ? &s->active : NULL;
}

/* 0: read. -EAGAIN: more bytes may help. -EINVAL: nothing will. */
static int read_slice(const struct splitter *s, bool is_whole, struct slice *ret_slice,
		      const struct sps **ret_sps)
{
	int incomplete = is_whole || s->head_size == SLICE_HEAD_MAX ? -EINVAL : -EAGAIN;
	unsigned pps_id;

	if (slice_read_pps_id(s->head, s->head_size, &pps_id) < 0)
		return incomplete;
	const struct pps *pps = paramsets_pps(&s->sets, pps_id);
	if (pps == NULL)
		return -EINVAL;
	const struct sps *sps = sps_of(s, pps, (s->head[0] & 0x1f) == NAL_SLICE_IDR);
	if (sps == NULL)
		return -EINVAL;
	if (slice_read(s->head, s->head_size, sps, pps, ret_slice) < 0)
		return incomplete;
	*ret_sps = sps;
	return 0;
}

static void decide_slice(struct splitter *s, bool is_whole)
{
	struct slice slice;
	const struct sps *sps;
	int r = read_slice(s, is_whole, &slice, &sps);

	if (r == 0)
		take_slice(s, &slice, sps);
	else if (r != -EAGAIN)
		take_damaged_slice(s);
}

/* ---- NAL units ---- */

/* 7.4.1.2.3: these come before the slices of their picture, so they end the one before. */
static void decide_prefix(struct splitter *s, enum fate fate)
{
	au_finish(s);
	s->paused_picture = false;
	s->fate = fate;
}

/* What becomes of the NAL unit whose first bytes are in head. */
static void decide(struct splitter *s, bool is_whole)
{
	unsigned type = s->head[0] & 0x1f;

	if ((s->head[0] & 0x80) != 0 && type > NAL_SLICE_IDR) { /* forbidden_zero_bit */
		s->stats.nals_damaged++;
		s->fate = FATE_DROP;
		return;
	}
	switch (type) {
	case NAL_SLICE:
	case NAL_SLICE_PARTITION_A:
	case NAL_SLICE_IDR:
		decide_slice(s, is_whole);
		break;
	case NAL_SLICE_PARTITION_A + 1:
	case NAL_SLICE_PARTITION_C: /* go with their partition A */
		s->fate = s->has_vcl && !s->bad ? FATE_AU : FATE_DROP;
		break;
	case NAL_SEI:
		decide_prefix(s, FATE_AU);
		break;
	case NAL_SPS:
	case NAL_PPS:
		decide_prefix(s, FATE_SET);
		break;
	case NAL_AUD:
	case NAL_END_OF_SEQUENCE:
	case NAL_END_OF_STREAM:
		decide_prefix(s, FATE_DROP);
		break;
	default: /* fillers and extensions; of those, 15 to 18 come before the slices */
		if (type >= 15 && type <= 18)
			au_finish(s);
		s->fate = FATE_DROP;
	}
}

static void set_append(struct splitter *s, const uint8_t *data, size_t size)
{
	if (size > PARAMSET_MAX_BYTES - s->set_size) {
		s->stats.nals_damaged++;
		s->fate = FATE_DROP;
		return;
	}
	memcpy(s->set + s->set_size, data, size);
	s->set_size += size;
}

static void pass_on(struct splitter *s, const uint8_t *data, size_t size)
{
	if (s->fate == FATE_AU)
		au_append(s, data, size);
	else if (s->fate == FATE_SET)
		set_append(s, data, size);
}

/* Once the fate is known: what waited in head goes its way. */
static void pass_on_head(struct splitter *s)
{
	static const uint8_t start_code[NAL_START_CODE_BYTES] = {0, 0, 0, 1};

	if (s->fate == FATE_AU) {
		au_append(s, start_code, sizeof(start_code));
		if (s->is_first_slice && s->au != NULL)
			s->slice_at = s->au->size;
	}
	pass_on(s, s->head, s->head_size);
}

static void nal_append(struct splitter *s, const uint8_t *data, size_t size)
{
	if (!s->in_nal) {
		s->stats.bytes_skipped += s->seen_start ? 0 : size;
		if (s->paused_nal && size > 0)
			take_late(s);
		return;
	}
	if (s->fate == FATE_UNDECIDED) {
		size_t room = sizeof(s->head) - s->head_size;
		size_t part = size < room ? size : room;
		memcpy(s->head + s->head_size, data, part);
		s->head_size += part;
		if (part > 0)
			decide(s, false);
		if (s->fate == FATE_UNDECIDED)
			return;
		pass_on_head(s);
		data += part;
		size -= part;
	}
	pass_on(s, data, size);
}

static void nal_append_zeros(struct splitter *s, size_t count)
{
	static const uint8_t zeros[64];

	while (count > 0) {
		size_t part = count < sizeof(zeros) ? count : sizeof(zeros);
		nal_append(s, zeros, part);
		count -= part;
	}
}

static void finish_set(struct splitter *s)
{
	int r = paramsets_store(&s->sets, s->set, s->set_size);

	if (r == -ENOMEM)
		spoil_out_of_memory(s);
	else if (r < 0)
		s->stats.nals_damaged++;
}

/* The whole of it is needed for this, so it was not known when the picture began. */
static void finish_first_slice(struct splitter *s)
{
	const struct pps *pps = paramsets_pps(&s->sets, s->last_slice.pps_id);
	int r = slice_resets_frame_num(s->au->data + s->slice_at, s->au->size - s->slice_at,
				       &s->active, pps);

	if (r == 1)
		s->prev_ref_frame_num = 0;
	else if (r < 0)
		s->prev_ref_frame_num_known = false;
}

static void nal_end(struct splitter *s)
{
	if (s->in_nal && s->fate == FATE_UNDECIDED && s->head_size > 0) {
		decide(s, true);
		pass_on_head(s);
	}
	if (s->in_nal && s->fate == FATE_SET)
		finish_set(s);
	else if (s->in_nal && s->fate == FATE_AU && s->is_first_slice)
		finish_first_slice(s);
	s->in_nal = false;
	s->is_first_slice = false;
	s->head_size = 0;
	s->set_size = 0;
	s->fate = FATE_UNDECIDED;
}

static void nal_begin(struct splitter *s)
{
	nal_end(s);
	s->zeros = 0;
	s->paused_nal = false;
	s->in_nal = true;
	s->seen_start = true;
}

/* ---- the byte stream ---- */

/* Zeros at the end of what was fed before: see what they were. */
static const uint8_t *settle_zeros(struct splitter *s, const uint8_t *pos, const uint8_t *end)
{
	for (; pos < end && *pos == 0; pos++)
		s->zeros++;
	if (pos == end)
		return end;
	if (*pos == 1 && s->zeros >= 2) {
		nal_begin(s);
		return pos + 1;
	}
	nal_append_zeros(s, s->zeros);
	s->zeros = 0;
	return pos;
}

static int take_out_of_memory(struct splitter *s)
{
	bool failed = s->out_of_memory;

	s->out_of_memory = false;
	return failed ? -ENOMEM : 0;
}

int splitter_feed(struct splitter *s, const uint8_t *data, size_t size)
{
	const uint8_t *pos = data, *end = data + size;

	while (pos < end) {
		if (s->zeros > 0) {
			pos = settle_zeros(s, pos, end);
			continue;
		}
		const uint8_t *prefix = nal_find_prefix(pos, end), *last = prefix;
		while (last > pos && last[-1] == 0)
			last--;
		nal_append(s, pos, (size_t)(last - pos));
		if (prefix == end) {
			s->zeros = (size_t)(end - last);
			break;
		}
		nal_begin(s);
		pos = prefix + 3;
	}
	return take_out_of_memory(s);
}

int splitter_flush(struct splitter *s)
{
	nal_end(s);
	au_finish(s);
	return take_out_of_memory(s);
}

int splitter_pause(struct splitter *s)
{
	/* Too little of a slice for its header is surely not all of it. */
	if (!s->has_vcl || (s->fate == FATE_UNDECIDED && s->head_size > 0))
		return 0;
	if (s->head_size > 0) {
		s->paused_nal = s->fate == FATE_AU;
		nal_end(s);
	}
	au_finish(s);
	s->paused_picture = true;
	return take_out_of_memory(s);
}

int splitter_collect(struct splitter *s, struct au **ret_au)
{
	struct finished *f = s->first;

	if (f == NULL)
		return -EAGAIN;
	s->first = f->next;
	if (s->first == NULL)
		s->end = &s->first;
	s->collected_sps = f->sps;
	s->has_collected = true;
	s->stats.aus++;
	*ret_au = f->au;
	free(f);
	return 0;
}

const struct sps *splitter_sps(const struct splitter *s)
{
	return s->has_collected ? &s->collected_sps : NULL;
}

void splitter_get_stats(const struct splitter *s, struct splitter_stats *ret_stats)
{
	*ret_stats = s->stats;
	ret_stats->sps_rewritten = s->sets.rewritten;
}
