#include "fcgi/fields.h"

#include <stdio.h>
#include <string.h>

#define POINTER_MAX 128 /* bytes; a longer one is cut: our own keys are short */
#define ERRORS_MAX  8   /* the ninth mistake of a body is not worth an answer */

/* RFC 6901 3. */
static void write_pointer(const char *key, char out[POINTER_MAX])
{
	size_t len = 0;

	out[len++] = '/';
	for (; *key != '\0' && len < POINTER_MAX - 2; key++) {
		if (*key == '~' || *key == '/')
			out[len++] = '~';
		out[len++] = *key == '~' ? '0' : *key == '/' ? '1' : *key;
	}
	out[len] = '\0';
}

static const struct field *find(const struct field *fields, const char *key)
{
	for (; fields->key != NULL; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}

static bool is_full(const struct response *res)
{
	return json_array_size(json_object_get(res->body, "errors")) >= ERRORS_MAX;
}

static const char *type_word(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	case JSON_REAL:
		return "a fraction";
	case JSON_INTEGER:
		break;
	}
	return "an integer";
}

static int refuse(struct response *res)
{
	if (res->is_problem)
		return RESPONSE_REFUSED;
	return response_problem(res, 422, "invalid", "The body is not what this takes.");
}

static int check_value(const struct field *field, const json_t *value, struct response *res)
{
	char pointer[POINTER_MAX];
	const char *kind = field->type == FIELD_INTEGER ? "An integer" : "A number";
	bool is_type =
		field->type == FIELD_INTEGER ? json_is_integer(value) : json_is_number(value);

	write_pointer(field->key, pointer);
	if (!is_type) {
		refuse(res);
		return response_add_error(res, RESPONSE_POINTER, pointer, "wrong-type",
					  "%s from %g to %g, not %s.", kind, field->min, field->max,
					  type_word(value));
	}
	double number = json_number_value(value);
	if (number < field->min || number > field->max) {
		refuse(res);
		return response_add_error(res, RESPONSE_POINTER, pointer, "out-of-range",
					  "%s from %g to %g.", kind, field->min, field->max);
	}
	return 0;
}

static int check_missing(const json_t *body, const struct field *field, struct response *res)
{
	char pointer[POINTER_MAX];

	if (!field->is_needed || json_object_get(body, field->key) != NULL)
		return 0;
	write_pointer(field->key, pointer);
	refuse(res);
	return response_add_error(res, RESPONSE_POINTER, pointer, "missing", "This is needed.");
}

static void write_keys(const struct field *fields, char *out, size_t size)
{
	size_t len = 0;

	snprintf(out, size, "none");
	for (; fields->key != NULL && len < size; fields++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "",
					fields->key);
}

static int refuse_unknown(const struct field *fields, const char *key, struct response *res)
{
	char pointer[POINTER_MAX], keys[200];

	write_pointer(key, pointer);
	write_keys(fields, keys, sizeof(keys));
	refuse(res);
	return response_add_error(res, RESPONSE_POINTER, pointer, "unknown",
				  "There is no such key here. Allowed: %s.", keys);
}

int fields_check(const json_t *body, const struct field *fields, struct response *res)
{
	const char *key;
	json_t *value;
	int r = 0;

	for (const struct field *field = fields; field->key != NULL; field++)
		if (check_missing(body, field, res) < 0)
			r = RESPONSE_REFUSED;
	/* jansson's iterators take no const; nothing is changed. */
	json_object_foreach((json_t *)body, key, value)
	{
		const struct field *field = find(fields, key);
		if (is_full(res))
			break;
		if ((field != NULL ? check_value(field, value, res)
				   : refuse_unknown(fields, key, res)) < 0)
			r = RESPONSE_REFUSED;
	}
	return r;
}
