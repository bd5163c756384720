#include "streamer/ops.h"

#include <string.h>

#include "common/util.h"
#include "streamer/clock.h"
#include "streamer/diagnostics.h"
#include "streamer/statejson.h"

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

	json_object_set_new(error, "message", json_string(message));
	if (pointer != NULL)
		json_object_set_new(error, "pointer", json_string(pointer));
	if (extra != NULL)
		json_object_update(error, extra);
	json_decref(extra);
	op->reply = (struct ctl_reply){.code = code, .error = error};
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

static void op_health(struct op *op, const json_t *args)
{
	struct stream_status status;

	stream_get_status(op->host->stream, &status);
	if (json_is_true(json_object_get(args, "ready")) && !status.pipeline.flowing) {
		const char *why = !status.running           ? "the stream is stopped"
				  : !status.pipeline.online ? status.pipeline.reason
				  : !status.demanded ? "nobody watches, so the camera is closed"
						     : "the camera is starting";
		op_fail(op, CTL_UNAVAILABLE, NULL,
			json_pack("{s:i}", "retry_after_s", OP_RETRY_AFTER_S), why);
		return;
	}
	op_reply(op, json_pack("{s:s}", "status", "ok"));
}

static void op_state(struct op *op, const json_t *args)
{
	const struct op_host *host = op->host;
	struct stream_status status;
	struct au_format format;

	(void)args;
	stream_get_status(host->stream, &status);
	bool known = stream_get_format(host->stream, &format);
	op_reply(op, statejson_state(host->conf, &status, known ? &format : NULL,
				     clock_now_us() - host->start_us));
}

static void op_diagnostics(struct op *op, const json_t *args)
{
	struct stream_status status;
	struct au_format format;

	(void)args;
	stream_get_status(op->host->stream, &status);
	bool known = stream_get_format(op->host->stream, &format);
	op_reply(op, diagnostics_run(&status, known ? &format : NULL));
}

static const struct op_entry ops_general[] = {
	{"health", op_health},
	{"state", op_state},
	{"diagnostics", op_diagnostics},
	{NULL, NULL},
};

static const struct op_entry *const tables[] = {ops_general, ops_stream};

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
