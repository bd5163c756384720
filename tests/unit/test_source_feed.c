/* H.264 out of pipes: as it comes, to its end, and never from another time. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/lender.h"
#include "streamer/nal.h"
#include "streamer/source.h"
#include "streamer/source_feed.h"
#include "tests/unit/h264_write.h"
#include "tests/unit/quiet.h"
#include "tests/unit/splitter_show.h"

const struct source_ops *const source_backends[] = {NULL};

#define PATIENCE_MS    10000 /* only a broken build waits that long */
#define SLOW_FPS_MILLI 100   /* silence ends a picture after a second; no test waits for it */
#define FAST_FPS_MILLI 1000000
#define LONG_US        1000000000

static char dir[] = "/tmp/nalcast-test-XXXXXX";
static int writer = -1; /* of the pipe that the newest feed reads */

static void put(const void *data, size_t size)
{
	assert_int_equal(write(writer, data, size), size);
}

static void put_stream(const struct h264_stream *s)
{
	put(s->bytes, s->size);
}

static struct h264_stream idr_and_p(void)
{
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	put_p(&s, 1);
	return s;
}

static struct source *open_fd(int fd, unsigned fps_milli, int64_t silence_us)
{
	struct source_config cfg = {.device = "-", .fps_milli = fps_milli};
	struct source *src = NULL;
	struct error err = {0};

	if (source_feed_open(fd, &cfg, silence_us, &src, &err) < 0)
		fail_msg("%s", err.text);
	return src;
}

static int open_pipe(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	writer = fds[1];
	return fds[0];
}

static struct source *open_feed(unsigned fps_milli)
{
	return open_fd(open_pipe(), fps_milli, LONG_US);
}

static void close_feed(struct source *src)
{
	source_close(src);
	close_fd(&writer);
}

static int wait_frame(struct source *src, struct frame *ret_frame)
{
	int64_t deadline_us = clock_now_us() + PATIENCE_MS * 1000;
	int r;

	while ((r = source_dequeue(src, ret_frame)) == -EAGAIN) {
		struct pollfd pfd = {.fd = source_fd(src), .events = POLLIN};
		if (clock_now_us() > deadline_us || poll(&pfd, 1, PATIENCE_MS) != 1)
			fail_msg("no frame came");
	}
	return r;
}

/* The next frame's NAL unit types, as in "7,8,5"; given back at once. */
static void assert_frame(struct source *src, const char *types, unsigned flags)
{
	struct shown out = {.len = 0};
	struct frame frame;
	struct nal nal;

	assert_int_equal(wait_frame(src, &frame), 0);
	const uint8_t *pos = frame.plane[0].data;
	while (nal_next(&pos, frame.plane[0].data + frame.plane[0].size, &nal)) {
		char word[16];
		snprintf(word, sizeof(word), "%s%u", out.len > 0 ? "," : "", nal.type);
		show_text(&out, word);
	}
	assert_string_equal(out.text, types);
	assert_int_equal(frame.flags, flags);
	assert_int_equal(frame.width, 64);
	source_release(src, frame.index);
}

static void picture_is_lent_when_the_next_begins(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_feed(SLOW_FPS_MILLI);
	struct h264_stream s = idr_and_p();
	struct frame frame;

	put_stream(&s);
	assert_frame(src, "7,8,5", 0);
	assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
	close_feed(src);
}

static void delimiter_ends_a_picture_at_once(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_feed(SLOW_FPS_MILLI);
	struct h264_stream s = idr_and_p();

	h264_other(&s, AUD_HEADER, 1);
	put_stream(&s);
	assert_frame(src, "7,8,5", 0);
	assert_frame(src, "1", 0);
	close_feed(src);
}

static void last_picture_of_a_burst_is_ended_by_silence(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_feed(FAST_FPS_MILLI);
	struct h264_stream s = idr_and_p(), more = {.size = 0};

	put_stream(&s);
	assert_frame(src, "7,8,5", 0);
	assert_frame(src, "1", 0);
	for (unsigned i = 2; i < 5; i++) {
		more.size = 0;
		put_p(&more, i);
		put_stream(&more);
		assert_frame(src, "1", 0);
	}
	close_feed(src);
}

