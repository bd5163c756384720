/* A test source and x264 joined, and changed while pictures flow. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "common/util.h"
#include "streamer/chain.h"
#include "streamer/nal.h"
#include "streamer/sps.h"

#define PATIENCE_MS 15000

const struct source_ops *const source_backends[] = {&source_test_ops, NULL};
const struct encoder_ops *const encoder_backends[] = {
#ifdef WITH_X264
	&encoder_x264_ops,
#endif
	NULL,
};

#ifdef WITH_X264

static struct encpick pick;
static struct chain *chain;
static struct chain_config cfg;
static struct au *made[8]; /* by one pump; [0] is the one that is looked at */
static unsigned made_count;
static unsigned since_idr; /* access units made, with the newest IDR */

static void on_au(void *arg, struct au *au)
{
	(void)arg;
	assert_true(made_count < ARRAY_SIZE(made));
	made[made_count++] = au;
	since_idr = au->flags & AU_IDR ? 1 : since_idr + 1;
}

static void drop_made(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		au_unref(made[i]);
	made_count -= count;
	memmove(made, made + count, made_count * sizeof(made[0]));
}

static const struct au *next_au(void)
{
	struct error err = {0};

	drop_made(made_count > 0);
	while (made_count == 0) {
		struct pollfd fds[CHAIN_FDS];
		chain_poll_fds(chain, fds);
		assert_true(poll(fds, CHAIN_FDS, PATIENCE_MS) > 0);
		assert_true(chain_pump(chain, false, on_au, NULL, &err) >= 0);
	}
	return made[0];
}

/* On a busy machine a pump makes several: what was made before is not of the change. */
static int change(const struct chain_config *wanted, struct error *err)
{
	drop_made(made_count);
	return chain_change(chain, wanted, err);
}

static unsigned fps_milli_of(const struct au *au)
{
	const uint8_t *pos = au->data;
	struct nal nal;
	struct sps sps;

	while (nal_next(&pos, au->data + au->size, &nal))
		if (nal.type == NAL_SPS && sps_read(nal.data, nal.size, &sps) == 0)
			return sps_fps_milli(&sps);
	return 0;
}

static int set_up(void **state)
{
	struct error err = {0};

	UNUSED_STATE(state);
	cfg = (struct chain_config){
		.source = &source_test_ops,
		.picture = {.width = 320, .height = 240, .fps_milli = 30000},
		.encoder = "auto",
		.pick = &pick,
		.bitrate_bps = 500000,
		.gop_frames = 1000,
	};
	assert_int_equal(chain_open(&cfg, &chain, &err), 0);
	assert_int_equal(next_au()->flags, AU_IDR);
	assert_int_equal(next_au()->flags, 0);
	return 0;
}

static int tear_down(void **state)
{
	UNUSED_STATE(state);
	chain_close(chain);
	drop_made(made_count);
	return 0;
}

static void bitrate_changes_without_an_idr(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};

	cfg.bitrate_bps = 250000;
	assert_int_equal(change(&cfg, &err), 0);
	assert_int_equal(next_au()->flags, 0);
	assert_int_equal(chain_set_rate(chain, 100000), 0);
	assert_int_equal(next_au()->flags, 0);
	memcpy(cfg.encoder, "x264", 5); /* it is, already */
	assert_int_equal(change(&cfg, &err), 0);
	assert_int_equal(next_au()->flags, 0);
}

static void bitrate_past_the_level_begins_with_an_idr(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};

	cfg.bitrate_bps = 50000000;
	assert_int_equal(change(&cfg, &err), 0);
	assert_int_equal(next_au()->flags, AU_IDR);
	assert_int_equal(next_au()->flags, 0);
}

static void gop_is_that_of_the_change(void **state)
{
	UNUSED_STATE(state);
	struct error err = {0};

	cfg.gop_frames = 4;
	assert_int_equal(change(&cfg, &err), 0);
	unsigned due = since_idr < 4 ? 4 - since_idr : 0;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(next_au()->flags, i % 4 == due % 4 && i >= due ? AU_IDR : 0);
}

static void frame_rate_is_in_the_next_sps(void **state)
{
	UNUSED_STATE(state);
	struct source_format format;
	struct error err = {0};

	cfg.picture.fps_milli = 12500;
	assert_int_equal(change(&cfg, &err), 0);
	chain_get_format(chain, &format);
	assert_int_equal(format.fps_milli, 12500);
	const struct au *au = next_au();
	assert_int_equal(au->flags, AU_IDR);
	assert_int_equal(au->format.fps_milli, 12500);
	assert_int_equal(fps_milli_of(au), 12500);
	assert_int_equal(next_au()->flags, 0);
}

static void what_cannot_be_done_leaves_it_running_as_it_was(void **state)
{
	UNUSED_STATE(state);
	struct chain_config wanted = cfg;
	struct error err = {0};

	wanted.bitrate_bps = 1;
	assert_int_equal(change(&wanted, &err), -EINVAL);
	assert_true(err.text[0] != '\0');
	wanted = cfg;
	wanted.picture.fps_milli = 12500;
	wanted.gop_frames = 0;
	assert_int_equal(change(&wanted, &err), -EINVAL);
	wanted = cfg;
	memcpy(wanted.encoder, "none", 5);
	assert_int_equal(change(&wanted, &err), -ENOENT);
	wanted = cfg;
	wanted.picture.width = 640;
	wanted.picture.height = 480;
	assert_int_equal(change(&wanted, &err), -ENOTSUP);
	struct source_format format;
	chain_get_format(chain, &format);
	assert_int_equal(format.fps_milli, 30000);
	const struct au *au = next_au();
	assert_int_equal(au->flags, 0);
	assert_int_equal(au->format.fps_milli, 30000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bitrate_changes_without_an_idr),
		TEST(bitrate_past_the_level_begins_with_an_idr),
		TEST(gop_is_that_of_the_change),
		TEST(frame_rate_is_in_the_next_sps),
		TEST(what_cannot_be_done_leaves_it_running_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void chain_tests_need_x264(void **state)
{
	UNUSED_STATE(state);
	print_message("# this build has no x264\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_tests_need_x264),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
