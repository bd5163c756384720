#include "streamer/encoder.h"

#include <errno.h>
#include <string.h>

static bool is_called(const struct encoder_ops *ops, const char *name)
{
	return strcmp(name, "auto") == 0 || strcmp(ops->name, name) == 0;
}

const struct encoder_ops *encoder_find(const char *name, uint32_t fourcc, struct error *err)
{
	bool known = false;

	if (fourcc == FRAME_H264)
		return &encoder_pass_ops;
	for (unsigned i = 0; encoder_backends[i] != NULL; i++) {
		const struct encoder_ops *ops = encoder_backends[i];
		if (!is_called(ops, name))
			continue;
		if (ops->takes(fourcc))
			return ops;
		known = true;
	}
	const char letters[] = {(char)fourcc, (char)(fourcc >> 8), (char)(fourcc >> 16),
				(char)(fourcc >> 24), '\0'};
	if (known)
		error_set(err, -ENOTSUP, "the encoder '%s' takes no '%s' pictures", name, letters);
	else
		error_set(err, -ENOENT, "this build has no encoder '%s'", name);
	return NULL;
}

bool encoder_exists(const char *name)
{
	for (unsigned i = 0; encoder_backends[i] != NULL; i++)
		if (strcmp(encoder_backends[i]->name, name) == 0)
			return true;
	return strcmp(name, "auto") == 0;
}

int encoder_open(const struct encoder_ops *ops, const struct encoder_config *cfg,
		 struct encoder **ret_encoder, struct error *err)
{
	return ops->open(cfg, ret_encoder, err);
}

void encoder_close(struct encoder *enc)
{
	if (enc != NULL)
		enc->ops->close(enc);
}

int encoder_fd(const struct encoder *enc)
{
	return enc->ops->get_fd(enc);
}

bool encoder_is_busy(const struct encoder *enc)
{
	return enc->ops->is_busy != NULL && enc->ops->is_busy(enc);
}

int encoder_submit(struct encoder *enc, const struct frame *frame, bool force_idr)
{
	return enc->ops->submit(enc, frame, force_idr);
}

int encoder_reclaim(struct encoder *enc, uint32_t *ret_index)
{
	return enc->ops->reclaim(enc, ret_index);
}

int encoder_collect(struct encoder *enc, struct au **ret_au, struct error *err)
{
	return enc->ops->collect(enc, ret_au, err);
}

int encoder_drain(struct encoder *enc)
{
	return enc->ops->drain != NULL ? enc->ops->drain(enc) : -ENOTSUP;
}

enum encoder_copy encoder_copy(const struct encoder *enc)
{
	return enc->ops->get_copy != NULL ? enc->ops->get_copy(enc) : ENCODER_COPY_UNKNOWN;
}

int encoder_set_rate(struct encoder *enc, unsigned bitrate_bps, unsigned fps_milli)
{
	if (enc->ops->set_rate == NULL)
		return -ENOTSUP;
	return enc->ops->set_rate(enc, bitrate_bps, fps_milli);
}

int encoder_set_gop(struct encoder *enc, unsigned gop_frames)
{
	if (enc->ops->set_gop == NULL)
		return -ENOTSUP;
	return enc->ops->set_gop(enc, gop_frames);
}