static void pictures_are_dated_when_they_came(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_feed(FAST_FPS_MILLI);
	struct h264_stream s = idr_and_p();
	struct frame idr, p;

	int64_t before_us = clock_now_us();
	put_stream(&s);
	assert_int_equal(wait_frame(src, &idr), 0);
	int64_t read_us = clock_now_us();
	assert_int_equal(wait_frame(src, &p), 0);
	assert_true(idr.pts_us >= before_us && idr.pts_us <= read_us);
	assert_true(p.pts_us > idr.pts_us && p.pts_us <= read_us);
	close_feed(src);
}

static void rest_of_a_picture_that_came_late_is_dropped_to_the_next_idr(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_feed(FAST_FPS_MILLI);
	struct h264_stream s = {.size = 0};

	put_sets(&s);
	put_idr(&s);
	h264_slice(&s, &sps0, &pps0, &(struct h264_slice){.frame_num = 1, .data_bytes = 300});
	size_t half = s.size - 100;
	put(s.bytes, half);
	assert_frame(src, "7,8,5", 0);
	assert_frame(src, "1", 0); /* cut, which nobody can see */
	put_p(&s, 2);
	put_idr(&s);
	h264_other(&s, AUD_HEADER, 1);
	put(s.bytes + half, s.size - half);
	assert_frame(src, "7,8,5", FRAME_DISCONTINUITY);
	assert_int_equal(source_dropped(src), 1);
	close_feed(src);
}

/* The first IDR is the only one with an SEI. */
static void put_old_pictures(size_t size)
{
	struct h264_stream s = {.size = 0};
	unsigned frame_num = 0;

	put_sets(&s);
	h264_other(&s, SEI_HEADER, 5);
	put_idr(&s);
	put_stream(&s);
	for (size_t done = s.size; done < size; done += s.size) {
		s.size = 0;
		frame_num = (frame_num + 1) % 16;
		h264_slice(&s, &sps0, &pps0,
			   &(struct h264_slice){.frame_num = frame_num, .data_bytes = 900});
		put_stream(&s);
	}
}

static void what_waited_in_a_full_pipe_is_old(void **state)
{
	UNUSED_STATE(state);
	int fd = open_pipe();
	struct h264_stream s = {.size = 0};
	struct frame frame;

	put_old_pictures(40000);
	struct source *src = open_fd(fd, SLOW_FPS_MILLI, LONG_US);
	assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
	put_p(&s, 3); /* of the old ones: nothing that is lent refers to them */
	put_sets(&s);
	put_idr(&s);
	put_p(&s, 1);
	put_stream(&s);
	assert_frame(src, "7,8,5", FRAME_DISCONTINUITY);
	close_feed(src);
}

static void what_waited_in_a_pipe_with_room_is_not(void **state)
{
	UNUSED_STATE(state);
	int fd = open_pipe();

	put_old_pictures(3000);
	struct source *src = open_fd(fd, SLOW_FPS_MILLI, LONG_US);
	assert_frame(src, "7,8,6,5", 0);
	close_feed(src);
}

static void end_of_the_feed_is_told_after_its_last_picture(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_feed(SLOW_FPS_MILLI);
	struct h264_stream s = idr_and_p();
	struct frame frame;

	put_stream(&s);
	close_fd(&writer);
	assert_frame(src, "7,8,5", 0);
	assert_frame(src, "1", 0);
	assert_int_equal(wait_frame(src, &frame), -ENODEV);
	assert_string_equal(source_reason(src), "standard input: the feed ended");
	source_close(src);
}

static void silence_is_a_loss(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = idr_and_p();
	struct frame frame;

	struct source *src = open_fd(open_pipe(), FAST_FPS_MILLI, 20000);
	assert_int_equal(wait_frame(src, &frame), -ETIMEDOUT);
	assert_non_null(strstr(source_reason(src), "nobody writes"));
	close_feed(src);

	src = open_fd(open_pipe(), FAST_FPS_MILLI, 20000);
	put_stream(&s);
	for (int frames = 0; wait_frame(src, &frame) == 0; frames++)
		assert_true(frames < 2);
	assert_non_null(strstr(source_reason(src), "nothing comes any more"));
	close_feed(src);
}

