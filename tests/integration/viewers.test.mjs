// Who watches, over the control socket: seen, counted, closed; and the numbers for Prometheus.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { startDaemon, waitFor } from '../lib/daemon.mjs';
import { Wire } from '../lib/wire.mjs';

const promtool = process.env.PROMTOOL ?? 'promtool';
const hasPromtool = spawnSync(promtool, ['--version']).status === 0;

describe('viewers', () => {
  let daemon;
  before(async () => { daemon = await startDaemon(['--fps=30', '--idle-stop-s=0']); });
  after(() => daemon?.stop());

  async function watcher(options) {
    const viewer = await new Wire(daemon, options).opened();
    await viewer.more(1);
    return viewer;
  }

  test('are shown with how they do', async () => {
    const viewer = await watcher();
    viewer.say({ type: 'ack', seq: viewer.messages.at(-1).seq, shown: 0, queue: 0,
      latency_ms: 12.5, decoder: 'webcodecs' });
    const raw = await watcher({ protocol: null });
    const { total, offset, viewers } = await waitFor('what it says', async () => {
      const list = await daemon.did('viewers');
      return list.viewers[0].decoder === 'webcodecs' && list;
    });
    assert.deepEqual([total, offset, viewers.length], [2, 0, 2]);
    assert.deepEqual(Object.keys(viewers[0]).sort(), ['decoder', 'id', 'lag_ms', 'latency_ms',
      'rtt_ms', 'sent_bytes', 'since', 'skipped']);
    assert.ok(viewers[0].id < viewers[1].id, 'in the order in which they came');
    assert.equal(viewers[0].latency_ms > 0, true);
    assert.equal(viewers[0].rtt_ms > 0, true);
    assert.deepEqual([viewers[1].latency_ms, viewers[1].rtt_ms, viewers[1].decoder],
      [null, null, null]);
    for (const one of viewers) {
      assert.ok(one.sent_bytes > 0 && one.lag_ms >= 0 && one.skipped === 0);
      assert.match(one.since, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
    await viewer.close();
    await raw.close();
  });

  test('are shown page by page', async () => {
    const viewers = [];
    for (let n = 0; n < 5; n++) viewers.push(await watcher());
    const all = (await daemon.did('viewers')).viewers.map(({ id }) => id);
    const page = await daemon.did('viewers', { offset: 1, limit: 2 });
    assert.deepEqual([page.total, page.offset, page.viewers.map(({ id }) => id)],
      [5, 1, all.slice(1, 3)]);
    assert.deepEqual((await daemon.did('viewers', { offset: 9 })).viewers, []);
    assert.deepEqual((await daemon.did('viewers', { limit: 0 })).total, 5);
    for (const [args, pointer] of [[{ offset: -1 }, '/offset'], [{ limit: 201 }, '/limit'],
      [{ limit: '2' }, '/limit']]) {
      const { error } = await daemon.ctl('viewers', args);
      assert.deepEqual([error.code, error.pointer], ['invalid', pointer]);
    }
    for (const viewer of viewers) await viewer.close();
  });

  test('a page of the most that may be asked for fits into a packet', async () => {
    const viewers = [];
    await daemon.did('set-config', { patch: { viewers_max: 250 } });
    for (let n = 0; n < 205; n++) viewers.push(new Wire(daemon));
    for (const viewer of viewers) await viewer.opened();
    await waitFor('them', async () => (await daemon.state()).viewers.count === 205);
    const page = await daemon.did('viewers', { limit: 200 });
    assert.deepEqual([page.total, page.viewers.length], [205, 200]);
    for (const viewer of viewers) viewer.destroy();
    await waitFor('nobody', async () => (await daemon.state()).viewers.count === 0);
    await daemon.did('reset-config', { key: 'viewers_max' });
  });

  test('are closed by id, the others stay', async () => {
    const [one, other] = [await watcher(), await watcher()];
    const { id } = (await daemon.did('viewers')).viewers[0];
    assert.deepEqual(await daemon.did('close-viewer', { id }), {});
    assert.equal((await one.closes()).code, 1008);
    await waitFor('it to be gone', async () => (await daemon.did('viewers')).total === 1);
    for (const wrong of [id, -1, 'x', null, 2 ** 53])
      assert.equal((await daemon.ctl('close-viewer', { id: wrong })).error.code, 'not-found');
    await other.more(2);
    one.destroy();
    await other.close();
  });

  test('are counted for Prometheus, gone or not', async () => {
    const sample = (text, name) => {
      const line = text.split('\n').find((one) => one.startsWith(`nalcast_${name}{camera="main"}`));
      return Number(line.split(' ').at(-1));
    };
    const viewer = await watcher();
    await viewer.more(3);
    const during = await daemon.did('metrics');
    await viewer.close();
    const after = await waitFor('its end', async () => {
      const text = await daemon.did('metrics');
      return sample(text, 'viewers') === 0 && text;
    });
    assert.equal(sample(during, 'viewers'), 1);
    assert.equal(sample(during, 'up'), 1);
    for (const name of ['viewers_total', 'sent_bytes_total', 'access_units_sent_total',
      'access_units_published_total', 'idrs_total'])
      assert.ok(sample(after, name) >= sample(during, name) && sample(during, name) > 0, name);
  });

  test('promtool has nothing to say about the numbers',
    { skip: !hasPromtool && 'there is no promtool (Debian: prometheus); see PROMTOOL' },
    async () => {
      const viewer = await watcher();
      const input = await daemon.did('metrics');
      assert.equal(execFileSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' }), '');
      await viewer.close();
    });
});
