/* Parameter sets in a stream: no decoder is told to hold pictures back for nothing, and no viewer
 * gets a picture by another SPS than its own. */
#include "tests/unit/unit.h"

#include "streamer/splitter.h"
#include "tests/unit/h264_write.h"
#include "tests/unit/splitter_show.h"

/* The stream of an IDR and a P picture, which belong to this SPS. */
static struct h264_stream stream_of(const struct h264_sps *sps)
{
	struct h264_stream s = {.size = 0};

	h264_sps(&s, sps);
	h264_pps(&s, &pps0);
	h264_slice(&s, sps, &pps0, &(struct h264_slice){.idr = true, .data_bytes = 5});
	h264_slice(&s, sps, &pps0,
		   &(struct h264_slice){.frame_num = 1, .poc_lsb = 2, .data_bytes = 5});
	return s;
}

struct sent {           /* of a stream of two pictures */
	struct au *idr; /* owned */
	struct sps sps; /* in it */
	uint64_t rewritten;
};

static struct sent send(const struct h264_stream *stream)
{
	struct splitter *s = splitter_new();
	struct splitter_stats stats;
	struct sent sent;
	struct nal nal;
	struct au *p;

	assert_int_equal(splitter_feed(s, stream->bytes, stream->size), 0);
	assert_int_equal(splitter_flush(s), 0);
	assert_int_equal(splitter_collect(s, &sent.idr), 0);
	assert_int_equal(splitter_collect(s, &p), 0);
	const uint8_t *pos = sent.idr->data;
	assert_true(nal_next(&pos, pos + sent.idr->size, &nal));
	assert_int_equal(sps_read(nal.data, nal.size, &sent.sps), 0);
	assert_memory_equal(splitter_sps(s), &sent.sps, sizeof(sent.sps));
	assert_memory_equal(&p->format, &sent.idr->format, sizeof(p->format));
	splitter_get_stats(s, &stats);
	sent.rewritten = stats.sps_rewritten;
	au_unref(p);
	splitter_free(s);
	return sent;
}

/* Everything but parameter sets is the same bytes. */
static void assert_same_pictures(const struct h264_stream *stream, const struct au *idr)
{
	const uint8_t *pos = stream->bytes, *sent_pos = idr->data;
	struct nal nal, sent;

	while (nal_next(&pos, stream->bytes + stream->size, &nal) && nal.type != NAL_SLICE_IDR)
		continue;
	while (nal_next(&sent_pos, idr->data + idr->size, &sent) && sent.type != NAL_SLICE_IDR)
		continue;
	assert_int_equal(sent.size, nal.size);
	assert_memory_equal(sent.data, nal.data, nal.size);
}

static void sps_that_holds_back_is_rewritten(void **state)
{
	UNUSED_STATE(state);
	static const struct h264_sps cases[] = {
		{.poc_type = 0, .refs = 1},
		{.poc_type = 1, .refs = 3},
		{.poc_type = 0, .refs = 0},
		{.poc_type = 0, .refs = 2, .vui = true},
		{.poc_type = 0, .refs = 2, .vui = true, .timing = true, .tick = 1, .scale = 50},
		{.refs = 4, .vui = true, .restriction = true, .reorder = 2, .buffering = 4},
		{.refs = 4, .vui = true, .hrd = true, .colour = true},
		{.profile = 66, .constraints = 0xc0, .refs = 1},
		{.profile = 77, .constraints = 0x80, .refs = 1}, /* Baseline as well, it says */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct h264_stream stream = stream_of(&cases[i]);
		struct sent sent = send(&stream);
		assert_int_equal(sent.rewritten, 1);
		assert_int_equal(sent.idr->format.decoder_delay_frames, 0);
		assert_int_equal(sps_decoder_delay(&sent.sps), 0);
		assert_true(sent.sps.max_dec_frame_buffering >= sent.sps.num_ref_frames);
		assert_int_equal(sent.sps.num_ref_frames, cases[i].refs);
		assert_same_pictures(&stream, sent.idr);
		au_unref(sent.idr);
	}
}

