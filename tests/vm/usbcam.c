/* A USB camera that is a program: UVC 1.1, YUYV, H.264 and MJPEG, plugged into this machine's
 * kernel by vhci_hcd, showing the test picture, and doing wrong what it is told to. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/pace.h"
#include "tests/vm/camera.h"
#include "tests/vm/device.h"

#define LINE_MAX_BYTES 512

enum damage {
	DAMAGE_NONE,
	DAMAGE_SHORT,     /* half of the picture */
	DAMAGE_OVERSIZED, /* and more than any picture may have */
	DAMAGE_GARBAGE,   /* as many bytes, of noise */
};

struct usbcam {
	struct device device;
	struct uvc_offer offer; /* from the next plug on */
	struct camera *camera;
	struct pace pace;
	uint64_t tick;
	bool streaming, stalled, quit;
	enum damage damage;
	unsigned damage_left; /* pictures that are still to be damaged */
	uint32_t noise;
	int commands; /* the FIFO */
	char line[LINE_MAX_BYTES];
	size_t line_used;
};

static const char help[] =
	"Usage: usbcam FIFO\n"
	"Is a USB camera that does what is written into FIFO, a line a command:\n"
	"  plug [PORT]      into port 0 to 7 (0)\n"
	"  unplug\n"
	"  offer FORMAT...  from the next plug on only these of yuyv, h264, mjpeg\n"
	"  stall            send no pictures\n"
	"  resume\n"
	"  short [N]        send half of the next N (1) pictures\n"
	"  oversized [N]    send more than a picture can have\n"
	"  garbage [N]      send noise instead\n"
	"  quit\n"
	"and says, with the time in us of CLOCK_MONOTONIC, what happens to it.\n";

/* What happened, for those who read along. */
static void tell(const char *what, uint64_t number)
{
	printf("%lld %s %llu\n", (long long)clock_now_us(), what, (unsigned long long)number);
	fflush(stdout);
}

static void tell_error(const char *what, const char *why)
{
	printf("%lld error %s: %s\n", (long long)clock_now_us(), what, why);
	fflush(stdout);
}

static void stream_end(struct usbcam *cam, const char *why)
{
	if (!cam->streaming)
		return;
	cam->streaming = false;
	pace_close(&cam->pace);
	camera_stop(cam->camera);
	tell(why, 0);
}

static void stream_begin(struct usbcam *cam)
{
	struct error err;
	const struct uvc_mode *mode = &cam->device.uvc.mode;

	stream_end(cam, "ended");
	int r = camera_start(cam->camera, mode, &err);
	if (r == 0)
		r = pace_open(&cam->pace, mode->fps_milli, &err);
	if (r < 0) {
		tell_error("start", err.text);
		return;
	}
	cam->tick = 0;
	cam->streaming = true;
	tell("began", mode->format);
}

static void serve(struct usbcam *cam)
{
	switch (device_serve(&cam->device)) {
	case DEVICE_NOTHING:
		break;
	case DEVICE_STREAM_BEGINS:
		stream_begin(cam);
		break;
	case DEVICE_STREAM_ENDS:
		stream_end(cam, "ended");
		break;
	case DEVICE_GONE:
		stream_end(cam, "ended");
		tell("gone", 0);
		break;
	}
}

/* Never dark: noise that happened to be a clock with the right CRC would be 1 in 256. */
static uint8_t noise_next(struct usbcam *cam)
{
	cam->noise = cam->noise * 1664525 + 1013904223;
	return (uint8_t)(0x80 | cam->noise >> 24);
}

/* A picture as it must not be. Returns its size; 0: no memory. */
static size_t damage_picture(struct usbcam *cam, const struct camera_picture *picture,
			     uint8_t **ret_data)
{
	size_t most = cam->device.uvc.mode.picture_bytes;
	size_t size = picture->size;

	if (cam->damage == DAMAGE_SHORT)
		size /= 2;
	if (cam->damage == DAMAGE_OVERSIZED)
		size = most + most / 4;
	uint8_t *data = calloc(1, size);
	if (data == NULL)
		return 0;
	memcpy(data, picture->data, min_size(size, picture->size));
	if (cam->damage == DAMAGE_GARBAGE)
		for (size_t i = 0; i < size; i++)
			data[i] = noise_next(cam);
	*ret_data = data;
	return size;
}

static void send_damaged(struct usbcam *cam, const struct camera_picture *picture)
{
	static const char *const names[] = {
		[DAMAGE_SHORT] = "short",
		[DAMAGE_OVERSIZED] = "oversized",
		[DAMAGE_GARBAGE] = "garbage",
	};
	uint8_t *data = NULL;
	size_t size = damage_picture(cam, picture, &data);

	if (size == 0 || device_send(&cam->device, data, size) < 0)
		tell_error(names[cam->damage], "no memory");
	else
		tell(names[cam->damage], picture->number);
	free(data);
	cam->damage_left--;
}

static void send_picture(struct usbcam *cam)
{
	struct camera_picture picture;
	struct error err;

	if (camera_take(cam->camera, &cam->device.uvc.controls, &picture, &err) < 0)
		tell_error("picture", err.text);
	else if (cam->damage_left > 0)
		send_damaged(cam, &picture);
	else if (device_send(&cam->device, picture.data, picture.size) < 0)
		tell_error("picture", "no memory");
}

/* A picture for which the kernel was not ready is not taken, so that numbers have no gaps but for
 * what is lost after the camera. */
static void tick(struct usbcam *cam)
{
	int64_t now_us = clock_now_us();

	if (now_us >= pace_due_us(&cam->pace, cam->tick) && !cam->stalled &&
	    device_is_ready(&cam->device))
		send_picture(cam);
	while (pace_due_us(&cam->pace, cam->tick) <= now_us)
		cam->tick++;
	pace_wake_at(&cam->pace, pace_due_us(&cam->pace, cam->tick));
}

