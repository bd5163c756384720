/* fake_m2m: a V4L2 stateful encoder behind v4l2_calls, with libx264 inside where this build has it,
 * beside a camera and a decoder in a folder of device files. It checks that it is used as the
 * kernel's documentation wants it. */
#ifndef TESTS_UNIT_FAKE_M2M_H
#define TESTS_UNIT_FAKE_M2M_H

#include <stdbool.h>
#include <stdint.h>

#include "streamer/v4l2dev.h"

struct fake_m2m { /* what it is like; set after fake_m2m_begin() */
	bool single_plane;
	bool canned; /* its bytes are headers only, not made of the pictures */
	unsigned width_max, stride_align, rows_align;
	const uint32_t *missing; /* control ids, 0-ended */
	bool no_dmabuf;          /* REQBUFS refuses them */
	int dmabuf_errno;        /* QBUF refuses them: this; once dmabufs_taken went in */
	unsigned dmabufs_taken;
	bool no_stop;          /* ENC_CMD_STOP */
	bool no_crop;          /* S_SELECTION */
	bool no_timestamps;    /* it does not copy them */
	bool headers_apart;    /* SPS and PPS have a buffer to themselves, without a time */
	bool inputs_late;      /* buffers come back newest first, when no picture is left */
	bool main_profile;     /* it writes Main into its SPS (canned) */
	bool no_encoder;       /* there is no such node */
	bool denied;           /* it is there, but EACCES */
	unsigned damage_at;    /* the n-th bytes come damaged; 0: none */
	unsigned nothing_at;   /* the n-th picture gives no bytes */
	unsigned silent_after; /* so many pictures, then nothing any more; 0: never */
	bool manual;           /* it works only when told */

	unsigned opened; /* times; these are for the test to read */
	unsigned coded;  /* pictures */
	unsigned idrs;
	unsigned restarts; /* STREAMON of the coded side */
	bool dmabufs;      /* it was asked for them last */
};

extern struct fake_m2m fake_m2m;

void fake_m2m_begin(void); /* and v4l2_calls and v4l2_folder are its */
void fake_m2m_end(void);   /* asserts that all was given back */

void fake_m2m_work(unsigned pictures); /* encode so many, if there are */
int32_t fake_m2m_control(uint32_t id); /* its value */

#endif
