#include "streamer/doctor.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/encoder.h"

#define MIB (1024 * 1024)

struct page {
	FILE *out;
	bool colours;
};

/* Names of cameras and words of programs: nothing in them is to move a terminal's cursor. */
static void put_plain(const struct page *page, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
		bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
		fputc(*at < 0x20 || *at == 0x7f || c1 ? '?' : *at, page->out);
		at += c1;
	}
}

static void put_line(const struct page *page, const char *label, const char *text)
{
	fprintf(page->out, "  %-12s ", label);
	put_plain(page, text);
	fputc('\n', page->out);
}

static void say(const struct page *page, const char *label, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(const struct page *page, const char *label, const char *fmt, ...)
{
	char text[640];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	put_line(page, label, text);
}

static void head(const struct page *page, const char *title)
{
	fprintf(page->out, "\n%s%s%s\n", page->colours ? "\033[1m" : "", title,
		page->colours ? "\033[0m" : "");
}

/* Each line of text; the first with the label. */
static void put_lines(const struct page *page, const char *label, const char *text)
{
	while (text[0] != '\0') {
		size_t len = strcspn(text, "\n");
		say(page, label, "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
		label = "";
	}
}

static void put_program(const struct page *page, const char *label,
			const struct doctor_program *program)
{
	if (program->error.code == 0)
		put_lines(page, label, program->words);
	else if (program->error.code == -ENOENT)
		put_line(page, label, "not installed");
	else
		put_line(page, label, program->error.text);
}

/* --- the machine */

static void put_settings_file(const struct page *page, const struct conf *conf)
{
	char path[160];

	snprintf(path, sizeof(path), SYSCONFDIR "/nalcast/%s.conf", conf->name);
	if (conf->config[0] != '\0')
		put_line(page, "settings", conf->config);
	else
		say(page, "settings", "%s%s", path,
		    access(path, F_OK) == 0 ? "" : " is not there: defaults and options");
}

static void put_machine(const struct page *page, const struct doctor_facts *facts)
{
	const struct machine *machine = &facts->shared.machine;
	const struct conf *conf = &facts->conf;

	fprintf(page->out, PACKAGE_STRING ", camera '%s'\n\n", conf->name);
	put_settings_file(page, conf);
	say(page, "source", "%s%s%s, %ux%u at %g fps", conf->source,
	    conf->source_device[0] != '\0' ? ":" : "", conf->source_device, conf->width,
	    conf->height, conf->fps_milli / 1000.0);
	put_line(page, "kernel", machine->kernel);
	if (machine->model[0] != '\0')
		put_line(page, "machine", machine->model);
	if (machine->has_cma)
		say(page, "CMA", "%llu MiB, %llu MiB free",
		    (unsigned long long)machine->cma_bytes / MIB,
		    (unsigned long long)machine->cma_free_bytes / MIB);
	put_line(page, "libraries", facts->libraries[0] != '\0' ? facts->libraries : "built in");
	put_program(page, "nginx", &facts->nginx);
	put_program(page, "libcamera", &facts->capture);
}

/* --- cameras */

/* "root:video 0660, nalcast may open it" */
static void tell_rights(const struct doctor_facts *facts, const char *path, char *words,
			size_t words_size)
{
	struct stat st;

	words[0] = '\0';
	if (stat(path, &st) < 0)
		return;
	const struct passwd *user = getpwuid(st.st_uid);
	const struct group *group = getgrgid(st.st_gid);
	snprintf(words, words_size, "%.32s:%.32s %04o, %s %s open it",
		 user != NULL ? user->pw_name : "?", group != NULL ? group->gr_name : "?",
		 st.st_mode & 07777, facts->account.name,
		 account_may(&facts->account, path, R_OK | W_OK, NULL) == 0 ? "may" : "may NOT");
}

static void put_node(const struct page *page, const struct doctor_facts *facts, const char *path)
{
	char rights[160];

	tell_rights(facts, path, rights, sizeof(rights));
	say(page, "", "%s%s%s", path, rights[0] != '\0' ? ", " : "", rights);
}

/* The fastest of them that has the size asked for, else the largest. */
static const struct source_mode *best_mode(const struct source_caps *caps, const struct conf *conf)
{
	const struct source_mode *best = NULL;

	for (unsigned i = 0; i < caps->mode_count; i++) {
		const struct source_mode *mode = &caps->modes[i];
		if (source_mode_has(mode, conf->width, conf->height, 0))
			return mode;
		if (best == NULL || mode->width_max > best->width_max)
			best = mode;
	}
	return best;
}

static void put_modes(const struct page *page, const struct doctor_facts *facts,
		      const struct source_caps *caps, const char *formats)
{
	const struct source_mode *mode = best_mode(caps, &facts->conf);
	char more[32] = "", all[96];

	if (mode == NULL)
		return;
	if (caps->mode_count > 1)
		snprintf(more, sizeof(more), ", %u more", caps->mode_count - 1);
	snprintf(all, sizeof(all), "%s%s", formats[0] != '\0' ? "; " : "", formats);
	say(page, "", "%ux%u up to %g fps%s%s; %u controls", mode->width_max, mode->height_max,
	    mode->fps_max_milli / 1000.0, more, all, caps->control_count);
}

static void put_camera(const struct page *page, const struct doctor_facts *facts,
		       const struct source_info *info)
{
	const struct source_caps *caps = &info->caps;
	char *path = caps->id[0] == '/' ? realpath(caps->id, NULL) : NULL;
	char formats[64] = "";

	put_line(page, caps->backend, caps->name);
	if (caps->id[0] != '\0' && strcmp(caps->id, caps->backend) != 0)
		say(page, "", "source = %s:%s", caps->backend, caps->id);
	if (path != NULL) {
		put_node(page, facts, path);
		v4l2look_formats(path, formats, sizeof(formats));
	}
	put_modes(page, facts, caps, formats);
	if (info->in_use_by[0] != '\0')
		say(page, "", "in use by %s", info->in_use_by);
	free(path);
}

static void put_cameras(const struct page *page, const struct doctor_facts *facts)
{
	head(page, "Cameras");
	for (unsigned i = 0; i < facts->camera_count; i++)
		put_camera(page, facts, &facts->cameras[i]);
}

/* --- encoders and device files */

/* How it would be opened. */
static void tell_encoder(const struct conf *conf, const struct encoder_ops *ops, char *words,
			 size_t words_size)
{
	struct encoder_config cfg = {
		.in = {.fourcc = FRAME_I420,
		       .width = conf->width,
		       .height = conf->height,
		       .fps_milli = conf->fps_milli},
		.bitrate_bps = conf->bitrate_bps,
		.gop_frames = conf->gop_frames,
		.threads = conf->encoder_threads,
	};

	words[0] = '\0';
	memcpy(cfg.preset, conf->encoder_preset, sizeof(cfg.preset));
	if (ops->tell != NULL)
		ops->tell(&cfg, words, words_size);
}

static void put_encoder(const struct page *page, const struct doctor_facts *facts,
			const struct encoder_ops *ops)
{
	char words[160];

	tell_encoder(&facts->conf, ops, words, sizeof(words));
	if (!ops->takes(FRAME_I420))
		put_line(page, ops->name, "passes on the source's own H.264, as it is");
	else if (ops->hardware && facts->no_hardware.code != 0)
		say(page, ops->name, "hardware, not here: %s", facts->no_hardware.text);
	else
		say(page, ops->name, "%s%s%s", ops->hardware ? "hardware" : "software",
		    words[0] != '\0' ? ", " : "", words);
}

static void put_encoders(const struct page *page, const struct doctor_facts *facts)
{
	head(page, "Encoders");
	for (unsigned i = 0; encoder_backends[i] != NULL; i++)
		put_encoder(page, facts, encoder_backends[i]);
	for (unsigned i = 0; i < facts->encoder_count; i++) {
		const struct v4l2look_encoder *encoder = &facts->encoders[i];
		say(page, "device", "%s, takes %s", encoder->card, encoder->takes);
		put_node(page, facts, encoder->path);
	}
}

static void put_heaps(const struct page *page, const struct doctor_facts *facts)
{
	const struct machine *machine = &facts->shared.machine;
	char rights[160];

	for (unsigned i = 0; i < machine->node_count; i++) {
		const struct machine_node *node = &machine->nodes[i];
		if (!node->of_buffers)
			continue;
		tell_rights(facts, node->path, rights, sizeof(rights));
		say(page, "buffers", "%s, %s", node->path, rights);
	}
}

/* --- findings */

static const char *word_of(const json_t *finding, const char *key)
{
	const char *text = json_string_value(json_object_get(finding, key));

	return text != NULL ? text : "";
}

static void put_finding(const struct page *page, const json_t *finding)
{
	static const struct {
		const char *word, *shown, *colour;
	} verdicts[] = {
		{"pass", "pass", "\033[32m"},
		{"warn", "warn", "\033[33m"},
		{"fail", "FAIL", "\033[31m"},
	};
	const char *status = word_of(finding, "status");
	const char *shown = status, *colour = "";

	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
		if (strcmp(verdicts[i].word, status) == 0) {
			shown = verdicts[i].shown;
			colour = verdicts[i].colour;
		}
	fprintf(page->out, "  %s%-4.4s%s  %-12.32s ", page->colours ? colour : "", shown,
		page->colours ? "\033[0m" : "", word_of(finding, "id"));
	put_plain(page, word_of(finding, "detail"));
	fputc('\n', page->out);
	if (word_of(finding, "fix")[0] == '\0')
		return;
	fprintf(page->out, "  %-18s    mend: ", "");
	put_plain(page, word_of(finding, "fix"));
	fputc('\n', page->out);
}

void doctor_print(const struct doctor_facts *facts, const json_t *findings, bool colours, FILE *out)
{
	const struct page page = {.out = out, .colours = colours};
	size_t i;
	const json_t *finding;

	put_machine(&page, facts);
	put_cameras(&page, facts);
	put_encoders(&page, facts);
	put_heaps(&page, facts);
	head(&page, "Findings");
	json_array_foreach((json_t *)findings, i, finding) put_finding(&page, finding);
}
