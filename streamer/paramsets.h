/* paramsets: every SPS and PPS of a stream, as they are to be sent and as they read, and which of
 * them its receivers have not been given yet. Owned by one splitter. No I/O.
 *
 * This is where an SPS that would make decoders hold pictures back is written anew: whatever brings
 * H.264, it goes through a splitter. */
#ifndef STREAMER_PARAMSETS_H
#define STREAMER_PARAMSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "streamer/slice.h"
#include "streamer/sps.h"

#define PARAMSET_MAX_BYTES 65536 /* a slice group map of the largest picture fits */

struct paramset_raw {
	uint8_t *data; /* NAL unit without start code, owned; NULL: there is none */
	size_t size;
	bool fresh; /* changed, and not yet written */
};

struct paramsets {
	struct paramset_raw raw_sps[SPS_ID_MAX + 1], raw_pps[PPS_ID_MAX + 1];
	struct sps sps[SPS_ID_MAX + 1];
	struct pps pps[PPS_ID_MAX + 1];
	uint64_t rewritten; /* SPS that came and were not kept as they came */
};

void paramsets_clear(struct paramsets *p);

/* Keep a NAL unit of type SPS or PPS in place of the one with its id. -EINVAL: it cannot be read,
 * nothing changes. -ENOMEM. */
int paramsets_store(struct paramsets *p, const uint8_t *nal, size_t size);

const struct sps *paramsets_sps(const struct paramsets *p, unsigned id); /* NULL: not received */
const struct pps *paramsets_pps(const struct paramsets *p, unsigned id);

/* Did it change since it was written? */
bool paramsets_sps_changed(const struct paramsets *p, unsigned id);

enum paramsets_which {
	PARAMSETS_ALL,   /* the SPS and every PPS that refers to it: before an IDR */
	PARAMSETS_FRESH, /* each PPS of it that changed: before another picture */
};

/* Bytes that paramsets_write() will write. */
size_t paramsets_size(const struct paramsets *p, unsigned sps_id, enum paramsets_which which);

/* Write them, SPS first, with start codes; none of them is fresh then. */
uint8_t *paramsets_write(struct paramsets *p, unsigned sps_id, enum paramsets_which which,
			 uint8_t *out);

#endif
