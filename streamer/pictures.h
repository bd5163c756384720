/* pictures: pictures of our own, as I420, that a source lends in the place of its camera's, so that
 * the camera has its buffers back at once; but for JPEG, which is lent with what came of it. Owned
 * by one source; its thread only. */
#ifndef STREAMER_PICTURES_H
#define STREAMER_PICTURES_H

#include <stdbool.h>
#include <stdint.h>

#include "streamer/convert.h"
#include "streamer/frame.h"

#define PICTURES_MAX       3          /* the chain holds two */
#define PICTURES_NO_BUFFER UINT32_MAX /* no index of a buffer */

struct pictures { /* all zero: none */
	struct convert *convert;
	uint8_t *pixels; /* of all */
	struct convert_picture picture[PICTURES_MAX];
	bool lent[PICTURES_MAX];
	uint32_t buffer[PICTURES_MAX]; /* the camera's, lent with it; or PICTURES_NO_BUFFER */
};

/* What is to be made I420, as convert_new() says. -ENOMEM. */
int pictures_init(struct pictures *p, uint32_t fourcc, unsigned width, unsigned height,
		  bool full_range);
void pictures_clear(struct pictures *p); /* what is lent becomes invalid */

/* Is there any? Else the camera's pictures are lent as they are. */
bool pictures_exist(const struct pictures *p);

/* in, converted: *ret_frame is to be given back by its index. Where it has the camera's own JPEG,
 * the camera's buffer is lent with it. -EAGAIN: all are lent. -EMSGSIZE, -EBADMSG: in is cut off or
 * damaged. */
int pictures_lend(struct pictures *p, const struct frame *in, struct frame *ret_frame);

/* Returns the camera's buffer that was lent with it, or PICTURES_NO_BUFFER. */
uint32_t pictures_take_back(struct pictures *p, uint32_t index);

/* In words, what is wrong with a picture that pictures_lend() refused with code. */
const char *pictures_damage(int code);

#endif
