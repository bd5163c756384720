#include "streamer/v4l2ctl.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/videodev2.h>

#include "common/util.h"

#define LIST_MAX      1024 /* controls, and menu items, of a driver */
#define MENU_VALUES   256
#define EXPOSURE_UNIT 100 /* us: V4L2_CID_EXPOSURE_ABSOLUTE's */

static const struct {
	uint32_t id;
	const char *name, *unit;
	int scale; /* ours of V4L2's */
} known[] = {
	{V4L2_CID_BRIGHTNESS, "brightness", "", 1},
	{V4L2_CID_CONTRAST, "contrast", "", 1},
	{V4L2_CID_SATURATION, "saturation", "", 1},
	{V4L2_CID_SHARPNESS, "sharpness", "", 1},
	{V4L2_CID_EXPOSURE_ABSOLUTE, "exposure_us", "us", EXPOSURE_UNIT},
	{V4L2_CID_GAIN, "gain", "", 1},
	{V4L2_CID_AUTO_WHITE_BALANCE, "awb", "", 1},
	{V4L2_CID_HFLIP, "hflip", "", 1},
	{V4L2_CID_VFLIP, "vflip", "", 1},
	{V4L2_CID_ROTATE, "rotate", "degrees", 1},
	{V4L2_CID_WHITE_BALANCE_TEMPERATURE, "white_balance_temperature", "K", 1},
};

struct entry { /* a control, as V4L2 and as we have it */
	uint32_t id;
	uint32_t type;
	int scale;
	struct source_control control;
};

static bool is_number(uint32_t type)
{
	switch (type) {
	case V4L2_CTRL_TYPE_INTEGER:
	case V4L2_CTRL_TYPE_INTEGER64:
	case V4L2_CTRL_TYPE_BOOLEAN:
	case V4L2_CTRL_TYPE_MENU:
	case V4L2_CTRL_TYPE_INTEGER_MENU:
	case V4L2_CTRL_TYPE_BITMASK:
		return true;
	default: /* strings, arrays, buttons, headings */
		return false;
	}
}

/* "Exposure Time, Absolute" becomes "exposure_time_absolute". */
static void simplify_name(const char *from, char *to, size_t to_size)
{
	size_t len = 0;

	for (; *from != '\0' && len + 1 < to_size; from++) {
		unsigned char c = (unsigned char)*from;
		if (isalnum(c))
			to[len++] = (char)tolower(c);
		else if (len > 0 && to[len - 1] != '_')
			to[len++] = '_';
	}
	if (len > 0 && to[len - 1] == '_')
		len--;
	to[len] = '\0';
}

static void name_control(const struct v4l2_query_ext_ctrl *query, struct entry *entry)
{
	struct source_control *control = &entry->control;

	entry->scale = 1;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].id != query->id)
			continue;
		snprintf(control->name, sizeof(control->name), "%s", known[i].name);
		snprintf(control->unit, sizeof(control->unit), "%s", known[i].unit);
		entry->scale = known[i].scale;
		return;
	}
	simplify_name(query->name, control->name, sizeof(control->name));
}

static struct entry make_entry(const struct v4l2_query_ext_ctrl *query)
{
	struct entry entry = {.id = query->id, .type = query->type};
	struct source_control *control = &entry.control;
	/* V4L2 has bits there, read as a signed number. */
	double max = query->type == V4L2_CTRL_TYPE_BITMASK ? (double)(uint32_t)query->maximum
							   : (double)query->maximum;

	name_control(query, &entry);
	control->type = query->type == V4L2_CTRL_TYPE_BOOLEAN ? SOURCE_CONTROL_BOOL
							      : SOURCE_CONTROL_INTEGER;
	/* Inactive ones become active by another one's change. */
	control->writable = (query->flags & V4L2_CTRL_FLAG_READ_ONLY) == 0;
	control->min = (double)query->minimum * entry.scale;
	control->max = max * entry.scale;
	control->step = (double)query->step * entry.scale;
	control->default_value = (double)query->default_value * entry.scale;
	return entry;
}

/* The next that has a number, after *id. */
static bool next_entry(const struct v4l2dev *dev, uint32_t *id, struct entry *ret_entry)
{
	for (unsigned i = 0; i < LIST_MAX; i++) {
		struct v4l2_query_ext_ctrl query = {.id = *id | V4L2_CTRL_FLAG_NEXT_CTRL};
		if (v4l2dev_call(dev, VIDIOC_QUERY_EXT_CTRL, &query) < 0 || query.id <= *id)
			return false;
		*id = query.id;
		if ((query.flags & V4L2_CTRL_FLAG_DISABLED) != 0 || !is_number(query.type))
			continue;
		*ret_entry = make_entry(&query);
		if (ret_entry->control.name[0] != '\0')
			return true;
	}
	return false;
}

