/* The pipeline's thread with a source and an encoder that do as the test says. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>

#include "tests/unit/fake_camera.h"

static void access_units_too_large_for_broadway_are_warned_of_once(void **state)
{
	UNUSED_STATE(state);
	start_open();
	for (unsigned i = 0; i < 6; i++) {
		atomic_store(&au_size, AU_BROADWAY_MAX_BYTES + (i > 1));
		give_frames(1);
		const struct au *au = next_au();
		assert_true(au->size >= AU_BROADWAY_MAX_BYTES);
		au_unref(au);
		assert_int_equal(atomic_load(&warnings_of_size), i > 1);
	}
}

/* More tries than waiting longer and longer would make in the time. */
static void camera_that_appears_is_tried_at_once(void **state)
{
	UNUSED_STATE(state);
	char folder[] = "/tmp/pipeline-XXXXXX", path[64];
	const unsigned tries = 12;

	assert_non_null(mkdtemp(folder));
	watch_folder = folder;
	start();
	atomic_store(&opens_to_fail, tries);
	pipeline_demand(pipeline, true);
	for (unsigned i = 1; i <= tries; i++) {
		wait_until(atomic_load(&opens_to_fail) <= tries - i);
		snprintf(path, sizeof(path), "%s/video%u", folder, i);
		int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		close_fd(&fd);
		assert_int_equal(unlink(path), 0);
	}
	wait_until(report.state == PIPELINE_RUNNING);
	assert_int_equal(rmdir(folder), 0);
	watch_folder = NULL;
}

static void size_is_what_the_pictures_have(void **state)
{
	UNUSED_STATE(state);
	start_open();
	atomic_store(&au_width, 176);
	give_frames(1);
	au_unref(next_au());
	wait_until(report.granted.width == 176);
	assert_int_equal(report.granted.fps_milli, 30000);
}

static void camera_is_opened_on_demand_and_closed_without(void **state)
{
	UNUSED_STATE(state);
	start();
	wait_until(report.online);
	assert_int_equal(report.state, PIPELINE_IDLE);
	assert_int_equal(atomic_load(&opens), 0);
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_RUNNING);
	give_frames(1);
	wait_until(report.flowing);
	assert_int_equal(report.granted.width, 1280);
	assert_int_equal(flags_of_next(), AU_IDR); /* the very first: no discontinuity */
	pipeline_demand(pipeline, false);
	wait_until(report.state == PIPELINE_IDLE);
}

static void idr_is_made_on_request(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	give_frames(1);
	assert_int_equal(flags_of_next(), 0);
	pipeline_force_idr(pipeline);
	assert_int_equal(flags_until_idr(), AU_IDR);
}

static void size_changes_while_it_runs(void **state)
{
	UNUSED_STATE(state);
	struct pipeline_picture small = {640, 480, 15000};

	start_watching();
	uint64_t generation = set_picture(&small);
	wait_until(report.change.generation == generation);
	assert_true(report.change.pending);
	give_frames(1);
	wait_until(!report.change.pending);
	assert_int_equal(report.change.error.code, 0);
	assert_true(report.change.now);
	assert_int_equal(report.granted.width, 640);
	const struct au *au = next_au();
	assert_int_equal(au->flags, AU_IDR | AU_DISCONTINUITY);
	assert_int_equal(au->format.width, 640);
	au_unref(au);
}

static void size_set_while_idle_waits_for_the_next_start(void **state)
{
	UNUSED_STATE(state);
	struct pipeline_picture small = {640, 480, 15000};

	start();
	uint64_t generation = set_picture(&small);
	wait_until(report.change.generation == generation);
	assert_false(report.change.pending);
	assert_false(report.change.now);
	assert_int_equal(report.change.error.code, 0);
	assert_int_equal(report.settings.picture.width, 640);
}

static void size_that_the_camera_lacks_changes_nothing(void **state)
{
	UNUSED_STATE(state);
	struct pipeline_picture odd = {644, 480, 15000};

	start_open();
	uint64_t generation = set_picture(&odd);
	wait_until(report.change.generation == generation);
	assert_int_equal(report.change.error.code, -ERANGE);
	assert_int_equal(report.settings.picture.width, 1280);
	assert_int_equal(atomic_load(&opens), 1);
}

