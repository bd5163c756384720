// The servers that fanout.mjs compares, each started afresh for one measurement, and the load
// client's measurement of it. Also for tests/integration/bench.test.mjs.
//
// They run as whoever runs this; when this is killed, the kernel ends them (setpriv --pdeathsig).
// The client has a processor to itself, where there are two: who shares one with whom would else
// be up to the scheduler, and make more of a difference than any of the servers does.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const sourceDir = path.resolve(here, '../..');
export const build = path.resolve(sourceDir, process.env.NALCAST_BUILD ?? 'build');
const python = '/usr/bin/python3'; // Debian's: it has Debian's packages
const viewersMax = 18000;

const tool = (name) => path.join(build, 'tests/bench', name);

/** Processors: the client's, and those of the rest; null: there is but one. */
function shareProcessors() {
  const list = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1];
  const all = list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return all.length > 1 ? { client: all.pop(), rest: all.join(',') } : null;
}

const processors = shareProcessors();

/** A child that ends when this does; stderr is kept for when something goes wrong. */
function start(command, share = 'rest') {
  const place = processors ? ['taskset', '--cpu-list', `${processors[share]}`] : [];
  const child = spawn('setpriv', ['--pdeathsig=TERM', '--', ...place, ...command],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  child.said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (child.said += text));
  child.ended = once(child, 'close');
  return child;
}

async function end(child) {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await child.ended;
  clearTimeout(timer);
}

/** Connects once; says whether somebody accepted. */
function accepts(socket) {
  return new Promise((resolve) => {
    const connection = net.connect(socket);
    connection.on('connect', () => resolve(true)).on('error', () => resolve(false));
    connection.unref().on('connect', () => connection.destroy());
  });
}

async function untilAccepts(child, socket) {
  const deadline = performance.now() + 10000;
  while (!await accepts(socket)) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`${child.spawnargs.at(-1)}: does not serve: ${child.said}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function onSocket(dir, command) {
  const socket = path.join(dir, 'socket');
  const child = start([...command.map((word) => word === 'SOCKET' ? socket : word)]);
  await untilAccepts(child, socket);
  return { child, others: [], address: [`--socket=${socket}`] };
}

function startFloor(dir, { bytes, fps }) {
  return onSocket(dir, [tool('floor'), 'SOCKET', bytes, fps]);
}

/** The same, and what viewers say is read. */
async function startHearing(dir, { bytes, fps }) {
  const server = await onSocket(dir, [tool('floor'), 'SOCKET', bytes, fps, 'hear']);
  return { ...server, load: ['--acks'] };
}

function startWs(dir, { bytes, fps }) {
  return onSocket(dir, [process.execPath, path.join(here, 'ws.mjs'), 'SOCKET', bytes, fps]);
}

/** nalcastd on a live feed through a FIFO, as people feed it from a camera's program. */
async function startNalcastd(dir, { bytes, fps }) {
  const feed = path.join(dir, 'feed'), stateDir = path.join(dir, 'state');
  mkdirSync(stateDir);
  execFileSync('mkfifo', [feed]);
  const source = start(['sh', '-c', 'exec "$@" >"$0"', feed, tool('filler'), bytes, fps]);
  const server = await onSocket(dir, [path.join(build, 'streamer/nalcastd'),
    `--source=file:${feed}`, '--stream-socket=SOCKET', `--control-socket=${path.join(dir, 'c')}`,
    `--state-dir=${stateDir}`, `--viewers-max=${viewersMax}`, '--on-demand=no', '--log-level=warn']
    .map((word) => word.replace('SOCKET', path.join(dir, 'socket'))));
  return { ...server, others: [source], load: [`--kept=${bytes}`] };
}

async function startAcknowledged(dir, scene) {
  const server = await startNalcastd(dir, scene);
  return { ...server, load: [...server.load, '--acks'] };
}

async function startWs4py(dir, { bytes, fps }) {
  const child = start([python, path.join(here, 'ws4py_server.py'), '0', bytes, fps]);
  const [line] = await Promise.race([once(child.stdout, 'data'), child.ended]);
  if (!Number(line)) throw new Error(`ws4py_server.py: ${child.said}`);
  return { child, others: [], address: [`--port=${Number(line)}`] };
}

function wsIsMissing() {
  try {
    createRequire(import.meta.url).resolve('ws');
    return null;
  } catch {
    return 'the package is not there: run npm ci in tests/';
  }
}

function ws4pyIsMissing() {
  try {
    execFileSync(python, ['-c', 'import ws4py'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'the package is not there: apt-get install python3-ws4py';
  }
}

/** What is compared. missing(): why it cannot be, or null. */
export const ways = {
  floor: { title: 'send() loop', start: startFloor },
  hear: { title: 'send() and recv() loop', start: startHearing },
  raw: { title: 'nalcastd, raw', start: startNalcastd },
  // Who comes is listened to at once for a while, also where a crowd's words are gathered.
  acks: { title: 'nalcastd, all acknowledge', start: startAcknowledged, warmMs: 3000 },
  ws: { title: 'npm ws', start: startWs, missing: wsIsMissing },
  ws4py: { title: 'ws4py (TCP)', start: startWs4py, missing: ws4pyIsMissing },
};

/** One measurement: what tests/bench/load says. scene: { viewers, bytes, fps }. */
export async function measure(way, scene, { windowMs, warmMs = ways[way].warmMs ?? 300 }) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'nb-'));
  let server;
  try {
    server = await ways[way].start(dir, scene);
    const load = start([tool('load'), ...server.address, `--pid=${server.child.pid}`,
      `--viewers=${scene.viewers}`, `--fps=${scene.fps}`, `--window-ms=${windowMs}`,
      `--warm-ms=${warmMs}`, ...(server.load ?? [])], 'client');
    let text = '';
    load.stdout.setEncoding('utf8').on('data', (part) => (text += part));
    const [code] = await load.ended;
    if (code !== 0) throw new Error(`${ways[way].title}: ${load.said}${server.child.said}`);
    return JSON.parse(text);
  } finally {
    for (const child of server ? [server.child, ...server.others] : []) await end(child);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Why a build's numbers would say nothing, or null. */
export function unfit() {
  const makefile = path.join(build, 'Makefile');
  if (!existsSync(makefile)) return 'it is not configured';
  const flags = (name) => readFileSync(makefile, 'utf8').match(new RegExp(`^${name} =(.*)$`, 'm'))[1].trim();
  if (flags('SAN_CFLAGS') !== '') return 'it is built with sanitizers';
  return /-O([123s]|fast)/.test(flags('CFLAGS')) ? null
    : `it is not optimised: CFLAGS are '${flags('CFLAGS')}'`;
}
