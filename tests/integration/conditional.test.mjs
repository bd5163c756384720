// What nginx must leave alone between a visitor and nalcast-fcgi: tags, methods, cameras by path.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startStack } from '../lib/stack.mjs';

describe('through nginx', () => {
  let stack;
  const root = '/deep/er/cam/api/v1/';

  before(async () => { stack = await startStack({ nalcastdArgs: ['--source=test', '--size=320x240'] }); });
  after(() => stack?.stop());

  const ask = (method, target, options) => stack.request(method, root + target, options);

  test('a tag comes back as it went, and spares the answer', async () => {
    const { headers: { etag } } = await ask('GET', 'resolution');
    assert.match(etag, /^"[0-9a-f]{32}"$/);
    for (const given of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await ask('GET', 'resolution', { headers: { 'If-None-Match': given } });
      assert.equal(answer.status, 304, given);
      assert.equal(answer.text, '');
      assert.equal(answer.headers.etag, etag);
    }
    const second = await stack.request2('GET', `${root}resolution`, { headers: { 'if-none-match': etag } });
    assert.equal(second.status, 304);
    assert.equal((await ask('HEAD', 'resolution')).headers.etag, etag);
    assert.equal((await ask('GET', 'resolution', { headers: { 'If-None-Match': '"x"' } })).status, 200);
  });

  test('what a condition forbids is not done', async () => {
    const { headers: { etag } } = await ask('GET', 'config');
    const forbidden = [['PATCH', { 'If-Match': '"other"' }], ['PATCH', { 'If-Match': '' }],
      ['PATCH', { 'If-None-Match': '*' }], ['PATCH', { 'If-None-Match': etag }],
      ['PATCH', { 'If-Match': etag, 'If-None-Match': etag }], ['GET', { 'If-Match': '"other"' }],
      ['HEAD', { 'If-Match': '"other"' }]];
    for (const [method, headers] of forbidden) {
      const body = method === 'PATCH' ? { body: { gop_frames: 17 } } : {};
      const answer = await ask(method, 'config', { headers, ...body });
      assert.equal(answer.status, 412, `${method} ${JSON.stringify(headers)}: ${answer.text}`);
    }
    assert.equal((await ask('GET', 'config', { headers: { 'If-Match': etag } })).status, 200);
    assert.equal((await ask('PATCH', 'config?dry_run=1', { body: { gop_frames: 17 },
      headers: { 'If-Match': etag, 'If-None-Match': '"other"' } })).status, 200);
    assert.equal((await ask('GET', 'config')).headers.etag, etag);
  });

  test('the tag is another one when the resolution is', async () => {
    const before = (await ask('GET', 'resolution')).headers.etag;
    const put = await ask('PUT', 'resolution?persist=0', { body: { width: 640, height: 480 } });
    assert.ok([200, 202].includes(put.status), put.text);
    const now = await ask('GET', 'resolution', { headers: { 'If-None-Match': before } });
    assert.equal(now.status, 200);
    assert.notEqual(now.headers.etag, before);
  });

  test('a camera is reached by its name in the API and in the page\'s address', async () => {
    assert.deepEqual((await ask('GET', 'cameras')).json,
      [{ name: 'main', status: 'ok', links: { api: 'cameras/main/' } }]);
    assert.equal((await ask('GET', 'cameras/main/state')).json.camera, 'main');
    assert.equal((await stack.request('GET', '/deep/er/cam/main/api/v1/state')).json.camera, 'main');
    const moved = await ask('GET', 'cameras/main');
    assert.equal(moved.status, 308);
    assert.equal(new URL(moved.headers.location, `${stack.origin}${root}cameras/main`).pathname,
      `${root}cameras/main/`);
    for (const target of ['cameras/none/state', 'cameras/stream/state'])
      assert.equal((await ask('GET', target)).status, 404, target);
  });

  test('every method comes through, with its Allow', async () => {
    const options = await ask('OPTIONS', 'config');
    assert.equal(options.status, 204);
    assert.equal(options.headers.allow, 'GET, HEAD, PATCH, OPTIONS');
    assert.equal((await ask('PUT', 'config', { body: {} })).status, 405);
    const form = await ask('PATCH', 'config', { body: 'a=b',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
    assert.equal(form.status, 415);
    assert.match(form.json.detail, /curl use --json/);
    assert.equal((await ask('DELETE', 'viewers/none')).status, 404);
    assert.equal((await ask('PATCH', 'config', { body: 'x'.repeat(70000) })).status, 413);
  });

  test('a look at the stream is 426 over HTTP/2 too, where Upgrade is no field', async () => {
    const stream = '/deep/er/cam/stream';
    const second = await stack.request2('GET', stream);
    assert.equal(second.status, 426);
    assert.equal(second.headers.upgrade, undefined);
    const first = await stack.request('GET', stream);
    assert.equal(first.status, 426);
    assert.equal(first.headers.upgrade, 'websocket');
  });

  test('the description is served whole', async () => {
    const answer = await ask('GET', 'openapi.json');
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.match(answer.json.openapi, /^3\.1\./);
  });
});
