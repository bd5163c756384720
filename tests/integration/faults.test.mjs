// What cameras do wrong, acted out by the test source while people watch.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { nobodyIsSlow, startDaemon, waitFor } from '../lib/daemon.mjs';
import { Wire } from '../lib/wire.mjs';

const delayUs = ({ captureUs, publishUs }) => publishUs - captureUs;

describe('a camera', () => {
  let daemon;
  const watch = (options) => new Wire(daemon, options).opened();
  const fault = (kind) => daemon.did('fault', { kind });

  before(async () => { daemon = await startDaemon(['--fps=30', '--idle-stop-s=0', nobodyIsSlow]); });
  after(() => daemon?.stop());
  afterEach(() => fault('none'));

  for (const [kind, reason] of [['unplug', /camera is gone|unplugged/],
    ['stall', /no picture came/]])
    test(`that meets ${kind} is told of; viewers stay and see it come back`, async () => {
      const [viewer, raw] = await Promise.all([watch(), watch({ protocol: null })]);
      await Promise.all([viewer.more(5), raw.more(5)]);
      const texts = viewer.texts.length;
      await fault(kind);
      const lost = await viewer.text('source', (one) => one.online === false, texts);
      assert.match(lost.reason, reason);
      assert.ok(Math.abs(Date.parse(lost.since) - Date.now()) < 60000);
      assert.match(lost.since, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const { source, stream } = await daemon.state();
      assert.equal(source.online, false);
      assert.match(source.reason, reason);
      assert.match(source.last_error, reason);
      assert.ok(source.restarts > 0);
      assert.deepEqual([stream.running, stream.active], [true, false]);
      const health = await daemon.ctl('health', { ready: true });
      assert.deepEqual([health.ok, health.error.code], [false, 'unavailable']);
      assert.ok((await daemon.ctl('health')).ok, 'nalcastd itself is well');

      const late = await watch();
      assert.equal((await late.text('source')).online, false);
      assert.equal(late.messages.length, 0, 'nothing of what was before');
      const before = [viewer, raw].map((one) => one.messages.length);
      await fault('none');
      const back = await viewer.text('source', (one) => one.online, texts);
      assert.equal(back.reason, null);
      await Promise.all([viewer, raw, late].map((one) => one.more(5)));
      for (const one of [viewer, late]) {
        const [first, ...rest] = one.messages.slice(one === viewer ? before[0] : 0);
        assert.ok(first.idr && first.discontinuity, 'an IDR, marked');
        assert.ok(!rest.some(({ discontinuity }) => discontinuity));
      }
      assert.deepEqual(raw.messages[before[1]].nals, [7, 8, 5]);
      assert.equal(viewer.holes, 0, 'seq counts what was published');
      for (const one of [viewer, raw, late]) {
        one.assertDecodable();
        await one.close();
      }
    });

  test('that is unplugged when the first viewer comes is told of in the beginning', async () => {
    await fault('unplug');
    const viewer = await watch();
    const lost = await viewer.text('source', (one) => !one.online);
    assert.match(lost.reason, /gone|unplugged/);
    assert.equal(viewer.texts[0].type, 'hello');
    await fault('none');
    await viewer.more(2);
    assert.ok(viewer.messages[0].idr);
    await viewer.close();
  });

  test('that is slow is shown as it comes, and is not lost', async () => {
    const viewer = await watch();
    await viewer.more(5);
    const texts = viewer.texts.length;
    await fault('slow');
    await viewer.more(2);
    const span = await viewer.more(5);
    for (let at = 1; at < span.length; at++)
      assert.ok(span[at].captureUs - span[at - 1].captureUs > 100000, 'a fifth of the rate');
    await fault('none');
    await viewer.more(10);
    assert.equal(viewer.texts.length, texts);
    assert.equal(viewer.holes, 0);
    viewer.assertDecodable();
    await viewer.close();
  });

  test('that gives pictures in bunches shows the newest of each, none of them late', async () => {
    const viewer = await watch();
    await viewer.more(5);
    await fault('burst');
    await viewer.more(2);
    const span = await viewer.more(10);
    const delays = span.map(delayUs).sort((a, b) => a - b);
    assert.ok(delays[5] < 60000, `${delays}: the older ones waited up to 133 ms`);
    for (let at = 1; at < span.length; at++)
      assert.ok(span[at].captureUs - span[at - 1].captureUs > 100000, 'one of five');
    await fault('none');
    await viewer.more(10);
    assert.ok(delayUs(viewer.messages.at(-1)) < 100000);
    assert.equal(viewer.holes, 0);
    viewer.assertDecodable();
    await viewer.close();
  });
});

test('--test-fault=unplug begins without a camera', async () => {
  const daemon = await startDaemon(['--test-fault=unplug', '--on-demand=no', '--fps=30']);
  await waitFor('its absence', async () => !(await daemon.state()).source.online);
  const viewer = await new Wire(daemon).opened();
  assert.match((await viewer.text('source')).reason, /unplugged/);
  assert.equal((await viewer.text('hello')).codec, null);
  await daemon.did('fault', { kind: 'none' });
  await viewer.more(3);
  viewer.assertDecodable();
  await viewer.close();
  await daemon.stop();
});
