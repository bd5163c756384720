#include "streamer/conf.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <ini.h>

#include "common/origin.h"
#include "common/util.h"

/* A setting's own way to read its value. Returns 0, or -EINVAL and leaves conf alone. */
typedef int set_fn(struct conf *conf, const char *value);

struct option {
	const char *name;
	const char *value; /* as --help shows it */
	const char *help;
	set_fn *set;
	bool command_line_only;
};

static int copy(char *to, size_t size, const char *value)
{
	size_t len = strlen(value);

	if (len >= size)
		return -EINVAL;
	memcpy(to, value, len + 1);
	return 0;
}

static int set_bool(bool *to, const char *value)
{
	if (strcmp(value, "yes") == 0)
		*to = true;
	else if (strcmp(value, "no") == 0)
		*to = false;
	else
		return -EINVAL;
	return 0;
}

static int set_count(unsigned *to, const char *value, unsigned min, unsigned max)
{
	uint64_t number;

	if (parse_unsigned(value, min, max, &number) < 0)
		return -EINVAL;
	*to = (unsigned)number;
	return 0;
}

static int set_config(struct conf *conf, const char *value)
{
	return copy(conf->config, sizeof(conf->config), value);
}

static bool name_is_reserved(const char *name)
{
	static const char *const reserved[] = {"api", "assets", "stream", "snapshot"};

	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return true;
	return false;
}

static int set_name(struct conf *conf, const char *value)
{
	if (value[0] == '\0' || name_is_reserved(value))
		return -EINVAL;
	if (strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(value))
		return -EINVAL;
	return copy(conf->name, sizeof(conf->name), value);
}

/* "file:PATH" or "v4l2:/dev/video0": the backend, and what it opens. Whether there is such a
 * backend is the pipeline's to say: it knows what was built in. */
static int set_source(struct conf *conf, const char *value)
{
	const char *colon = strchr(value, ':');
	size_t len = colon != NULL ? (size_t)(colon - value) : strlen(value);
	const char *device = colon != NULL ? colon + 1 : "";

	if (len == 0 || len >= sizeof(conf->source))
		return -EINVAL;
	if (strncmp(value, "file", len) == 0 && device[0] == '\0')
		return -EINVAL;
	if (copy(conf->source_device, sizeof(conf->source_device), device) < 0)
		return -EINVAL;
	memcpy(conf->source, value, len);
	conf->source[len] = '\0';
	return 0;
}

static int set_encoder(struct conf *conf, const char *value)
{
	return value[0] == '\0' ? -EINVAL : copy(conf->encoder, sizeof(conf->encoder), value);
}

static int set_profiles(struct conf *conf, const char *value)
{
	if (strcmp(value, "any") != 0 && strcmp(value, "baseline") != 0)
		return -EINVAL;
	conf->any_profile = strcmp(value, "any") == 0;
	return 0;
}

static int set_size(struct conf *conf, const char *value)
{
	char text[16];
	char *x;
	unsigned width, height;

	if (copy(text, sizeof(text), value) < 0 || (x = strchr(text, 'x')) == NULL)
		return -EINVAL;
	*x = '\0';
	if (set_count(&width, text, CONF_WIDTH_MIN, CONF_WIDTH_MAX) < 0 ||
	    set_count(&height, x + 1, CONF_HEIGHT_MIN, CONF_HEIGHT_MAX) < 0)
		return -EINVAL;
	if (width % 2 != 0 || height % 2 != 0)
		return -EINVAL;
	conf->width = width;
	conf->height = height;
	return 0;
}

/* "30", "29.97", "12.5": at most three places. */
static int set_fps(struct conf *conf, const char *value)
{
	char text[16];
	unsigned whole, milli = 0;

	if (copy(text, sizeof(text), value) < 0)
		return -EINVAL;
	char *point = strchr(text, '.');
	if (point != NULL) {
		static const unsigned scale[] = {0, 100, 10, 1};
		size_t places = strlen(point + 1);
		*point = '\0';
		if (places < 1 || places > 3 || set_count(&milli, point + 1, 0, 999) < 0)
			return -EINVAL;
		milli *= scale[places];
	}
	if (set_count(&whole, text, 0, CONF_FPS_MAX) < 0 || whole * 1000 + milli < 1000 ||
	    whole * 1000 + milli > CONF_FPS_MAX * 1000)
		return -EINVAL;
	conf->fps_milli = whole * 1000 + milli;
	conf->fps_given = true;
	return 0;
}

