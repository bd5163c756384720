#include "streamer/ops.h"

#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "streamer/args.h"
#include "streamer/statejson.h"

#define NEAREST_MAX 3

static void reply_running(struct op *op, const struct stream_status *status, bool pending)
{
	op_reply(op, json_pack("{s:b, s:b, s:b}", "running", status->running, "active",
			       status->pipeline.state == PIPELINE_RUNNING, "changed", op->changed));
	op->reply.pending = pending;
}

/* {"nearest":[...]}: what the camera has instead. */
static json_t *nearest_modes(const struct op *op, unsigned width, unsigned height)
{
	struct source_caps caps;
	struct source_mode nearest[NEAREST_MAX];
	json_t *modes = json_array();

	stream_get_caps(op->host->stream, &caps);
	unsigned count = source_caps_nearest(&caps, width, height, nearest, NEAREST_MAX);
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(modes, statejson_mode(&nearest[i]));
	return json_pack("{s:o}", "nearest", modes);
}

/* What the pipeline said to a picture that cannot be had. */
static void reply_picture_error(struct op *op, const struct error *error)
{
	switch (error->code) {
	case -ERANGE:
		op_fail(op, CTL_UNSUPPORTED, "/width",
			nearest_modes(op, op->requested.width, op->requested.height), error->text);
		break;
	case -EOPNOTSUPP:
		op_fail(op, CTL_CONFLICT, NULL, NULL, error->text);
		break;
	case -EBUSY:
		op_fail(op, CTL_BUSY, NULL, NULL, error->text);
		break;
	default:
		op_fail(op, CTL_UNAVAILABLE, NULL,
			json_pack("{s:i}", "retry_after_s", OP_RETRY_AFTER_S), error->text);
	}
}

/* Or somebody stopped it meanwhile, or the last viewer left. */
static bool flows_or_need_not(const struct op *op, const struct stream_status *status)
{
	(void)op;
	return status->pipeline.flowing || !status->demanded;
}

static bool is_idle_or_need_not(const struct op *op, const struct stream_status *status)
{
	(void)op;
	return status->pipeline.state == PIPELINE_IDLE || status->demanded;
}

static bool picture_took_effect(const struct op *op, const struct stream_status *status)
{
	const struct pipeline_change *change = &status->pipeline.change;

	return change->generation >= op->generation && !change->pending;
}

static void answer_picture(struct op *op, const struct stream_status *status, bool pending)
{
	const struct error *error = &status->pipeline.change.error;

	if (!pending && error->code != 0) {
		reply_picture_error(op, error);
		return;
	}
	op_reply(op, statejson_change(&op->requested, status, op->changed, pending));
	op->reply.pending = pending;
}

static const struct op_wait wait_for_flow = {flows_or_need_not, reply_running};
static const struct op_wait wait_for_idle = {is_idle_or_need_not, reply_running};
static const struct op_wait wait_for_picture = {picture_took_effect, answer_picture};

static bool read_timeout(struct op *op, const json_t *args, int64_t *ret_us)
{
	const char *pointer;
	struct error err;

	if (args_timeout(args, ret_us, &pointer, &err) == 0)
		return true;
	op_fail(op, CTL_INVALID, pointer, NULL, err.text);
	return false;
}

static void set_running(struct op *op, const json_t *args, bool running)
{
	int64_t timeout_us;

	if (!read_timeout(op, args, &timeout_us))
		return;
	op->changed = stream_set_running(op->host->stream, running);
	op_wait_for(op, running ? &wait_for_flow : &wait_for_idle, timeout_us);
}

static void op_start(struct op *op, const json_t *args)
{
	set_running(op, args, true);
}

static void op_stop(struct op *op, const json_t *args)
{
	set_running(op, args, false);
}

static void op_resolution(struct op *op, const json_t *args)
{
	struct stream_status status;
	struct source_caps caps;

	(void)args;
	stream_get_status(op->host->stream, &status);
	stream_get_caps(op->host->stream, &caps);
	op_reply(op, statejson_resolution(&status, &caps));
}

