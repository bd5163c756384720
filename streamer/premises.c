#include "streamer/premises.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/util.h"

#define ROOM_MIN_BYTES 65536      /* as the store's */
#define LISTENS        "00010000" /* __SO_ACCEPTCON, as /proc/net/unix has it */

/* --- systemd */

static bool is_there(const char *folder, const char *name)
{
	char path[256];
	struct stat st;

	/* lstat: systemd's links may lead anywhere. */
	return snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path) &&
	       lstat(path, &st) == 0;
}

static void look_for_unit(const struct machine_roots *roots, const char *unit, const char *template,
			  struct premises *premises)
{
	char name[160];

	snprintf(name, sizeof(name), "systemd/system/%s", unit);
	premises->has_unit |= is_there(roots->etc, name) || is_there(roots->units, template);
	snprintf(name, sizeof(name), "systemd/system/multi-user.target.wants/%s", unit);
	premises->unit_enabled |= is_there(roots->etc, name);
}

static void look_for_units(const struct machine_roots *roots, const char *camera,
			   struct premises *premises)
{
	char name[160];

	snprintf(name, sizeof(name), "nalcastd@%.32s.service", camera);
	look_for_unit(roots, name, "nalcastd@.service", premises);
	if (strcmp(camera, "main") == 0)
		look_for_unit(roots, "nalcastd.service", "nalcastd.service", premises);
	snprintf(name, sizeof(name), "systemd/system/sockets.target.wants/nalcastd@%.32s.socket",
		 camera);
	premises->socket_enabled = is_there(roots->etc, name);
}

/* SupplementaryGroups= */
static void join_groups(struct account *account)
{
	if (strcmp(account->name, NALCAST_USER) != 0)
		return;
	account_join(account, "video");
	account_join(account, VIEWER_GROUP);
}

/* --- folders */

static bool folder_of(const char *path, char *folder, size_t folder_size)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return false;
	snprintf(folder, folder_size, "%.*s", (int)(slash - path), path);
	return true;
}

/* May account write there, or make it? Only its last part is made. */
static int may_fill(const struct account *account, const char *folder, struct error *err)
{
	char above[CONF_PATH_MAX + 256];
	struct error error;
	struct stat st;

	if (stat(folder, &st) == 0 && !S_ISDIR(st.st_mode))
		return error_set(err, -ENOTDIR, "%s: is no folder", folder);
	int r = account_may(account, folder, W_OK | X_OK, &error);
	if (r == 0)
		return 0;
	if (r != -ENOENT)
		return error_set(err, r, "%s", error.text);
	if (!folder_of(folder, above, sizeof(above)))
		snprintf(above, sizeof(above), "%s", folder[0] == '/' ? "/" : ".");
	if (account_may(account, above, W_OK | X_OK, NULL) == 0)
		return 0;
	return error_set(err, -EACCES, "%s: is not there, and %s may not make it in %s", folder,
			 account->name, above);
}

/* RuntimeDirectory=, StateDirectory= */
static bool unit_makes(const struct premises *premises, const char *path, const char *base)
{
	return premises->has_unit && strncmp(path, base, strlen(base)) == 0;
}

static void look_at_state(const struct conf *conf, const struct account *account,
			  struct premises *premises)
{
	struct statvfs disk;

	if (statvfs(conf->state_dir, &disk) == 0 &&
	    disk.f_bavail * disk.f_frsize < ROOM_MIN_BYTES) {
		error_set(&premises->state, -ENOSPC, "%s: the disk is full", conf->state_dir);
		return;
	}
	if (access(conf->state_dir, F_OK) < 0 && errno == ENOENT &&
	    unit_makes(premises, conf->state_dir, LOCALSTATEDIR "/lib/nalcast/"))
		return;
	may_fill(account, conf->state_dir, &premises->state);
}

/* --- sockets */

/* The word'th of a line, from 0; the last one goes to its end. */
static const char *word_of(const char *line, unsigned word)
{
	while (word-- > 0) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return line;
}

/* "0000000045cf2c27: 00000002 00000000 00010000 0001 01 27495546 /run/nalcast/main/stream.sock" */
static bool is_heard(const char *proc, const char *path)
{
	char name[160], line[256];
	bool found = false;

	snprintf(name, sizeof(name), "%s/net/unix", proc);
	FILE *file = fopen(name, "re");
	if (file == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		found = strncmp(word_of(line, 3), LISTENS, strlen(LISTENS)) == 0 &&
			strcmp(word_of(line, 7), path) == 0;
	}
	fclose(file);
	return found;
}

static void look_at_socket(const struct machine_roots *roots, const struct premises *premises,
			   const struct account *account, const char *path,
			   struct premises_socket *sock)
{
	char folder[CONF_PATH_MAX];
	struct stat st;

	snprintf(sock->path, sizeof(sock->path), "%s", path);
	sock->exists = lstat(path, &st) == 0;
	sock->is_socket = sock->exists && S_ISSOCK(st.st_mode);
	sock->is_heard = sock->is_socket && is_heard(roots->proc, path);
	if (!folder_of(path, folder, sizeof(folder)))
		snprintf(folder, sizeof(folder), ".");
	if (access(folder, F_OK) == 0 || !unit_makes(premises, folder, RUNSTATEDIR "/nalcast/"))
		may_fill(account, folder, &sock->folder);
}

