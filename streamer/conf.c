#include "streamer/conf.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <ini.h>

#include "common/camname.h"
#include "common/origin.h"
#include "common/util.h"

/* A setting's own way to read its value. Returns 0, or -EINVAL and leaves conf alone. */
typedef int set_fn(struct conf *conf, const char *value);

enum unit {
	UNIT_NONE,
	UNIT_BYTES, /* K and M are understood, and shown */
};

struct option {
	const char *name;
	const char *value; /* as --help shows it */
	const char *help;
	set_fn *set; /* NULL: a number, as follows; --help adds range and default to the words */
	bool command_line_only;
	enum unit unit;
	size_t offset; /* of an unsigned in struct conf */
	unsigned min, max, normal;
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

/* "512K" of bytes is 512 * 1024, "2500k" of bits 2500 * 1000; "M" is the same twice. */
static int set_scaled(unsigned *to, const char *value, char kilo, unsigned base, unsigned min,
		      unsigned max)
{
	char text[16];
	unsigned factor = 1, number;

	if (value[0] == '\0' || copy(text, sizeof(text), value) < 0)
		return -EINVAL;
	char *last = text + strlen(text) - 1;
	if (*last == kilo || *last == 'M') {
		factor = *last == 'M' ? base * base : base;
		*last = '\0';
	}
	if (set_count(&number, text, 0, max / factor) < 0 || number * factor < min)
		return -EINVAL;
	*to = number * factor;
	return 0;
}

static int set_bytes(unsigned *to, const char *value, unsigned min, unsigned max)
{
	return set_scaled(to, value, 'K', 1024, min, max);
}

static int set_config(struct conf *conf, const char *value)
{
	return copy(conf->config, sizeof(conf->config), value);
}

static int set_name(struct conf *conf, const char *value)
{
	if (!camname_is_valid(value))
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
	if (len == 4 && memcmp(value, "file", len) == 0 && device[0] == '\0')
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

/* x264's names; slower ones need more than live pictures allow. */
static int set_encoder_preset(struct conf *conf, const char *value)
{
	static const char *const presets[] = {"auto",   "ultrafast", "superfast", "veryfast",
					      "faster", "fast",      "medium"};

	for (size_t i = 0; i < ARRAY_SIZE(presets); i++)
		if (strcmp(value, presets[i]) == 0)
			return copy(conf->encoder_preset, sizeof(conf->encoder_preset), value);
	return -EINVAL;
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
	return set_scaled(&conf->bitrate_bps, value, 'k', 1000, 100000, 100000000);
}

static int set_adaptive(struct conf *conf, const char *value)
{
	return set_bool(&conf->adaptive, value);
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

static int set_on_demand(struct conf *conf, const char *value)
{
	return set_bool(&conf->on_demand, value);
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

#define NUMBER(field, from, to, usual) \
	.offset = offsetof(struct conf, field), .min = (from), .max = (to), .normal = (usual)
#define BYTES(field, from, to, usual) .unit = UNIT_BYTES, NUMBER(field, from, to, usual)
#define K                             1024u
#define M                             (1024u * K)

static const struct option options[] = {
	{"config", "FILE", "settings file [" SYSCONFDIR "/nalcast/NAME.conf, if it exists]",
	 .set = set_config, .command_line_only = true},
	{"name", "NAME", "of the camera: a-z, 0-9, '-', at most 32 [main]", .set = set_name,
	 .command_line_only = true},
	{"source", "SOURCE",
	 "auto, v4l2[:DEVICE], libcamera[:ID], test, file:PATH (H.264, or a FIFO; file:-) [auto]",
	 .set = set_source},
	{"encoder", "NAME", "auto (hardware if it can be had), v4l2m2m, x264 [auto]",
	 .set = set_encoder},
	{"encoder-threads", "N", "of x264, 0: by the machine's cores",
	 NUMBER(encoder_threads, 0, 64, 0)},
	{"encoder-preset", "NAME",
	 "of x264: auto, ultrafast, superfast, veryfast, faster, fast, medium [auto]",
	 .set = set_encoder_preset},
	{"profiles", "SET", "baseline, or any: let a camera's Main or High through [baseline]",
	 .set = set_profiles},
	{"size", "WxH", "160x120 to 4096x2304, even [1280x720]", .set = set_size},
	{"fps", "N", "pictures a second, 1 to 240, fractions allowed [30]", .set = set_fps},
	{"bitrate-bps", "N", "100k to 100M bits a second; k and M are understood [2M]",
	 .set = set_bitrate},
	{"gop-frames", "N", "pictures from one IDR to the next", NUMBER(gop_frames, 1, 10000, 60)},
	{"adaptive", "yes|no", "lower the bitrate while most viewers' links carry less [yes]",
	 .set = set_adaptive},
	{"stream-socket", "PATH", "for viewers [" RUNSTATEDIR "/nalcast/NAME/stream.sock]",
	 .set = set_stream_socket},
	{"control-socket", "PATH", "for nalcast-fcgi [" RUNSTATEDIR "/nalcast/NAME/control.sock]",
	 .set = set_control_socket},
	{"socket-mode", "MODE", "permissions of both sockets, in octal [0660]",
	 .set = set_socket_mode},
	{"socket-group", "GROUP", "of the viewers' socket: nginx's", .set = set_socket_group},
	{"viewers-max", "N", "viewers at a time", NUMBER(viewers_max, 1, 100000, 64)},
	{"viewer-lag-max-ms", "N", "a viewer further behind skips to an IDR",
	 NUMBER(viewer_lag_max_ms, 50, 10000, 250)},
	{"on-demand", "yes|no", "open the camera only while somebody watches [yes]",
	 .set = set_on_demand},
	{"idle-stop-s", "N", "close it this long after the last viewer",
	 NUMBER(idle_stop_s, 0, 86400, 10)},
	{"allow-origin", "LIST",
	 "further origins whose pages may watch, https://a.example,... [none]",
	 .set = set_allow_origin},
	{"join-age-max-ms", "N", "join at the last IDR if it is at most this old",
	 NUMBER(limits.join_age_max_ms, 0, 10000, 500)},
	{"join-bytes-max", "N", "and if at most so many bytes follow it",
	 BYTES(limits.join_bytes_max, 0, 64 * M, 512 * K)},
	{"idr-join-interval-ms", "N", "from one IDR for those who join to the next",
	 NUMBER(limits.idr_join_interval_ms, 0, 60000, 500)},
	{"idr-recover-interval-ms", "N", "the same for those who fell behind",
	 NUMBER(limits.idr_recover_interval_ms, 0, 60000, 2000)},
	{"ring-bytes-max", "N", "of access units kept for viewers",
	 BYTES(limits.ring_bytes_max, 64 * K, 1024 * M, 32 * M)},
	{"pinned-bytes-max", "N", "kept besides, for stalled viewers together",
	 BYTES(limits.pinned_bytes_max, 64 * K, 1024 * M, 64 * M)},
	{"handshake-timeout-s", "N", "for a connection to say what it wants",
	 NUMBER(limits.handshake_timeout_s, 1, 60, 5)},
	{"ack-interval-ms", "N", "a page acknowledges this often; in a crowd a quarter of it",
	 NUMBER(limits.ack_interval_ms, 20, 500, 50)},
	{"ping-interval-s", "N", "from pong to ping; below nginx's proxy_read_timeout, 60 s",
	 NUMBER(limits.ping_interval_s, 1, 3600, 20)},
	{"pong-timeout-s", "N", "who answers no ping for so long is closed",
	 NUMBER(limits.pong_timeout_s, 1, 3600, 30)},
	{"progress-timeout-s", "N", "who takes nothing for so long is closed",
	 NUMBER(limits.progress_timeout_s, 1, 3600, 10)},
	{"texts-heard-max", "N", "a viewer's texts a second; more are ignored",
	 NUMBER(limits.texts_heard_max, 30, 10000, 60)},
	{"texts-max", "N", "more a second close with 1008",
	 NUMBER(limits.texts_max, 30, 10000, 200)},
	{"state-dir", "DIR",
	 "where changes made over the API are kept [" LOCALSTATEDIR "/lib/nalcast/NAME]",
	 .set = set_state_dir},
	{"test-fault", "FAULT", "the test source begins with it: unplug, stall, slow, burst",
	 .set = set_test_fault},
	{"log-level", "LEVEL", "error, warn, info, debug [info]", .set = set_log_level},
};

#undef M
#undef K
#undef BYTES
#undef NUMBER

static unsigned *number_of(struct conf *conf, const struct option *option)
{
	return (unsigned *)(void *)((char *)conf + option->offset);
}

void conf_defaults(struct conf *conf)
{
	*conf = (struct conf){
		.name = "main",
		.source = "auto",
		.encoder = "auto",
		.encoder_preset = "auto",
		.width = 1280,
		.height = 720,
		.fps_milli = 30000,
		.bitrate_bps = 2000000,
		.adaptive = true,
		.socket_mode = 0660,
		.on_demand = true,
		.log_level = LOG_LEVEL_INFO,
	};
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (options[i].set == NULL)
			*number_of(conf, &options[i]) = options[i].normal;
}

static const struct option *find_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

#define NUMBER_TEXT_SIZE 16

static void write_number(char text[static NUMBER_TEXT_SIZE], enum unit unit, unsigned number)
{
	static const char *const letters[] = {"", "K", "M"};
	unsigned letter = 0;

	while (unit == UNIT_BYTES && letter < 2 && number > 0 && number % 1024 == 0) {
		number /= 1024;
		letter++;
	}
	snprintf(text, NUMBER_TEXT_SIZE, "%u%s", number, letters[letter]);
}

/* The words, and for a number what it may be. */
static void describe(const struct option *option, char *out, size_t size)
{
	char min[NUMBER_TEXT_SIZE], max[NUMBER_TEXT_SIZE], normal[NUMBER_TEXT_SIZE];

	if (option->set != NULL) {
		snprintf(out, size, "%s", option->help);
		return;
	}
	write_number(min, option->unit, option->min);
	write_number(max, option->unit, option->max);
	write_number(normal, option->unit, option->normal);
	snprintf(out, size, "%s, %s to %s [%s]", option->help, min, max, normal);
}

static int set_number(struct conf *conf, const struct option *option, const char *value)
{
	unsigned *to = number_of(conf, option);

	return option->unit == UNIT_BYTES ? set_bytes(to, value, option->min, option->max)
					  : set_count(to, value, option->min, option->max);
}

const char *conf_option(const char *name, bool *ret_command_line_only)
{
	const struct option *option = find_option(name);

	if (option == NULL)
		return NULL;
	*ret_command_line_only = option->command_line_only;
	return option->value;
}

static int set_option(struct conf *conf, const struct option *option, const char *value,
		      struct error *err)
{
	char words[160];
	int r = option->set != NULL ? option->set(conf, value) : set_number(conf, option, value);

	if (r == 0)
		return 0;
	describe(option, words, sizeof(words));
	return error_set(err, -EINVAL, "%s: '%.80s' is not a value it takes: %s", option->name,
			 value, words);
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

void conf_print_help(FILE *out)
{
	fputs("Usage: nalcastd [OPTION]...\n"
	      "Sends a camera's pictures, as H.264, to every viewer of a Unix socket that nginx\n"
	      "proxies. Options, of which all but --config and --name may stand in the file:\n\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		char left[40], right[160];
		snprintf(left, sizeof(left), "--%s=%s", options[i].name, options[i].value);
		describe(&options[i], right, sizeof(right));
		fprintf(out, "  %-27s %s\n", left, right);
	}
	fputs("  --doctor[=json]             say what is there, what is wrong, and how to mend it\n"
	      "  --help, --version\n\n"
	      "See nalcastd(8), nalcast.conf(5).\n",
	      out);
}
