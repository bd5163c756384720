/*
 * ./stream in a player written like Mainsail's for raw H.264 cameras: jmuxer, Media Source
 * Extensions, a <video>. Its page is another application's on the same host, which our Content
 * Security Policy is not for; the stream comes through nginx.
 */

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { assertPatches, readPicture, waitInPage } from '../lib/page.mjs';
import { patchRects } from '../lib/pattern.mjs';
import { sized, useBrowser, withStack } from './whole.mjs';

useBrowser();

const [WIDTH, HEIGHT, FPS] = [640, 480, 24];
const TOLERANCE = 24; /* encoded at a live bitrate */

/* What "playing" counts: taken together, at one moment. */
const progress = () => {
  const video = document.getElementById('video');
  const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
  return { timeS: video.currentTime, decoded: totalVideoFrames, dropped: droppedVideoFrames };
};

/* The other application, at its own path of the same host. */
async function openMainsail(stack, page) {
  const file = (name) => fileURLToPath(new URL(name, import.meta.url));
  const files = {
    '': file('mainsail.html'),
    'mainsail.js': file('mainsail.js'),
    'jmuxer.min.js': file('../node_modules/jmuxer/dist/jmuxer.min.js'),
  };
  for (const [name, path] of Object.entries(files))
    await page.route((url) => url.pathname === `/mainsail/${name}`, (route) => route.fulfill({ path }));
  /* Of a page that never came over a network Chromium cannot tell that it is as local as nginx. */
  await page.context().grantPermissions(['local-network-access']);
  const stream = `${stack.origin.replace(/^http/, 'ws')}${stack.prefixes[0]}stream`;
  await page.goto(`${stack.origin}/mainsail/?${new URLSearchParams({ stream, fps: FPS })}`);
}

/* A <video> cannot be read, a canvas can. */
function copyPicture(page) {
  return page.evaluate(() => {
    const video = document.getElementById('video');
    const canvas = document.getElementById('copy') ?? document.createElement('canvas');
    canvas.id = 'copy';
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext('2d').drawImage(video, 0, 0);
    document.body.append(canvas);
  });
}

async function readVideo(page) {
  await copyPicture(page);
  const picture = await readPicture(page, '#copy', patchRects(WIDTH, HEIGHT));
  assert.deepEqual([picture.width, picture.height], [WIDTH, HEIGHT]);
  assert.ok(picture.clock, 'the clock can be read');
  assertPatches(picture.colours, WIDTH, HEIGHT, picture.clock.frame, TOLERANCE);
  return picture.clock;
}

test('a player like Mainsail\'s for raw H.264 cameras plays the stream', async (t) => {
  await withStack(async ({ stack, open }) => {
    const page = await open('api/v1/state');
    if (!await page.evaluate(() => window.MediaSource?.isTypeSupported(
      'video/mp4; codecs="avc1.42C01E"')))
      return t.skip('this browser plays no H.264 with Media Source Extensions');
    await openMainsail(stack, page);
    await waitInPage(page, () => document.getElementById('video').currentTime > 0);
    const before = await page.evaluate(progress);
    const first = await readVideo(page);
    await waitInPage(page, ({ timeS, decoded }) => {
      const video = document.getElementById('video');
      return video.currentTime > timeS + 2
        && video.getVideoPlaybackQuality().totalVideoFrames > decoded + 24;
    }, before);
    const later = await readVideo(page);
    assert.ok(later.frame >= first.frame + 24, `frame ${first.frame}, then ${later.frame}`);
    const { ready, errors, messages } = await page.evaluate(() => window.mainsail);
    const { decoded, dropped } = await page.evaluate(progress);
    t.diagnostic(`${messages} messages, ${decoded} pictures decoded, ${dropped} not shown`);
    assert.deepEqual({ ready, errors }, { ready: true, errors: [] });
    assert.deepEqual(page.problems, []);
  }, sized(WIDTH, HEIGHT, FPS));
});
