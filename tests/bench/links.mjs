// What the benches of viewers and links (join, slow, hop) share: how they are called, the chain
// that is measured, viewers in processes of their own, and how numbers are told.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceDir, startStack, waitFor } from '../lib/stack.mjs';
import { nowUs } from './socket.mjs';

export { waitFor };

export const FPS = 30;
export const FRAME_MS = 1000 / FPS;
export const GOP_FRAMES = 60;
const BEAT_MS = 50;
const STALL_US = 500000; // no garbage collection takes that long here
export const STREAM_ARGS = ['--source=test', '--encoder=x264', '--size=1280x720', `--fps=${FPS}`,
  '--bitrate-bps=2M', `--gop-frames=${GOP_FRAMES}`, '--viewers-max=1000', '--log-level=warn'];

const build = path.resolve(sourceDir, process.env.NALCAST_BUILD ?? 'build');
export const daemonPath = path.join(build, 'streamer/nalcastd');
const here = path.dirname(fileURLToPath(import.meta.url));

/** { quick, file, seed } of the command line: [--quick] [--seed=N] [JSON]. */
export function options() {
  const args = process.argv.slice(2);
  const seed = args.find((arg) => arg.startsWith('--seed='));
  const name = path.basename(process.argv[1], '.mjs');
  return {
    quick: args.includes('--quick'),
    seed: seed ? Number(seed.slice(7)) : 1,
    file: args.find((arg) => !arg.startsWith('--')) ?? path.join(build, `bench/${name}.json`),
  };
}

function checkBuild() {
  if (!existsSync(daemonPath)) {
    console.error(`${daemonPath} is not there: build it, and name the build in NALCAST_BUILD.`);
    process.exit(1);
  }
  const binary = readFileSync(daemonPath);
  const found = ['__asan_init', '__tsan_init', '__ubsan_handle'].find((word) =>
    binary.includes(word));
  if (!found) return;
  console.error(`${daemonPath} was built with sanitizers: its times say nothing. Configure a build`
    + ' without --enable-sanitizers and name it in NALCAST_BUILD.');
  process.exit(1);
}

/** Runs the bench; whatever it leaves behind is ended by handlers of "exit". */
export async function run(main) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));
  checkBuild();
  try {
    await main();
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}

/** nalcastd and nginx with TLS; words for nginx as in startStack(). Ended with this process. */
export async function startChain(words = {}, args = []) {
  const chain = await startStack({ fcgi: false, www: null, nalcastdArgs: [...STREAM_ARGS, ...args],
    prefixes: ['/camera/'], ...words });
  const kill = () => {
    Object.values(chain.procs).forEach((proc) => proc.child.kill('SIGKILL'));
    rmSync(chain.dir, { recursive: true, force: true });
  };
  process.on('exit', kill);
  return Object.assign(chain, {
    unix: { path: chain.sockets.stream },
    tls: { host: '127.0.0.1', port: chain.port, caFile: path.join(chain.dir, 'cert.pem') },
    async end() {
      process.off('exit', kill);
      await chain.stop();
    },
  });
}

/**
 * Viewers in a process of their own (view.mjs). config: target, url, protocol, acks, count, hash.
 * namespace: of the network, where they run.
 */
export class Viewers {
  constructor(config, { namespace = null } = {}) {
    this.count = 0;
    const node = [process.execPath, path.join(here, 'view.mjs'), JSON.stringify(config)];
    this.child = spawn('setpriv', ['--pdeathsig=KILL', '--',
      ...(namespace ? ['ip', 'netns', 'exec', namespace] : []), ...node],
    { stdio: ['pipe', 'pipe', 'inherit'] });
    this.kill = () => this.child.kill('SIGKILL');
    process.on('exit', this.kill);
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    this.text = '';
    this.child.stdout.setEncoding('utf8').on('data', (text) => (this.text += text));
  }

  /** Waits until each of them has a picture. */
  async ready(timeoutMs = 30000) {
    await waitFor('the viewers', () => {
      if (this.child.exitCode !== null)
        throw Object.assign(new Error('the viewers ended'), { final: true });
      return this.text.startsWith('ready\n');
    }, timeoutMs);
    return this;
  }

  /** Ends them; gives { messages: [{ viewer, atUs, size, idr, seq, … }], closed }. */
  async stop() {
    this.child.stdin.end();
    await this.ended;
    process.off('exit', this.kill);
    const { messages, closed } = JSON.parse(this.text.slice(this.text.indexOf('{')));
    const names = ['viewer', 'atUs', 'size', 'idr', 'seq', 'captureUs', 'publishUs', 'hash'];
    return { closed, messages: messages.map((row) =>
      Object.fromEntries(row.map((value, at) => [names[at], value]))) };
  }
}

/** Notes when this whole machine seems to stand still: a virtual one that is frozen, or swaps. */
export function watchMachine() {
  const stalls = [];
  let lastUs = nowUs();
  setInterval(() => {
    const beganUs = lastUs;
    lastUs = nowUs();
    if (lastUs - beganUs > STALL_US) stalls.push([beganUs, lastUs]);
  }, BEAT_MS).unref();
  return {
    stalls,
    stoodStill: (fromUs, toUs) => stalls.some(([begin, end]) => begin < toUs && end > fromUs),
    told: () => (stalls.length === 0 ? 'The machine ran through.' : 'The machine stood still '
      + `${stalls.length} times, ms: ${stalls.map(([from, to]) => (to - from) / 1000 | 0)}.`),
  };
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Marsaglia's xorshift, from 0 to 1: the same for the same seed. */
export function randomFrom(seed) {
  let x = seed | 1;
  for (let i = 0; i < 20; i += 1) x = next(x);
  return () => {
    x = next(x);
    return (x >>> 0) / 2 ** 32;
  };
}

function next(x) {
  let y = x ^ (x << 13);
  y ^= y >>> 17;
  return y ^ (y << 5);
}

/** The value that a share of all does not exceed; NaN of none. */
export function percentile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length ? sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] : NaN;
}

export const median = (values) => percentile(values, 0.5);

function cell(value) {
  if (typeof value !== 'number') return value ?? '';
  if (!Number.isFinite(value)) return '-';
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

/** columns: { key: heading }; text columns to the left, numbers to the right. */
export function printTable(columns, rows) {
  const keys = Object.keys(columns);
  const lines = [keys.map((key) => columns[key]), ...rows.map((row) =>
    keys.map((key) => cell(row[key])))];
  const widths = keys.map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  for (const line of lines)
    console.log(line.map((text, at) => (at === 0 ? text.padEnd(widths[at])
      : text.padStart(widths[at]))).join('  ').trimEnd());
}

export function writeJson(file, value) {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  writeFileSync(file, `${JSON.stringify(value, (key, x) =>
    (typeof x === 'number' ? Number(x.toPrecision(6)) : x), 1)}\n`);
}
