// Every operation and every status of openapi.json, provoked; the stack holds each answer against
// the document. What a healthy chain does not answer is provoked with a nalcastd that answers as
// it is told (tests/tools/fake_nalcastd.c).
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Fake } from '../fcgi/fastcgi.mjs';
import { follow, openapi, operations, seen } from '../lib/openapi.mjs';
import { startStack } from '../lib/stack.mjs';
import { Viewer } from '../lib/viewer.mjs';

const FOREIGN = { 'X-Forwarded-For': '192.0.2.7' };
const SERVER = 'set_real_ip_from 127.0.0.1; set_real_ip_from ::1; real_ip_header X-Forwarded-For;';

// What stands for each {word} of a path, and the bodies: any camera takes them.
const WORDS = { key: 'gop_frames', name: 'brightness', id: '0' };
const BODIES = {
  putResolution: { width: 320, height: 240 },
  patchConfig: { gop_frames: 30 },
  patchControls: { brightness: 0.5 },
};

/** Those that nalcast-fcgi answers without asking nalcastd: what that says is no answer of theirs. */
const OWN = ['getRoot', 'getOpenapi', 'listCameras'];
const asks = (one) => !OWN.includes(one.id);

const pathOf = (one, words = WORDS) => one.path.slice(1).replace(/\{(\w+)\}/, (_, word) => words[word]);
const withStatus = (status) => operations.filter((one) => one.statuses.includes(status));
const byId = (id) => operations.find((one) => one.id === id);

/** Sends an operation; options are those of stack.request(), and query, under (a folder). */
function send(stack, one, { query = '', under = '', words, body = BODIES[one.id], ...more } = {}) {
  const url = `/camera/${under}api/v1/${pathOf(one, words)}${query && `?${query}`}`;
  return stack.request(one.method, url, { body, ...more });
}

// More changes at a time than this may be refused as too many.
const AT_A_TIME = 3;

/** Every one of the list gets the status. */
async function each(status, list, provoke) {
  assert.ok(list.length > 0);
  for (let at = 0; at < list.length; at += AT_A_TIME) {
    const some = list.slice(at, at + AT_A_TIME);
    const got = await Promise.all(some.map(provoke));
    for (const [i, { status: actual, text }] of got.entries())
      assert.equal(actual, status, `${some[i].id}: ${text}`);
  }
}

