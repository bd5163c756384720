/* util: the dozen lines of C that both programs would otherwise write twice. */
#ifndef COMMON_UTIL_H
#define COMMON_UTIL_H

#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline int64_t max_i64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static inline int64_t min_i64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The one way from text to a number: decimal digits only, all of text, min <= value <= max.
 * -EINVAL: not a number. -ERANGE: outside. *ret_value is untouched then. */
int parse_unsigned(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);

/* The same in base 8, for file modes: "0660". */
int parse_octal(const char *text, uint64_t max, uint64_t *ret_value);

/* Close *fd unless it is -1, and make it -1. errno stays. */
void close_fd(int *fd);

#endif
