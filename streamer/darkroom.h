/* darkroom: makes JPEG of the newest picture, in a thread of its own, while somebody asks.
 *
 * The pipeline's thread offers every raw picture that it captures; that is the look at one word,
 * until the loop's thread has asked. Then it is a copy, and the newest picture takes the place of
 * one that was not developed yet. What was asked for comes back to the loop as prints. Where the
 * camera gave the picture as JPEG that browsers can show (mjpeg.h), and no quality is asked for,
 * the print is that. Of a camera that makes the H.264 itself there is nothing to copy, which a
 * print tells; but an IDR can be handed in to be developed (still.h). */
#ifndef STREAMER_DARKROOM_H
#define STREAMER_DARKROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "streamer/au.h"
#include "streamer/frame.h"
#include "streamer/jfif.h"

#define DARKROOM_QUALITIES_MAX 4 /* of one picture */
#define DARKROOM_AS_IT_IS      0 /* a quality: as the camera gave it, or PHOTO_QUALITY */

struct darkroom;

struct darkroom_print { /* the loop's, who counts who looks at it */
	unsigned refs;
	struct error error;  /* code 0: a picture; -EOPNOTSUPP: this camera gives none */
	unsigned quality;    /* as asked for */
	int64_t captured_us; /* CLOCK_MONOTONIC */
	int64_t offered_us;
	size_t size;
	uint8_t bytes[];
};

struct darkroom_wish {  /* the newest counts, they do not queue */
	unsigned count; /* 0: nothing */
	uint8_t quality[DARKROOM_QUALITIES_MAX];
	bool ongoing; /* of every picture, not of the next one only */
};

int darkroom_new(struct darkroom **ret_darkroom, struct error *err);

/* Nobody may offer any more. NULL is nothing. */
void darkroom_free(struct darkroom *d);

/* The pipeline's thread. */
void darkroom_offer(struct darkroom *d, const struct frame *frame, enum jfif_matrix matrix);

/* Loop's thread. */
void darkroom_ask(struct darkroom *d, const struct darkroom_wish *wish);
/* Make prints of this IDR, and of no other that still waits; refers to it meanwhile. */
void darkroom_develop(struct darkroom *d, const struct au *idr, int64_t published_us,
		      const struct darkroom_wish *wish);
int darkroom_fd(const struct darkroom *d);                /* readable: there are prints */
struct darkroom_print *darkroom_take(struct darkroom *d); /* refs is 1; NULL: no more */

struct darkroom_print *darkroom_print_ref(struct darkroom_print *print);
void darkroom_print_unref(struct darkroom_print *print); /* NULL is nothing */

#endif
