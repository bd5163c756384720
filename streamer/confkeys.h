/* confkeys: the settings that the API may change, as JSON: names, types, limits (protocol.md
 * section 4, config). Values go into a struct conf the way the file's do. Any thread. */
#ifndef STREAMER_CONFKEYS_H
#define STREAMER_CONFKEYS_H

#include <stdbool.h>

#include <jansson.h>

#include "common/ctlproto.h"
#include "common/error.h"
#include "streamer/conf.h"

struct confkey;

struct confkey_problem { /* what is wrong with a value */
	enum ctl_code code;
	const char *key; /* its name, as long as the patch lives */
	json_t *extra;   /* {"allowed":...,"nearest":...}; the caller's */
	struct error error;
};

/* Thousandths as a JSON number: 30 or 29.97. */
json_t *confkey_milli(unsigned milli);

const struct confkey *confkey_find(const char *name); /* NULL: there is no such key */

/* false: conf is as it was, and what is wrong stands in *ret_problem. */
bool confkey_set(const struct confkey *key, const json_t *value, struct conf *conf,
		 struct confkey_problem *ret_problem);

/* Makes conf's value that of file, whatever it is. */
void confkey_reset(const struct confkey *key, const struct conf *file, struct conf *conf);

/* What to say of a name that is no key. */
void confkey_unknown(const char *name, struct confkey_problem *ret_problem);

/* All of them with conf's values: the body of GET config. A new reference; NULL: no memory. */
json_t *confkey_all(const struct conf *conf);

#endif
