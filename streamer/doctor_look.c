#include "streamer/doctor.h"

#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-event.h>

#include "common/util.h"
#include "streamer/inquiry.h"
#include "streamer/settings.h"
#include "streamer/store.h"
#include "streamer/survey.h"

#define ANSWER_MS      2000 /* of a nalcastd that runs */
#define PROGRAM_MS     5000
#define SURVEY_WAIT_US 6000000 /* libcamera's first look around takes its time */

/* --- settings */

static void read_settings(const struct conf *file, struct doctor_facts *facts)
{
	struct settings *settings = NULL;
	struct store *store = NULL;

	facts->conf = *file;
	facts->status.running = true;
	if (store_look(file->state_dir, &store, &facts->stored) < 0)
		return;
	if (settings_new(file, store, &settings, &facts->stored) == 0) {
		facts->conf = *settings_conf(settings);
		facts->status.running = settings_running(settings);
	}
	settings_free(settings);
	store_close(store);
}

/* --- the one that runs */

static void take_word(const json_t *object, const char *key, char *word, size_t word_size)
{
	const char *text = json_string_value(json_object_get(object, key));

	snprintf(word, word_size, "%s", text != NULL ? text : "");
}

static void ask_running(const char *path, struct doctor_running *running)
{
	json_t *state = NULL;

	if (ctlask(path, "state", ANSWER_MS, &state, &running->peer, &running->silence) < 0 ||
	    ctlask(path, "diagnostics", ANSWER_MS, &running->diagnostics, &running->peer,
		   &running->silence) < 0) {
		json_decref(state);
		return;
	}
	running->answers = json_is_array(running->diagnostics);
	if (!running->answers)
		error_set(&running->silence, -EPROTO, "its diagnostics are no list");
	take_word(state, "camera", running->name, sizeof(running->name));
	take_word(state, "version", running->version, sizeof(running->version));
	take_word(json_object_get(state, "source"), "backend", running->backend,
		  sizeof(running->backend));
	json_decref(state);
}

/* --- for whom */

static void choose_account(struct doctor_facts *facts)
{
	const struct ctlask_peer *peer = &facts->running.peer;

	if (peer->pid != 0 && account_find_id(peer->uid, &facts->account, &facts->no_user) == 0)
		return;
	if (account_find(NALCAST_USER, &facts->account, &facts->no_user) < 0)
		account_self(&facts->account);
}

/* --- other programs, libraries */

static void ask_program(const char *const *argv, struct doctor_program *program)
{
	program->error = (struct error){0};
	inquiry(argv, PROGRAM_MS, program->words, sizeof(program->words), &program->error);
	size_t len = strlen(program->words);
	while (len > 0 && program->words[len - 1] == '\n')
		program->words[--len] = '\0';
}

static void ask_programs(struct doctor_facts *facts)
{
	static const char *const nginx[] = {"nginx", "-v", NULL};
	static const char *const sbin_nginx[] = {"/usr/sbin/nginx", "-v", NULL};
	const char *elsewhere = secure_getenv("NALCAST_CAPTURE");
	const char *const capture[] = {elsewhere != NULL ? elsewhere
							 : LIBEXECDIR "/nalcast-capture",
				       "--version", NULL};

	ask_program(nginx, &facts->nginx);
	if (facts->nginx.error.code == -ENOENT)
		ask_program(sbin_nginx, &facts->nginx);
	ask_program(capture, &facts->capture);
}

/* "/usr/lib/x86_64-linux-gnu/libx264.so.164" is "libx264 164"; what its link leads to says more. */
static int add_library(struct dl_phdr_info *info, size_t size, void *arg)
{
	static const char *const wanted[] = {"libx264.so.", "libturbojpeg.so.", "libyuv.so.",
					     "libjansson.so.", "libsystemd.so."};
	struct doctor_facts *facts = arg;
	char *path = realpath(info->dlpi_name, NULL);
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;

	(void)size;
	for (size_t i = 0; slash != NULL && i < ARRAY_SIZE(wanted); i++) {
		size_t used = strlen(facts->libraries), len = strlen(wanted[i]);
		if (strncmp(slash + 1, wanted[i], len) == 0)
			snprintf(facts->libraries + used, sizeof(facts->libraries) - used,
				 "%s%.*s %s", used > 0 ? ", " : "", (int)(len - strlen(".so.")),
				 slash + 1, slash + 1 + len);
	}
	free(path);
	return 0;
}

