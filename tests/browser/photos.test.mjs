/* stream.mjpg and snapshot.jpg in an <img>, as pages show them that know no better. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertPatches, readClock, readPicture, waitInPage, within } from '../lib/page.mjs';
import { patchRects } from '../lib/pattern.mjs';
import { addToPage, sized, useBrowser, withStack } from './whole.mjs';

useBrowser();

const TOLERANCE = 8; /* quality 80, decoded by a browser */

async function rises(page, selector) {
  const before = (await readClock(page, selector)).clock;
  for (let tries = 0; tries < 500; tries += 1) {
    const { clock } = await readClock(page, selector);
    if (clock && clock.frame > before.frame + 5) return;
  }
  assert.fail(`${selector} stands still`);
}

test('images show the camera, undamaged and moving', async () => {
  await withStack(async ({ stack, open }) => {
    addToPage(stack, 'photos.html', 'photos.js');
    const page = await open('photos.html');
    await waitInPage(page, () => window.stills >= 5
      && document.getElementById('endless').naturalWidth > 0);
    for (const selector of ['#endless', '#still']) {
      const { clock, colours } = await readPicture(page, selector, patchRects(640, 480));
      assert.ok(clock, selector);
      assertPatches(colours, 640, 480, clock.frame, TOLERANCE);
      await rises(page, selector);
    }
    assert.deepEqual(page.problems, []);
  }, sized(640, 480, 24));
});

/* Without the next part's header right after a picture a browser shows the one before it. */
test('a picture of stream.mjpg is shown when it comes, not when the next one does', async () => {
  await withStack(async ({ stack, open }) => {
    addToPage(stack, 'photos.html', 'photos.js');
    const page = await open('photos.html');
    await waitInPage(page, () => document.getElementById('endless').naturalWidth > 0);
    const frames = new Set();
    let youngest = Infinity;
    await within('five pictures', (async () => {
      while (frames.size < 5) {
        const { clock } = await readClock(page, '#endless');
        frames.add(clock?.frame);
        if (clock) youngest = Math.min(youngest, (Date.now() - clock.timeMs) % 2 ** 32);
      }
    })());
    /* At 5 pictures a second the one before it is 200 to 400 ms old, the newest up to 200. */
    assert.ok(youngest < 200, `${youngest} ms`);
  }, sized(640, 480, 5));
});
