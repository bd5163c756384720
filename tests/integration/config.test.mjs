// The settings over the control socket: what is checked, what takes effect when, and what it costs
// who watches.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Packets, nobodyIsSlow, startDaemon, waitFor } from '../lib/daemon.mjs';
import { etagOf } from '../lib/etag.mjs';
import { decodeWithFfmpeg } from '../lib/ffmpeg.mjs';
import { Wire } from '../lib/wire.mjs';

const options = ['--fps=30'];
const set = (daemon, patch, more = {}) => daemon.ctl('set-config', { patch, ...more });

async function watcher(daemon) {
  const viewer = await new Wire(daemon).opened();
  await viewer.more(1);
  return viewer;
}

describe('settings that nobody watches', () => {
  let daemon;
  before(async () => { daemon = await startDaemon(['--fps=30', '--idle-stop-s=0']); });
  after(() => daemon?.stop());

  test('are shown flat, as they are in effect', async () => {
    assert.deepEqual(await daemon.did('config'), { source: 'test', encoder: 'auto',
      encoder_threads: 0, encoder_preset: 'auto', fps: 30, bitrate_bps: 2000000, gop_frames: 60, adaptive: true, on_demand: true, idle_stop_s: 0,
      viewers_max: 64, viewer_lag_max_ms: 250, profiles: 'baseline' });
  });

  test('change by merge patch, and go back by null and by reset', async () => {
    const before = await daemon.did('config');
    const { result } = await set(daemon, { bitrate_bps: 500000, fps: 12.5 });
    assert.deepEqual(result, { requested: { bitrate_bps: 500000, fps: 12.5 },
      effective: { ...before, bitrate_bps: 500000, fps: 12.5 }, changed: true,
      applied: 'next-start', interruption_ms: null });
    assert.equal((await daemon.did('resolution')).fps, 12.5);
    const again = await set(daemon, { bitrate_bps: 500000 });
    assert.equal(again.result.changed, false);
    await set(daemon, { bitrate_bps: null });
    const reset = await daemon.did('reset-config', { key: 'fps' });
    assert.deepEqual(reset.requested, { fps: null });
    assert.deepEqual(reset.effective, before);
    assert.equal((await daemon.ctl('reset-config', { key: 'size' })).error.code, 'not-found');
  });

  test('are refused whole, with what is wrong, what is allowed and what is nearest', async () => {
    const before = await daemon.did('config');
    for (const [patch, code, pointer, allowed, nearest] of [
      [{ viewers_max: 3, bitrate_bps: 1 }, 'invalid', '/bitrate_bps',
        { min: 100000, max: 100000000 }, 100000],
      [{ viewers_max: 3, bitrate_bps: '2M' }, 'invalid', '/bitrate_bps',
        { min: 100000, max: 100000000 }],
      [{ viewers_max: 3, fps: 241 }, 'invalid', '/fps', { min: 1, max: 240 }, 240],
      [{ viewers_max: 3, on_demand: 'yes' }, 'invalid', '/on_demand', [true, false]],
      [{ viewers_max: 3, profiles: 'high' }, 'invalid', '/profiles', ['baseline', 'any']],
      [{ viewers_max: 3, encoder: 'nvenc' }, 'unsupported', '/encoder', ['auto', 'x264']],
      [{ viewers_max: 3, encoder_preset: 'slow' }, 'invalid', '/encoder_preset',
        ['auto', 'ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium']],
      [{ viewers_max: 3, encoder_threads: 65 }, 'invalid', '/encoder_threads',
        { min: 0, max: 64 }, 64],
      [{ viewers_max: 3, source: 'file:/etc/passwd' }, 'unsupported', '/source', ['auto', 'test']],
      [{ viewers_max: 3, source: 'webcam' }, 'unsupported', '/source', ['auto', 'test']],
    ]) {
      const { ok, error } = await set(daemon, patch);
      // Which cameras and encoders can be had is up to configure.
      const named = Array.isArray(error.allowed)
        ? error.allowed.filter((word) => !/^(v4l2|libcamera)/.test(word)) : error.allowed;
      assert.deepEqual([ok, error.code, error.pointer, named, error.nearest],
        [false, code, pointer, allowed, nearest], JSON.stringify(patch));
      assert.ok(error.message);
    }
    const unknown = await set(daemon, { viewers_max: 3, bitrate: 1 });
    assert.deepEqual([unknown.error.pointer, unknown.error.allowed],
      ['/bitrate', Object.keys(before)]);
    for (const patch of [[], 'x', 7, null])
      assert.equal((await set(daemon, patch)).error.code, 'invalid');
    assert.deepEqual(await daemon.did('config'), before);
  });

  test('are told all that is wrong with them, up to sixteen things', async () => {
    const { error } = await set(daemon, { fps: 0, viewers_max: 3, bitrate: 1, encoder: 'nvenc' });
    assert.deepEqual([error.code, error.pointer, error.nearest], ['invalid', '/fps', 1]);
    assert.deepEqual(error.errors.map(({ code, pointer, nearest }) => [code, pointer, nearest]),
      [['invalid', '/fps', 1], ['invalid', '/bitrate', undefined],
        ['unsupported', '/encoder', undefined]]);
    for (const { message, allowed } of error.errors) assert.ok(message && allowed);
    // The longest that fit into a packet each way.
    const keys = Array.from({ length: 17 }, (_, i) => `${i}${'\u0001'.repeat(570)}`);
    const patch = Object.fromEntries(keys.map((key) => [key, 1]));
    for (const op of ['set-config', 'set-controls']) {
      const { errors } = (await daemon.ctl(op, { patch })).error;
      assert.deepEqual(errors.map(({ pointer }) => pointer.slice(0, 3)),
        keys.slice(0, 16).map((key) => `/${key}`.slice(0, 3)));
    }
  });

  test('of names that are none are refused with a pointer to them', async () => {
    for (const [name, pointer] of [['a/b~c', '/a~1b~0c'], ['é'.repeat(40), `/${'é'.repeat(40)}`],
      ['', '/'], [' ', '/ ']])
      for (const op of ['set-config', 'set-controls']) {
        const { error } = await daemon.ctl(op, { patch: { [name]: 1 } });
        assert.deepEqual([error.code, error.pointer], ['invalid', pointer]);
        assert.ok(error.message);
      }
    const { error } = await set(daemon, { ['é'.repeat(2000)]: 1 });
    assert.ok(error.message && error.pointer.startsWith('/'));
    assert.ok((await set(daemon, { encoder: 'é'.repeat(50) })).error.message);
  });

  test('of a rate that the camera has not are refused with its modes', async () => {
    const before = await daemon.did('config');
    for (const dry_run of [false, true]) {
      const { error } = await set(daemon, { fps: 61, viewers_max: 3 }, { dry_run });
      assert.deepEqual([error.code, error.pointer], ['unsupported', '/fps']);
      assert.deepEqual(error.nearest[0], { width: 160, height: 120, fps_max: 60 });
    }
    assert.deepEqual(await daemon.did('config'), before);
  });

  test('tried with dry_run change nothing', async () => {
    const before = await daemon.did('config');
    const { result } = await set(daemon, { gop_frames: 30, viewers_max: 3 }, { dry_run: true });
    assert.deepEqual([result.changed, result.effective.gop_frames, result.effective.viewers_max],
      [true, 30, 3]);
    assert.equal((await set(daemon, { gop_frames: 60 }, { dry_run: true })).result.changed, false);
    assert.deepEqual(await daemon.did('config'), before);
  });

  test('are held against the entity tag that was seen', async () => {
    const seen = etagOf(await daemon.did('config'));
    assert.ok((await set(daemon, { viewers_max: 5 }, { if_match: `"other", W/${seen}` })).ok);
    const late = await set(daemon, { viewers_max: 6 }, { if_match: seen });
    assert.equal(late.error.code, 'precondition');
    assert.equal((await daemon.ctl('reset-config', { key: 'fps', if_match: seen })).error.code,
      'precondition');
    assert.equal((await daemon.did('config')).viewers_max, 5);
    assert.ok((await set(daemon, { viewers_max: null }, { if_match: '*' })).ok);
    const { error } = await daemon.ctl('set-resolution',
      { width: 320, height: 240, if_match: seen });
    assert.equal(error.code, 'precondition');
    const size = etagOf(await daemon.did('resolution'));
    assert.ok((await daemon.ctl('set-resolution',
      { width: 160, height: 120, if_match: size })).ok);
  });

  test('knows the sources that can be opened', async () => {
    const [source, ...rest] = await daemon.did('sources');
    assert.deepEqual([source.id, source.backend, source.in_use_by, rest],
      ['test', 'test', 'main', []]);
    assert.deepEqual(source.modes, (await daemon.did('resolution')).modes);
  });

  test('has no keyframe to ask for', async () => {
    assert.equal((await daemon.ctl('keyframe')).error.code, 'unavailable');
  });
});

