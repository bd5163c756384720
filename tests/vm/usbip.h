/* usbip: plugs a device that is a program into this machine's kernel (USB/IP, vhci_hcd).
 *
 * The kernel's virtual host controller takes one end of a socket pair and sends it what it would
 * have sent to a USB device; closing the other end is pulling the plug. Blocking reads of what is
 * under way; one thread's. Layout: Documentation/usb/usbip_protocol.rst of the kernel. */
#ifndef TESTS_VM_USBIP_H
#define TESTS_VM_USBIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define USBIP_PORTS    8    /* for high speed devices: 0 to 7 */
#define USBIP_DATA_MAX 4096 /* bytes that the host sends with a request */

enum usbip_kind {
	USBIP_SUBMIT = 1,
	USBIP_UNLINK = 2,
};

struct usbip_setup { /* USB 2.0 table 9-2 */
	uint8_t type, request;
	uint16_t value, index, length;
};

struct usbip_request {
	enum usbip_kind kind;
	uint32_t seq;      /* names it in the reply */
	uint32_t unlinked; /* USBIP_UNLINK: seq of the request that is taken back */
	unsigned endpoint;
	bool in;
	size_t size; /* bytes: sent with it, or the most that may be answered */
	struct usbip_setup setup;
	uint8_t data[USBIP_DATA_MAX]; /* what the host sent */
};

/* Plugs in a high speed device. *ret_fd: our end. */
int usbip_attach(unsigned port, int *ret_fd, struct error *err);

/* Blocks until there is one. -EPIPE: the kernel has hung up. */
int usbip_read(int fd, struct usbip_request *ret_request);

/* status: 0 or a negative errno (-EPIPE is a stall). Data only of an answer to the host.
 * -EPIPE: the kernel has hung up. */
int usbip_reply(int fd, const struct usbip_request *request, int status, const void *data,
		size_t size);

/* The same for a transfer to the host of which only seq was kept; two pieces go as one. */
struct usbip_piece {
	const void *data;
	size_t size;
};
int usbip_reply_in(int fd, uint32_t seq, const struct usbip_piece pieces[static 2]);

int usbip_reply_unlink(int fd, uint32_t seq, int status);

#endif
