/* Many WebSocket viewers in one process, and what serving them costs: prints one JSON object.
 *
 *   load (--socket=PATH | --port=N) --pid=SERVER --viewers=N --fps=N [--v1] [--acks] ...
 *
 * Viewers join one after another. Once all have joined and some time has passed, it counts over a
 * window of whole frame times that begins and ends half a frame time after a message was made,
 * when the server rests: its CPU time (/proc/PID/task/N/schedstat) and the messages then belong
 * together. Delay is from the stamp in each message (stamp.h) to its last byte's arrival here, for
 * every server alike; nalcastd's begins before its pipe and splitter. With --acks each viewer
 * acknowledges as the page does: every message, but not more than one in 50 ms, the last one wins;
 * or, where the server's hello says so, in more of them while messages are not late.
 *
 * The memory of a viewer is what the server's own grew by from the first viewer to the last,
 * without what it keeps of the stream itself meanwhile (--kept bytes a message). */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/viewmsg.h"
#include "streamer/ws.h"
#include "tests/bench/ackring.h"
#include "tests/bench/meter.h"
#include "tests/bench/stamp.h"

#define VIEWERS_MAX     19000
#define FRAME_HEAD_MAX  10  /* of a server's frame */
#define FIRST_MAX       512 /* the answer to the request, or enough of a message for its stamp */
#define BUFFER_BYTES    (256u << 10)
#define EVENTS_MAX      256
#define ACK_INTERVAL_US 50000
#define LATE_US         30000
#define PATIENCE_US     20000000

struct options {
	const char *socket;
	unsigned port, pid, viewers, fps, warm_ms, window_ms, kept_bytes;
	bool v1, acks;
};

struct viewer {
	int fd;
	bool open; /* the upgrade was answered */
	uint64_t messages;

	uint8_t head[FRAME_HEAD_MAX]; /* of the frame in progress */
	size_t head_size;
	uint64_t payload_size, payload_left;
	uint8_t first[FIRST_MAX]; /* of its payload */
	size_t first_size;

	uint32_t seq, acked_seq; /* of the newest message, and the newest acknowledged */
	int64_t ack_us;          /* when that was */
	bool ack_waits;          /* it is in a queue */
	int64_t calm_us;         /* from one to the next while messages come on time */
};

static struct options options = {.warm_ms = 300, .window_ms = 2000};
static struct viewer *viewers;
static unsigned viewer_count, open_count, lost_count;
static int epoll_fd;
static struct stamp newest;

static bool measuring;
static uint64_t messages, bytes, acks;
static int32_t *delays_us;
static size_t delay_capacity;

static struct ackring hurried_acks, calm_acks;
static int64_t quickest_us = INT64_MAX; /* from a message's making to its arrival */

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "load: %s\n", what);
	exit(1);
}

static _Noreturn void fail_errno(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		fail("out of memory");
	return memory;
}

/* ---- what viewers say */

static bool send_frame(const struct viewer *v, enum ws_opcode opcode, const void *payload,
		       size_t size)
{
	static const uint8_t mask[] = {0x37, 0xfa, 0x21, 0x3d};
	uint8_t frame[6 + WS_CONTROL_MAX] = {(uint8_t)(0x80 | opcode), (uint8_t)(0x80 | size)};

	memcpy(frame + 2, mask, sizeof(mask));
	for (size_t i = 0; i < size; i++)
		frame[6 + i] = ((const uint8_t *)payload)[i] ^ mask[i % 4];
	return send(v->fd, frame, 6 + size, MSG_NOSIGNAL) == (ssize_t)(6 + size);
}

static void send_ack(struct viewer *v, int64_t now_us)
{
	char text[WS_CONTROL_MAX];
	int size = snprintf(text, sizeof(text),
			    "{\"type\":\"ack\",\"seq\":%u,\"shown\":%u,\"queue\":0,"
			    "\"latency_ms\":%.1f}",
			    v->seq, v->seq, (double)(now_us - newest.made_us) / 1000);

	v->ack_us = now_us;
	v->acked_seq = v->seq;
	acks += send_frame(v, WS_TEXT, text, (size_t)size) && measuring;
}

static void want_ack(struct viewer *v, bool late, int64_t now_us)
{
	int64_t interval_us = late ? ACK_INTERVAL_US : v->calm_us;

	if (now_us - v->ack_us >= interval_us) {
		send_ack(v, now_us);
		return;
	}
	if (v->ack_waits)
		return;
	ackring_push(interval_us == ACK_INTERVAL_US ? &hurried_acks : &calm_acks,
		     (unsigned)(v - viewers), v->ack_us + interval_us);
	v->ack_waits = true;
}

