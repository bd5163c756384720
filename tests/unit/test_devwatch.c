#include "tests/unit/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util.h"
#include "streamer/devwatch.h"
#include "streamer/holders.h"

#define PATIENCE_MS 10000

struct folder {
	char path[32];
	char file[64];
};

static void make_folder(struct folder *folder, const char *name)
{
	snprintf(folder->path, sizeof(folder->path), "/tmp/devwatch-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	snprintf(folder->file, sizeof(folder->file), "%s/%s", folder->path, name);
}

static int make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static void remove_folder(const struct folder *folder)
{
	unlink(folder->file);
	assert_int_equal(rmdir(folder->path), 0);
}

static bool wait_readable(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	return poll(&pfd, 1, PATIENCE_MS) == 1;
}

static void file_that_appears_or_changes_its_rights_is_told(void **state)
{
	UNUSED_STATE(state);
	struct folder folder;

	make_folder(&folder, "video7");
	struct devwatch watch;
	assert_int_equal(devwatch_open(&watch, folder.path), 0);
	assert_false(devwatch_take(&watch));
	int file = make_file(folder.file);
	close_fd(&file);
	assert_true(wait_readable(watch.fd));
	assert_true(devwatch_take(&watch));
	assert_false(devwatch_take(&watch));
	assert_int_equal(chmod(folder.file, 0660), 0);
	assert_true(wait_readable(watch.fd));
	assert_true(devwatch_take(&watch));
	remove_folder(&folder);
	devwatch_close(&watch);
}

static void make_folder_below(const struct folder *folder, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void remove_below(const struct folder *folder, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	assert_int_equal(remove(path), 0);
}

/* udev makes the folders with the first camera, and removes them with the last. */
static void names_that_last_are_told_when_they_come(void **state)
{
	UNUSED_STATE(state);
	struct devwatch watch;
	struct folder folder;

	make_folder(&folder, "v4l/by-id/usb-Cam-video-index0");
	assert_int_equal(devwatch_open(&watch, folder.path), 0);
	for (unsigned i = 0; i < 3; i++) {
		make_folder_below(&folder, "v4l");
		assert_true(wait_readable(watch.fd));
		assert_true(devwatch_take(&watch));
		make_folder_below(&folder, "v4l/by-id");
		assert_true(wait_readable(watch.fd));
		assert_true(devwatch_take(&watch));
		assert_int_equal(symlink("../../video0", folder.file), 0);
		assert_true(wait_readable(watch.fd));
		assert_true(devwatch_take(&watch));
		assert_false(devwatch_take(&watch));
		remove_below(&folder, "v4l/by-id/usb-Cam-video-index0");
		remove_below(&folder, "v4l/by-id");
		remove_below(&folder, "v4l");
		assert_false(devwatch_take(&watch));
	}
	devwatch_close(&watch);
	remove_folder(&folder);
}

static void other_files_are_not(void **state)
{
	UNUSED_STATE(state);
	struct folder folder;

	make_folder(&folder, "sda1");
	struct devwatch watch;
	assert_int_equal(devwatch_open(&watch, folder.path), 0);
	int file = make_file(folder.file);
	assert_true(wait_readable(watch.fd));
	assert_false(devwatch_take(&watch));
	close_fd(&file);
	devwatch_close(&watch);
	remove_folder(&folder);
	assert_true(devwatch_open(&watch, folder.path) < 0);
	assert_int_equal(watch.fd, -1);
}

static void who_has_a_file_open_is_named(void **state)
{
	UNUSED_STATE(state);
	struct folder folder;
	char words[64], wanted[32];
	int ready[2];

	make_folder(&folder, "video0");
	int file = make_file(folder.file);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_false(
		holders_find(folder.file, words, sizeof(words))); /* we ourselves do not count */
	assert_string_equal(words, "");
	pid_t child = fork();
	if (child == 0) {
		char byte;
		close_fd(&ready[1]);
		_exit(read(ready[0], &byte, 1) == 0 ? 0 : 1); /* with file, until we close */
	}
	close_fd(&file);
	assert_true(child > 0);
	assert_true(holders_find(folder.file, words, sizeof(words)));
	snprintf(wanted, sizeof(wanted), "(pid %d)", (int)child);
	assert_non_null(strstr(words, wanted));
	close_fd(&ready[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close_fd(&ready[0]);
	assert_false(holders_find(folder.file, words, sizeof(words)));
	remove_folder(&folder);
	assert_false(holders_find(folder.file, words, sizeof(words)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_that_appears_or_changes_its_rights_is_told),
		cmocka_unit_test(names_that_last_are_told_when_they_come),
		cmocka_unit_test(other_files_are_not),
		cmocka_unit_test(who_has_a_file_open_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
