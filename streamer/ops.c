#include "streamer/ops.h"

#include <errno.h>
#include <string.h>

#include "common/etag.h"
#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/diagnostics.h"
#include "streamer/metrics.h"
#include "streamer/safetext.h"
#include "streamer/statejson.h"

#define RETRY_AFTER_S 2
#define NEAREST_MAX   3

void op_reply(struct op *op, json_t *result)
{
	op->reply = (struct ctl_reply){.result = result};
	if (result == NULL)
		op_fail(op, CTL_INTERNAL, NULL, NULL, "out of memory");
}

void op_fail(struct op *op, enum ctl_code code, const char *pointer, json_t *extra,
	     const char *message)
{
	json_t *error = json_object();

	json_object_set_new(error, "message", safetext(message));
	if (pointer != NULL)
		json_object_set_new(error, "pointer", json_string(pointer));
	if (extra != NULL)
		json_object_update(error, extra);
	json_decref(extra);
	op->reply = (struct ctl_reply){.code = code, .error = error};
}

bool op_has_failed(const struct op *op)
{
	return op->reply.error != NULL;
}

void op_add_to_failure(struct op *op, json_t *extra)
{
	json_object_update(op->reply.error, extra);
	json_decref(extra);
}

/* Takes pointer and extra. */
static void add_fault(struct op *op, enum ctl_code code, json_t *pointer, json_t *extra,
		      const char *message)
{
	json_t *fault = json_pack("{s:s, s:o, s:o}", "code", ctl_code_word(code), "message",
				  safetext(message), "pointer", pointer);

	json_object_update(fault, extra);
	if (!op_has_failed(op)) {
		op_fail(op, code, NULL, json_incref(extra), message);
		json_object_set(op->reply.error, "pointer", json_object_get(fault, "pointer"));
		json_object_set_new(op->reply.error, "errors", json_array());
	}
	json_t *faults = json_object_get(op->reply.error, "errors");
	if (json_array_size(faults) < OP_FAULTS_MAX)
		json_array_append(faults, fault);
	json_decref(fault);
	json_decref(extra);
}

void op_add_fault(struct op *op, enum ctl_code code, const char *pointer, json_t *extra,
		  const char *message)
{
	add_fault(op, code, json_string(pointer), extra, message);
}

void op_add_fault_of_key(struct op *op, enum ctl_code code, const char *key, json_t *extra,
			 const char *message)
{
	add_fault(op, code, safetext_pointer(key), extra, message);
}

void op_wait_for(struct op *op, const struct op_wait *wait, int64_t timeout_us)
{
	struct stream_status status;

	op->wait = wait;
	op->timeout_us = timeout_us;
	stream_get_status(op->host->stream, &status);
	op_look(op, &status);
}

bool op_look(struct op *op, const struct stream_status *status)
{
	const struct op_wait *wait = op->wait;

	if (!wait->is_done(op, status))
		return false;
	op->wait = NULL;
	wait->answer(op, status, false);
	return true;
}

void op_expire(struct op *op, const struct stream_status *status)
{
	const struct op_wait *wait = op->wait;

	op->wait = NULL;
	wait->answer(op, status, true);
}

void op_clear(struct op *op)
{
	ctl_reply_clear(&op->reply);
	json_decref(op->requested);
	op->requested = NULL;
	op->wait = NULL;
}

void op_fail_argument(struct op *op, const char *pointer, const struct error *error)
{
	op_fail(op, CTL_INVALID, pointer, NULL, error->text);
}

void op_fail_unavailable(struct op *op, const char *why)
{
	op_fail(op, CTL_UNAVAILABLE, NULL, json_pack("{s:i}", "retry_after_s", RETRY_AFTER_S), why);
}

/* --- what changes have in common */

/* RFC 9110 13.1.1 and 13.1.2. */
static bool is_as_expected(struct op *op, const struct args_change *change, const json_t *body)
{
	const char *if_match = change->if_match, *if_none_match = change->if_none_match;
	char etag[ETAG_SIZE];

	if (if_match == NULL && if_none_match == NULL)
		return true;
	/* What it is compared with may be otherwise when its turn comes. */
	if (stream_is_changing(op->host->stream)) {
		op_fail(op, CTL_BUSY, NULL, NULL, "another change is under way");
		return false;
	}
	etag_of(body, etag);
	if (if_match != NULL && !etag_matches(if_match, etag)) {
		op_fail(op, CTL_PRECONDITION, NULL, NULL,
			"it has been changed since: the entity tag is another now");
		return false;
	}
	if (if_none_match != NULL && etag_matches(if_none_match, etag)) {
		op_fail(op, CTL_PRECONDITION, NULL, NULL, "it has an entity tag of If-None-Match");
		return false;
	}
	return true;
}

bool op_read_change(struct op *op, const json_t *args, json_t *body, struct args_change *ret_change)
{
	const char *pointer;
	struct error err;
	bool fine = args_change(args, ret_change, &pointer, &err) == 0;

	if (!fine)
		op_fail_argument(op, pointer, &err);
	fine = fine && is_as_expected(op, ret_change, body);
	json_decref(body);
	return fine;
}

void op_change(struct op *op, json_t *what, const struct args_change *change,
	       const struct op_wait *wait)
{
	op->ticket = stream_change(op->host->stream, what, change->persist);
	if (op->ticket == 0)
		op_fail(op, CTL_BUSY, NULL, NULL, "too many changes are under way");
	else
		op_wait_for(op, wait, change->timeout_us);
}

bool op_outcome_is_there(const struct op *op, const struct stream_status *status)
{
	return status->outcome.ticket == op->ticket;
}

