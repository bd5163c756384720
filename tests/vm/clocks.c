/* Reads I420 pictures from standard input and prints what their clocks say, a line a picture:
 * the number, and the time of capture in ms (its low 32 bits); or "- -". */
#include <stdio.h>
#include <stdlib.h>

#include "common/util.h"
#include "streamer/pattern.h"

static int print_clocks(unsigned width, unsigned height)
{
	size_t size = pattern_bytes(width, height);
	uint8_t *picture = malloc(size);
	struct pattern_clock clock;

	if (picture == NULL)
		return 1;
	while (fread(picture, 1, size, stdin) == size) {
		if (pattern_read_clock(picture, width, width, height, &clock))
			printf("%u %u\n", clock.frame, clock.time_ms);
		else
			printf("- -\n");
	}
	free(picture);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t width, height;

	if (argc != 3 || parse_unsigned(argv[1], 1, 8192, &width) < 0 ||
	    parse_unsigned(argv[2], 1, 8192, &height) < 0) {
		fputs("Usage: clocks WIDTH HEIGHT < I420\n", stderr);
		return 2;
	}
	return print_clocks((unsigned)width, (unsigned)height);
}
