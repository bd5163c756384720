/* A helper's life: what it is started with, what it is told, and every way to end. */
#include "tests/unit/capture_scene.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "streamer/helper.h"

#define NEVER_MS 60000
#define OURS     UINT64_C(0x7fffffff) /* signals 1 to 31; glibc lets nobody touch 32 and 33 */

const struct source_ops *const source_backends[] = {NULL};

static union capproto_message msg;

static struct helper start(const char *what)
{
	struct helper h;
	struct error err = {0};

	play(what);
	if (helper_start(&h, &err) < 0)
		fail_msg("%s", err.text);
	return h;
}

static int receive(struct helper *h, struct error *err)
{
	int fd = -1, r;

	while ((r = helper_receive(h, &msg, &fd, err)) == -EAGAIN)
		await_readable(h->fd);
	close(fd);
	return r;
}

static void expect_hello(struct helper *h)
{
	struct error err = {0};

	if (receive(h, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(msg.type, CAPPROTO_HELLO);
}

static void say_open(struct helper *h)
{
	union capproto_message open = {.open = {.type = CAPPROTO_OPEN, .width = 64, .height = 64}};

	snprintf(open.open.id, sizeof(open.open.id), "/base/soc/i2c0mux/i2c@1/imx219@10");
	assert_int_equal(helper_send(h, &open, NULL), 0);
}

static void that_is_not_there_is_said_to_be_missing(void **state)
{
	UNUSED_STATE(state);
	struct helper h;
	struct error err = {0};

	setenv("NALCAST_CAPTURE", "/nowhere/nalcast-capture", 1);
	assert_false(helper_is_there());
	assert_int_equal(helper_start(&h, &err), -ENOENT);
	says(err.text, "/nowhere/nalcast-capture: this installation has no nalcast-capture");
	says(err.text, "v4l2");
	setenv("NALCAST_CAPTURE", "/etc/passwd", 1);
	assert_int_equal(helper_start(&h, &err), -ENOENT);
	setenv("NALCAST_CAPTURE", "", 1);
	assert_string_equal(helper_path(), LIBEXECDIR "/nalcast-capture");
}

/* It may be executed, but there is no such thing to be done with it. */
static void that_cannot_be_executed_says_so(void **state)
{
	UNUSED_STATE(state);
	char path[] = "/tmp/not-a-program-XXXXXX";
	int fd = mkstemp(path);
	struct error err = {0};
	struct helper h;

	assert_int_equal(write(fd, "\177ELF", 4), 4);
	assert_int_equal(fchmod(fd, 0755), 0);
	close(fd);
	setenv("NALCAST_CAPTURE", path, 1);
	assert_int_equal(helper_start(&h, &err), 0);
	assert_int_equal(receive(&h, &err), -EPIPE);
	says(err.text, "could not be executed");
	helper_end(&h, NEVER_MS);
	unlink(path);
}

static void ends_when_its_socket_is_closed(void **state)
{
	UNUSED_STATE(state);
	struct helper h = start("");

	expect_hello(&h);
	helper_end(&h, NEVER_MS);
	helper_end(&h, NEVER_MS);
	assert_string_equal(logged, "");
}

static void find_in_status(pid_t pid, const char *field, char *value, size_t size)
{
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	value[0] = '\0';
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			snprintf(value, size, "%s",
				 line + strlen(field) + strspn(line + strlen(field), ":\t "));
	value[strcspn(value, "\n")] = '\0';
	fclose(file);
}

static uint64_t signals_of(pid_t pid, const char *field)
{
	char value[64];
	uint64_t bits;

	find_in_status(pid, field, value, sizeof(value));
	assert_int_equal(sscanf(value, "%" SCNx64, &bits), 1);
	return bits;
}

static unsigned fds_of(pid_t pid)
{
	char path[64];
	unsigned bits = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (entry->d_name[0] != '.')
			bits |= 1u << (entry->d_name[1] == '\0' ? entry->d_name[0] - '0' : 31);
	closedir(dir);
	return bits;
}

static void has_four_descriptors_no_signals_blocked_and_less_right(void **state)
{
	UNUSED_STATE(state);
	struct rlimit limit;
	struct stat null, in;
	char value[64], path[64];
	int leaked = dup(2); /* not CLOEXEC, as a library's might be */
	struct helper h;
	sigset_t set, before;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	signal(SIGPIPE, SIG_IGN);
	h = start("");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	signal(SIGPIPE, SIG_DFL);
	expect_hello(&h);
	assert_int_equal(fds_of(h.pid), 1 << 0 | 1 << 1 | 1 << 2 | 1 << CAPPROTO_FD);
	snprintf(path, sizeof(path), "/proc/%d/fd/0", (int)h.pid);
	assert_int_equal(stat(path, &in), 0);
	assert_int_equal(stat("/dev/null", &null), 0);
	assert_true(in.st_rdev == null.st_rdev);
	find_in_status(h.pid, "NoNewPrivs", value, sizeof(value));
	assert_string_equal(value, "1");
	assert_int_equal(signals_of(h.pid, "SigBlk") & OURS, 0);
	assert_int_equal(signals_of(h.pid, "SigIgn") & OURS, 0);
	assert_int_equal(prlimit(h.pid, RLIMIT_CORE, NULL, &limit), 0);
	assert_int_equal(limit.rlim_max, 0);
	assert_true(getpriority(PRIO_PROCESS, (id_t)h.pid) >= 5);
	assert_int_equal(getsid(h.pid), h.pid);
	helper_end(&h, NEVER_MS);
	close(leaked);
}

static void that_crashes_is_told_by_its_signal(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *what, *how;
	} deaths[] = {{"segv=0", "nalcast-capture was ended by SIGSEGV"},
		      {"abort=0", "nalcast-capture was ended by SIGABRT"},
		      {"exit=0", "nalcast-capture ended with status 3"}};

	for (size_t i = 0; i < 3; i++) {
		struct helper h = start(deaths[i].what);
		struct error err = {0};
		int r;
		say_open(&h);
		while ((r = receive(&h, &err)) == 0)
			;
		assert_int_equal(r, -EPIPE);
		assert_string_equal(err.text, deaths[i].how);
		assert_int_equal(helper_send(&h, &msg, &err), -EPIPE);
		helper_end(&h, NEVER_MS);
		says(logged, deaths[i].how + strlen("nalcast-capture "));
	}
}

static void that_aborts_when_it_is_to_end_is_told_in_the_log(void **state)
{
	UNUSED_STATE(state);
	struct helper h = start("abortclose");

	expect_hello(&h);
	helper_end(&h, NEVER_MS);
	says(logged, "was ended by SIGABRT");
}

static void that_hangs_is_killed(void **state)
{
	UNUSED_STATE(state);
	struct helper h = start("hangclose");

	expect_hello(&h);
	helper_end(&h, 50);
	says(logged, "has not ended within 50 ms: killing it");
	says(logged, "was ended by SIGKILL");
}

static void that_hangs_is_killed_early_when_its_thread_is_to_end(void **state)
{
	UNUSED_STATE(state);
	int stop = eventfd(1, EFD_CLOEXEC);
	struct helper h = start("hangclose");

	expect_hello(&h);
	source_set_stop_fd(stop);
	helper_end(&h, NEVER_MS);
	says(logged, "was ended by SIGKILL");
	close(stop);
}

static void *start_and_leave(void *arg)
{
	struct helper *h = arg;

	*h = start("");
	expect_hello(h);
	return NULL;
}

/* As it dies with a nalcastd that was killed: all threads of that end. */
static void dies_with_the_thread_that_started_it(void **state)
{
	UNUSED_STATE(state);
	struct helper h = HELPER_NONE;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, start_and_leave, &h), 0);
	pthread_join(thread, NULL);
	await_readable(h.pid_fd);
	helper_end(&h, NEVER_MS);
	says(logged, "was ended by SIGKILL");
}

