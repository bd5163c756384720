/* jsonread: reads one flat JSON object (RFC 8259) where it lies, member by member, without
 * allocating. Nested values are checked and passed over. No I/O; any thread. */
#ifndef STREAMER_JSONREAD_H
#define STREAMER_JSONREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSONREAD_TEXT_MAX  32 /* bytes of a key or string value that is kept, with its NUL */
#define JSONREAD_DEPTH_MAX 8  /* of nested values, the outer object not counted */

enum jsonread_kind {
	JSONREAD_STRING,
	JSONREAD_NUMBER,
	JSONREAD_BOOL,
	JSONREAD_NULL,
	JSONREAD_NESTED, /* object or array */
};

struct jsonread_member {
	char key[JSONREAD_TEXT_MAX]; /* unescaped; "" when it is longer */
	enum jsonread_kind kind;
	char text[JSONREAD_TEXT_MAX]; /* JSONREAD_STRING: unescaped; "" when it is longer */
	double number;                /* JSONREAD_NUMBER */
	int64_t integer;              /* JSONREAD_NUMBER that is_integer */
	bool is_integer;              /* written without fraction and exponent, within int64_t */
	bool truth;                   /* JSONREAD_BOOL */
};

struct jsonread { /* private to jsonread.c */
	const char *p, *end;
	bool begun;
};

void jsonread_init(struct jsonread *j, const char *text, size_t size);

/* 1: a member. 0: the object is over and nothing follows it. -EINVAL: not JSON, not an object, or
 * nested too deep; *ret_why says which, and nothing more can be read. */
int jsonread_next(struct jsonread *j, struct jsonread_member *ret_member, const char **ret_why);

#endif