static void feed_waits_without_spinning_while_everything_is_lent(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_feed(SLOW_FPS_MILLI);
	struct h264_stream s = idr_and_p();
	struct frame frame, first;

	for (unsigned i = 2; i < LENDER_MAX + 4; i++)
		put_p(&s, i);
	put_stream(&s);
	assert_int_equal(wait_frame(src, &first), 0);
	for (unsigned i = 1; i < LENDER_MAX; i++)
		assert_int_equal(wait_frame(src, &frame), 0);
	assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
	put_stream(&s);
	struct pollfd pfd = {.fd = source_fd(src), .events = POLLIN};
	assert_int_equal(poll(&pfd, 1, 50), 0);
	source_release(src, first.index);
	assert_frame(src, "1", 0);
	close_feed(src);
}

static void garbage_is_read_away_and_pictures_follow(void **state)
{
	UNUSED_STATE(state);
	struct source *src = open_feed(SLOW_FPS_MILLI);
	struct h264_stream s = idr_and_p();
	uint8_t garbage[4000];
	struct frame frame;

	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (uint8_t)(i * 7919 >> 3);
	put(garbage, sizeof(garbage));
	assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
	put_stream(&s);
	assert_int_equal(wait_frame(src, &frame), 0);
	assert_int_equal(frame.width, 64);
	close_feed(src);
}

static void socket_is_a_feed_as_well(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = idr_and_p();
	struct frame frame;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	writer = fds[1];
	struct source *src = open_fd(fds[0], SLOW_FPS_MILLI, LONG_US);
	put_stream(&s);
	close_fd(&writer);
	assert_frame(src, "7,8,5", 0);
	assert_frame(src, "1", 0);
	assert_int_equal(wait_frame(src, &frame), -ENODEV);
	source_close(src);
}

/* ---- by the source 'file' */

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static struct source *open_device(const char *device)
{
	struct source_config cfg = {.fps_milli = SLOW_FPS_MILLI};
	struct source *src = NULL;
	struct error err = {0};

	snprintf(cfg.device, sizeof(cfg.device), "%s", device);
	if (source_open(&source_file_ops, &cfg, &src, &err) < 0)
		fail_msg("%s", err.text);
	return src;
}

static void fifo_is_looked_at_without_being_opened(void **state)
{
	UNUSED_STATE(state);
	struct source_caps caps;
	struct error err = {0};

	assert_int_equal(mkfifo(path_of("probed"), 0600), 0);
	assert_int_equal(source_probe(&source_file_ops, path_of("probed"), &caps, &err), 0);
	assert_string_equal(caps.name, "probed");
	assert_true(caps.encoded);
	assert_int_equal(caps.patience_ms, SOURCE_FEED_PATIENCE_MS);
	assert_int_equal(unlink(path_of("probed")), 0);
}

