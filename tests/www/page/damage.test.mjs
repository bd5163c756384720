/* Damaged, missing and unsuitable access units: the page recovers by itself, at an IDR. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { patternUnits } from '../../lib/encode.mjs';
import { collectClocks, readClock, stats, waitDrawn, waitInPage, waitState, within }
  from '../../lib/page.mjs';
import { sps } from '../sps-writer.mjs';
import { plays, useBrowser, withServer } from './fixture.mjs';

useBrowser();

const FRAMES = 60;
const DECODERS = ['webcodecs', 'broadway'];

/* A generator of numbers below n, the same in every run. */
function dice(seed) {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % n;
  };
}

function truncated({ au, idr }) {
  return { au: au.subarray(0, Math.ceil(au.length * 0.6)), idr };
}

function flipped({ au, idr }, roll) {
  const bytes = au.slice();
  for (let i = 0; i < 8; i += 1) bytes[40 + roll(bytes.length - 40)] ^= 1 << roll(8);
  return { au: bytes, idr };
}

/* From seq on no picture is missing or wrong. */
async function assertCleanFrom(page, viewer, seq) {
  await waitInPage(page, (s) => window.nalcast.stats.lastSeq >= s, seq);
  const clocks = await collectClocks(page, 12);
  clocks.forEach(({ clock, seq: shown }, i) => {
    assert.equal(clock?.frame, viewer.indexOf.get(shown));
    if (i > 0) assert.equal(shown, clocks[i - 1].seq + 1, 'no picture is missing');
  });
  assert.equal((await stats(page)).state, 'live');
}

function damageTest(name, mutate) {
  for (const decoder of DECODERS) {
    test(`${decoder} recovers at the next IDR from ${name}`, async () => {
      const units = await patternUnits({ frames: FRAMES, gop: 15 });
      await withServer(async ({ server, open }) => {
        const roll = dice(7);
        server.onViewer = plays(units, { mutate: (unit, n) => mutate(unit, n, roll) });
        const page = await open(`?decoder=${decoder}`);
        await waitState(page, 'live');
        await assertCleanFrom(page, server.viewers[0], 65);
        assert.equal((await stats(page)).connections, 1);
        assert.deepEqual(page.problems, []);
      });
    });
  }
}

damageTest('a truncated picture', (unit, n) => (n === 25 ? truncated(unit) : unit));

damageTest('a truncated IDR', (unit, n) => (n === 30 ? truncated(unit) : unit));

damageTest('flipped bits in every third picture', (unit, n, roll) =>
  (n > 10 && n < 50 && n % 3 === 0 && !unit.idr ? flipped(unit, roll) : unit));

damageTest('messages of noise', (unit, n, roll) => {
  if (n < 10 || n > 50 || n % 5 !== 0) return unit;
  return { au: Uint8Array.from({ length: 300 }, () => roll(256)), idr: false };
});

for (const decoder of DECODERS) {
  test(`${decoder} shows nothing between a gap and the next IDR`, async () => {
    const units = await patternUnits({ frames: FRAMES, gop: 30 });
    await withServer(async ({ server, open }) => {
      server.onViewer = (viewer) => {
        viewer.obliging = false;
        viewer.hello();
        viewer.play(units, { mutate: (unit, n) => (n === 40 ? null : unit) });
      };
      const page = await open(`?decoder=${decoder}`);
      const shown = await within('the next IDR', page.evaluate(() => new Promise((resolve) => {
        const seqs = [];
        window.nalcast.addEventListener('painted', () => {
          const { lastSeq } = window.nalcast.stats;
          seqs.push(lastSeq);
          if (lastSeq >= 65) resolve(seqs);
        });
      })));
      assert.deepEqual(shown.filter((seq) => seq >= 40 && seq < 60), []);
      assert.ok(shown.includes(39) && shown.includes(60));
      assert.equal((await stats(page)).gaps, 1);
      assert.ok(server.viewers[0].received.some((message) => message.type === 'keyframe'));
    });
  });
}

test('an access unit marked as discontinuity waits for an IDR, an IDR so marked does not', async () => {
  const units = await patternUnits({ frames: FRAMES, gop: 30 });
  await withServer(async ({ server, open }) => {
    server.onViewer = (viewer) => {
      viewer.hello();
      viewer.sendUnit(units[0], 0, { discontinuity: true });
      viewer.sendUnit(units[1], 1);
      viewer.sendUnit(units[2], 2, { discontinuity: true });
      viewer.sendUnit(units[3], 3);
    };
    const page = await open();
    await waitInPage(page, () => window.nalcast.stats.received === 4);
    await waitInPage(page, () => window.nalcast.stats.lastSeq === 1);
    assert.equal((await readClock(page)).clock.frame, 1);
    server.viewers[0].sendUnit(units[30], 4);
    await waitInPage(page, () => window.nalcast.stats.lastSeq === 4);
  });
});

