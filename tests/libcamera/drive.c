/* drive PROGRAM: nalcast-capture and libcamera's virtual camera, which shows colour bars. TAP. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"
#include "tests/libcamera/peer.h"

#define CAMERA "Virtual0"

static const char *program;
static unsigned failures;

#define expect(condition)                                                                \
	do {                                                                             \
		if (!(condition)) {                                                      \
			printf("# %s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			failures++;                                                      \
		}                                                                        \
	} while (0)

static bool open_camera(struct peer *h, unsigned width, unsigned height, unsigned fps_milli,
			struct camera *camera)
{
	struct error err = {0};

	if (!peer_start(program, h)) {
		failures++;
		return false;
	}
	if (peer_open(h, CAMERA, width, height, fps_milli, camera, &err) == 0)
		return true;
	printf("# open: %s\n", err.text);
	failures++;
	camera_clear(camera);
	peer_close(h);
	return false;
}

static void close_camera(struct peer *h, struct camera *camera)
{
	int status = peer_close(h);

	expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	camera_clear(camera);
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --- what is there */

static void list_names_the_camera_its_sizes_and_rates(void)
{
	const struct capproto_list list = {CAPPROTO_LIST};
	union capproto_message msg;
	struct peer h;

	if (!peer_start(program, &h)) {
		failures++;
		return;
	}
	peer_send(&h, &list, sizeof(list));
	expect(peer_expect(&h, CAPPROTO_CAMERA, &msg));
	expect(strcmp(msg.camera.caps.id, CAMERA) == 0);
	expect(strcmp(msg.camera.caps.backend, "libcamera") == 0);
	expect(msg.camera.caps.name[0] != '\0');
	expect(msg.camera.caps.mode_count == 2);
	for (unsigned i = 0; i < msg.camera.caps.mode_count; i++) {
		const struct source_mode *mode = &msg.camera.caps.modes[i];
		expect(mode->width_min == mode->width_max && mode->height_min == mode->height_max);
		expect(mode->width_min == 640 || mode->width_min == 1280);
		expect(mode->fps_max_milli >= 29990 && mode->fps_max_milli <= 30010);
	}
	expect(peer_expect(&h, CAPPROTO_LISTED, &msg));
	expect(msg.listed.count == 1);
	expect(peer_close(&h) == 0);
}

static void refused(const char *id, unsigned width, unsigned height, int code, const char *word)
{
	struct camera camera;
	struct peer h;
	struct error err = {0};

	if (!peer_start(program, &h)) {
		failures++;
		return;
	}
	expect(peer_open(&h, id, width, height, 0, &camera, &err) == code);
	expect(strstr(err.text, word) != NULL);
	printf("# %s\n", err.text);
	camera_clear(&camera);
	expect(peer_close(&h) == 0);
}

static void no_such_camera_is_refused_with_the_names_of_others(void)
{
	refused("nobody", 0, 0, -ENODEV, CAMERA);
}

static void no_such_size_is_refused_with_one_that_is(void)
{
	refused(CAMERA, 322, 240, -EINVAL, "1280x720");
}

/* --- pictures */

static void buffers_come_with_descriptors_that_hold_their_planes(void)
{
	struct camera camera;
	struct peer h;

	if (!open_camera(&h, 640, 480, 30000, &camera))
		return;
	const struct capproto_opened *opened = &camera.opened;
	expect(opened->fourcc == FRAME_FOURCC('N', 'V', '1', '2'));
	expect(opened->width == 640 && opened->height == 480);
	expect(opened->fps_milli == 30000);
	expect(opened->plane_count == 2);
	expect(opened->buffer_count >= 3);
	expect(opened->plane[0].size >= 640 * 480 && opened->plane[0].stride >= 640);
	expect(opened->plane[1].size >= 640 * 240 && opened->plane[1].stride >= 640);
	for (unsigned i = 0; i < opened->buffer_count; i++) {
		off_t size = lseek(camera.buffer_fd[i], 0, SEEK_END);
		expect(size >= (off_t)camera.buffer[i].bytes);
		expect(camera.buffer[i].dmabuf == 0); /* it is a memfd in disguise */
		for (unsigned p = 0; p < opened->plane_count; p++)
			expect(opened->plane[p].offset + opened->plane[p].size <=
			       camera.buffer[i].bytes);
	}
	close_camera(&h, &camera);
}