describe('the whole chain answers as documented', () => {
  let stack, viewer;
  const controls = {};

  before(async () => {
    stack = await startStack({ nalcastdArgs: ['--source=test', '--size=320x240', '--fps=30'],
      server: SERVER });
    viewer = await new Viewer(stack).opened();
    await viewer.more(2);
    Object.assign(controls, (await send(stack, byId('getControls'))).json);
  });
  after(async () => {
    await viewer?.close();
    await stack?.stop();
  });

  test('200 to every reading', async () => {
    await each(200, operations.filter(({ method }) => method === 'GET'), (one) => send(stack, one));
  });

  test('HEAD and OPTIONS wherever there is a path', async () => {
    for (const one of operations) {
      const url = `/camera/api/v1/${pathOf(one)}`;
      const options = await stack.request('OPTIONS', url);
      assert.equal(options.status, 204, url);
      assert.ok(options.headers.allow.split(', ').includes(one.method), url);
      if (one.method !== 'GET') continue;
      const head = await stack.request('HEAD', url);
      assert.equal(head.status, 200, url);
    }
  });

  test('405 with what there is instead', async () => {
    for (const one of operations) {
      const got = await stack.request('PROPFIND', `/camera/api/v1/${pathOf(one)}`);
      assert.equal(got.status, 405);
      assert.ok(got.headers.allow.split(', ').includes(one.method));
    }
  });

  test('308 to a root without its slash, 404 to what is not there', async () => {
    for (const url of ['api/v1', 'api/v1/cameras/main'])
      assert.equal((await stack.request('GET', `/camera/${url}`)).status, 308);
    for (const url of ['nothing', 'state/', 'config', 'cameras/main/nothing', 'viewers/1/2'])
      assert.equal((await stack.request('GET', `/camera/api/v1/cameras/x/${url}`)).status, 404);
    await each(404, operations, (one) => send(stack, one, { under: 'nobody/' }));
  });

  test('404 to a key, a control, a viewer that is not there', async () => {
    await each(404, operations.filter(({ path }) => path.includes('{')), (one) => send(stack, one,
      { words: { key: 'colour', name: 'colour', id: '4000000000' } }));
  });

  test('304 to who has it, 200 again to who has another', async () => {
    for (const one of withStatus(304)) {
      const { etag } = (await send(stack, one)).headers;
      for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const got = await send(stack, one, { headers: { 'If-None-Match': tag } });
        assert.equal(got.status, 304, `${one.id} ${tag}`);
        assert.equal(got.headers.etag, etag);
      }
      const other = await send(stack, one, { headers: { 'If-None-Match': '"other"' } });
      assert.equal(other.status, 200);
    }
  });

  test('412 to a condition that fails, and the change to one that holds', async () => {
    await each(412, withStatus(412), (one) => send(stack, one,
      { headers: { 'If-Match': '"0123456789abcdef0123456789abcdef"' } }));
    for (const one of withStatus(412)) {
      const at = openapi.paths[one.path].get ? one.path : one.path.replace(/\/\{.*/, '');
      const tag = (await stack.request('GET', `/camera/api/v1${at}`)).headers.etag;
      const query = one.method === 'GET' ? '' : 'dry_run=1';
      const got = await send(stack, one, { headers: { 'If-Match': tag }, query });
      assert.equal(got.status, 200, `${one.id}: ${got.text}`);
    }
  });

  test('200 to every change, at most once changed', async () => {
    for (const one of withStatus(202).filter(({ id }) => id !== 'postKeyframe')) {
      if (one.id === 'start') await send(stack, byId('stop'));
      const tried = one.statuses.includes(412) && await send(stack, one, { query: 'dry_run=1' });
      const got = await send(stack, one);
      assert.equal(got.status, 200, `${one.id}: ${got.text}`);
      if (tried) assert.equal(tried.json.changed, got.json.changed, one.id);
      assert.equal((await send(stack, one)).json.changed, false, one.id);
      if (one.id === 'stop') await send(stack, byId('start'));
    }
  });

  test('202 to a keyframe, and it comes', async () => {
    const { length } = viewer.messages;
    assert.equal((await send(stack, byId('postKeyframe'))).status, 202);
    while (!viewer.messages.slice(length).some((message) => message.idr)) await viewer.more(1);
  });

  test('204 to the end of a viewer, and it is gone', async () => {
    const other = await new Viewer(stack).opened();
    await other.more(1);
    const list = async () => (await send(stack, byId('listViewers'))).json;
    const ids = (await list()).viewers.map(({ id }) => id);
    assert.equal(ids.length, 2);
    const id = Math.max(...ids);
    const got = await send(stack, byId('deleteViewer'), { words: { id } });
    assert.equal(got.status, 204, got.text);
    while (!other.closed) await viewer.more(1);
    assert.equal((await list()).total, 1);
  });

  test('400 to what cannot be read', async () => {
    await each(400, withStatus(400), (one) => send(stack, one, { query: 'a=%zz' }));
    for (const one of operations.filter(({ id }) => BODIES[id])) {
      const got = await send(stack, one, { body: '{', headers: { 'Content-Type': 'application/json' } });
      assert.equal(got.status, 400, one.id);
      assert.deepEqual([got.json.line, got.json.column].map(Number.isInteger), [true, true]);
    }
  });

  test('403 to who is elsewhere, and to the page of another site', async () => {
    await each(403, withStatus(403), (one) => send(stack, one, { headers: FOREIGN }));
    await each(403, operations.filter(({ method }) => method !== 'GET'), (one) => send(stack, one,
      { headers: { Origin: 'https://else.where' } }));
  });

  test('411 to no body, 413 to a large one, 415 to a form', async () => {
    await each(411, withStatus(411), (one) => send(stack, one, { body: null, bare: true }));
    await each(413, withStatus(413), (one) => send(stack, one, { body: Buffer.alloc(65537, 0x20) }));
    await each(415, withStatus(415), (one) => send(stack, one, { body: 'a=b',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }));
  });

  test('414 to a long query, 422 to an unknown parameter', async () => {
    await each(414, withStatus(414), (one) => send(stack, one, { query: `a=${'x'.repeat(1100)}` }));
    await each(422, withStatus(422), (one) => send(stack, one, { query: 'nonsense=1' }));
  });

  test('422 to a value, with its place', async () => {
    const range = Object.entries(controls).find(([, { max }]) => typeof max === 'number');
    for (const [id, body, pointer] of [
      ['putResolution', { width: 321, height: 240 }, '/width'],
      ['putResolution', { width: 320, height: 240, depth: 8 }, '/depth'],
      ['patchConfig', { fps: 30, colour: 'red' }, '/colour'],
      ['patchConfig', { bitrate_bps: 'much' }, '/bitrate_bps'],
      ['patchConfig', { source: 'file:/etc/passwd' }, '/source'],
      ['patchControls', { colour: 1 }, '/colour'],
      ['patchControls', { [range[0]]: range[1].max + 1 }, `/${range[0]}`],
    ]) {
      const got = await send(stack, byId(id), { body });
      assert.equal(got.status, 422, `${id} ${JSON.stringify(body)}: ${got.text}`);
      assert.equal(got.json.errors?.[0].pointer, pointer, got.text);
    }
  });

  test('422 with all that is wrong, to each in its place', async () => {
    for (const [id, body, pointers] of [
      ['patchConfig', { fps: 0, colour: 'red', bitrate_bps: 'much' },
        ['/fps', '/colour', '/bitrate_bps']],
      ['patchControls', { colour: 1, awb_gains: [9, -9] },
        ['/colour', '/awb_gains/0', '/awb_gains/1']],
      ['putResolution', { width: 321, height: 2, fps: 999 }, ['/width', '/height', '/fps']],
    ]) {
      const got = await send(stack, byId(id), { body });
      assert.equal(got.status, 422, got.text);
      assert.deepEqual(got.json.errors.map(({ pointer }) => pointer), pointers, got.text);
    }
  });

  test('a merge patch by its own name is one', async () => {
    for (const id of ['patchConfig', 'patchControls']) {
      const got = await send(stack, byId(id), { body: '{}',
        headers: { 'Content-Type': 'application/merge-patch+json' } });
      assert.deepEqual([got.status, got.json.changed], [200, false], got.text);
    }
  });
});

