// While nobody watches, nalcastd sleeps: all of its threads, and no timer wakes them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { startDaemon, waitFor } from '../lib/daemon.mjs';
import { Wire } from '../lib/wire.mjs';

const WATCHED_MS = 3000; // longer than any period that would be worth having
const SWITCHES_MAX = 2;

/** How often threads of that process went to sleep or were put aside, so far. */
function switches(pid) {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8')
      .match(/(?<=ctxt_switches:\s*)\d+/g))
    .reduce((sum, count) => sum + Number(count), 0);
}

/** Waits until it rests, and sees that it goes on resting. */
async function assertRests(daemon) {
  let before = switches(daemon.process.pid), begun = performance.now();
  await waitFor(`at most ${SWITCHES_MAX} context switches in ${WATCHED_MS} ms`, () => {
    const now = switches(daemon.process.pid);
    if (now - before > SWITCHES_MAX) [before, begun] = [now, performance.now()];
    return performance.now() - begun > WATCHED_MS;
  }, 4 * WATCHED_MS);
}

const tsan = (daemon) => readFileSync(`/proc/${daemon.process.pid}/maps`, 'utf8').includes('tsan');

test('nalcastd sleeps before anybody watches, and after the last has gone', async (t) => {
  const daemon = await startDaemon(['--fps=30', '--idle-stop-s=1']);
  if (tsan(daemon)) {
    await daemon.stop();
    return t.skip('the thread sanitizer has a thread of its own that wakes');
  }
  await assertRests(daemon);
  const viewer = await new Wire(daemon).opened();
  await viewer.more(10);
  assert.ok(switches(daemon.process.pid) > 10, 'they are counted');
  await viewer.close();
  await waitFor('the camera to close', () => daemon.log.includes('nobody wants pictures'));
  await assertRests(daemon);

  // A connection that says nothing is asked for its words once a second, and closed in the end.
  const mute = new Wire(daemon, { head: '' });
  await mute.closes();
  await assertRests(daemon);
  await daemon.stop();
});
