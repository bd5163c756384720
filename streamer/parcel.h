/* parcel: a picture in JPEG on its way to somebody: the head of the answer before the first, the
 * print, and what stands between it and the next. Part of one guest of the gallery; loop thread. */
#ifndef STREAMER_PARCEL_H
#define STREAMER_PARCEL_H

#include <stdbool.h>
#include <stddef.h>

#include "streamer/darkroom.h"
#include "streamer/photo.h"
#include "streamer/wire.h"

struct parcel {                       /* all zero: empty */
	struct darkroom_print *print; /* counted; NULL: nothing is being sent */
	size_t sent;                  /* bytes of all three */
	size_t head_size, tail_size;
	char head[PHOTO_HEAD_MAX];
};

/* It must be empty. is_endless: others follow it. */
void parcel_pack(struct parcel *p, struct darkroom_print *print, bool is_first, bool is_endless);

/* Sends what fits. True: all of it is sent; clear it. -errno: the connection is broken. */
int parcel_send(struct parcel *p, struct wire *wire);

void parcel_clear(struct parcel *p);

#endif
