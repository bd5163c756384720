#include "streamer/au.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct au *au_new(size_t capacity)
{
	if (capacity > AU_MAX_BYTES)
		return NULL;
	struct au *au = malloc(sizeof(*au) + capacity);
	if (au == NULL)
		return NULL;
	memset(au, 0, sizeof(*au));
	atomic_init(&au->refs, 1);
	au->capacity = capacity;
	return au;
}

int au_resize(struct au **au, size_t capacity)
{
	assert(capacity >= (*au)->size);
	if (capacity > AU_MAX_BYTES)
		return -ENOMEM;
	struct au *resized = realloc(*au, sizeof(*resized) + capacity);
	if (resized == NULL)
		return -ENOMEM;
	resized->capacity = capacity;
	*au = resized;
	return 0;
}

/* The count is the one thing in a frozen access unit that still changes. */
static atomic_uint *refs_of(const struct au *au)
{
	return &((struct au *)(uintptr_t)au)->refs;
}

const struct au *au_ref(const struct au *au)
{
	/* Relaxed: whoever can take a reference already holds one. */
	atomic_fetch_add_explicit(refs_of(au), 1, memory_order_relaxed);
	return au;
}

void au_unref(const struct au *au)
{
	/* Release: our reads are over before the count says so. Acquire: the one who frees sees
	 * everybody's reads over. */
	if (au != NULL && atomic_fetch_sub_explicit(refs_of(au), 1, memory_order_acq_rel) == 1)
		free((void *)(uintptr_t)au);
}
