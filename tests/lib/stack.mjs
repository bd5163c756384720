// The whole chain for one test: nalcastd, nalcast-fcgi and nginx with TLS, from the templates
// that are shipped, on loopback, as ordinary processes, in a folder of their own.
//
//   const stack = await startStack({ nalcastdArgs: ['--source=test'] });
//   await stack.request('GET', '/camera/api/v1/state');
//   await stack.stop();
//
// Binaries are those of NALCAST_BUILD (default: build), the page that of its stage/ folder.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync,
  readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Process, waitFor } from './process.mjs';

export { Process, waitFor };

export const sourceDir = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

function buildDir() {
  return path.resolve(sourceDir, process.env.NALCAST_BUILD ?? 'build');
}

/** Fills in a template's @words@. */
export function substitute(text, words) {
  return text.replace(/@([a-z0-9_]+)@/g, (all, word) => words[word] ?? all);
}

/** The page's files, as `make install-page wwwdir=BUILD/stage/www` has put them together. */
export function stagedPage(build = buildDir()) {
  const dir = path.resolve(process.env.NALCAST_WWW ?? path.join(build, 'stage/www'));
  return existsSync(path.join(dir, 'index.html')) ? dir : null;
}

function makeCertificate(dir) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1',
    '-keyout', path.join(dir, 'key.pem'), '-out', path.join(dir, 'cert.pem')],
  { stdio: 'pipe' });
}

/** 127.0.0.1, and ::1 where this machine has IPv6. */
function loopbacks() {
  const all = Object.values(os.networkInterfaces()).flat().map((entry) => entry.address);
  return ['127.0.0.1', '::1'].filter((address) => all.includes(address));
}

/** A port nobody listens on, on each of the addresses that nginx is given. */
export async function freePort() {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 30000);
    const free = await Promise.all(loopbacks().map((host) => new Promise((resolve) => {
      const server = net.createServer();
      server.once('error', () => resolve(false));
      server.listen(port, host, () => server.close(() => resolve(true)));
    })));
    if (free.every(Boolean)) return port;
  }
}

/** Does anybody accept at this path or port? */
export function accepts(target) {
  return new Promise((resolve) => {
    const socket = net.connect(target);
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}

function mountPoint(prefix, words) {
  const name = prefix.replace(/\/$/, '');
  const last = name.slice(name.lastIndexOf('/') + 1);
  const redirect = name ? `location = ${name} { return 308 ${last}/$is_args$args; }\n` : '';
  return `${redirect}location ^~ ${prefix} {
    alias ${words.wwwdir}/;
    include ${words.pkgdatadir}/nginx/nalcast-location.conf;
}\n`;
}

function writeNginx(dir, words, options) {
  const templates = path.join(sourceDir, 'nginx');
  const out = path.join(words.pkgdatadir, 'nginx');
  mkdirSync(out, { recursive: true });
  for (const name of readdirSync(templates).filter((file) => file.endsWith('.conf.in'))) {
    const text = readFileSync(path.join(templates, name), 'utf8');
    writeFileSync(path.join(out, name.replace(/\.in$/, '')), substitute(text, words));
  }
  const policy = path.join(words.sysconfdir, 'nalcast/nginx');
  mkdirSync(policy, { recursive: true });
  for (const which of ['watch', 'control'])
    if (options[which]) writeFileSync(path.join(policy, `${which}.conf`), options[which]);
}

/** Everything below dir belongs to the user that the processes run as. */
function giveAway(dir) {
  if (process.getuid() !== 0) return;
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'nobody'])));
  const visit = (name) => {
    chownSync(name, uid, gid);
    if (statSync(name).isDirectory())
      for (const entry of readdirSync(name)) visit(path.join(name, entry));
  };
  visit(dir);
}

class Stack {
  constructor(dir, port) {
    this.dir = dir;
    this.port = port;
    this.origin = `https://localhost:${port}`;
    this.ca = readFileSync(path.join(dir, 'cert.pem'));
    this.procs = {};
  }

  /** What all have written, for messages. */
  get logs() {
    return Object.values(this.procs).map((p) => `--- ${p.name}\n${p.log}`).join('\n');
  }