static void look_at_group(const struct conf *conf, const struct account *account,
			  struct premises *premises, gid_t *ret_gid)
{
	/* The unit says it on the command line. */
	const char *name = conf->socket_group[0] == '\0' && premises->has_unit ? VIEWER_GROUP
									       : conf->socket_group;

	*ret_gid = account->group_count > 0 ? account->groups[0] : 0;
	snprintf(premises->group, sizeof(premises->group), "%.63s", name);
	if (name[0] == '\0')
		return;
	const struct group *group = getgrnam(name);
	if (group == NULL) {
		error_set(&premises->in_group, -ENOENT, "there is no group '%s'", name);
		return;
	}
	*ret_gid = group->gr_gid;
	if (account->uid != 0 && !account_is_in(account, group->gr_gid))
		error_set(&premises->in_group, -EPERM,
			  "%s is not in the group '%s', so it may not give the socket to it",
			  account->name, name);
}

/* --- nginx */

/* "user www-data;" */
static void read_nginx_user(const char *etc, char *user, size_t user_size)
{
	char path[160], line[256];

	snprintf(path, sizeof(path), "%s/nginx/nginx.conf", etc);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		const char *word = line + strspn(line, " \t");
		if (strncmp(word, "user", 4) != 0 || strspn(word + 4, " \t") == 0)
			continue;
		word += 4 + strspn(word + 4, " \t");
		snprintf(user, user_size, "%.*s", (int)strcspn(word, " \t;\n"), word);
		break;
	}
	fclose(file);
}

static bool is_nginx(const char *proc, const char *pid)
{
	char path[160], name[16] = "";

	snprintf(path, sizeof(path), "%s/%.10s/comm", proc, pid);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	bool is = fgets(name, sizeof(name), file) != NULL && strcmp(name, "nginx\n") == 0;
	fclose(file);
	return is;
}

/* The socket as it is, or as nalcastd would make it. */
static int may_reach(const struct account *nginx, const struct premises_socket *sock,
		     const struct stat *made, struct error *err)
{
	char folder[CONF_PATH_MAX];

	if (sock->is_heard)
		return account_may(nginx, sock->path, W_OK, err);
	if (folder_of(sock->path, folder, sizeof(folder)) && access(folder, F_OK) == 0) {
		int r = account_may(nginx, folder, X_OK, err);
		if (r < 0)
			return r;
	}
	if (account_permits(nginx, made, W_OK))
		return 0;
	return error_set(err, -EACCES, "%s: %s may not write to it, as nalcastd makes it",
			 sock->path, nginx->name);
}

static void try_nginx(const struct account *nginx, const struct stat *made,
		      struct premises *premises)
{
	struct error error = {0};

	may_reach(nginx, &premises->stream, made, &error);
	snprintf(premises->nginx_user, sizeof(premises->nginx_user), "%s", nginx->name);
	premises->to_stream = error;
}

/* Of several, one that reaches it will do; the master, root, reaches all and serves nobody. */
static void try_running(const char *proc, const struct stat *made, struct premises *premises)
{
	DIR *dir = opendir(proc);
	bool reached = false;

	if (dir == NULL)
		return;
	for (struct dirent *entry; !reached && (entry = readdir(dir)) != NULL;) {
		struct account nginx;
		struct stat st;
		uint64_t pid;
		if (parse_unsigned(entry->d_name, 1, INT32_MAX, &pid) < 0 ||
		    !is_nginx(proc, entry->d_name) ||
		    fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 || st.st_uid == 0 ||
		    account_find_id(st.st_uid, &nginx, NULL) < 0)
			continue;
		premises->nginx_runs = true;
		try_nginx(&nginx, made, premises);
		reached = premises->to_stream.code == 0;
	}
	closedir(dir);
}

static void look_at_nginx(const struct machine_roots *roots, const struct conf *conf,
			  const struct account *account, gid_t gid, struct premises *premises)
{
	const struct stat made = {
		.st_uid = account->uid,
		.st_gid = gid,
		.st_mode = S_IFSOCK | conf->socket_mode,
	};
	char user[33] = VIEWER_GROUP; /* Debian's user is called like its group */
	struct account nginx;

	try_running(roots->proc, &made, premises);
	if (premises->nginx_runs)
		return;
	read_nginx_user(roots->etc, user, sizeof(user));
	snprintf(premises->nginx_user, sizeof(premises->nginx_user), "%s", user);
	if (account_find(user, &nginx, &premises->to_stream) == 0)
		try_nginx(&nginx, &made, premises);
}

void premises_look(const struct machine_roots *roots, const struct conf *conf,
		   struct account *account, struct premises *ret_premises)
{
	struct premises *premises = ret_premises;
	gid_t gid;

	memset(premises, 0, sizeof(*premises));
	look_for_units(roots, conf->name, premises);
	if (premises->has_unit)
		join_groups(account);
	look_at_socket(roots, premises, account, conf->stream_socket, &premises->stream);
	look_at_socket(roots, premises, account, conf->control_socket, &premises->control);
	look_at_state(conf, account, premises);
	look_at_group(conf, account, premises, &gid);
	look_at_nginx(roots, conf, account, gid, premises);
}
