#include "streamer/framing.h"

#include "streamer/clock.h"
#include "streamer/viewmsg.h"
#include "streamer/ws.h"

size_t framing_write(uint8_t out[static HUB_HEADER_MAX], unsigned framing, const struct au *au,
		     uint32_t seq, int64_t publish_us)
{
	if (framing == FRAMING_BARE)
		return 0;
	if (framing == FRAMING_RAW)
		return ws_header(out, WS_BINARY, au->size);

	struct viewmsg_header header = {
		.seq = seq,
		.capture_us = clock_wire_us(au->pts_us),
		.publish_us = clock_wire_us(publish_us),
	};
	if (au->flags & AU_IDR)
		header.flags |= VIEWMSG_IDR;
	if (au->flags & AU_DISCONTINUITY)
		header.flags |= VIEWMSG_DISCONTINUITY;
	size_t size = ws_header(out, WS_BINARY, VIEWMSG_HEADER_BYTES + au->size);
	viewmsg_write_header(out + size, &header);
	return size + VIEWMSG_HEADER_BYTES;
}

const char *framing_name(enum framing framing)
{
	static const char *const names[] = {
		[FRAMING_RAW] = "raw",
		[FRAMING_V1] = "nalcast.v1",
		[FRAMING_BARE] = "stream.h264",
	};

	return names[framing];
}
