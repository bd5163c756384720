// nalcastd, nalcast-fcgi and nginx together, over TLS, as viewers and curl see them.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { startStack, waitFor } from '../lib/stack.mjs';
import { nalTypes, spsOf, Viewer } from '../lib/viewer.mjs';

const IDR = [7, 8, 5];
const ARGS = ['--source=test', '--size=320x240', '--fps=30'];

function assertProblem(response, status) {
  assert.equal(response.status, status, response.text);
  assert.equal(response.headers['content-type'], 'application/problem+json');
  assert.equal(response.json.status, status);
  for (const key of ['type', 'title', 'detail']) assert.ok(response.json[key], key);
}

describe('watching and controlling', () => {
  let stack;
  const api = (method, url, options) => stack.request(method, `/camera/api/v1/${url}`, options);

  before(async () => { stack = await startStack({ nalcastdArgs: ARGS }); });
  after(() => stack?.stop());

  test('pictures arrive in both modes, beginning with SPS, PPS and IDR', async () => {
    for (const prefix of stack.prefixes)
      for (const protocols of [['nalcast.v1'], [], ['other', 'nalcast.v1']]) {
        const viewer = await new Viewer(stack, { prefix, protocols }).opened();
        await viewer.more(5);
        assert.deepEqual(nalTypes(viewer.units[0]), IDR);
        for (const [at, message] of viewer.messages.entries())
          assert.equal(message.seq, (viewer.messages[0].seq + at) >>> 0);
        assert.equal(viewer.texts.length > 0, protocols.includes('nalcast.v1'));
        if (viewer.texts.length) assert.equal(viewer.texts[0].type, 'hello');
        assert.equal((await viewer.close()).code, 1000);
      }
  });

  test('a new size reaches two viewers on the connections they have', async () => {
    const modern = await new Viewer(stack).opened();
    const raw = await new Viewer(stack, { protocols: [] }).opened();
    await Promise.all([modern.more(5), raw.more(5)]);
    for (const [width, height] of [[640, 480], [320, 240]]) {
      const texts = modern.texts.length;
      const sps = spsOf(modern.units.findLast(spsOf));
      const got = await api('PUT', 'resolution', { body: { width, height } });
      assert.equal(got.status, 200, got.text);
      assert.deepEqual({ changed: got.json.changed, applied: got.json.applied },
        { changed: true, applied: 'now' });
      assert.deepEqual(got.json.effective, { width, height, fps: 30 });
      const format = await modern.text('format', (text) => text.width === width, texts);
      assert.equal(format.height, height);
      await Promise.all([modern.more(5), raw.more(5)]);
      const first = modern.units[format.unitsBefore];
      assert.deepEqual(nalTypes(first), IDR, 'the first new picture is an IDR');
      assert.notEqual(spsOf(first), sps);
      await waitFor('the new size in raw mode', () => raw.units.some((unit) => unit.equals(first)));
      const now = (await api('GET', 'resolution')).json;
      assert.equal(now.width, width);
    }
    const again = await api('PUT', 'resolution', { body: { width: 320, height: 240 } });
    assert.equal(again.json.changed, false);
    for (const viewer of [modern, raw]) {
      assert.equal(viewer.closed, null);
      await viewer.close();
    }
  });

  test('start, stop and start again; the second start changes nothing', async () => {
    const viewer = await new Viewer(stack).opened();
    await viewer.more(3);
    assert.equal((await api('POST', 'start')).json.changed, false);
    const stopped = await api('POST', 'stop');
    assert.deepEqual([stopped.json.running, stopped.json.changed], [false, true]);
    await viewer.text('stream', (text) => text.running === false);
    assert.equal((await api('POST', 'stop')).json.changed, false);
    const late = await new Viewer(stack).opened();
    assert.equal((await late.text('hello')).running, false);
    const texts = viewer.texts.length;
    const started = await api('POST', 'start');
    assert.deepEqual([started.json.running, started.json.changed], [true, true]);
    await viewer.text('stream', (text) => text.running === true, texts);
    await Promise.all([viewer.more(3), late.more(3)]);
    assert.deepEqual(nalTypes(late.units[0]), IDR);
    assert.equal((await api('POST', 'start')).json.changed, false);
    await viewer.close();
    await late.close();
  });

  test('state counts who is watching', async () => {
    const viewers = [await new Viewer(stack).opened(), await new Viewer(stack).opened()];
    await viewers[0].more(2);
    const state = (await api('GET', 'state')).json;
    assert.equal(state.viewers.count, 2);
    assert.equal(state.source.backend, 'test');
    assert.equal(state.encoder.name, 'x264');
    assert.match(state.encoder.codec, /^avc1\.42/);
    for (const viewer of viewers) await viewer.close();
    await waitFor('both to be gone', async () => (await api('GET', 'state')).json.viewers.count === 0);
  });

  test('diagnostics say what every check found', async () => {
    const viewer = await new Viewer(stack).opened();
    await viewer.more(2);
    const got = await api('GET', 'diagnostics');
    assert.equal(got.status, 200);
    for (const wanted of ['source', 'stream', 'broadway', 'reordering', 'include'])
      assert.ok(got.json.some(({ id }) => id === wanted), wanted);
    // As shipped, behind the nginx files as shipped, nothing is wrong.
    for (const { id, status, detail, fix } of got.json)
      assert.deepEqual([status, fix], ['pass', ''], `${id}: ${detail}`);
    await viewer.close();
  });

  test('refused requests get the promised status and words', async () => {
    const size = await api('PUT', 'resolution', { body: { width: 321, height: 100000 } });
    assertProblem(size, 422);
    assert.match(size.json.errors[0].pointer, /^\/(width|height)$/);
    const json = await api('PUT', 'resolution',
      { body: '{"width":640,\n "height":}', headers: { 'Content-Type': 'application/json' } });
    assertProblem(json, 400);
    assert.match(json.json.detail, /line 2.*column 1\d/i);
    assertProblem(await api('PUT', 'resolution', { body: { width: '640', height: 480 } }), 422);
    assertProblem(await api('PUT', 'resolution', { body: { width: 640, height: 480, x: 1 } }), 422);
    const type = await api('PUT', 'resolution',
      { body: 'width=640', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
    assertProblem(type, 415);
    assert.match(type.json.detail, /curl.*--json/);
    const method = await api('DELETE', 'resolution');
    assertProblem(method, 405);
    assert.match(method.headers.allow, /GET.*PUT/);
    assertProblem(await api('GET', 'nothing'), 404);
    const big = { body: Buffer.alloc(65537, 0x20), headers: { 'Content-Type': 'application/json' } };
    assertProblem(await api('PUT', 'resolution', big), 413);
  });

  test('pages of other sites may neither watch nor control', async () => {
    for (const headers of [{ Origin: 'https://evil.example' }, { Origin: 'null' },
      { 'Sec-Fetch-Site': 'same-site' }, { 'Sec-Fetch-Site': 'cross-site' },
      { Origin: stack.origin.replace('https', 'http') }])
      assertProblem(await api('POST', 'start', { headers }), 403);
    for (const headers of [{ Origin: stack.origin, 'Sec-Fetch-Site': 'same-origin' },
      { 'Sec-Fetch-Site': 'none' }, {}])
      assert.equal((await api('POST', 'start', { headers })).status, 200);
    for (const origin of ['https://evil.example', 'null', `${stack.origin}.evil.example`]) {
      const viewer = new Viewer(stack, { origin });
      await waitFor('the refusal', () => viewer.refused);
      assert.equal(viewer.refused, 403);
    }
  });
});

describe('when nalcastd is away', () => {
  let stack;
  const api = (method, url, options) => stack.request(method, `/camera/api/v1/${url}`, options);

  before(async () => { stack = await startStack({ nalcastdArgs: ARGS }); });
  after(() => stack?.stop());

  test('killed: problem documents meanwhile, pictures afterwards', async () => {
    const viewer = await new Viewer(stack).opened();
    await viewer.more(2);
    await stack.procs.nalcastd.kill('SIGKILL');
    await waitFor('the connection to end', () => viewer.closed);
    assertProblem(await stack.request('GET', '/camera/stream'), 502);
    assertProblem(await api('GET', 'state'), 502);
    assertProblem(await api('POST', 'start'), 502);
    assertProblem(await api('GET', 'health'), 503);
    await stack.restart('nalcastd');
    assert.equal((await api('GET', 'health')).status, 200);
    const again = await new Viewer(stack).opened();
    await again.more(1);
    assert.deepEqual(nalTypes(again.units[0]), IDR);
    await again.close();
  });

  test('silent: 504, and service again when it speaks', async () => {
    process.kill(stack.procs.nalcastd.pid, 'SIGSTOP');
    try {
      assertProblem(await api('GET', 'state'), 504);
    } finally {
      process.kill(stack.procs.nalcastd.pid, 'SIGCONT');
    }
    await waitFor('an answer', async () => (await api('GET', 'state')).status === 200);
  });

  test('nalcast-fcgi away: nginx answers', async () => {
    await stack.procs.fcgi.kill('SIGTERM');
    assertProblem(await api('GET', 'state'), 502);
    await stack.restart('fcgi');
    assert.equal((await api('GET', 'state')).status, 200);
  });
});

describe('the end', () => {
  test('SIGTERM tells viewers, ends everything cleanly and removes the sockets', async () => {
    const stack = await startStack({ nalcastdArgs: ARGS });
    const viewer = await new Viewer(stack).opened();
    const raw = await new Viewer(stack, { protocols: [] }).opened();
    await Promise.all([viewer.more(2), raw.more(2)]);
    await stack.procs.nalcastd.stop();
    await waitFor('both to be told', () => viewer.closed && raw.closed);
    assert.equal(viewer.closed.code, 1001);
    assert.equal(raw.closed.code, 1001);
    assert.ok(viewer.texts.some((text) => text.type === 'bye'));
    await stack.procs.fcgi.stop();
    for (const socket of Object.values(stack.sockets)) assert.ok(!existsSync(socket), socket);
    await stack.stop();
  });

  test('what the API changed is kept', async () => {
    const stack = await startStack({ nalcastdArgs: ARGS });
    await stack.request('PUT', '/camera/api/v1/resolution', { body: { width: 640, height: 480 } });
    await stack.request('POST', '/camera/api/v1/stop');
    await stack.restart('nalcastd');
    const state = (await stack.request('GET', '/camera/api/v1/state')).json;
    assert.equal(state.source.width, 640);
    assert.equal(state.stream.running, false);
    await stack.stop();
  });
});
