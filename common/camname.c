#include "common/camname.h"

#include <string.h>

#include "common/util.h"

static bool is_reserved(const char *name)
{
	static const char *const reserved[] = {"api", "assets", "stream", "snapshot"};

	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return true;
	return false;
}

bool camname_is_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len >= 1 && len <= CAMNAME_MAX && name[len] == '\0' && !is_reserved(name);
}
