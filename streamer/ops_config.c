#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "streamer/ops.h"
#include "streamer/safetext.h"
#include "streamer/statejson.h"

static json_t *config_body(const struct op *op)
{
	return confkey_all(settings_conf(stream_settings(op->host->stream)));
}

static void op_config(struct op *op, const json_t *args)
{
	(void)args;
	op_reply(op, config_body(op));
}

/* What of the patch the camera is most likely to refuse. */
static const char *suspect(const json_t *patch)
{
	if (json_object_get(patch, "source") != NULL)
		return "/source";
	if (json_object_get(patch, "encoder") != NULL)
		return "/encoder";
	return "/fps";
}

static void fail_config(struct op *op, const struct error *error)
{
	const struct conf *conf = settings_conf(stream_settings(op->host->stream));
	json_t *nearest =
		error->code == -ERANGE ? op_nearest_modes(op, conf->width, conf->height) : NULL;

	op_fail_change(op, error, suspect(op->requested), nearest);
}

static void answer_config(struct op *op, const struct stream_status *status, bool pending)
{
	if (!pending && status->outcome.error.code != 0)
		fail_config(op, &status->outcome.error);
	else
		op_reply_change(op, config_body(op), status, pending, true);
}

/* Would it work? The rate is what a camera may refuse; another camera is not asked for this. */
static void try_config(struct op *op, const struct conf *before, const struct conf *after)
{
	struct pipeline_picture picture = {after->width, after->height, after->fps_milli};
	struct stream_status status;
	struct error error;

	if (before->fps_milli != after->fps_milli && strcmp(before->source, after->source) == 0 &&
	    op_check_picture(op, &picture, &error) < 0) {
		fail_config(op, &error);
		return;
	}
	stream_get_status(op->host->stream, &status);
	op_reply_change(op, confkey_all(after), &status, true, true);
	op->reply.pending = false;
}

/* Puts patch over conf, or answers with all that is wrong with it. */
static bool check_config(struct op *op, const struct settings *settings, const json_t *patch,
			 struct conf *conf)
{
	struct confkey_problem problems[OP_FAULTS_MAX];
	unsigned count = settings_check(settings, patch, conf, problems, OP_FAULTS_MAX);

	for (unsigned i = 0; i < count; i++)
		op_add_fault_of_key(op, problems[i].code, problems[i].key, problems[i].extra,
				    problems[i].error.text);
	return count == 0;
}

static void change_config(struct op *op, json_t *patch, const struct args_change *change)
{
	static const struct op_wait wait_for_config = {op_outcome_is_there, answer_config};
	const struct settings *settings = stream_settings(op->host->stream);
	const struct conf *conf = settings_conf(settings);
	struct conf candidate = *conf;

	if (!check_config(op, settings, patch, &candidate))
		return;
	op->requested = json_incref(patch);
	json_t *before = confkey_all(conf), *after = confkey_all(&candidate);
	op->changed = !json_equal(before, after);
	json_decref(before);
	json_decref(after);
	if (change->dry_run)
		try_config(op, conf, &candidate);
	else
		op_change(op, json_pack("{s:O}", "config", patch), change, &wait_for_config);
}

static void op_set_config(struct op *op, const json_t *args)
{
	json_t *patch = json_object_get(args, "patch");
	struct args_change change;

	if (!op_read_change(op, args, config_body(op), &change))
		return;
	if (!json_is_object(patch))
		op_fail(op, CTL_INVALID, "", NULL, "a patch is an object (RFC 7396)");
	else
		change_config(op, patch, &change);
}

static void op_reset_config(struct op *op, const json_t *args)
{
	const char *key = json_string_value(json_object_get(args, "key"));
	struct args_change change;

	if (!op_read_change(op, args, config_body(op), &change))
		return;
	if (key == NULL || confkey_find(key) == NULL) {
		op_fail(op, CTL_NOT_FOUND, "/key", NULL, "there is no such setting here");
		return;
	}
	json_t *patch = json_pack("{s:n}", key);
	change_config(op, patch, &change);
	json_decref(patch);
}

/* --- what can be opened */

static json_t *source_entry(const struct source_caps *caps, const char *user)
{
	char id[sizeof(caps->backend) + sizeof(caps->id) + 1];
	json_t *modes = json_array();

	snprintf(id, sizeof(id), "%s%s%s", caps->backend, caps->id[0] != '\0' ? ":" : "", caps->id);
	for (unsigned i = 0; i < caps->mode_count; i++)
		json_array_append_new(modes, statejson_mode(&caps->modes[i]));
	return json_pack("{s:o, s:o, s:s, s:o, s:o}", "id", safetext(id), "name",
			 safetext(caps->name[0] != '\0' ? caps->name : caps->backend), "backend",
			 caps->backend, "modes", modes, "in_use_by",
			 user != NULL ? safetext(user) : json_null());
}

static bool is_same_camera(const struct source_caps *a, const struct source_caps *b)
{
	return strcmp(a->backend, b->backend) == 0 && strcmp(a->id, b->id) == 0;
}

/* This camera is told first, by what is known of it. */
static json_t *sources_body(const struct op *op, const struct source_info *infos, unsigned count)
{
	const struct conf *conf = settings_conf(stream_settings(op->host->stream));
	json_t *list = json_array();
	struct source_caps mine;

	stream_get_caps(op->host->stream, &mine);
	if (mine.backend[0] != '\0')
		json_array_append_new(list, source_entry(&mine, conf->name));
	for (unsigned i = 0; i < count; i++) {
		const char *user = infos[i].in_use_by;
		if (!is_same_camera(&infos[i].caps, &mine))
			json_array_append_new(list, source_entry(&infos[i].caps,
								 user[0] != '\0' ? user : NULL));
	}
	return list;
}

static bool survey_is_done(const struct op *op, const struct stream_status *status)
{
	unsigned count;

	(void)status;
	return survey_found(op->host->survey, op->ticket, &count) != NULL;
}

static void answer_sources(struct op *op, const struct stream_status *status, bool pending)
{
	unsigned count = 0;

	(void)status;
	if (pending) {
		op_fail_unavailable(op, "a camera's driver does not answer");
		return;
	}
	const struct source_info *infos = survey_found(op->host->survey, op->ticket, &count);
	op_reply(op, sources_body(op, infos, count));
}

static void op_sources(struct op *op, const json_t *args)
{
	static const struct op_wait wait_for_survey = {survey_is_done, answer_sources};
	struct error err = {0};

	(void)args;
	op->ticket = survey_join(op->host->survey, &err);
	if (op->ticket == 0)
		op_fail_unavailable(op, err.text);
	else
		op_wait_for(op, &wait_for_survey, SURVEY_US);
}

const struct op_entry ops_config[] = {
	{"config", op_config},
	{"set-config", op_set_config},
	{"reset-config", op_reset_config},
	{"sources", op_sources},
	{NULL, NULL},
};
