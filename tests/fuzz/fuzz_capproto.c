/* What nalcast-capture may send once libcamera has trampled on it: what passes stays within its
 * arrays, and every number of it can be used. */
#include <stdlib.h>
#include <string.h>

#include "streamer/capproto.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "capproto";

const struct source_ops *const source_backends[] = {NULL};

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static void use_caps(const struct source_caps *caps)
{
	struct source_mode nearest;

	expect(strlen(caps->id) < sizeof(caps->id) && strlen(caps->name) < sizeof(caps->name));
	source_caps_have(caps, 640, 480, 30000);
	source_caps_nearest(caps, 641, 479, &nearest, 1);
	for (unsigned i = 0; i < caps->control_count; i++) {
		const struct source_control *control = &caps->controls[i];
		expect(source_caps_find_control(caps, control->name) != NULL);
		for (unsigned at = 0; at < control->menu_count; at++)
			expect(strlen(caps->menu[control->menu_first + at].name) < 32);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Exactly as large as the input, and aligned as where it would be received. */
	union capproto_message *msg = malloc(size > 0 ? size : 1);
	struct error err = {0};

	expect(msg != NULL);
	memcpy(msg, data, size);
	if (capproto_check(msg, size, &err) < 0) {
		expect(err.text[0] != '\0');
	} else {
		expect(size == capproto_size(msg->type));
		if (msg->type == CAPPROTO_CAMERA)
			use_caps(&msg->camera.caps);
		if (msg->type == CAPPROTO_OPENED)
			expect(msg->opened.plane[0].offset + msg->opened.plane[0].size >=
			       msg->opened.plane[0].offset);
	}
	free(msg);
	return 0;
}