describe('settings while somebody watches', () => {
  let daemon, viewer;
  before(async () => {
    daemon = await startDaemon(['--fps=30', '--gop-frames=30', '--idle-stop-s=0', nobodyIsSlow]);
    viewer = await watcher(daemon);
  });
  after(async () => {
    await viewer?.close();
    await daemon?.stop();
  });

  test('x264 begins anew with another preset: an IDR, and nothing is missed or marked',
    async () => {
      const from = viewer.messages.length;
      const { restarts } = (await daemon.state()).source;
      for (const patch of [{ encoder_preset: 'ultrafast' }, { encoder_preset: 'veryfast' },
        { encoder_preset: null }]) {
        const { idr_total: idrs } = (await daemon.state()).encoder;
        const { result } = await set(daemon, patch);
        assert.deepEqual([result.changed, result.applied], [true, 'now'], JSON.stringify(result));
        await viewer.more(3);
        assert.ok((await daemon.state()).encoder.idr_total > idrs);
      }
      const state = await daemon.state();
      assert.equal(state.source.restarts, restarts);
      assert.deepEqual([state.encoder.name, state.encoder.copy, state.encoder.frames_copied],
        ['x264', null, 0]);
      assert.deepEqual(viewer.messages.slice(from).filter((one) => one.discontinuity), []);
      assert.equal(viewer.holes, 0);
    });

  test('bitrate and GOP change in the open encoder: nothing is missed or marked', async () => {
    const from = viewer.messages.length;
    const { restarts } = (await daemon.state()).source;
    for (const patch of [{ bitrate_bps: 300000 }, { gop_frames: 5 }, { bitrate_bps: 3000000 },
      { gop_frames: 60, bitrate_bps: 1000000 }]) {
      const { result } = await set(daemon, patch);
      assert.deepEqual([result.changed, result.applied, result.interruption_ms],
        [true, 'now', 0], JSON.stringify(result));
      await viewer.more(8);
    }
    assert.equal((await daemon.state()).source.restarts, restarts);
    assert.deepEqual(viewer.messages.slice(from).filter((one) => one.discontinuity), []);
    assert.equal(viewer.holes, 0);
    viewer.assertDecodable();
  });

  test('frame rate and size reach everybody at an IDR, and say what they cost', async () => {
    const { result } = await set(daemon, { fps: 15 });
    assert.deepEqual([result.changed, result.applied, result.effective.fps], [true, 'now', 15]);
    assert.ok(result.interruption_ms >= 0);
    const size = await daemon.did('set-resolution', { width: 320, height: 240 });
    assert.deepEqual([size.applied, size.effective], ['now', { width: 320, height: 240, fps: 15 }]);
    assert.ok(size.interruption_ms >= 0);
    await viewer.text('format', (one) => one.width === 320);
    await viewer.more(3);
    assert.equal(viewer.ended, false);
    viewer.assertDecodable();
  });

  test('many at once are each answered with what was asked, and none damages a picture', async () => {
    const packets = new Packets(daemon);
    const patches = [{ bitrate_bps: 400000 }, { fps: 20 }, { gop_frames: 10 }, { fps: 30 },
      { bitrate_bps: 800000, gop_frames: 40 }, { viewers_max: 7 }, { fps: 61 }];
    for (const [at, patch] of patches.entries()) {
      packets.tell(at, 'open');
      packets.request(at, 'set-config', { patch });
    }
    for (const [at, patch] of patches.entries()) {
      const { ok, result, error } = await packets.reply(at);
      assert.equal(ok, at !== 6, JSON.stringify(error));
      if (!ok) assert.equal(error.pointer, '/fps');
      else assert.deepEqual(Object.entries(patch).filter(([key, value]) =>
        result.effective[key] !== value), [], 'effective is as it was then');
    }
    packets.end();
    const { fps, gop_frames, viewers_max } = await daemon.did('config');
    assert.ok([20, 30].includes(fps) && [10, 40].includes(gop_frames), 'one of those asked for');
    assert.equal(viewers_max, 7);
    await viewer.more(10);
    viewer.assertDecodable();
    const stream = Buffer.concat(viewer.messages.map((one) => one.unit));
    assert.equal((await decodeWithFfmpeg(stream)).complaints, '');
  });

  test('that depend on what was seen wait for no other change', async () => {
    const packets = new Packets(daemon);
    await daemon.did('fault', { kind: 'stall' });
    packets.tell(1, 'open');
    packets.request(1, 'set-resolution', { width: 160, height: 120 });
    await waitFor('the change to be under way', async () => {
      const { error } = await set(daemon, { viewers_max: 9 }, { if_match: '*', timeout_ms: 0 });
      return error?.code === 'busy';
    });
    const queued = await set(daemon, { viewers_max: 9 }, { timeout_ms: 0 });
    assert.deepEqual([queued.ok, queued.pending], [true, true]);
    await daemon.did('fault', { kind: 'none' });
    assert.ok((await packets.reply(1)).ok);
    await waitFor('the queued change',
      async () => (await daemon.did('config')).viewers_max === 9);
    packets.end();
  });

  test('a keyframe that is asked for comes, and a second request is merged with it', async () => {
    await viewer.more(1);
    await daemon.did('set-config', { patch: { gop_frames: 10000 } });
    const first = await daemon.ctl('keyframe');
    assert.equal(first.pending, true);
    assert.equal(typeof first.result.coalesced, 'boolean');
    await viewer.more(1);
    await waitFor('the IDR', () =>
      viewer.messages.some((one) => one.idr && one.seq > first.result.seq));
    await daemon.did('fault', { kind: 'stall' });
    await daemon.did('keyframe');
    assert.equal((await daemon.did('keyframe')).coalesced, true);
    await daemon.did('fault', { kind: 'none' });
  });
});

