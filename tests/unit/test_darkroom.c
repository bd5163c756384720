#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/util.h"
#include "streamer/darkroom.h"
#include "streamer/jpeg.h"
#include "streamer/photo.h"
#include "tests/unit/h264_file.h"
#include "tests/unit/scene.h"

#define WIDTH   160
#define HEIGHT  120
#define WAIT_MS 20000

struct room {
	struct darkroom *darkroom;
	struct scene scene;
};

static int set_up(void **state)
{
	struct room *room = calloc(1, sizeof(*room));
	struct error err = {0};

	assert_non_null(room);
	scene_init(&room->scene, WIDTH, HEIGHT);
	assert_int_equal(darkroom_new(&room->darkroom, &err), 0);
	*state = room;
	return 0;
}

static int tear_down(void **state)
{
	struct room *room = *state;

	darkroom_free(room->darkroom);
	scene_clear(&room->scene);
	free(room);
	return 0;
}

static void offer_with(struct room *room, int64_t pts_us, const uint8_t *jpeg, size_t jpeg_size)
{
	scene_draw(&room->scene);
	struct frame frame = scene_frame(&room->scene);
	frame.pts_us = pts_us;
	frame.jpeg = jpeg;
	frame.jpeg_size = jpeg_size;
	darkroom_offer(room->darkroom, &frame, JFIF_FROM_BT601);
}

static void offer(struct room *room, int64_t pts_us)
{
	offer_with(room, pts_us, NULL, 0);
}

static void ask(struct room *room, unsigned quality, bool ongoing)
{
	const struct darkroom_wish wish = {1, {(uint8_t)quality}, ongoing};

	darkroom_ask(room->darkroom, &wish);
}

static struct darkroom_print *wait_for_print(struct room *room)
{
	struct darkroom_print *print;

	while ((print = darkroom_take(room->darkroom)) == NULL) {
		struct pollfd fd = {.fd = darkroom_fd(room->darkroom), .events = POLLIN};
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
	}
	return print;
}

/* How often the thread was on a processor; it sleeps now, or -1. */
static long wakeups_of_thread(void)
{
	DIR *tasks = opendir("/proc/self/task");
	long wakeups = -1;

	assert_non_null(tasks);
	for (const struct dirent *task; (task = readdir(tasks)) != NULL;) {
		char path[300], line[128], name[32] = "", sleeping = '?';
		long count = 0;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
		FILE *file = task->d_name[0] != '.' ? fopen(path, "re") : NULL;
		while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
			sscanf(line, "Name: %31s", name);
			sscanf(line, "State: %c", &sleeping);
			sscanf(line, "voluntary_ctxt_switches: %ld", &count);
		}
		if (file != NULL)
			fclose(file);
		if (strcmp(name, "jpeg") == 0 && sleeping == 'S')
			wakeups = count;
	}
	closedir(tasks);
	return wakeups;
}

static void nothing_is_done_while_nobody_asks(void **state)
{
	struct room *room = *state;
	long before;

	while ((before = wakeups_of_thread()) < 0)
		poll(NULL, 0, 1);
	for (int i = 0; i < 300; i++)
		offer(room, i);
	assert_int_equal(wakeups_of_thread(), before);
	assert_null(darkroom_take(room->darkroom));
	ask(room, 80, false);
	darkroom_ask(room->darkroom, &(struct darkroom_wish){.count = 0});
	for (int i = 0; i < 300; i++)
		offer(room, i);
	assert_int_equal(wakeups_of_thread(), before);
}

static void who_asks_once_is_given_the_next_picture_alone(void **state)
{
	struct room *room = *state;

	offer(room, 1);
	for (int64_t pts_us = 2; pts_us < 20; pts_us += 2) {
		ask(room, 80, false);
		offer(room, pts_us);
		offer(room, pts_us + 1);
		struct darkroom_print *print = wait_for_print(room);
		assert_int_equal(print->captured_us, pts_us);
		assert_int_equal(print->quality, 80);
		assert_int_equal(print->error.code, 0);
		assert_memory_equal(print->bytes, "\xff\xd8\xff", 3);
		assert_memory_equal(print->bytes + print->size - 2, "\xff\xd9", 2);
		darkroom_print_unref(print);
		assert_null(darkroom_take(room->darkroom));
	}
}

static void the_newest_picture_takes_the_place_of_older_ones(void **state)
{
	struct room *room = *state;
	int64_t seen_us = -1;

	ask(room, 80, true);
	for (int64_t i = 0; i < 500; i++)
		offer(room, i);
	while (seen_us < 499) {
		struct darkroom_print *print = wait_for_print(room);
		assert_true(print->captured_us > seen_us);
		seen_us = print->captured_us;
		darkroom_print_unref(print);
	}
}

