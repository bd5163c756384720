/* fake_capture: a nalcast-capture without libcamera, for tests: its cameras show the test pattern,
 * and it does wrong what the test asks for, in $FAKE_CAPTURE: words, each "word" or "word=NUMBER",
 * with commas between; or "@FILE", which holds them and may change between two helpers.
 *
 *   format=I420|NV12|YUYV|RGB3|BGR3|MJPG   full    its pixels (default I420, limited range)
 *   pad                   rows and planes do not follow each other at once
 *   fps=N nofps fixedfps  pictures a second, 0: as asked; not told; not to be changed
 *   gone usb onlyusb      no camera; a USB camera before it; and nothing else
 *   slow=MS silent mute   before it opens; no answer to anything; not even HELLO
 *   otherbuild refuse miscount nolist
 *   nofd small unsealed lies twobuffers nobuffers badplanes odd h264    in what it opens
 *   exit=N segv=N abort=N hang=N stall=N lost=N garbage=N short=N long=N index=N twice=N turn=N
 *   fdframe=N bytes=N     at frame N, 0 is the first (stall and twice: from there on)
 *   hangclose abortclose  when nalcastd closes
 *   deaf chatty=N         no RESULT; N frames before it
 *
 * Controls: brightness (-1..1, acts on the picture), gain (0..10, 7 is refused). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libyuv.h>

#include "common/util.h"
#include "streamer/capproto.h"
#include "streamer/clock.h"
#include "streamer/jfif.h"
#include "streamer/jpeg.h"
#include "streamer/pattern.h"
#include "streamer/pixfmt.h"

#define BUFFERS 4
#define PAD     64
#define ID      "/base/soc/i2c0mux/i2c@1/imx219@10"
#define USB_ID  "/base/scb/pcie@7d500000/pci@0,0/usb@0,0-1.2:1.0-046d:0825"

const struct source_ops *const source_backends[] = {NULL};

static char words[1024] = ",";
static struct capproto_opened opened;
static const struct pixfmt *pix;
static size_t buffer_bytes;
static uint8_t *memory[BUFFERS];
static int memory_fd[BUFFERS];
static bool lent[BUFFERS];
static uint32_t frame_number;
static unsigned fps_milli;
static int64_t due_us;
static struct pattern *pattern;
static struct pattern_canvas canvas;
static struct pattern_look look = {.contrast = 1};
static struct jpeg_encoder *jpeg;

/* --- what the test asks for */

static void read_words(void)
{
	const char *given = getenv("FAKE_CAPTURE");
	char line[sizeof(words) - 2] = "";

	if (given != NULL && given[0] == '@') {
		FILE *file = fopen(given + 1, "re");
		if (file != NULL && fgets(line, sizeof(line), file) == NULL)
			line[0] = '\0';
		if (file != NULL)
			fclose(file);
	} else if (given != NULL) {
		snprintf(line, sizeof(line), "%s", given);
	}
	line[strcspn(line, "\n")] = '\0';
	snprintf(words, sizeof(words), ",%s,", line);
}

/* What follows ",WORD" in the list; NULL: it is not there. */
static const char *find_word(const char *word)
{
	char wanted[32];
	int size = snprintf(wanted, sizeof(wanted), ",%s", word);

	for (const char *at = strstr(words, wanted); at != NULL; at = strstr(at + 1, wanted))
		if (at[size] == ',' || at[size] == '=')
			return at + size;
	return NULL;
}

static bool wants(const char *word)
{
	return find_word(word) != NULL;
}

static uint64_t number_of(const char *word, uint64_t otherwise)
{
	const char *at = find_word(word);
	char digits[16] = "";
	uint64_t number;

	if (at == NULL || at[0] != '=')
		return otherwise;
	snprintf(digits, sizeof(digits), "%.*s", (int)strcspn(at + 1, ","), at + 1);
	return parse_unsigned(digits, 0, UINT32_MAX, &number) == 0 ? number : otherwise;
}

static bool is_now(const char *word)
{
	return number_of(word, UINT64_MAX) == frame_number;
}

/* --- talking */

static void send_bytes(const void *bytes, size_t size, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr packet = {.msg_iov = &iov, .msg_iovlen = 1};
	struct pollfd writable = {.fd = CAPPROTO_FD, .events = POLLOUT};

	if (fd >= 0) {
		control.header = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		packet.msg_control = &control;
		packet.msg_controllen = sizeof(control);
	}
	while (sendmsg(CAPPROTO_FD, &packet, MSG_NOSIGNAL) < 0 && errno == EAGAIN)
		poll(&writable, 1, -1);
}

