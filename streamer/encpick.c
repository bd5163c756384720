#include "streamer/encpick.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "streamer/clock.h"

#define SUBSYSTEM "encoder"

static bool is_given_up(const struct encpick *pick)
{
	return pick->failures >= ENCPICK_FAILURES_MAX && clock_now_us() < pick->again_us;
}

/* One of those that "auto" may take. What cannot be had in hardware is a reason, and no failure. */
static int try_open(struct encpick *pick, const struct encoder_ops *ops,
		    const struct encoder_config *cfg, struct encoder **ret_encoder,
		    struct error *err)
{
	int r = ops->hardware && is_given_up(pick)
			? error_set(err, pick->failed.code, "%s", pick->failed.text)
			: encoder_open(ops, cfg, ret_encoder, err);

	if (r == 0 && ops->hardware)
		pick->reason.code = 0;
	else if (ops->hardware)
		pick->reason = *err;
	return r;
}

static int open_best(struct encpick *pick, const struct encoder_config *cfg,
		     struct encoder **ret_encoder, struct error *err)
{
	int r = -ENOENT;

	pick->reason.code = 0;
	for (unsigned i = 0; r < 0 && encoder_backends[i] != NULL; i++)
		if (encoder_backends[i]->takes(cfg->in.fourcc))
			r = try_open(pick, encoder_backends[i], cfg, ret_encoder, err);
	if (r == 0 && pick->reason.code != 0)
		log_info(SUBSYSTEM, "%s, because: %s", (*ret_encoder)->ops->name,
			 pick->reason.text);
	return r;
}

int encpick_open(struct encpick *pick, const char *name, const struct encoder_config *cfg,
		 struct encoder **ret_encoder, struct error *err)
{
	struct error unheard;
	const struct encoder_ops *ops = encoder_find(name, cfg->in.fourcc, err);

	if (ops == NULL)
		return -ENOENT;
	if (strcmp(name, "auto") == 0 && cfg->in.fourcc != FRAME_H264)
		return open_best(pick, cfg, ret_encoder, err != NULL ? err : &unheard);
	pick->reason.code = 0;
	return encoder_open(ops, cfg, ret_encoder, err);
}

bool encpick_note_failure(struct encpick *pick, const struct error *why)
{
	pick->failures++;
	pick->again_us = clock_now_us() + ENCPICK_AGAIN_US;
	pick->failed = *why;
	log_warn(SUBSYSTEM, "the hardware failed (%u in a row): %s", pick->failures, why->text);
	return pick->failures < ENCPICK_FAILURES_MAX;
}

void encpick_note_success(struct encpick *pick)
{
	pick->failures = 0;
}
