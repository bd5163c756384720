// nalcast.v1 as a page sees it: words, header, pause and resume, key frames.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { nobodyIsSlow, startDaemon, waitFor } from '../lib/daemon.mjs';
import { Wire } from '../lib/wire.mjs';

const wallUs = () => Date.now() * 1000;

describe('what a viewer is told', () => {
  let daemon;
  const watch = (options) => new Wire(daemon, options).opened();

  before(async () => { daemon = await startDaemon(['--fps=30', '--name=barn', nobodyIsSlow]); });
  after(() => daemon?.stop());

  test('hello knows no format before the first picture, and format comes before it', async () => {
    const viewer = await watch();
    const hello = await viewer.text('hello');
    for (const key of ['codec', 'width', 'height', 'crop', 'fps'])
      assert.equal(hello[key], null, key);
    assert.equal(hello.running, true);
    assert.equal(hello.camera, 'barn');
    assert.equal(hello.ack_ms, 50);
    assert.match(hello.server, /^nalcastd \d/);
    await viewer.more(2);
    const format = await viewer.text('format');
    assert.equal(format.messagesBefore, 0);
    assert.match(format.codec, /^avc1\.42[0-9A-F]{4}$/);
    assert.deepEqual([format.width, format.height, format.fps], [160, 120, 30]);
    assert.deepEqual(format.crop, { left: 0, top: 0, width: 160, height: 120 });
    assert.equal(viewer.texts[0].type, 'hello');
    await viewer.close();
  });

  test('hello knows the format afterwards, and live_seq is where live begins', async () => {
    const first = await watch();
    await first.more(3);
    const viewer = await watch();
    await viewer.more(5);
    const hello = await viewer.text('hello');
    assert.deepEqual([hello.width, hello.height], [160, 120]);
    assert.match(hello.codec, /^avc1\.42/);
    assert.ok((hello.live_seq - first.messages[2].seq | 0) >= 0, 'not older than what went out');
    assert.ok((viewer.messages.at(-1).seq - hello.live_seq | 0) > 0, 'live is reached');
    assert.equal(viewer.texts[1].type, 'format');
    assert.equal(viewer.texts[1].messagesBefore, 0);
    await viewer.close();
    await first.close();
  });

  test('headers count without a gap and tell times that can be', async () => {
    const viewers = await Promise.all([watch(), watch()]);
    await Promise.all(viewers.map((viewer) => viewer.more(45)));
    for (const viewer of viewers) {
      viewer.assertDecodable();
      assert.equal(viewer.holes, 0);
      for (const [at, one] of viewer.messages.entries()) {
        assert.equal(one.version, 1);
        assert.ok(one.captureUs <= one.publishUs, 'captured before it is published');
        assert.ok(Math.abs(one.publishUs - wallUs()) < 60e6, 'reads like wall time');
        const before = viewer.messages[at - 1];
        if (!before) continue;
        assert.ok(one.captureUs > before.captureUs && one.publishUs >= before.publishUs);
        assert.equal(one.discontinuity, false);
      }
    }
    const [a, b] = viewers.map((viewer) =>
      new Map(viewer.messages.map((one) => [one.seq, one])));
    for (const [seq, one] of a)
      if (b.has(seq)) {
        const { captureUs, publishUs, unit } = b.get(seq);
        assert.deepEqual([one.captureUs, one.publishUs], [captureUs, publishUs]);
        assert.ok(one.unit.equals(unit), 'the same for all viewers');
      }
    for (const viewer of viewers) await viewer.close();
  });

  test('time is answered by the clock of the headers', async () => {
    const viewer = await watch();
    const t0 = wallUs();
    viewer.say({ type: 'time', t0 });
    const { t0: back, t1, t2 } = await viewer.text('time');
    assert.equal(back, t0);
    assert.ok(t1 <= t2 && t2 - t1 < 5e6);
    await viewer.more(2);
    const { publishUs } = viewer.messages.at(-1);
    assert.ok(publishUs >= t1 && publishUs - t2 < 10e6);
    await viewer.close();
  });

  test('a new size is told before its first picture, to those who paused too', async () => {
    const [viewer, paused] = await Promise.all([watch(), watch()]);
    await Promise.all([viewer.more(3), paused.more(3)]);
    paused.say({ type: 'pause' });
    for (const [width, height] of [[320, 240], [160, 120]]) {
      const from = viewer.texts.length;
      await daemon.did('set-resolution', { width, height });
      const format = await viewer.text('format', (one) => one.width === width, from);
      assert.equal(format.height, height);
      await viewer.more(2);
      const first = viewer.messages[format.messagesBefore];
      assert.ok(first.idr && first.discontinuity, 'an IDR, marked');
      assert.ok(!viewer.messages[format.messagesBefore + 1].discontinuity);
    }
    await daemon.did('set-resolution', { width: 320, height: 240 });
    const texts = paused.texts.length, { length } = paused.messages;
    paused.say({ type: 'resume' });
    await paused.more(2);
    const format = await paused.text('format', (one) => one.width === 320, texts);
    assert.equal(format.messagesBefore, length);
    assert.ok(paused.messages[length].idr);
    for (const one of [viewer, paused]) {
      one.assertDecodable();
      await one.close();
    }
    await daemon.did('set-resolution', { width: 160, height: 120 });
  });

  test('who pauses gets words and no pictures, and resumes at a new IDR', async () => {
    const [viewer, other] = await Promise.all([watch(), watch()]);
    await Promise.all([viewer.more(3), other.more(3)]);
    viewer.say({ type: 'pause' });
    viewer.say({ type: 'time', t0: 1 });
    await viewer.text('time');
    const paused = viewer.messages.length;
    await other.more(20);
    assert.equal(viewer.messages.length, paused);
    viewer.say({ type: 'resume' });
    const [first] = await viewer.more(3);
    assert.ok(first.idr);
    assert.ok(first.seq - viewer.messages[paused - 1].seq > 15);
    viewer.say({ type: 'resume' }); // again: nothing
    viewer.say({ type: 'pause' });
    viewer.say({ type: 'resume' });
    await viewer.more(3);
    viewer.assertDecodable();
    assert.equal(other.holes, 0);
    await viewer.close();
    await other.close();
  });

  test('stop and start are told, and one who joins in between waits', async () => {
    const viewer = await watch();
    await viewer.more(2);
    await daemon.did('stop');
    await viewer.text('stream', (one) => one.running === false);
    const late = await watch();
    const hello = await late.text('hello');
    assert.equal(hello.running, false);
    assert.equal(late.messages.length, 0);
    await daemon.did('start');
    for (const one of [viewer, late]) {
      await one.text('stream', (stream) => stream.running === true);
      await one.more(2);
      one.assertDecodable();
    }
    const again = viewer.messages.find((one) => one.discontinuity);
    assert.ok(again?.idr, 'the first picture after it is marked');
    await viewer.close();
    await late.close();
  });
});

