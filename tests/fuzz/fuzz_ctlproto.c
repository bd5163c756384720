/* Both directions of the control protocol; what is read must be writable and read the same. */
#include <stdlib.h>

#include "common/ctlproto.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "ctlproto";

static char packet[CTL_PACKET_MAX];

static void fuzz_request(const char *data, size_t size)
{
	struct ctl_request req, again;
	json_int_t id;

	if (ctl_request_decode(data, size, &req, &id, NULL) < 0)
		return;
	int len = ctl_request_encode(&req, packet, sizeof(packet));
	if (len > 0) {
		if (ctl_request_decode(packet, (size_t)len, &again, &id, NULL) < 0 ||
		    again.id != req.id)
			abort();
		ctl_request_clear(&again);
	}
	ctl_request_clear(&req);
}

static void fuzz_reply(const char *data, size_t size)
{
	struct ctl_reply reply, text = {.id = 0};
	bool is_plain = ctl_reply_decode_text(data, size, &text) == 0;
	bool is_reply = ctl_reply_decode(data, size, &reply, NULL) == 0;

	/* What jansson refuses all the same is a key twice, or a number it has no room for. */
	if (is_plain && is_reply &&
	    (reply.code != CTL_OK || reply.id != text.id || reply.pending != text.pending))
		abort();
	ctl_reply_clear(&text);
	if (!is_reply)
		return;
	ctl_reply_encode(&reply, packet, sizeof(packet));
	ctl_reply_clear(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_request((const char *)data, size);
	fuzz_reply((const char *)data, size);
	return 0;
}
