/* au: one H.264 access unit (H.264 3.1), Annex B, shared by everyone who still has to send it.
 *
 * Written by one owner (splitter or encoder), then frozen: from auq_push() on it is only ever
 * seen as const, and the last au_unref(), on whichever thread, frees it. */
#ifndef STREAMER_AU_H
#define STREAMER_AU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AU_MAX_BYTES          (4u << 20)
#define AU_HEADROOM_BYTES     40
#define AU_BROADWAY_MAX_BYTES (1u << 20) /* its stream buffer; a larger one is lost to it */

enum au_flag {
	AU_IDR = 1 << 0,           /* begins with SPS, PPS, IDR slice: decoding may start here */
	AU_DISCONTINUITY = 1 << 1, /* production was broken before it: see protocol.md section 2 */
};

/* What a viewer must know before it can decode: constant from one IDR to the next. */
struct au_format {
	char codec[12];                     /* "avc1.42C01F": RFC 6381; "" while unknown */
	unsigned width, height;             /* pixels to show */
	unsigned crop_left, crop_top;       /* pixels of the coded picture to leave out */
	unsigned coded_width, coded_height; /* what a decoder that does not crop puts out */
	unsigned fps_milli;                 /* thousandths of a frame per second; 0: unknown */
	unsigned decoder_delay_frames;      /* that a decoder may hold back: see sps.h */
	bool broadway;                      /* Broadway can show it */
};

struct au {
	atomic_uint refs;        /* private to au.c */
	unsigned flags;          /* enum au_flag */
	int64_t pts_us;          /* capture time, CLOCK_MONOTONIC; DTS equals it: no B pictures */
	struct au_format format; /* of this access unit; set on every one */
	size_t size;             /* bytes used in data[] */
	size_t capacity;         /* bytes allocated in data[] */
	/* For what precedes data on the wire, so that both lie in one piece: the hub's, which
	 * writes it before anybody else sees the access unit. */
	uint8_t headroom[AU_HEADROOM_BYTES];
	uint8_t data[];
};

struct au *au_new(size_t capacity); /* NULL: no memory, or over AU_MAX_BYTES */
/* Give an access unit that nobody else refers to another capacity, not below its size. -ENOMEM,
 * also over AU_MAX_BYTES: *au stays as it is. */
int au_resize(struct au **au, size_t capacity);

const struct au *au_ref(const struct au *au);
void au_unref(const struct au *au); /* NULL is nothing */

#endif
