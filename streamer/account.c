#include "streamer/account.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

static void add_group(struct account *account, gid_t group)
{
	if (!account_is_in(account, group) && account->group_count < ACCOUNT_GROUPS_MAX)
		account->groups[account->group_count++] = group;
}

static void add_groups(struct account *account, const gid_t *groups, int count)
{
	for (int i = 0; i < count; i++)
		add_group(account, groups[i]);
}

void account_self(struct account *account)
{
	gid_t groups[ACCOUNT_GROUPS_MAX];
	const struct passwd *user = getpwuid(geteuid());

	*account = (struct account){.self = true, .uid = geteuid()};
	if (user != NULL)
		snprintf(account->name, sizeof(account->name), "%.32s", user->pw_name);
	else
		snprintf(account->name, sizeof(account->name), "%u", (unsigned)account->uid);
	add_group(account, getegid());
	add_groups(account, groups, getgroups(ACCOUNT_GROUPS_MAX, groups));
}

static void take(const struct passwd *user, struct account *account)
{
	gid_t groups[ACCOUNT_GROUPS_MAX];
	int count = ACCOUNT_GROUPS_MAX;

	*account = (struct account){.uid = user->pw_uid, .self = user->pw_uid == geteuid()};
	snprintf(account->name, sizeof(account->name), "%.32s", user->pw_name);
	add_group(account, user->pw_gid);
	if (getgrouplist(account->name, user->pw_gid, groups, &count) < 0)
		count = ACCOUNT_GROUPS_MAX; /* there are more */
	add_groups(account, groups, count);
}

int account_find(const char *name, struct account *ret_account, struct error *err)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL)
		return error_set(err, -ENOENT, "there is no user '%s'", name);
	take(user, ret_account);
	return 0;
}

int account_find_id(uid_t uid, struct account *ret_account, struct error *err)
{
	const struct passwd *user = getpwuid(uid);

	if (user == NULL)
		return error_set(err, -ENOENT, "there is no user %u", (unsigned)uid);
	take(user, ret_account);
	return 0;
}

bool account_join(struct account *account, const char *name)
{
	const struct group *group = getgrnam(name);

	if (group == NULL)
		return false;
	add_group(account, group->gr_gid);
	/* This process may not have it: the kernel's word is not the one to ask. */
	if (account->self)
		account->self = group_member(group->gr_gid) != 0;
	return true;
}

bool account_is_in(const struct account *account, gid_t group)
{
	for (unsigned i = 0; i < account->group_count; i++)
		if (account->groups[i] == group)
			return true;
	return false;
}

bool account_permits(const struct account *account, const struct stat *st, int how)
{
	unsigned shift = 0;

	if (account->uid == 0) /* CAP_DAC_OVERRIDE, but what nobody may run */
		return (how & X_OK) == 0 || S_ISDIR(st->st_mode) || (st->st_mode & 0111) != 0;
	if (account->uid == st->st_uid)
		shift = 6;
	else if (account_is_in(account, st->st_gid))
		shift = 3;
	return ((unsigned)how & ~(st->st_mode >> shift) & 7) == 0;
}

/* One that we cannot look at says nothing of what account may. */
static int judge(const struct account *account, const char *path, int how, struct error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return error_set(err, -errno, "%s: %m", path);
	if (account_permits(account, &st, how))
		return 0;
	return error_set(err, -EACCES, "%s: %s may not %s it", path, account->name,
			 S_ISDIR(st.st_mode) && (how & W_OK) == 0 ? "enter"
			 : (how & W_OK) == 0                      ? "read"
								  : "write");
}

int account_may(const struct account *account, const char *path, int how, struct error *err)
{
	char folder[512];

	if (account->self) {
		if (faccessat(AT_FDCWD, path, how, AT_EACCESS) == 0)
			return 0;
		return error_set(err, -errno, "%s: %m", path);
	}
	for (const char *slash = path; (slash = strchr(slash + 1, '/')) != NULL;) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		int r = judge(account, folder, X_OK, err);
		if (r < 0)
			return r;
	}
	return judge(account, path, how, err);
}

static const char *group_name(gid_t gid, char *number, size_t number_size)
{
	const struct group *group = getgrgid(gid);

	if (group != NULL)
		return group->gr_name;
	snprintf(number, number_size, "%u", (unsigned)gid);
	return number;
}

void account_mend(const struct account *account, const char *path, char *words, size_t words_size)
{
	char number[16];
	struct stat st;

	if (stat(path, &st) < 0)
		snprintf(words, words_size, "see that %s exists and its folders can be entered",
			 path);
	else if (S_ISDIR(st.st_mode))
		snprintf(words, words_size, "sudo chown %s %s", account->name, path);
	else if (st.st_gid != 0 && (st.st_mode & 0060) == 0060 &&
		 !account_is_in(account, st.st_gid))
		snprintf(words, words_size, "sudo usermod -aG %s %s, and restart nalcastd",
			 group_name(st.st_gid, number, sizeof(number)), account->name);
	else
		snprintf(words, words_size,
			 "sudo chgrp video %s && sudo chmod g+rw %s; a udev rule makes it last",
			 path, path);
}

void account_tell(const struct account *account, char *words, size_t words_size)
{
	char number[16];
	size_t used = 0;

	snprintf(words, words_size, "%s (uid %u), groups", account->name, (unsigned)account->uid);
	for (unsigned i = 0; i < account->group_count; i++) {
		used = strlen(words);
		snprintf(words + used, words_size - used, " %s",
			 group_name(account->groups[i], number, sizeof(number)));
	}
}
