/* framing: the ways an access unit goes on the wire: what precedes it. No I/O; any thread. */
#ifndef STREAMER_FRAMING_H
#define STREAMER_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#include "streamer/au.h"
#include "streamer/hub.h"

enum framing {               /* HUB_FRAMINGS of them */
	       FRAMING_RAW,  /* a WebSocket message is an access unit */
	       FRAMING_V1,   /* ...after nalcast.v1's header */
	       FRAMING_BARE, /* no WebSocket: one access unit after the other */
};

/* As hub_config.frame wants it. publish_us: CLOCK_MONOTONIC. */
size_t framing_write(uint8_t out[static HUB_HEADER_MAX], unsigned framing, const struct au *au,
		     uint32_t seq, int64_t publish_us);

const char *framing_name(enum framing framing); /* for people */

#endif