static int set_bitrate(struct conf *conf, const char *value)
{
	char text[16];
	unsigned factor = 1, number;

	if (value[0] == '\0' || copy(text, sizeof(text), value) < 0)
		return -EINVAL;
	char *last = text + strlen(text) - 1;
	if (*last == 'k' || *last == 'M') {
		factor = *last == 'k' ? 1000 : 1000000;
		*last = '\0';
	}
	if (set_count(&number, text, 1, 100000000 / factor) < 0 || number * factor < 100000)
		return -EINVAL;
	conf->bitrate_bps = number * factor;
	return 0;
}

static int set_gop(struct conf *conf, const char *value)
{
	return set_count(&conf->gop_frames, value, 1, 10000);
}

static int set_stream_socket(struct conf *conf, const char *value)
{
	return copy(conf->stream_socket, sizeof(conf->stream_socket), value);
}

static int set_control_socket(struct conf *conf, const char *value)
{
	return copy(conf->control_socket, sizeof(conf->control_socket), value);
}

static int set_socket_mode(struct conf *conf, const char *value)
{
	uint64_t mode;

	if (parse_octal(value, 0777, &mode) < 0)
		return -EINVAL;
	conf->socket_mode = (mode_t)mode;
	return 0;
}

static int set_socket_group(struct conf *conf, const char *value)
{
	return copy(conf->socket_group, sizeof(conf->socket_group), value);
}

static int set_viewers_max(struct conf *conf, const char *value)
{
	return set_count(&conf->viewers_max, value, 1, 100000);
}

static int set_viewer_lag_max(struct conf *conf, const char *value)
{
	return set_count(&conf->viewer_lag_max_ms, value, 50, 10000);
}

static int set_on_demand(struct conf *conf, const char *value)
{
	return set_bool(&conf->on_demand, value);
}

static int set_idle_stop(struct conf *conf, const char *value)
{
	return set_count(&conf->idle_stop_s, value, 0, 86400);
}

static int set_allow_origin(struct conf *conf, const char *value)
{
	if (origin_list_check(value, NULL) < 0)
		return -EINVAL;
	return copy(conf->allow_origin, sizeof(conf->allow_origin), value);
}

static int set_state_dir(struct conf *conf, const char *value)
{
	return copy(conf->state_dir, sizeof(conf->state_dir), value);
}

/* The words of source.h's source_fault_parse(); a misspelt one would act out nothing. */
static int set_test_fault(struct conf *conf, const char *value)
{
	static const char *const faults[] = {"none", "unplug", "stall", "slow", "burst"};

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (strcmp(value, faults[i]) == 0)
			return copy(conf->test_fault, sizeof(conf->test_fault), value);
	return -EINVAL;
}

static int set_log_level(struct conf *conf, const char *value)
{
	return log_level_parse(value, &conf->log_level);
}

