#include "common/etag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/sha2.h>

#define TAG_BYTES 16

/* What ctlproto writes numbers with: a body has the same tag on both sides of the socket. */
#define CANONICAL (JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(9) | JSON_ENCODE_ANY)

void etag_of(const json_t *body, char ret[static ETAG_SIZE])
{
	struct sha256_ctx sha;
	uint8_t digest[TAG_BYTES];
	char *text = json_dumps(body, CANONICAL);

	sha256_init(&sha);
	if (text != NULL)
		sha256_update(&sha, strlen(text), (const uint8_t *)text);
	sha256_digest(&sha, sizeof(digest), digest);
	free(text);
	ret[0] = '"';
	for (size_t i = 0; i < TAG_BYTES; i++)
		snprintf(ret + 1 + 2 * i, 3, "%02x", digest[i]);
	memcpy(ret + ETAG_SIZE - 2, "\"", 2);
}

static const char *skip(const char *text, const char *letters)
{
	return text + strspn(text, letters);
}

/* The list's next tag, quotes included: its length, 0 where there is none. *text moves behind it.
 */
static size_t next_tag(const char **text, const char **ret_tag)
{
	const char *tag = skip(*text, " \t,");

	if (strncmp(tag, "W/", 2) == 0)
		tag += 2;
	const char *end = *tag == '"' ? strchr(tag + 1, '"') : NULL;
	if (end == NULL)
		return 0;
	*ret_tag = tag;
	*text = end + 1;
	return (size_t)(end + 1 - tag);
}

bool etag_matches(const char *header, const char *etag)
{
	const char *text = skip(header, " \t");
	const char *tag;
	size_t len;

	if (*text == '*')
		return *skip(text + 1, " \t") == '\0';
	while ((len = next_tag(&text, &tag)) > 0) {
		if (len == strlen(etag) && memcmp(tag, etag, len) == 0)
			return true;
		text = skip(text, " \t");
		if (*text != ',')
			break;
	}
	return false;
}