static void fifo_waits_for_its_writer_and_is_opened_again(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = idr_and_p();
	struct frame frame;

	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	for (int round = 0; round < 2; round++) {
		struct source *src = open_device(path_of("fifo"));
		assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
		writer = open(path_of("fifo"), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
		assert_true(writer >= 0);
		assert_int_equal(source_dequeue(src, &frame), -EAGAIN);
		put_stream(&s);
		assert_frame(src, "7,8,5", 0);
		close_fd(&writer);
		assert_frame(src, "1", 0);
		assert_int_equal(wait_frame(src, &frame), -ENODEV);
		assert_non_null(strstr(source_reason(src), path_of("fifo")));
		source_close(src);
	}
	assert_int_equal(unlink(path_of("fifo")), 0);
}

static void fifo_whose_writer_left_without_a_word_ended(void **state)
{
	UNUSED_STATE(state);
	struct frame frame;

	assert_int_equal(mkfifo(path_of("mute"), 0600), 0);
	struct source *src = open_device(path_of("mute"));
	close(open(path_of("mute"), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
	assert_int_equal(wait_frame(src, &frame), -ENODEV);
	source_close(src);
	assert_int_equal(unlink(path_of("mute")), 0);
}

/* fd takes the place of standard input, and is closed. */
static int replace_stdin(int fd)
{
	int before = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	close(fd);
	return before;
}

static void restore_stdin(int before)
{
	if (before >= 0)
		replace_stdin(before);
}

static void standard_input_is_a_feed_that_stays_open(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = idr_and_p();
	struct source_caps caps;
	struct error err = {0};
	struct frame frame;

	int before = replace_stdin(open_pipe());
	assert_int_equal(source_probe(&source_file_ops, "-", &caps, &err), 0);
	assert_string_equal(caps.name, "standard input");
	for (int round = 0; round < 2; round++) {
		struct source *src = open_device("-");
		put_stream(&s);
		assert_frame(src, "7,8,5", 0);
		source_close(src);
	}
	close_fd(&writer);
	struct source *src = open_device("-");
	assert_int_equal(wait_frame(src, &frame), -ENODEV);
	source_close(src);
	restore_stdin(before);
}

static void standard_input_may_be_a_recording(void **state)
{
	UNUSED_STATE(state);
	struct h264_stream s = idr_and_p();

	int fd = open(path_of("rec"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, s.bytes, s.size), s.size);
	int before = replace_stdin(fd);
	struct source_config cfg = {.device = "-", .fps_milli = FAST_FPS_MILLI};
	struct source *src = NULL;
	assert_int_equal(source_open(&source_file_ops, &cfg, &src, NULL), 0);
	for (int round = 0; round < 3; round++) {
		assert_frame(src, "7,8,5", 0);
		assert_frame(src, "1", 0);
	}
	source_close(src);
	restore_stdin(before);
	assert_int_equal(unlink(path_of("rec")), 0);
}

static void standard_input_without_anything_is_refused(void **state)
{
	UNUSED_STATE(state);
	struct source_config cfg = {.device = "-"};
	struct source *src = NULL;
	struct source_caps caps;
	struct error err = {0};

	int before = replace_stdin(open("/dev/null", O_RDONLY | O_CLOEXEC));
	assert_int_equal(source_probe(&source_file_ops, "-", &caps, &err), -EINVAL);
	assert_int_equal(source_open(&source_file_ops, &cfg, &src, &err), -EINVAL);
	assert_non_null(strstr(err.text, "standard input"));
	restore_stdin(before);
}

static int make_dir(void **state)
{
	UNUSED_STATE(state);
	log_set_hook(quiet);
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_dir(void **state)
{
	UNUSED_STATE(state);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picture_is_lent_when_the_next_begins),
		cmocka_unit_test(delimiter_ends_a_picture_at_once),
		cmocka_unit_test(last_picture_of_a_burst_is_ended_by_silence),
		cmocka_unit_test(pictures_are_dated_when_they_came),
		cmocka_unit_test(rest_of_a_picture_that_came_late_is_dropped_to_the_next_idr),
		cmocka_unit_test(what_waited_in_a_full_pipe_is_old),
		cmocka_unit_test(what_waited_in_a_pipe_with_room_is_not),
		cmocka_unit_test(end_of_the_feed_is_told_after_its_last_picture),
		cmocka_unit_test(silence_is_a_loss),
		cmocka_unit_test(feed_waits_without_spinning_while_everything_is_lent),
		cmocka_unit_test(garbage_is_read_away_and_pictures_follow),
		cmocka_unit_test(socket_is_a_feed_as_well),
		cmocka_unit_test(fifo_is_looked_at_without_being_opened),
		cmocka_unit_test(fifo_waits_for_its_writer_and_is_opened_again),
		cmocka_unit_test(fifo_whose_writer_left_without_a_word_ended),
		cmocka_unit_test(standard_input_is_a_feed_that_stays_open),
		cmocka_unit_test(standard_input_may_be_a_recording),
		cmocka_unit_test(standard_input_without_anything_is_refused),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