  /**
   * One HTTPS request; resolves for every status. `body` is sent as JSON unless it is text.
   * bare: without a body's length, as `curl -X PUT` does.
   */
  request(method, url, { body, headers = {}, timeoutMs = 30000, bare = false } = {}) {
    const data = body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
      ? body : JSON.stringify(body);
    const type = data !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body)
      ? { 'Content-Type': 'application/json' } : {};
    const length = data === undefined ? {} : { 'Content-Length': Buffer.byteLength(data) };
    return new Promise((resolve, reject) => {
      const request = https.request(new URL(url, this.origin), {
        method, ca: this.ca, agent: false, headers: { ...type, ...length, ...headers },
      }, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve(answer(response.statusCode, response.headers, chunks)));
      });
      if (bare) for (const name of ['Content-Length', 'Transfer-Encoding']) request.removeHeader(name);
      request.setTimeout(timeoutMs, () => request.destroy(new Error(`no answer to ${url}`)));
      request.on('error', reject);
      request.end(data);
    }).then((got) => this.checked(method, url, got));
  }

  /** The same over HTTP/2. */
  request2(method, url, { body, headers = {} } = {}) {
    return new Promise((resolve, reject) => {
      const session = http2.connect(this.origin, { ca: this.ca });
      session.on('error', reject);
      const stream = session.request({ ':method': method, ':path': url, ...headers });
      const chunks = [];
      let head;
      stream.on('response', (got) => (head = got));
      stream.on('data', (chunk) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('end', () => { session.close(); resolve(answer(head[':status'], head, chunks)); });
      stream.end(body);
    }).then((got) => this.checked(method, url, got));
  }

  /** Holds what our nalcast-fcgi answers against openapi.json; gives the answer. */
  checked(method, url, got) {
    this.checkAnswer?.(method, url, got);
    return got;
  }

  /** One request on the control socket (SOCK_SEQPACKET, which node cannot open). */
  ctl(op, args = {}) {
    const reply = execFileSync('socat',
      ['-t30', '-T30', '-', `UNIX-CONNECT:${this.sockets.control},type=5`],
      { input: JSON.stringify({ v: 1, id: 1, op, args }), maxBuffer: 1 << 20 });
    return JSON.parse(reply);
  }

  /** A camera's own sockets. */
  camera(name) {
    const dir = `${this.dir}/run/nalcast/${name}`;
    return { stream: `${dir}/stream.sock`, control: `${dir}/control.sock` };
  }

  /** Starts again what was killed, and waits until it serves. */
  async restart(name) {
    const proc = this.procs[name];
    if (proc.running) await proc.kill('SIGTERM');
    proc.start();
    await this.ready(name);
  }

  ready(name) {
    const camera = this.camera(/^nalcastd-(.*)/.exec(name)?.[1] ?? 'main');
    const target = { fcgi: this.sockets.fcgi, nginx: { host: '127.0.0.1', port: this.port } }[name];
    return waitFor(`${name} to accept`, async () => {
      this.procs[name].assertRunning();
      return await accepts(target ?? camera.stream) && (target || existsSync(camera.control));
    });
  }

  /** Ends everything; fails when anything ended otherwise than cleanly. */
  async stop() {
    const errors = [];
    for (const proc of Object.values(this.procs).reverse()) {
      try {
        await proc.stop();
      } catch (error) {
        errors.push(error);
      }
    }
    rmSync(this.dir, { recursive: true, force: true });
    if (errors.length) throw errors[0];
  }
}

function answer(status, headers, chunks) {
  const body = Buffer.concat(chunks);
  return {
    status, headers, body,
    get text() { return body.toString('utf8'); },
    get json() { return JSON.parse(body.toString('utf8')); },
  };
}

