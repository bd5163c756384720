/* photo: what a request for pictures in JPEG wants, and the heads of its answers: snapshot.jpg,
 * one picture, and stream.mjpg, one after the other (multipart/x-mixed-replace). No I/O; any
 * thread. */
#ifndef STREAMER_PHOTO_H
#define STREAMER_PHOTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "streamer/http.h"

#define PHOTO_QUALITY    80 /* where none is asked for, and the camera gives no JPEG of its own */
#define PHOTO_AGE_MAX_MS 60000
#define PHOTO_HEAD_MAX   512
#define PHOTO_WHY_MAX    128

/* Goes between two pictures, right after the first: a browser shows a picture when it sees where
 * it ends, and so it does not wait for the next. */
#define PHOTO_BOUNDARY "nalcast-next-picture"
#define PHOTO_NEXT     "\r\n--" PHOTO_BOUNDARY "\r\nContent-Type: image/jpeg\r\n\r\n"

struct photo_request {
	bool is_endless;    /* stream.mjpg */
	unsigned quality;   /* 1..100; 0: none is asked for, as of stream.mjpg, whose pictures
			     * serve all who watch it */
	bool is_age_told;   /* max_age_us was asked for */
	int64_t max_age_us; /* a picture that was made for somebody else will do, up to this age */
	char peer[64];      /* as nginx says, or "" */
};

/* Is this a request for pictures, by its path or by the names of mjpg-streamer (?action=snapshot,
 * ?action=stream at a path that ends in "/")? 0: no. 200: yes, see *ret_request; else the status
 * to refuse it with, and why. */
int photo_read(const struct http_request *req, struct photo_request *ret_request,
	       char ret_why[static PHOTO_WHY_MAX]);

/* The head before the (first) picture; returns its length. captured_us: since the Unix epoch. */
size_t photo_write_head(char out[static PHOTO_HEAD_MAX], bool is_endless, size_t size,
			int64_t captured_us);

#endif
