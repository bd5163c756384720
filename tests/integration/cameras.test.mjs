// Several cameras: one nalcastd each, behind one nginx and one nalcast-fcgi.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Daemon } from '../lib/daemon.mjs';
import { Process, sourceDir, startStack, waitFor } from '../lib/stack.mjs';
import { spsOf, Viewer } from '../lib/viewer.mjs';

// Two busy cores are no slow link: nobody is to be resumed at an IDR for them.
const ARGS = ['--source=test', '--fps=30', '--idle-stop-s=0', '--viewer-lag-max-ms=10000'];
const MAIN = [...ARGS, '--size=320x240'];
const SECOND = [...ARGS, '--size=640x480'];

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

describe('two cameras behind one mount point', () => {
  let stack;
  const get = (url) => stack.request('GET', `/camera/${url}`);
  const watch = (where = '') => new Viewer(stack, { prefix: `/camera/${where}` }).opened();

  before(async () => {
    stack = await startStack({ nalcastdArgs: MAIN, cameras: { second: SECOND } });
  });
  after(() => stack?.stop());

  test('each is reached by its name, on every path there is, and main without one', async () => {
    for (const [where, name, width] of [['', 'main', 320], ['main/', 'main', 320],
      ['second/', 'second', 640]]) {
      const viewer = await watch(where);
      assert.equal((await viewer.text('hello')).camera, name);
      await viewer.more(3);
      assert.equal((await viewer.text('format')).width, width);
      await viewer.close();
      assert.equal((await get(`${where}api/v1/state`)).json.camera, name);
      assert.equal((await get(`${where}api/v1/resolution`)).json.width, width);
    }
  });

  test('the API has each below cameras/, from wherever it is asked', async () => {
    for (const where of ['', 'second/'])
      for (const name of ['main', 'second']) {
        const got = await get(`${where}api/v1/cameras/${name}/state`);
        assert.equal(got.json.camera, name);
        const bare = await get(`${where}api/v1/cameras/${name}`);
        assert.deepEqual([bare.status, bare.headers.location], [308, `${name}/`]);
      }
  });

  test('both are listed, and their links lead to them', async () => {
    for (const where of ['', 'second/']) {
      const { json } = await get(`${where}api/v1/cameras`);
      assert.deepEqual(json.map(({ name, status }) => [name, status]).sort(),
        [['main', 'ok'], ['second', 'ok']]);
      for (const { name, links } of json)
        assert.equal((await get(`${where}api/v1/${links.api}state`)).json.camera, name);
    }
  });

  test('a camera that is not there is not found, and has no stream', async () => {
    for (const url of ['nobody/api/v1/state', 'api/v1/cameras/nobody/state',
      'api/v1/cameras/Second/state', 'api/v1/cameras/../state/x', 'second/api/v1/cameras/main/cameras'])
      assert.equal((await get(url)).status, 404, url);
    assert.equal((await get('nobody/stream')).status, 502);
  });

  test('what is changed of one is not changed of the other', async () => {
    const [main, second] = [await watch(), await watch('second/')];
    await Promise.all([main.more(3), second.more(3)]);
    const sps = spsOf(main.units[0]);
    const put = (width, height) => stack.request('PUT', '/camera/second/api/v1/resolution',
      { body: { width, height } });
    assert.equal((await put(160, 120)).json.changed, true);
    await second.text('format', (text) => text.width === 160);
    assert.equal((await stack.request('POST', '/camera/api/v1/cameras/second/stop')).status, 200);
    await second.text('stream', (text) => text.running === false);
    const units = main.units.length;
    await main.more(5);
    assert.ok(main.units.slice(units).every((unit) => [sps, ''].includes(spsOf(unit))));
    assert.equal((await get('api/v1/state')).json.stream.running, true);
    assert.equal((await get('api/v1/resolution')).json.width, 320);
    assert.equal((await stack.request('POST', '/camera/second/api/v1/start')).status, 200);
    assert.equal((await put(640, 480)).status, 200);
    await main.close();
    await second.close();
  });
});

