#include "streamer/h264level.h"

#include <stdbool.h>
#include <stddef.h>

#include "common/util.h"

#define MACROBLOCK_SIDE 16 /* pixels */

static const struct h264level levels[] = {
	{10, 1485, 99, 64000},          {11, 3000, 396, 192000},
	{12, 6000, 396, 384000},        {13, 11880, 396, 768000},
	{20, 11880, 396, 2000000},      {21, 19800, 792, 4000000},
	{22, 20250, 1620, 4000000},     {30, 40500, 1620, 10000000},
	{31, 108000, 3600, 14000000},   {32, 216000, 5120, 20000000},
	{40, 245760, 8192, 20000000},   {41, 245760, 8192, 50000000},
	{42, 522240, 8704, 50000000},   {50, 589824, 22080, 135000000},
	{51, 983040, 36864, 240000000}, {52, 2073600, 36864, 240000000},
};

static unsigned side(unsigned pixels)
{
	return (pixels + MACROBLOCK_SIDE - 1) / MACROBLOCK_SIDE;
}

unsigned h264level_macroblocks(unsigned width, unsigned height)
{
	return side(width) * side(height);
}

/* A.3.1: neither side may be longer than the root of 8 * MaxFS. */
static bool is_too_long(unsigned pixels, const struct h264level *level)
{
	return (uint64_t)side(pixels) * side(pixels) > UINT64_C(8) * level->macroblocks;
}

static bool holds(const struct h264level *level, unsigned width, unsigned height,
		  unsigned fps_milli, unsigned bitrate_bps)
{
	uint64_t macroblocks = h264level_macroblocks(width, height);

	return macroblocks <= level->macroblocks &&
	       macroblocks * fps_milli <= UINT64_C(1000) * level->macroblocks_per_s &&
	       bitrate_bps <= level->bitrate_bps && !is_too_long(width, level) &&
	       !is_too_long(height, level);
}

const struct h264level *h264level_for(unsigned width, unsigned height, unsigned fps_milli,
				      unsigned bitrate_bps)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (holds(&levels[i], width, height, fps_milli, bitrate_bps))
			return &levels[i];
	return &levels[ARRAY_SIZE(levels) - 1];
}