/* Returns when the next is due, or INT64_MAX. */
static int64_t send_due_of(struct ackring *ring, int64_t now_us)
{
	while (ackring_due_us(ring) <= now_us) {
		struct viewer *v = &viewers[ackring_pop(ring)];
		v->ack_waits = false;
		if (v->fd >= 0 && v->acked_seq != v->seq)
			send_ack(v, now_us);
	}
	return ackring_due_us(ring);
}

static int64_t send_due_acks(int64_t now_us)
{
	return min_i64(send_due_of(&hurried_acks, now_us), send_due_of(&calm_acks, now_us));
}

/* nalcastd's hello says how often. */
static void take_text(struct viewer *v)
{
	unsigned ms;

	v->first[min_size(v->first_size, FIRST_MAX - 1)] = '\0';
	const char *said = strstr((const char *)v->first, "\"ack_ms\":");
	if (said != NULL && sscanf(said, "\"ack_ms\":%u", &ms) == 1)
		v->calm_us = ms * INT64_C(1000);
}

/* ---- what viewers are told */

static void add_delay(int64_t delay_us)
{
	if (messages >= delay_capacity) {
		delay_capacity = 2 * delay_capacity + 65536;
		delays_us = realloc(delays_us, delay_capacity * sizeof(delays_us[0]));
		if (delays_us == NULL)
			fail("out of memory");
	}
	delays_us[messages] = (int32_t)min_i64(delay_us, INT32_MAX);
}

static void take_binary(struct viewer *v, int64_t now_us)
{
	struct stamp stamp;
	uint32_t seq;

	if (!stamp_find(v->first, v->first_size, &stamp))
		fail("a message without a stamp came");
	if (measuring) {
		add_delay(now_us - stamp.made_us);
		messages++;
		bytes += v->payload_size;
	}
	if (stamp.made_us > newest.made_us)
		newest = stamp;
	v->messages++;
	if (!options.acks)
		return;
	memcpy(&seq, v->first + 4, sizeof(seq));
	v->seq = be32toh(seq);
	int64_t took_us = now_us - stamp.made_us;
	quickest_us = min_i64(quickest_us, took_us);
	want_ack(v, took_us > quickest_us + LATE_US, now_us);
}

static void take_frame(struct viewer *v, int64_t now_us)
{
	enum ws_opcode opcode = v->head[0] & 0x0f;

	if (opcode == WS_BINARY)
		take_binary(v, now_us);
	else if (opcode == WS_TEXT)
		take_text(v);
	else if (opcode == WS_PING)
		send_frame(v, WS_PONG, v->first, min_size(v->first_size, WS_CONTROL_MAX));
	v->head_size = 0;
}

/* Length of a frame's head as far as its first two bytes tell. */
static size_t head_length(const struct viewer *v)
{
	unsigned size = v->head_size < 2 ? 0 : v->head[1] & 0x7f;

	return size < 126 ? 2 : size == 126 ? 4 : 10;
}

static void begin_payload(struct viewer *v)
{
	uint64_t size = v->head[1] & 0x7f;

	if (size >= 126) {
		size_t length = head_length(v);
		size = 0;
		for (size_t i = 2; i < length; i++)
			size = size << 8 | v->head[i];
	}
	v->payload_size = v->payload_left = size;
	v->first_size = 0;
}

static void take_frames(struct viewer *v, const uint8_t *data, size_t size, int64_t now_us)
{
	while (size > 0) {
		if (v->head_size < head_length(v)) {
			v->head[v->head_size++] = *data++;
			size--;
			if (v->head_size < 2 || v->head_size < head_length(v))
				continue;
			begin_payload(v);
		}
		size_t part = (size_t)min_i64((int64_t)size, (int64_t)v->payload_left);
		size_t kept = min_size(part, FIRST_MAX - v->first_size);
		memcpy(v->first + v->first_size, data, kept);
		v->first_size += kept;
		v->payload_left -= part;
		data += part;
		size -= part;
		if (v->payload_left == 0)
			take_frame(v, now_us);
	}
}

/* The answer to the request, which may come together with the first messages. */
static void take_answer(struct viewer *v, const uint8_t *data, size_t size, int64_t now_us)
{
	size_t before = v->first_size;
	size_t part = min_size(size, FIRST_MAX - before);

	memcpy(v->first + before, data, part);
	v->first_size += part;
	const uint8_t *end = memmem(v->first, v->first_size, "\r\n\r\n", 4);
	if (end == NULL && v->first_size < FIRST_MAX)
		return;
	if (end == NULL || memcmp(v->first, "HTTP/1.1 101", 12) != 0 ||
	    memmem(v->first, v->first_size, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28) == NULL)
		fail("the upgrade was not accepted");
	v->open = true;
	open_count++;
	size_t used = (size_t)(end + 4 - v->first) - before;
	v->first_size = 0;
	take_frames(v, data + used, size - used, now_us);
}