static int transfer(const struct v4l2dev *dev, unsigned long request, struct v4l2_ext_control *one)
{
	struct v4l2_ext_controls list = {
		.which = V4L2_CTRL_WHICH_CUR_VAL,
		.count = 1,
		.controls = one,
	};

	return v4l2dev_call(dev, request, &list);
}

static void read_value(const struct v4l2dev *dev, struct entry *entry)
{
	struct v4l2_ext_control one = {.id = entry->id};

	entry->control.value = entry->control.default_value;
	if (transfer(dev, VIDIOC_G_EXT_CTRLS, &one) < 0) /* write-only, or it does not answer */
		return;
	int64_t value = entry->type == V4L2_CTRL_TYPE_INTEGER64 ? one.value64 : one.value;
	if (entry->type == V4L2_CTRL_TYPE_BITMASK)
		value = (uint32_t)one.value;
	entry->control.value = (double)value * entry->scale;
}

static void read_menu(const struct v4l2dev *dev, struct entry *entry, struct source_caps *caps)
{
	struct source_control *control = &entry->control;
	bool numbers = entry->type == V4L2_CTRL_TYPE_INTEGER_MENU;

	if (entry->type != V4L2_CTRL_TYPE_MENU && !numbers)
		return;
	control->menu_first = caps->menu_count;
	for (double value = control->min; value <= control->max && value < MENU_VALUES; value++) {
		struct v4l2_querymenu query = {.id = entry->id, .index = (uint32_t)value};
		/* Not all values between the first and the last need be there. */
		if (v4l2dev_call(dev, VIDIOC_QUERYMENU, &query) < 0)
			continue;
		if (caps->menu_count == SOURCE_MENU_MAX)
			break;
		struct source_menu_item *item = &caps->menu[caps->menu_count++];
		item->value = query.index;
		if (numbers)
			snprintf(item->name, sizeof(item->name), "%lld", (long long)query.value);
		else
			snprintf(item->name, sizeof(item->name), "%.31s", (const char *)query.name);
	}
	control->menu_count = caps->menu_count - control->menu_first;
}

static bool has_control(const struct source_caps *caps, const char *name)
{
	for (unsigned i = 0; i < caps->control_count; i++)
		if (strcmp(caps->controls[i].name, name) == 0)
			return true;
	return false;
}

void v4l2ctl_read(const struct v4l2dev *dev, struct source_caps *ret_caps)
{
	struct entry entry;
	uint32_t id = 0;

	ret_caps->control_count = ret_caps->menu_count = 0;
	while (ret_caps->control_count < SOURCE_CONTROLS_MAX && next_entry(dev, &id, &entry)) {
		/* Of two of one name the first is the one that can be set. */
		if (has_control(ret_caps, entry.control.name))
			continue;
		read_value(dev, &entry);
		read_menu(dev, &entry, ret_caps);
		ret_caps->controls[ret_caps->control_count++] = entry.control;
	}
}

static int fail_set(const struct v4l2dev *dev, int r, const char *name, struct error *err)
{
	switch (r) {
	case -EACCES:
	case -EBUSY:
		return error_set(err, r, "%s: %s cannot be set now: another control decides it",
				 dev->path, name);
	case -EINVAL:
	case -ERANGE:
		return error_set(err, -ERANGE, "%s: %s has no such value", dev->path, name);
	default:
		return error_set(err, r, "%s: %s: %s", dev->path, name, strerror(-r));
	}
}

int v4l2ctl_set(const struct v4l2dev *dev, const char *name, const double *values, unsigned count,
		struct error *err)
{
	struct entry entry;
	uint32_t id = 0;

	while (next_entry(dev, &id, &entry)) {
		const struct source_control *control = &entry.control;
		if (strcmp(control->name, name) != 0)
			continue;
		if (!source_control_takes(control, values, count))
			return error_set(err, -ERANGE, "%s is from %g to %g", name, control->min,
					 control->max);
		struct v4l2_ext_control one = {.id = entry.id};
		int64_t own = (int64_t)(values[0] / entry.scale);
		if (entry.type == V4L2_CTRL_TYPE_INTEGER64)
			one.value64 = own;
		else
			one.value = (int32_t)(uint32_t)own;
		int r = transfer(dev, VIDIOC_S_EXT_CTRLS, &one);
		return r < 0 ? fail_set(dev, r, name, err) : 0;
	}
	return error_set(err, -ENOTSUP, "%s has no control '%s'", dev->path, name);
}
