/* mjpeg: a camera's JPEG, looked at without decoding it: may it go to browsers as it is?
 *
 * Whole baseline pictures of one scan may, which is what cameras make (ITU-T T.81 F.1). The Huffman
 * tables, which USB cameras leave out (USB Video Class, MJPEG payload, 3.3), are put in; the zeros
 * that they put behind a picture are cut off. Anything unusual is refused, broken or not: there is
 * another way to make JPEG of it. Reads foreign bytes, does no I/O; any thread. */
#ifndef STREAMER_MJPEG_H
#define STREAMER_MJPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mjpeg {
	const uint8_t *bytes; /* as given; borrowed */
	size_t size;          /* from SOI to EOI */
	size_t tables_at;     /* where the tables are to be put in; 0: it has its own */
};

/* -EBADMSG: cut off, damaged, of another size, or with something behind it. -ENOTSUP: unusual. */
int mjpeg_check(const uint8_t *bytes, size_t size, unsigned width, unsigned height,
		struct mjpeg *ret_jpeg);

size_t mjpeg_bytes(const struct mjpeg *jpeg); /* with its tables */
void mjpeg_write(const struct mjpeg *jpeg, uint8_t *out);

#endif
