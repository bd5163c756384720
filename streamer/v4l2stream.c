#include "streamer/v4l2stream.h"

#include <errno.h>

#include "common/log.h"
#include "streamer/clock.h"

#define STEP_MAX      1000 /* a driver that counts more at once has begun anew */
#define CUTS_OF_PARTS 3

int v4l2stream_open(struct v4l2stream *stream, const char *name)
{
	stream->log.name = name;
	stream->splitter = splitter_new();
	return stream->splitter != NULL ? 0 : -ENOMEM;
}

void v4l2stream_clear(struct v4l2stream *stream)
{
	splitter_free(stream->splitter);
	lender_clear(&stream->lender);
	stream->splitter = NULL;
}

/* Something is missing: nothing may refer to what was before. */
static int begin_anew(struct v4l2stream *stream)
{
	struct splitter *splitter = splitter_new();

	if (splitter == NULL)
		return -ENOMEM;
	splitter_free(stream->splitter);
	stream->splitter = splitter;
	splitlog_begin_anew(&stream->log);
	stream->anew = true;
	return 0;
}

/* Is a picture missing before this one? Drivers that do not count one by one cannot say. */
static bool is_gap(struct v4l2stream *stream, const struct v4l2picture *picture)
{
	uint32_t step = picture->sequence - stream->sequence;
	bool gap = stream->counts && step != 1 && step != 0;

	stream->missed += gap && step < STEP_MAX ? step - 1 : 0;
	stream->counts = step == 1 || (stream->counts && gap);
	stream->sequence = picture->sequence;
	return gap;
}

static void look(struct v4l2stream *stream)
{
	const struct splitter_stats *now = &stream->log.now;

	splitlog_look(&stream->log, stream->splitter, clock_now_us());
	/* A camera that sends parts does so with every picture; garbage looks like that once. */
	if (stream->parts || now->aus_cut < CUTS_OF_PARTS || now->aus > 2 * now->aus_cut)
		return;
	log_info("source v4l2", "%s: its buffers hold parts of pictures", stream->log.name);
	stream->parts = true;
}

/* A buffer is an access unit to nearly all cameras, so it need not wait for the next to begin. */
static int feed(struct v4l2stream *stream, const struct v4l2picture *picture)
{
	int r = 0;

	if (is_gap(stream, picture) || picture->damaged)
		r = begin_anew(stream);
	if (r == 0 && !picture->damaged)
		r = splitter_feed(stream->splitter, picture->memory[0].data,
				  picture->memory[0].size);
	if (r == 0 && !picture->damaged && !stream->parts)
		r = splitter_pause(stream->splitter);
	return r;
}

int v4l2stream_feed(struct v4l2stream *stream, const struct v4l2picture *picture)
{
	int r = feed(stream, picture);

	look(stream);
	/* Where it takes the next buffer to see that a picture is complete, that one is later. */
	stream->au_pts_us = stream->parts ? stream->newest_pts_us : picture->pts_us;
	stream->newest_pts_us = picture->pts_us;
	return r;
}

/* Access units left out while waiting for an IDR. */
static uint64_t headless(const struct v4l2stream *stream)
{
	return stream->log.before.aus_headless + stream->log.now.aus_headless;
}

int v4l2stream_lend(struct v4l2stream *stream, struct frame *ret_frame)
{
	struct au *au;

	if (lender_is_empty(&stream->lender) || splitter_collect(stream->splitter, &au) < 0)
		return -EAGAIN;
	bool lost = stream->anew || ((au->flags & AU_DISCONTINUITY) != 0 && stream->has_lent);
	*ret_frame = lender_lend(&stream->lender, au, lost, stream->au_pts_us);
	if (!stream->has_lent)
		stream->headless_at_first = headless(stream);
	stream->has_lent = true;
	stream->anew = false;
	return 0;
}

void v4l2stream_take_back(struct v4l2stream *stream, uint32_t index)
{
	lender_take_back(&stream->lender, index);
}

uint64_t v4l2stream_dropped(const struct v4l2stream *stream)
{
	uint64_t waiting = stream->has_lent ? headless(stream) - stream->headless_at_first : 0;

	return splitlog_dropped(&stream->log) + stream->missed + waiting;
}
