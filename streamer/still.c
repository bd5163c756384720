#include "streamer/still.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <libavcodec/avcodec.h>

#include "common/util.h"
#include "streamer/nal.h"
#include "streamer/sps.h"

/* The one whose structures we were built with. */
#define LIBRARY   "libavcodec.so." AV_STRINGIFY(LIBAVCODEC_VERSION_MAJOR)
#define SD_HEIGHT 720 /* below it BT.601 is meant where nothing is said, as browsers guess */

#define CALLS(X)                        \
	X(avcodec_find_decoder_by_name) \
	X(avcodec_alloc_context3)       \
	X(avcodec_open2)                \
	X(avcodec_send_packet)          \
	X(avcodec_receive_frame)        \
	X(avcodec_free_context)         \
	X(av_packet_alloc)              \
	X(av_new_packet)                \
	X(av_packet_free)               \
	X(av_frame_alloc)               \
	X(av_frame_free)                \
	X(av_log_set_level)

static struct {
	bool is_loaded;
#define DECLARE(name) __typeof__(name) *name;
	CALLS(DECLARE)
#undef DECLARE
} lib;

struct work {
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame;
};

bool still_is_built(void)
{
	return true;
}

/* What can be told before anything is decoded. */
static int look_at_sps(const uint8_t *h264, size_t size)
{
	const uint8_t *pos = h264;
	struct nal nal;
	struct sps sps;

	while (nal_next(&pos, h264 + size, &nal)) {
		if (nal.type != NAL_SPS)
			continue;
		if (sps_read(nal.data, nal.size, &sps) < 0)
			return -EBADMSG;
		if ((uint64_t)sps.coded_width * sps.coded_height > STILL_PIXELS_MAX)
			return -EFBIG;
		return sps.chroma_format_idc == 1 && sps.frame_mbs_only ? 0 : -EPROTONOSUPPORT;
	}
	return -EBADMSG;
}

