/* The connection comes, goes and comes back; the page says what is the matter. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { patternUnits } from '../../lib/encode.mjs';
import { readClock, reasonOf, recordStates, stats, waitDrawn, waitInPage, waitState }
  from '../../lib/page.mjs';
import { waitFor } from '../../lib/process.mjs';
import { plays, useBrowser, withServer } from './fixture.mjs';

useBrowser();

const notice = (page) => page.locator('#notice').textContent();

/* Waits until the server has heard a message of this type. */
function heard(viewer, type) {
  return waitFor(`the page to say ${type}`, () => viewer.received.some((m) => m.type === type));
}

function setHidden(page, hidden) {
  return page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
}

test('a connection cut in the middle comes back by itself, with the last picture greyed', async () => {
  const units = await patternUnits({});
  for (const query of ['?decoder=webcodecs', '?decoder=broadway']) {
    await withServer(async ({ server, open }) => {
      server.onViewer = plays(units);
      const page = await open(query);
      await waitState(page, 'live');
      await waitDrawn(page, 5);
      server.refuseStatus = 504;
      server.viewers[0].socket.terminate();
      await waitState(page, 'reconnecting');
      assert.match(await notice(page), /connection was lost|does not answer/);
      assert.ok((await readClock(page)).clock !== null, 'the picture is still there');
      assert.match(await page.locator('canvas').evaluate((c) => getComputedStyle(c).filter),
        /grayscale/);
      server.refuseStatus = null;
      await waitState(page, 'live');
      await waitDrawn(page, 5);
      const now = await stats(page);
      assert.equal(now.connections, 2);
      assert.equal(now.decoderLosses, 0);
    });
  }
});

test('a server that goes away says goodbye, and its words are shown', async () => {
  const units = await patternUnits({});
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    const page = await open();
    await waitState(page, 'live');
    await recordStates(page);
    const [viewer] = server.viewers;
    viewer.say({ type: 'bye', reason: 'nalcastd is being updated.' });
    viewer.socket.close(1001);
    const words = 'nalcastd is being updated.';
    assert.deepEqual(await reasonOf(page, 'reconnecting'), { reason: words, notice: words });
    await waitState(page, 'live');
  });
});

test('a full server is left alone for longer, unless the person asks', async () => {
  const units = await patternUnits({});
  await withServer(async ({ server, open }) => {
    server.onViewer = (viewer) => {
      viewer.say({ type: 'bye', reason: 'All 64 places are taken.' });
      viewer.socket.close(1013);
    };
    const page = await open();
    await waitState(page, 'full');
    assert.equal(await notice(page), 'All 64 places are taken.');
    const waitMs = await page.evaluate(() => window.nalcast.retryAt - performance.now());
    assert.ok(waitMs > 8000, `${waitMs} ms`);
    server.onViewer = plays(units);
    await page.getByRole('button', { name: 'Try now' }).click();
    await waitState(page, 'live');
    assert.equal(await page.getByRole('button', { name: 'Try now' }).isVisible(), false);
  });
});

for (const [status, state, words] of [
  [401, 'refused', /sign in/], [403, 'refused', /not allowed/], [502, 'reconnecting', /not running/],
]) {
  test(`a connection refused with ${status} is explained`, async () => {
    const units = await patternUnits({});
    await withServer(async ({ server, open }) => {
      server.refuseStatus = status;
      server.onViewer = plays(units);
      const page = await open();
      await waitState(page, state);
      await waitInPage(page, (source) => new RegExp(source)
        .test(document.getElementById('notice').textContent), words.source);
      server.refuseStatus = null;
      await page.evaluate(() => window.nalcast.retry());
      await waitState(page, 'live');
    });
  });
}

test('WebSockets that do not get through are told from a server that is away', async () => {
  await withServer(async ({ server, open }) => {
    server.refuseUpgrade = true;
    const page = await open();
    await waitInPage(page, () => /WebSocket connections do not get through/
      .test(document.getElementById('notice').textContent));
  });
});

