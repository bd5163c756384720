#include "streamer/confload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* false: word is no such option. */
static bool is_doctor(const char *word, enum conf_action *action)
{
	if (strcmp(word, "--doctor") == 0)
		*action = CONF_DOCTOR;
	else if (strcmp(word, "--doctor=json") == 0)
		*action = CONF_DOCTOR_JSON;
	else
		return false;
	return true;
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

	if (strcmp(name, "doctor") == 0)
		return error_set(err, -EINVAL, "--doctor is that, or --doctor=json");
	bool command_line_only;
	const char *value_name = conf_option(name, &command_line_only);
	if (value_name == NULL)
		return error_set(err, -EINVAL, "there is no option '--%s': try --help", name);
	const char *value = equals != NULL ? equals + 1 : argv[1];
	if (value == NULL)
		return error_set(err, -EINVAL, "--%s needs a value: --%s=%s", name, name,
				 value_name);
	*used = equals != NULL ? 1 : 2;
	if (only_early && !command_line_only)
		return 0;
	return conf_set(conf, name, value, err);
}

static int apply_arguments(struct conf *conf, char **argv, bool only_early,
			   enum conf_action *action, struct error *err)
{
	int used = 1;

	for (char **arg = argv + 1; *arg != NULL; arg += used) {
		used = 1;
		if (is_doctor(*arg, action))
			continue;
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
	enum conf_action action = CONF_RUN;
	int r = apply_arguments(conf, argv, true, &action, err);
	if (r == 0)
		r = read_file(conf, err);
	if (r == 0)
		r = apply_arguments(conf, argv, false, &action, err);
	if (r == 0)
		r = fill_paths(conf, err);
	if (r < 0)
		return r;
	*ret_action = action;
	return 0;
}
