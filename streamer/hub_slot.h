/* hub_slot: an access unit in the hub's ring, with its framings made once, counted. Part of the
 * hub; loop thread. No I/O, no clock. */
#ifndef STREAMER_HUB_SLOT_H
#define STREAMER_HUB_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "streamer/au.h"
#include "streamer/hub.h"

struct hub_slot {
	unsigned refs; /* the ring's, and one of each subscriber in the middle of it */
	bool evicted;  /* out of the ring: those subscribers pin it */
	uint64_t seq;
	int64_t publish_us;
	uint64_t end_bytes; /* published so far, with it */
	const struct au *au;
	unsigned in_one; /* the framing whose header lies right before the access unit */
	uint8_t header_size[HUB_FRAMINGS];
	uint8_t header[HUB_FRAMINGS][HUB_HEADER_MAX];
};

/* A copy of model with one reference, whose headers frame makes. Takes the reference to the access
 * unit, unless there is no memory: NULL. */
struct hub_slot *hub_slot_new(const struct hub_slot *model, hub_frame_fn *frame);

/* Whether that was the last reference. */
bool hub_slot_unref(struct hub_slot *slot);

/* What follows the bytes of it that are sent already. */
void hub_slot_show(const struct hub_slot *slot, unsigned framing, size_t sent,
		   struct hub_message *ret_message);

#endif
