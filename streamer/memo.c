#include "streamer/memo.h"

#include <stdlib.h>

void memo_clear(struct memo *memo)
{
	free(memo->text);
	*memo = (struct memo){0};
}

const char *memo_get(struct memo *memo, uint64_t iteration, int64_t now_us)
{
	if (memo->text == NULL || iteration - memo->iteration > 1 ||
	    now_us - memo->made_us >= MEMO_AGE_US)
		return NULL;
	memo->iteration = iteration;
	return memo->text;
}

void memo_keep(struct memo *memo, char *text, uint64_t iteration, int64_t now_us)
{
	free(memo->text);
	*memo = (struct memo){text, iteration, now_us};
}
