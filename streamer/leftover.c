#include "streamer/leftover.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int leftover_keep(struct leftover *l, const void *bytes, size_t size)
{
	assert(l->bytes == NULL);
	if (size == 0)
		return 0;
	uint8_t *copy = malloc(size);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, bytes, size);
	l->bytes = copy;
	l->size = size;
	return 0;
}

size_t leftover_take(struct leftover *l, void *out)
{
	size_t size = l->size;

	if (size > 0)
		memcpy(out, l->bytes, size);
	leftover_clear(l);
	return size;
}

void leftover_drop(struct leftover *l, size_t size)
{
	assert(size <= l->size);
	l->size -= size;
	if (l->size == 0)
		leftover_clear(l);
	else
		memmove(l->bytes, l->bytes + size, l->size);
}

void leftover_clear(struct leftover *l)
{
	free(l->bytes);
	*l = (struct leftover){0};
}
