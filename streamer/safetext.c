#include "streamer/safetext.h"

#include <string.h>

json_t *safetext(const char *text)
{
	char ascii[SAFETEXT_MAX];
	size_t len = 0;
	json_t *string = json_string(text);

	if (string != NULL)
		return string;
	for (; len < sizeof(ascii) - 1 && text[len] != '\0'; len++)
		ascii[len] = (unsigned char)text[len] < 0x80 ? text[len] : '?';
	ascii[len] = '\0';
	return json_string(ascii);
}

json_t *safetext_pointer(const char *key)
{
	char pointer[SAFETEXT_MAX] = "/";
	size_t len = 1;

	/* Room for what a letter becomes, and NUL. */
	for (; *key != '\0' && len < sizeof(pointer) - 2; key++) {
		if (*key == '~' || *key == '/') {
			pointer[len++] = '~';
			pointer[len++] = *key == '~' ? '0' : '1';
		} else {
			pointer[len++] = *key;
		}
	}
	pointer[len] = '\0';
	return safetext(pointer);
}
