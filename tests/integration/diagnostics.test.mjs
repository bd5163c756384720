// What is wrong is found and comes with what to do. tests/unit/test_diagnostics.c has every case;
// here some are made to happen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon, waitFor } from '../lib/daemon.mjs';
import { Wire } from '../lib/wire.mjs';

const options = ['--fps=30', '--idle-stop-s=0'];

/** The finding of that id, once its status is as expected. */
function finds(daemon, id, status, request) {
  return waitFor(`${id}: ${status}`, async () => {
    const all = await daemon.did('diagnostics', request ? { request } : {});
    for (const one of all) assert.equal(one.fix !== '', one.status !== 'pass', JSON.stringify(one));
    return all.find((one) => one.id === id && one.status === status);
  });
}

test('a healthy camera that is watched passes everywhere', async () => {
  const daemon = await startDaemon(options);
  const viewer = await new Wire(daemon, { headers: { 'X-Forwarded-Proto': 'https' } }).opened();
  await viewer.more(1);
  const all = await daemon.did('diagnostics', { request: { host: 'cam.example', https: 'on',
    include: '1' } });
  assert.deepEqual(all.filter((one) => one.status !== 'pass'), []);
  assert.deepEqual(all.map((one) => one.id).sort(), ['broadway', 'clock', 'encoder', 'gop',
    'include', 'open-files', 'origins', 'permissions', 'reordering', 'settings', 'source', 'stream', 'upgrades',
    'web-server']);
  await viewer.close();
  await daemon.stop();
});

test('what people do wrong is named', async () => {
  const daemon = await startDaemon([...options, '--ring-bytes-max=64K']);
  await finds(daemon, 'gop', 'warn');
  await daemon.did('set-config', { patch: { gop_frames: 1 } });
  await finds(daemon, 'gop', 'pass');
  await daemon.did('stop');
  await finds(daemon, 'stream', 'warn');
  await daemon.did('start');
  await finds(daemon, 'web-server', 'warn', { host: 'cam.example', scheme: 'http' });
  await finds(daemon, 'web-server', 'pass', { host: 'localhost:8080', scheme: 'http' });
  await finds(daemon, 'web-server', 'fail', { scheme: 'https' });
  await finds(daemon, 'web-server', 'fail', { host: { not: 'a word' }, scheme: 7 });
  await daemon.stop();
});

test('a web server that passes on too little is found by what viewers bring', async () => {
  const daemon = await startDaemon(options);
  const head = (...lines) => ['GET /camera/stream HTTP/1.1', ...lines, '', ''].join('\r\n');
  const plain = new Wire(daemon, { head: head('Host: cam.example') });
  assert.equal((await plain.answered()).status, 426);
  await finds(daemon, 'upgrades', 'fail');
  const viewer = await new Wire(daemon).opened();
  await finds(daemon, 'upgrades', 'warn');
  await finds(daemon, 'origins', 'pass');
  const foreign = new Wire(daemon, { headers: { Origin: 'https://cam.example:8443' } });
  assert.equal((await foreign.answered()).status, 403);
  const { detail } = await finds(daemon, 'origins', 'warn');
  assert.match(detail, /https:\/\/cam\.example:8443 .*cam\.example/);
  plain.destroy();
  foreign.destroy();
  await viewer.close();
  await daemon.stop();
});

test('a camera that is unplugged fails, and passes when it is back', async () => {
  const daemon = await startDaemon([...options, '--on-demand=no']);
  await finds(daemon, 'encoder', 'pass');
  await daemon.did('fault', { kind: 'unplug' });
  assert.match((await finds(daemon, 'source', 'fail')).detail, /./);
  await daemon.did('fault', { kind: 'none' });
  await finds(daemon, 'source', 'pass');
  await daemon.stop();
});
