#include "tests/vm/uvc.h"

#include <string.h>

#include "common/util.h"
#include "tests/vm/uvc_descriptors.h"

#define TYPE_KIND     0x60 /* bits of usbip_setup.type */
#define TYPE_STANDARD 0x00
#define TYPE_CLASS    0x20

enum standard_request { /* USB 2.0 table 9-4 */
			GET_STATUS = 0,
			CLEAR_FEATURE = 1,
			GET_DESCRIPTOR = 6,
			GET_CONFIGURATION = 8,
			SET_CONFIGURATION = 9,
			SET_INTERFACE = 11,
};

enum class_request { /* UVC 1.1 table A-8 */
		     SET_CUR = 0x01,
		     GET_CUR = 0x81,
		     GET_MIN = 0x82,
		     GET_MAX = 0x83,
		     GET_RES = 0x84,
		     GET_LEN = 0x85,
		     GET_INFO = 0x86,
		     GET_DEF = 0x87,
};

enum selector { /* UVC 1.1 tables */
		PROBE = 1,
		COMMIT = 2,
		BRIGHTNESS = 2,
		LINE_FREQUENCY = 5,
};

enum probe_field { /* where in the 34 bytes: UVC 1.1 table 4-47 */
		   PROBE_HINT = 0,
		   PROBE_FORMAT = 2,
		   PROBE_FRAME = 3,
		   PROBE_INTERVAL = 4,
		   PROBE_PICTURE_BYTES = 18,
		   PROBE_PAYLOAD_BYTES = 22,
		   PROBE_CLOCK = 26,
		   PROBE_FRAMING = 30,
};

#define INFO_GET_SET 3 /* both requests are supported */
#define H264_RATIO   4 /* YUYV's bytes to the most that a compressed picture has */

