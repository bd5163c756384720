/* replay: runs a fuzz target over its corpus, one TAP line a file. Stands where libFuzzer's own
 * main() does when the build has none. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static uint8_t *read_file(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "rb");
	struct stat st;

	if (file == NULL)
		return NULL;
	/* Exactly as large as the input, so that a sanitizer sees the first byte read past it. */
	uint8_t *data = fstat(fileno(file), &st) == 0 ? malloc((size_t)st.st_size + 1) : NULL;
	if (data != NULL) {
		*ret_size = fread(data, 1, (size_t)st.st_size, file);
		uint8_t *exact = realloc(data, *ret_size > 0 ? *ret_size : 1);
		data = exact != NULL ? exact : data;
	}
	fclose(file);
	return data;
}

static int replay(const char *dir, const char *name, int number)
{
	char path[4096];
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	uint8_t *data = read_file(path, &size);
	if (data == NULL) {
		printf("not ok %d - %s: %s\n", number, name, strerror(errno));
		return 1;
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	printf("ok %d - %s\n", number, name);
	return 0;
}

int main(void)
{
	char dir[2048];
	int count = 0, failed = 0;

	snprintf(dir, sizeof(dir), "%s/%s", CORPUS_DIR, fuzz_name);
	DIR *corpus = opendir(dir);
	if (corpus == NULL) {
		printf("Bail out! %s: %s\n", dir, strerror(errno));
		return 99;
	}
	for (struct dirent *entry; (entry = readdir(corpus)) != NULL;)
		if (entry->d_name[0] != '.')
			failed += replay(dir, entry->d_name, ++count);
	closedir(corpus);
	printf("1..%d\n", count);
	return failed > 0;
}
