/* account: a user and its groups, and what it may do with a file. For this process the kernel says
 * it; for another user the bits of the mode do (no ACLs). Plain values; any thread but for
 * account_find() and account_join(), which ask the user database. */
#ifndef STREAMER_ACCOUNT_H
#define STREAMER_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/error.h"

#define ACCOUNT_GROUPS_MAX 64

struct account {
	char name[33];
	bool self; /* this process */
	uid_t uid;
	unsigned group_count;
	gid_t groups[ACCOUNT_GROUPS_MAX]; /* its own first */
};

void account_self(struct account *account);

/* -ENOENT: there is no such user. */
int account_find(const char *name, struct account *ret_account, struct error *err);
int account_find_id(uid_t uid, struct account *ret_account, struct error *err);

/* As systemd's SupplementaryGroups= does. false: there is no such group. */
bool account_join(struct account *account, const char *group);

bool account_is_in(const struct account *account, gid_t group);

/* how: R_OK, W_OK, X_OK as for access(2). By the bits of the mode. */
bool account_permits(const struct account *account, const struct stat *st, int how);

/* The same of a path and of the folders that lead to it. Negative: not, with words that name what
 * stands in the way. */
int account_may(const struct account *account, const char *path, int how, struct error *err);

/* The command that lets it, as for people. */
void account_mend(const struct account *account, const char *path, char *words, size_t words_size);

/* "nalcast (uid 998), groups nalcast video" */
void account_tell(const struct account *account, char *words, size_t words_size);

#endif
