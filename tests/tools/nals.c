/* Lists the NAL units of an Annex B file: where, how large, what. For scripts/nals. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "streamer/nal.h"
#include "streamer/paramsets.h"
#include "streamer/slice.h"

static const char *type_name(unsigned type) /* table 7-1 */
{
	static const char *const names[] = {
		[1] = "slice",      [2] = "partition A", [3] = "partition B", [4] = "partition C",
		[5] = "IDR",        [6] = "SEI",         [7] = "SPS",         [8] = "PPS",
		[9] = "AUD",        [10] = "end of seq", [11] = "end of str", [12] = "filler",
		[13] = "SPS ext",   [14] = "prefix",     [15] = "subset SPS", [19] = "aux slice",
		[20] = "slice ext",
	};
	const char *name = type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;

	return name != NULL ? name : "reserved";
}

static void tell_sps(const struct nal *nal)
{
	struct sps sps;

	if (sps_read(nal->data, nal->size, &sps) < 0) {
		printf("  unreadable");
		return;
	}
	unsigned fps_milli = sps_fps_milli(&sps);
	printf("  id %u, %s %u.%u, %ux%u", sps.id, sps_profile_name(&sps), sps.level_idc / 10,
	       sps.level_idc % 10, sps.width, sps.height);
	if (sps.width != sps.coded_width || sps.height != sps.coded_height)
		printf(" of %ux%u", sps.coded_width, sps.coded_height);
	if (fps_milli != 0)
		printf(", %u.%03u fps", fps_milli / 1000, fps_milli % 1000);
	printf(", POC type %u, %u references, %s, decoder delay %u", sps.poc_type,
	       sps.num_ref_frames, sps.restriction_present ? "restriction" : "no restriction",
	       sps_decoder_delay(&sps));
}

static void tell_pps(const struct nal *nal)
{
	struct pps pps;

	if (pps_read(nal->data, nal->size, &pps) < 0)
		printf("  unreadable");
	else
		printf("  id %u, SPS %u, %s", pps.id, pps.sps_id, pps.cabac ? "CABAC" : "CAVLC");
}

static void tell_slice(const struct nal *nal, const struct paramsets *sets)
{
	static const char types[] = "PBIps"; /* table 7-6; small: SP and SI */
	struct slice slice;
	unsigned pps_id;

	if (slice_read_pps_id(nal->data, nal->size, &pps_id) < 0) {
		printf("  unreadable");
		return;
	}
	const struct pps *pps = paramsets_pps(sets, pps_id);
	const struct sps *sps = pps != NULL ? paramsets_sps(sets, pps->sps_id) : NULL;
	if (sps == NULL) {
		printf("  of PPS %u, which did not come", pps_id);
		return;
	}
	if (slice_read(nal->data, nal->size, sps, pps, &slice) < 0)
		printf("  unreadable");
	else
		printf("  %c, first_mb %u, frame_num %u, PPS %u", types[slice.type], slice.first_mb,
		       slice.frame_num, pps_id);
}

static void tell(const struct nal *nal, size_t offset, struct paramsets *sets)
{
	printf("%10zu %8zu  %2u %-11s ref %u", offset, nal->size, nal->type, type_name(nal->type),
	       nal->ref_idc);
	if (nal->type == NAL_SPS)
		tell_sps(nal);
	else if (nal->type == NAL_PPS)
		tell_pps(nal);
	else if (nal->type == NAL_SLICE || nal->type == NAL_SLICE_PARTITION_A ||
		 nal->type == NAL_SLICE_IDR)
		tell_slice(nal, sets);
	if (nal->type == NAL_SPS || nal->type == NAL_PPS)
		(void)paramsets_store(sets, nal->data, nal->size);
	printf("\n");
}

static uint8_t *read_all(FILE *file, size_t *ret_size)
{
	size_t size = 0, capacity = 1u << 20;
	uint8_t *bytes = malloc(capacity);

	while (bytes != NULL) {
		size += fread(bytes + size, 1, capacity - size, file);
		if (size < capacity)
			break;
		uint8_t *more = realloc(bytes, capacity *= 2);
		if (more == NULL)
			free(bytes);
		bytes = more;
	}
	*ret_size = size;
	return bytes;
}

int main(int argc, char **argv)
{
	static struct paramsets sets;
	bool is_stdin = argc == 2 && strcmp(argv[1], "-") == 0;
	size_t size, count = 0;
	struct nal nal;

	if (argc != 2) {
		fprintf(stderr, "usage: nals FILE\n");
		return 2;
	}
	FILE *file = is_stdin ? stdin : fopen(argv[1], "rbe");
	if (file == NULL) {
		perror(argv[1]);
		return 1;
	}
	uint8_t *bytes = read_all(file, &size);
	if (bytes == NULL || ferror(file)) {
		fprintf(stderr, "%s: cannot be read\n", argv[1]);
		return 1;
	}
	printf("%10s %8s  type\n", "offset", "bytes");
	for (const uint8_t *pos = bytes; nal_next(&pos, bytes + size, &nal); count++)
		tell(&nal, (size_t)(nal.data - bytes), &sets);
	printf("%zu NAL units in %zu bytes\n", count, size);
	paramsets_clear(&sets);
	free(bytes);
	if (!is_stdin)
		fclose(file);
	return 0;
}