test('an SPS that would end Broadway for good never reaches it', async () => {
  const units = await patternUnits({ frames: FRAMES });
  const huge = sps({ level: 51, width: 8192, height: 8192 });
  const bad = { au: new Uint8Array(Buffer.concat([Uint8Array.of(0, 0, 0, 1), huge, units[0].au])), idr: true };
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    const page = await open('?decoder=broadway');
    await waitState(page, 'live');
    server.viewers[0].rest();
    server.viewers[0].sendUnit(bad, server.viewers[0].seq);
    await waitState(page, 'unsupported');
    assert.match(await page.locator('#notice').textContent(), /too large for Broadway/);
    server.viewers[0].play(units);
    await waitState(page, 'live');
  });
});

test('an unreadable SPS is said, and a good one after it is played', async () => {
  const units = await patternUnits({ frames: FRAMES });
  const bad = { au: Uint8Array.from([0, 0, 0, 1, 0x67, 66, 0, 0, 0, 1, 0x65, 1]), idr: true };
  await withServer(async ({ server, open }) => {
    server.onViewer = (viewer) => {
      viewer.hello();
      viewer.sendUnit(bad, 0);
    };
    const page = await open();
    await waitState(page, 'unsupported');
    assert.match(await page.locator('#notice').textContent(), /stream is damaged/);
    server.viewers[0].play(units);
    await waitState(page, 'live');
  });
});

test('WebCodecs that keeps failing is replaced by Broadway', async () => {
  const units = await patternUnits({ frames: FRAMES, gop: 15 });
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    const page = await open();
    await page.addInitScript(() => {
      VideoDecoder.prototype.decode = () => {
        throw new DOMException('no decoder left', 'EncodingError');
      };
    });
    await page.reload();
    await waitState(page, 'live');
    assert.equal((await stats(page)).decoder, 'broadway');
  });
});

test('a decoder that falls silent is replaced', async () => {
  const units = await patternUnits({ frames: FRAMES, gop: 15 });
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    const page = await open();
    await page.addInitScript(() => {
      const { decode } = VideoDecoder.prototype;
      let silent = 5;
      VideoDecoder.prototype.decode = function quiet(chunk) {
        silent -= 1;
        if (silent > 0) decode.call(this, chunk);
      };
      window.speakAgain = () => {
        silent = 1e9;
      };
    });
    await page.reload();
    await waitInPage(page, () => window.nalcast.stats.decoderLosses > 0);
    await page.evaluate(() => window.speakAgain());
    await waitDrawn(page, 10);
    assert.equal((await stats(page)).decoder, 'webcodecs');
  });
});

test('a Broadway worker that could not be loaded is tried again', async () => {
  const units = await patternUnits({ frames: FRAMES, gop: 15 });
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    server.failOnce = 'assets/broadway/Decoder.js';
    const page = await open('?decoder=broadway');
    await waitState(page, 'live');
    assert.ok((await stats(page)).decoderLosses >= 1);
  });
});

test('Broadway without its WebAssembly ends in words', async () => {
  const units = await patternUnits({ frames: FRAMES, gop: 15 });
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    server.missing = 'assets/broadway/avc.wasm';
    const page = await open('?decoder=broadway');
    await waitState(page, 'unsupported', 40000);
    assert.match(await page.locator('#notice').textContent(), /Broadway failed/);
  });
});

for (const decoder of DECODERS) {
  test(`a page that fell behind skips to an IDR with ${decoder}`, async () => {
    const units = await patternUnits({ width: 1280, height: 720, frames: FRAMES, gop: 30 });
    await withServer(async ({ server, open }) => {
      server.onViewer = plays(units, { fps: 15 });
      const page = await open(`?decoder=${decoder}`);
      await waitState(page, 'live');
      await waitDrawn(page, 5);
      const [viewer] = server.viewers;
      viewer.rest();
      for (let i = 0; i < 200; i += 1) viewer.sendUnit(units[i % FRAMES], viewer.seq + i);
      viewer.seq += 200;
      viewer.play(units, { fps: 15 });
      await waitInPage(page, (seq) => window.nalcast.stats.lastSeq >= seq, viewer.seq + 20);
      const now = await stats(page);
      assert.ok(now.lags >= 1, 'it noticed');
      assert.ok(now.queue <= 3, `${now.queue} are still waiting`);
      const { clock, seq } = await readClock(page);
      assert.ok(clock !== null && seq !== null);
    });
  });
}
