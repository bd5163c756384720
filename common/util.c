#include "common/util.h"

#include <errno.h>
#include <unistd.h>

static int parse_digits(const char *text, unsigned base, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (*text == '\0')
		return -EINVAL;
	for (const char *p = text; *p != '\0'; p++) {
		unsigned digit = (unsigned)(*p - '0');
		if (digit >= base)
			return -EINVAL;
		if (value > (UINT64_MAX - digit) / base)
			return -ERANGE;
		value = value * base + digit;
	}
	if (value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int parse_unsigned(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	uint64_t value;
	int r = parse_digits(text, 10, max, &value);

	if (r < 0)
		return r;
	if (value < min)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int parse_octal(const char *text, uint64_t max, uint64_t *ret_value)
{
	return parse_digits(text, 8, max, ret_value);
}

void close_fd(int *fd)
{
	if (*fd < 0)
		return;
	int saved = errno;
	close(*fd);
	errno = saved;
	*fd = -1;
}
