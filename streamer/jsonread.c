#include "streamer/jsonread.h"

#include <errno.h>
#include <string.h>

#include "streamer/utf8.h"

static const char not_json[] = "not JSON";

void jsonread_init(struct jsonread *j, const char *text, size_t size)
{
	*j = (struct jsonread){.p = text, .end = text + size};
}

static void skip_space(struct jsonread *j)
{
	while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r'))
		j->p++;
}

/* The next character, 0 at the end (a NUL in the text is wrong wherever this is asked). */
static char peek(const struct jsonread *j)
{
	return j->p < j->end ? *j->p : '\0';
}

static bool take(struct jsonread *j, char c)
{
	skip_space(j);
	if (peek(j) != c)
		return false;
	j->p++;
	return true;
}

static bool take_word(struct jsonread *j, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(j->end - j->p) < len || memcmp(j->p, word, len) != 0)
		return false;
	j->p += len;
	return true;
}

/* ---- strings ---- */

struct kept { /* a string in the making */
	char text[JSONREAD_TEXT_MAX];
	size_t len; /* also of what does not fit */
};

static void keep(struct kept *k, char c)
{
	if (k->len < sizeof(k->text))
		k->text[k->len] = c;
	k->len++;
}

static void keep_code_point(struct kept *k, uint32_t c)
{
	if (c < 0x80) {
		keep(k, (char)c);
		return;
	}
	if (c < 0x800) {
		keep(k, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			keep(k, (char)(0xe0 | c >> 12));
		} else {
			keep(k, (char)(0xf0 | c >> 18));
			keep(k, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		keep(k, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	keep(k, (char)(0x80 | (c & 0x3f)));
}

static bool take_hex4(struct jsonread *j, uint32_t *ret_value)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++, j->p++) {
		char c = peek(j);
		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*ret_value = value;
	return true;
}

/* RFC 8259 7: beyond the basic plane as two surrogates; one alone stands for nothing. */
static bool take_unicode(struct jsonread *j, struct kept *k)
{
	uint32_t c, low;

	if (!take_hex4(j, &c))
		return false;
	if (c >= 0xd800 && c <= 0xdbff) {
		if (!take_word(j, "\\u") || !take_hex4(j, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	} else if (c >= 0xdc00 && c <= 0xdfff) {
		return false;
	}
	keep_code_point(k, c);
	return true;
}

static bool take_escape(struct jsonread *j, struct kept *k)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char c = peek(j);
	const char *found = c != '\0' ? strchr(names, c) : NULL;

	j->p++;
	if (c == 'u')
		return take_unicode(j, k);
	if (found == NULL)
		return false;
	keep(k, values[found - names]);
	return true;
}

/* ret_text: JSONREAD_TEXT_MAX bytes, or NULL. A string that does not fit, or has a NUL in it,
 * becomes "": it is none of ours. */
static bool take_string(struct jsonread *j, char *ret_text)
{
	struct kept k = {.len = 0};

	if (!take(j, '"'))
		return false;
	const char *start = j->p;
	uint32_t state = UTF8_COMPLETE;
	while (peek(j) != '"') {
		if (j->p == j->end || (uint8_t)*j->p < 0x20)
			return false;
		char c = *j->p++;
		if (c != '\\')
			keep(&k, c);
		else if (!take_escape(j, &k))
			return false;
	}
	if (!utf8_feed(&state, (const uint8_t *)start, (size_t)(j->p - start), NULL) ||
	    state != UTF8_COMPLETE)
		return false;
	j->p++;
	if (ret_text == NULL)
		return true;
	bool ours = k.len < sizeof(k.text) && memchr(k.text, '\0', k.len) == NULL;
	memcpy(ret_text, k.text, ours ? k.len : 0);
	ret_text[ours ? k.len : 0] = '\0';
	return true;
}

/* ---- numbers ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits, at least one, added to *value. */
static bool take_digits(struct jsonread *j, double *value, unsigned *ret_count)
{
	const char *start = j->p;

	for (; is_digit(peek(j)); j->p++)
		*value = *value * 10 + (*j->p - '0');
	*ret_count = (unsigned)(j->p - start);
	return *ret_count > 0;
}

static int64_t integer_of(const char *p, const char *end, bool *ret_fits)
{
	bool negative = *p == '-';
	uint64_t limit = (uint64_t)INT64_MAX + negative, value = 0;

	*ret_fits = false;
	for (p += negative; p < end; p++) {
		uint64_t digit = (uint64_t)(*p - '0');
		if (value > (limit - digit) / 10)
			return 0;
		value = value * 10 + digit;
	}
	*ret_fits = true;
	return negative ? (int64_t)(0 - value) : (int64_t)value;
}

static bool take_exponent(struct jsonread *j, int *ret_exponent)
{
	double value = 0;
	unsigned count;
	bool negative = peek(j) == '-';

	if (peek(j) == '-' || peek(j) == '+')
		j->p++;
	if (!take_digits(j, &value, &count))
		return false;
	*ret_exponent = value > 400 ? 400 : (int)value;
	if (negative)
		*ret_exponent = -*ret_exponent;
	return true;
}

/* By hand, because strtod() minds the locale. A digit too much in the last place is no harm: what
 * has to be exact is an integer. */
static bool take_number(struct jsonread *j, struct jsonread_member *m)
{
	const char *start = j->p;
	double value = 0;
	unsigned count, fraction = 0;
	int exponent = 0;

	if (peek(j) == '-')
		j->p++;
	bool zero = peek(j) == '0';
	if (!take_digits(j, &value, &count) || (zero && count > 1))
		return false;
	m->integer = integer_of(start, j->p, &m->is_integer);
	if (peek(j) == '.') {
		j->p++;
		m->is_integer = false;
		if (!take_digits(j, &value, &fraction))
			return false;
	}
	if ((peek(j) | 0x20) == 'e') {
		j->p++;
		m->is_integer = false;
		if (!take_exponent(j, &exponent))
			return false;
	}
	exponent -= (int)fraction;
	for (; exponent > 0; exponent--)
		value *= 10;
	for (; exponent < 0; exponent++)
		value /= 10;
	m->number = *start == '-' ? -value : value;
	return true;
}

/* ---- values ---- */

static bool take_scalar(struct jsonread *j, struct jsonread_member *m)
{
	switch (peek(j)) {
	case '"':
		m->kind = JSONREAD_STRING;
		return take_string(j, m->text);
	case 't':
	case 'f':
		m->kind = JSONREAD_BOOL;
		m->truth = peek(j) == 't';
		return take_word(j, m->truth ? "true" : "false");
	case 'n':
		m->kind = JSONREAD_NULL;
		return take_word(j, "null");
	}
	m->kind = JSONREAD_NUMBER;
	return take_number(j, m);
}

static bool take_key(struct jsonread *j, char *ret_key)
{
	return take_string(j, ret_key) && take(j, ':');
}

struct nesting {
	char closers[JSONREAD_DEPTH_MAX];
	unsigned depth;
};

/* At '{' or '['. On return we stand before the first value inside, or behind the closer. */
static bool open_nested(struct jsonread *j, struct nesting *n, bool *ret_empty)
{
	char closer = *j->p++ == '{' ? '}' : ']';

	if (n->depth == JSONREAD_DEPTH_MAX)
		return false;
	*ret_empty = take(j, closer);
	if (*ret_empty)
		return true;
	n->closers[n->depth++] = closer;
	return closer == ']' || take_key(j, NULL);
}

/* Behind a value: close what ends here. Returns false if what follows is wrong; else, unless the
 * depth is 0 now, we stand before the next value. */
static bool close_nested(struct jsonread *j, struct nesting *n)
{
	while (n->depth > 0) {
		char closer = n->closers[n->depth - 1];
		if (take(j, ','))
			return closer == ']' || take_key(j, NULL);
		if (!take(j, closer))
			return false;
		n->depth--;
	}
	return true;
}

/* Without recursion, so that no input can cost stack. */
static bool take_nested(struct jsonread *j)
{
	struct nesting n = {.depth = 0};
	struct jsonread_member ignored;

	do {
		bool is_value = true;
		skip_space(j);
		if (peek(j) == '{' || peek(j) == '[') {
			if (!open_nested(j, &n, &is_value))
				return false;
		} else if (!take_scalar(j, &ignored)) {
			return false;
		}
		if (is_value && !close_nested(j, &n))
			return false;
	} while (n.depth > 0);
	return true;
}

static bool take_value(struct jsonread *j, struct jsonread_member *m)
{
	skip_space(j);
	if (peek(j) != '{' && peek(j) != '[')
		return take_scalar(j, m);
	m->kind = JSONREAD_NESTED;
	return take_nested(j);
}

static int fail(const char *why, const char **ret_why)
{
	*ret_why = why;
	return -EINVAL;
}

int jsonread_next(struct jsonread *j, struct jsonread_member *ret_member, const char **ret_why)
{
	struct jsonread_member m = {.kind = JSONREAD_NULL};
	bool first = !j->begun;

	if (first && !take(j, '{'))
		return fail("not a JSON object", ret_why);
	j->begun = true;
	if (take(j, '}')) {
		skip_space(j);
		return j->p == j->end ? 0 : fail(not_json, ret_why);
	}
	if (!first && !take(j, ','))
		return fail(not_json, ret_why);
	if (!take_key(j, m.key) || !take_value(j, &m))
		return fail(not_json, ret_why);
	*ret_member = m;
	return 1;
}
