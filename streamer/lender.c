#include "streamer/lender.h"

#include <assert.h>

static unsigned free_slot(const struct lender *l)
{
	unsigned slot = 0;

	while (slot < LENDER_MAX && l->lent[slot] != NULL)
		slot++;
	return slot;
}

bool lender_is_empty(const struct lender *l)
{
	return free_slot(l) == LENDER_MAX;
}

struct frame lender_lend(struct lender *l, struct au *au, bool discontinuity, int64_t pts_us)
{
	unsigned slot = free_slot(l);

	assert(slot < LENDER_MAX);
	l->lent[slot] = au;
	return (struct frame){
		.fourcc = FRAME_H264,
		.width = au->format.width,
		.height = au->format.height,
		.flags = discontinuity ? FRAME_DISCONTINUITY : 0,
		.plane_count = 1,
		.plane = {{.data = au->data, .size = au->size, .dmabuf_fd = -1}},
		.pts_us = pts_us,
		.index = slot,
	};
}

void lender_take_back(struct lender *l, uint32_t index)
{
	assert(index < LENDER_MAX);
	au_unref(l->lent[index]);
	l->lent[index] = NULL;
}

void lender_clear(struct lender *l)
{
	for (uint32_t i = 0; i < LENDER_MAX; i++)
		lender_take_back(l, i);
}
