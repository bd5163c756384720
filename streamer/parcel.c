#include "streamer/parcel.h"

#include <stdint.h>
#include <string.h>

#include "common/util.h"
#include "streamer/clock.h"

void parcel_pack(struct parcel *p, struct darkroom_print *print, bool is_first, bool is_endless)
{
	p->print = darkroom_print_ref(print);
	p->sent = 0;
	p->head_size = !is_first ? 0
				 : photo_write_head(p->head, is_endless, print->size,
						    clock_wire_us(print->captured_us));
	p->tail_size = is_endless ? strlen(PHOTO_NEXT) : 0;
}

static unsigned pieces(const struct parcel *p, struct iovec iov[static 3])
{
	const struct iovec all[] = {
		{(void *)(uintptr_t)p->head, p->head_size},
		{p->print->bytes, p->print->size},
		{(void *)(uintptr_t)PHOTO_NEXT, p->tail_size},
	};
	size_t skip = p->sent;
	unsigned count = 0;

	for (unsigned i = 0; i < 3; i++) {
		size_t skipped = min_size(skip, all[i].iov_len);
		skip -= skipped;
		if (skipped == all[i].iov_len)
			continue;
		iov[count++] = (struct iovec){
			(char *)all[i].iov_base + skipped,
			all[i].iov_len - skipped,
		};
	}
	return count;
}

int parcel_send(struct parcel *p, struct wire *wire)
{
	struct iovec iov[3];
	unsigned count;
	size_t sent;

	while ((count = pieces(p, iov)) > 0 && !wire->blocked) {
		int r = wire_send(wire, iov, count, &sent);
		if (r < 0)
			return r;
		p->sent += sent;
	}
	return count == 0;
}

void parcel_clear(struct parcel *p)
{
	darkroom_print_unref(p->print);
	p->print = NULL;
}
