/* The picture on the canvas, with each decoder and each way of painting. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { patternUnits } from '../../lib/encode.mjs';
import { assertPattern, readClock, stats, waitDrawn, waitInPage, waitState }
  from '../../lib/page.mjs';
import { plays, useBrowser, withServer } from './fixture.mjs';

useBrowser();

const PATHS = [
  { query: '', decoder: 'webcodecs', renderer: '2d' },
  { query: '?decoder=broadway', decoder: 'broadway', renderer: '2d' },
  { query: '?decoder=broadway&renderer=webgl', decoder: 'broadway', renderer: 'webgl' },
];

const SIZES = [[640, 480], [854, 480], [642, 482], [1280, 720], [1920, 1080]];

for (const { query, decoder, renderer } of PATHS) {
  for (const [width, height] of SIZES) {
    test(`${decoder} shows ${width}x${height} with ${renderer}, cropped, in its colours`, async () => {
      const frames = height > 720 ? 20 : 60;
      const units = await patternUnits({ width, height, frames, gop: frames / 2 });
      await withServer(async ({ server, open }) => {
        server.onViewer = plays(units, { fps: height > 720 ? 8 : 15 });
        const page = await open(query);
        await waitState(page, 'live');
        const pictures = await assertPattern(page, width, height, { count: 8 });
        for (const { clock, seq } of pictures) {
          assert.deepEqual(clock, { timeMs: (seq % frames) * 40, frame: seq % frames });
        }
        pictures.reduce((a, b) => {
          assert.ok(b.seq > a.seq);
          return b;
        });
        const now = await stats(page);
        assert.deepEqual([now.decoder, now.renderer], [decoder, renderer]);
        assert.equal(now.decoderLosses, 0);
        assert.deepEqual(page.problems, []);
      });
    });
  }
}

for (const query of ['', '?decoder=broadway', '?decoder=broadway&renderer=webgl']) {
  test(`a new size on the same connection is shown (${query || 'default'})`, async () => {
    const small = await patternUnits({});
    const large = await patternUnits({ width: 1280, height: 720, frames: 60 });
    await withServer(async ({ server, open }) => {
      server.onViewer = plays(small);
      const page = await open(query);
      await waitState(page, 'live');
      for (const [units, width] of [[large, 1280], [small, 640], [large, 1280]]) {
        server.viewers[0].play(units, { fps: 15 });
        await waitInPage(page, (w) => window.nalcast.canvas.width === w, width);
        const { clock } = await readClock(page);
        assert.ok(clock !== null);
        await waitDrawn(page, 3);
      }
      const now = await stats(page);
      assert.equal(now.connections, 1);
      assert.equal(now.decoderLosses, 0);
      assert.equal(server.viewers.length, 1);
      assert.equal(await page.locator('canvas').count(), 1);
    });
  });
}

test('pictures before live_seq are decoded and not painted', async () => {
  const units = await patternUnits({});
  for (const query of ['', '?decoder=broadway']) {
    await withServer(async ({ server, open }) => {
      server.onViewer = (viewer) => {
        viewer.hello({ live_seq: 20 });
        viewer.play(units);
      };
      const page = await open(query);
      await waitDrawn(page, 1);
      const first = await page.evaluate(() => window.nalcast.stats);
      assert.ok(first.lastSeq >= 20);
      assert.ok(first.drawn <= first.lastSeq - 19, 'only the live ones were painted');
    });
  }
});

test('pictures that come all at once are decoded, and mostly the newest is painted', async () => {
  const units = await patternUnits({});
  await withServer(async ({ server, open }) => {
    server.onViewer = (viewer) => {
      viewer.hello();
      for (let seq = 0; seq < 8; seq += 1) viewer.sendUnit(units[seq], seq);
    };
    const page = await open();
    await waitInPage(page, () => window.nalcast.stats.lastSeq === 7);
    const { clock } = await readClock(page);
    assert.equal(clock.frame, 7);
    assert.equal((await stats(page)).decoderLosses, 0);
  });
});

test('a Main stream is shown with WebCodecs and named where only Broadway is allowed', async () => {
  const units = await patternUnits({ profile: 'main' });
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    const good = await open();
    await waitState(good, 'live');
    const bad = await open('?decoder=broadway');
    await waitState(bad, 'unsupported');
    assert.match(await bad.locator('#notice').textContent(), /profile Main: this needs WebCodecs/);
    const baseline = await patternUnits({});
    server.viewers.at(-1).play(baseline);
    await waitState(bad, 'live');
  });
});

test('without VideoDecoder Broadway is chosen by itself', async () => {
  const units = await patternUnits({});
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    const page = await open();
    await page.addInitScript(() => {
      delete window.VideoDecoder;
    });
    await page.reload();
    await waitState(page, 'live');
    assert.equal((await stats(page)).decoder, 'broadway');
  });
});

test('a page like the original description shows the video, on the page and in a worker', async () => {
  const units = await patternUnits({});
  for (const query of ['', '?worker=0', '?webgl=1']) {
    await withServer(async ({ server, open }) => {
      server.onViewer = plays(units);
      const page = await open(`original.html${query}`);
      await waitInPage(page, () => window.original.drawn >= 20);
      const { clock } = await readClock(page, '#viewer canvas');
      assert.ok(clock !== null, `no clock with ${query}`);
      assert.equal(server.viewers[0].raw, true);
      assert.deepEqual(page.problems, []);
    });
  }
});