static void a_camera_without_wishes_takes_the_usual_size(void)
{
	struct camera camera;
	struct peer h;

	if (!open_camera(&h, 0, 0, 0, &camera))
		return;
	expect(camera.opened.width == 1280 && camera.opened.height == 720);
	expect(camera.opened.fps_milli >= 29990 && camera.opened.fps_milli <= 30010);
	close_camera(&h, &camera);
}

static void a_hundred_pictures_come_in_order(void)
{
	struct capproto_frame frame, before = {0};
	struct camera camera;
	struct peer h;

	if (!open_camera(&h, 640, 480, 0, &camera))
		return;
	for (unsigned i = 0; i < 100; i++) {
		if (!peer_picture(&h, &camera, -1, &frame)) {
			expect(!"a picture");
			break;
		}
		int64_t age_us = now_us() - frame.pts_us;
		expect(i == 0 || frame.sequence > before.sequence);
		expect(i == 0 || frame.pts_us >= before.pts_us);
		expect(frame.bytes == 0);
		expect(age_us >= 0 && age_us < 60000000);
		before = frame;
		peer_done(&h, &camera, frame.index);
	}
	close_camera(&h, &camera);
}

/* White to black, as BT.601 has them; the virtual camera moves them to the left. */
static const struct bar {
	uint8_t y, cb, cr;
} bars[] = {
	{235, 128, 128}, {210, 16, 146}, {170, 166, 16}, {145, 54, 34},
	{106, 202, 222}, {81, 90, 240},  {41, 240, 110}, {16, 128, 128},
};

static bool is_near(int a, int b)
{
	return abs(a - b) <= 4;
}

/* The bar of pixel x, or the number of bars. */
static unsigned bar_at(const struct capproto_opened *opened, const uint8_t *data, unsigned x,
		       unsigned row)
{
	const uint8_t *y = data + opened->plane[0].offset + row * opened->plane[0].stride;
	const uint8_t *c = data + opened->plane[1].offset + row / 2 * opened->plane[1].stride;
	unsigned i = 0;

	while (i < ARRAY_SIZE(bars) &&
	       !(is_near(y[x], bars[i].y) && is_near(c[x / 2 * 2], bars[i].cb) &&
		 is_near(c[x / 2 * 2 + 1], bars[i].cr)))
		i++;
	return i;
}

/* Each bar is followed by the next, but for a pixel or two at their edges; all are there. */
static void expect_bars(const struct capproto_opened *opened, const uint8_t *data, unsigned row)
{
	unsigned seen = 0, strange = 0, out_of_order = 0, last = ARRAY_SIZE(bars);

	for (unsigned x = 0; x < opened->width; x++) {
		unsigned bar = bar_at(opened, data, x, row);
		if (bar == ARRAY_SIZE(bars)) {
			strange++;
			continue;
		}
		out_of_order += last < ARRAY_SIZE(bars) && bar != last &&
				bar != (last + 1) % ARRAY_SIZE(bars);
		seen |= 1U << bar;
		last = bar;
	}
	expect(seen == (1U << ARRAY_SIZE(bars)) - 1);
	expect(strange <= 4 * ARRAY_SIZE(bars));
	expect(out_of_order == 0);
}

static void pictures_show_the_colour_bars(void)
{
	struct capproto_frame frame;
	struct camera camera;
	struct peer h;

	if (!open_camera(&h, 1280, 720, 0, &camera))
		return;
	for (unsigned i = 0; i < 20; i++) {
		if (!peer_picture(&h, &camera, -1, &frame)) {
			expect(!"a picture");
			break;
		}
		expect_bars(&camera.opened, camera.map[frame.index], i * 37 % 720);
		peer_done(&h, &camera, frame.index);
	}
	close_camera(&h, &camera);
}

static void a_camera_whose_buffers_are_all_lent_waits_for_one(void)
{
	struct capproto_frame frame;
	struct camera camera;
	struct peer h;

	if (!open_camera(&h, 640, 480, 0, &camera))
		return;
	for (unsigned i = 0; i < camera.opened.buffer_count; i++)
		expect(peer_picture(&h, &camera, -1, &frame));
	expect(!peer_picture(&h, &camera, 200, &frame));
	for (unsigned i = 0; i < 10; i++) {
		peer_done(&h, &camera, 0);
		expect(peer_picture(&h, &camera, -1, &frame) && frame.index == 0);
	}
	close_camera(&h, &camera);
}

