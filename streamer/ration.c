#include "streamer/ration.h"

#define SECOND_US INT64_C(1000000)

static void renew(struct ration *r, int64_t now_us)
{
	if (now_us - r->second_us >= SECOND_US)
		*r = (struct ration){.second_us = now_us};
}

unsigned ration_text(struct ration *r, int64_t now_us)
{
	renew(r, now_us);
	return ++r->texts;
}

size_t ration_bytes(struct ration *r, size_t bytes, int64_t now_us)
{
	renew(r, now_us);
	return r->bytes += bytes;
}