static void sps_that_holds_nothing_back_or_may_have_b_stays(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		struct h264_sps sps;
		unsigned delay;
	} cases[] = {
		{{.poc_type = 2, .refs = 1}, 0},
		{{.vui = true, .restriction = true, .buffering = 1, .refs = 1}, 0},
		{{.profile = 77, .poc_type = 2, .refs = 1}, 0},
		{{.profile = 77, .refs = 1}, 16},
		{{.profile = 88, .refs = 1}, 16},
		{{.profile = 77, .vui = true, .restriction = true, .reorder = 2, .buffering = 3},
		 2},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct h264_stream stream = stream_of(&cases[i].sps);
		struct sent sent = send(&stream);
		const uint8_t *pos = stream.bytes;
		struct nal nal;
		assert_int_equal(sent.rewritten, 0);
		assert_int_equal(sent.idr->format.decoder_delay_frames, cases[i].delay);
		assert_true(nal_next(&pos, stream.bytes + stream.size, &nal));
		assert_memory_equal(sent.idr->data + NAL_START_CODE_BYTES, nal.data, nal.size);
		au_unref(sent.idr);
	}
}

static const struct h264_sps late_sps = {.poc_type = 0, .refs = 1};

static void rewritten_sps_that_comes_again_is_not_news(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = stream_of(&late_sps);

	h264_sps(&s, &late_sps);
	h264_slice(&s, &late_sps, &pps0, &(struct h264_slice){.frame_num = 2, .poc_lsb = 4});
	assert_splits(&s, "I7,8,5 P1 P1 ");
}

static void every_idr_gets_the_rewritten_sps(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = stream_of(&late_sps);
	struct splitter *splitter = splitter_new();
	struct au *au;

	for (unsigned i = 1; i < 4; i++)
		h264_slice(&s, &late_sps, &pps0,
			   &(struct h264_slice){.idr = true, .idr_pic_id = i});
	splitter_feed(splitter, s.bytes, s.size);
	splitter_flush(splitter);
	for (unsigned i = 0; i < 5; i++) {
		const uint8_t *pos;
		struct nal nal;
		struct sps sps;
		assert_int_equal(splitter_collect(splitter, &au), 0);
		pos = au->data;
		assert_true(nal_next(&pos, au->data + au->size, &nal));
		if (i != 1) {
			assert_int_equal(sps_read(nal.data, nal.size, &sps), 0);
			assert_int_equal(sps_decoder_delay(&sps), 0);
		}
		assert_int_equal(au->format.decoder_delay_frames, 0);
		au_unref(au);
	}
	splitter_free(splitter);
}

static void sps_that_changes_without_an_idr_drops_to_the_next(void **state)
{
	UNUSED_STATE(state);
	const struct h264_sps larger = {.poc_type = 2,
					.refs = 1,
					.mbs_across = 8,
					.log2_max_frame_num = 8};
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	put_p(&s, 1);
	h264_sps(&s, &larger);
	put_p(&s, 2);
	put_p(&s, 3);
	h264_slice(&s, &larger, &pps0, &(struct h264_slice){.idr = true});
	h264_slice(&s, &larger, &pps0, &(struct h264_slice){.frame_num = 1});
	assert_splits(&s, "I7,8,5 P1 I!7,8,5 P1 ");
}

static void pps_that_contradicts_the_one_before_is_sent_before_its_use(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	h264_pps(&s, &(struct h264_pps){.qp = 5});
	put_p(&s, 1);
	h264_pps(&s, &(struct h264_pps){.qp = 6});
	h264_pps(&s, &pps0);
	put_p(&s, 2);
	put_idr(&s);
	assert_splits(&s, "I7,8,5 P8,1 P8,1 I7,8,5 ");
}

static void new_size_comes_with_its_idr(void **state)
{
	UNUSED_STATE(state);
	const struct h264_sps larger = {.poc_type = 2, .refs = 1, .mbs_across = 8};
	struct splitter *splitter = splitter_new();
	struct h264_stream s = {.size = 0};
	static const unsigned widths[] = {64, 64, 128, 128};
	struct au *au;

	put_sets(&s);
	put_idr(&s);
	put_p(&s, 1);
	h264_sps(&s, &larger);
	h264_pps(&s, &pps0);
	put_idr(&s);
	put_p(&s, 1);
	splitter_feed(splitter, s.bytes, s.size);
	splitter_flush(splitter);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(splitter_collect(splitter, &au), 0);
		assert_int_equal(au->format.width, widths[i]);
		au_unref(au);
	}
	splitter_free(splitter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sps_that_holds_back_is_rewritten),
		cmocka_unit_test(sps_that_holds_nothing_back_or_may_have_b_stays),
		cmocka_unit_test(rewritten_sps_that_comes_again_is_not_news),
		cmocka_unit_test(every_idr_gets_the_rewritten_sps),
		cmocka_unit_test(sps_that_changes_without_an_idr_drops_to_the_next),
		cmocka_unit_test(pps_that_contradicts_the_one_before_is_sent_before_its_use),
		cmocka_unit_test(new_size_comes_with_its_idr),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
