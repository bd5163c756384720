// The camera is open while somebody watches, and nothing runs while nobody does.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Packets, startDaemon, waitFor } from '../lib/daemon.mjs';
import { Wire } from '../lib/wire.mjs';

function ticks(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

const isActive = async (daemon) => (await daemon.state()).stream.active;

describe('the camera', { concurrency: 4 }, () => {
  test('opens with the first viewer and closes idle_stop_s after the last', async () => {
    const daemon = await startDaemon(['--fps=30', '--idle-stop-s=1']);
    assert.equal(await isActive(daemon), false);
    const viewers = [await new Wire(daemon).opened(), await new Wire(daemon).opened()];
    await Promise.all(viewers.map((viewer) => viewer.more(2)));
    assert.equal(await isActive(daemon), true);
    await viewers[0].close();
    await viewers[1].more(40); // longer than idle_stop_s
    assert.equal(await isActive(daemon), true, 'one still watches');

    await viewers[1].close();
    const again = await new Wire(daemon).opened(); // before it closes
    await again.more(1);
    assert.equal((await daemon.state()).source.restarts, 0);
    assert.equal(daemon.log.match(/pipeline: open/g).length, 1, 'it was never closed');
    await again.close();
    const left = performance.now();
    await waitFor('it to close', async () => !await isActive(daemon));
    assert.ok(performance.now() - left > 800);
    assert.match(daemon.log, /nobody wants pictures/);

    const late = await new Wire(daemon).opened();
    await late.more(2);
    assert.ok(late.messages[0].idr && late.messages[0].discontinuity);
    assert.ok((await late.text('hello')).codec, 'what it was before');
    late.assertDecodable();
    await late.close();
    await daemon.stop();
  });

  test('closes at once with --idle-stop-s=0, whoever it was that watched', async () => {
    const daemon = await startDaemon(['--fps=30', '--idle-stop-s=0']);
    for (const options of [{}, { protocol: null },
      { head: 'GET /stream.h264 HTTP/1.1\r\nHost: a\r\n\r\n' }]) {
      const viewer = new Wire(daemon, options);
      await waitFor('it to open', () => isActive(daemon));
      viewer.destroy();
      await waitFor('it to close', async () => !await isActive(daemon));
    }
    await daemon.stop();
  });

  test('is open all the time with --on-demand=no', async () => {
    const daemon = await startDaemon(['--fps=30', '--on-demand=no', '--idle-stop-s=0']);
    await waitFor('pictures', async () => (await daemon.ctl('health', { ready: true })).ok);
    const viewer = await new Wire(daemon).opened();
    await viewer.more(1);
    assert.ok((await viewer.text('hello')).codec);
    await viewer.close();
    assert.equal(await isActive(daemon), true);
    assert.equal((await daemon.did('stop')).active, false);
    assert.equal((await daemon.did('start')).active, true);
    await daemon.stop();
  });
});

test('nalcastd without viewers sleeps, also after somebody has watched', async () => {
  const daemon = await startDaemon(['--idle-stop-s=0', '--fps=30']);
  const viewer = await new Wire(daemon).opened();
  await viewer.more(3);
  await viewer.close();
  await waitFor('the camera to close', async () => !await isActive(daemon));
  const { pid } = daemon.process;
  const packets = new Packets(daemon); // connected before, so that the sleep is all there is
  packets.tell(1, 'open');
  packets.request(1, 'health');
  await packets.reply(1);
  const before = [ticks(pid), daemon.status('voluntary_ctxt_switches')];
  await new Promise((resolve) => setTimeout(resolve, 2000)); // what is measured is this time
  const [worked, woken] = [ticks(pid) - before[0],
    daemon.status('voluntary_ctxt_switches') - before[1]];
  assert.ok(worked <= 1, `${worked} ticks`);
  assert.ok(woken <= 4, `woken ${woken} times`);
  packets.end();
  await daemon.stop();
});
