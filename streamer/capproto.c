#include "streamer/capproto.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/util.h"
#include "streamer/utf8.h"

#define SIZE_MAX_PIXELS 32768
#define FPS_MAX_MILLI   1000000
#define ERRNO_MAX       4095

struct kind {
	size_t size;
	const char *name;
};

#define KIND(type, member) \
	[CAPPROTO_##type] = {sizeof(((union capproto_message *)0)->member), #type}

static const struct kind kinds[] = {
	KIND(HELLO, hello), KIND(LIST, list),       KIND(CAMERA, camera),   KIND(LISTED, listed),
	KIND(OPEN, open),   KIND(OPENED, opened),   KIND(BUFFER, buffer),   KIND(FRAME, frame),
	KIND(DONE, done),   KIND(CONTROL, control), KIND(SET_FPS, set_fps), KIND(RESULT, result),
	KIND(LOST, result),
};

size_t capproto_size(uint32_t type)
{
	return type < ARRAY_SIZE(kinds) ? kinds[type].size : 0;
}

/* --- what all of them have; each returns what is wrong, or NULL */

/* Ends within its field, in UTF-8 without control characters (C0, DEL, C1: U+0080 to U+009F). */
static bool is_text(const char *text, size_t max)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t size = strnlen(text, max);
	uint32_t state = UTF8_COMPLETE;

	if (size == max || !utf8_feed(&state, bytes, size, NULL) || state != UTF8_COMPLETE)
		return false;
	for (size_t i = 0; i < size; i++)
		if (bytes[i] < ' ' || bytes[i] == 0x7f || (bytes[i] == 0xc2 && bytes[i + 1] < 0xa0))
			return false;
	return true;
}

#define IS_TEXT(array) is_text(array, sizeof(array))
#define IS_NAME(array) ((array)[0] != '\0' && IS_TEXT(array))

/* Not even looked at as a bool before it is known to be one. */
static bool is_flag(const void *flag)
{
	return *(const uint8_t *)flag <= 1;
}

/* Do count things from first on lie within all? */
static bool is_within(uint32_t first, uint32_t count, uint32_t all)
{
	return first <= all && count <= all - first;
}

static bool is_extent(unsigned min, unsigned max, unsigned step)
{
	return min >= 1 && min <= max && max <= SIZE_MAX_PIXELS && (step != 0 || min == max);
}

static const char *check_mode(const struct source_mode *mode)
{
	if (!is_extent(mode->width_min, mode->width_max, mode->width_step) ||
	    !is_extent(mode->height_min, mode->height_max, mode->height_step))
		return "a mode without a size";
	if (mode->fps_min_milli > mode->fps_max_milli || mode->fps_max_milli > FPS_MAX_MILLI)
		return "a mode without a rate";
	return NULL;
}

/* The type as the number that came, whatever the compiler thinks that an enum can be. */
static uint32_t type_of(const struct source_control *control)
{
	uint32_t type;

	_Static_assert(sizeof(type) == sizeof(control->type), "an enum is 32 bits");
	memcpy(&type, &control->type, sizeof(type));
	return type;
}

static const char *check_control_caps(const struct source_control *control, unsigned menu_count)
{
	if (!IS_NAME(control->name) || !IS_TEXT(control->unit))
		return "a control whose name is no text";
	if (type_of(control) > SOURCE_CONTROL_BOOL || !is_flag(&control->writable))
		return "a control of no kind";
	if (control->value_count > SOURCE_VALUES_MAX)
		return "a control with too many values";
	/* Drivers have values and defaults outside of the range: those are theirs. */
	for (unsigned i = 0; i == 0 || i < control->value_count; i++)
		if (!isfinite(control->values[i]) || !isfinite(control->default_values[i]))
			return "a control whose value is no number";
	if (!isfinite(control->min) || !isfinite(control->max) || !isfinite(control->step) ||
	    control->min > control->max || control->step < 0)
		return "a control without a range";
	if (!is_within(control->menu_first, control->menu_count, menu_count))
		return "a control with a menu that is not there";
	return NULL;
}

static const char *check_caps(const struct source_caps *caps)
{
	const char *wrong = NULL;

	if (!IS_TEXT(caps->backend) || !IS_NAME(caps->id) || !IS_TEXT(caps->name))
		return "a camera whose name is no text";
	if (caps->mode_count > SOURCE_MODES_MAX || caps->control_count > SOURCE_CONTROLS_MAX ||
	    caps->menu_count > SOURCE_MENU_MAX || !is_flag(&caps->encoded))
		return "more than there is room for";
	for (unsigned i = 0; wrong == NULL && i < caps->mode_count; i++)
		wrong = check_mode(&caps->modes[i]);
	for (unsigned i = 0; wrong == NULL && i < caps->control_count; i++)
		wrong = check_control_caps(&caps->controls[i], caps->menu_count);
	for (unsigned i = 0; wrong == NULL && i < caps->menu_count; i++)
		if (!IS_TEXT(caps->menu[i].name))
			wrong = "a menu whose words are no text";
	return wrong;
}

