#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "streamer/args.h"
#include "streamer/ops.h"
#include "streamer/statejson.h"

static void reply_running(struct op *op, const struct stream_status *status, bool pending)
{
	op_reply(op, json_pack("{s:b, s:b, s:b}", "running", status->running, "active",
			       status->pipeline.state == PIPELINE_RUNNING, "changed", op->changed));
	op->reply.pending = pending;
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

static void set_running(struct op *op, const json_t *args, bool running)
{
	static const struct op_wait wait_for_flow = {flows_or_need_not, reply_running};
	static const struct op_wait wait_for_idle = {is_idle_or_need_not, reply_running};
	const char *pointer;
	struct error err;
	int64_t timeout_us;

	if (args_timeout(args, &timeout_us, &pointer, &err) < 0) {
		op_fail_argument(op, pointer, &err);
		return;
	}
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

static json_t *resolution_body(const struct op *op)
{
	struct stream_status status;
	struct source_caps caps;

	stream_get_status(op->host->stream, &status);
	stream_get_caps(op->host->stream, &caps);
	return statejson_resolution(&status, &caps);
}

static void op_resolution(struct op *op, const json_t *args)
{
	(void)args;
	op_reply(op, resolution_body(op));
}

/* No rate was asked for: as it is now, or as fast as that size goes. */
static unsigned usual_fps_milli(const struct op *op, unsigned current_milli)
{
	const struct pipeline_picture *picture = &op->picture;
	struct source_caps caps;
	struct source_mode mode;

	stream_get_caps(op->host->stream, &caps);
	if (!source_caps_have(&caps, picture->width, picture->height, 0) ||
	    source_caps_nearest(&caps, picture->width, picture->height, &mode, 1) != 1)
		return current_milli;
	return (unsigned)max_i64(mode.fps_min_milli, min_i64(current_milli, mode.fps_max_milli));
}

static void answer_picture(struct op *op, const struct stream_status *status, bool pending)
{
	struct pipeline_picture effective = statejson_effective(status);

	if (!pending && status->outcome.error.code != 0)
		op_fail_change(op, &status->outcome.error, "/width",
			       op_nearest_modes(op, op->picture.width, op->picture.height));
	else
		op_reply_change(op, statejson_picture(&effective), status, pending, true);
}

/* Would it work? Answered from what the camera said it can do. */
static void try_picture(struct op *op, const struct stream_status *status)
{
	struct error error;

	if (op_check_picture(op, &op->picture, &error) < 0)
		op_fail_change(op, &error, "/width",
			       op_nearest_modes(op, op->picture.width, op->picture.height));
	else
		op_reply_change(op, statejson_picture(&op->picture), status, true, true);
	op->reply.pending = false;
}

/* The rate that is meant already is not written down as one that somebody asked for. */
static json_t *picture_change(const struct op *op, bool with_fps)
{
	const struct pipeline_picture *picture = &op->picture;
	json_t *change = json_pack("{s:{s:i, s:i}}", "resolution", "width", (int)picture->width,
				   "height", (int)picture->height);

	if (with_fps)
		json_object_set_new(change, "config",
				    json_pack("{s:o}", "fps", statejson_milli(picture->fps_milli)));
	return change;
}

/* Reads what is wanted into op->picture. */
static bool read_picture(struct op *op, const json_t *args, unsigned current_milli)
{
	struct pipeline_picture wish = args_wish(args);
	struct args_fault faults[ARGS_PICTURE_FAULTS];
	unsigned count = args_picture(args, &op->picture, faults);

	for (unsigned i = 0; i < count; i++)
		op_add_fault(op, CTL_INVALID, faults[i].pointer, NULL, faults[i].error.text);
	if (count > 0) {
		op_add_to_failure(op, op_nearest_modes(op, wish.width, wish.height));
		return false;
	}
	if (op->picture.fps_milli == 0)
		op->picture.fps_milli = usual_fps_milli(op, current_milli);
	return true;
}

static void op_set_resolution(struct op *op, const json_t *args)
{
	static const struct op_wait wait_for_picture = {op_outcome_is_there, answer_picture};
	const struct conf *conf = settings_conf(stream_settings(op->host->stream));
	bool fps_given = json_object_get(args, "fps") != NULL;
	struct stream_status status;
	struct args_change change;

	if (!op_read_change(op, args, resolution_body(op), &change))
		return;
	if (!read_picture(op, args, conf->fps_milli))
		return;
	stream_get_status(op->host->stream, &status);
	struct pipeline_picture effective = statejson_effective(&status);
	op->requested = statejson_picture(&op->picture);
	op->changed = !pipeline_same_picture(&op->picture, &effective) ||
		      !pipeline_same_picture(&op->picture, &status.pipeline.settings.picture);
	if (change.dry_run)
		try_picture(op, &status);
	else
		op_change(op,
			  picture_change(op, fps_given || op->picture.fps_milli != conf->fps_milli),
			  &change, &wait_for_picture);
}

static void op_keyframe(struct op *op, const json_t *args)
{
	struct stream_status status;
	uint32_t seq;

	(void)args;
	stream_get_status(op->host->stream, &status);
	if (!status.pipeline.flowing) {
		op_fail_unavailable(op, status.demanded  ? "the camera is starting"
					: status.running ? "nobody watches, so the camera is closed"
							 : "the stream is stopped");
		return;
	}
	if (!status.pipeline.can_force_idr) {
		op_fail(op, CTL_CONFLICT, NULL, NULL,
			"the source makes the H.264: it cannot be asked for an IDR picture");
		return;
	}
	bool asked = stream_request_idr(op->host->stream, &seq);
	op_reply(op, json_pack("{s:I, s:b}", "seq", (json_int_t)seq, "coalesced", !asked));
	op->reply.pending = true; /* it is still to come */
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
	{"start", op_start},
	{"stop", op_stop},
	{"resolution", op_resolution},
	{"set-resolution", op_set_resolution},
	{"keyframe", op_keyframe},
	{"fault", op_fault},
	{NULL, NULL},
};