static void lose(struct viewer *v)
{
	if (!v->open)
		fail("the server closed a connection instead of upgrading it");
	lost_count++;
	close_fd(&v->fd);
}

static void receive(struct viewer *v)
{
	static uint8_t buffer[BUFFER_BYTES];
	ssize_t size = recv(v->fd, buffer, sizeof(buffer), 0);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0)
		lose(v);
	else if (v->open)
		take_frames(v, buffer, (size_t)size, stamp_now_us());
	else
		take_answer(v, buffer, (size_t)size, stamp_now_us());
}

/* One turn of the loop, that ends at until_us at the latest. */
static void turn(int64_t until_us)
{
	struct epoll_event events[EVENTS_MAX];
	int64_t now_us = stamp_now_us();
	int64_t wait_us = min_i64(until_us, send_due_acks(now_us)) - now_us;
	int count =
		epoll_wait(epoll_fd, events, EVENTS_MAX, (int)max_i64(0, (wait_us + 999) / 1000));

	for (int i = 0; i < count; i++)
		receive(&viewers[events[i].data.u32]);
}

static void run_until(int64_t until_us)
{
	do {
		turn(until_us);
	} while (stamp_now_us() < until_us);
}

/* ---- joining */

static int connect_unix(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", options.socket);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail_errno(options.socket);
	return fd;
}

static int connect_tcp(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)options.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail_errno("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void join_one(void)
{
	struct viewer *v = &viewers[viewer_count];
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = viewer_count++};
	int64_t deadline_us = stamp_now_us() + PATIENCE_US;
	char request[512];
	int size = snprintf(request, sizeof(request),
			    "GET /stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
			    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
			    options.v1 ? "Sec-WebSocket-Protocol: nalcast.v1\r\n" : "");

	v->fd = options.socket != NULL ? connect_unix() : connect_tcp();
	v->calm_us = ACK_INTERVAL_US;
	if (send(v->fd, request, (size_t)size, MSG_NOSIGNAL) != size ||
	    fcntl(v->fd, F_SETFL, O_NONBLOCK) < 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, v->fd, &event) < 0)
		fail_errno("joining");
	while (!v->open && stamp_now_us() < deadline_us)
		turn(deadline_us);
	if (!v->open)
		fail("the upgrade was not answered in time");
}

static bool all_have_messages(void)
{
	for (unsigned i = 0; i < viewer_count; i++)
		if (viewers[i].messages == 0 && viewers[i].fd >= 0)
			return false;
	return true;
}

static void warm_up(void)
{
	int64_t deadline_us = stamp_now_us() + PATIENCE_US;

	while (!all_have_messages()) {
		run_until(stamp_now_us() + 10000);
		if (stamp_now_us() > deadline_us)
			fail("some viewers were sent nothing");
	}
	run_until(stamp_now_us() + options.warm_ms * INT64_C(1000));
}

/* ---- measuring */

struct result {
	struct meter_cpu cpu;
	uint64_t client_ns; /* CPU time of this process */
	int64_t window_us;
	uint64_t expected; /* messages */
	double viewer_bytes;
};

static uint64_t client_cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static void read_cpu(struct meter_cpu *ret_cpu)
{
	if (meter_cpu((int)options.pid, ret_cpu) < 0)
		fail("the server's CPU time cannot be read");
}

static uint64_t read_memory(void)
{
	uint64_t size;

	if (meter_memory((int)options.pid, &size) < 0)
		fail("the server's memory cannot be read");
	return size;
}

/* Half a frame time after a message was made, and not before now. */
static int64_t next_rest_us(int64_t frame_us)
{
	int64_t now_us = stamp_now_us(), at_us = newest.made_us + frame_us / 2;

	return at_us >= now_us ? at_us
			       : at_us + (now_us - at_us + frame_us - 1) / frame_us * frame_us;
}

static void measure_window(struct result *result)
{
	int64_t frame_us = 1000000 / options.fps;
	uint64_t frames = (uint64_t)options.window_ms * options.fps / 1000;
	struct meter_cpu before;

	run_until(next_rest_us(frame_us));
	int64_t begin_us = stamp_now_us();
	uint64_t client_before_ns = client_cpu_ns();
	read_cpu(&before);
	measuring = true;
	run_until(begin_us + (int64_t)(frames * 1000000 / options.fps));
	measuring = false;
	read_cpu(&result->cpu);
	result->cpu.all_ns -= before.all_ns;
	result->cpu.main_ns -= before.main_ns;
	result->client_ns = client_cpu_ns() - client_before_ns;
	result->window_us = stamp_now_us() - begin_us;
	result->expected = frames * options.viewers;
}