/* --- cameras */

struct round {
	sd_event *event;
	struct survey survey;
	uint64_t number;
	struct doctor_facts *facts;
};

static void on_surveyed(void *arg)
{
	struct round *round = arg;
	struct doctor_facts *facts = round->facts;
	unsigned count = 0;
	const struct source_info *found = survey_found(&round->survey, round->number, &count);

	facts->cameras = found != NULL ? calloc(count + 1, sizeof(*found)) : NULL;
	if (facts->cameras != NULL) {
		memcpy(facts->cameras, found, count * sizeof(*found));
		facts->camera_count = count;
	}
	facts->survey = (struct error){0};
	sd_event_exit(round->event, 0);
}

static int on_survey_late(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)usec;
	(void)arg;
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static void look_for_cameras(struct doctor_facts *facts)
{
	struct round round = {.facts = facts};
	struct error *error = &facts->survey;
	int r = sd_event_new(&round.event);

	if (r < 0) {
		error_set(error, r, "cameras cannot be looked for: %s", strerror(-r));
		return;
	}
	survey_init(&round.survey, round.event, on_surveyed, &round);
	round.number = survey_join(&round.survey, error);
	if (round.number != 0) {
		error_set(error, -ETIMEDOUT, "the driver of a camera hangs");
		r = sd_event_add_time_relative(round.event, NULL, CLOCK_MONOTONIC, SURVEY_WAIT_US,
					       1, on_survey_late, NULL);
		if (r >= 0)
			sd_event_loop(round.event);
	}
	survey_clear(&round.survey);
	sd_event_unref(round.event);
}

/* Would the source answer? As pipeline's report says it, for the check of diagnostics. */
static void try_source(struct doctor_facts *facts)
{
	const struct conf *conf = &facts->conf;
	struct pipeline_report *report = &facts->status.pipeline;
	const struct source_ops *ops = source_choose(conf->source);
	struct source_caps *caps = calloc(1, sizeof(*caps));
	int r = -ENOENT;

	if (ops == NULL)
		error_set(&report->last_error, r, "this build has no source '%s'", conf->source);
	else if (caps != NULL)
		r = source_probe(ops, conf->source_device, caps, &report->last_error);
	snprintf(report->backend, sizeof(report->backend), "%s",
		 ops != NULL ? ops->name : conf->source);
	snprintf(report->reason, sizeof(report->reason), "%s", report->last_error.text);
	report->online = r == 0;
	if (r == 0)
		snprintf(report->id, sizeof(report->id), "%s", caps->id);
	free(caps);
}

void doctor_look(const struct conf *file, const struct machine_roots *roots,
		 struct doctor_facts *ret_facts)
{
	struct doctor_facts *facts = ret_facts;

	memset(facts, 0, sizeof(*facts));
	read_settings(file, facts);
	ask_running(facts->conf.control_socket, &facts->running);
	choose_account(facts);
	premises_look(roots, &facts->conf, &facts->account, &facts->premises);
	facts->shared.status = &facts->status;
	facts->shared.conf = &facts->conf;
	facts->shared.disk = facts->premises.state;
	diagnostics_look(&facts->shared, &facts->account, roots);
	dl_iterate_phdr(add_library, facts);
	ask_programs(facts);
	look_for_cameras(facts);
	/* Behind a driver that hangs this would, too. */
	facts->no_hardware = facts->survey;
	if (facts->survey.code != 0)
		return;
	facts->encoder_count =
		v4l2look_encoders(facts->encoders, DOCTOR_ENCODERS_MAX, &facts->no_hardware);
	if (!facts->running.answers)
		try_source(facts);
}

void doctor_clear(struct doctor_facts *facts)
{
	json_decref(facts->running.diagnostics);
	free(facts->cameras);
	facts->running.diagnostics = NULL;
	facts->cameras = NULL;
}
