/*
 * Real recordings through the whole chain, compared with ffmpeg's decoding. The files are no part
 * of the tree (their licences): NALCAST_SAMPLES names the folder.
 */

import assert from 'node:assert/strict';
import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { stats, waitState } from '../lib/page.mjs';
import { MEAN_MAX, collectLuma, nearest, referenceLuma } from '../lib/reference.mjs';
import { useBrowser, withStack } from './whole.mjs';

const SAMPLES = process.env.NALCAST_SAMPLES
  ?? fileURLToPath(new URL('../../../shared/samples/', import.meta.url));

/* The matrix that Chromium takes where the encoder says nothing; Broadway's is BT.601. */
const MATRICES = { webcodecs: 'bt709', broadway: 'bt601' };

useBrowser();

/* A copy that the user nobody may read. */
async function withCopy(name, body) {
  const dir = mkdtempSync(join(tmpdir(), 'nc-'));
  chmodSync(dir, 0o755);
  cpSync(join(SAMPLES, name), join(dir, 'recorded.h264'));
  try {
    await body(join(dir, 'recorded.h264'));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

for (const [name, width, height, fps] of [
  ['h264bsd_test_640x360.h264', 640, 360, 15], ['h264bsd_test_1920x1080.h264', 1920, 1080, 5],
]) {
  const skip = existsSync(join(SAMPLES, name)) ? false : `${name} is not here`;
  test(`${name} is shown as ffmpeg decodes it, with both decoders`, { skip }, async () => {
    await withCopy(name, async (path) => {
      const reference = await referenceLuma(path, width, height);
      await withStack(async ({ open }) => {
        for (const decoder of ['webcodecs', 'broadway']) {
          const page = await open(`?decoder=${decoder}`);
          await waitState(page, 'live');
          const pictures = await collectLuma(page, 10, MATRICES[decoder]);
          const found = pictures.map(({ luma, seq, ...size }) => {
            assert.deepEqual([size.width, size.height], [width, height]);
            return { seq, ...nearest(luma, reference) };
          });
          for (const { index, mean } of found) {
            assert.ok(mean <= MEAN_MAX, `nearest is ${index}, with ${mean}`);
          }
          found.reduce((a, b) => {
            const steps = (b.seq - a.seq) % reference.length;
            assert.equal(b.index, (a.index + steps) % reference.length, 'pictures in order');
            return b;
          });
          assert.equal((await stats(page)).decoderLosses, 0);
          await page.context().close();
        }
      }, { nalcastdArgs: [`--source=file:${path}`, `--fps=${fps}`] });
    });
  });
}
