// What was changed over the API outlives restarts, crashes and full disks, and never harms a start.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Packets, nobodyIsSlow, startDaemon, waitFor } from '../lib/daemon.mjs';
import { Wire } from '../lib/wire.mjs';

const options = ['--fps=30', '--idle-stop-s=0', nobodyIsSlow];
const fileOf = (daemon) => `${daemon.stateDir}/settings.json`;
const stored = (daemon) => JSON.parse(readFileSync(fileOf(daemon), 'utf8'));
const kept = (daemon) => waitFor('the settings to be kept',
  async () => (await daemon.state()).settings.persisted);

/** Ends the daemon, writes the file, and starts it again. */
async function restartWith(daemon, text) {
  await daemon.process.stop();
  mkdirSync(daemon.stateDir, { recursive: true });
  writeFileSync(fileOf(daemon), text);
  return daemon.launch().ready();
}

async function watches(daemon) {
  const viewer = await new Wire(daemon).opened();
  await viewer.more(2);
  viewer.assertDecodable();
  await viewer.close();
}

describe('changes', () => {
  test('outlive a restart, all kinds of them, and go back to the file\'s values', async () => {
    const daemon = await startDaemon(options);
    const before = await daemon.did('config');
    await daemon.did('set-config', { patch: { bitrate_bps: 700000, fps: 12.5, adaptive: false } });
    await daemon.did('set-config', { patch: { gop_frames: 15 }, persist: false });
    await daemon.did('set-resolution', { width: 320, height: 240 });
    await daemon.did('set-controls', { patch: { brightness: 0.5 } });
    await daemon.did('stop');
    await kept(daemon);
    assert.deepEqual(stored(daemon), { running: false, resolution: { width: 320, height: 240 },
      config: { bitrate_bps: 700000, fps: 12.5, adaptive: false }, controls: { brightness: 0.5 } });
    await daemon.restart();
    assert.deepEqual(await daemon.did('config'),
      { ...before, bitrate_bps: 700000, fps: 12.5, adaptive: false });
    assert.equal((await daemon.state()).stream.running, false);
    assert.equal((await daemon.did('resolution')).width, 320);
    for (const key of ['bitrate_bps', 'fps', 'adaptive']) await daemon.did('reset-config', { key });
    await daemon.did('start');
    await kept(daemon);
    await daemon.restart();
    assert.deepEqual(await daemon.did('config'), before);
    assert.equal((await daemon.state()).stream.running, true);
    await daemon.stop();
  });

  test('that fail leave no trace', async () => {
    const daemon = await startDaemon(options);
    await daemon.ctl('set-config', { patch: { fps: 61 } });
    await daemon.ctl('set-resolution', { width: 666, height: 480 });
    await daemon.ctl('set-controls', { patch: { brightness: 2 } });
    assert.ok(!existsSync(fileOf(daemon)));
    await daemon.restart();
    assert.equal((await daemon.did('config')).fps, 30);
    await daemon.stop();
  });

  test('in the middle of which it is killed never leave a damaged file', async () => {
    const daemon = await startDaemon(options);
    for (let round = 0; round < 6; round++) {
      const packets = new Packets(daemon);
      packets.tell(1, 'open');
      let answered = 0;
      for (let n = 0; n < 20 + 15 * round; n++) {
        packets.request(1, 'set-config', { patch: { bitrate_bps: 500000 + 1000 * n } });
        assert.ok((await packets.reply(1)).ok);
        answered = n;
      }
      await daemon.process.kill('SIGKILL');
      packets.end();
      const text = existsSync(fileOf(daemon)) ? stored(daemon) : {};
      const rate = text.config?.bitrate_bps ?? 2000000;
      assert.ok(rate === 2000000 || (rate >= 500000 && rate <= 500000 + 1000 * answered) ||
        round > 0, `${rate}`);
      rmSync(daemon.sockets.control, { force: true });
      rmSync(daemon.sockets.stream, { force: true });
      await daemon.launch().ready();
      assert.equal((await daemon.did('config')).bitrate_bps, rate);
      assert.ok(!existsSync(`${fileOf(daemon)}.damaged`));
      assert.doesNotMatch(daemon.log, /damaged|makes no sense/);
    }
    await daemon.stop();
  });
});