static const struct option options[] = {
	{"config", "FILE", "settings file [" SYSCONFDIR "/nalcast/NAME.conf, if it exists]",
	 set_config, true},
	{"name", "NAME", "of the camera: a-z, 0-9, '-', at most 32 [main]", set_name, true},
	{"source", "SOURCE", "auto, test, file:PATH (H.264: recorded, or a FIFO; file:-) [auto]",
	 set_source, false},
	{"encoder", "NAME", "auto, x264 [auto]", set_encoder, false},
	{"profiles", "SET", "baseline, or any: let a camera's Main or High through [baseline]",
	 set_profiles, false},
	{"size", "WxH", "160x120 to 4096x2304, even [1280x720]", set_size, false},
	{"fps", "N", "pictures a second, 1 to 240, fractions allowed [30]", set_fps, false},
	{"bitrate-bps", "N", "100k to 100M bits a second; k and M are understood [2M]", set_bitrate,
	 false},
	{"gop-frames", "N", "pictures from one IDR to the next, 1 to 10000 [60]", set_gop, false},
	{"stream-socket", "PATH", "for viewers [" RUNSTATEDIR "/nalcast/NAME/stream.sock]",
	 set_stream_socket, false},
	{"control-socket", "PATH", "for nalcast-fcgi [" RUNSTATEDIR "/nalcast/NAME/control.sock]",
	 set_control_socket, false},
	{"socket-mode", "MODE", "permissions of both sockets, in octal [0660]", set_socket_mode,
	 false},
	{"socket-group", "GROUP", "of the viewers' socket: nginx's", set_socket_group, false},
	{"viewers-max", "N", "viewers at a time, 1 to 100000 [64]", set_viewers_max, false},
	{"viewer-lag-max-ms", "N", "a viewer further behind skips to an IDR, 50 to 10000 [250]",
	 set_viewer_lag_max, false},
	{"on-demand", "yes|no", "open the camera only while somebody watches [yes]", set_on_demand,
	 false},
	{"idle-stop-s", "N", "close it this long after the last viewer, 0 to 86400 [10]",
	 set_idle_stop, false},
	{"allow-origin", "LIST",
	 "further origins whose pages may watch, https://a.example,... [none]", set_allow_origin,
	 false},
	{"state-dir", "DIR",
	 "where changes made over the API are kept [" LOCALSTATEDIR "/lib/nalcast/NAME]",
	 set_state_dir, false},
	{"test-fault", "FAULT", "the test source begins with it: unplug, stall, slow, burst",
	 set_test_fault, false},
	{"log-level", "LEVEL", "error, warn, info, debug [info]", set_log_level, false},
};

void conf_defaults(struct conf *conf)
{
	*conf = (struct conf){
		.name = "main",
		.source = "auto",
		.encoder = "auto",
		.width = 1280,
		.height = 720,
		.fps_milli = 30000,
		.bitrate_bps = 2000000,
		.gop_frames = 60,
		.socket_mode = 0660,
		.viewers_max = 64,
		.viewer_lag_max_ms = 250,
		.on_demand = true,
		.idle_stop_s = 10,
		.log_level = LOG_LEVEL_INFO,
	};
}

static const struct option *find_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

static int set_option(struct conf *conf, const struct option *option, const char *value,
		      struct error *err)
{
	if (option->set(conf, value) == 0)
		return 0;
	return error_set(err, -EINVAL, "%s: '%.80s' is not a value it takes: %s", option->name,
			 value, option->help);
}

int conf_set(struct conf *conf, const char *name, const char *value, struct error *err)
{
	char dashed[32];

	if (copy(dashed, sizeof(dashed), name) < 0)
		return error_set(err, -ENOENT, "there is no setting '%.40s'", name);
	for (char *p = dashed; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
	const struct option *option = find_option(dashed);
	if (option == NULL)
		return error_set(err, -ENOENT, "there is no setting '%.40s'", name);
	return set_option(conf, option, value, err);
}

struct reading { /* what inih's callback works on */
	struct conf conf;
	struct error words; /* of the first line that is wrong */
};

static int on_line(void *user, const char *section, const char *name, const char *value)
{
	struct reading *reading = user;
	int r;

	if (section[0] != '\0')
		r = error_set(&reading->words, -EINVAL, "there are no sections, but [%.40s]",
			      section);
	else if (strcmp(name, "config") == 0 || strcmp(name, "name") == 0)
		r = error_set(&reading->words, -EINVAL, "%s is for the command line only", name);
	else
		r = conf_set(&reading->conf, name, value != NULL ? value : "", &reading->words);
	return r == 0;
}

int conf_read(struct conf *conf, FILE *file, const char *file_name, struct error *err)
{
	struct reading reading = {.conf = *conf};
	int line = ini_parse_file(file, on_line, &reading);

	if (line < 0)
		return error_set(err, -EIO, "%s: cannot be read", file_name);
	if (line > 0)
		return error_set(err, -EINVAL, "%s:%d: %s", file_name, line,
				 reading.words.code != 0 ? reading.words.text
							 : "not a 'name = value' line");
	*conf = reading.conf;
	return 0;
}

/* "--name=value" or "--name value". Sets *used to the words of argv it took. */
static int apply_argument(struct conf *conf, char **argv, bool only_early, int *used,
			  struct error *err)
{
	const char *word = argv[0];
	char name[32];

	if (strncmp(word, "--", 2) != 0)
		return error_set(err, -EINVAL, "'%.60s' is not an option: try --help", word);
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word - 2) : strlen(word + 2);
	if (len >= sizeof(name))
		return error_set(err, -EINVAL, "there is no option '%.40s': try --help", word);
	memcpy(name, word + 2, len);
	name[len] = '\0';

	const struct option *option = find_option(name);
	if (option == NULL)
		return error_set(err, -EINVAL, "there is no option '--%s': try --help", name);
	const char *value = equals != NULL ? equals + 1 : argv[1];
	if (value == NULL)
		return error_set(err, -EINVAL, "--%s needs a value: --%s=%s", name, name,
				 option->value);
	*used = equals != NULL ? 1 : 2;
	if (only_early && !option->command_line_only)
		return 0;
	return set_option(conf, option, value, err);
}

