/* The libcamera source with a nalcast-capture that does wrong, and without memory. */
#include "tests/unit/capture_open.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/util.h"

const struct source_ops *const source_backends[] = {&source_libcamera_ops, NULL};

static void open_fails(const char *what, int code, const char *why)
{
	struct source *src = NULL;
	struct error err = {0};

	play(what);
	assert_int_equal(open_with(ID, 30000, &src, &err), code);
	assert_null(src);
	says(err.text, why);
}

/* --- what can be wrong */

static void refusals_are_told(void **state)
{
	UNUSED_STATE(state);
	open_fails("refuse", -EBUSY, "libcamera: the camera is in use");
	open_fails("gone", -ENODEV, "libcamera: no such camera");
	open_fails("otherbuild", -EPROTO, "is of another build");
	open_fails("h264", -ENOTSUP, "pictures that nalcastd cannot use");
	open_fails("odd", -ENOTSUP, "321x240: only even sizes");
}

static void buffers_are_not_trusted(void **state)
{
	UNUSED_STATE(state);
	open_fails("nofd", -EPROTO, "no descriptor");
	open_fails("small", -EPROTO, "sends a buffer of 57600 bytes, not 115200");
	open_fails("unsealed", -EPROTO, "sends a buffer that could shrink");
	open_fails("twobuffers", -EPROTO, "out of turn");
	open_fails("badplanes", -EPROTO, "plane 0 of 'YU12' is too small for 320x240");
	/* Said to be a dma-buf, it is looked at all the same, and is none. */
	struct source *src = open_camera("lies");
	struct frame frame;
	expect_frame(src, &frame);
	assert_int_equal(frame.plane[0].dmabuf_fd, -1);
	source_release(src, frame.index);
	source_close(src);
}

static void loss_is_told_in_words(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *what;
		int code;
		const char *why;
	} losses[] = {
		{"exit=3", -EPIPE, "nalcast-capture ended with status 3"},
		{"segv=3", -EPIPE, "nalcast-capture was ended by SIGSEGV"},
		{"abort=3", -EPIPE, "nalcast-capture was ended by SIGABRT"},
		{"lost=3", -ENODEV, "libcamera: the camera was disconnected"},
		{"garbage=3", -EPROTO, "sends nonsense: 7 bytes that are no message"},
		{"short=3", -EPROTO, "sends nonsense: FRAME: 12 bytes"},
		{"index=3", -EPROTO, "sends nonsense: a frame in buffer 4 of 4"},
		{"twice=3", -EPROTO, "is ours already"},
		{"turn=3", -EPROTO, "out of turn"},
		{"fdframe=3", -EPROTO, "a descriptor with what is no buffer"},
		{"format=MJPG,bytes=3", -EPROTO, "bytes in a plane of"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		struct source *src = open_camera(losses[i].what);
		struct frame frame;
		int r;
		while ((r = dequeue(src, &frame)) == 0)
			source_release(src, frame.index);
		if (r != losses[i].code)
			fail_msg("%s: %d", losses[i].what, r);
		says(source_reason(src), losses[i].why);
		await_readable(source_fd(src)); /* it stays lost, and says so */
		assert_int_equal(source_dequeue(src, &frame), losses[i].code);
		assert_int_equal(set_control(src, "gain", 1, NULL), losses[i].code);
		source_close(src);
	}
}

static void what_is_lent_survives_its_helper(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_camera("segv=2");
	struct frame kept, frame;
	int r;

	expect_frame(src, &kept);
	uint32_t number = number_of(&kept);
	while ((r = dequeue(src, &frame)) == 0)
		source_release(src, frame.index);
	assert_int_equal(r, -EPIPE);
	assert_int_equal(number_of(&kept), number);
	source_release(src, kept.index);
	source_close(src);
}

static void hang_in_close_is_ended(void **state)
{
	UNUSED_STATE(state);
	int stop = eventfd(0, EFD_CLOEXEC);
	struct source *src = open_camera("hangclose");

	source_set_stop_fd(stop);
	eventfd_write(stop, 1); /* not to wait for all of the 5 s here */
	source_close(src);
	says(logged, "was ended by SIGKILL");
	close(stop);
}

static void opening_is_given_up_when_nalcastd_ends(void **state)
{
	UNUSED_STATE(state);
	static const char *const kinds[] = {"silent", "mute", "slow=60000", "nobuffers"};
	int stop = eventfd(1, EFD_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		source_set_stop_fd(stop);
		open_fails(kinds[i], -ECANCELED, "nalcastd is ending");
	}
	source_set_stop_fd(-1);
	close(stop);
}

/* --- without memory */

static uint32_t allocations_left = UINT32_MAX; /* until one fails */

static bool fails_now(void)
{
	return allocations_left != UINT32_MAX && allocations_left-- == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return fails_now() ? NULL : __real_reallocarray(old, count, size);
}

/* With counting down past 0 it is UINT32_MAX again: the one that was to fail had its turn. */
static bool had_its_turn(void)
{
	bool had = allocations_left == UINT32_MAX;

	allocations_left = UINT32_MAX;
	return had;
}

static void without_memory_it_says_so_and_leaves_nothing(void **state)
{
	UNUSED_STATE(state);
	static struct source_caps caps;
	uint32_t n = 0;
	int r;

	play("format=NV12");
	for (bool again = true; again; n++) {
		allocations_left = n;
		r = source_probe(ops, "", &caps, NULL);
		again = had_its_turn();
		assert_int_equal(r, again ? -ENOMEM : 0);
	}
	assert_in_range(n, 3, 20);
	n = 0;
	for (bool again = true; again; n++) {
		struct source *src = NULL;
		struct error err = {0};
		allocations_left = n;
		r = open_with("", 30000, &src, &err);
		again = had_its_turn();
		assert_int_equal(r, again ? -ENOMEM : 0);
		assert_true((src == NULL) == again && (err.text[0] != '\0') == again);
		source_close(src);
	}
	assert_in_range(n, 4, 20);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(refusals_are_told),
		TEST(buffers_are_not_trusted),
		TEST(loss_is_told_in_words),
		TEST(what_is_lent_survives_its_helper),
		TEST(hang_in_close_is_ended),
		TEST(opening_is_given_up_when_nalcastd_ends),
		TEST(without_memory_it_says_so_and_leaves_nothing),
	};

	return cmocka_run_group_tests_name("libcamera", tests, NULL, NULL);
}