describe('key frames that are asked for', () => {
  let daemon;
  const watch = (options) => new Wire(daemon, options).opened();
  const idrs = (messages) => messages.filter((one) => one.idr);

  before(async () => {
    daemon = await startDaemon(['--fps=60', '--gop-frames=10000', nobodyIsSlow]);
  });
  after(() => daemon?.stop());

  test('come at once, but not more than one in two seconds for all who ask', async () => {
    const viewers = await Promise.all([watch(), watch(), watch()]);
    await viewers[0].more(40); // past the joins
    const from = viewers[0].messages.length;
    for (let i = 0; i < 25; i++) {
      for (const viewer of viewers) viewer.say({ type: 'keyframe' });
      await viewers[0].more(10);
    }
    const span = viewers[0].messages.slice(from);
    const found = idrs(span);
    const seconds = (span.at(-1).captureUs - span[0].captureUs) / 1e6;
    assert.ok(found.length >= 2, `${found.length} IDRs in ${seconds} s`);
    assert.ok(found.length <= seconds / 2 + 1.1, `${found.length} IDRs in ${seconds} s`);
    for (let at = 1; at < found.length; at++)
      assert.ok(found[at].captureUs - found[at - 1].captureUs > 1.9e6);
    assert.equal(viewers[0].holes, 0);
    for (const viewer of viewers) await viewer.close();
  });

  test('for joins come at most two a second', async () => {
    const first = await watch();
    await first.more(40);
    const from = first.messages.length, late = [];
    while (first.messages.length < from + 120) {
      late.push(await watch());
      await first.more(4);
    }
    const span = first.messages.slice(from);
    const seconds = (span.at(-1).captureUs - span[0].captureUs) / 1e6;
    assert.ok(idrs(span).length >= 2 && idrs(span).length <= 2 * seconds + 1.1);
    await Promise.all(late.map((one) => waitFor('a picture', () => one.messages.length > 0)));
    for (const one of late) one.assertDecodable();
    assert.equal(first.holes, 0);
    for (const one of [first, ...late]) one.destroy();
  });
});
