/* A parameter set, and a PPS and a slice read by it: what is accepted makes sense. */
#include <stdlib.h>
#include <string.h>

#include "streamer/nal.h"
#include "streamer/slice.h"
#include "streamer/sps.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "sps";

static void check_sps(const struct sps *sps)
{
	struct au_format format;

	sps_format(sps, &format);
	if (sps->width == 0 || sps->height == 0 || sps->crop_left + sps->width > sps->coded_width ||
	    sps->crop_top + sps->height > sps->coded_height)
		abort();
	if (strlen(format.codec) != 11 || sps_decoder_delay(sps) > 16 ||
	    sps_profile_name(sps)[0] == '\0' || format.fps_milli > 1001000)
		abort();
}

/* What sps_rewrite() writes reads the same but for the restriction, and has no start code in it. */
static void check_rewrite(const uint8_t *nal, size_t size, struct sps sps)
{
	uint8_t out[SPS_REWRITE_MAX(255)];
	const uint8_t *pos = out;
	struct sps again;
	struct nal unit;

	ssize_t used = sps_rewrite(nal, size, out, sizeof(out));
	if (used <= 0 || sps_read(out, (size_t)used, &again) < 0)
		abort();
	if (sps_decoder_delay(&sps) > 0) {
		if (nal_next(&pos, out + used, &unit))
			abort();
		sps.vui_present = sps.restriction_present = true;
		sps.max_num_reorder_frames = 0;
		sps.max_dec_frame_buffering = sps.num_ref_frames;
	}
	if (sps_decoder_delay(&again) != 0 || memcmp(&sps, &again, sizeof(sps)) != 0)
		abort();
}

/* The first byte is the length of the SPS; behind it the PPS, likewise; then the slice. */
static size_t cut(const uint8_t **data, size_t *size, const uint8_t **ret_part)
{
	size_t part = *size > 0 ? (*data)[0] : 0;

	*data += *size > 0;
	*size -= *size > 0;
	part = part < *size ? part : *size;
	*ret_part = *data;
	*data += part;
	*size -= part;
	return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *part;
	struct slice slice;
	struct sps sps;
	struct pps pps;
	unsigned pps_id;

	size_t part_size = cut(&data, &size, &part);
	if (sps_read(part, part_size, &sps) < 0)
		return 0;
	check_sps(&sps);
	check_rewrite(part, part_size, sps);
	part_size = cut(&data, &size, &part);
	if (pps_read(part, part_size, &pps) < 0)
		return 0;
	if (slice_read(data, size, &sps, &pps, &slice) == 0) {
		if (slice_read_pps_id(data, size, &pps_id) < 0 || pps_id != pps.id)
			abort();
		if (slice_begins_picture(&slice, &slice))
			abort();
	}
	slice_resets_frame_num(data, size, &sps, &pps);
	return 0;
}
