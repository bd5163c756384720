#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "streamer/ops.h"
#include "streamer/statejson.h"

static json_t *controls_body(const struct op *op)
{
	struct source_caps caps;

	stream_get_caps(op->host->stream, &caps);
	return statejson_controls(&caps);
}

static void op_controls(struct op *op, const json_t *args)
{
	(void)args;
	op_reply(op, controls_body(op));
}

static void fail_unknown(struct op *op, const struct source_caps *caps, const char *name)
{
	struct error error;
	json_t *extra = NULL;

	error_set(&error, -ENOENT, "this camera has no control '%.40s'", name);
	if (!op_has_failed(op)) { /* once is enough of a long list */
		json_t *list = json_array();
		for (unsigned i = 0; i < caps->control_count; i++)
			json_array_append_new(list, json_string(caps->controls[i].name));
		extra = json_pack("{s:o}", "allowed", list);
	}
	op_add_fault_of_key(op, CTL_INVALID, name, extra, error.text);
}

static const char *type_words(const struct source_control *control)
{
	static const char *const words[] = {
		[SOURCE_CONTROL_INTEGER] = "an integer",
		[SOURCE_CONTROL_FLOAT] = "a number",
		[SOURCE_CONTROL_BOOL] = "true or false",
	};

	return words[control->type];
}

static json_t *nearest_to(const struct source_control *control, const json_t *value)
{
	double number = json_number_value(value);

	return statejson_control_value(control, fmax(control->min, fmin(number, control->max)));
}

/* What one of its numbers may be. value: what came instead. */
static json_t *allowed_for(const struct source_control *control, const json_t *value)
{
	if (control->type == SOURCE_CONTROL_BOOL)
		return json_pack("{s:[b, b]}", "allowed", 1, 0);
	json_t *extra = json_pack("{s:{s:o, s:o}}", "allowed", "min",
				  statejson_control_value(control, control->min), "max",
				  statejson_control_value(control, control->max));
	if (json_is_number(value))
		json_object_set_new(extra, "nearest", nearest_to(control, value));
	return extra;
}

static bool is_sound(const struct source_control *control, const json_t *value)
{
	double number = json_number_value(value);

	if (control->type == SOURCE_CONTROL_BOOL)
		return json_is_boolean(value);
	if (control->type == SOURCE_CONTROL_INTEGER && !json_is_integer(value))
		return false;
	return json_is_number(value) && number >= control->min && number <= control->max;
}

/* what: of the control, "/awb_gains" or "/awb_gains/1". */
static void fail_value(struct op *op, const struct source_control *control, const char *what,
		       const json_t *value)
{
	struct error error;

	if (control->type == SOURCE_CONTROL_BOOL)
		error_set(&error, -EINVAL, "%s is true or false", what + 1);
	else
		error_set(&error, -ERANGE, "%s is %s from %g to %g", what + 1, type_words(control),
			  control->min, control->max);
	op_add_fault(op, CTL_INVALID, what, allowed_for(control, value), error.text);
}

static void check_list(struct op *op, const struct source_control *control, const json_t *list)
{
	char what[sizeof(control->name) + 24];
	struct error error;
	size_t i;
	json_t *value;

	snprintf(what, sizeof(what), "/%s", control->name);
	if (json_array_size(list) != control->value_count) {
		error_set(&error, -ERANGE, "%s is a list of %u, each %s from %g to %g",
			  control->name, control->value_count, type_words(control), control->min,
			  control->max);
		op_add_fault(op, CTL_INVALID, what, allowed_for(control, NULL), error.text);
		return;
	}
	json_array_foreach(list, i, value)
	{
		snprintf(what, sizeof(what), "/%s/%zu", control->name, i);
		if (!is_sound(control, value))
			fail_value(op, control, what, value);
	}
}

static void check_value(struct op *op, const struct source_control *control, const json_t *value)
{
	char what[sizeof(control->name) + 2];
	struct error error;

	snprintf(what, sizeof(what), "/%s", control->name);
	if (!control->writable) {
		error_set(&error, -EACCES, "%s can only be read", control->name);
		op_add_fault(op, CTL_UNSUPPORTED, what, NULL, error.text);
	} else if (json_is_null(value)) {
		return;
	} else if (control->value_count > 1) {
		check_list(op, control, value);
	} else if (!is_sound(control, value)) {
		fail_value(op, control, what, value);
	}
}

