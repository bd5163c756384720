import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Api } from '../../www/assets/api.js';

const BASE = 'https://here/any/prefix/api/v1/';

/* An Api whose server gives this answer; calls are kept in api.calls. */
function answering(status, body) {
  const calls = [];
  const api = new Api(BASE, async (url, request) => {
    calls.push({ url, ...request });
    return new Response(body, { status });
  });
  api.calls = calls;
  return api;
}

test('a change is sent as JSON to a URL under the base', async () => {
  const api = answering(200, '{"applied":"now"}');
  assert.deepEqual(await api.put('resolution', { width: 640 }), { applied: 'now' });
  const [call] = api.calls;
  assert.equal(call.url, `${BASE}resolution`);
  assert.equal(call.method, 'PUT');
  assert.equal(call.headers['Content-Type'], 'application/json');
  assert.equal(call.body, '{"width":640}');
});

test('start and stop have no body', async () => {
  const api = answering(200, '{}');
  await api.post('start');
  assert.equal(api.calls[0].body, undefined);
});

test('the detail of a problem document becomes the message', async () => {
  const api = answering(422, JSON.stringify({
    title: 'Invalid value', status: 422, detail: 'The camera cannot do 7x7.',
    errors: [{ pointer: '/width', code: 'range', detail: 'At least 160.' }],
  }));
  await assert.rejects(api.put('resolution', {}), {
    name: 'ApiError', status: 422, message: 'The camera cannot do 7x7. At least 160.',
  });
});

test('a problem without a detail gives its title', async () => {
  await assert.rejects(answering(403, '{"title":"Control is for loopback only."}').post('stop'),
    { status: 403, message: 'Control is for loopback only.' });
});

test('an error that is no JSON gives its status', async () => {
  await assert.rejects(answering(502, '<html>').get('state'),
    { status: 502, message: 'The server answered with status 502.' });
});

test('a server out of reach is said so', async () => {
  const api = new Api(BASE, async () => {
    throw new TypeError('Failed to fetch');
  });
  await assert.rejects(api.get('state'), { status: 0, message: 'The server is unreachable.' });
});
