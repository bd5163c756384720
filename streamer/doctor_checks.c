#include "streamer/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/encoder.h"
#include "streamer/finding.h"

/* As diagnostics.c has them. */
typedef bool check_fn(const struct doctor_facts *facts, struct finding *finding);

static bool check_user(const struct doctor_facts *facts, struct finding *finding)
{
	char who[200];

	account_tell(&facts->account, who, sizeof(who));
	finding_say(finding, "all is judged for %s", who);
	if (facts->no_user.code != 0) {
		finding_say(finding, "%s: all is judged for %s, who asks", facts->no_user.text,
			    facts->account.name);
		finding_warn(finding, "sudo systemd-sysusers, after make install");
	} else if (facts->running.answers && facts->account.uid == 0) {
		finding_say(finding, "nalcastd runs as root, which it need not");
		finding_warn(finding, "run it by its unit, or as " NALCAST_USER);
	}
	return true;
}

static void judge_silence(const struct doctor_facts *facts, struct finding *finding)
{
	const struct doctor_running *running = &facts->running;
	const char *path = facts->premises.control.path;

	if (running->silence.code == -EACCES) {
		finding_say(finding, "a nalcastd runs, but you may not ask it: %s",
			    running->silence.text);
		finding_warn(finding, "sudo nalcastd --doctor");
		return;
	}
	finding_say(finding, "what listens at %s does not answer as nalcastd does: %s", path,
		    running->silence.text);
	if (running->peer.pid != 0)
		finding_fail(finding, "end process %d, or give another --control-socket or --name",
			     (int)running->peer.pid);
	else
		finding_fail(finding, "end it (sudo ss -xlp says which it is), or give another "
				      "--control-socket or --name");
}

static void judge_absence(const struct doctor_facts *facts, struct finding *finding)
{
	const struct premises *premises = &facts->premises;
	const char *name = facts->conf.name;

	finding_say(finding,
		    "no nalcastd runs for camera '%s': nothing can be said of its stream%s", name,
		    premises->socket_enabled ? "; systemd starts it with its first viewer" : "");
	if (premises->socket_enabled)
		return;
	if (premises->unit_enabled)
		finding_warn(finding,
			     "see why: journalctl -u nalcastd@%s; then sudo systemctl "
			     "restart nalcastd@%s",
			     name, name);
	else if (premises->has_unit)
		finding_warn(finding, "sudo systemctl enable --now nalcastd@%s", name);
	else
		finding_warn(finding, "start it: nalcastd --name=%s, or its unit", name);
}

static void judge_running(const struct doctor_facts *facts, struct finding *finding)
{
	const struct doctor_running *running = &facts->running;
	const struct premises *premises = &facts->premises;

	finding_say(finding, "nalcastd %s (pid %d) serves camera '%s'", running->version,
		    (int)running->peer.pid, running->name);
	if (strcmp(running->name, facts->conf.name) != 0) {
		finding_say(finding, "%s is that of camera '%s', not of '%s'",
			    premises->control.path, running->name, facts->conf.name);
		finding_fail(finding, "give each nalcastd a --name or sockets of its own");
	} else if (strcmp(running->version, PACKAGE_VERSION) != 0) {
		finding_warn(finding, "restart it: " PACKAGE_VERSION " is installed");
	} else if (premises->has_unit && !premises->unit_enabled && !premises->socket_enabled &&
		   strcmp(facts->account.name, NALCAST_USER) == 0) {
		finding_say(finding,
			    "nalcastd (pid %d) serves camera '%s', but is not started at "
			    "boot",
			    (int)running->peer.pid, running->name);
		finding_warn(finding, "sudo systemctl enable nalcastd@%s", running->name);
	}
}

static bool check_daemon(const struct doctor_facts *facts, struct finding *finding)
{
	if (facts->running.answers)
		judge_running(facts, finding);
	else if (facts->running.peer.pid != 0 || facts->premises.control.is_heard)
		judge_silence(facts, finding);
	else
		judge_absence(facts, finding);
	return true;
}

static bool check_stored(const struct doctor_facts *facts, struct finding *finding)
{
	if (facts->stored.code == 0)
		return false;
	finding_say(finding, "what was changed over the API is not known here: %s",
		    facts->stored.text);
	finding_warn(finding, "%s",
		     facts->stored.code == -EACCES
			     ? "sudo nalcastd --doctor"
			     : "nothing, but setting it again: nalcastd sets such a file aside");
	return true;
}

/* Who asks may not do what nalcastd may: that says nothing of the camera. */
static bool is_unknown(const struct doctor_facts *facts)
{
	return facts->status.pipeline.last_error.code == -EACCES && !facts->account.self &&
	       facts->shared.device.code == 0;
}

