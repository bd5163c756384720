#include "common/unixsock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "common/util.h"

static int address_set(struct sockaddr_un *addr, const char *path, struct error *err)
{
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(addr->sun_path))
		return error_set(err, -ENAMETOOLONG,
				 "%s: a socket's path has 1 to %zu bytes, this one %zu", path,
				 sizeof(addr->sun_path) - 1, len);
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path, path, len);
	return 0;
}

/* 0: nothing in the way any more. */
static int remove_stale(const struct sockaddr_un *addr, int type, struct error *err)
{
	const char *path = addr->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : error_set(err, -errno, "%s: %m", path);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST, "%s: exists and is no socket", path);

	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "socket: %m");
	int r = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;
	close(fd);
	if (r == 0 || r == -EAGAIN)
		return error_set(err, -EADDRINUSE, "%s: another program listens here", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(err, -errno, "%s: cannot remove the stale socket: %m", path);
	return 0;
}

static int group_lookup(const char *name, gid_t *ret_gid, struct error *err)
{
	errno = 0;
	const struct group *group = getgrnam(name);

	if (group == NULL)
		return error_set(err, errno ? -errno : -ENOENT, "there is no group '%s'", name);
	*ret_gid = group->gr_gid;
	return 0;
}

/* Everything between bind() and listen(): nobody can connect before the modes are right. */
static int narrow(const struct unixsock_config *cfg, struct error *err)
{
	gid_t gid = (gid_t)-1;

	if (cfg->group != NULL && cfg->group[0] != '\0') {
		int r = group_lookup(cfg->group, &gid, err);
		if (r < 0)
			return r;
		if (chown(cfg->path, (uid_t)-1, gid) < 0)
			return error_set(err, -errno, "%s: cannot give it to group '%s': %m",
					 cfg->path, cfg->group);
	}
	if (chmod(cfg->path, cfg->mode) < 0)
		return error_set(err, -errno, "%s: chmod: %m", cfg->path);
	return 0;
}

int unixsock_listen(const struct unixsock_config *cfg, int *ret_fd, struct error *err)
{
	struct sockaddr_un addr;
	int r = address_set(&addr, cfg->path, err);

	if (r == 0)
		r = remove_stale(&addr, cfg->type, err);
	if (r < 0)
		return r;
	int fd = socket(AF_UNIX, cfg->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "socket: %m");
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		r = error_set(err, -errno, "%s: bind: %m", cfg->path);
		goto fail;
	}
	r = narrow(cfg, err);
	if (r < 0)
		goto fail_bound;
	if (listen(fd, cfg->backlog) < 0) {
		r = error_set(err, -errno, "%s: listen: %m", cfg->path);
		goto fail_bound;
	}
	*ret_fd = fd;
	return 0;

fail_bound:
	unlink(cfg->path);
fail:
	close(fd);
	return r;
}

int unixsock_is_listening(int fd)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

static void free_names(char **names)
{
	for (char **name = names; name != NULL && *name != NULL; name++)
		free(*name);
	free(names);
}

int unixsock_inherited(const char *name, int type, int *ret_fd)
{
	char **names = NULL;
	int found = -ENOENT;
	int count = sd_listen_fds_with_names(0, &names);

	for (int i = 0; i < count && found < 0; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		if (name != NULL && strcmp(names[i], name) != 0)
			continue;
		if (sd_is_socket(fd, AF_UNIX, type, 1) > 0)
			found = fd;
	}
	free_names(names);
	if (found < 0)
		return found;
	if (fcntl(found, F_SETFL, fcntl(found, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	*ret_fd = found;
	return 0;
}

int unixsock_connect(const char *path, int type, int timeout_ms, int *ret_fd, struct error *err)
{
	struct sockaddr_un addr;
	struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	int r = address_set(&addr, path, err);

	if (r < 0)
		return r;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "socket: %m");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		r = error_set(err, -errno, "%s: %m", path);
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

uid_t unixsock_peer_uid(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return (uid_t)-1;
	return peer.uid;
}
