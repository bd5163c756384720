#include "streamer/changes.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"

void changes_clear(struct changes *changes)
{
	for (unsigned i = 0; i < changes->count; i++)
		json_decref(changes->queue[i].what);
	changes->count = 0;
}

bool changes_are_under_way(const struct changes *changes)
{
	return changes->count > 0;
}

static bool same_config(const struct conf *a, const struct conf *b)
{
	json_t *one = confkey_all(a), *other = confkey_all(b);
	bool same = json_equal(one, other);

	json_decref(one);
	json_decref(other);
	return same;
}

/* A picture that the camera did not grant is asked for again. */
static bool is_granted(const struct pipeline_report *report, const struct pipeline_settings *wanted)
{
	bool known = report->own_size || report->state == PIPELINE_RUNNING;

	return !known || pipeline_same_picture(&report->granted, &wanted->picture);
}

static void begin_settings(struct changes *changes, const json_t *what)
{
	const struct conf *conf = settings_conf(changes->settings);
	struct conf candidate = *conf;
	struct pipeline_settings wanted;
	struct pipeline_report report;

	settings_overlay(changes->settings, what, &candidate);
	pipeline_settings_init(&wanted, &candidate);
	pipeline_get_report(changes->pipeline, &report);
	bool of_picture = json_object_get(what, "resolution") != NULL;
	changes->mine.changed = !same_config(conf, &candidate);
	if (pipeline_same_settings(&wanted, &report.settings) &&
	    (!of_picture || is_granted(&report, &wanted)))
		return;
	changes->mine.changed = true;
	changes->generation = pipeline_set(changes->pipeline, &wanted);
}

static bool is_otherwise(const struct source_control *control,
			 const struct pipeline_control *wanted)
{
	bool otherwise = false;

	for (unsigned i = 0; i < source_value_count(control->value_count); i++)
		otherwise |= fabs(wanted->values[i] - control->values[i]) > 1e-9;
	return otherwise;
}

/* As the patch says; null: as the camera had it. */
static bool read_control(const struct source_control *control, const json_t *value,
			 struct pipeline_control *ret_wanted)
{
	if (!json_is_null(value))
		return settings_read_control(control->name, value, ret_wanted);
	memcpy(ret_wanted->name, control->name, sizeof(ret_wanted->name));
	ret_wanted->value_count = control->value_count;
	for (unsigned i = 0; i < source_value_count(control->value_count); i++)
		ret_wanted->values[i] = control->default_values[i];
	return true;
}

static void begin_controls(struct changes *changes, json_t *controls)
{
	struct pipeline_control list[SOURCE_CONTROLS_MAX];
	struct source_caps caps;
	unsigned count = 0;
	const char *name;
	json_t *value;

	pipeline_get_caps(changes->pipeline, &caps);
	json_object_foreach(controls, name, value)
	{
		const struct source_control *control = source_caps_find_control(&caps, name);
		if (control == NULL || count == SOURCE_CONTROLS_MAX ||
		    !read_control(control, value, &list[count]))
			continue;
		changes->mine.changed |= is_otherwise(control, &list[count]);
		count++;
	}
	if (count > 0)
		changes->generation = pipeline_set_controls(changes->pipeline, list, count);
}

static void finish(struct changes *changes)
{
	struct change first = changes->queue[0];

	changes->generation = 0;
	changes->count--;
	memmove(changes->queue, changes->queue + 1, changes->count * sizeof(changes->queue[0]));
	if (changes->mine.error.code == 0)
		settings_apply(changes->settings, first.what, first.persist);
	else
		changes->mine.changed = false;
	json_decref(first.what);
	changes->outcome = changes->mine;
	changes->on_outcome(changes->arg);
}

/* Until one has to wait for the pipeline. */
static void go_on(struct changes *changes)
{
	while (changes->count > 0 && changes->generation == 0) {
		const struct change *first = &changes->queue[0];
		json_t *controls = json_object_get(first->what, "controls");
		changes->mine = (struct change_outcome){.ticket = first->ticket, .now = true};
		if (controls != NULL)
			begin_controls(changes, controls);
		else
			begin_settings(changes, first->what);
		if (changes->generation == 0)
			finish(changes);
	}
}

uint64_t changes_add(struct changes *changes, json_t *what, bool persist)
{
	if (changes->count == CHANGES_MAX || what == NULL) {
		json_decref(what);
		return 0;
	}
	uint64_t ticket = ++changes->last_ticket;
	changes->queue[changes->count++] = (struct change){ticket, what, persist};
	go_on(changes);
	return ticket;
}

void changes_follow(struct changes *changes, const struct pipeline_report *report)
{
	const struct pipeline_change *change = &report->change;

	if (changes->generation == 0 || change->generation < changes->generation || change->pending)
		return;
	changes->mine.error = change->error;
	changes->mine.now = change->now;
	changes->mine.interruption_us = change->interruption_us;
	finish(changes);
	go_on(changes);
}