test('a camera that is gone is said with reason and time, over its last picture', async () => {
  const units = await patternUnits({});
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    const page = await open();
    await waitState(page, 'live');
    await waitDrawn(page, 3);
    const [viewer] = server.viewers;
    viewer.rest();
    viewer.say({
      type: 'source', online: false, reason: 'The camera was unplugged.',
      since: (Date.now() - 65000) * 1000,
    });
    await waitState(page, 'offline');
    assert.equal(await notice(page), 'The camera is offline. The camera was unplugged.');
    assert.equal(await page.locator('#time').textContent(), 'for 1 min');
    assert.ok((await readClock(page)).clock !== null);
    viewer.say({ type: 'source', online: true, reason: null, since: Date.now() * 1000 });
    viewer.play(units);
    await waitState(page, 'live');
    assert.equal((await stats(page)).connections, 1);
  });
});

test('a stream that stops still shows its last picture, and says that it is stopped', async () => {
  const units = await patternUnits({});
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    const page = await open();
    await waitState(page, 'live');
    const [viewer] = server.viewers;
    viewer.rest();
    viewer.say({ type: 'stream', running: false });
    await waitState(page, 'stopped');
    assert.equal(await notice(page), 'The stream is stopped.');
    viewer.say({ type: 'stream', running: true });
    await waitState(page, 'waiting');
    viewer.play(units);
    await waitState(page, 'live');
  });
});

test('a page that joins a stopped stream waits and then shows it', async () => {
  const units = await patternUnits({});
  await withServer(async ({ server, open }) => {
    server.onViewer = (viewer) => viewer.hello({ running: false });
    const page = await open();
    await waitState(page, 'stopped');
    server.viewers[0].say({ type: 'stream', running: true });
    server.viewers[0].play(units);
    await waitState(page, 'live');
  });
});

test('a picture that stands still is not called live', async () => {
  const units = await patternUnits({});
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    const page = await open();
    await waitState(page, 'live');
    server.viewers[0].rest();
    await waitState(page, 'still');
    assert.equal(await notice(page), 'No new pictures at the moment.');
    server.viewers[0].play(units);
    await waitState(page, 'live');
  });
});

test('a hidden page pauses, and shows pictures again from an IDR when it is seen', async () => {
  const units = await patternUnits({});
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    const page = await open();
    await waitState(page, 'live');
    const [viewer] = server.viewers;
    await setHidden(page, true);
    await heard(viewer, 'pause');
    await setHidden(page, false);
    await heard(viewer, 'resume');
    await waitDrawn(page, 10);
    const { clock } = await readClock(page);
    assert.ok(clock !== null);
    assert.equal((await stats(page)).connections, 1);
  });
});

test('acknowledgements say what was received and shown, twenty a second at most', async () => {
  const units = await patternUnits({ frames: 60, gop: 30 });
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units, { fps: 60 });
    const page = await open();
    await waitState(page, 'live');
    const [viewer] = server.viewers;
    const start = { ms: Date.now(), count: viewer.received.length };
    await waitDrawn(page, 90);
    const acks = viewer.received.slice(start.count).filter((message) => message.type === 'ack');
    assert.ok(acks.length <= ((Date.now() - start.ms) / 1000) * 20 + 2, `${acks.length} acks`);
    assert.ok(acks.length >= 10);
    const last = acks.at(-1);
    assert.ok(last.shown <= last.seq && last.seq - last.shown < 30);
    assert.ok(last.latency_ms >= 0 && last.latency_ms < 2000, `${last.latency_ms} ms`);
    assert.ok(Number.isInteger(last.queue));
    assert.ok(['webcodecs', 'broadway'].includes(last.decoder), last.decoder);
  });
});

test('other addresses than our page can use the player alone', async () => {
  const units = await patternUnits({});
  await withServer(async ({ server, open }) => {
    server.onViewer = plays(units);
    const page = await open('embedded.html');
    await waitInPage(page, () => window.nalcast?.state === 'live');
    assert.equal(await page.locator('#here canvas').count(), 1);
    await page.evaluate(() => window.nalcast.remove());
    assert.equal(await page.locator('#here canvas').count(), 0);
    assert.deepEqual(page.problems, []);
  });
});