describe('a camera that does not answer', () => {
  let stack;
  const state = (where) => stack.request('GET', `/camera/${where}api/v1/state`);

  before(async () => {
    stack = await startStack({ nalcastdArgs: MAIN, cameras: { second: SECOND } });
  });
  after(() => stack?.stop());

  /** How main does meanwhile: its pictures, none missing, a second, and how long requests take. */
  async function measure(viewer) {
    const from = viewer.messages.length;
    const since = performance.now();
    const latencies = [];
    for (let i = 0; i < 40; i++) {
      const begun = performance.now();
      const got = await state('');
      latencies.push(performance.now() - begun);
      assert.equal(got.json.camera, 'main');
      await viewer.more(1);
    }
    const seqs = viewer.messages.slice(from).map((message) => message.seq);
    seqs.reduce((a, b) => { assert.equal(b, (a + 1) >>> 0, 'a picture is missing'); return b; });
    return { latency: median(latencies), rate: seqs.length * 1000 / (performance.now() - since) };
  }

  test('silent, with many asking for it, costs the other neither pictures nor time', async () => {
    const viewer = await new Viewer(stack).opened();
    await viewer.more(5);
    await measure(viewer);
    const usual = await measure(viewer);
    const second = stack.procs['nalcastd-second'];
    await second.pause();
    const waiting = Array.from({ length: 5 }, () => new Viewer(stack, { prefix: '/camera/second/' }));
    try {
      // More than nalcast-fcgi has threads, for as long as it lasts.
      let asking = true;
      const refused = [];
      const askers = Array.from({ length: 12 }, async () => {
        while (asking) {
          refused.push((await state('second/')).status);
          await viewer.more(10); // who is refused at once is not to load this machine
        }
      });
      const meanwhile = await measure(viewer);
      asking = false;
      await Promise.all(askers);
      assert.ok(refused.length >= 12);
      for (const status of refused) assert.ok([503, 504].includes(status), `${status}`);
      assert.ok(meanwhile.latency < 5 * usual.latency,
        `${usual.latency} ms, ${meanwhile.latency} ms with a silent camera beside it`);
      assert.ok(meanwhile.rate > usual.rate / 2,
        `${usual.rate} pictures/s, ${meanwhile.rate} with a silent camera beside it`);
      const { json } = await stack.request('GET', '/camera/api/v1/cameras');
      assert.deepEqual(json.map(({ name, status }) => [name, status]).sort(),
        [['main', 'ok'], ['second', 'timeout']]);
    } finally {
      second.resume();
    }
    await waitFor('the camera', async () => (await state('second/')).status === 200);
    for (const one of waiting) {
      await (await one.opened()).more(2);
      await one.close();
    }
    assert.equal(viewer.closed, null);
    await viewer.close();
  });

  test('dead is a problem document of its own, and comes back by itself', async () => {
    const viewer = await new Viewer(stack).opened();
    await viewer.more(2);
    await stack.procs['nalcastd-second'].kill('SIGKILL');
    assert.equal((await state('second/')).status, 502);
    await viewer.more(5);
    assert.equal((await state('')).status, 200);
    await stack.restart('nalcastd-second');
    assert.equal((await state('second/')).json.camera, 'second');
    const second = await new Viewer(stack, { prefix: '/camera/second/' }).opened();
    await second.more(2);
    await second.close();
    await viewer.close();
  });
});

test('the unit of a camera makes the folders that nalcastd looks for by its name', async () => {
  const unit = readFileSync(`${sourceDir}/systemd/nalcastd@.service.in`, 'utf8');
  assert.match(unit, /^ExecStart=\S+ --name=%i /m);
  for (const line of ['RuntimeDirectory=nalcast/%i', 'StateDirectory=nalcast/%i'])
    assert.ok(unit.split('\n').includes(line), line);
  // Without the unit, it says which folder it misses.
  const daemon = new Daemon();
  const alone = new Process('nalcastd', [`${daemon.dir}/nalcastd`, '--name=no-such-camera',
    '--source=test'], { cwd: daemon.dir });
  const { code } = await alone.exited;
  daemon.remove();
  assert.notEqual(code, 0);
  assert.match(alone.log, /\/nalcast\/no-such-camera\b/);
});