/* --- changes */

static bool source_has(const struct source_caps *caps, const char *name)
{
	for (unsigned i = 0; i < caps->control_count; i++)
		if (strcmp(caps->controls[i].name, name) == 0)
			return true;
	return false;
}

static void what_a_camera_has_not_is_refused_in_words(void)
{
	struct camera camera;
	struct peer h;
	struct error err = {0};

	if (!open_camera(&h, 640, 480, 0, &camera))
		return;
	expect(peer_control(&h, "brightness", 0.5, &err) == -ENOTSUP);
	expect(strstr(err.text, "brightness") != NULL);
	close_camera(&h, &camera);
}

/* The virtual camera of 0.4.0 promises to mirror, and does not; but it is stopped and started for
 * it like any other. */
static void a_mirrored_camera_goes_on_in_the_same_buffers(void)
{
	struct capproto_frame frame = {0};
	uint32_t before = 0;
	struct camera camera;
	struct peer h;
	struct error err = {0};

	if (!open_camera(&h, 640, 480, 0, &camera))
		return;
	if (source_has(&camera.caps, "hflip")) {
		expect(peer_picture(&h, &camera, -1, &frame)); /* kept */
		uint32_t kept = frame.index;
		for (unsigned round = 0; round < 4; round++) {
			expect(peer_control(&h, "hflip", round % 2 == 0, &err) == 0);
			expect(peer_picture(&h, &camera, -1, &frame) && frame.index != kept);
			expect(frame.sequence > before);
			before = frame.sequence;
			peer_done(&h, &camera, frame.index);
		}
		peer_done(&h, &camera, kept);
		for (unsigned i = 0; i < 2 * camera.opened.buffer_count; i++) {
			expect(peer_picture(&h, &camera, -1, &frame));
			peer_done(&h, &camera, frame.index);
		}
	} else {
		expect(peer_control(&h, "hflip", 1, &err) == -ENOTSUP);
	}
	close_camera(&h, &camera);
}

static void the_rate_changes_while_pictures_come(void)
{
	struct capproto_frame frame;
	struct camera camera;
	struct peer h;
	struct error err = {0};

	if (!open_camera(&h, 640, 480, 5000, &camera))
		return;
	expect(camera.opened.fps_milli == 5000);
	expect(peer_set_fps(&h, 30000, &err) == 0);
	expect(peer_set_fps(&h, 0, &err) == 0);
	for (unsigned i = 0; i < 10; i++) {
		if (peer_picture(&h, &camera, -1, &frame))
			peer_done(&h, &camera, frame.index);
		else
			expect(!"a picture");
	}
	close_camera(&h, &camera);
}

/* --- who does not behave */

static void a_second_open_is_refused(void)
{
	const struct capproto_open open = {.type = CAPPROTO_OPEN};
	union capproto_message msg = {0};
	struct camera camera;
	struct peer h;

	if (!open_camera(&h, 640, 480, 0, &camera))
		return;
	peer_send(&h, &open, sizeof(open));
	while (peer_receive(&h, 60000, &msg, NULL) && msg.type == CAPPROTO_FRAME)
		;
	expect(msg.type == CAPPROTO_RESULT && msg.result.code == -EALREADY);
	close_camera(&h, &camera);
}

