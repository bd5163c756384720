// The shipped nginx files, with stand-ins behind them, in a server that has a regex location
// and an error page of its own, under two prefixes at once.
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { startStack, waitFor } from '../lib/stack.mjs';
import { standInFcgi, standInStream } from './standins.mjs';

// A visitor from elsewhere, as a trusted proxy would report him.
const FOREIGN = { 'X-Forwarded-For': '192.0.2.7' };
const SERVER = `
  set_real_ip_from 127.0.0.1;
  set_real_ip_from ::1;
  real_ip_header X-Forwarded-For;
  error_page 403 404 502 /mine.html;
  add_header X-Mine server;
  expires 30d;
  location ~* \\.(js|css)$ { return 418; }
  location = /mine.html { internal; return 200 "<html>mine</html>"; }
`;
const PREFIXES = ['/camera/', '/deep/er/cam/', '/stream/', '/a/main/'];

function makePage() {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'nc-www-'));
  mkdirSync(path.join(dir, 'assets/broadway'), { recursive: true });
  const files = { 'index.html': '<!doctype html><title>page</title>', 'assets/app.js': 'let a;',
    'assets/app.mjs': 'export {};', 'assets/page.css': 'p{}', 'assets/avc.wasm': '\0asm',
    'assets/icon.svg': '<svg/>', 'assets/broadway/LICENSE': 'free' };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text);
  writeFileSync(path.join(dir, 'assets/app.js.gz'), gzipSync(files['assets/app.js']));
  return dir;
}

/** Opens a WebSocket by hand; gives { status, message, headers }. */
function upgrade(stack, url, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = https.get(new URL(url, stack.origin), {
      ca: stack.ca, agent: false,
      headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', ...headers },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      response.resume();
      resolve({ status: response.statusCode, headers: response.headers });
    });
    request.on('upgrade', (response, socket, head) => {
      let bytes = head;
      const done = () => {
        if (bytes.length < 4 || bytes.length < 4 + bytes.readUInt16BE(2)) return;
        socket.destroy();
        resolve({ status: 101, headers: response.headers, message: JSON.parse(bytes.subarray(4)) });
      };
      socket.on('data', (chunk) => { bytes = Buffer.concat([bytes, chunk]); done(); });
      socket.on('error', reject);
      done();
    });
  });
}

/** One request as it stands; { status, headers, text, json }. */
function sendRaw(stack, text) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ port: stack.port, host: 'localhost', ca: stack.ca });
    let got = '';
    socket.on('error', reject);
    socket.on('data', (chunk) => { got += chunk; });
    socket.on('end', () => {
      const [head, body] = got.split('\r\n\r\n');
      const [line, ...fields] = head.split('\r\n');
      const headers = Object.fromEntries(fields.map((field) => {
        const [name, value] = field.split(': ');
        return [name.toLowerCase(), value];
      }));
      resolve({ status: Number(line.split(' ')[1]), headers, text: body, json: JSON.parse(body) });
      socket.destroy();
    });
    socket.write(text);
  });
}

function assertProblem(response, status) {
  assert.equal(response.status, status, response.text);
  assert.equal(response.headers['content-type'], 'application/problem+json');
  assert.equal(response.json.status, status);
  for (const key of ['type', 'title', 'detail']) assert.ok(response.json[key], key);
  assert.doesNotMatch(response.json.type, /^\/|:/, 'type is relative');
}

function assertSecurityHeaders(headers) {
  assert.equal(headers['content-security-policy'], "default-src 'none'; "
    + "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    + "style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'");
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['referrer-policy'], 'no-referrer');
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
  assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
}