static void several_qualities_are_made_of_one_picture(void **state)
{
	struct room *room = *state;

	darkroom_ask(room->darkroom, &(struct darkroom_wish){2, {90, 10}, false});
	offer(room, 5);
	struct darkroom_print *fine = wait_for_print(room), *coarse = wait_for_print(room);
	assert_int_equal(fine->quality, 90);
	assert_int_equal(coarse->quality, 10);
	assert_int_equal(fine->captured_us, 5);
	assert_int_equal(coarse->captured_us, 5);
	assert_true(fine->size > coarse->size);
	darkroom_print_unref(fine);
	darkroom_print_unref(coarse);
}

/* A camera's own JPEG: finer than any that is made without being asked for. */
static size_t make_own(const struct room *room, uint8_t *out)
{
	struct jpeg_encoder *encoder = jpeg_encoder_new();
	struct error err = {0};
	size_t size;

	assert_non_null(encoder);
	assert_int_equal(jpeg_encode(encoder, room->scene.canvas.data, WIDTH, HEIGHT, 97, out,
				     &size, &err),
			 0);
	jpeg_encoder_free(encoder);
	return size;
}

static void the_camera_s_own_jpeg_is_handed_on_byte_by_byte(void **state)
{
	static uint8_t own[WIDTH * HEIGHT * 3];
	struct room *room = *state;

	scene_draw(&room->scene);
	size_t size = make_own(room, own);
	for (int64_t pts_us = 1; pts_us < 5; pts_us++) {
		ask(room, DARKROOM_AS_IT_IS, pts_us > 2);
		memset(own + size, 0, 100); /* padding, which stays behind */
		offer_with(room, pts_us, own, size + 100);
		struct darkroom_print *print = wait_for_print(room);
		assert_int_equal(print->captured_us, pts_us);
		assert_int_equal(print->quality, DARKROOM_AS_IT_IS);
		assert_int_equal(print->size, size);
		assert_memory_equal(print->bytes, own, size);
		darkroom_print_unref(print);
	}
}

static void jpeg_that_is_broken_is_made_anew(void **state)
{
	static uint8_t own[WIDTH * HEIGHT * 3];
	struct room *room = *state;

	scene_draw(&room->scene);
	size_t size = make_own(room, own);
	ask(room, DARKROOM_AS_IT_IS, false);
	offer_with(room, 1, own, size - 2); /* no EOI */
	struct darkroom_print *print = wait_for_print(room);
	assert_int_equal(print->error.code, 0);
	assert_memory_equal(print->bytes + print->size - 2, "\xff\xd9", 2);
	assert_true(print->size < size);
	darkroom_print_unref(print);
}

static void who_asks_for_a_quality_has_it_made_beside_the_camera_s_own(void **state)
{
	static uint8_t own[WIDTH * HEIGHT * 3];
	struct room *room = *state;

	scene_draw(&room->scene);
	size_t size = make_own(room, own);
	ask(room, 20, false);
	offer_with(room, 1, own, size);
	struct darkroom_print *coarse = wait_for_print(room);
	assert_int_equal(coarse->quality, 20);
	assert_true(coarse->size < size / 2);
	darkroom_ask(room->darkroom, &(struct darkroom_wish){2, {20, DARKROOM_AS_IT_IS}, false});
	offer_with(room, 2, own, size);
	struct darkroom_print *first = wait_for_print(room), *second = wait_for_print(room);
	assert_int_equal(first->quality, 20);
	assert_int_equal(second->size, size);
	darkroom_print_unref(coarse);
	darkroom_print_unref(first);
	darkroom_print_unref(second);
}

