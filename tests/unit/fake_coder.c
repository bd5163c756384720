#include "tests/unit/fake_coder.h"

#include <string.h>

#include "streamer/encoder.h"
#include "streamer/nal.h"
#include "tests/unit/h264_write.h"
#include "tests/unit/unit.h"

static size_t make_canned(struct fake_coder *coder, bool idr, uint8_t *out)
{
	struct h264_sps sps = {.constraints = 0xc0, .level = 31, .poc_type = 2, .refs = 1};
	struct h264_pps pps = {.id = 0};
	struct h264_stream stream = {.size = 0};

	sps.profile = coder->main_profile ? 77 : 66;
	sps.constraints = coder->main_profile ? 0 : 0xc0;
	sps.mbs_across = (coder->width + 15) / 16;
	sps.mbs_down = (coder->height + 15) / 16;
	coder->frame_num = idr ? 0 : (coder->frame_num + 1) % 16;
	if (idr) {
		h264_sps(&stream, &sps);
		h264_pps(&stream, &pps);
	}
	struct h264_slice slice = {.idr = idr, .frame_num = coder->frame_num, .data_bytes = 40};
	h264_slice(&stream, &sps, &pps, &slice);
	memcpy(out, stream.bytes, stream.size);
	return stream.size;
}

#ifdef WITH_X264

static void open_x264(struct fake_coder *coder)
{
	struct encoder_config cfg = {
		.in = {.fourcc = FRAME_I420,
		       .width = coder->width,
		       .height = coder->height,
		       .fps_milli = 30000},
		.bitrate_bps = 1000000,
		.gop_frames = 10000,
		.threads = 1,
		.preset = "ultrafast",
	};
	struct error err = {0};

	if (coder->encoder == NULL &&
	    encoder_open(&encoder_x264_ops, &cfg, &coder->encoder, &err) < 0)
		fail_msg("%s", err.text);
}

static size_t make_real(struct fake_coder *coder, const uint8_t *pixels, bool idr, uint8_t *out)
{
	size_t luma = (size_t)coder->stride * coder->rows;
	struct frame frame = {
		.fourcc = FRAME_I420,
		.width = coder->width,
		.height = coder->height,
		.plane_count = 3,
		.plane = {{pixels, luma, coder->stride, -1},
			  {pixels + luma, luma / 4, coder->stride / 2, -1},
			  {pixels + luma + luma / 4, luma / 4, coder->stride / 2, -1}},
	};
	struct au *au;
	uint32_t index;

	open_x264(coder);
	assert_int_equal(encoder_submit(coder->encoder, &frame, idr), 0);
	assert_int_equal(encoder_collect(coder->encoder, &au, NULL), 0);
	assert_int_equal(encoder_reclaim(coder->encoder, &index), 0);
	size_t size = au->size;
	assert_true(size <= FAKE_CODER_BYTES);
	memcpy(out, au->data, size);
	au_unref(au);
	return size;
}

#else

static size_t make_real(struct fake_coder *coder, const uint8_t *pixels, bool idr, uint8_t *out)
{
	(void)pixels;
	return make_canned(coder, idr, out);
}

#endif

size_t fake_coder_arrange(const uint8_t *data, size_t size, bool headers, bool slices, uint8_t *out)
{
	static const uint8_t delimiter[] = {0, 0, 0, 1, NAL_AUD, 0xf0};
	const uint8_t *pos = data;
	uint8_t *end = out;
	struct nal nal;

	if (slices) {
		memcpy(end, delimiter, sizeof(delimiter));
		end += sizeof(delimiter);
	}
	while (nal_next(&pos, data + size, &nal))
		if (nal.type == NAL_SPS || nal.type == NAL_PPS ? headers : slices)
			end = nal_write(end, nal.data, nal.size);
	return (size_t)(end - out);
}

size_t fake_coder_make(struct fake_coder *coder, const uint8_t *pixels, bool idr, uint8_t *out)
{
	return coder->canned ? make_canned(coder, idr, out) : make_real(coder, pixels, idr, out);
}

void fake_coder_clear(struct fake_coder *coder)
{
	encoder_close(coder->encoder);
	coder->encoder = NULL;
}