function programs(build, dir, options) {
  const { stream, control, fcgi } = options.sockets;
  const copy = (name) => {
    // A copy, because the unprivileged user may not be able to look into the build folder.
    const to = path.join(dir, 'bin', path.basename(name));
    cpSync(path.join(build, name), to);
    chmodSync(to, 0o755);
    return to;
  };
  const list = {};
  if (options.nalcastd)
    list.nalcastd = [copy('streamer/nalcastd'), `--stream-socket=${stream}`,
      `--control-socket=${control}`, '--socket-mode=0660', `--state-dir=${dir}/state`,
      ...options.nalcastdArgs];
  for (const [name, args] of Object.entries(options.cameras)) {
    const sockets = options.camera(name);
    list[`nalcastd-${name}`] = [copy('streamer/nalcastd'), `--name=${name}`,
      `--stream-socket=${sockets.stream}`, `--control-socket=${sockets.control}`,
      '--socket-mode=0660', `--state-dir=${dir}/state-${name}`, ...args];
  }
  // What the owner's shell does with `FEED | nalcastd`, with nalcastd as the process that we have.
  if (options.feed)
    list.nalcastd = ['/bin/bash', '-c', `exec "$@" < <(exec ${options.feed})`, 'feed',
      ...list.nalcastd];
  if (options.fcgi)
    list.fcgi = [copy('fcgi/nalcast-fcgi'), `--socket=${fcgi}`, '--socket-mode=0660',
      `--control-socket=${control}`, ...options.fcgiArgs];
  if (options.nginx)
    list.nginx = ['/usr/sbin/nginx', '-p', dir, '-e', 'stderr', '-c',
      path.join(options.words.pkgdatadir, 'nginx/rootless.conf')];
  return list;
}

/**
 * Options: build; nalcastd, fcgi, nginx (true: start it); nalcastdArgs, fcgiArgs; cameras ({ name:
 * nalcastd's arguments } of more than main, whose processes are called nalcastd-NAME); feed (a
 * command whose output is nalcastd's standard input); prefixes;
 * www (folder of the page, default: the staged one); watch, control (text of the owner's two
 * policy files); http, server (text for nginx's blocks, where @words@ are filled in).
 */
export async function startStack({
  build = buildDir(), nalcastd = true, fcgi = true, nginx = true, nalcastdArgs = [],
  fcgiArgs = [], cameras = {}, feed = null, prefixes = ['/camera/', '/deep/er/cam/'], www = stagedPage(build),
  watch = '', control = '', http = '', server = '',
} = {}) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'nc-'));
  chmodSync(dir, 0o755);
  const folders = Object.keys(cameras).flatMap((name) => [`run/nalcast/${name}`, `state-${name}`]);
  for (const sub of ['bin', 'etc', 'run/nalcast/main', 'state', 'tmp', 'www', ...folders])
    mkdirSync(path.join(dir, sub), { recursive: true });
  makeCertificate(dir);
  if (www) cpSync(www, path.join(dir, 'www'), { recursive: true });
  const port = await freePort();
  const listen6 = loopbacks().includes('::1') ? `listen [::1]:${port} ssl http2;` : '';
  const words = { dir, port, listen6, runstatedir: `${dir}/run`, sysconfdir: `${dir}/etc`,
    pkgdatadir: `${dir}/share`, wwwdir: `${dir}/www` };
  const mounts = prefixes.map((prefix) => mountPoint(prefix, words)).join('');
  Object.assign(words, { mounts, http: substitute(http, words), server: substitute(server, words) });
  writeNginx(dir, words, { watch: substitute(watch, words), control: substitute(control, words) });

  const stack = new Stack(dir, port);
  // Stand-ins answer as they like, and need no packages of npm.
  if (fcgi) stack.checkAnswer = (await import('./openapi.mjs')).checkAnswer;
  stack.prefixes = prefixes;
  stack.url = `${stack.origin}${prefixes[0]}`;
  stack.wsUrl = `wss://localhost:${port}${prefixes[0]}stream`;
  stack.sockets = { ...stack.camera('main'), fcgi: `${dir}/run/nalcast/fcgi.sock` };
  const list = programs(build, dir, { nalcastd, fcgi, nginx, nalcastdArgs, fcgiArgs, cameras, feed,
    words, sockets: stack.sockets, camera: (name) => stack.camera(name) });
  giveAway(dir);
  try {
    for (const [name, command] of Object.entries(list)) {
      stack.procs[name] = new Process(name, command, { cwd: dir });
      await stack.ready(name);
    }
  } catch (error) {
    for (const proc of Object.values(stack.procs)) await proc.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  return stack;
}
