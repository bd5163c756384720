/*
 * Recorded streams of real encoders, shown by the page and compared with ffmpeg's decoding. The
 * files are no part of the tree (their licences): NALCAST_SAMPLES names the folder.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { splitUnits } from '../../lib/encode.mjs';
import { stats, waitState } from '../../lib/page.mjs';
import { MEAN_MAX, collectLuma, meanDifference, nearest, referenceLuma }
  from '../../lib/reference.mjs';
import { plays, useBrowser, withServer } from './fixture.mjs';

const SAMPLES = process.env.NALCAST_SAMPLES
  ?? fileURLToPath(new URL('../../../../shared/samples/', import.meta.url));

const FILES = [
  { name: 'h264bsd_test_640x360.h264', width: 640, height: 360, fps: 20 },
  { name: 'h264bsd_test_1920x1080.h264', width: 1920, height: 1080, fps: 6 },
  /* Its luma leaves the limited range; a canvas clips that. */
  { name: 'Zhling_1280x720.264', width: 1280, height: 720, fps: 10, meanMax: 2 },
  { name: 'BA1_FT_C.264', width: 352, height: 288, fps: 20 },
];

useBrowser();

/*
 * Which matrix the decoder took: Broadway always that of BT.601; Chromium that of BT.709 where
 * the encoder says nothing.
 */
async function matrixOf(page, reference, viewer) {
  const means = {};
  for (const matrix of ['bt601', 'bt709']) {
    const [{ luma, seq }] = await collectLuma(page, 1, matrix);
    means[matrix] = meanDifference(luma, reference[viewer.indexOf.get(seq)]);
  }
  return means.bt601 < means.bt709 ? 'bt601' : 'bt709';
}

for (const { name, width, height, fps, meanMax = MEAN_MAX } of FILES) {
  for (const decoder of ['webcodecs', 'broadway']) {
    const path = join(SAMPLES, name);
    const skip = existsSync(path) ? false : `${name} is not here`;
    test(`${name} looks in ${decoder} as ffmpeg decodes it`, { skip }, async () => {
      const reference = await referenceLuma(path, width, height);
      const units = splitUnits(await readFile(path));
      assert.equal(units.length, reference.length);
      await withServer(async ({ server, open }) => {
        server.onViewer = plays(units, { fps });
        const page = await open(`?decoder=${decoder}`);
        await waitState(page, 'live');
        const [viewer] = server.viewers;
        const matrix = await matrixOf(page, reference, viewer);
        for (const picture of await collectLuma(page, 12, matrix)) {
          assert.deepEqual([picture.width, picture.height], [width, height]);
          const want = viewer.indexOf.get(picture.seq);
          const { index, mean } = nearest(picture.luma, reference);
          assert.equal(index, want);
          assert.ok(mean <= meanMax, `picture ${want} differs by ${mean}`);
        }
        const now = await stats(page);
        assert.deepEqual([now.decoder, now.decoderLosses], [decoder, 0]);
      });
    });
  }
}
