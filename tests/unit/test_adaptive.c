/* What the pipeline is told of the viewers' links; pipeline and server are the test's own. */
#include "tests/unit/unit.h"

#include <systemd/sd-event.h>

#include "streamer/adaptive.h"

static struct pipeline_report report;
static unsigned limit_bps, rounds, carried_bps;

void pipeline_set_rate_limit(struct pipeline *p, unsigned bitrate_bps)
{
	(void)p;
	limit_bps = bitrate_bps;
}

void pipeline_get_report(struct pipeline *p, struct pipeline_report *ret_report)
{
	(void)p;
	*ret_report = report;
}

void server_survey(struct server *server, void (*tell)(void *arg, bool lagged, unsigned carried),
		   void *arg)
{
	(void)server;
	tell(arg, carried_bps > 0, carried_bps);
	rounds++;
}

static void run_round(sd_event *event)
{
	for (unsigned before = rounds; rounds == before;)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
}

/* Also when the setting has become what the limit was. */
static void limit_is_lifted_when_everybody_has_gone(void **state)
{
	UNUSED_STATE(state);
	struct conf conf = {.adaptive = true, .bitrate_bps = 400000};
	struct adaptive adaptive = {0};
	sd_event *event;

	report.flowing = report.can_set_rate = true;
	report.settings.bitrate_bps = conf.bitrate_bps;
	assert_true(sd_event_new(&event) >= 0);
	assert_true(adaptive_init(&adaptive, event, &conf, NULL, NULL) >= 0);
	adaptive_set_watched(&adaptive, true);
	carried_bps = 100000;
	run_round(event);
	assert_in_range(limit_bps, 100000, 399999);
	report.settings.bitrate_bps = limit_bps;
	carried_bps = 0;
	run_round(event);
	adaptive_set_watched(&adaptive, false);
	assert_int_equal(limit_bps, 0);
	adaptive_clear(&adaptive);
	sd_event_unref(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limit_is_lifted_when_everybody_has_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