describe('a settings file', () => {
  test('that is damaged is set aside and named, and the settings file serves', async () => {
    const daemon = await startDaemon(options);
    for (const text of ['{"config":{"bitrate_bps":70', '', '\0\0\0\0', '[1]', '{'.repeat(5000)]) {
      await restartWith(daemon, text);
      assert.ok(daemon.log.includes(fileOf(daemon)), 'named in the log');
      assert.equal(readFileSync(`${fileOf(daemon)}.damaged`, 'utf8'), text);
      assert.equal((await daemon.did('config')).bitrate_bps, 2000000);
    }
    await watches(daemon);
    await daemon.stop();
  });

  test('with values that make no sense loses those, and only those', async () => {
    const daemon = await startDaemon(options);
    await restartWith(daemon, JSON.stringify({ config: { bitrate_bps: 7, gop_frames: 25,
      source: 'file:/etc/passwd', encoder: 'nvenc', from_tomorrow: 1 }, resolution: 'large',
      controls: { brightness: 'high', sepia: 1 } }));
    const config = await daemon.did('config');
    assert.deepEqual([config.bitrate_bps, config.gop_frames, config.source, config.encoder],
      [2000000, 25, 'test', 'auto']);
    for (const name of ['bitrate_bps', 'source', 'encoder', 'from_tomorrow', 'resolution',
      'brightness'])
      assert.match(daemon.log, new RegExp(`warn .*${name}`));
    await watches(daemon);
    await daemon.did('set-config', { patch: { gop_frames: 26 } });
    await kept(daemon);
    assert.equal(stored(daemon).config.from_tomorrow, 1, 'a newer version\'s is kept');
    await daemon.stop();
  });

  test('with a size that the camera has not gives way to the file\'s, and it is said', async () => {
    const daemon = await startDaemon(options);
    await restartWith(daemon,
      '{"resolution":{"width":666,"height":480},"config":{"viewers_max":7,"gop_frames":25,"fps":12}}');
    await watches(daemon);
    const state = await daemon.state();
    assert.deepEqual([state.source.width, state.source.height, state.viewers.max], [160, 120, 7]);
    assert.match(state.settings.refused, /666x480/);
    assert.deepEqual(state.settings.left_out, ['resolution']);
    assert.deepEqual([state.encoder.gop_frames, state.source.fps], [25, 12], 'the others stay');
    const settings = (await daemon.did('diagnostics')).find(({ id }) => id === 'settings');
    assert.equal(settings.status, 'warn');
    await daemon.did('set-resolution', { width: 320, height: 240 });
    await kept(daemon);
    await daemon.restart();
    const mended = (await daemon.state()).settings;
    assert.deepEqual([mended.refused, mended.left_out], [null, []]);
    assert.equal((await daemon.did('resolution')).width, 320);
    await daemon.stop();
  });
});

test('a stored profile that the stream has not gives way to the file\'s', async () => {
  const recorded = new URL('../data/bframes.h264', import.meta.url).pathname;
  const daemon = await startDaemon([`--source=file:${recorded}`, '--profiles=any', '--fps=10',
    '--idle-stop-s=0']);
  await restartWith(daemon, '{"config":{"profiles":"baseline","viewers_max":7,"fps":12}}');
  assert.equal((await daemon.did('config')).profiles, 'baseline');
  const viewer = await new Wire(daemon).opened();
  await viewer.more(2);
  const { profiles, viewers_max, fps } = await daemon.did('config');
  assert.deepEqual([profiles, viewers_max, fps], ['any', 7, 12]);
  const { refused, left_out } = (await daemon.state()).settings;
  assert.deepEqual([typeof refused, left_out], ['string', ['profiles']]);
  assert.equal(stored(daemon).config.profiles, 'baseline', 'the file stays as it is');
  await viewer.close();
  await daemon.stop();
});

test('a full disk keeps nothing, harms nothing and is said, until there is room', async () => {
  const daemon = await startDaemon(options);
  symlinkSync('/dev/full', path.join(daemon.stateDir, 'settings.json.new'));
  const viewer = await new Wire(daemon).opened();
  await viewer.more(1);
  const { result } = await daemon.ctl('set-config', { patch: { bitrate_bps: 700000 } });
  assert.deepEqual([result.changed, result.effective.bitrate_bps], [true, 700000]);
  const { settings } = await waitFor('it to be said', async () => {
    const state = await daemon.state();
    return state.settings.error && state;
  });
  assert.equal(settings.persisted, false);
  assert.match(settings.error, /No space left on device/);
  const [found] = (await daemon.did('diagnostics')).filter(({ id }) => id === 'settings');
  assert.deepEqual([found.status, /room/.test(found.fix)], ['fail', true]);
  assert.match(daemon.log, /cannot be kept: No space left/);
  await viewer.more(3);
  assert.equal(viewer.holes, 0);
  rmSync(path.join(daemon.stateDir, 'settings.json.new'));
  await daemon.did('set-config', { patch: { gop_frames: 31 } });
  await kept(daemon);
  assert.deepEqual(stored(daemon).config, { bitrate_bps: 700000, gop_frames: 31 });
  await viewer.close();
  await daemon.stop();
});
