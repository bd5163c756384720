/*
 * Real recordings through the whole chain, compared with ffmpeg's decoding. The files are no part
 * of the tree (their licences): NALCAST_SAMPLES names the folder.
 */

import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { waitState } from '../lib/page.mjs';
import { assertShows, referenceLuma } from '../lib/reference.mjs';
import { useBrowser, withStack } from './whole.mjs';

const SAMPLES = process.env.NALCAST_SAMPLES
  ?? fileURLToPath(new URL('../../../shared/samples/', import.meta.url));

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
          await assertShows(page, reference, { decoder, width, height });
          await page.context().close();
        }
      }, { nalcastdArgs: [`--source=file:${path}`, `--fps=${fps}`] });
    });
  });
}
