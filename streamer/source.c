#include "streamer/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"

static const char *const fault_words[] = {
	[SOURCE_FAULT_NONE] = "none",   [SOURCE_FAULT_UNPLUG] = "unplug",
	[SOURCE_FAULT_STALL] = "stall", [SOURCE_FAULT_SLOW] = "slow",
	[SOURCE_FAULT_BURST] = "burst",
};

static _Thread_local int stop_fd = -1;

void source_set_stop_fd(int fd)
{
	stop_fd = fd;
}

int source_stop_fd(void)
{
	return stop_fd;
}

const struct source_ops *source_find(const char *name)
{
	for (unsigned i = 0; source_backends[i] != NULL; i++)
		if (strcmp(source_backends[i]->name, name) == 0)
			return source_backends[i];
	return NULL;
}

static void log_choice(const struct source_ops *ops)
{
	struct source_info *list = NULL;
	int count = source_list(ops, &list);

	if (count > 0)
		log_info("source", "auto: %s has %d camera%s; the first is '%s' (%s)", ops->name,
			 count, count > 1 ? "s" : "", list[0].caps.name, list[0].caps.id);
	else
		log_info("source", "auto: %s has a camera", ops->name);
	free(list);
}

const struct source_ops *source_choose(const char *name)
{
	if (strcmp(name, "auto") != 0)
		return source_find(name);
	for (const struct source_ops *const *ops = source_backends; *ops != NULL; ops++) {
		if ((*ops)->is_present != NULL && (*ops)->is_present()) {
			log_choice(*ops);
			return *ops;
		}
	}
	log_info("source", "auto: no camera was found: showing the test pattern");
	return source_find("test");
}

