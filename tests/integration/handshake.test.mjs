// What nalcastd answers before it is a WebSocket: limits, refusals, origins.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { startDaemon, waitFor } from '../lib/daemon.mjs';
import { Wire } from '../lib/wire.mjs';

const UPGRADE = { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' };

describe('a request', () => {
  let daemon;

  before(async () => {
    daemon = await startDaemon(['--allow-origin=https://wall.example:8443,http://kiosk.example']);
  });
  after(() => daemon?.stop());

  /** An ordinary HTTP client's request; gives { status, headers, body }. */
  function ask(method, path, headers = {}) {
    return new Promise((resolve, reject) => {
      const request = http.request({ socketPath: daemon.sockets.stream, method, path, headers,
        agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part) => (body += part));
        response.on('end', () => resolve(
          { status: response.statusCode, headers: response.headers, body }));
      });
      request.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve({ status: response.statusCode, headers: response.headers });
      });
      request.on('error', reject);
      request.end();
    });
  }

  async function raw(...lines) {
    const wire = new Wire(daemon, { head: [...lines, '', ''].join('\r\n') });
    await wire.answered();
    await waitFor('the end', () => wire.ended);
    wire.destroy();
    return wire.answer;
  }

  function assertProblem({ status, headers, body }, expected) {
    assert.equal(status, expected);
    assert.equal(headers['content-type'], 'application/problem+json');
    assert.match(headers.connection, /close/);
    const problem = JSON.parse(body);
    assert.equal(problem.status, expected);
    assert.ok(problem.detail);
  }

  test('for something else is 404', async () => {
    for (const path of ['/', '/camera/', '/camera/streams', '/stream/', '/xstream', '/stream.h265'])
      assertProblem(await ask('GET', path), 404);
  });

  test('with another method is 405 and says which is allowed', async () => {
    for (const path of ['/camera/stream', '/stream.h264'])
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
        const answer = await ask(method, path);
        assertProblem(answer, 405);
        assert.equal(answer.headers.allow, 'GET');
      }
    for (const length of ['Content-Length: 5', 'Transfer-Encoding: chunked'])
      assertProblem(await raw('POST /stream HTTP/1.1', 'Host: a', length), 405);
  });

  test('without Upgrade is 426 and says what to upgrade to', async () => {
    for (const headers of [{}, { Upgrade: 'websocket' }, { Upgrade: 'h2c', Connection: 'Upgrade' },
      { ...UPGRADE, 'Sec-WebSocket-Version': '8' }]) {
      const answer = await ask('GET', '/a/b/stream?x=1', headers);
      assertProblem(answer, 426);
      assert.equal(answer.headers.upgrade, 'websocket');
      assert.match(answer.headers.connection, /upgrade/i);
      assert.equal(answer.headers['sec-websocket-version'], '13');
    }
  });

  test('with a key that is none is 400', async () => {
    for (const key of ['', 'AAAA', 'AAAAAAAAAAAAAAAAAAAAAA', 'A AAAAAAAAAAAAAAAAAAAAA=='])
      assertProblem(await ask('GET', '/stream', { ...UPGRADE, 'Sec-WebSocket-Key': key }), 400);
  });

  test('of HTTP/1.0 cannot upgrade, and can have stream.h264', async () => {
    const fields = Object.entries(UPGRADE).map(([name, value]) => `${name}: ${value}`);
    assertProblem(await raw('GET /stream HTTP/1.0', ...fields), 426);
    const wire = new Wire(daemon, { head: 'GET /stream.h264 HTTP/1.0\r\n\r\n' });
    assert.equal((await wire.answered()).status, 200);
    await waitFor('video', () => wire.answer.body.length > 100);
    wire.destroy();
  });

  test('that is broken is refused', async () => {
    assertProblem(await raw('GET /stream HTTP/1.1'), 400); // no Host
    assertProblem(await raw('GET  /stream HTTP/1.1', 'Host: a'), 400);
    assertProblem(await raw('GET /stream HTTP/1.1', 'Host: a', 'Host: b'), 400);
    assertProblem(await raw('GET /stream HTTP/1.1', 'Host: a', ' folded: x'), 400);
    assertProblem(await raw('GET /stream HTTP/2.0', 'Host: a'), 505);
    assertProblem(await raw('GET /stream HTTP/1.1', 'Host: a', 'Content-Length: 5'), 501);
  });

  test('with a head over 8 KiB is 431', async () => {
    const lines = ['GET /stream HTTP/1.1', 'Host: a'];
    const size = [...lines, 'X: ', '', ''].join('\r\n').length;
    assertProblem(await raw(...lines, `X: ${'x'.repeat(8192 - size)}`), 426);
    assertProblem(await raw(...lines, `X: ${'x'.repeat(8193 - size)}`), 431);
    assertProblem(await raw(...lines, `X: ${'x'.repeat(100000)}`), 431);
    assertProblem(await raw(`GET /${'a'.repeat(9000)}/stream HTTP/1.1`, 'Host: a'), 431);
  });

  test('whose head does not come is closed within 5 s, others are served meanwhile', async () => {
    const begun = performance.now();
    const slow = Array.from({ length: 20 }, (_, at) =>
      new Wire(daemon, { head: 'GET /stream HTTP/1.1\r\nHo'.slice(0, at) }));
    const viewer = await new Wire(daemon).opened();
    await waitFor('all to be closed', () => slow.every((wire) => wire.ended));
    const passed = performance.now() - begun;
    assert.ok(passed > 4000 && passed < 7500, `${passed} ms`);
    assert.equal((await daemon.state()).viewers.count, 1);
    await viewer.close();
    for (const wire of slow) wire.destroy();
  });

  for (const [origin, host, proto, allowed] of [
    [null, 'cam.example', 'https', true],
    ['https://cam.example', 'cam.example', 'https', true],
    ['https://CAM.example', 'cam.Example', 'https', true],
    ['https://cam.example:443', 'cam.example', 'https', true],
    ['https://cam.example', 'cam.example:443', 'https', true],
    ['https://cam.example:8443', 'cam.example:8443', 'https', true],
    ['http://cam.example', 'cam.example', '', true],
    ['http://cam.example', 'cam.example', 'https', false],
    ['https://cam.example:8443', 'cam.example', 'https', false],
    ['https://cam.example:80', 'cam.example', 'https', false],
    ['https://cam.example.evil.example', 'cam.example', 'https', false],
    ['https://evil.example', 'cam.example', 'https', false],
    ['https://cam.example@evil.example', 'cam.example', 'https', false],
    ['null', 'cam.example', 'https', false],
    ['', 'cam.example', 'https', false],
    ['cam.example', 'cam.example', 'https', false],
    ['https://wall.example:8443', 'cam.example', 'https', true],
    ['https://wall.example', 'cam.example', 'https', false],
    ['http://kiosk.example', 'cam.example', 'https', true],
    ['https://kiosk.example', 'cam.example', 'https', false],
  ])
    test(`from ${origin ?? 'no origin'} to ${host}, ${proto || 'scheme unknown'}, is ${
      allowed ? 'served' : 'refused'}`, async () => {
      const headers = { ...UPGRADE, Host: host, ...(origin === null ? {} : { Origin: origin }),
        ...(proto ? { 'X-Forwarded-Proto': proto } : {}) };
      const answer = await ask('GET', '/camera/stream', headers);
      if (allowed) assert.equal(answer.status, 101);
      else assertProblem(answer, 403);
      if (!allowed) assertProblem(await ask('GET', '/stream.h264', headers), 403);
    });
});

