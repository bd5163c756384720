/* The test pattern through the whole chain into the page. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertPatches, assertPattern, readClock, readPicture, stats, waitDrawn, waitInPage,
  waitState } from '../lib/page.mjs';
import { patchRects } from '../lib/pattern.mjs';
import { addToPage, sized, useBrowser, withStack } from './whole.mjs';

useBrowser();

const SIZES = [
  [640, 480, 24], [854, 480, 24], [642, 482, 24], [1280, 720, 20], [1920, 1080, 8],
];

/* Encoded at a live bitrate: not every patch is exact. */
const TOLERANCE = 24;

for (const [width, height, fps] of SIZES) {
  test(`${width}x${height} arrives whole with WebCodecs and with Broadway`, async () => {
    await withStack(async ({ open }) => {
      for (const decoder of ['webcodecs', 'broadway']) {
        const page = await open(`?decoder=${decoder}`);
        await waitState(page, 'live');
        const pictures = await assertPattern(page, width, height, {
          count: 8, tolerance: TOLERANCE,
        });
        pictures.reduce((a, b) => {
          assert.ok(b.clock.frame > a.clock.frame, 'frame numbers rise');
          return b;
        });
        for (const { clock, captureUs } of pictures) {
          const ms = Math.floor(captureUs / 1000) % 2 ** 32;
          assert.ok(Math.abs(ms - clock.timeMs) <= 1, 'header and picture tell the same time');
        }
        const now = await stats(page);
        assert.equal(now.decoder, decoder);
        assert.equal(now.decoderLosses, 0);
        assert.deepEqual(page.problems, []);
        await page.context().close();
      }
    }, sized(width, height, fps));
  });
}

test('a prefix two levels deep works as well, and the default decoder is WebCodecs', async () => {
  await withStack(async ({ stack, open }) => {
    const page = await open('', stack.prefixes[1]);
    await waitState(page, 'live');
    await waitDrawn(page, 5);
    assert.equal((await stats(page)).decoder, 'webcodecs');
    assert.deepEqual(page.problems, []);
  }, sized(640, 480, 24));
});

test('a page like the original description shows the video', async () => {
  await withStack(async ({ stack, open }) => {
    addToPage(stack, 'original.html', 'original.js');
    for (const query of ['', '?worker=0']) {
      const page = await open(`original.html${query}`);
      await waitInPage(page, () => window.original.drawn >= 20);
      const first = (await readClock(page, '#viewer canvas')).clock;
      const drawn = await page.evaluate(() => window.original.drawn);
      await waitInPage(page, (count) => window.original.drawn > count, drawn + 5);
      const { clock, colours } = await readPicture(page, '#viewer canvas', patchRects(640, 480));
      assert.ok(clock.frame > first.frame);
      assertPatches(colours, 640, 480, clock.frame, TOLERANCE);
      assert.deepEqual(page.problems, []);
    }
  }, sized(640, 480, 24));
});

test('latency is measured and plausible', async () => {
  await withStack(async ({ open }) => {
    const page = await open();
    await waitState(page, 'live');
    await waitDrawn(page, 30);
    const { latencyMs } = await stats(page);
    assert.ok(latencyMs > 0 && latencyMs < 2000, `${latencyMs} ms`);
  }, sized(640, 480, 24));
});

/* NALCAST_SCREENSHOT=FILE keeps it: the README's picture is made so. */
test('the page has its picture taken', async () => {
  await withStack(async ({ open }) => {
    const page = await open();
    await waitState(page, 'live');
    await waitDrawn(page, 60);
    await waitInPage(page, () => document.getElementById('viewers').textContent === '1');
    const image = await page.screenshot({ path: process.env.NALCAST_SCREENSHOT || undefined });
    assert.ok(image.length > 10000);
  }, sized(1280, 720, 24));
});