describe('as shipped', () => {
  let stack;
  let page;
  const standIns = {};

  before(async () => {
    page = makePage();
    stack = await startStack({ nalcastd: false, fcgi: false, prefixes: PREFIXES, www: page,
      server: SERVER });
    mkdirSync(`${stack.dir}/run/nalcast/porch-2`);
    standIns.main = await standInStream(stack.sockets.stream);
    standIns.porch = await standInStream(`${stack.dir}/run/nalcast/porch-2/stream.sock`, 'porch-2');
    standIns.fcgi = await standInFcgi(stack.sockets.fcgi);
  });

  after(async () => {
    for (const standIn of Object.values(standIns)) await standIn.close();
    await stack?.stop();
    rmSync(page, { recursive: true, force: true });
  });

  for (const prefix of PREFIXES) {
    test(`${prefix}: the page and its files have their types and headers`, async () => {
      const types = { '': 'text/html; charset=utf-8', 'index.html': 'text/html; charset=utf-8',
        'assets/app.js': 'text/javascript; charset=utf-8',
        'assets/app.mjs': 'text/javascript; charset=utf-8',
        'assets/page.css': 'text/css; charset=utf-8', 'assets/avc.wasm': 'application/wasm',
        'assets/icon.svg': 'image/svg+xml',
        'assets/broadway/LICENSE': 'application/octet-stream' };
      for (const camera of ['', 'porch-2/'])
        for (const [name, type] of Object.entries(types)) {
          const got = await stack.request('GET', `${prefix}${camera}${name}`);
          assert.equal(got.status, 200, `${camera}${name}: ${got.text}`);
          assert.equal(got.headers['content-type'], type);
          assert.equal(got.headers['cache-control'], 'no-cache');
          assert.equal(got.headers.expires, undefined);
          assert.ok(got.headers.etag);
          assertSecurityHeaders(got.headers);
        }
    });

    test(`${prefix}: a page without its slash is redirected by a relative 308`, async () => {
      const bare = prefix.slice(0, -1);
      const last = bare.slice(bare.lastIndexOf('/') + 1);
      const got = await stack.request('GET', `${bare}?decoder=broadway`);
      if (prefix !== '/stream/') {
        assert.equal(got.status, 308);
        assert.equal(got.headers.location, `${last}/?decoder=broadway`);
      }
      const camera = await stack.request('GET', `${prefix}porch-2?a=b`);
      assert.equal(camera.status, 308);
      assert.equal(camera.headers.location, 'porch-2/?a=b');
    });

    test(`${prefix}: camera main's page is the mount point`, async () => {
      const got = await stack.request('GET', `${prefix}main/?a=b`);
      assert.equal(got.status, 308);
      assert.equal(got.headers.location, '../?a=b');
      for (const url of ['main/stream.h264', 'main/api/v1/state'])
        assert.equal((await stack.request('GET', `${prefix}${url}`)).status, 200, url);
    });

    test(`${prefix}: the WebSocket reaches the camera's own socket`, async () => {
      for (const [url, camera] of [['stream', 'main'], ['porch-2/stream', 'porch-2']]) {
        const got = await upgrade(stack, `${prefix}${url}?token=x`, { Origin: 'https://else.where' });
        assert.equal(got.status, 101);
        assert.equal(got.message.camera, camera);
        assert.equal(got.message.url, '/stream?token=x');
        assert.equal(got.message.headers.host, `localhost:${stack.port}`);
        assert.equal(got.message.headers['x-forwarded-proto'], 'https');
        assert.equal(got.message.headers.origin, 'https://else.where', 'nalcastd judges it');
      }
    });

    test(`${prefix}: stream.h264, stream.mjpg and snapshot.jpg reach nalcastd`, async () => {
      for (const name of ['stream.h264', 'stream.mjpg', 'snapshot.jpg'])
        for (const [at, camera] of [['', 'main'], ['porch-2/', 'porch-2']]) {
          const got = await stack.request('GET', `${prefix}${at}${name}?quality=80`);
          assert.equal(got.status, 200);
          assert.equal(got.json.camera, camera);
          assert.equal(got.json.url, `/${name}?quality=80`);
          assert.equal(got.json.headers.upgrade, undefined);
        }
    });

    test(`${prefix}: mjpg-streamer's names lead to snapshot.jpg and stream.mjpg`, async () => {
      for (const [action, name] of [['snapshot', 'snapshot.jpg'], ['stream', 'stream.mjpg']])
        for (const [at, camera] of [['', 'main'], ['porch-2/', 'porch-2']]) {
          const got = await stack.request('GET', `${prefix}${at}?action=${action}&quality=80`);
          assert.equal(got.status, 200);
          assert.equal(got.json.camera, camera);
          assert.equal(got.json.url, `/${name}?action=${action}&quality=80`);
        }
      assert.match((await stack.request('GET', `${prefix}?action=other`)).headers['content-type'],
        /^text\/html/);
    });

    test(`${prefix}: the API gets the parameters it is promised`, async () => {
      for (const [at, camera] of [['', 'main'], ['porch-2/', 'porch-2']]) {
        const got = await stack.request('PUT', `${prefix}${at}api/v1/resolution?dry_run=1`, {
          body: { width: 640, height: 480 },
          headers: { 'X-Forwarded-Proto': 'http', Proxy: 'http://evil', Origin: 'https://a.b',
            'Sec-Fetch-Site': 'same-origin' },
        });
        assert.equal(got.status, 200, got.text);
        assert.equal(got.json.size, 26);
        const { params } = got.json;
        assert.equal(params.REQUEST_METHOD, 'PUT');
        assert.equal(params.DOCUMENT_URI, `${prefix}${at}api/v1/resolution`);
        assert.equal(params.QUERY_STRING, 'dry_run=1');
        assert.equal(params.CONTENT_TYPE, 'application/json');
        assert.equal(params.CONTENT_LENGTH, '26');
        assert.equal(params.HTTP_HOST, `localhost:${stack.port}`);
        assert.equal(params.HTTP_ORIGIN, 'https://a.b');
        assert.equal(params.HTTP_SEC_FETCH_SITE, 'same-origin');
        assert.equal(params.HTTP_X_FORWARDED_PROTO, 'https');
        assert.equal(params.REQUEST_SCHEME, 'https');
        assert.ok(!params.HTTP_PROXY);
        assert.equal(params.NALCAST_CAMERA, camera);
        assert.match(params.REMOTE_ADDR, /^(127\.0\.0\.1|::1)$/);
      }
    });

    test(`${prefix}: nothing else is served`, async () => {
      for (const url of ['nothing.js', 'a/b/stream', 'a/b/api/v1/state', 'assets/gone.js',
        'Porch/stream', 'assets/stream', 'api/stream', 'nothing/at/all', 'api/v2/state',
        `${'n'.repeat(33)}/stream`])
        assertProblem(await stack.request('GET', `${prefix}${url}`), 404);
    });
  }

  test('a location of the server keeps its own files', async () => {
    assert.equal((await stack.request('GET', '/other/app.js')).status, 418);
  });

  test('a mount point may be called main', async () => {
    assert.equal((await stack.request('GET', '/a/main/')).status, 200);
    const got = await stack.request('GET', '/a/main/main/');
    assert.equal(got.headers.location, '../');
  });

  test('HTTP/2 serves the page and the API', async () => {
    const got = await stack.request2('GET', '/camera/');
    assert.equal(got.status, 200);
    assertSecurityHeaders(got.headers);
    const api = await stack.request2('POST', '/camera/api/v1/start');
    assert.equal(api.status, 200);
    assert.equal(api.json.params.HTTP_HOST, `localhost:${stack.port}`);
  });

  test('an unchanged file is not sent again', async () => {
    const first = await stack.request('GET', '/camera/assets/app.js');
    const headers = { 'If-None-Match': first.headers.etag };
    const second = await stack.request('GET', '/camera/assets/app.js', { headers });
    assert.equal(second.status, 304);
    assert.equal(second.body.length, 0);
  });

  test('a compressed file is sent where it lies beside the plain one', async () => {
    const headers = { 'Accept-Encoding': 'gzip' };
    const got = await stack.request('GET', '/camera/assets/app.js', { headers });
    assert.equal(got.headers['content-encoding'], 'gzip');
    assert.equal(got.headers.vary, 'Accept-Encoding');
    assert.equal(got.headers['content-type'], 'text/javascript; charset=utf-8');
  });

  test('answers of the programs pass as they are', async () => {
    const stream = await stack.request('GET', '/camera/stream');
    assert.equal(stream.status, 426);
    assert.equal(stream.headers['x-content-type-options'], 'nosniff', 'once');
    const got = await stack.request('GET', '/camera/api/v1/state?conflict');
    assert.equal(got.status, 409);
    assert.equal(got.headers['content-type'], 'application/json');
    assert.equal(got.headers['cache-control'], 'no-store', 'nothing of the page is added');
    assert.equal(got.headers['x-content-type-options'], 'nosniff', 'once');
    assert.equal(got.headers['content-security-policy'], undefined);
  });

  test('the log holds paths, and no query strings', async () => {
    await stack.request('GET', '/camera/api/v1/state?token=secret');
    const log = await waitFor('the line', () => {
      const text = readFileSync(`${stack.dir}/access.log`, 'utf8');
      return text.includes('/camera/api/v1/state HTTP/1.1" 200') && text;
    });
    assert.doesNotMatch(log, /secret|token/);
    assert.doesNotMatch(log, /" (101|426) /, 'viewers are not logged');
  });

  test('the page cannot be posted to', async () => {
    const got = await stack.request('POST', '/camera/', { body: {} });
    assertProblem(got, 405);
    assert.equal(got.headers.allow, 'GET, HEAD');
  });

  test('a body over 64 KiB is refused, announced or not', async () => {
    const body = Buffer.alloc(65537, 0x20);
    const fits = { body: body.subarray(1), headers: { 'Content-Type': 'application/json' } };
    assert.equal((await stack.request('PUT', '/camera/api/v1/resolution', fits)).json.size, 65536);
    assertProblem(await stack.request('PUT', '/camera/api/v1/resolution', { body }), 413);
    assertProblem(await stack.request('GET', '/camera/api/v1/state', { body }), 413);
    const chunked = await new Promise((resolve, reject) => {
      const request = https.request(new URL('/camera/api/v1/start', stack.origin),
        { method: 'POST', ca: stack.ca, agent: false }, (response) => {
          let text = '';
          response.on('data', (chunk) => (text += chunk));
          response.on('end', () => resolve({ status: response.statusCode, text,
            headers: response.headers, json: JSON.parse(text) }));
        });
      request.on('error', reject);
      request.write(body);
      request.end(body);
    });
    assertProblem(chunked, 413);
  });

  test('a body that breaks HTTP is refused by a problem document', async () => {
    assertProblem(await sendRaw(stack, 'PUT /camera/api/v1/resolution HTTP/1.1\r\nHost: a\r\n'
      + 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n'), 400);
  });

  test('a header field that is too large is a 431', async () => {
    const headers = { Cookie: 'x'.repeat(10000) };
    const got = await stack.request('GET', '/camera/api/v1/state', { headers });
    assertProblem(got, 431);
    assertSecurityHeaders(got.headers);
  });

  test('a visitor from elsewhere may neither watch nor control', async () => {
    const urls = [['GET', ''], ['GET', 'assets/app.js'], ['GET', 'stream'],
      ['GET', 'snapshot.jpg'], ['GET', 'stream.h264'], ['GET', 'api/v1/state'],
      ['GET', 'api/v1/viewers'], ['GET', 'porch-2/'], ['GET', 'porch-2/stream'],
      ['POST', 'api/v1/start'], ['PUT', 'api/v1/resolution'], ['DELETE', 'api/v1/viewers/1'],
      ['PATCH', 'api/v1/config'], ['BREW', 'api/v1/state']];
    for (const prefix of PREFIXES)
      for (const [method, url] of urls) {
        const got = await stack.request(method, `${prefix}${url}`, { headers: FOREIGN });
        assertProblem(got, 403);
        assertSecurityHeaders(got.headers);
        assert.equal(got.headers['cache-control'], 'no-store');
      }
    assert.equal((await upgrade(stack, '/camera/stream', FOREIGN)).status, 403);
  });

  test('dead programs are answered for by problem documents', async () => {
    await standIns.fcgi.close();
    await standIns.main.close();
    delete standIns.fcgi;
    delete standIns.main;
    for (const [method, url] of [['GET', 'api/v1/state'], ['POST', 'api/v1/stop'],
      ['GET', 'api/v1/metrics'], ['GET', 'stream'], ['GET', 'snapshot.jpg'],
      ['GET', 'stream.h264'], ['GET', 'nobody/stream']]) {
      const got = await stack.request(method, `/camera/${url}`);
      assertProblem(got, 502);
      assert.equal(got.headers['retry-after'], '2');
    }
    assert.equal((await upgrade(stack, '/camera/stream')).status, 502);
    assert.equal((await upgrade(stack, '/camera/porch-2/stream')).status, 101);
  });
});

describe('watching opened, control not', () => {
  let stack;
  const standIns = [];

  before(async () => {
    stack = await startStack({ nalcastd: false, fcgi: false, server: SERVER,
      watch: 'allow all;\n' });
    standIns.push(await standInStream(stack.sockets.stream), await standInFcgi(stack.sockets.fcgi));
  });
  after(async () => {
    for (const standIn of standIns) await standIn.close();
    await stack?.stop();
  });

  test('everybody may watch', async () => {
    for (const url of ['stream.h264', 'api/v1/state', 'api/v1/resolution', 'api/v1/',
      'api/v1/cameras/viewersx/state'])
      assert.equal((await stack.request('GET', `/camera/${url}`, { headers: FOREIGN })).status, 200);
    for (const method of ['HEAD', 'OPTIONS'])
      assert.equal((await stack.request(method, '/camera/api/v1/state', { headers: FOREIGN })).status,
        200);
    assert.equal((await upgrade(stack, '/camera/stream', FOREIGN)).status, 101);
  });

  test('only this host may control, however the path is written', async () => {
    for (const [method, url] of [['POST', 'start'], ['PUT', 'resolution'], ['PATCH', 'config'],
      ['DELETE', 'viewers/1'], ['GET', 'viewers'], ['GET', 'viewers/'], ['GET', 'metrics'],
      ['GET', 'diagnostics?x=1'], ['GET', 'cameras/porch/viewers'], ['GET', '%76iewers'],
      ['GET', '/viewers'], ['GET', 'state/../metrics'], ['HEAD', 'metrics']]) {
      const got = await stack.request(method, `/camera/api/v1/${url}`, { headers: FOREIGN });
      assert.equal(got.status, 403, `${method} ${url}`);
      const own = await stack.request(method, `/camera/api/v1/${url}`);
      assert.equal(own.status, 200, `${method} ${url}`);
    }
  });

  test('what cannot be answered in time is a 504', { timeout: 60000 }, async () => {
    const got = await stack.request('GET', '/camera/api/v1/state?silent', { timeoutMs: 50000 });
    assertProblem(got, 504);
  });
});

describe('the recipes of nginx/README.md', () => {
  let stack;
  const standIns = [];
  const me = { Authorization: `Basic ${Buffer.from('me:secret').toString('base64')}` };

  before(async () => {
    // auth_request for watching, a password for control.
    stack = await startStack({ nalcastd: false, fcgi: false,
      server: `${SERVER}
        location = /_may_watch { internal; if ($cookie_session = good) { return 204; } return 401; }`,
      watch: 'allow all;\nauth_request /_may_watch;\n',
      control: 'allow all;\nauth_basic "camera";\nauth_basic_user_file @dir@/etc/htpasswd;\n' });
    writeFileSync(`${stack.dir}/etc/htpasswd`, 'me:{PLAIN}secret\n', { mode: 0o644 });
    standIns.push(await standInStream(stack.sockets.stream), await standInFcgi(stack.sockets.fcgi));
  });
  after(async () => {
    for (const standIn of standIns) await standIn.close();
    await stack?.stop();
  });

  test('auth_request guards the stream, the page and reading', async () => {
    const good = { ...FOREIGN, Cookie: 'session=good' };
    for (const url of ['', 'snapshot.jpg', 'api/v1/state'])
      assertProblem(await stack.request('GET', `/camera/${url}`, { headers: FOREIGN }), 401);
    for (const url of ['snapshot.jpg', 'api/v1/state'])
      assert.equal((await stack.request('GET', `/camera/${url}`, { headers: good })).status, 200);
    assert.equal((await upgrade(stack, '/camera/stream', FOREIGN)).status, 401);
    assert.equal((await upgrade(stack, '/camera/stream', good)).status, 101);
  });

  test('auth_basic guards control and asks for the password', async () => {
    const without = await stack.request('POST', '/camera/api/v1/start', { headers: FOREIGN });
    assertProblem(without, 401);
    assert.equal(without.headers['www-authenticate'], 'Basic realm="camera"');
    const headers = { ...FOREIGN, ...me };
    assert.equal((await stack.request('POST', '/camera/api/v1/start', { headers })).status, 200);
    assert.equal((await stack.request('GET', '/camera/api/v1/metrics', { headers })).status, 200);
  });
});

describe('limits of the owner', () => {
  let stack;
  const standIns = [];

  before(async () => {
    stack = await startStack({ nalcastd: false, fcgi: false,
      http: 'limit_req_zone $server_name zone=few:1m rate=1r/m;',
      server: 'location = /_broken { internal; return 404; }',
      watch: 'limit_req zone=few burst=1 nodelay;\n',
      control: 'auth_request /_broken;\n' });
    standIns.push(await standInStream(stack.sockets.stream), await standInFcgi(stack.sockets.fcgi));
  });
  after(async () => {
    for (const standIn of standIns) await standIn.close();
    await stack?.stop();
  });

  test('are told by problem documents, and when to come again', async () => {
    for (const status of [200, 200, 503]) {
      const got = await stack.request('GET', '/camera/api/v1/state');
      if (status === 200) assert.equal(got.status, 200);
      else assertProblem(got, status);
      assert.equal(got.headers['retry-after'], status === 200 ? undefined : '2');
    }
  });

  test('that make no sense are a 500, by a problem document too', async () => {
    assertProblem(await stack.request('GET', '/camera/api/v1/metrics'), 500);
  });
});