static void say(const void *msg)
{
	send_bytes(msg, capproto_size(*(const uint32_t *)msg), -1);
}

static void answer(uint32_t type, uint32_t number, int32_t code, const char *text)
{
	struct capproto_result result = {.type = type, .number = number, .code = code};

	snprintf(result.text, sizeof(result.text), "%s", text);
	say(&result);
}

static void say_hello(void)
{
	struct capproto_hello hello = {
		.type = CAPPROTO_HELLO,
		.version = CAPPROTO_VERSION + (wants("otherbuild") ? 1 : 0),
		.caps_bytes = sizeof(struct source_caps),
		.libcamera = "v0.0.0-fake",
	};

	say(&hello);
}

/* For ever, whatever comes; a signal that can be caught does not end it either. */
__attribute__((noreturn)) static void hang(void)
{
	for (;;)
		pause();
}

__attribute__((noreturn)) static void die_of(int number)
{
	signal(number, SIG_DFL); /* a sanitizer would make an exit of it */
	raise(number);
	hang();
}

/* --- which cameras there are */

static void say_camera(const char *id, const char *name)
{
	static struct capproto_camera camera;
	static const struct source_control controls[] = {
		{.name = "brightness",
		 .type = SOURCE_CONTROL_FLOAT,
		 .writable = true,
		 .min = -1,
		 .max = 1},
		{.name = "gain", .type = SOURCE_CONTROL_FLOAT, .writable = true, .max = 10},
	};

	camera = (struct capproto_camera){
		.type = CAPPROTO_CAMERA,
		.caps = {.backend = "fake", .mode_count = 1, .control_count = 2},
	};
	snprintf(camera.caps.id, sizeof(camera.caps.id), "%s", id);
	snprintf(camera.caps.name, sizeof(camera.caps.name), "%s", name);
	camera.caps.modes[0] = (struct source_mode){160, 1920, 2, 120, 1080, 2, 1000, 60000};
	memcpy(camera.caps.controls, controls, sizeof(controls));
	say(&camera);
}

static void say_cameras(void)
{
	struct capproto_listed listed = {.type = CAPPROTO_LISTED};

	if (wants("nolist")) {
		answer(CAPPROTO_RESULT, 0, -EIO, "libcamera: its manager does not start");
		return;
	}
	if (wants("usb") || wants("onlyusb")) {
		say_camera(USB_ID, "UVC Camera");
		listed.count++;
	}
	if (!wants("gone") && !wants("onlyusb")) {
		say_camera(ID, "imx219");
		listed.count++;
	}
	listed.count += wants("miscount");
	say(&listed);
}

/* --- opening */

static uint32_t fourcc_wanted(void)
{
	const char *at = find_word("format");

	if (at == NULL || strncmp(at, "=I420", 5) == 0)
		return FRAME_I420;
	return FRAME_FOURCC(at[1], at[2], at[3], at[4]);
}

static void lay_out(void)
{
	unsigned pad = wants("pad") ? PAD : 0;
	uint32_t offset = pad;

	opened.plane_count = pix->planes > 0 ? pix->planes : 1;
	for (unsigned i = 0; i < opened.plane_count; i++) {
		struct capproto_plane *plane = &opened.plane[i];
		plane->offset = offset;
		plane->stride = pix->planes > 0 ? pixfmt_row_bytes(pix, i, opened.width) + pad : 0;
		plane->size = pix->planes > 0
				      ? plane->stride * pixfmt_rows(pix, i, opened.height)
				      : (uint32_t)jpeg_bytes_max(opened.width, opened.height);
		offset += plane->size + pad;
	}
	buffer_bytes = offset;
	if (wants("badplanes"))
		opened.plane[0].stride = 1;
}