/* Of the whole process, to make this many. */
static int64_t cpu_us_of_prints(struct room *room, unsigned quality, const uint8_t *own,
				size_t size, int count)
{
	const struct frame frame = scene_frame(&room->scene);
	struct frame with_own = frame;
	struct timespec before, after;

	with_own.jpeg = own;
	with_own.jpeg_size = size;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	for (int i = 0; i < count; i++) {
		ask(room, quality, false);
		darkroom_offer(room->darkroom, &with_own, JFIF_FROM_BT601);
		darkroom_print_unref(wait_for_print(room));
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	return ((int64_t)(after.tv_sec - before.tv_sec) * 1000000 +
		(after.tv_nsec - before.tv_nsec) / 1000) /
	       count;
}

static void handing_on_costs_less_than_making(void **state)
{
	static uint8_t own[1280 * 720 * 3];
	struct room *room = *state;
	struct jpeg_encoder *encoder = jpeg_encoder_new();
	struct error err = {0};
	size_t size;

	scene_clear(&room->scene);
	scene_init(&room->scene, 1280, 720);
	scene_draw(&room->scene);
	assert_int_equal(jpeg_encode(encoder, room->scene.canvas.data, 1280, 720, 90, own, &size,
				     &err),
			 0);
	jpeg_encoder_free(encoder);
	int64_t made_us = cpu_us_of_prints(room, PHOTO_QUALITY, own, size, 40);
	int64_t handed_us = cpu_us_of_prints(room, DARKROOM_AS_IT_IS, own, size, 40);
	print_message("# 1280x720, %zu bytes: %lld us of CPU to make a JPEG, %lld us to hand on "
		      "the camera's: 1/%.0f\n",
		      size, (long long)made_us, (long long)handed_us,
		      (double)made_us / (double)max_i64(handed_us, 1));
	assert_true(handed_us < made_us);
}

static void a_camera_that_gives_h264_is_said_to(void **state)
{
	struct room *room = *state;
	const uint8_t bytes[] = {0, 0, 0, 1};
	const struct frame frame = {.fourcc = FRAME_H264,
				    .plane_count = 1,
				    .plane = {{bytes, sizeof(bytes), 0, -1}}};

	ask(room, 80, false);
	darkroom_offer(room->darkroom, &frame, JFIF_FROM_BT601);
	struct darkroom_print *print = wait_for_print(room);
	assert_int_equal(print->error.code, -EOPNOTSUPP);
	assert_non_null(strstr(print->error.text, "H.264"));
	darkroom_print_unref(print);
}

#ifdef WITH_AVCODEC
/* Its first picture: 90x50. */
static struct au *read_idr(void)
{
	struct h264_file file = h264_file_read(DATA_DIR, "crop.h264");
	struct splitter *splitter = splitter_new();
	struct au *au;

	assert_non_null(file.bytes);
	assert_int_equal(splitter_feed(splitter, file.bytes, file.size), 0);
	assert_int_equal(splitter_collect(splitter, &au), 0);
	splitter_free(splitter);
	free(file.bytes);
	return au;
}

static void an_idr_is_developed_in_every_quality_that_is_asked_for(void **state)
{
	const struct darkroom_wish wish = {2, {DARKROOM_AS_IT_IS, 10}, false};
	struct room *room = *state;
	struct au *idr = read_idr();

	idr->pts_us = 7;
	darkroom_develop(room->darkroom, idr, 9, &wish);
	au_unref(idr); /* the darkroom's own reference holds it */
	for (unsigned i = 0; i < wish.count; i++) {
		struct darkroom_print *print = wait_for_print(room);
		assert_int_equal(print->error.code, 0);
		assert_int_equal(print->quality, wish.quality[i]);
		assert_int_equal(print->captured_us, 7);
		assert_int_equal(print->offered_us, 9);
		assert_memory_equal(print->bytes, "\xff\xd8\xff", 3);
		darkroom_print_unref(print);
	}
	/* Raw pictures go on, if they come. */
	ask(room, 80, false);
	offer(room, 11);
	struct darkroom_print *print = wait_for_print(room);
	assert_int_equal(print->captured_us, 11);
	darkroom_print_unref(print);
}

static void a_damaged_idr_is_an_error_in_words(void **state)
{
	const struct darkroom_wish wish = {1, {80}, false};
	struct room *room = *state;
	struct au *idr = read_idr();

	idr->size /= 2;
	darkroom_develop(room->darkroom, idr, 1, &wish);
	struct darkroom_print *print = wait_for_print(room);
	assert_int_equal(print->error.code, -EBADMSG);
	assert_non_null(strstr(print->error.text, "damaged"));
	darkroom_print_unref(print);
	/* The newest takes the place of what was not begun; what is left at the end is let go. */
	for (int i = 0; i < 20; i++)
		darkroom_develop(room->darkroom, idr, i, &wish);
	au_unref(idr);
}
#endif

static void it_ends_with_work_on_the_desk(void **state)
{
	struct room *room = *state;

	darkroom_ask(room->darkroom, &(struct darkroom_wish){4, {90, 10, 50, 70}, true});
	for (int i = 0; i < 20; i++)
		offer(room, i);
	darkroom_print_unref(wait_for_print(room));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_done_while_nobody_asks),
		TEST(who_asks_once_is_given_the_next_picture_alone),
		TEST(the_newest_picture_takes_the_place_of_older_ones),
		TEST(several_qualities_are_made_of_one_picture),
		TEST(the_camera_s_own_jpeg_is_handed_on_byte_by_byte),
		TEST(jpeg_that_is_broken_is_made_anew),
		TEST(who_asks_for_a_quality_has_it_made_beside_the_camera_s_own),
		TEST(handing_on_costs_less_than_making),
		TEST(a_camera_that_gives_h264_is_said_to),
#ifdef WITH_AVCODEC
		TEST(an_idr_is_developed_in_every_quality_that_is_asked_for),
		TEST(a_damaged_idr_is_an_error_in_words),
#endif
		TEST(it_ends_with_work_on_the_desk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