/* No rate was asked for: as it is now, or as fast as that size goes. */
static unsigned usual_fps_milli(struct op *op, unsigned current_milli)
{
	const struct pipeline_picture *picture = &op->requested;
	struct source_caps caps;
	struct source_mode mode;

	stream_get_caps(op->host->stream, &caps);
	if (!source_caps_have(&caps, picture->width, picture->height, 0) ||
	    source_caps_nearest(&caps, picture->width, picture->height, &mode, 1) != 1)
		return current_milli;
	return (unsigned)max_i64(mode.fps_min_milli, min_i64(current_milli, mode.fps_max_milli));
}

static bool same_picture(const struct pipeline_picture *a, const struct pipeline_picture *b)
{
	return a->width == b->width && a->height == b->height && a->fps_milli == b->fps_milli;
}

/* Would it work? Answered from what the camera said it can do. */
static void answer_dry_run(struct op *op, const struct stream_status *status)
{
	const struct pipeline_picture *wanted = &op->requested;
	struct source_caps caps;
	struct error error = {0};

	stream_get_caps(op->host->stream, &caps);
	if (caps.backend[0] == '\0')
		error_set(&error, -ENODEV, "the camera is offline: %s", status->pipeline.reason);
	else if (caps.mode_count == 0)
		error_set(&error, -EOPNOTSUPP, "%s brings its own H.264 and offers no other size",
			  caps.backend);
	else if (!source_caps_have(&caps, wanted->width, wanted->height, wanted->fps_milli))
		error_set(&error, -ERANGE, "the camera has no mode %ux%u at that rate",
			  wanted->width, wanted->height);
	if (error.code != 0) {
		reply_picture_error(op, &error);
		return;
	}
	json_t *result = statejson_change(&op->requested, status, op->changed, true);
	json_object_set_new(result, "effective", statejson_picture(wanted));
	op_reply(op, result);
}

static void op_set_resolution(struct op *op, const json_t *args)
{
	struct pipeline_picture wish = args_wish(args);
	struct stream_status status;
	const char *pointer;
	struct error err;
	int64_t timeout_us;

	if (!read_timeout(op, args, &timeout_us))
		return;
	if (args_picture(args, &op->requested, &pointer, &err) < 0) {
		op_fail(op, CTL_INVALID, pointer, nearest_modes(op, wish.width, wish.height),
			err.text);
		return;
	}
	stream_get_status(op->host->stream, &status);
	if (op->requested.fps_milli == 0)
		op->requested.fps_milli =
			usual_fps_milli(op, status.pipeline.settings.picture.fps_milli);
	struct pipeline_picture effective = statejson_effective(&status);
	op->changed = !same_picture(&op->requested, &effective) ||
		      !same_picture(&op->requested, &status.pipeline.settings.picture);
	if (json_is_true(json_object_get(args, "dry_run"))) {
		answer_dry_run(op, &status);
		return;
	}
	if (!op->changed) {
		op_reply(op, statejson_change(&op->requested, &status, op->changed, false));
		return;
	}
	bool persist = !json_is_false(json_object_get(args, "persist"));
	op->generation = stream_set_picture(op->host->stream, &op->requested, persist);
	op_wait_for(op, &wait_for_picture, timeout_us);
}

static void op_fault(struct op *op, const json_t *args)
{
	const char *kind = json_string_value(json_object_get(args, "kind"));
	struct stream_status status;
	enum source_fault fault;

	stream_get_status(op->host->stream, &status);
	if (strcmp(status.pipeline.backend, "test") != 0) {
		op_fail(op, CTL_UNSUPPORTED, NULL, NULL, "only the test source has faults");
	} else if (kind == NULL || source_fault_parse(kind, &fault) < 0) {
		op_fail(op, CTL_INVALID, "/kind", NULL,
			"kind is none, unplug, stall, slow or burst");
	} else {
		stream_set_fault(op->host->stream, fault);
		op_reply(op, json_pack("{s:s}", "fault", kind));
	}
}

const struct op_entry ops_stream[] = {
	{"start", op_start},           {"stop", op_stop},
	{"resolution", op_resolution}, {"set-resolution", op_set_resolution},
	{"fault", op_fault},           {NULL, NULL},
};