/* A camera that takes its time to be found may serve all the same. */
static bool shows_pattern(const struct doctor_facts *facts)
{
	const char *backend =
		facts->running.answers ? facts->running.backend : facts->status.pipeline.backend;

	return strcmp(facts->conf.source, "auto") == 0 &&
	       (backend[0] == '\0' || strcmp(backend, "test") == 0);
}

static bool check_cameras(const struct doctor_facts *facts, struct finding *finding)
{
	const struct source_info *taken = NULL;
	unsigned count = 0;

	for (unsigned i = 0; i < facts->camera_count; i++) {
		const struct source_info *info = &facts->cameras[i];
		count += strcmp(info->caps.backend, "test") != 0;
		if (taken == NULL && info->in_use_by[0] != '\0')
			taken = info;
	}
	finding_say(finding, "%u camera%s found", count, count == 1 ? " was" : "s were");
	if (facts->survey.code != 0) {
		finding_say(finding, "%s", facts->survey.text);
		finding_fail(finding, "unplug the newest camera, or restart the machine");
	} else if (!facts->running.answers && is_unknown(facts)) {
		finding_say(finding, "you may not open the cameras, but %s may",
			    facts->account.name);
		finding_warn(finding, "sudo nalcastd --doctor");
	} else if (count == 0 && shows_pattern(facts)) {
		finding_say(finding, "no camera was found: the test pattern is shown");
		finding_warn(finding, "plug one in; see that dmesg names it; a Raspberry Pi's own "
				      "camera needs libcamera");
	} else if (!facts->running.answers && taken != NULL) {
		finding_say(finding, "%s is in use by %s", taken->caps.name, taken->in_use_by);
		finding_warn(finding, "end that program: a camera serves one at a time");
	}
	return true;
}

/* As encpick.c does. */
static const struct encoder_ops *pick_encoder(const struct doctor_facts *facts)
{
	const char *wanted = facts->conf.encoder;

	for (unsigned i = 0; encoder_backends[i] != NULL; i++) {
		const struct encoder_ops *ops = encoder_backends[i];
		if ((strcmp(wanted, "auto") == 0 || strcmp(wanted, ops->name) == 0) &&
		    ops->takes(FRAME_I420) && (!ops->hardware || facts->no_hardware.code == 0))
			return ops;
	}
	return NULL;
}

static bool check_encoders(const struct doctor_facts *facts, struct finding *finding)
{
	const struct encoder_ops *ops = pick_encoder(facts);
	const char *wanted = facts->conf.encoder;
	struct error error = facts->no_hardware;

	if (strcmp(facts->conf.source, "file") == 0 || strcmp(wanted, "pass") == 0)
		return false;
	if (ops != NULL) {
		finding_say(finding, "%s, %s, encodes raw pictures", ops->name,
			    ops->hardware ? "hardware" : "software");
		return true;
	}
	/* Known to this build, so it is its device that is missing. */
	if (encoder_find(wanted, FRAME_I420, &error) != NULL)
		finding_say(finding, "the encoder '%s' has no hardware: %s", wanted, error.text);
	else
		finding_say(finding, "%s", error.text);
	finding_fail(finding, "--encoder=auto, a build with libx264-dev installed, or a source "
			      "that brings its own H.264");
	return true;
}

static bool check_libcamera(const struct doctor_facts *facts, struct finding *finding)
{
	bool wanted = strcmp(facts->conf.source, "libcamera") == 0;
	bool likely = strcmp(facts->conf.source, "auto") == 0 &&
		      strncmp(facts->shared.machine.model, "Raspberry Pi", 12) == 0;
	const struct error *error = &facts->capture.error;
	const char *fix = error->code == -ENOENT
				  ? "build with libcamera-dev installed, and make install"
				  : "see what nalcast-capture --list says, and dmesg";

	if (!wanted && !likely && error->code == -ENOENT)
		return false;
	finding_say(finding, "%.*s", (int)strcspn(facts->capture.words, "\n"),
		    facts->capture.words);
	if (error->code == 0)
		return true;
	finding_say(finding, "libcamera's cameras cannot be had: %s", error->text);
	if (wanted)
		finding_fail(finding, "%s", fix);
	else
		finding_warn(finding, "%s", fix);
	return true;
}

/* false: nothing wrong with this one. */
static bool judge_socket(const struct doctor_facts *facts, const struct premises_socket *sock,
			 bool activated, struct finding *finding)
{
	char folder[CONF_PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(sock->path, '/') - sock->path),
		 sock->path);
	if (sock->exists && !sock->is_socket) {
		finding_say(finding, "%s is no socket", sock->path);
		finding_fail(finding, "move it away: mv %s %s.old", sock->path, sock->path);
	} else if (sock->is_heard && !activated) {
		finding_say(finding, "another program listens at %s", sock->path);
		finding_fail(finding, "end it (sudo ss -xlp says which it is), or give nalcastd "
				      "another --name or socket");
	} else if (sock->folder.code != 0) {
		char fix[300];
		account_mend(&facts->account, folder, fix, sizeof(fix));
		finding_say(finding, "%s", sock->folder.text);
		if (access(folder, F_OK) == 0)
			finding_fail(finding, "%s", fix);
		else
			finding_fail(finding, "sudo install -d -o %s %s", facts->account.name,
				     folder);
	}
	return finding->verdict == FINDING_FAIL;
}

