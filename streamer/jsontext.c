#include "streamer/jsontext.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "streamer/utf8.h"

#define ESCAPED_MAX 6 /* bytes: \u001f */

void jsontext_init(struct jsontext *j, char *buf, size_t size)
{
	*j = (struct jsontext){.buf = buf, .size = size};
	buf[0] = '\0';
}

void jsontext_put(struct jsontext *j, const char *fmt, ...)
{
	size_t room = j->size - j->len;
	va_list args;

	va_start(args, fmt);
	int len = vsnprintf(j->buf + j->len, room, fmt, args);
	va_end(args);
	if (len >= 0 && (size_t)len < room) {
		j->len += (size_t)len;
		return;
	}
	j->buf[j->len] = '\0';
	j->full = true;
}

static const char *short_escape(char c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	}
	return NULL;
}

/* The character at text as it stands in a string; returns how many bytes of text it was. */
static size_t escape(const char *text, char out[static ESCAPED_MAX + 1])
{
	const char *escaped = short_escape(*text);
	uint32_t state = UTF8_COMPLETE;
	size_t size = 0;

	if (escaped != NULL) {
		memcpy(out, escaped, 3);
		return 1;
	}
	if ((uint8_t)*text < 0x20 || *text == 0x7f) {
		snprintf(out, ESCAPED_MAX + 1, "\\u%04x", (unsigned)(uint8_t)*text);
		return 1;
	}
	do {
		if (!utf8_feed(&state, (const uint8_t *)text + size, 1, NULL)) {
			memcpy(out, "\xef\xbf\xbd", 4);
			return size > 0 ? size : 1;
		}
		out[size] = text[size];
		size++;
	} while (state != UTF8_COMPLETE);
	out[size] = '\0';
	return size;
}

void jsontext_string(struct jsontext *j, const char *text, size_t max)
{
	char escaped[ESCAPED_MAX + 1];
	size_t written = 0;

	jsontext_put(j, "\"");
	while (*text != '\0') {
		size_t used = escape(text, escaped);
		written += strlen(escaped);
		if (written > max)
			break;
		jsontext_put(j, "%s", escaped);
		text += used;
	}
	jsontext_put(j, "\"");
}
