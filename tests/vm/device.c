#include "tests/vm/device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "tests/vm/usbip.h"

void device_init(struct device *device)
{
	memset(device, 0, sizeof(*device));
	device->fd = -1;
}

static void forget_transfers(struct device *device)
{
	device->transfer_count = 0;
	device->unlink_count = 0;
	device->newest_seq = 0;
	device->sending = false;
}

void device_unplug(struct device *device)
{
	close_fd(&device->fd);
	forget_transfers(device);
}

void device_free(struct device *device)
{
	device_unplug(device);
	free(device->picture);
}

int device_plug(struct device *device, unsigned port, const struct uvc_offer *offer,
		struct error *err)
{
	if (device->fd >= 0)
		return error_set(err, -EALREADY, "it is plugged in");
	uvc_init(&device->uvc, offer);
	return usbip_attach(port, &device->fd, err);
}

static void transfer_remove(struct device *device, unsigned index)
{
	device->transfer_count--;
	memmove(device->transfers + index, device->transfers + index + 1,
		(device->transfer_count - index) * sizeof(device->transfers[0]));
}

/* Sends what the transfers at hand take. A short one is the end of a payload. */
static int pump(struct device *device)
{
	while (device->sending && device->transfer_count > 0) {
		size_t room = min_size(device->transfers[0].size, UVC_PAYLOAD_MAX);
		size_t left = device->picture_size - device->picture_sent;
		size_t size = min_size(left, room - UVC_HEADER_SIZE);
		uint8_t header[UVC_HEADER_SIZE] = {UVC_HEADER_SIZE, UVC_PAYLOAD_HEADER_END};
		const struct usbip_piece pieces[2] = {
			{header, sizeof(header)},
			{device->picture + device->picture_sent, size},
		};

		header[1] |= device->frame_id;
		if (size == left)
			header[1] |= UVC_PAYLOAD_END;
		if (usbip_reply_in(device->fd, device->transfers[0].seq, pieces) < 0)
			return -EPIPE;
		transfer_remove(device, 0);
		device->picture_sent += size;
		device->sending = size < left;
	}
	return 0;
}

static int serve_unlink(struct device *device, const struct usbip_request *request)
{
	int status = 0; /* too late: it was answered */
	bool early = (int32_t)(request->unlinked - device->newest_seq) > 0;

	if (early && device->unlink_count < DEVICE_UNLINKS_MAX) {
		device->unlinks[device->unlink_count++] =
			(struct device_unlink){request->seq, request->unlinked};
		return 0;
	}

	for (unsigned i = 0; i < device->transfer_count; i++) {
		if (device->transfers[i].seq == request->unlinked) {
			transfer_remove(device, i);
			status = -ECONNRESET;
			break;
		}
	}
	if (device->transfer_count == 0)
		device->sending = false;
	return usbip_reply_unlink(device->fd, request->seq, status);
}

/* Was it taken back before it came? Then that is answered, and *ret says how that went. */
static bool is_unlinked(struct device *device, const struct usbip_request *request, int *ret)
{
	device->newest_seq = request->seq;
	for (unsigned i = 0; i < device->unlink_count; i++) {
		if (device->unlinks[i].unlinked == request->seq) {
			*ret = usbip_reply_unlink(device->fd, device->unlinks[i].seq, -ECONNRESET);
			device->unlinks[i] = device->unlinks[--device->unlink_count];
			return true;
		}
	}
	return false;
}

static int serve_control(struct device *device, const struct usbip_request *request)
{
	struct uvc_answer answer;

	uvc_control(&device->uvc, request, &answer);
	return usbip_reply(device->fd, request, answer.stalled ? -EPIPE : 0, answer.data,
			   answer.size);
}

static int serve_transfer(struct device *device, const struct usbip_request *request)
{
	struct device_transfer *transfer = &device->transfers[device->transfer_count];

	if (!request->in || request->size <= UVC_HEADER_SIZE ||
	    device->transfer_count == DEVICE_TRANSFERS_MAX)
		return usbip_reply(device->fd, request, -EPIPE, NULL, 0);
	*transfer = (struct device_transfer){request->seq, request->size};
	device->transfer_count++;
	return pump(device);
}

static enum device_event event_of(struct device *device, const struct usbip_request *request)
{
	if (device->uvc.committed) {
		device->uvc.committed = false;
		return DEVICE_STREAM_BEGINS;
	}
	if (request->kind == USBIP_SUBMIT && request->endpoint == 0 &&
	    uvc_request_ends_stream(request))
		return DEVICE_STREAM_ENDS;
	return DEVICE_NOTHING;
}

static int serve(struct device *device, const struct usbip_request *request)
{
	int r;

	if (request->kind == USBIP_UNLINK)
		return serve_unlink(device, request);
	if (is_unlinked(device, request, &r))
		return r;
	if (request->endpoint == 0)
		return serve_control(device, request);
	return serve_transfer(device, request);
}

enum device_event device_serve(struct device *device)
{
	struct usbip_request request;
	int r = usbip_read(device->fd, &request);

	if (r == 0)
		r = serve(device, &request);
	if (r < 0) {
		device_unplug(device);
		return DEVICE_GONE;
	}
	return event_of(device, &request);
}

bool device_is_ready(const struct device *device)
{
	return device->fd >= 0 && device->transfer_count > 0 && !device->sending;
}

int device_send(struct device *device, const uint8_t *data, size_t size)
{
	if (size > device->picture_capacity) {
		uint8_t *bigger = realloc(device->picture, size);
		if (bigger == NULL)
			return -ENOMEM;
		device->picture = bigger;
		device->picture_capacity = size;
	}
	memcpy(device->picture, data, size);
	device->picture_size = size;
	device->picture_sent = 0;
	device->sending = true;
	device->frame_id ^= UVC_PAYLOAD_FRAME_ID;
	/* A kernel that hung up is seen by the next device_serve(). */
	(void)pump(device);
	return 0;
}
