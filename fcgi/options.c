#include "fcgi/options.h"

#include <errno.h>
#include <string.h>

#include "common/origin.h"
#include "common/util.h"

struct option_entry {
	const char *name, *argument; /* argument NULL: the option takes none */
	const char *help;
	int (*set)(struct options *options, const char *value, struct error *err);
};

static int set_socket(struct options *options, const char *value, struct error *err)
{
	(void)err;
	options->socket = value;
	return 0;
}

static int set_socket_mode(struct options *options, const char *value, struct error *err)
{
	uint64_t mode;

	if (parse_octal(value, 0777, &mode) < 0)
		return error_set(err, -EINVAL, "permission bits in octal are wanted, like 0660");
	options->socket_mode = (mode_t)mode;
	return 0;
}

static int set_socket_group(struct options *options, const char *value, struct error *err)
{
	(void)err;
	options->socket_group = value;
	return 0;
}

static int set_control_socket(struct options *options, const char *value, struct error *err)
{
	(void)err;
	options->control_socket = value;
	return 0;
}

static int set_allow_origin(struct options *options, const char *value, struct error *err)
{
	int r = origin_list_check(value, err);

	if (r == 0)
		options->allow_origin = value;
	return r;
}

static int set_unsigned(const char *value, unsigned min, unsigned max, unsigned *ret_number,
			struct error *err)
{
	uint64_t number;

	if (parse_unsigned(value, min, max, &number) < 0)
		return error_set(err, -EINVAL, "a number from %u to %u is wanted", min, max);
	*ret_number = (unsigned)number;
	return 0;
}

static int set_threads(struct options *options, const char *value, struct error *err)
{
	return set_unsigned(value, 1, OPTIONS_THREADS_MAX, &options->threads, err);
}

static int set_io_timeout_ms(struct options *options, const char *value, struct error *err)
{
	return set_unsigned(value, 100, 60000, &options->io_timeout_ms, err);
}

static int set_log_level(struct options *options, const char *value, struct error *err)
{
	if (log_level_parse(value, &options->log_level) < 0)
		return error_set(err, -EINVAL, "error, warn, info or debug is wanted");
	return 0;
}

static int set_help(struct options *options, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	options->help = true;
	return 0;
}

static int set_version(struct options *options, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	options->version = true;
	return 0;
}

static const struct option_entry entries[] = {
	{"socket", "PATH",
	 "listen here, unless systemd or descriptor 0 brings a\n"
	 "socket [" RUNSTATEDIR "/nalcast/fcgi.sock]",
	 set_socket},
	{"socket-mode", "MODE", "permission bits of that socket [0660]", set_socket_mode},
	{"socket-group", "GROUP", "the group that may connect: the web server's", set_socket_group},
	{"control-socket", "PATH",
	 "where the nalcastd of camera main is\n[" RUNSTATEDIR "/nalcast/main/control.sock];\n"
	 "in a folder named main: other cameras are beside that",
	 set_control_socket},
	{"allow-origin", "LIST",
	 "pages of these origins may change things, besides our\n"
	 "own: https://a.example,https://b.example:8443",
	 set_allow_origin},
	{"threads", "N", "requests served at a time, 1 to 64 [16]", set_threads},
	{"io-timeout-ms", "MS",
	 "longest wait for the web server to send or take a\n"
	 "request or an answer, 100 to 60000 [10000]",
	 set_io_timeout_ms},
	{"log-level", "LEVEL", "error, warn, info or debug [info]", set_log_level},
	{"help", NULL, "print this and exit", set_help},
	{"version", NULL, "print the version and exit", set_version},
};

static const struct option_entry *find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (strlen(entries[i].name) == len && memcmp(entries[i].name, name, len) == 0)
			return &entries[i];
	return NULL;
}

static int set(const struct option_entry *entry, struct options *options, const char *value,
	       struct error *err)
{
	struct error why = {0};

	if (value != NULL && value[0] == '\0')
		return error_set(err, -EINVAL, "--%s= is empty: --%s=%s is wanted", entry->name,
				 entry->name, entry->argument);
	int r = entry->set(options, value, &why);
	if (r < 0)
		return error_set(err, r, "--%s=%.60s: %s", entry->name, value, why.text);
	return 0;
}

/* One option, which may take the word after it as its value. Returns how many words it took. */
static int read_one(const char *const *words, struct options *options, struct error *err)
{
	const char *word = words[0];

	if (strncmp(word, "--", 2) != 0)
		return error_set(err, -EINVAL,
				 "'%.60s' is not understood: options begin with --, see --help",
				 word);
	size_t len = strcspn(word + 2, "=");
	const struct option_entry *entry = find(word + 2, len);
	const char *value = word[2 + len] == '=' ? word + 2 + len + 1 : NULL;
	if (entry == NULL)
		return error_set(err, -EINVAL, "there is no option '%.60s': see --help", word);
	if (entry->argument == NULL && value != NULL)
		return error_set(err, -EINVAL, "--%s takes no value", entry->name);

	int taken = 1;
	if (entry->argument != NULL && value == NULL) {
		value = words[1];
		if (value == NULL)
			return error_set(err, -EINVAL, "--%s needs a value: --%s=%s", entry->name,
					 entry->name, entry->argument);
		taken = 2;
	}
	int r = set(entry, options, value, err);
	return r < 0 ? r : taken;
}

int options_read(int argc, const char *const *argv, struct options *ret_options, struct error *err)
{
	struct options options = {
		.socket = RUNSTATEDIR "/nalcast/fcgi.sock",
		.socket_mode = 0660,
		.socket_group = "",
		.control_socket = RUNSTATEDIR "/nalcast/main/control.sock",
		.allow_origin = "",
		.threads = 16,
		.io_timeout_ms = 10000,
		.log_level = LOG_LEVEL_INFO,
	};

	for (int i = 1; i < argc;) {
		int taken = read_one(argv + i, &options, err);
		if (taken < 0)
			return taken;
		i += taken;
	}
	*ret_options = options;
	return 0;
}

static void print_entry(const struct option_entry *entry, FILE *out)
{
	int width = fprintf(out, "  --%s", entry->name);

	if (entry->argument != NULL)
		width += fprintf(out, "=%s", entry->argument);
	for (const char *line = entry->help; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		fprintf(out, "%*s%.*s\n", 26 - width, "", (int)len, line);
		line += len + (line[len] == '\n');
		width = 0;
	}
}

void options_print_help(FILE *out)
{
	fputs("Usage: nalcast-fcgi [OPTION]...\n"
	      "\n"
	      "The JSON API of nalcast, for a web server that speaks FastCGI. It asks nalcastd.\n"
	      "\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		print_entry(&entries[i], out);
	fputs("\nSee nalcast-fcgi(8), and nalcast-api(7) for the API.\n", out);
}
