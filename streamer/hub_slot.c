#include "streamer/hub_slot.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(HUB_HEADER_MAX <= AU_HEADROOM_BYTES, "headers must fit in the headroom");

static const uint8_t *message_in_one(const struct hub_slot *slot)
{
	return slot->au->data - slot->header_size[slot->in_one];
}

static void put_in_headroom(struct hub_slot *slot)
{
	size_t size = slot->header_size[slot->in_one];
	const uint8_t *room = slot->au->data - size;

	/* Frozen is what the access unit is, not what precedes it. */
	memcpy((uint8_t *)(uintptr_t)room, slot->header[slot->in_one], size);
}

struct hub_slot *hub_slot_new(const struct hub_slot *model, hub_frame_fn *frame)
{
	struct hub_slot *slot = malloc(sizeof(*slot));

	if (slot == NULL)
		return NULL;
	*slot = *model;
	slot->refs = 1;
	for (unsigned i = 0; i < HUB_FRAMINGS; i++)
		slot->header_size[i] = (uint8_t)frame(slot->header[i], i, slot->au,
						      (uint32_t)slot->seq, slot->publish_us);
	put_in_headroom(slot);
	return slot;
}

bool hub_slot_unref(struct hub_slot *slot)
{
	if (--slot->refs > 0)
		return false;
	au_unref(slot->au);
	free(slot);
	return true;
}

void hub_slot_show(const struct hub_slot *slot, unsigned framing, size_t sent,
		   struct hub_message *ret_message)
{
	struct iovec *iov = ret_message->iov;
	size_t total = slot->header_size[framing] + slot->au->size;
	size_t header_size = slot->header_size[framing];

	ret_message->au = slot->au;
	ret_message->seq = (uint32_t)slot->seq;
	ret_message->begun = sent > 0;
	ret_message->iov_count = 0;
	/* struct iovec takes a pointer to what will only be read as one to what may be written. */
	if (framing == slot->in_one) {
		iov[ret_message->iov_count++] =
			(struct iovec){(void *)(uintptr_t)(message_in_one(slot) + sent),
				       total - sent};
		return;
	}
	if (sent < header_size) {
		iov[ret_message->iov_count++] =
			(struct iovec){(void *)(uintptr_t)(slot->header[framing] + sent),
				       header_size - sent};
		sent = header_size;
	}
	sent -= header_size;
	iov[ret_message->iov_count++] =
		(struct iovec){(void *)(uintptr_t)(slot->au->data + sent), slot->au->size - sent};
}
