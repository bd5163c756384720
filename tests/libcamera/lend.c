/* Takes pictures that nalcast-capture lends, and tells what there is and a line a picture:
 *   control NAME MIN MAX DEFAULT
 *   picture SEQUENCE MEAN NUMBER
 * with the luma's mean, and the number that the test picture's clock holds, or - where none can be
 * read. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/util.h"
#include "streamer/pattern.h"
#include "tests/libcamera/peer.h"

#define TIMEOUT_MS   3000
#define CHANGES_MAX  8
#define CHANGE_EVERY 10 /* pictures */

enum status { /* that the program ends with */
	      LEND_OK,
	      LEND_FAILED,
	      LEND_USAGE,
	      LEND_GONE,    /* LOST */
	      LEND_TIMEOUT, /* no picture came */
	      LEND_REFUSED, /* to open */
	      LEND_DIED,    /* the helper, without a word */
};

struct lend {
	const char *program, *id;
	unsigned width, height;
	uint64_t wanted;                  /* pictures */
	const char *changes[CHANGES_MAX]; /* "brightness=0.5", one after the other */
	unsigned change_count, changed;
	uint8_t *luma;
};

static const char help[] =
	"Usage: lend [--pictures=N] [--change=CONTROL=VALUE]... PROGRAM ID WIDTH HEIGHT\n"
	"Makes a change after each 10 pictures. Ends with 3 when the camera is gone, 4 when no\n"
	"picture came for 3 s, 5 when it was not opened, 6 when the helper died.\n";

static bool luma_of(const struct lend *l, const struct camera *camera, uint32_t index)
{
	const struct capproto_opened *opened = &camera->opened;
	const uint8_t *data = camera->map[index] + opened->plane[0].offset;
	unsigned step = 1;

	if (opened->fourcc == FRAME_FOURCC('Y', 'U', 'Y', 'V'))
		step = 2;
	else if (opened->plane_count == 1)
		return false;
	for (unsigned y = 0; y < opened->height; y++)
		for (unsigned x = 0; x < opened->width; x++)
			l->luma[y * opened->width + x] =
				data[y * opened->plane[0].stride + x * step];
	return true;
}

static void tell_picture(const struct lend *l, const struct camera *camera,
			 const struct capproto_frame *frame)
{
	unsigned width = camera->opened.width, height = camera->opened.height;
	struct pattern_clock clock;
	uint64_t sum = 0;

	if (!luma_of(l, camera, frame->index)) {
		printf("picture %u - -\n", frame->sequence);
		return;
	}
	for (size_t i = 0; i < (size_t)width * height; i++)
		sum += l->luma[i];
	printf("picture %u %llu ", frame->sequence,
	       (unsigned long long)(sum / ((uint64_t)width * height)));
	if (pattern_read_clock(l->luma, width, width, height, &clock))
		printf("%u\n", clock.frame);
	else
		printf("-\n");
}

static void tell_camera(const struct camera *camera)
{
	const struct source_caps *caps = &camera->caps;
	const struct capproto_opened *opened = &camera->opened;

	printf("camera %s\n", caps->id);
	for (unsigned i = 0; i < caps->control_count; i++) {
		const struct source_control *control = &caps->controls[i];
		printf("control %s %g %g %g\n", control->name, control->min, control->max,
		       control->default_value);
	}
	printf("opened %.4s %ux%u, %u/1000 a second, %u buffers, %s\n",
	       (const char *)&opened->fourcc, opened->width, opened->height, opened->fps_milli,
	       opened->buffer_count, camera->buffer[0].dmabuf != 0 ? "dma-bufs" : "no dma-bufs");
}

static bool make_change(const struct peer *peer, const char *change)
{
	const char *equals = strchr(change, '=');
	struct error err = {0};
	char name[32];
	double value;

	if (equals == NULL || sscanf(equals + 1, "%lf", &value) != 1)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(equals - change), change);
	int r = peer_control(peer, name, value, &err);
	printf("change %s: %s\n", change, r == 0 ? "done" : err.text);
	return true;
}

static enum status take_pictures(struct lend *l, const struct peer *peer, struct camera *camera)
{
	union capproto_message msg;

	for (uint64_t i = 0; i < l->wanted; i++) {
		if (i > 0 && i % CHANGE_EVERY == 0 && l->changed < l->change_count &&
		    !make_change(peer, l->changes[l->changed++]))
			return LEND_USAGE;
		if (!peer_wait_readable(peer, TIMEOUT_MS))
			return LEND_TIMEOUT;
		if (!peer_receive(peer, 0, &msg, NULL))
			return LEND_DIED;
		if (msg.type == CAPPROTO_LOST) {
			printf("lost %d %s\n", msg.result.code, msg.result.text);
			return LEND_GONE;
		}
		if (msg.type != CAPPROTO_FRAME || msg.frame.index >= camera->opened.buffer_count)
			return LEND_FAILED;
		tell_picture(l, camera, &msg.frame);
		peer_done(peer, camera, msg.frame.index);
	}
	return LEND_OK;
}

static enum status run(struct lend *l)
{
	struct camera camera;
	struct error err = {0};
	struct peer peer;

	if (!peer_start(l->program, &peer))
		return LEND_DIED;
	enum status status = LEND_REFUSED;
	if (peer_open(&peer, l->id, l->width, l->height, 0, &camera, &err) == 0) {
		tell_camera(&camera);
		l->luma = malloc((size_t)camera.opened.width * camera.opened.height);
		status = l->luma == NULL ? LEND_FAILED : take_pictures(l, &peer, &camera);
	} else {
		printf("refused %d %s\n", err.code, err.text);
	}
	camera_clear(&camera);
	free(l->luma);
	int ended = peer_close(&peer);
	printf("ended %s %d\n", WIFSIGNALED(ended) ? "by signal" : "with",
	       WIFSIGNALED(ended) ? WTERMSIG(ended) : WEXITSTATUS(ended));
	return status;
}

static bool parse_options(struct lend *l, int argc, char **argv)
{
	static const struct option options[] = {
		{"pictures", required_argument, NULL, 'n'},
		{"change", required_argument, NULL, 'c'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n' && parse_unsigned(optarg, 1, 1000000, &l->wanted) == 0)
			continue;
		if (option != 'c' || l->change_count == CHANGES_MAX)
			return false;
		l->changes[l->change_count++] = optarg;
	}
	return argc - optind == 4;
}

int main(int argc, char **argv)
{
	struct lend l = {.wanted = 10};
	uint64_t width, height;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!parse_options(&l, argc, argv) ||
	    parse_unsigned(argv[optind + 2], 0, 8192, &width) < 0 ||
	    parse_unsigned(argv[optind + 3], 0, 8192, &height) < 0) {
		fputs(help, stderr);
		return LEND_USAGE;
	}
	l.program = argv[optind];
	l.id = argv[optind + 1];
	l.width = (unsigned)width;
	l.height = (unsigned)height;
	return run(&l);
}
