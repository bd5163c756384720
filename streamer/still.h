/* still: one IDR access unit of a camera that makes the H.264 itself, decoded, so that JPEG can be
 * made of it. libavcodec's own H.264 decoder and nothing else of it, on the caller's thread alone.
 *
 * One access unit (AU_MAX_BYTES) of one picture (STILL_PIXELS_MAX) bounds time and memory: nothing
 * is kept from one to the next.
 *
 * It is loaded when the first picture is asked for, and not before: with all that it needs it is
 * some 75 libraries. Of a build without it still_none.c is linked. One thread at a time. */
#ifndef STREAMER_STILL_H
#define STREAMER_STILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "streamer/frame.h"
#include "streamer/jfif.h"

#define STILL_PIXELS_MAX (36864u * 256) /* the largest picture of H.264 level 5.2, table A-1 */

struct still {
	struct frame frame; /* I420, cropped as the SPS says; pts_us: 0 */
	enum jfif_matrix matrix;
	void *owner; /* private */
};

bool still_is_built(void); /* false: nothing can be decoded */

/* -EBADMSG: damaged, or no IDR. -EFBIG: of more pixels than that. -EPROTONOSUPPORT: not
 * progressive 4:2:0 of 8 bits. -ENOSYS: there is no libavcodec here. -ENOMEM. On success
 * still_free() it. */
int still_decode(const uint8_t *h264, size_t size, struct still *ret_still, struct error *err);
void still_free(struct still *still);

#endif
