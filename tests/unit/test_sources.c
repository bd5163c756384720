/* The control socket while a camera takes its time to say that it is there. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>
#include <systemd/sd-event.h>

#include "common/log.h"
#include "common/unixsock.h"
#include "common/util.h"
#include "streamer/control.h"
#include "streamer/encoder.h"
#include "streamer/source.h"
#include "tests/unit/quiet.h"

#define WAIT_MS 15000 /* a bound for a test that hangs, not a measure */

/* --- a camera that others have, and that wakes slowly */

static atomic_bool held;
static atomic_uint listings, listed;

static int fake_probe(const char *device, struct source_caps *ret_caps, struct error *err)
{
	(void)device;
	(void)ret_caps;
	return error_set(err, -ENODEV, "fake: no camera");
}

static unsigned fake_list(struct source_info *ret_list, unsigned max)
{
	atomic_fetch_add(&listings, 1);
	while (atomic_load(&held))
		poll(NULL, 0, 1);
	assert_true(max >= 1);
	ret_list[0] = (struct source_info){
		.caps = {.backend = "fake", .id = "cam-7", .name = "Sleeper"},
		.in_use_by = "ffmpeg (pid 7)",
	};
	atomic_fetch_add(&listed, 1);
	return 1;
}

static int only_probe(const char *device, struct source_caps *ret_caps, struct error *err)
{
	(void)device;
	(void)err;
	*ret_caps = (struct source_caps){.backend = "only", .name = "The only one"};
	return 0;
}

static const struct source_ops fake = {.name = "fake", .probe = fake_probe, .list = fake_list};
static const struct source_ops only = {.name = "only", .probe = only_probe};
static const struct source_ops file = {.name = "file", .probe = only_probe};

const struct source_ops *const source_backends[] = {&fake, &only, &file, NULL};
const struct encoder_ops *const encoder_backends[] = {&encoder_pass_ops, NULL};

/* --- a daemon but for its main() */

struct fixture {
	char dir[32], path[64];
	struct conf conf;
	sd_event *event;
	struct store *store;
	struct settings *settings;
	struct stream *stream;
	struct control *control;
};

static int listen_here(struct fixture *f, const char *name, int type)
{
	struct unixsock_config cfg = {.path = f->path, .type = type, .mode = 0600, .backlog = 8};
	int fd = -1;

	snprintf(f->path, sizeof(f->path), "%s/%s", f->dir, name);
	assert_int_equal(unixsock_listen(&cfg, &fd, NULL), 0);
	return fd;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	log_set_hook(quiet);
	atomic_store(&held, true);
	atomic_store(&listings, 0);
	atomic_store(&listed, 0);
	memcpy(f->dir, "/tmp/nalcast-sources-XXXXXX", 28);
	assert_non_null(mkdtemp(f->dir));
	conf_defaults(&f->conf);
	memcpy(f->conf.source, "fake", 5);
	assert_true(sd_event_new(&f->event) >= 0);
	assert_int_equal(store_open(f->dir, &f->store, NULL), 0);
	assert_int_equal(settings_new(&f->conf, f->store, &f->settings, NULL), 0);
	int fd = listen_here(f, "stream", SOCK_STREAM);
	assert_int_equal(stream_new(f->event, f->settings, f->store, fd, &f->stream, NULL), 0);
	unlink(f->path);
	fd = listen_here(f, "control", SOCK_SEQPACKET);
	assert_int_equal(control_new(f->event, fd, f->stream, &f->control, NULL), 0);
	*state = f;
	return 0;
}

static void let_go(void)
{
	atomic_store(&held, false);
	while (atomic_load(&listed) < atomic_load(&listings))
		poll(NULL, 0, 1);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	control_free(f->control);
	let_go();
	assert_true(stream_free(f->stream));
	settings_free(f->settings);
	store_close(f->store);
	sd_event_unref(f->event);
	unlink(f->path);
	int r = rmdir(f->dir);
	free(f);
	log_set_hook(NULL);
	return r;
}