/* --- each of them */

static const char *check_open(const struct capproto_open *open)
{
	if (!IS_TEXT(open->id))
		return "an id that is no text";
	if (open->width > SIZE_MAX_PIXELS || open->height > SIZE_MAX_PIXELS ||
	    open->fps_milli > FPS_MAX_MILLI)
		return "a size or rate that nothing has";
	return NULL;
}

static const char *check_opened(const struct capproto_opened *opened)
{
	if (opened->width < 1 || opened->width > SIZE_MAX_PIXELS || opened->height < 1 ||
	    opened->height > SIZE_MAX_PIXELS || opened->fps_milli > FPS_MAX_MILLI)
		return "a size or rate that nothing has";
	if (opened->full_range > 1)
		return "a flag that is neither 0 nor 1";
	if (opened->buffer_count < 1 || opened->buffer_count > CAPPROTO_BUFFERS_MAX ||
	    opened->plane_count < 1 || opened->plane_count > CAPPROTO_PLANES_MAX)
		return "no buffers, or too many";
	for (unsigned i = 0; i < opened->plane_count; i++) {
		const struct capproto_plane *plane = &opened->plane[i];
		if (plane->size == 0 || !is_within(plane->offset, plane->size, UINT32_MAX))
			return "a plane of no size, or past 4 GiB";
	}
	return NULL;
}

static const char *check_control(const struct capproto_control *control)
{
	if (!IS_NAME(control->name))
		return "a name that is no text";
	if (control->count < 1 || control->count > ARRAY_SIZE(control->value))
		return "no values, or too many";
	for (unsigned i = 0; i < control->count; i++)
		if (!isfinite(control->value[i]))
			return "a value that is no number";
	return NULL;
}

static const char *check_result(const struct capproto_result *result)
{
	bool failed = result->code < 0 || result->type == CAPPROTO_LOST;

	if (result->code > 0 || result->code < -ERRNO_MAX ||
	    (result->code == 0 && result->type == CAPPROTO_LOST))
		return "a code that is no error";
	if (!IS_TEXT(result->text) || (failed && result->text[0] == '\0'))
		return "words that are no text";
	return NULL;
}

static const char *check_buffer(const struct capproto_buffer *buffer)
{
	if (buffer->index >= CAPPROTO_BUFFERS_MAX || buffer->bytes == 0 || buffer->dmabuf > 1)
		return "a buffer that cannot be";
	return NULL;
}

static const char *check_frame(const struct capproto_frame *frame)
{
	if (frame->index >= CAPPROTO_BUFFERS_MAX || frame->pts_us < 0)
		return "a frame that cannot be";
	return NULL;
}

static const char *check_by_type(const union capproto_message *msg)
{
	switch (msg->type) {
	case CAPPROTO_HELLO:
		return IS_TEXT(msg->hello.libcamera) ? NULL : "a version that is no text";
	case CAPPROTO_CAMERA:
		return check_caps(&msg->camera.caps);
	case CAPPROTO_OPEN:
		return check_open(&msg->open);
	case CAPPROTO_OPENED:
		return check_opened(&msg->opened);
	case CAPPROTO_BUFFER:
		return check_buffer(&msg->buffer);
	case CAPPROTO_FRAME:
		return check_frame(&msg->frame);
	case CAPPROTO_DONE:
		return msg->done.index < CAPPROTO_BUFFERS_MAX ? NULL : "a buffer that cannot be";
	case CAPPROTO_CONTROL:
		return check_control(&msg->control);
	case CAPPROTO_SET_FPS:
		return msg->set_fps.fps_milli <= FPS_MAX_MILLI ? NULL : "a rate that nothing has";
	case CAPPROTO_RESULT:
	case CAPPROTO_LOST:
		return check_result(&msg->result);
	default: /* LIST and LISTED say nothing that could be wrong */
		return NULL;
	}
}

int capproto_check(const union capproto_message *msg, size_t size, struct error *err)
{
	if (size < sizeof(msg->type) || capproto_size(msg->type) == 0)
		return error_set(err, -EPROTO, "%zu bytes that are no message", size);
	if (size != capproto_size(msg->type))
		return error_set(err, -EPROTO, "%s: %zu bytes, not %zu", kinds[msg->type].name,
				 size, capproto_size(msg->type));
	const char *wrong = check_by_type(msg);
	if (wrong != NULL)
		return error_set(err, -EPROTO, "%s: %s", kinds[msg->type].name, wrong);
	return 0;
}
