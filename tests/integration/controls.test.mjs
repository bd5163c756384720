// The camera's controls over the control socket; those of the test pattern act on its pictures.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { nobodyIsSlow, startDaemon, waitFor } from '../lib/daemon.mjs';
import { etagOf } from '../lib/etag.mjs';
import { Wire } from '../lib/wire.mjs';

describe('controls', () => {
  let daemon;
  const values = async () => Object.fromEntries(Object.entries(await daemon.did('controls'))
    .map(([name, { value }]) => [name, value]));
  const set = (patch, more = {}) => daemon.ctl('set-controls', { patch, ...more });

  before(async () => { daemon = await startDaemon(['--fps=30', '--idle-stop-s=0', nobodyIsSlow]); });
  after(() => daemon?.stop());

  test('are shown with type, limits, default and unit', async () => {
    const controls = await daemon.did('controls');
    assert.deepEqual(Object.keys(controls).sort(),
      ['awb_gains', 'brightness', 'contrast', 'hflip', 'vflip']);
    assert.deepEqual(controls.brightness, { type: 'number', value: 0, min: -1, max: 1, step: null,
      default: 0, unit: '', writable: true });
    assert.deepEqual(controls.awb_gains, { type: 'number', value: [1, 1], min: 0, max: 2, step: null,
      default: [1, 1], unit: '', writable: true });
    assert.deepEqual(controls.hflip, { type: 'boolean', value: false, min: null, max: null,
      step: null, default: false, unit: '', writable: true });
  });

  test('are set while the camera is closed, and hold when it opens', async () => {
    const { result } = await set({ brightness: 0.5, hflip: true });
    assert.deepEqual([result.requested, result.changed, result.applied],
      [{ brightness: 0.5, hflip: true }, true, 'next-start']);
    assert.deepEqual([result.effective.brightness.value, result.effective.hflip.value],
      [0.5, true]);
    const viewer = await new Wire(daemon).opened();
    await viewer.more(2);
    assert.deepEqual(await values(), { brightness: 0.5, contrast: 1, awb_gains: [1, 1],
      hflip: true, vflip: false });
    await viewer.close();
  });

  test('are set while somebody watches, without a hole', async () => {
    const viewer = await new Wire(daemon).opened();
    await viewer.more(1);
    const { result } = await set({ contrast: 1.5, vflip: true });
    assert.deepEqual([result.applied, result.changed], ['now', true]);
    assert.equal((await set({ contrast: 1.5 })).result.changed, false);
    await viewer.more(5);
    assert.equal(viewer.holes, 0);
    assert.ok(viewer.messages.slice(1).every((one) => !one.discontinuity));
    viewer.assertDecodable();
    await viewer.close();
  });

  test('are set all or not at all', async () => {
    const before = await values();
    for (const [patch, pointer, more] of [
      [{ brightness: 0.1, contrast: 3 }, '/contrast',
        { allowed: { min: 0, max: 2 }, nearest: 2 }],
      [{ brightness: 0.1, contrast: -1 }, '/contrast', { nearest: 0 }],
      [{ brightness: 0.1, contrast: 'much' }, '/contrast', { allowed: { min: 0, max: 2 } }],
      [{ brightness: 0.1, hflip: 1 }, '/hflip', { allowed: [true, false] }],
      [{ brightness: 0.1, saturation: 1 }, '/saturation', {}],
      [{ brightness: [0.1] }, '/brightness', { allowed: { min: -1, max: 1 } }],
      [{ brightness: 0.1, awb_gains: 1 }, '/awb_gains', { allowed: { min: 0, max: 2 } }],
      [{ brightness: 0.1, awb_gains: [] }, '/awb_gains', {}],
      [{ brightness: 0.1, awb_gains: [1] }, '/awb_gains', {}],
      [{ brightness: 0.1, awb_gains: [1, 1, 1] }, '/awb_gains', {}],
      [{ brightness: 0.1, awb_gains: { 0: 1, 1: 1 } }, '/awb_gains', {}],
      [{ brightness: 0.1, awb_gains: [1, 2.5] }, '/awb_gains/1',
        { allowed: { min: 0, max: 2 }, nearest: 2 }],
      [{ brightness: 0.1, awb_gains: [-1, 1] }, '/awb_gains/0', { nearest: 0 }],
      [{ brightness: 0.1, awb_gains: [1, '1'] }, '/awb_gains/1', {}],
      [{ brightness: 0.1, awb_gains: [null, 1] }, '/awb_gains/0', {}],
    ]) {
      const { error } = await set(patch);
      assert.deepEqual([error.code, error.pointer], ['invalid', pointer], JSON.stringify(patch));
      for (const [key, value] of Object.entries(more)) assert.deepEqual(error[key], value);
    }
    for (const patch of [[], 7, null, undefined])
      assert.equal((await set(patch)).error.code, 'invalid');
    assert.deepEqual(await values(), before);
  });

  test('are told all that is wrong with them', async () => {
    const { error } = await set({ contrast: 3, zoom: 1, hflip: true, awb_gains: [-1, 'x'],
      tilt: 1, vflip: 1 });
    assert.deepEqual([error.pointer, error.nearest], ['/contrast', 2]);
    assert.deepEqual(error.errors.map(({ pointer }) => pointer), ['/contrast', '/zoom',
      '/awb_gains/0', '/awb_gains/1', '/tilt', '/vflip']);
    assert.deepEqual([error.errors[0].nearest, error.errors[2].nearest], [2, 0]);
  });

  test('go back to the camera\'s default', async () => {
    await set({ brightness: 0.25, contrast: 0.5 });
    const { effective } = await daemon.did('reset-control', { name: 'brightness' });
    assert.deepEqual([effective.brightness.value, effective.contrast.value], [0, 0.5]);
    assert.equal((await set({ contrast: null })).result.effective.contrast.value, 1);
    assert.equal((await daemon.ctl('reset-control', { name: 'zoom' })).error.code, 'not-found');
  });

  test('of several values are set, shown and reset whole', async () => {
    const { result } = await set({ awb_gains: [1.5, 1.0] });
    assert.deepEqual([result.changed, result.requested, result.effective.awb_gains.value],
      [true, { awb_gains: [1.5, 1] }, [1.5, 1]]);
    assert.equal((await set({ awb_gains: [1.5, 1] })).result.changed, false);
    assert.equal((await set({ awb_gains: [1.5, 1] }, { dry_run: true })).result.changed, false);
    const tried = (await set({ awb_gains: null }, { dry_run: true })).result;
    assert.deepEqual([tried.changed, tried.effective.awb_gains.value], [true, [1, 1]]);
    const { effective } = await daemon.did('reset-control', { name: 'awb_gains' });
    assert.deepEqual(effective.awb_gains.value, [1, 1]);
  });

  test('can be tried, and held against an entity tag', async () => {
    const before = await values();
    const { result } = await set({ brightness: -1 }, { dry_run: true });
    assert.deepEqual([result.changed, result.effective.brightness.value], [true, -1]);
    assert.equal((await set({}, { dry_run: true })).result.changed, false);
    assert.equal((await set({})).result.changed, false);
    assert.deepEqual(await values(), before);
    const seen = etagOf(await daemon.did('controls'));
    assert.ok((await set({ brightness: 1 }, { if_match: seen })).ok);
    assert.equal((await set({ brightness: 0 }, { if_match: seen })).error.code, 'precondition');
  });

  test('are kept over a restart, unless they were not to be', async () => {
    await set({ brightness: 0.75, awb_gains: [0.5, 1.25] });
    await set({ contrast: 0.5, hflip: null, vflip: null }, { persist: false });
    await waitFor('the file', async () => (await daemon.state()).settings.persisted);
    await daemon.restart();
    const viewer = await new Wire(daemon).opened();
    await viewer.more(2);
    const now = await values();
    assert.deepEqual([now.brightness, now.contrast, now.awb_gains], [0.75, 1, [0.5, 1.25]]);
    await viewer.close();
  });
});
