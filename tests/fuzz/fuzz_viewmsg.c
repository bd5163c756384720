/* Our reader of JSON against jansson's, and what we write read by jansson. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "streamer/jsonread.h"
#include "streamer/viewmsg.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "viewmsg";

/* Where ours may say no and jansson yes: deeper than we go. */
static bool is_too_deep(const char *text, size_t size)
{
	size_t depth = 0, deepest = 0;

	for (size_t i = 0; i < size; i++) {
		depth += text[i] == '[' || text[i] == '{';
		deepest = depth > deepest ? depth : deepest;
		depth -= depth > 0 && (text[i] == ']' || text[i] == '}');
	}
	return deepest > JSONREAD_DEPTH_MAX;
}

static bool is_object(const char *text, size_t size)
{
	struct jsonread_member m;
	const char *why = NULL;
	struct jsonread j;
	int r;

	jsonread_init(&j, text, size);
	while ((r = jsonread_next(&j, &m, &why)) > 0)
		if (strlen(m.key) >= sizeof(m.key))
			abort();
	if (r < 0 && why == NULL)
		abort();
	return r == 0;
}

static void check_read(const char *text, size_t size)
{
	struct viewmsg_in in = {.seq = 77};
	const char *why = NULL;
	json_error_t where;

	int r = viewmsg_read(text, size, &in, &why);
	if (r < 0 && (why == NULL || in.seq != 77))
		abort();
	bool ours = is_object(text, size);
	bool nul = size > 0 && memchr(text, '\0', size) != NULL;
	if ((r == 0 && !ours) || (nul && ours))
		abort();
	if (nul) /* jansson passes over one behind a number or a word */
		return;
	json_t *theirs = json_loadb(text, size, JSON_ALLOW_NUL, &where);
	if (theirs == NULL && ours && json_error_code(&where) != json_error_numeric_overflow)
		abort();
	if (json_is_object(theirs) && !ours && !is_too_deep(text, size))
		abort();
	json_decref(theirs);
}

static void check_written(const char *out, size_t len, const char *type)
{
	json_t *root = json_loadb(out, len, 0, NULL);

	if (len > VIEWMSG_OUT_MAX || strlen(out) != len || root == NULL ||
	    strcmp(json_string_value(json_object_get(root, "type")), type) != 0)
		abort();
	json_decref(root);
}

static void check_writers(const char *text, const uint8_t *data, size_t size)
{
	struct viewmsg_hello hello = {.server = text, .camera = text};
	char out[VIEWMSG_OUT_MAX];
	struct au_format format = {.codec = ""};
	int64_t time_us = 0;

	memcpy(&time_us, data, size < sizeof(time_us) ? size : sizeof(time_us));
	format.fps_milli = (unsigned)time_us;
	format.width = (unsigned)(time_us >> 32);
	hello.format = time_us % 2 != 0 ? &format : NULL;
	check_written(out, viewmsg_write_hello(out, sizeof(out), &hello), "hello");
	check_written(out, viewmsg_write_source(out, sizeof(out), true, text, time_us), "source");
	check_written(out, viewmsg_write_bye(out, sizeof(out), text), "bye");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	check_read((const char *)data, size);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	check_writers(text, data, size);
	free(text);
	return 0;
}
