#include "streamer/args.h"

#include <errno.h>
#include <math.h>

#include "common/util.h"
#include "streamer/conf.h"

#define TIMEOUT_DEFAULT_MS 5000
#define TIMEOUT_MAX_MS     20000
#define PAGE_DEFAULT       100
#define PAGE_MAX           200 /* so many fit into a packet */
#define OFFSET_MAX         1000000

int args_timeout(const json_t *args, int64_t *ret_us, const char **ret_pointer, struct error *err)
{
	const json_t *value = json_object_get(args, "timeout_ms");
	json_int_t ms = value != NULL ? json_integer_value(value) : TIMEOUT_DEFAULT_MS;

	if ((value != NULL && !json_is_integer(value)) || ms < 0 || ms > TIMEOUT_MAX_MS) {
		*ret_pointer = "/timeout_ms";
		return error_set(err, -EINVAL, "timeout_ms is an integer from 0 to %d",
				 TIMEOUT_MAX_MS);
	}
	*ret_us = ms * 1000;
	return 0;
}

static int read_flag(const json_t *args, const char *key, const char *pointer, bool *flag,
		     const char **ret_pointer, struct error *err)
{
	const json_t *value = json_object_get(args, key);

	if (value != NULL && !json_is_boolean(value)) {
		*ret_pointer = pointer;
		return error_set(err, -EINVAL, "%s is true or false", key);
	}
	if (value != NULL)
		*flag = json_is_true(value);
	return 0;
}

static int read_tags(const json_t *args, const char *key, const char *pointer, const char **tags,
		     const char **ret_pointer, struct error *err)
{
	const json_t *value = json_object_get(args, key);

	if (value != NULL && !json_is_string(value)) {
		*ret_pointer = pointer;
		return error_set(err, -EINVAL, "%s is the text of the header field", key);
	}
	*tags = json_string_value(value);
	return 0;
}

int args_change(const json_t *args, struct args_change *ret_change, const char **ret_pointer,
		struct error *err)
{
	struct args_change change = {.persist = true};
	int r = args_timeout(args, &change.timeout_us, ret_pointer, err);

	if (r == 0)
		r = read_flag(args, "dry_run", "/dry_run", &change.dry_run, ret_pointer, err);
	if (r == 0)
		r = read_flag(args, "persist", "/persist", &change.persist, ret_pointer, err);
	if (r == 0)
		r = read_tags(args, "if_match", "/if_match", &change.if_match, ret_pointer, err);
	if (r == 0)
		r = read_tags(args, "if_none_match", "/if_none_match", &change.if_none_match,
			      ret_pointer, err);
	if (r < 0)
		return r;
	*ret_change = change;
	return 0;
}

static int read_count(const json_t *args, const char *key, const char *pointer, unsigned max,
		      unsigned *count, const char **ret_pointer, struct error *err)
{
	const json_t *value = json_object_get(args, key);
	json_int_t number = json_integer_value(value);

	if (value == NULL)
		return 0;
	if (!json_is_integer(value) || number < 0 || number > max) {
		*ret_pointer = pointer;
		return error_set(err, -EINVAL, "%s is an integer from 0 to %u", key, max);
	}
	*count = (unsigned)number;
	return 0;
}

int args_page(const json_t *args, unsigned *ret_offset, unsigned *ret_limit,
	      const char **ret_pointer, struct error *err)
{
	unsigned offset = 0, limit = PAGE_DEFAULT;
	int r = read_count(args, "offset", "/offset", OFFSET_MAX, &offset, ret_pointer, err);

	if (r == 0)
		r = read_count(args, "limit", "/limit", PAGE_MAX, &limit, ret_pointer, err);
	if (r < 0)
		return r;
	*ret_offset = offset;
	*ret_limit = limit;
	return 0;
}

struct limits {
	const char *key, *pointer;
	unsigned min, max; /* pixels */
};

static const struct limits width_limits = {"width", "/width", CONF_WIDTH_MIN, CONF_WIDTH_MAX};
static const struct limits height_limits = {"height", "/height", CONF_HEIGHT_MIN, CONF_HEIGHT_MAX};

static bool read_pixels(const json_t *args, const struct limits *limits, unsigned *ret_value,
			struct args_fault *ret_fault)
{
	const json_t *value = json_object_get(args, limits->key);
	json_int_t pixels = json_integer_value(value);

	if (!json_is_integer(value) || pixels < limits->min || pixels > limits->max ||
	    pixels % 2 != 0) {
		ret_fault->pointer = limits->pointer;
		error_set(&ret_fault->error, -EINVAL, "%s is an even integer from %u to %u",
			  limits->key, limits->min, limits->max);
		return false;
	}
	*ret_value = (unsigned)pixels;
	return true;
}

static bool read_fps(const json_t *args, unsigned *ret_milli, struct args_fault *ret_fault)
{
	const json_t *value = json_object_get(args, "fps");
	double fps = json_number_value(value);

	if (value == NULL) {
		*ret_milli = 0;
		return true;
	}
	if (!json_is_number(value) || !(fps >= 1 && fps <= CONF_FPS_MAX)) {
		ret_fault->pointer = "/fps";
		error_set(&ret_fault->error, -EINVAL, "fps is a number from 1 to %d", CONF_FPS_MAX);
		return false;
	}
	*ret_milli = (unsigned)lround(fps * 1000);
	return true;
}

unsigned args_picture(const json_t *args, struct pipeline_picture *ret_picture,
		      struct args_fault ret_faults[static ARGS_PICTURE_FAULTS])
{
	struct pipeline_picture picture;
	unsigned count = 0;

	count += !read_pixels(args, &width_limits, &picture.width, &ret_faults[count]);
	count += !read_pixels(args, &height_limits, &picture.height, &ret_faults[count]);
	count += !read_fps(args, &picture.fps_milli, &ret_faults[count]);
	if (count == 0)
		*ret_picture = picture;
	return count;
}

static unsigned wish(const json_t *args, const struct limits *limits)
{
	json_int_t pixels = json_integer_value(json_object_get(args, limits->key));

	return (unsigned)max_i64(limits->min, min_i64(pixels, limits->max));
}

struct pipeline_picture args_wish(const json_t *args)
{
	return (struct pipeline_picture){
		.width = wish(args, &width_limits),
		.height = wish(args, &height_limits),
	};
}