/* All are checked before any is set, and all that is wrong is told. */
static bool check_controls(struct op *op, const struct source_caps *caps, json_t *patch)
{
	const char *name;
	json_t *value;

	json_object_foreach(patch, name, value)
	{
		const struct source_control *control = source_caps_find_control(caps, name);
		if (control != NULL)
			check_value(op, control, value);
		else
			fail_unknown(op, caps, name);
	}
	return !op_has_failed(op);
}

/* As it is written in the answer, whichever way it was in the patch: 1 for 1.0. */
static json_t *wanted_value(const struct source_control *control, const json_t *value)
{
	struct pipeline_control wanted;

	if (json_is_null(value) || !settings_read_control(control->name, value, &wanted))
		return statejson_control_values(control, control->default_values);
	return statejson_control_values(control, wanted.values);
}

static bool would_change(const struct source_caps *caps, json_t *effective, json_t *patch)
{
	bool changed = false;
	const char *name;
	json_t *value;

	json_object_foreach(patch, name, value)
	{
		const struct source_control *control = source_caps_find_control(caps, name);
		json_t *entry = json_object_get(effective, name);
		json_t *wanted = wanted_value(control, value);
		changed |= !json_equal(json_object_get(entry, "value"), wanted);
		json_object_set_new(entry, "value", wanted);
	}
	return changed;
}

static void answer_controls(struct op *op, const struct stream_status *status, bool pending)
{
	const struct error *error = &status->outcome.error;
	char pointer[64];

	if (!pending && error->code != 0) {
		/* The camera's own limits may depend on one another: who asked sees which it was.
		 */
		snprintf(pointer, sizeof(pointer), "/%s",
			 json_object_iter_key(json_object_iter(op->requested)));
		op_fail_change(op, error, pointer, NULL);
	} else {
		op_reply_change(op, controls_body(op), status, pending, false);
	}
}

static void change_controls(struct op *op, json_t *patch, const struct args_change *change)
{
	static const struct op_wait wait_for_controls = {op_outcome_is_there, answer_controls};
	struct stream_status status;
	struct source_caps caps;

	stream_get_caps(op->host->stream, &caps);
	stream_get_status(op->host->stream, &status);
	if (caps.backend[0] == '\0') {
		op_fail_unavailable(op, status.pipeline.reason);
		return;
	}
	if (!check_controls(op, &caps, patch))
		return;
	json_t *effective = statejson_controls(&caps);
	op->requested = json_incref(patch);
	op->changed = would_change(&caps, effective, patch);
	if (change->dry_run || json_object_size(patch) == 0) {
		op_reply_change(op, effective, &status, true, false);
		op->reply.pending = false;
		return;
	}
	json_decref(effective);
	op_change(op, json_pack("{s:O}", "controls", patch), change, &wait_for_controls);
}

static void op_set_controls(struct op *op, const json_t *args)
{
	json_t *patch = json_object_get(args, "patch");
	struct args_change change;

	if (!op_read_change(op, args, controls_body(op), &change))
		return;
	if (!json_is_object(patch))
		op_fail(op, CTL_INVALID, "", NULL, "a patch is an object (RFC 7396)");
	else
		change_controls(op, patch, &change);
}

static void op_reset_control(struct op *op, const json_t *args)
{
	const char *name = json_string_value(json_object_get(args, "name"));
	struct args_change change;
	struct source_caps caps;

	if (!op_read_change(op, args, controls_body(op), &change))
		return;
	stream_get_caps(op->host->stream, &caps);
	if (name == NULL ||
	    (caps.backend[0] != '\0' && source_caps_find_control(&caps, name) == NULL)) {
		op_fail(op, CTL_NOT_FOUND, "/name", NULL, "this camera has no such control");
		return;
	}
	json_t *patch = json_pack("{s:n}", name);
	change_controls(op, patch, &change);
	json_decref(patch);
}

const struct op_entry ops_controls[] = {
	{"controls", op_controls},
	{"set-controls", op_set_controls},
	{"reset-control", op_reset_control},
	{NULL, NULL},
};
