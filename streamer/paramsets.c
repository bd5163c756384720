#include "streamer/paramsets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "streamer/nal.h"

static void clear_raw(struct paramset_raw *raw, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(raw[i].data);
		raw[i] = (struct paramset_raw){.data = NULL};
	}
}

void paramsets_clear(struct paramsets *p)
{
	clear_raw(p->raw_sps, SPS_ID_MAX + 1);
	clear_raw(p->raw_pps, PPS_ID_MAX + 1);
}

static int replace(struct paramset_raw *raw, const uint8_t *nal, size_t size)
{
	if (raw->data != NULL && raw->size == size && memcmp(raw->data, nal, size) == 0)
		return 0;
	uint8_t *data = malloc(size);
	if (data == NULL)
		return -ENOMEM;
	memcpy(data, nal, size);
	free(raw->data);
	*raw = (struct paramset_raw){.data = data, .size = size, .fresh = true};
	return 0;
}

static int keep_sps(struct paramsets *p, const struct sps *sps, const uint8_t *nal, size_t size)
{
	int r = replace(&p->raw_sps[sps->id], nal, size);

	if (r == 0)
		p->sps[sps->id] = *sps;
	return r;
}

static int rewrite_sps(struct paramsets *p, const uint8_t *nal, size_t size)
{
	uint8_t *out = malloc(SPS_REWRITE_MAX(size));
	struct sps sps;

	if (out == NULL)
		return -ENOMEM;
	ssize_t used = sps_rewrite(nal, size, out, SPS_REWRITE_MAX(size));
	int r = used < 0 ? (int)used : sps_read(out, (size_t)used, &sps);
	if (r == 0)
		r = keep_sps(p, &sps, out, (size_t)used);
	if (r == 0)
		p->rewritten++;
	free(out);
	return r;
}

static int store_sps(struct paramsets *p, const uint8_t *nal, size_t size)
{
	struct sps sps;
	int r = sps_read(nal, size, &sps);

	if (r < 0)
		return r;
	if (sps_decoder_delay(&sps) > 0 && !sps_allows_b(&sps))
		return rewrite_sps(p, nal, size);
	return keep_sps(p, &sps, nal, size);
}

static int store_pps(struct paramsets *p, const uint8_t *nal, size_t size)
{
	struct pps pps;
	int r = pps_read(nal, size, &pps);

	if (r == 0)
		r = replace(&p->raw_pps[pps.id], nal, size);
	if (r == 0)
		p->pps[pps.id] = pps;
	return r;
}

int paramsets_store(struct paramsets *p, const uint8_t *nal, size_t size)
{
	if (size < 1 || size > PARAMSET_MAX_BYTES)
		return -EINVAL;
	return (nal[0] & 0x1f) == NAL_SPS ? store_sps(p, nal, size) : store_pps(p, nal, size);
}

const struct sps *paramsets_sps(const struct paramsets *p, unsigned id)
{
	return id <= SPS_ID_MAX && p->raw_sps[id].data != NULL ? &p->sps[id] : NULL;
}

const struct pps *paramsets_pps(const struct paramsets *p, unsigned id)
{
	return id <= PPS_ID_MAX && p->raw_pps[id].data != NULL ? &p->pps[id] : NULL;
}

bool paramsets_sps_changed(const struct paramsets *p, unsigned id)
{
	return id <= SPS_ID_MAX && p->raw_sps[id].fresh;
}

static bool is_wanted_pps(const struct paramsets *p, unsigned id, unsigned sps_id,
			  enum paramsets_which which)
{
	const struct paramset_raw *raw = &p->raw_pps[id];

	return raw->data != NULL && p->pps[id].sps_id == sps_id &&
	       (which == PARAMSETS_ALL || raw->fresh);
}

size_t paramsets_size(const struct paramsets *p, unsigned sps_id, enum paramsets_which which)
{
	size_t size = which == PARAMSETS_ALL ? NAL_START_CODE_BYTES + p->raw_sps[sps_id].size : 0;

	for (unsigned id = 0; id <= PPS_ID_MAX; id++)
		if (is_wanted_pps(p, id, sps_id, which))
			size += NAL_START_CODE_BYTES + p->raw_pps[id].size;
	return size;
}

static uint8_t *write_one(struct paramset_raw *raw, uint8_t *out)
{
	raw->fresh = false;
	return nal_write(out, raw->data, raw->size);
}

uint8_t *paramsets_write(struct paramsets *p, unsigned sps_id, enum paramsets_which which,
			 uint8_t *out)
{
	if (which == PARAMSETS_ALL)
		out = write_one(&p->raw_sps[sps_id], out);
	for (unsigned id = 0; id <= PPS_ID_MAX; id++)
		if (is_wanted_pps(p, id, sps_id, which))
			out = write_one(&p->raw_pps[id], out);
	return out;
}