void op_reply_change(struct op *op, json_t *effective, const struct stream_status *status,
		     bool pending, bool with_interruption)
{
	const struct change_outcome *outcome = &status->outcome;
	bool changed = pending ? op->changed : outcome->changed;
	bool now = pending || !changed ? status->pipeline.state == PIPELINE_RUNNING : outcome->now;
	json_t *result =
		json_pack("{s:o, s:o, s:b, s:s}", "requested", op->requested, "effective",
			  effective, "changed", changed, "applied", now ? "now" : "next-start");

	op->requested = NULL;
	if (with_interruption)
		json_object_set_new(result, "interruption_ms",
				    changed && !pending && now
					    ? json_real((double)outcome->interruption_us / 1000.0)
					    : json_null());
	op_reply(op, result);
	op->reply.pending = pending;
}

void op_fail_change(struct op *op, const struct error *error, const char *pointer, json_t *extra)
{
	switch (error->code) {
	case -ERANGE:
	case -ENOENT:
	case -EACCES:
		op_fail(op, CTL_UNSUPPORTED, pointer, json_incref(extra), error->text);
		break;
	case -EOPNOTSUPP:
		op_fail(op, CTL_CONFLICT, NULL, NULL, error->text);
		break;
	case -EBUSY:
		op_fail(op, CTL_BUSY, NULL, NULL, error->text);
		break;
	default:
		op_fail_unavailable(op, error->text);
	}
	json_decref(extra);
}

json_t *op_nearest_modes(const struct op *op, unsigned width, unsigned height)
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

int op_check_picture(const struct op *op, const struct pipeline_picture *picture, struct error *err)
{
	struct source_caps caps;

	stream_get_caps(op->host->stream, &caps);
	if (caps.backend[0] == '\0')
		return error_set(err, -ENODEV, "the camera is offline");
	if (caps.mode_count == 0)
		return error_set(err, -EOPNOTSUPP,
				 "%s brings its own H.264 and offers no other size", caps.backend);
	if (!source_caps_have(&caps, picture->width, picture->height, picture->fps_milli))
		return error_set(err, -ERANGE, "the camera has no mode %ux%u at that rate",
				 picture->width, picture->height);
	return 0;
}

/* --- what concerns everything */

static void op_health(struct op *op, const json_t *args)
{
	struct stream_status status;

	stream_get_status(op->host->stream, &status);
	if (!json_is_true(json_object_get(args, "ready")) || status.pipeline.flowing) {
		op_reply(op, json_pack("{s:s}", "status", "ok"));
		return;
	}
	op_fail_unavailable(op, !status.running           ? "the stream is stopped"
				: !status.pipeline.online ? status.pipeline.reason
				: !status.demanded ? "nobody watches, so the camera is closed"
						   : "the camera is starting");
}

static char *make_state(const struct op_host *host, int64_t now_us)
{
	struct stream *stream = host->stream;
	struct stream_status status;
	struct au_format format;

	stream_get_status(stream, &status);
	bool known = stream_get_format(stream, &format);
	json_t *state = statejson_state(settings_conf(stream_settings(stream)), &status,
					known ? &format : NULL, now_us - host->start_us);
	char *text = ctl_result_text(state);
	json_decref(state);
	return text;
}

static void op_state(struct op *op, const json_t *args)
{
	const struct op_host *host = op->host;
	uint64_t iteration = 0;
	int64_t now_us = clock_now_us();

	(void)args;
	sd_event_get_iteration(host->event, &iteration);
	if (memo_get(host->state, iteration, now_us) == NULL)
		memo_keep(host->state, make_state(host, now_us), iteration, now_us);
	const char *text = memo_get(host->state, iteration, now_us);
	op->reply = (struct ctl_reply){.text = text != NULL ? strdup(text) : NULL};
	if (op->reply.text == NULL)
		op_fail(op, CTL_INTERNAL, NULL, NULL, "out of memory");
}

static void op_diagnostics(struct op *op, const json_t *args)
{
	struct stream *stream = op->host->stream;
	struct stream_status status;
	struct au_format format;
	struct diagnostics_facts facts = {
		.status = &status,
		.conf = settings_conf(stream_settings(stream)),
		.request = json_object_get(args, "request"),
	};

	stream_get_status(stream, &status);
	if (stream_get_format(stream, &format))
		facts.format = &format;
	diagnostics_look(&facts, &op->host->account, &machine_roots);
	store_probe(stream_store(stream), &facts.disk);
	op_reply(op, diagnostics_run(&facts));
}

static void op_metrics(struct op *op, const json_t *args)
{
	struct stream *stream = op->host->stream;
	const struct conf *conf = settings_conf(stream_settings(stream));
	struct stream_status status;
	struct viewer_sums sums;
	struct metrics metrics;
	char text[METRICS_SIZE];

	(void)args;
	stream_get_status(stream, &status);
	server_get_sums(stream_server(stream), &sums);
	statejson_metrics(conf, &status, &sums, clock_now_us() - op->host->start_us, &metrics);
	metrics_write(&metrics, text);
	op_reply(op, json_string(text));
}

static const struct op_entry ops_general[] = {
	{"health", op_health},   {"state", op_state}, {"diagnostics", op_diagnostics},
	{"metrics", op_metrics}, {NULL, NULL},
};

static const struct op_entry *const tables[] = {ops_general, ops_config, ops_controls, ops_stream,
						ops_viewers};

static const struct op_entry *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct op_entry *entry = tables[i]; entry->name != NULL; entry++)
			if (strcmp(entry->name, name) == 0)
				return entry;
	return NULL;
}

void op_begin(struct op *op, const struct op_host *host, const struct ctl_request *req)
{
	const struct op_entry *entry = find(req->op);

	*op = (struct op){.host = host};
	if (entry == NULL)
		op_fail(op, CTL_NOT_FOUND, "/op", NULL, "there is no such operation");
	else
		entry->run(op, req->args);
}
