/* What happens to people who watch when the stream is changed, stopped, killed or full. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertPattern, reasonOf, recordStates, stats, waitDrawn, waitInPage, waitState }
  from '../lib/page.mjs';
import { waitFor } from '../lib/stack.mjs';
import { sized, useBrowser, withStack } from './whole.mjs';

useBrowser();

const TOLERANCE = 24;
const DECODERS = ['webcodecs', 'broadway'];

const openBoth = (open) => Promise.all(DECODERS.map(async (decoder) => {
  const page = await open(`?decoder=${decoder}`);
  await waitState(page, 'live');
  return page;
}));

test('a change of size reaches two viewers on the connections they have', async () => {
  await withStack(async ({ stack, open }) => {
    const pages = await openBoth(open);
    for (const [width, height] of [[1280, 720], [642, 482], [640, 480]]) {
      const answer = await stack.request('PUT', '/camera/api/v1/resolution', {
        body: { width, height },
      });
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual([answer.json.changed, answer.json.applied], [true, 'now']);
      assert.deepEqual([answer.json.effective.width, answer.json.effective.height],
        [width, height]);
      for (const page of pages) {
        await waitInPage(page, (w) => window.nalcast.canvas.width === w, width);
        await assertPattern(page, width, height, { count: 3, tolerance: TOLERANCE });
      }
    }
    for (const page of pages) {
      const now = await stats(page);
      assert.equal(now.connections, 1);
      assert.equal(now.decoderLosses, 0);
      assert.equal(now.gaps, 0);
    }
  }, sized(640, 480, 15));
});

test('stop and start show in the page, which stays connected', async () => {
  await withStack(async ({ stack, open }) => {
    const pages = await openBoth(open);
    const stop = await stack.request('POST', '/camera/api/v1/stop');
    assert.deepEqual([stop.json.running, stop.json.changed], [false, true]);
    for (const page of pages) await waitState(page, 'stopped');
    const start = await stack.request('POST', '/camera/api/v1/start');
    assert.deepEqual([start.json.running, start.json.changed], [true, true]);
    const again = await stack.request('POST', '/camera/api/v1/start');
    assert.equal(again.json.changed, false);
    for (const page of pages) {
      await waitState(page, 'live');
      await waitDrawn(page, 3);
      assert.equal((await stats(page)).connections, 1);
    }
  }, sized(640, 480, 15));
});

test("the page's own controls stop, start and resize the stream", async () => {
  await withStack(async ({ open }) => {
    const page = await open();
    await waitState(page, 'live');
    await page.getByRole('button', { name: 'Stop' }).click();
    await waitState(page, 'stopped');
    await page.getByRole('button', { name: 'Start' }).click();
    await waitState(page, 'live');
    await page.getByRole('combobox', { name: 'Resolution' }).selectOption('1280x720');
    await waitInPage(page, () => window.nalcast.canvas.width === 1280);
    await page.getByText('The picture is 1280 × 720.').waitFor();
  }, sized(640, 480, 15));
});

test('a killed nalcastd is answered for in JSON, and the pages come back by themselves', async () => {
  await withStack(async ({ stack, open }) => {
    const pages = await openBoth(open);
    await stack.procs.nalcastd.kill('SIGKILL');
    for (const page of pages) await waitState(page, 'reconnecting');
    const answer = await stack.request('GET', '/camera/api/v1/state');
    assert.equal(answer.status, 502);
    assert.match(answer.headers['content-type'], /^application\/problem\+json/);
    assert.equal(answer.json.status, 502);
    await stack.restart('nalcastd');
    for (const page of pages) {
      await waitState(page, 'live', 40000);
      await waitDrawn(page, 3);
      assert.equal((await stats(page)).connections, 2);
    }
  }, sized(640, 480, 15));
});

test('a nalcastd that ends says so, and the page tells it', async () => {
  await withStack(async ({ stack, open }) => {
    const page = await open();
    await waitState(page, 'live');
    await recordStates(page);
    await stack.restart('nalcastd');
    const { reason } = await reasonOf(page, 'reconnecting');
    assert.ok(reason.length > 10);
    await waitState(page, 'live', 40000);
  }, sized(640, 480, 15));
});

test('one viewer too many is told that it is full', async () => {
  await withStack(async ({ open }) => {
    const first = await open();
    await waitState(first, 'live');
    const second = await open();
    await waitState(second, 'full');
    assert.ok((await second.locator('#notice').textContent()).length > 10);
    await first.context().close();
    await waitFor('the place to be free', async () => {
      await second.evaluate(() => window.nalcast.retry());
      return (await stats(second)).state === 'live';
    });
  }, sized(640, 480, 15, '--viewers-max=1'));
});
