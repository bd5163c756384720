/*
 * A server that plays nalcast for the page's tests, for what a real nalcastd does not do on
 * request: damage, full, sudden ends, silence. Serves www/ and Broadway's files under a prefix
 * with the CSP that nginx sends, a small API, and nalcast.v1 and raw WebSockets.
 */

import { access, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, normalize, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { WebSocketServer } from 'ws';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; "
  + "connect-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; "
  + "frame-ancestors 'none'";

const TYPES = {
  html: 'text/html', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml',
  wasm: 'application/wasm',
};

/* Where the files of build-assets.mjs are. */
export function broadwayDir() {
  return join(resolve(ROOT, process.env.NALCAST_BUILD ?? 'build'), 'www/assets/broadway');
}

function nowUs() {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}

export function messageOf(unit, seq, { captureUs = nowUs(), discontinuity = false } = {}) {
  const header = Buffer.alloc(24);
  header.writeUInt8(1, 0);
  header.writeUInt8((unit.idr ? 1 : 0) | (discontinuity ? 2 : 0), 1);
  header.writeUInt32BE(seq >>> 0, 4);
  header.writeBigUInt64BE(BigInt(captureUs), 8);
  header.writeBigUInt64BE(BigInt(captureUs + 1000), 16);
  return Buffer.concat([header, unit.au]);
}

/* One connection of a page. */
class FakeViewer {
  received = [];
  seq = 0;

  /* Of each seq, which of the units it was. */
  indexOf = new Map();

  /* Keyframes are made when asked for. */
  obliging = true;

  #units = [];
  #index = 0;
  #timer = null;
  #mutate;
  #paused = false;

  constructor(socket) {
    this.socket = socket;
    this.raw = socket.protocol === '';
    socket.on('message', (data, isBinary) => {
      if (!isBinary && !this.raw) this.#heard(JSON.parse(data.toString()));
    });
    socket.on('close', () => this.rest());
  }

  say(message) {
    this.socket.send(JSON.stringify(message));
  }

  hello(fields = {}) {
    this.say({
      type: 'hello', codec: null, width: null, height: null, crop: null, fps: 25, live_seq: null,
      server: 'nalcast test', camera: 'main', running: true, ...fields,
    });
  }

  sendUnit(unit, seq, options) {
    this.socket.send(this.raw ? unit.au : messageOf(unit, seq, options));
  }

  /*
   * Loops through units. mutate(unit, n) may give another { au, idr }, or null for one that is
   * lost on the way (its seq is used up), n counts units sent from 0.
   */
  play(units, { fps = 25, mutate = (unit) => unit } = {}) {
    this.rest();
    this.#units = units;
    this.#index = 0;
    this.#mutate = mutate;
    let n = 0;
    const step = () => {
      if (!this.#paused) this.#sendNext(n);
      n += 1;
    };
    step();
    this.#timer = setInterval(step, 1000 / fps);
  }

  rest() {
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #sendNext(n) {
    const unit = this.#mutate(this.#units[this.#index], n);
    this.indexOf.set(this.seq, this.#index);
    this.#index = (this.#index + 1) % this.#units.length;
    if (unit) this.sendUnit(unit, this.seq);
    this.seq += 1;
  }

  #toIdr() {
    while (this.#units.length > 0 && !this.#units[this.#index].idr) {
      this.#index = (this.#index + 1) % this.#units.length;
    }
  }

  #heard(message) {
    this.received.push(message);
    if (message.type === 'time') {
      const us = nowUs();
      this.say({ type: 'time', t0: message.t0, t1: us, t2: us });
    }
    if (message.type === 'keyframe' && this.obliging) this.#toIdr();
    if (message.type === 'pause') this.#paused = true;
    if (message.type === 'resume') {
      this.#paused = false;
      this.seq += 5;
      this.#toIdr();
    }
  }
}

export class FakeServer {
  viewers = [];
  requests = [];

  /* When set, stream is answered with this status, upgrade or not. */
  refuseStatus = null;

  /* When true, upgrades end without an answer, as behind a proxy that does not know them. */
  refuseUpgrade = false;

  /* Paths under the prefix: answered with 404 always, and the next time. */
  missing = null;
  failOnce = null;

  /* Called for each new viewer. */
  onViewer = (viewer) => viewer.hello();

  camera = {
    running: true, width: 640, height: 480, fps: 25,
    modes: [
      { width: 640, height: 480, fps_max: 60 }, { width: 1280, height: 720, fps_max: 30 },
    ],
  };

  cameras = ['main'];

  /* When set, every unsafe method gets this: { status, problem }. */
  apiProblem = null;

  static async start({ prefix = '/front/cam/' } = {}) {
    await access(join(broadwayDir(), 'Decoder.js'));
    const server = new FakeServer();
    server.prefix = prefix;
    server.http = createServer((request, response) => server.#serve(request, response));
    server.sockets = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) => (offered.has('nalcast.v1') ? 'nalcast.v1' : false),
    });
    server.http.on('upgrade', (...args) => server.#upgrade(...args));
    await new Promise((resolve) => server.http.listen(0, '127.0.0.1', resolve));
    server.url = `http://localhost:${server.http.address().port}${prefix}`;
    return server;
  }

  async stop() {
    for (const viewer of this.viewers) viewer.rest();
    for (const socket of this.sockets.clients) socket.terminate();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  /* The open connections. */
  get watching() {
    return this.viewers.filter((viewer) => viewer.socket.readyState === 1);
  }

  #upgrade(request, socket, head) {
    const status = this.refuseUpgrade ? 400 : this.refuseStatus;
    if (status) {
      socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n\r\n`);
      return;
    }
    this.sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const viewer = new FakeViewer(webSocket);
      this.viewers.push(viewer);
      this.onViewer(viewer);
    });
  }

  async #serve(request, response) {
    const path = new URL(request.url, this.url).pathname;
    if (!path.startsWith(this.prefix)) return this.#answer(response, 404);
    const tail = path.slice(this.prefix.length);
    if (this.#isMissing(tail)) return this.#answer(response, 404);
    if (tail === 'stream') return this.#answer(response, this.refuseStatus ?? 426);
    if (tail.startsWith('api/v1/')) return this.#api(request, response, tail.slice(7));
    return this.#file(response, tail === '' ? 'index.html' : normalize(tail));
  }

  #isMissing(path) {
    const once = path === this.failOnce;
    if (once) this.failOnce = null;
    return once || path === this.missing;
  }

  #answer(response, status, headers = {}, body = '') {
    response.writeHead(status, headers);
    response.end(body);
  }

  async #file(response, name) {
    const broadway = 'assets/broadway/';
    const candidates = name.startsWith(broadway)
      ? [join(broadwayDir(), name.slice(broadway.length))]
      : [join(ROOT, 'www', name), join(ROOT, 'tests/browser', name)];
    for (const candidate of candidates) {
      const bytes = await readFile(candidate).catch(() => null);
      if (!bytes) continue;
      const type = TYPES[name.split('.').at(-1)] ?? 'application/octet-stream';
      return this.#answer(response, 200, {
        'Content-Type': type, 'Content-Security-Policy': CSP, 'Cache-Control': 'no-store',
      }, bytes);
    }
    return this.#answer(response, 404);
  }

  async #api(request, response, path) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const body = text ? JSON.parse(text) : null;
    this.requests.push({ method: request.method, path, body });
    if (request.method !== 'GET' && this.apiProblem) {
      const { status, problem } = this.apiProblem;
      const type = 'application/problem+json';
      return this.#answer(response, status, { 'Content-Type': type }, JSON.stringify(problem));
    }
    const answer = this.#apiAnswer(request.method, path, body);
    if (!answer) return this.#answer(response, 404);
    const type = 'application/json';
    return this.#answer(response, 200, { 'Content-Type': type }, JSON.stringify(answer));
  }

  #apiAnswer(method, path, body) {
    const { camera } = this;
    const { running, width, height, fps, modes } = camera;
    const count = this.watching.length;
    if (method === 'GET' && path === 'state') {
      return { camera: 'main', stream: { running, active: running }, viewers: { count, max: 64 } };
    }
    if (method === 'GET' && path === 'cameras') return this.cameras.map((name) => ({ name }));
    if (method === 'GET' && path === 'resolution') return { width, height, fps, modes };
    if (method === 'POST' && (path === 'start' || path === 'stop')) {
      const want = path === 'start';
      camera.running = want;
      return { running: want, active: want, changed: want !== running };
    }
    if (method === 'PUT' && path === 'resolution') {
      Object.assign(camera, body);
      return { requested: body, effective: body, changed: true, applied: 'now' };
    }
    return null;
  }
}