/* The commands; number is what stands after the word, else what is usual; words are all of it. */
static void plug(struct usbcam *cam, uint64_t number, char *words)
{
	struct error err;

	(void)words;
	if (device_plug(&cam->device, (unsigned)number, &cam->offer, &err) < 0)
		tell_error("plug", err.text);
	else
		tell("plugged", number);
}

static void unplug(struct usbcam *cam, uint64_t number, char *words)
{
	(void)number;
	(void)words;
	device_unplug(&cam->device);
	tell("unplugged", 0);
	stream_end(cam, "ended");
}

static void stall(struct usbcam *cam, uint64_t number, char *words)
{
	(void)number;
	(void)words;
	cam->stalled = true;
	tell("stalled", 0);
}

static void resume(struct usbcam *cam, uint64_t number, char *words)
{
	(void)number;
	(void)words;
	cam->stalled = false;
	tell("resumed", 0);
}

static void damage_next(struct usbcam *cam, enum damage damage, uint64_t count)
{
	cam->damage = damage;
	cam->damage_left = (unsigned)count;
}

static void send_short(struct usbcam *cam, uint64_t number, char *words)
{
	(void)words;
	damage_next(cam, DAMAGE_SHORT, number);
}

static void send_oversized(struct usbcam *cam, uint64_t number, char *words)
{
	(void)words;
	damage_next(cam, DAMAGE_OVERSIZED, number);
}

static void send_garbage(struct usbcam *cam, uint64_t number, char *words)
{
	(void)words;
	damage_next(cam, DAMAGE_GARBAGE, number);
}

static const char *const format_names[UVC_FORMATS] = {
	[UVC_YUYV] = "yuyv",
	[UVC_H264] = "h264",
	[UVC_MJPEG] = "mjpeg",
};

static void offer_add(struct uvc_offer *offer, const char *name)
{
	for (unsigned i = 0; i < UVC_FORMATS && offer->count < UVC_FORMATS; i++)
		if (strcmp(format_names[i], name) == 0)
			offer->formats[offer->count++] = (enum uvc_format)i;
}

/* Unknown ones are left out; of none at all, what was offered stays. */
static void offer(struct usbcam *cam, uint64_t number, char *words)
{
	struct uvc_offer wanted = {0};
	char *name;

	(void)number;
	while ((name = strsep(&words, " ")) != NULL)
		offer_add(&wanted, name);
	if (wanted.count == 0)
		tell_error("offer", "no such format");
	else
		cam->offer = wanted;
}

static void quit(struct usbcam *cam, uint64_t number, char *words)
{
	(void)number;
	(void)words;
	cam->quit = true;
}

static const struct command {
	const char *word;
	void (*run)(struct usbcam *cam, uint64_t number, char *words);
	uint64_t usual;
} commands[] = {
	{"plug", plug, 0},
	{"unplug", unplug, 0},
	{"stall", stall, 0},
	{"resume", resume, 0},
	{"short", send_short, 1},
	{"oversized", send_oversized, 1},
	{"garbage", send_garbage, 1},
	{"offer", offer, 0},
	{"quit", quit, 0},
};

static void obey(struct usbcam *cam, char *line)
{
	const char *word = strsep(&line, " ");

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		uint64_t number = commands[i].usual;
		if (strcmp(word, commands[i].word) != 0)
			continue;
		if (line != NULL)
			(void)parse_unsigned(line, 0, 100000, &number);
		commands[i].run(cam, number, line);
		return;
	}
	tell_error(word, "no such command");
}

static void read_commands(struct usbcam *cam)
{
	size_t room = sizeof(cam->line) - cam->line_used;
	ssize_t n = read(cam->commands, cam->line + cam->line_used, room);
	char *end;

	if (n <= 0)
		return;
	cam->line_used += (size_t)n;
	while ((end = memchr(cam->line, '\n', cam->line_used)) != NULL) {
		size_t used = (size_t)(end - cam->line) + 1;
		*end = '\0';
		obey(cam, cam->line);
		cam->line_used -= used;
		memmove(cam->line, cam->line + used, cam->line_used);
	}
	if (cam->line_used == sizeof(cam->line))
		cam->line_used = 0;
}

static void run(struct usbcam *cam)
{
	while (!cam->quit) {
		struct pollfd fds[] = {
			{cam->commands, POLLIN, 0},
			{cam->device.fd, POLLIN, 0},
			{cam->streaming ? cam->pace.fd : -1, POLLIN, 0},
		};
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[1].revents != 0)
			serve(cam);
		if (cam->streaming)
			tick(cam);
		if (fds[0].revents != 0)
			read_commands(cam);
	}
}

int main(int argc, char **argv)
{
	struct usbcam cam = {
		.offer = {UVC_FORMATS, {UVC_YUYV, UVC_H264, UVC_MJPEG}},
		.pace = {.fd = -1},
		.noise = 1,
	};

	if (argc != 2 || strcmp(argv[1], "--help") == 0) {
		fputs(help, argc == 2 ? stdout : stderr);
		return argc == 2 ? 0 : 2;
	}
	/* Written to by many, one after the other: it must not end with the first of them. */
	cam.commands = open(argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	cam.camera = camera_new();
	if (cam.commands < 0 || cam.camera == NULL) {
		fprintf(stderr, "usbcam: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	if (!camera_has_mjpeg())
		cam.offer.count--;
	clock_init();
	device_init(&cam.device);
	run(&cam);
	stream_end(&cam, "ended");
	device_free(&cam.device);
	camera_free(cam.camera);
	close_fd(&cam.commands);
	return 0;
}