describe('viewers_max', () => {
  let daemon;

  before(async () => { daemon = await startDaemon(['--viewers-max=2']); });
  after(() => daemon?.stop());

  test('holds for all three ways to watch, and a place that is left is given again', async () => {
    const first = await new Wire(daemon).opened();
    const bare = new Wire(daemon, { head: 'GET /stream.h264 HTTP/1.1\r\nHost: a\r\n\r\n' });
    assert.equal((await bare.answered()).status, 200);
    await first.more(2);

    const modern = await new Wire(daemon).opened();
    const { code, reason } = await Promise.resolve(modern.write('')).then(() =>
      waitFor('the close frame', () => modern.closed));
    assert.equal(code, 1013);
    assert.ok(reason);
    assert.equal(modern.texts.at(-1).type, 'bye');
    assert.equal(modern.messages.length, 0);
    modern.destroy();
    const refused = [new Wire(daemon, { protocol: null }),
      new Wire(daemon, { head: 'GET /stream.h264 HTTP/1.1\r\nHost: a\r\n\r\n' })];
    for (const wire of refused) {
      const { status, headers } = await wire.answered();
      assert.equal(status, 503);
      assert.match(headers['retry-after'], /^\d+$/);
      wire.destroy();
    }

    await first.more(2);
    bare.destroy();
    await waitFor('a place', async () => (await daemon.state()).viewers.count === 1);
    const second = await new Wire(daemon).opened();
    await second.more(1);
    assert.deepEqual(second.messages[0].nals, [7, 8, 5]);
    await second.close();
    await first.close();
  });
});
