/*
 * The main job: a recording, scripts/demo as a person would start it, and Chromium. The file is no
 * part of the tree: NALCAST_SAMPLES names its folder.
 */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { sample } from '../h264/streams.mjs';
import { demo, endDemos, ready } from '../lib/demo.mjs';
import { stats, waitState } from '../lib/page.mjs';
import { assertShows, referenceLuma } from '../lib/reference.mjs';
import { freePort } from '../lib/stack.mjs';
import { open, useBrowser } from './whole.mjs';

const { name, path, skip } = sample('h264bsd_test_1920x1080.h264');
const [width, height] = [1920, 1080];

useBrowser();
after(endDemos);

test(`scripts/demo shows ${name} with both decoders`, { skip }, async () => {
  const reference = await referenceLuma(path, width, height);
  const started = demo(`--source=file:${path}`, `--port=${await freePort()}`);
  const { url } = await ready(started);
  for (const decoder of ['webcodecs', 'broadway']) {
    const page = await open(`${url}?decoder=${decoder}`);
    await waitState(page, 'live');
    await assertShows(page, reference, { decoder, width, height });
    assert.equal((await stats(page)).decoder, decoder);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  }
  started.child.kill('SIGINT');
  assert.equal(await started.exited, 130);
});