describe('a nalcastd that does as it is told', () => {
  let stack, fake;

  before(async () => {
    stack = await startStack({ nalcastd: false });
    fake = await Fake.start({ after: () => {} }, stack.sockets.control);
    chmodSync(stack.sockets.control, 0o666);
  });
  after(async () => {
    await fake?.stop();
    await stack?.stop();
  });

  const reply = (code, more) => fake.error({ code, ...more });

  test('202: a change that takes longer than it may', async () => {
    // Depends on the clock otherwise.
    for (const one of withStatus(202)) {
      const { pointer } = follow(`${one.pointer}/responses/202/content/application~1json/schema`);
      await fake.ok(follow(pointer).value.examples[0], { pending: true });
      assert.equal((await send(stack, one)).status, 202, one.id);
    }
  });

  test('409: the test source shares with everybody and makes every size', async () => {
    for (const code of ['busy', 'conflict']) {
      await reply(code, { holder: 'pid 7 (ffmpeg)' });
      await each(409, withStatus(409), (one) => send(stack, one));
    }
  });

  test('500, 503: nothing here fails so', async () => {
    await reply('internal');
    await each(500, withStatus(500).filter(asks), (one) => send(stack, one));
    await reply('unavailable', { retry_after_s: 7 });
    await each(503, withStatus(503), (one) => send(stack, one));
  });

  test('412, 422, 404: as nalcastd words them', async () => {
    await reply('precondition');
    await each(412, withStatus(412), (one) => send(stack, one));
    await reply('unsupported', { pointer: '/width', nearest: [{ width: 640, height: 480, fps_max: 30 }] });
    await each(422, withStatus(422).filter(asks), (one) => send(stack, one));
    await reply('not-found');
    await each(404, withStatus(404).filter(asks), (one) => send(stack, one));
  });

  test('502: what it says makes no sense', async () => {
    await fake.script({ raw: 'nonsense' });
    // To whoever asks for its health, that is 503.
    await each(502, withStatus(502).filter((one) => asks(one) && one.id !== 'getHealth'),
      (one) => send(stack, one));
    assert.equal((await send(stack, byId('getHealth'))).status, 503);
  });

  test('504: it says nothing', { timeout: 120000 }, async () => {
    await fake.script({ silent: true });
    await each(504, withStatus(504).filter((one) => asks(one) && one.id !== 'getHealth'),
      (one) => send(stack, one,
        { query: one.statuses.includes(202) && one.id !== 'postKeyframe' ? 'timeout_ms=0' : '' }));
  });
});

describe('a web server that answers for nalcast-fcgi', () => {
  let stack;

  before(async () => {
    // A password, and a place that is not told its path.
    const password = 'allow all;\nauth_basic "camera";\nauth_basic_user_file @dir@/etc/users;\n';
    stack = await startStack({ nalcastd: false, watch: password, control: password,
      server: `location ~ ^/bare/ { fastcgi_pass unix:@runstatedir@/nalcast/fcgi.sock;
        fastcgi_param REQUEST_METHOD $request_method; }` });
    writeFileSync(`${stack.dir}/etc/users`, 'me:{PLAIN}secret\n', { mode: 0o644 });
  });
  after(() => stack?.stop());

  const headers = { Authorization: `Basic ${Buffer.from('me:secret').toString('base64')}` };

  test('401: who are you?', async () => {
    await each(401, withStatus(401), (one) => send(stack, one));
  });

  test('500: it does not pass the path', async () => {
    for (const id of OWN) {
      const got = await stack.request('GET', `/bare/api/v1/${pathOf(byId(id))}`);
      assert.equal(got.status, 500, got.text);
    }
  });

  test('504: nalcast-fcgi says nothing; 502: it is not there', { timeout: 90000 }, async () => {
    const { fcgi } = stack.procs;
    const all = withStatus(504).filter(({ id }) => OWN.includes(id) || id === 'getHealth');
    await fcgi.pause();
    try {
      const got = await Promise.all(all.map((one) => send(stack, one, { headers, timeoutMs: 60000 })));
      assert.deepEqual(got.map(({ status }) => status), all.map(() => 504));
    } finally {
      fcgi.resume();
    }
    await fcgi.stop();
    await each(502, withStatus(502), (one) => send(stack, one, { headers }));
  });
});

// Last: what all of the above has not shown is not documented by right.
test('every documented status of every operation was seen', () => {
  const documented = operations.flatMap((one) => one.statuses.map((status) => `${one.id} ${status}`));
  assert.deepEqual(documented.filter((one) => !seen.has(one)), []);
});