/* Never unloaded: it would leave threads' data and handlers behind. */
static int load(struct error *err)
{
	if (lib.is_loaded)
		return 0;
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		return error_set(err, -ENOSYS,
				 "the camera makes the H.264 itself, and %s, which "
				 "would decode it, cannot be loaded",
				 LIBRARY);
#define FIND(name)                                                \
	if ((*(void **)&lib.name = dlsym(handle, #name)) == NULL) \
		return error_set(err, -ENOSYS, "%s has no %s()", LIBRARY, #name);
	CALLS(FIND)
#undef FIND
	lib.av_log_set_level(AV_LOG_QUIET);
	lib.is_loaded = true;
	return 0;
}

static void clear(struct work *work)
{
	lib.avcodec_free_context(&work->codec);
	lib.av_packet_free(&work->packet);
	lib.av_frame_free(&work->frame);
}

static int open_codec(struct work *work)
{
	const AVCodec *h264 = lib.avcodec_find_decoder_by_name("h264");

	if (h264 == NULL)
		return -ENOSYS;
	work->codec = lib.avcodec_alloc_context3(h264);
	work->frame = lib.av_frame_alloc();
	if (work->codec == NULL || work->frame == NULL)
		return -ENOMEM;
	work->codec->thread_count = 1;
	work->codec->max_pixels = STILL_PIXELS_MAX;
	work->codec->flags |= AV_CODEC_FLAG_UNALIGNED; /* cropped to the pixel */
	work->codec->err_recognition = AV_EF_EXPLODE | AV_EF_AGGRESSIVE;
	return lib.avcodec_open2(work->codec, h264, NULL) < 0 ? -ENOMEM : 0;
}

/* It reads on behind the end, so that it has a copy with zeros there. */
static int send(struct work *work, const uint8_t *h264, size_t size)
{
	if (size == 0 || size > INT_MAX - AV_INPUT_BUFFER_PADDING_SIZE)
		return -EBADMSG;
	work->packet = lib.av_packet_alloc();
	if (work->packet == NULL || lib.av_new_packet(work->packet, (int)size) < 0)
		return -ENOMEM;
	memcpy(work->packet->data, h264, size);
	work->packet->flags |= AV_PKT_FLAG_KEY;
	return lib.avcodec_send_packet(work->codec, work->packet) < 0 ? -EBADMSG : 0;
}

/* The end is told, so that nothing is waited for that a P picture would bring. */
static int receive(struct work *work)
{
	const AVFrame *frame = work->frame;

	if (lib.avcodec_send_packet(work->codec, NULL) < 0 ||
	    lib.avcodec_receive_frame(work->codec, work->frame) < 0)
		return -EBADMSG;
	/* What slices were missing is painted over, and told. */
	if (frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0 ||
	    frame->pict_type != AV_PICTURE_TYPE_I)
		return -EBADMSG;
	if (frame->format != AV_PIX_FMT_YUV420P && frame->format != AV_PIX_FMT_YUVJ420P)
		return -EPROTONOSUPPORT;
	return 0;
}

static enum jfif_matrix matrix_of(const AVFrame *frame)
{
	bool is_full =
		frame->color_range == AVCOL_RANGE_JPEG || frame->format == AV_PIX_FMT_YUVJ420P;
	bool is_709 = frame->colorspace == AVCOL_SPC_BT709 ||
		      (frame->colorspace == AVCOL_SPC_UNSPECIFIED && frame->height >= SD_HEIGHT);

	if (is_709)
		return is_full ? JFIF_FROM_BT709_FULL : JFIF_FROM_BT709;
	return is_full ? JFIF_FROM_BT601_FULL : JFIF_FROM_BT601;
}

static void tell(AVFrame *frame, struct still *ret_still)
{
	*ret_still = (struct still){
		.frame = {.fourcc = FRAME_I420,
			  .width = (unsigned)frame->width,
			  .height = (unsigned)frame->height,
			  .plane_count = 3},
		.matrix = matrix_of(frame),
		.owner = frame,
	};
	for (unsigned i = 0; i < 3; i++)
		ret_still->frame.plane[i] = (struct frame_plane){
			.data = frame->data[i],
			.size = (size_t)frame->linesize[i] *
				(unsigned)(i == 0 ? frame->height : frame->height / 2),
			.stride = (unsigned)frame->linesize[i],
			.dmabuf_fd = -1,
		};
}

static int explain(int code, struct error *err)
{
	static const struct {
		int code;
		const char *text;
	} reasons[] = {
		{-EBADMSG, "the camera's newest IDR picture is damaged"},
		{-EFBIG, "the camera's pictures are too large to be decoded here"},
		{-EPROTONOSUPPORT, "the camera's H.264 is not progressive, 4:2:0 and of 8 bits"},
		{-ENOSYS, "this libavcodec has no H.264 decoder"},
		{-ENOMEM, "there is no memory to decode a picture"},
	};
	unsigned i = 0;

	while (i + 1 < ARRAY_SIZE(reasons) && reasons[i].code != code)
		i++;
	return error_set(err, code, "%s", reasons[i].text);
}

int still_decode(const uint8_t *h264, size_t size, struct still *ret_still, struct error *err)
{
	struct work work = {0};
	int r = look_at_sps(h264, size);

	if (r < 0)
		return explain(r, err);
	r = load(err);
	if (r < 0)
		return r;
	r = open_codec(&work);
	if (r == 0)
		r = send(&work, h264, size);
	if (r == 0)
		r = receive(&work);
	if (r == 0) {
		tell(work.frame, ret_still);
		work.frame = NULL;
	}
	clear(&work);
	return r < 0 ? explain(r, err) : 0;
}

void still_free(struct still *still)
{
	AVFrame *frame = still->owner;

	lib.av_frame_free(&frame);
	still->owner = NULL;
}
