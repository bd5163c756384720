#include "tests/vm/usbip.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/util.h"

#define ATTACH_FILE      "/sys/devices/platform/vhci_hcd.0/attach"
#define DEVICE_ID        0x10002 /* bus 1, device 2, as the kernel writes them; it never looks */
#define SPEED_HIGH       3       /* enum usb_device_speed */
#define REPLY_SUBMIT     3
#define REPLY_UNLINK     4
#define REQUEST_IN       1
#define SOCKET_BUF_BYTES (1 << 20)

struct packet { /* all big-endian but setup, which is USB's own */
	uint32_t command, seq, device, direction, endpoint;
	union {
		struct {
			uint32_t flags, size, start_frame, packets, interval;
			uint8_t setup[8];
		} submit;
		struct {
			uint32_t status, size, start_frame, packets, errors;
			uint8_t padding[8];
		} reply;
		struct {
			uint32_t seq; /* or the reply's status */
			uint8_t padding[24];
		} unlink;
	};
};
_Static_assert(sizeof(struct packet) == 48, "a USB/IP packet is 48 bytes");

static int write_attach(unsigned port, int fd, struct error *err)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "%u %d %u %u", port, fd, DEVICE_ID, SPEED_HIGH);
	int file = open(ATTACH_FILE, O_WRONLY | O_CLOEXEC);

	if (file < 0)
		return error_set(err, -errno, ATTACH_FILE ": %s", strerror(errno));
	int r = 0;
	if (write(file, text, (size_t)size) != size)
		r = error_set(err, -errno, "port %u: %s", port, strerror(errno));
	close_fd(&file);
	return r;
}

int usbip_attach(unsigned port, int *ret_fd, struct error *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "socketpair: %s", strerror(errno));
	/* Room for a picture: this program must not wait for the kernel. Without it it would. */
	int size = SOCKET_BUF_BYTES;
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	int r = write_attach(port, ends[1], err);
	close_fd(&ends[1]);
	if (r < 0) {
		close_fd(&ends[0]);
		return r;
	}
	*ret_fd = ends[0];
	return 0;
}

static int read_all(int fd, void *data, size_t size)
{
	uint8_t *at = data;

	while (size > 0) {
		ssize_t n = read(fd, at, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static void pieces_skip(struct iovec *pieces, int count, size_t size)
{
	for (int i = 0; i < count; i++) {
		size_t n = min_size(size, pieces[i].iov_len);
		pieces[i].iov_base = (uint8_t *)pieces[i].iov_base + n;
		pieces[i].iov_len -= n;
		size -= n;
	}
}

static int write_all(int fd, struct iovec *pieces, int count)
{
	size_t left = 0;

	for (int i = 0; i < count; i++)
		left += pieces[i].iov_len;
	while (left > 0) {
		struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
		ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -EPIPE;
		pieces_skip(pieces, count, (size_t)n);
		left -= (size_t)n;
	}
	return 0;
}

static struct usbip_setup setup_of(const uint8_t bytes[static 8])
{
	struct usbip_setup setup = {
		.type = bytes[0],
		.request = bytes[1],
		.value = (uint16_t)(bytes[2] | bytes[3] << 8),
		.index = (uint16_t)(bytes[4] | bytes[5] << 8),
		.length = (uint16_t)(bytes[6] | bytes[7] << 8),
	};

	return setup;
}

int usbip_read(int fd, struct usbip_request *ret_request)
{
	struct packet packet;
	struct usbip_request *request = ret_request;

	if (read_all(fd, &packet, sizeof(packet)) < 0)
		return -EPIPE;
	request->kind = (enum usbip_kind)be32toh(packet.command);
	request->seq = be32toh(packet.seq);
	request->endpoint = be32toh(packet.endpoint);
	request->in = be32toh(packet.direction) == REQUEST_IN;
	if (request->kind == USBIP_UNLINK) {
		request->unlinked = be32toh(packet.unlink.seq);
		return 0;
	}
	request->size = be32toh(packet.submit.size);
	request->setup = setup_of(packet.submit.setup);
	if (request->in)
		return 0;
	/* Control requests only: this camera takes nothing else, and none is longer. */
	if (request->size > sizeof(request->data))
		return -EPIPE;
	return read_all(fd, request->data, request->size);
}

static int reply_submit(int fd, uint32_t seq, int status, uint32_t answered,
			const struct usbip_piece pieces[static 2])
{
	struct packet packet = {
		.command = htobe32(REPLY_SUBMIT),
		.seq = htobe32(seq),
		.reply = {.status = htobe32((uint32_t)status), .size = htobe32(answered)},
	};
	struct iovec parts[] = {
		{&packet, sizeof(packet)},
		{(void *)(uintptr_t)pieces[0].data, pieces[0].size},
		{(void *)(uintptr_t)pieces[1].data, pieces[1].size},
	};

	return write_all(fd, parts, ARRAY_SIZE(parts));
}

int usbip_reply(int fd, const struct usbip_request *request, int status, const void *data,
		size_t size)
{
	const struct usbip_piece pieces[2] = {{data, request->in ? size : 0}};

	return reply_submit(fd, request->seq, status, (uint32_t)size, pieces);
}

int usbip_reply_in(int fd, uint32_t seq, const struct usbip_piece pieces[static 2])
{
	return reply_submit(fd, seq, 0, (uint32_t)(pieces[0].size + pieces[1].size), pieces);
}

int usbip_reply_unlink(int fd, uint32_t seq, int status)
{
	struct packet packet = {
		.command = htobe32(REPLY_UNLINK),
		.seq = htobe32(seq),
		.unlink = {.seq = htobe32((uint32_t)status)},
	};
	struct iovec part = {&packet, sizeof(packet)};

	return write_all(fd, &part, 1);
}