int source_list(const struct source_ops *ops, struct source_info **ret_list)
{
	struct source_info *list = calloc(SOURCE_LIST_MAX, sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	*ret_list = list;
	return ops->list != NULL ? (int)ops->list(list, SOURCE_LIST_MAX) : 0;
}

int source_probe(const struct source_ops *ops, const char *device, struct source_caps *ret_caps,
		 struct error *err)
{
	return ops->probe(device, ret_caps, err);
}

int source_open(const struct source_ops *ops, const struct source_config *cfg,
		struct source **ret_source, struct error *err)
{
	return ops->open(cfg, ret_source, err);
}

void source_close(struct source *src)
{
	if (src != NULL)
		src->ops->close(src);
}

void source_get_format(const struct source *src, struct source_format *ret_format)
{
	src->ops->get_format(src, ret_format);
}

int source_fd(const struct source *src)
{
	return src->ops->get_fd(src);
}

int source_dequeue(struct source *src, struct frame *ret_frame)
{
	return src->ops->dequeue(src, ret_frame);
}

void source_release(struct source *src, uint32_t index)
{
	src->ops->release(src, index);
}

const char *source_reason(const struct source *src)
{
	return src->ops->get_reason != NULL ? src->ops->get_reason(src) : "the camera is gone";
}

uint64_t source_dropped(const struct source *src)
{
	return src->ops->get_dropped != NULL ? src->ops->get_dropped(src) : 0;
}

int source_set_control(struct source *src, const char *name, const double *values, unsigned count,
		       struct error *err)
{
	if (src->ops->set_control == NULL)
		return error_set(err, -ENOTSUP, "the source '%s' has no controls", src->ops->name);
	return src->ops->set_control(src, name, values, count, err);
}

unsigned source_value_count(unsigned value_count)
{
	return value_count > 1 ? value_count : 1;
}

bool source_control_takes(const struct source_control *control, const double *values,
			  unsigned count)
{
	if (count != source_value_count(control->value_count))
		return false;
	/* Written so that a NaN is outside, too. */
	for (unsigned i = 0; i < count; i++)
		if (!(values[i] >= control->min && values[i] <= control->max))
			return false;
	return true;
}

int source_set_fault(const struct source_ops *ops, enum source_fault fault, struct error *err)
{
	if (ops->set_fault == NULL)
		return error_set(err, -ENOTSUP, "the source '%s' has no faults to act out",
				 ops->name);
	ops->set_fault(fault);
	return 0;
}

int source_set_fps(struct source *src, unsigned fps_milli)
{
	return src->ops->set_fps != NULL ? src->ops->set_fps(src, fps_milli) : -ENOTSUP;
}

static bool is_on_step(unsigned value, unsigned min, unsigned max, unsigned step)
{
	if (value < min || value > max)
		return false;
	return step == 0 ? value == min : (value - min) % step == 0;
}

bool source_mode_has(const struct source_mode *mode, unsigned width, unsigned height,
		     unsigned fps_milli)
{
	if (!is_on_step(width, mode->width_min, mode->width_max, mode->width_step) ||
	    !is_on_step(height, mode->height_min, mode->height_max, mode->height_step))
		return false;
	return fps_milli == 0 ||
	       (fps_milli >= mode->fps_min_milli && fps_milli <= mode->fps_max_milli);
}

bool source_caps_have(const struct source_caps *caps, unsigned width, unsigned height,
		      unsigned fps_milli)
{
	for (unsigned i = 0; i < caps->mode_count; i++)
		if (source_mode_has(&caps->modes[i], width, height, fps_milli))
			return true;
	return false;
}

static unsigned nearest_on_step(unsigned value, unsigned min, unsigned max, unsigned step)
{
	if (value <= min || step == 0)
		return min;
	unsigned steps_max = (max - min) / step;
	unsigned steps = (value - min) / step;
	unsigned rest = (value - min) % step;
	if (rest > step - rest)
		steps++;
	return min + (steps < steps_max ? steps : steps_max) * step;
}

static struct source_mode mode_nearest(const struct source_mode *mode, unsigned width,
				       unsigned height)
{
	struct source_mode nearest = *mode;

	nearest.width_min =
		nearest_on_step(width, mode->width_min, mode->width_max, mode->width_step);
	nearest.width_max = nearest.width_min;
	nearest.width_step = 0;
	nearest.height_min =
		nearest_on_step(height, mode->height_min, mode->height_max, mode->height_step);
	nearest.height_max = nearest.height_min;
	nearest.height_step = 0;
	return nearest;
}

static double ratio_of(double a, double b)
{
	return a > b ? a / b : b / a;
}

/* How many times larger or smaller, times how much wider or narrower: 1 is the same. */
static double mode_distance(const struct source_mode *mode, unsigned width, unsigned height)
{
	double mode_width = mode->width_min, mode_height = mode->height_min;

	return ratio_of(mode_width * mode_height, (double)width * height) *
	       ratio_of(mode_width * height, mode_height * width);
}

unsigned source_caps_nearest(const struct source_caps *caps, unsigned width, unsigned height,
			     struct source_mode *ret_modes, unsigned max)
{
	unsigned count = 0;

	if (width == 0 || height == 0)
		return 0;
	for (unsigned i = 0; i < caps->mode_count && max > 0; i++) {
		struct source_mode mode = mode_nearest(&caps->modes[i], width, height);
		double distance = mode_distance(&mode, width, height);
		unsigned at = count < max ? count++ : max;
		for (; at > 0; at--) {
			if (mode_distance(&ret_modes[at - 1], width, height) <= distance)
				break;
			if (at < max)
				ret_modes[at] = ret_modes[at - 1];
		}
		if (at < max)
			ret_modes[at] = mode;
	}
	return count;
}

const struct source_control *source_caps_find_control(const struct source_caps *caps,
						      const char *name)
{
	for (unsigned i = 0; i < caps->control_count; i++)
		if (strcmp(caps->controls[i].name, name) == 0)
			return &caps->controls[i];
	return NULL;
}

const char *source_fault_word(enum source_fault fault)
{
	return (size_t)fault < ARRAY_SIZE(fault_words) ? fault_words[fault] : "unknown";
}

int source_fault_parse(const char *word, enum source_fault *ret_fault)
{
	for (size_t i = 0; i < ARRAY_SIZE(fault_words); i++) {
		if (strcmp(fault_words[i], word) == 0) {
			*ret_fault = (enum source_fault)i;
			return 0;
		}
	}
	return -EINVAL;
}