static void measure(struct result *result)
{
	join_one();
	warm_up();
	uint64_t memory_before = read_memory();
	uint32_t count_before = newest.count;
	while (viewer_count < options.viewers)
		join_one();
	warm_up();
	measure_window(result);
	double grown = (double)read_memory() - (double)memory_before -
		       (double)options.kept_bytes * (newest.count - count_before);
	result->viewer_bytes = options.viewers > 1 ? grown / (options.viewers - 1) : 0;
}

static int compare(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

static void tell(const struct result *result)
{
	double count = messages > 0 ? (double)messages : 1;

	qsort(delays_us, messages, sizeof(delays_us[0]), compare);
	printf("{\"viewers\":%u,\"lost\":%u,\"window_us\":%lld,\"expected\":%llu,"
	       "\"messages\":%llu,\"bytes\":%llu,\"acks\":%llu,",
	       options.viewers, lost_count, (long long)result->window_us,
	       (unsigned long long)result->expected, (unsigned long long)messages,
	       (unsigned long long)bytes, (unsigned long long)acks);
	printf("\"cpu_us_per_message\":%.4f,\"main_us_per_message\":%.4f,"
	       "\"client_us_per_message\":%.4f,",
	       (double)result->cpu.all_ns / 1e3 / count, (double)result->cpu.main_ns / 1e3 / count,
	       (double)result->client_ns / 1e3 / count);
	printf("\"delay_us\":{\"p50\":%d,\"p99\":%d},\"viewer_bytes\":%.0f}\n",
	       messages > 0 ? delays_us[messages / 2] : 0,
	       messages > 0 ? delays_us[messages * 99 / 100] : 0, result->viewer_bytes);
}

/* ---- options */

static unsigned number(const char *text, unsigned max)
{
	uint64_t value;

	if (parse_unsigned(text, 0, max, &value) < 0)
		fail("an option has a wrong number");
	return (unsigned)value;
}

static void set_option(int option)
{
	switch (option) {
	case 's':
		options.socket = optarg;
		break;
	case 'p':
		options.port = number(optarg, 65535);
		break;
	case 'i':
		options.pid = number(optarg, INT32_MAX);
		break;
	case 'n':
		options.viewers = number(optarg, VIEWERS_MAX);
		break;
	case 'f':
		options.fps = number(optarg, 240);
		break;
	case 'w':
		options.window_ms = number(optarg, 60000);
		break;
	case 'm':
		options.warm_ms = number(optarg, 60000);
		break;
	case 'k':
		options.kept_bytes = number(optarg, 16777216);
		break;
	case '1':
		options.v1 = true;
		break;
	case 'a':
		options.v1 = options.acks = true;
		break;
	default:
		exit(1);
	}
}

static void parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{"socket", required_argument, NULL, 's'},
		{"port", required_argument, NULL, 'p'},
		{"pid", required_argument, NULL, 'i'},
		{"viewers", required_argument, NULL, 'n'},
		{"fps", required_argument, NULL, 'f'},
		{"window-ms", required_argument, NULL, 'w'},
		{"warm-ms", required_argument, NULL, 'm'},
		{"kept", required_argument, NULL, 'k'},
		{"v1", no_argument, NULL, '1'},
		{"acks", no_argument, NULL, 'a'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0)
		set_option(option);
	if (optind < argc || (options.socket == NULL) == (options.port == 0) || options.pid == 0 ||
	    options.viewers == 0 || options.fps == 0)
		fail("needs --socket or --port, --pid, --viewers and --fps");
}

int main(int argc, char **argv)
{
	struct rlimit files = {VIEWERS_MAX + 100, VIEWERS_MAX + 100};
	struct result result = {0};

	parse_options(argc, argv);
	setrlimit(RLIMIT_NOFILE, &files); /* refused, it will be seen when descriptors run out */
	viewers = allocate(options.viewers, sizeof(viewers[0]));
	hurried_acks.capacity = calm_acks.capacity = options.viewers;
	hurried_acks.at = allocate(options.viewers, sizeof(hurried_acks.at[0]));
	calm_acks.at = allocate(options.viewers, sizeof(calm_acks.at[0]));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	measure(&result);
	tell(&result);
	return 0;
}