static void that_talks_nonsense_is_refused(void **state)
{
	UNUSED_STATE(state);
	static const struct {
		const char *what, *why;
	} nonsense[] = {
		{"garbage=0", "sends nonsense: 7 bytes that are no message"},
		{"short=0", "sends nonsense: FRAME: 12 bytes, not "},
		{"long=0", "sends nonsense: more bytes than any message has"},
		{"nofd", "sends nonsense: no descriptor"},
		{"fdframe=0", "sends nonsense: a descriptor with what is no buffer"},
	};

	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		struct helper h = start(nonsense[i].what);
		struct error err = {0};
		int r;
		say_open(&h);
		while ((r = receive(&h, &err)) == 0)
			;
		assert_int_equal(r, -EPROTO);
		says(err.text, nonsense[i].why);
		helper_end(&h, NEVER_MS);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(that_is_not_there_is_said_to_be_missing),
		TEST(that_cannot_be_executed_says_so),
		TEST(ends_when_its_socket_is_closed),
		TEST(has_four_descriptors_no_signals_blocked_and_less_right),
		TEST(that_crashes_is_told_by_its_signal),
		TEST(that_aborts_when_it_is_to_end_is_told_in_the_log),
		TEST(that_hangs_is_killed),
		TEST(that_hangs_is_killed_early_when_its_thread_is_to_end),
		TEST(dies_with_the_thread_that_started_it),
		TEST(that_talks_nonsense_is_refused),
	};

	return cmocka_run_group_tests_name("helper", tests, NULL, NULL);
}
