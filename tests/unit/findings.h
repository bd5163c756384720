/* findings: reads what diagnostics and doctor found, by the check's id. */
#ifndef TESTS_UNIT_FINDINGS_H
#define TESTS_UNIT_FINDINGS_H

#include <string.h>

#include <jansson.h>

/* The entry with this id; NULL where nothing is said. */
static inline json_t *entry_of(json_t *list, const char *id)
{
	size_t i;
	json_t *entry;

	json_array_foreach(list, i, entry)
	{
		if (strcmp(json_string_value(json_object_get(entry, "id")), id) == 0)
			return entry;
	}
	return NULL;
}

static inline const char *text_of(const json_t *entry, const char *key)
{
	const char *text = json_string_value(json_object_get(entry, key));

	return text != NULL ? text : "";
}

#endif