static void put_le(uint8_t *at, uint32_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_le32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void answer_le(struct uvc_answer *answer, uint32_t value, unsigned bytes)
{
	put_le(answer->data, value, bytes);
	answer->size = bytes;
}

/* The first interval that is not shorter than what was asked for. */
static uint32_t interval_granted(uint32_t wanted)
{
	unsigned i = 0;

	while (i < UVC_INTERVALS - 1 && uvc_intervals[i] < wanted)
		i++;
	return uvc_intervals[i];
}

/* Makes of a wish what can be had (UVC 1.1, 4.3.1.1). */
static void negotiate(struct uvc *uvc, const uint8_t *wish, size_t size)
{
	uint8_t *probe = uvc->probe;

	memset(probe, 0, sizeof(uvc->probe));
	memcpy(probe, wish, min_size(size, sizeof(uvc->probe)));
	if (probe[PROBE_FORMAT] < 1 || probe[PROBE_FORMAT] > uvc->offer.count)
		probe[PROBE_FORMAT] = 1;
	if (probe[PROBE_FRAME] < 1 || probe[PROBE_FRAME] > UVC_SIZES)
		probe[PROBE_FRAME] = 1;
	const struct uvc_size *picture = &uvc_sizes[probe[PROBE_FRAME] - 1];
	uint32_t bytes = picture->width * picture->height * 2;
	if (uvc->offer.formats[probe[PROBE_FORMAT] - 1] != UVC_YUYV)
		bytes /= H264_RATIO;
	uint32_t interval = interval_granted(get_le32(probe + PROBE_INTERVAL));
	put_le(probe + PROBE_INTERVAL, interval, 4);
	put_le(probe + PROBE_PICTURE_BYTES, bytes, 4);
	put_le(probe + PROBE_PAYLOAD_BYTES, UVC_PAYLOAD_MAX, 4);
	put_le(probe + PROBE_CLOCK, UVC_CLOCK_HZ, 4);
	probe[PROBE_FRAMING] = 3; /* frame id and end of frame are sent */
}

static void commit(struct uvc *uvc)
{
	uvc->mode = (struct uvc_mode){
		.format = uvc->offer.formats[uvc->probe[PROBE_FORMAT] - 1],
		.size = uvc_sizes[uvc->probe[PROBE_FRAME] - 1],
		.fps_milli = (unsigned)(10000000000 / get_le32(uvc->probe + PROBE_INTERVAL)),
		.picture_bytes = get_le32(uvc->probe + PROBE_PICTURE_BYTES),
	};
	uvc->committed = true;
}

void uvc_init(struct uvc *uvc, const struct uvc_offer *offer)
{
	memset(uvc, 0, sizeof(*uvc));
	uvc->offer = *offer;
	uvc->controls.line_frequency = 1;
	uvc->descriptor_size = uvc_describe(uvc->descriptors, offer);
	negotiate(uvc, (const uint8_t *)"", 0);
}

static void answer_descriptor(const struct uvc *uvc, unsigned value, struct uvc_answer *answer)
{
	switch (value >> 8) { /* USB 2.0 table 9-5 */
	case 1:
		answer->size = uvc_describe_device(answer->data);
		break;
	case 2:
		memcpy(answer->data, uvc->descriptors, uvc->descriptor_size);
		answer->size = uvc->descriptor_size;
		break;
	case 3:
		answer->size = uvc_describe_string(answer->data, value & 0xff);
		break;
	default:
		break;
	}
	answer->stalled = answer->size == 0;
}

static void control_standard(const struct uvc *uvc, const struct usbip_setup *setup,
			     struct uvc_answer *answer)
{
	switch (setup->request) {
	case GET_DESCRIPTOR:
		answer_descriptor(uvc, setup->value, answer);
		break;
	case GET_STATUS:
		answer_le(answer, 0, 2);
		break;
	case GET_CONFIGURATION:
		answer_le(answer, 1, 1);
		break;
	case CLEAR_FEATURE:
	case SET_CONFIGURATION:
	case SET_INTERFACE:
		break;
	default:
		answer->stalled = true;
	}
}

static void control_stream(struct uvc *uvc, const struct usbip_request *request,
			   struct uvc_answer *answer)
{
	unsigned selector = request->setup.value >> 8;

	if (selector != PROBE && selector != COMMIT) {
		answer->stalled = true;
		return;
	}
	switch (request->setup.request) {
	case SET_CUR:
		negotiate(uvc, request->data, request->size);
		if (selector == COMMIT)
			commit(uvc);
		break;
	case GET_INFO:
		answer_le(answer, INFO_GET_SET, 1);
		break;
	case GET_LEN:
		answer_le(answer, sizeof(uvc->probe), 2);
		break;
	default: /* GET_CUR, GET_MIN, GET_MAX, GET_DEF */
		memcpy(answer->data, uvc->probe, sizeof(uvc->probe));
		answer->size = sizeof(uvc->probe);
	}
}

struct unit_control { /* one of the processing unit's */
	unsigned selector, size;
	int min, max, step, fallback;
};

static const struct unit_control unit_controls[] = {
	{BRIGHTNESS, 2, -64, 64, 1, 0},
	{LINE_FREQUENCY, 1, 0, 2, 1, 1},
};

static int unit_get(const struct uvc *uvc, const struct unit_control *control)
{
	if (control->selector == BRIGHTNESS)
		return uvc->controls.brightness;
	return (int)uvc->controls.line_frequency;
}

static bool unit_set(struct uvc *uvc, const struct unit_control *control, const uint8_t *data)
{
	int value = control->size == 2 ? (int16_t)(data[0] | data[1] << 8) : data[0];

	if (value < control->min || value > control->max)
		return false;
	if (control->selector == BRIGHTNESS)
		uvc->controls.brightness = value;
	else
		uvc->controls.line_frequency = (unsigned)value;
	return true;
}

static void unit_answer(struct uvc *uvc, const struct unit_control *control,
			const struct usbip_request *request, struct uvc_answer *answer)
{
	switch (request->setup.request) {
	case SET_CUR:
		answer->stalled =
			request->size < control->size || !unit_set(uvc, control, request->data);
		break;
	case GET_CUR:
		answer_le(answer, (uint32_t)unit_get(uvc, control), control->size);
		break;
	case GET_MIN:
		answer_le(answer, (uint32_t)control->min, control->size);
		break;
	case GET_MAX:
		answer_le(answer, (uint32_t)control->max, control->size);
		break;
	case GET_RES:
		answer_le(answer, (uint32_t)control->step, control->size);
		break;
	case GET_DEF:
		answer_le(answer, (uint32_t)control->fallback, control->size);
		break;
	case GET_INFO:
		answer_le(answer, INFO_GET_SET, 1);
		break;
	case GET_LEN:
		answer_le(answer, control->size, 2);
		break;
	default:
		answer->stalled = true;
	}
}

static void control_unit(struct uvc *uvc, const struct usbip_request *request,
			 struct uvc_answer *answer)
{
	unsigned selector = request->setup.value >> 8;

	for (size_t i = 0; i < ARRAY_SIZE(unit_controls); i++) {
		if (unit_controls[i].selector == selector) {
			unit_answer(uvc, &unit_controls[i], request, answer);
			return;
		}
	}
	answer->stalled = true;
}

static void control_class(struct uvc *uvc, const struct usbip_request *request,
			  struct uvc_answer *answer)
{
	unsigned interface = request->setup.index & 0xff;
	unsigned entity = request->setup.index >> 8;

	if (interface == UVC_INTERFACE_STREAM)
		control_stream(uvc, request, answer);
	else if (interface == UVC_INTERFACE_CONTROL && entity == UVC_ENTITY_PROCESSING)
		control_unit(uvc, request, answer);
	else
		answer->stalled = true;
}

void uvc_control(struct uvc *uvc, const struct usbip_request *request,
		 struct uvc_answer *ret_answer)
{
	struct uvc_answer *answer = ret_answer;

	memset(answer, 0, sizeof(*answer));
	switch (request->setup.type & TYPE_KIND) {
	case TYPE_STANDARD:
		control_standard(uvc, &request->setup, answer);
		break;
	case TYPE_CLASS:
		control_class(uvc, request, answer);
		break;
	default:
		answer->stalled = true;
	}
	answer->size = min_size(answer->size, min_size(request->size, request->setup.length));
	if (!request->in)
		answer->size = answer->stalled ? 0 : request->size;
}

bool uvc_request_ends_stream(const struct usbip_request *request)
{
	return request->setup.type == 0x02 && request->setup.request == CLEAR_FEATURE &&
	       request->setup.index == (0x80 | UVC_ENDPOINT);
}
