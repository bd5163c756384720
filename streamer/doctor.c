#include "streamer/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

static bool has_failed(const json_t *findings)
{
	size_t i;
	const json_t *finding;

	json_array_foreach((json_t *)findings, i, finding)
	{
		const char *status = json_string_value(json_object_get(finding, "status"));
		if (status != NULL && strcmp(status, "fail") == 0)
			return true;
	}
	return false;
}

int doctor(const struct conf *conf, bool as_json)
{
	struct doctor_facts *facts = calloc(1, sizeof(*facts));
	bool failed = true;

	if (facts == NULL)
		return EXIT_FAILURE;
	log_set_level(LOG_LEVEL_ERROR); /* what is wrong is said here */
	doctor_look(conf, &machine_roots, facts);
	json_t *findings = doctor_check(facts);
	if (findings != NULL) {
		failed = has_failed(findings);
		if (as_json)
			json_dumpf(findings, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
		else
			doctor_print(facts, findings, isatty(STDOUT_FILENO) != 0, stdout);
		if (as_json)
			putchar('\n');
	}
	json_decref(findings);
	doctor_clear(facts);
	free(facts);
	return fflush(stdout) == 0 && !failed ? EXIT_SUCCESS : EXIT_FAILURE;
}
