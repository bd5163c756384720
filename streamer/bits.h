/* bits: reads and writes the bits of an RBSP, the inside of a NAL unit (H.264 7.2, 9.1).
 *
 * The reader skips emulation prevention bytes (7.4.1) by itself. It remembers that it ran out, so
 * a parser reads straight down and asks once at the end. No I/O; any thread. */
#ifndef STREAMER_BITS_H
#define STREAMER_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bits {
	const uint8_t *data; /* a NAL unit after its header byte; not owned */
	size_t size;         /* bytes */
	size_t pos;          /* next byte */
	size_t skipped;      /* emulation prevention bytes before pos */
	unsigned left;       /* bits not yet taken of current */
	unsigned zeros;      /* zero bytes in a row before pos */
	uint8_t current;
	bool failed; /* ran out, or met a code that is too long: every value since then is 0 */
};

void bits_init(struct bits *b, const uint8_t *data, size_t size);
uint32_t bits_u(struct bits *b, unsigned n);    /* n <= 32: u(n) */
uint32_t bits_ue(struct bits *b);               /* Exp-Golomb, 9.1: ue(v) */
int32_t bits_se(struct bits *b);                /* 9.1.1: se(v) */
bool bits_more_rbsp_data(const struct bits *b); /* 7.2 */
size_t bits_position(const struct bits *b);     /* bits taken */

/* The writer puts emulation prevention bytes in by itself, and remembers that it found no room. */
struct bits_out {
	uint8_t *data; /* not owned */
	size_t size, used;
	unsigned filled; /* bits of current */
	unsigned zeros;  /* zero bytes in a row at the end */
	uint8_t current;
	bool failed;
};

void bits_out_init(struct bits_out *o, uint8_t *data, size_t size);
void bits_put_u(struct bits_out *o, uint32_t value, unsigned n); /* n <= 32 */
void bits_put_ue(struct bits_out *o, uint32_t value);            /* value < 2^32 - 1 */

/* rbsp_trailing_bits() (7.3.2.11). Returns the bytes written, 0 if there was no room for all. */
size_t bits_put_end(struct bits_out *o);

#endif
