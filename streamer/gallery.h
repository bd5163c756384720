/* gallery: the connections of those who want JPEG: snapshot.jpg is sent one picture, stream.mjpg
 * one after the other, all the same ones. Loop thread.
 *
 * Nobody is sent an old picture: who has not taken what he was sent gets none until he has, and
 * then the newest. The darkroom works while somebody waits for a picture, and never else. They
 * are few, and hold a descriptor, a count of a print, and little more. */
#ifndef STREAMER_GALLERY_H
#define STREAMER_GALLERY_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "streamer/darkroom.h"
#include "streamer/photo.h"
#include "streamer/viewer.h"

#define GALLERY_SNAPSHOTS_MAX 32 /* at a time; who waits for the camera included */

struct gallery;

struct gallery_config {
	sd_event *event;
	struct darkroom *darkroom; /* NULL: this nalcastd makes no JPEG */
	/* Who watches is counted in there, as a viewer is; who waits for a snapshot as asking. */
	struct viewer_host *host;
	void (*on_gone)(void *arg); /* one went; not to be freed in there */
	void *arg;
};

int gallery_new(const struct gallery_config *cfg, struct gallery **ret_gallery);
void gallery_free(struct gallery *g); /* NULL is nothing */

/* Takes fd, which waits for its answer to what it asked for. */
void gallery_admit(struct gallery *g, int fd, uint64_t id, const struct photo_request *request);

/* The owner's will is new, or the camera failed: who waits in vain is told. */
void gallery_follow(struct gallery *g);

/* The host's hub has a new IDR: it may be the picture that somebody waits for. */
void gallery_follow_idr(struct gallery *g);

unsigned gallery_count(const struct gallery *g);        /* of all connections */
void gallery_close(struct gallery *g);                  /* all of them, now */
bool gallery_close_one(struct gallery *g, uint64_t id); /* false: nobody of that id watches */

/* Those who watch stream.mjpg. fn returns whether to go on. */
bool gallery_each(const struct gallery *g, bool (*fn)(void *arg, const struct viewer_facts *facts),
		  void *arg);

#endif
