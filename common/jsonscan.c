#include "common/jsonscan.h"

#include <stddef.h>
#include <string.h>

/* All below take p <= end, and return NULL where what they pass over is not there. */

static const char *pass_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

static const char *pass_string(const char *p, const char *end)
{
	if (p == end || *p++ != '"')
		return NULL;
	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"')
			return p + 1;
		if (c < 0x20 || c >= 0x80)
			return NULL;
		if (c == '\\' && (++p == end || *p == '\0' || strchr("\"\\/bfnrt", *p) == NULL))
			return NULL;
	}
	return NULL;
}

/* One digit or more. */
static const char *pass_digits(const char *p, const char *end)
{
	const char *begin = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p > begin ? p : NULL;
}

static const char *pass_number(const char *p, const char *end)
{
	p += *p == '-';
	const char *digits = p;
	p = pass_digits(p, end);
	if (p == NULL || (*digits == '0' && p > digits + 1))
		return NULL;
	if (p < end && *p == '.')
		p = pass_digits(p + 1, end);
	if (p != NULL && p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		p = pass_digits(p, end);
	}
	return p;
}

static const char *pass_word(const char *p, const char *end, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(end - p) >= len && memcmp(p, word, len) == 0 ? p + len : NULL;
}

/* What is neither array nor object. */
static const char *pass_scalar(const char *p, const char *end)
{
	if (p == end)
		return NULL;
	switch (*p) {
	case '"':
		return pass_string(p, end);
	case 't':
		return pass_word(p, end, "true");
	case 'f':
		return pass_word(p, end, "false");
	case 'n':
		return pass_word(p, end, "null");
	default:
		return pass_number(p, end);
	}
}

/* What stands before a value: in an array nothing, in an object a key. */
static const char *pass_key(const char *p, const char *end, char closer)
{
	p = pass_space(p, end);
	if (closer == ']')
		return p;
	p = pass_string(p, end);
	if (p == NULL)
		return NULL;
	p = pass_space(p, end);
	return p < end && *p == ':' ? pass_space(p + 1, end) : NULL;
}

struct nesting {
	unsigned depth;
	char closers[JSONSCAN_DEPTH_MAX]; /* of what is open */
};

/* What stands behind a value: closes what ends there. depth is 0 at the end of all, otherwise
 * another value follows. */
static const char *pass_end(const char *p, const char *end, struct nesting *nesting)
{
	while (nesting->depth > 0) {
		char closer = nesting->closers[nesting->depth - 1];
		p = pass_space(p, end);
		if (p == end)
			return NULL;
		if (*p == ',')
			return pass_key(p + 1, end, closer);
		if (*p++ != closer)
			return NULL;
		nesting->depth--;
	}
	return p;
}

const char *jsonscan(const char *text, const char *end)
{
	struct nesting nesting = {.depth = 0};
	const char *p = pass_space(text, end);

	do {
		if (p < end && (*p == '{' || *p == '[')) {
			if (nesting.depth == JSONSCAN_DEPTH_MAX)
				return NULL;
			char closer = *p == '{' ? '}' : ']';
			nesting.closers[nesting.depth++] = closer;
			p = pass_space(p + 1, end);
			if (p == end || *p != closer) {
				p = pass_key(p, end, closer);
				continue;
			}
		} else {
			p = pass_scalar(p, end);
		}
		if (p != NULL)
			p = pass_end(p, end, &nesting);
	} while (p != NULL && nesting.depth > 0);
	return p;
}