static void send_buffer(unsigned index)
{
	struct capproto_buffer buffer = {
		.type = CAPPROTO_BUFFER,
		.index = wants("twobuffers") ? 0 : index,
		.bytes = (uint32_t)buffer_bytes,
		.dmabuf = wants("lies"),
	};
	size_t real_bytes = wants("small") ? buffer_bytes / 2 : buffer_bytes;
	int fd = memfd_create("fake_capture", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (ftruncate(fd, (off_t)real_bytes) < 0 ||
	    (!wants("unsealed") && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0))
		_exit(1);
	memory[index] = mmap(NULL, buffer_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memory_fd[index] = fd;
	send_bytes(&buffer, sizeof(buffer), wants("nofd") ? -1 : fd);
}

static void prepare_pattern(void)
{
	pattern = pattern_new(opened.width, opened.height);
	canvas.data = malloc(pattern_bytes(opened.width, opened.height));
	jpeg = jpeg_encoder_new();
	if (pattern == NULL || canvas.data == NULL || jpeg == NULL)
		_exit(1);
}

static void open_camera(const struct capproto_open *open)
{
	bool is_known = strcmp(open->id, ID) == 0 || strcmp(open->id, USB_ID) == 0;

	poll(NULL, 0, (int)number_of("slow", 0));
	if (wants("refuse") || wants("gone") || !is_known) {
		answer(CAPPROTO_RESULT, 0, wants("refuse") ? -EBUSY : -ENODEV,
		       wants("refuse") ? "libcamera: the camera is in use"
				       : "libcamera: no such camera");
		return;
	}
	pix = pixfmt_find(fourcc_wanted());
	fps_milli = (unsigned)number_of("fps", 0) * 1000;
	fps_milli = fps_milli != 0 ? fps_milli : open->fps_milli != 0 ? open->fps_milli : 30000;
	opened = (struct capproto_opened){
		.type = CAPPROTO_OPENED,
		.fourcc = wants("h264") ? FRAME_H264 : pix->fourcc,
		.width = (open->width != 0 ? open->width : 640) + (wants("odd") ? 1 : 0),
		.height = open->height != 0 ? open->height : 480,
		.fps_milli = wants("nofps") ? 0 : fps_milli,
		.full_range = wants("full"),
		.buffer_count = BUFFERS,
	};
	lay_out();
	say_camera(open->id, "imx219");
	say(&opened);
	for (unsigned i = 0; i < BUFFERS && !wants("nobuffers"); i++)
		send_buffer(i);
	if (wants("odd"))
		hang();
	prepare_pattern();
	due_us = clock_now_us();
}

/* --- pictures */

#define FROM  data, (int)w, data + (size_t)w *h, (int)w / 2, data + (size_t)w *h * 5 / 4, (int)w / 2
#define TO(i) to + opened.plane[i].offset, (int)opened.plane[i].stride

static void convert_into(uint8_t *to)
{
	const uint8_t *data = canvas.data;
	unsigned w = opened.width, h = opened.height;

	switch (pix->fourcc) {
	case FRAME_I420:
		I420Copy(FROM, TO(0), TO(1), TO(2), (int)w, (int)h);
		break;
	case FRAME_FOURCC('N', 'V', '1', '2'):
		I420ToNV12(FROM, TO(0), TO(1), (int)w, (int)h);
		break;
	case FRAME_FOURCC('Y', 'U', 'Y', 'V'):
		I420ToYUY2(FROM, TO(0), (int)w, (int)h);
		break;
	case FRAME_FOURCC('R', 'G', 'B', '3'): /* libyuv names it by the order in a word */
		I420ToRAW(FROM, TO(0), (int)w, (int)h);
		break;
	default:
		I420ToRGB24(FROM, TO(0), (int)w, (int)h);
		break;
	}
}

static uint32_t compress_into(uint8_t *to)
{
	static uint8_t *full;
	size_t size = 0;

	if (full == NULL)
		full = malloc(pattern_bytes(opened.width, opened.height));
	if (full == NULL)
		_exit(1);
	memcpy(full, canvas.data, pattern_bytes(opened.width, opened.height));
	jfif_convert(full, opened.width, opened.height, JFIF_FROM_BT601);
	if (jpeg_encode(jpeg, full, opened.width, opened.height, 90, to + opened.plane[0].offset,
			&size, NULL) < 0)
		_exit(1);
	return (uint32_t)size;
}

static void do_wrong_first(void)
{
	if (is_now("exit"))
		_exit(3);
	if (is_now("segv"))
		die_of(SIGSEGV);
	if (is_now("abort"))
		die_of(SIGABRT);
	if (is_now("hang"))
		hang();
	if (is_now("garbage"))
		send_bytes("garbage", 7, -1);
	if (is_now("turn"))
		say(&opened);
	if (is_now("lost"))
		answer(CAPPROTO_LOST, 0, -ENODEV, "libcamera: the camera was disconnected");
}

static void send_frame(struct capproto_frame *frame)
{
	static uint8_t too_long[sizeof(union capproto_message) + 8];

	if (is_now("index"))
		frame->index = BUFFERS;
	if (is_now("bytes"))
		frame->bytes = opened.plane[0].size + 1;
	memcpy(too_long, frame, sizeof(*frame));
	size_t size = is_now("short") ? 12 : is_now("long") ? sizeof(too_long) : sizeof(*frame);
	send_bytes(too_long, size, is_now("fdframe") ? memory_fd[0] : -1);
	if (number_of("twice", UINT64_MAX) <= frame_number)
		send_bytes(too_long, size, -1);
}

static unsigned free_buffer(void)
{
	unsigned i = 0;

	while (i < BUFFERS && lent[i])
		i++;
	return i;
}

static void give_frame(void)
{
	struct capproto_frame frame = {
		.type = CAPPROTO_FRAME,
		.index = free_buffer(),
		.sequence = frame_number,
		.pts_us = clock_now_us(),
	};

	if (number_of("stall", UINT64_MAX) <= frame_number)
		return;
	do_wrong_first();
	if (frame.index < BUFFERS) { /* else it is lost, as a camera's would be */
		struct pattern_clock now = {
			.time_ms = (uint32_t)(clock_wire_us(frame.pts_us) / 1000),
			.frame = frame_number,
		};
		pattern_set_look(pattern, &look);
		pattern_draw(pattern, &canvas, &now);
		if (pix->planes > 0)
			convert_into(memory[frame.index]);
		else
			frame.bytes = compress_into(memory[frame.index]);
		lent[frame.index] = true;
		send_frame(&frame);
	}
	frame_number++;
}

/* --- orders */

static void control(const struct capproto_control *order)
{
	double value = order->value[0];

	for (uint64_t i = number_of("chatty", 0); i > 0; i--)
		give_frame();
	if (wants("deaf"))
		return;
	if (strcmp(order->name, "brightness") == 0)
		look.brightness = value;
	if (strcmp(order->name, "gain") == 0 && value == 7)
		answer(CAPPROTO_RESULT, order->number, -EIO, "libcamera: jammed");
	else
		answer(CAPPROTO_RESULT, order->number, 0, "");
}

static void set_fps(const struct capproto_set_fps *order)
{
	if (wants("fixedfps")) {
		answer(CAPPROTO_RESULT, order->number, -ENOTSUP, "libcamera: its rate is fixed");
		return;
	}
	fps_milli = order->fps_milli;
	answer(CAPPROTO_RESULT, order->number, 0, "");
}

static void obey(const union capproto_message *msg)
{
	if (wants("silent"))
		return;
	switch (msg->type) {
	case CAPPROTO_LIST:
		say_cameras();
		break;
	case CAPPROTO_OPEN:
		open_camera(&msg->open);
		break;
	case CAPPROTO_DONE:
		lent[msg->done.index] = false;
		break;
	case CAPPROTO_CONTROL:
		control(&msg->control);
		break;
	case CAPPROTO_SET_FPS:
		set_fps(&msg->set_fps);
		break;
	default:
		die_of(SIGILL); /* nalcastd says nothing else */
	}
}

static void listen_to_nalcastd(void)
{
	static union capproto_message msg;
	struct error err = {0};
	ssize_t size;

	while ((size = recv(CAPPROTO_FD, &msg, sizeof(msg), 0)) > 0) {
		if (capproto_check(&msg, (size_t)size, &err) < 0) {
			fprintf(stderr, "fake_capture: %s\n", err.text);
			die_of(SIGILL);
		}
		obey(&msg);
	}
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (wants("hangclose"))
		hang();
	if (wants("abortclose"))
		die_of(SIGABRT);
	_exit(0); /* nothing of ours needs an end, and leaks here are nobody's */
}

static int wait_ms(void)
{
	return pattern == NULL ? -1 : (int)max_i64(0, (due_us - clock_now_us() + 999) / 1000);
}

int main(void)
{
	struct pollfd readable = {.fd = CAPPROTO_FD, .events = POLLIN};

	read_words();
	clock_init();
	if (wants("mute"))
		hang();
	say_hello();
	for (;;) {
		if (poll(&readable, 1, wait_ms()) > 0)
			listen_to_nalcastd();
		if (pattern == NULL || clock_now_us() < due_us)
			continue;
		give_frame();
		due_us += INT64_C(1000000000) / fps_milli;
	}
}