static void size_that_fails_to_open_goes_back_to_what_worked(void **state)
{
	UNUSED_STATE(state);
	struct pipeline_picture small = {640, 480, 15000};

	start_watching();
	atomic_store(&opens_to_fail, 1);
	uint64_t generation = set_picture(&small);
	wait_until(report.change.generation == generation && !report.change.pending);
	assert_int_equal(report.change.error.code, -EBUSY);
	assert_int_equal(report.settings.picture.width, 1280);
	wait_until(report.state == PIPELINE_RUNNING);
	give_frames(1);
	assert_int_equal(flags_of_next(), AU_IDR | AU_DISCONTINUITY);
}

static void setting_that_the_camera_lacks_gives_way_to_the_nearest(void **state)
{
	UNUSED_STATE(state);
	conf.width = 800;
	conf.height = 600;
	start_open();
	assert_int_equal(report.granted.width, 640);
	assert_int_equal(report.last_error.code, -ERANGE);
}

static void lost_camera_is_told_and_comes_back(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	atomic_store(&gone, true);
	give_frames(1);
	wait_until(report.state == PIPELINE_FAILED);
	assert_false(report.online);
	assert_non_null(strstr(report.reason, "gone"));
	assert_int_equal(report.restarts, 1);
	atomic_store(&gone, false);
	wait_until(report.state == PIPELINE_RUNNING);
	give_frames(1);
	wait_until(report.online);
	/* What was due while it was gone came with it. */
	assert_int_equal(flags_of_next(), AU_IDR | AU_DISCONTINUITY);
}

static void camera_that_is_not_there_at_the_start_is_waited_for(void **state)
{
	UNUSED_STATE(state);
	atomic_store(&gone, true);
	start();
	pipeline_demand(pipeline, true);
	wait_until(report.state == PIPELINE_FAILED);
	assert_non_null(strstr(report.reason, "no camera"));
	atomic_store(&gone, false);
	wait_until(report.state == PIPELINE_RUNNING);
}

static void stalled_camera_is_reopened(void **state)
{
	UNUSED_STATE(state);
	start_watching();
	wait_until(report.state == PIPELINE_FAILED);
	assert_int_equal(report.last_error.code, -ETIMEDOUT);
	wait_until(report.state == PIPELINE_RUNNING);
	assert_int_equal(atomic_load(&opens), 2);
}

static void full_queue_withholds_until_an_idr(void **state)
{
	UNUSED_STATE(state);
	start_open();
	give_frames(20); /* the queue holds 8 */
	do {             /* counters are no news */
		poll(NULL, 0, 1);
		pipeline_get_report(pipeline, &report);
	} while (report.aus_dropped < 12);
	assert_int_equal(flags_of_next(), AU_IDR);
	/* Make room, give more: nothing but an IDR may follow the hole. */
	for (const struct au *au; (au = auq_pop(queue)) != NULL;) {
		assert_int_equal(au->flags, 0);
		au_unref(au);
	}
	assert_int_equal(flags_until_idr(), AU_IDR | AU_DISCONTINUITY);
}

static void fault_reaches_the_source(void **state)
{
	UNUSED_STATE(state);
	start();
	wait_until(report.online);
	pipeline_set_fault(pipeline, SOURCE_FAULT_STALL);
	/* The thread has taken the wish before the change that follows it. */
	struct pipeline_picture same = {1280, 720, 30000};
	uint64_t generation = set_picture(&same);
	wait_until(report.change.generation == generation);
	assert_int_equal(atomic_load(&fault_seen), SOURCE_FAULT_STALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(camera_is_opened_on_demand_and_closed_without),
		TEST(access_units_too_large_for_broadway_are_warned_of_once),
		TEST(camera_that_appears_is_tried_at_once),
		TEST(size_is_what_the_pictures_have),
		TEST(idr_is_made_on_request),
		TEST(size_changes_while_it_runs),
		TEST(size_set_while_idle_waits_for_the_next_start),
		TEST(size_that_the_camera_lacks_changes_nothing),
		TEST(size_that_fails_to_open_goes_back_to_what_worked),
		TEST(setting_that_the_camera_lacks_gives_way_to_the_nearest),
		TEST(lost_camera_is_told_and_comes_back),
		TEST(camera_that_is_not_there_at_the_start_is_waited_for),
		TEST(stalled_camera_is_reopened),
		TEST(full_queue_withholds_until_an_idr),
		TEST(fault_reaches_the_source),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