static void nonsense_ends_the_helper_in_order(void)
{
	const uint32_t junk[] = {77, 1, 2};
	struct peer h;

	if (!peer_start(program, &h)) {
		failures++;
		return;
	}
	peer_send(&h, junk, sizeof(junk));
	int status = peer_wait(&h);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void a_buffer_given_back_twice_does_no_harm(void)
{
	struct capproto_frame frame;
	struct camera camera;
	struct peer h;

	if (!open_camera(&h, 640, 480, 0, &camera))
		return;
	for (unsigned i = 0; i < 10 && peer_picture(&h, &camera, -1, &frame); i++) {
		const struct capproto_done wild = {CAPPROTO_DONE, CAPPROTO_BUFFERS_MAX - 1};
		peer_send(&h, &wild, sizeof(wild));
		peer_done(&h, &camera, frame.index);
	}
	expect(peer_picture(&h, &camera, -1, &frame));
	close_camera(&h, &camera);
}

static void a_killed_helper_is_the_end_of_its_socket(void)
{
	struct capproto_frame frame;
	struct camera camera;
	struct peer h;

	if (!open_camera(&h, 640, 480, 0, &camera))
		return;
	expect(peer_picture(&h, &camera, -1, &frame));
	kill(h.pid, SIGKILL);
	while (peer_picture(&h, &camera, -1, &frame))
		;
	int status = peer_wait(&h);
	expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	camera_clear(&camera);
}

static void signals_meant_for_nalcastd_do_not_end_it(void)
{
	struct capproto_frame frame;
	struct camera camera;
	struct peer h;

	if (!open_camera(&h, 640, 480, 0, &camera))
		return;
	kill(h.pid, SIGTERM);
	kill(h.pid, SIGINT);
	for (unsigned i = 0; i < 10; i++) {
		expect(peer_picture(&h, &camera, -1, &frame));
		peer_done(&h, &camera, frame.index);
	}
	close_camera(&h, &camera);
}

/* --- rights and descriptors */

static bool status_says(pid_t pid, const char *line)
{
	char path[64], text[128];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	while (file != NULL && !found && fgets(text, sizeof(text), file) != NULL)
		found = strncmp(text, line, strlen(line)) == 0;
	if (file != NULL)
		fclose(file);
	return found;
}

static void it_keeps_no_rights_and_no_descriptors_of_ours(void)
{
	char path[64];
	struct camera camera;
	struct peer h;
	int stray = dup2(STDOUT_FILENO, 77); /* as one that somebody forgot to mark */

	if (!open_camera(&h, 640, 480, 0, &camera))
		return;
	expect(stray == 77);
	snprintf(path, sizeof(path), "/proc/%d/fd/77", (int)h.pid);
	expect(access(path, F_OK) < 0);
	expect(status_says(h.pid, "NoNewPrivs:\t1"));
	expect(status_says(h.pid, "CapPrm:\t0000000000000000"));
	expect(status_says(h.pid, "CapEff:\t0000000000000000"));
	expect(status_says(h.pid, "CapBnd:\t0000000000000000"));
	close_camera(&h, &camera);
	close_fd(&stray);
}

static unsigned count_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	while (folder != NULL && readdir(folder) != NULL)
		count++;
	if (folder != NULL)
		closedir(folder);
	return count;
}

static void twenty_lives_leave_nothing_behind(void)
{
	unsigned before = count_files();
	struct capproto_frame frame;
	struct camera camera;
	struct peer h;

	for (unsigned i = 0; i < 20; i++) {
		if (!open_camera(&h, 640, 480, 0, &camera))
			return;
		expect(peer_picture(&h, &camera, -1, &frame));
		if (i % 2 == 0) {
			close_camera(&h, &camera);
			continue;
		}
		kill(h.pid, SIGKILL);
		expect(WIFSIGNALED(peer_close(&h)));
		camera_clear(&camera);
	}
	expect(count_files() == before);
}

#define TEST(function)              \
	{                           \
#function, function \
	}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(list_names_the_camera_its_sizes_and_rates),
	TEST(no_such_camera_is_refused_with_the_names_of_others),
	TEST(no_such_size_is_refused_with_one_that_is),
	TEST(buffers_come_with_descriptors_that_hold_their_planes),
	TEST(a_camera_without_wishes_takes_the_usual_size),
	TEST(a_hundred_pictures_come_in_order),
	TEST(pictures_show_the_colour_bars),
	TEST(a_camera_whose_buffers_are_all_lent_waits_for_one),
	TEST(what_a_camera_has_not_is_refused_in_words),
	TEST(a_mirrored_camera_goes_on_in_the_same_buffers),
	TEST(the_rate_changes_while_pictures_come),
	TEST(a_second_open_is_refused),
	TEST(nonsense_ends_the_helper_in_order),
	TEST(a_buffer_given_back_twice_does_no_harm),
	TEST(a_killed_helper_is_the_end_of_its_socket),
	TEST(signals_meant_for_nalcastd_do_not_end_it),
	TEST(it_keeps_no_rights_and_no_descriptors_of_ours),
	TEST(twenty_lives_leave_nothing_behind),
};

int main(int argc, char **argv)
{
	unsigned failed = 0;

	if (argc != 2) {
		fprintf(stderr, "Usage: drive PROGRAM\n");
		return 2;
	}
	program = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		failures = 0;
		tests[i].run();
		printf("%s - %s\n", failures == 0 ? "ok" : "not ok", tests[i].name);
		failed += failures > 0;
	}
	return failed > 0;
}
