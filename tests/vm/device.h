/* device: the test camera's USB side: plugged into a port or not, it answers the kernel and sends
 * pictures in the transfers that the kernel has asked for. One thread's. */
#ifndef TESTS_VM_DEVICE_H
#define TESTS_VM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "tests/vm/uvc.h"

#define DEVICE_TRANSFERS_MAX 32 /* the driver asks for 5 at a time */
#define DEVICE_UNLINKS_MAX   32

enum device_event {
	DEVICE_NOTHING,
	DEVICE_STREAM_BEGINS, /* as device->uvc.mode says */
	DEVICE_STREAM_ENDS,
	DEVICE_GONE, /* the kernel let go of it; it is unplugged now */
};

struct device_transfer {
	uint32_t seq;
	size_t size; /* bytes, at most */
};

/* The kernel may take a request back before it has sent it: the two wait in queues of their own
 * (vhci_tx_loop() of Linux 6.1). The answer waits for the request, or one of them finds the other
 * gone and the kernel hangs up. */
struct device_unlink {
	uint32_t seq, unlinked;
};

struct device {
	int fd; /* -1: unplugged */
	struct uvc uvc;
	struct device_transfer transfers[DEVICE_TRANSFERS_MAX];
	unsigned transfer_count;
	uint32_t newest_seq; /* of the requests that came */
	struct device_unlink unlinks[DEVICE_UNLINKS_MAX];
	unsigned unlink_count;
	uint8_t frame_id;
	uint8_t *picture; /* being sent, or sent; a copy */
	size_t picture_size, picture_sent, picture_capacity;
	bool sending;
};

void device_init(struct device *device);
void device_free(struct device *device);

/* As a camera that has these formats. -EALREADY: it is plugged in. */
int device_plug(struct device *device, unsigned port, const struct uvc_offer *offer,
		struct error *err);
void device_unplug(struct device *device); /* nothing happens when it is */

/* Deals with one request; device->fd is readable. */
enum device_event device_serve(struct device *device);

/* Is the kernel asking for pictures, and the one before on its way whole? */
bool device_is_ready(const struct device *device);
int device_send(struct device *device, const uint8_t *data, size_t size); /* -ENOMEM */

#endif
