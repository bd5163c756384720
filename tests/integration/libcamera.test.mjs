// libcamera's cameras: a nalcast-capture that does as the test says (tests/tools/fake_capture.c),
// under a nalcastd that may neither end nor lose a viewer whatever becomes of it.
import assert from 'node:assert/strict';
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Daemon, nobodyIsSlow, waitFor } from '../lib/daemon.mjs';
import { sourceDir } from '../lib/stack.mjs';
import { Wire } from '../lib/wire.mjs';

const ROUNDS = 20;
const RANDOM_MS = 400;
const SEED = Number(process.env.NALCAST_TEST_SEED ?? Date.now() % 100000);
const fake = path.resolve(sourceDir, process.env.NALCAST_BUILD ?? 'build',
  'tests/tools/fake_capture');
const built = existsSync(fake);
const skip = built ? false : 'this build has no libcamera source';

// Numerical Recipes' generator: the same kills for the same seed.
function randoms(seed) {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Camera extends Daemon {
  constructor(words = '', args = []) {
    super(['--source=libcamera', '--fps=30', '--idle-stop-s=0', nobodyIsSlow, ...args]);
    this.env = { NALCAST_CAPTURE: `${this.dir}/nalcast-capture`,
      FAKE_CAPTURE: `@${this.dir}/words` };
    // A copy, because the unprivileged user may not be able to look into the build folder.
    cpSync(fake, this.env.NALCAST_CAPTURE);
    chmodSync(this.env.NALCAST_CAPTURE, 0o755);
    this.play(words);
  }

  /** What helpers do that are started from now on. */
  play(words) {
    writeFileSync(`${this.dir}/words`, `${words}\n`);
    chmodSync(`${this.dir}/words`, 0o644);
  }

  /** Ids of the processes that nalcastd has started, zombies too. */
  get helpers() {
    const tasks = `/proc/${this.process.pid}/task`;
    return readdirSync(tasks).flatMap((task) =>
      readFileSync(`${tasks}/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
  }

  get descriptors() {
    return readdirSync(`/proc/${this.process.pid}/fd`).length;
  }

  get maps() {
    return readFileSync(`/proc/${this.process.pid}/maps`, 'utf8');
  }

  get buffersMapped() {
    return this.maps.split('\n').filter((line) => line.includes('memfd:fake_capture')).length;
  }

  watch(options) {
    return new Wire(this, options).opened();
  }
}

async function start(...args) {
  return new Camera(...args).launch().ready();
}

/** Waits until pictures come again after the loss of the camera; gives the first of them. */
async function back(viewer, from) {
  await waitFor('pictures', () => viewer.messages.length > from, 30000);
  const first = viewer.messages[from];
  assert.ok(first.idr && first.discontinuity, 'an IDR, marked');
  return first;
}

function lost(viewer, texts, reason) {
  return viewer.text('source', (one) => !one.online && reason.test(one.reason), texts);
}

describe('a libcamera camera', { skip }, () => {
  let daemon;

  before(async () => { daemon = await start(); });
  after(() => daemon?.stop());

  test('is shown, listed and told by its name', async () => {
    const viewer = await daemon.watch();
    await viewer.more(10);
    const { source } = await daemon.state();
    assert.deepEqual([source.backend, source.id, source.online, source.width, source.height],
      ['libcamera', '/base/soc/i2c0mux/i2c@1/imx219@10', true, 160, 120]);
    daemon.play('usb');
    const sources = await daemon.did('sources');
    assert.deepEqual(sources.filter(({ backend }) => backend === 'libcamera').map(({ id }) => id),
      [`libcamera:${source.id}`], 'the USB camera is V4L2\'s');
    daemon.play('');
    assert.equal(viewer.holes, 0, 'nothing of that reached the one that is open');
    viewer.assertDecodable();
    await viewer.close();
  });

  test('changes its controls and its pace while it runs, its size by another helper', async () => {
    const viewer = await daemon.watch();
    await viewer.more(3);
    const [helper] = daemon.helpers;
    const got = await daemon.did('set-controls', { patch: { brightness: 0.25 } });
    assert.equal(got.applied, 'now');
    await daemon.did('set-config', { patch: { fps: 15 } });
    await viewer.more(3);
    assert.deepEqual(daemon.helpers, [helper]);
    await daemon.did('set-resolution', { width: 320, height: 240 });
    await viewer.text('format', (one) => one.width === 320);
    await viewer.more(3);
    assert.notDeepEqual(daemon.helpers, [helper]);
    assert.equal(daemon.helpers.length, 1);
    viewer.assertDecodable();
    await viewer.close();
  });

  test('is closed with its last viewer: no process and no memory stay', async () => {
    await waitFor('its end', () => daemon.helpers.length === 0);
    await waitFor('idle', async () => !(await daemon.state()).stream.active);
    assert.equal(daemon.buffersMapped, 0);
    assert.doesNotMatch(daemon.log, /SIGKILL|SIGABRT/);
  });
});

test(`killed at random ${ROUNDS} times, it is back each time, and nobody is lost`, { skip },
  async (t) => {
    const daemon = await start();
    const random = randoms(SEED);
    const viewers = [await daemon.watch(), await daemon.watch({ protocol: null })];
    const [modern] = viewers;
    const { pid } = daemon.process;
    const recoveries = [];
    let descriptors, memoryKb;
    t.diagnostic(`seed ${SEED}`);
    await Promise.all(viewers.map((one) => one.more(5)));
    for (let round = 0; round < ROUNDS; round++) {
      await pause(random() * RANDOM_MS);
      const helpers = await waitFor('the helper', () => daemon.helpers.length === 1 &&
        daemon.helpers);
      const texts = modern.texts.length;
      const before = modern.messages.length;
      const killedAt = performance.now();
      process.kill(helpers[0], 'SIGKILL');
      await lost(modern, texts, /nalcast-capture was ended by SIGKILL/);
      // What was under way when it was killed still came.
      const from = modern.messages.length;
      assert.ok(from - before <= 5, 'what was sent already');
      const first = await back(modern, from);
      recoveries.push(first.atMs - killedAt);
      await Promise.all(viewers.map((one) => one.more(3)));
      await waitFor('one helper', () => daemon.helpers.length === 1);
      if (round === 1) [descriptors, memoryKb] = [daemon.descriptors, daemon.status('VmRSS')];
    }
    const grownKb = daemon.status('VmRSS') - memoryKb;
    const sorted = recoveries.sort((a, b) => a - b).map(Math.round);
    t.diagnostic(`back after ${sorted[0]} to ${sorted.at(-1)} ms, median ${sorted[ROUNDS / 2]}; ` +
      `memory grew by ${grownKb} kB in ${ROUNDS - 2} rounds`);
    assert.equal(daemon.process.pid, pid);
    assert.ok(daemon.process.running);
    assert.equal(daemon.descriptors, descriptors);
    assert.equal(daemon.buffersMapped, 4);
    // A sanitizer keeps what was freed for a while; it looks for leaks itself, at the end.
    if (!/lib[atul]+san|Sanitizer/.test(daemon.maps)) assert.ok(grownKb < 8192, `${grownKb} kB`);
    assert.equal((await daemon.state()).source.restarts, ROUNDS);
    for (const one of viewers) {
      assert.equal(one.closed, undefined);
      one.assertDecodable();
      if (one.isV1) assert.equal(one.holes, 0, 'seq counts what was published');
      await one.close();
    }
    await daemon.stop();
  });

describe('a nalcast-capture', { skip, concurrency: 2 }, () => {
  for (const [what, words, reason, logged] of [
    ['crashes', 'segv=9', /was ended by SIGSEGV/, /nalcast-capture \(\d+\) was ended by SIGSEGV/],
    ['aborts', 'abort=9', /was ended by SIGABRT/, /was ended by SIGABRT/],
    ['talks nonsense', 'garbage=9', /sends nonsense: 7 bytes/, /sends nonsense/],
    ['says that the camera is gone', 'lost=9', /the camera was disconnected/, /disconnected/],
    ['shows nothing any more', 'stall=9', /no picture came/, /no picture came/],
    ['hangs for ever', 'hang=9', /no picture came/, /within 5000 ms: killing it/],
  ])
    test(`that ${what} is a camera that is lost, and back with another`, async (t) => {
      const daemon = await start(words);
      const viewer = await daemon.watch();
      const begin = performance.now();
      await lost(viewer, 0, reason);
      const from = viewer.messages.length;
      daemon.play('');
      const first = await back(viewer, from);
      t.diagnostic(`back ${Math.round(first.atMs - begin)} ms after it began`);
      await viewer.more(5);
      assert.match(daemon.log, logged);
      assert.equal(daemon.helpers.length, 1);
      viewer.assertDecodable();
      await viewer.close();
      await daemon.stop();
    });

  test('that refuses is told of, and tried again', async () => {
    const daemon = await start('refuse');
    const viewer = await daemon.watch();
    await lost(viewer, 0, /libcamera: the camera is in use/);
    assert.match((await daemon.state()).source.last_error, /in use/);
    daemon.play('');
    await viewer.more(3);
    await viewer.close();
    await daemon.stop();
  });

  test('that is not installed is told of in words', async () => {
    const daemon = new Camera();
    daemon.env.NALCAST_CAPTURE = '/nowhere/nalcast-capture';
    await daemon.launch().ready();
    const viewer = await daemon.watch();
    await lost(viewer, 0, /this installation has no nalcast-capture/);
    const reply = await daemon.ctl('set-config', { patch: { source: 'test' } });
    assert.ok(reply.ok, JSON.stringify(reply));
    await viewer.more(3);
    await viewer.close();
    await daemon.stop();
  });

  test('that never answers does not keep nalcastd from ending', async () => {
    for (const words of ['silent', 'mute', 'slow=60000', 'hangclose']) {
      const daemon = await start(words);
      const viewer = await daemon.watch();
      const [helper] = await waitFor('the helper', () => daemon.helpers.length && daemon.helpers);
      if (words === 'hangclose') await viewer.more(1);
      await daemon.stop();
      await waitFor('the end of the helper', () => !existsSync(`/proc/${helper}`));
      viewer.destroy();
    }
  });

  test('ends with a nalcastd that was killed', async () => {
    const daemon = await start('hangclose');
    const viewer = await daemon.watch();
    await viewer.more(1);
    const [helper] = daemon.helpers;
    await daemon.process.kill('SIGKILL');
    await waitFor('the end of the helper', () => !existsSync(`/proc/${helper}`));
    viewer.destroy();
    daemon.remove();
  });
});