static int ask(struct fixture *f, const char *op)
{
	char packet[128];
	int fd = -1;

	assert_int_equal(unixsock_connect(f->path, SOCK_SEQPACKET, 1000, &fd, NULL), 0);
	int size = snprintf(packet, sizeof(packet), "{\"v\":1,\"id\":1,\"op\":\"%s\"}", op);
	assert_int_equal(send(fd, packet, (size_t)size, MSG_NOSIGNAL), size);
	return fd;
}

static bool has_answer(int fd)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};

	return poll(&readable, 1, 0) == 1;
}

/* The loop goes on until there is one; for the caller to free. */
static json_t *answer(struct fixture *f, int fd)
{
	char packet[65536];

	while (!has_answer(fd))
		assert_true(sd_event_run(f->event, WAIT_MS * UINT64_C(1000)) > 0);
	ssize_t size = recv(fd, packet, sizeof(packet), 0);
	assert_true(size > 0);
	close(fd);
	json_t *reply = json_loadb(packet, (size_t)size, 0, NULL);
	assert_non_null(reply);
	return reply;
}

/* Its thread says nothing to the loop before it is done. */
static void wait_for_survey(struct fixture *f)
{
	while (atomic_load(&listings) == 0)
		assert_true(sd_event_run(f->event, 1000) >= 0);
}

static const char *text_at(const json_t *list, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(list, i), key));
}

static void expect_list(json_t *reply)
{
	const json_t *list = json_object_get(reply, "result");

	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(text_at(list, 0, "id"), "fake:cam-7");
	assert_string_equal(text_at(list, 0, "name"), "Sleeper");
	assert_string_equal(text_at(list, 0, "in_use_by"), "ffmpeg (pid 7)");
	assert_string_equal(text_at(list, 1, "id"), "only");
	assert_null(text_at(list, 1, "in_use_by"));
	json_decref(reply);
}

static void expect_unavailable(json_t *reply)
{
	const json_t *error = json_object_get(reply, "error");

	assert_string_equal(json_string_value(json_object_get(error, "code")), "unavailable");
	assert_non_null(strstr(json_string_value(json_object_get(error, "message")), "driver"));
	json_decref(reply);
}

static void loop_goes_on_while_a_camera_is_asked(void **state)
{
	struct fixture *f = *state;
	int first = ask(f, "sources");

	wait_for_survey(f);
	json_t *reply = answer(f, ask(f, "state"));
	assert_true(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
	assert_false(has_answer(first));
	int second = ask(f, "sources");
	json_decref(answer(f, ask(f, "config"))); /* came after it, so that is under way, too */
	atomic_store(&held, false);
	expect_list(answer(f, first));
	expect_list(answer(f, second));
	assert_int_equal(atomic_load(&listings), 1);
	expect_list(answer(f, ask(f, "sources")));
	assert_int_equal(atomic_load(&listings), 2); /* what was found then may be gone */
}

static void camera_that_hangs_is_told_when_the_time_is_up(void **state)
{
	struct fixture *f = *state;

	expect_unavailable(answer(f, ask(f, "sources")));
	expect_unavailable(answer(f, ask(f, "sources")));
	assert_int_equal(atomic_load(&listings), 1);
	let_go();
	json_t *reply;
	while (reply = answer(f, ask(f, "sources")), !json_is_true(json_object_get(reply, "ok")))
		json_decref(reply);
	expect_list(reply);
}

static void asker_that_goes_away_is_not_missed(void **state)
{
	struct fixture *f = *state;
	int gone = ask(f, "sources");

	wait_for_survey(f);
	close(gone);
	int other = ask(f, "sources");
	json_decref(answer(f, ask(f, "config")));
	let_go();
	expect_list(answer(f, other));
}

static void survey_that_hangs_does_not_keep_the_daemon(void **state)
{
	struct fixture *f = *state;
	int fd = ask(f, "sources");

	wait_for_survey(f);
	control_free(f->control);
	f->control = NULL;
	assert_true(atomic_load(&held));
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loop_goes_on_while_a_camera_is_asked),
		TEST(camera_that_hangs_is_told_when_the_time_is_up),
		TEST(asker_that_goes_away_is_not_missed),
		TEST(survey_that_hangs_does_not_keep_the_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