static int apply_arguments(struct conf *conf, char **argv, bool only_early, struct error *err)
{
	int used = 1;

	for (char **arg = argv + 1; *arg != NULL; arg += used) {
		int r = apply_argument(conf, arg, only_early, &used, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The camera's own file may be absent; one that was named may not. */
static int read_file(struct conf *conf, struct error *err)
{
	char path[sizeof(conf->config)];
	bool named = conf->config[0] != '\0';

	if (named)
		snprintf(path, sizeof(path), "%s", conf->config);
	else
		snprintf(path, sizeof(path), "%s/nalcast/%s.conf", SYSCONFDIR, conf->name);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return !named && errno == ENOENT ? 0 : error_set(err, -errno, "%s: %m", path);
	int r = conf_read(conf, file, path, err);
	fclose(file);
	return r;
}

static int fill_path(char *path, size_t size, const char *dir, const char *name, const char *leaf,
		     struct error *err)
{
	if (path[0] != '\0')
		return 0;
	if (snprintf(path, size, "%s/nalcast/%s%s", dir, name, leaf) < (int)size)
		return 0;
	return error_set(err, -ENAMETOOLONG, "%s/nalcast/%s%s: longer than %zu bytes", dir, name,
			 leaf, size - 1);
}

static int fill_paths(struct conf *conf, struct error *err)
{
	int r = fill_path(conf->stream_socket, sizeof(conf->stream_socket), RUNSTATEDIR, conf->name,
			  "/stream.sock", err);
	if (r == 0)
		r = fill_path(conf->control_socket, sizeof(conf->control_socket), RUNSTATEDIR,
			      conf->name, "/control.sock", err);
	if (r == 0)
		r = fill_path(conf->state_dir, sizeof(conf->state_dir), LOCALSTATEDIR "/lib",
			      conf->name, "", err);
	return r;
}

static bool wants_words(char **argv, const char *option)
{
	for (char **arg = argv + 1; *arg != NULL; arg++)
		if (strcmp(*arg, option) == 0)
			return true;
	return false;
}

int conf_load(struct conf *conf, char **argv, enum conf_action *ret_action, struct error *err)
{
	if (wants_words(argv, "--help") || wants_words(argv, "--version")) {
		if (wants_words(argv, "--help"))
			conf_print_help(stdout);
		else
			puts(PACKAGE_STRING);
		*ret_action = CONF_EXIT;
		return 0;
	}
	conf_defaults(conf);
	int r = apply_arguments(conf, argv, true, err);
	if (r == 0)
		r = read_file(conf, err);
	if (r == 0)
		r = apply_arguments(conf, argv, false, err);
	if (r == 0)
		r = fill_paths(conf, err);
	if (r < 0)
		return r;
	*ret_action = CONF_RUN;
	return 0;
}

void conf_print_help(FILE *out)
{
	fputs("Usage: nalcastd [OPTION]...\n"
	      "Sends a camera's pictures, as H.264, to every viewer of a Unix socket that nginx\n"
	      "proxies. Options, of which all but --config and --name may stand in the file:\n\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		char left[40];
		snprintf(left, sizeof(left), "--%s=%s", options[i].name, options[i].value);
		fprintf(out, "  %-27s %s\n", left, options[i].help);
	}
	fputs("  --help, --version\n\n"
	      "See nalcastd(8), nalcast.conf(5).\n",
	      out);
}