describe('settings that live in the loop', () => {
  let daemon;
  before(async () => { daemon = await startDaemon(['--fps=30', '--idle-stop-s=0']); });
  after(() => daemon?.stop());

  test('on_demand opens and closes the camera at once', async () => {
    const opened = await set(daemon, { on_demand: false });
    assert.deepEqual([opened.result.applied, opened.result.changed], ['now', true]);
    await waitFor('the camera to open', async () => (await daemon.state()).stream.active);
    await set(daemon, { on_demand: true });
    await waitFor('it to close', async () => !(await daemon.state()).stream.active);
  });

  test('viewers_max below their number closes nobody, and lets nobody in', async () => {
    const viewers = [await watcher(daemon), await watcher(daemon)];
    assert.ok((await set(daemon, { viewers_max: 1 })).ok);
    const third = await new Wire(daemon).opened();
    assert.equal((await third.closes()).code, 1013);
    for (const viewer of viewers) {
      await viewer.more(2);
      await viewer.close();
    }
    await set(daemon, { viewers_max: null });
  });
});

test('a path that is no UTF-8 is shown as well as it can be, and stays what it is', async () => {
  const daemon = await startDaemon(options.concat('--idle-stop-s=0'), { wrapper: ['sh', '-c',
    'exec "$@" "$(printf -- "--source=file:/tmp/no\\377where")"', 'sh'] });
  assert.equal((await daemon.did('config')).source, 'file:/tmp/no?where');
  assert.match((await daemon.state()).source.reason, /no\?where/);
  assert.equal((await daemon.did('set-config', { patch: { source: 'test' } })).effective.source,
    'test');
  const reset = await daemon.ctl('reset-config', { key: 'source' });
  assert.match(reset.error.message, /no\?where/, 'that file is not there');
  assert.equal((await daemon.did('config')).source, 'test');
  await daemon.did('diagnostics');
  await daemon.stop();
});

test('a source that makes the H.264 itself keeps its size and its bitrate', async () => {
  const recorded = new URL('../data/aud.h264', import.meta.url).pathname;
  const daemon = await startDaemon([`--source=file:${recorded}`, '--fps=10', '--idle-stop-s=0']);
  const viewer = await watcher(daemon);
  const { error } = await daemon.ctl('set-resolution', { width: 320, height: 240 });
  assert.equal(error.code, 'conflict');
  assert.equal((await set(daemon, { bitrate_bps: 1000000 })).error?.code, 'conflict');
  assert.equal((await daemon.ctl('keyframe')).error.code, 'conflict');
  assert.match((await daemon.did('config')).source, /^file:/);
  await set(daemon, { source: 'test' });
  await viewer.text('format', (one) => one.width === 160);
  assert.match((await daemon.did('reset-config', { key: 'source' })).effective.source, /^file:/);
  await viewer.close();
  await daemon.stop();
});