static bool check_sockets(const struct doctor_facts *facts, struct finding *finding)
{
	const struct premises *premises = &facts->premises;
	const struct premises_socket *stream = &premises->stream, *control = &premises->control;

	if (facts->running.answers) {
		finding_say(finding, "viewers at %s, control at %s", stream->path, control->path);
		if (!stream->is_heard) {
			finding_say(finding, "the nalcastd of %s does not listen at %s",
				    control->path, stream->path);
			finding_fail(finding, "give --doctor the options that nalcastd has");
		}
		return true;
	}
	if (control->is_heard || facts->running.peer.pid != 0)
		return false; /* said above */
	finding_say(finding, "%s%s can be made at the next start", stream->path,
		    stream->exists ? ", left behind by one that died," : "");
	if (!judge_socket(facts, stream, premises->socket_enabled, finding))
		judge_socket(facts, control, false, finding);
	return true;
}

static bool check_group(const struct doctor_facts *facts, struct finding *finding)
{
	const struct premises *premises = &facts->premises;
	const char *group = premises->group;

	if (group[0] == '\0')
		return false;
	finding_say(finding, "the viewers' socket goes to the group '%s'", group);
	if (premises->in_group.code == 0)
		return true;
	finding_say(finding, "%s", premises->in_group.text);
	if (premises->in_group.code == -ENOENT)
		finding_fail(finding,
			     "sudo groupadd --system %s, or socket-group = the group that "
			     "nginx has",
			     group);
	else
		finding_fail(finding, "sudo usermod -aG %s %s, and restart nalcastd", group,
			     facts->account.name);
	return true;
}

static bool check_nginx(const struct doctor_facts *facts, struct finding *finding)
{
	const struct premises *premises = &facts->premises;

	finding_say(finding, "nginx%s as %s, who may reach the viewers' socket",
		    premises->nginx_runs ? " runs" : ", which does not run, is configured to run",
		    premises->nginx_user);
	if (facts->nginx.error.code == -ENOENT && !premises->nginx_runs) {
		finding_say(finding, "nginx is not installed: browsers come through it");
		finding_warn(finding, "sudo apt-get install nginx; then see nginx/README.md");
	} else if (premises->to_stream.code != 0) {
		finding_say(finding, "nginx cannot reach viewers' socket: %s",
			    premises->to_stream.text);
		finding_fail(finding, "socket-group = a group of %s, and restart nalcastd",
			     premises->nginx_user);
	} else if (!premises->nginx_runs) {
		finding_warn(finding, "sudo systemctl enable --now nginx");
	}
	return true;
}

struct check {
	const char *id;
	check_fn *run;
};

static const struct check before[] = {
	{"user", check_user},
	{"daemon", check_daemon},
	{"stored", check_stored},
};

static const struct check after[] = {
	{"cameras", check_cameras}, {"encoders", check_encoders},  {"libcamera", check_libcamera},
	{"sockets", check_sockets}, {"socket-group", check_group}, {"nginx", check_nginx},
};

static void run(const struct check *checks, size_t count, const struct doctor_facts *facts,
		json_t *list)
{
	for (size_t i = 0; i < count; i++) {
		struct finding finding = {.verdict = FINDING_PASS};
		if (checks[i].run(facts, &finding))
			json_array_append_new(list, finding_json(checks[i].id, &finding));
	}
}

static json_t *run_shared(const struct doctor_facts *facts)
{
	json_t *list = diagnostics_run(&facts->shared);
	/* Not tried, or not by one who may. */
	bool unsaid = facts->survey.code != 0 || is_unknown(facts);

	for (size_t i = 0; unsaid && i < json_array_size(list); i++) {
		const json_t *id = json_object_get(json_array_get(list, i), "id");
		if (strcmp(json_string_value(id), "source") == 0)
			json_array_remove(list, i--);
	}
	return list;
}

json_t *doctor_check(const struct doctor_facts *facts)
{
	json_t *list = json_array();
	json_t *shared = facts->running.answers ? json_incref(facts->running.diagnostics)
						: run_shared(facts);

	run(before, ARRAY_SIZE(before), facts, list);
	json_array_extend(list, shared);
	run(after, ARRAY_SIZE(after), facts, list);
	json_decref(shared);
	return list;
}
