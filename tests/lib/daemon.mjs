// nalcastd alone, for one test: in a folder of its own, spoken to on its Unix sockets.
//
//   const daemon = await startDaemon(['--fps=30']);
//   await daemon.did('set-resolution', { width: 320, height: 240 });
//   await daemon.stop();
//
// The binary is that of NALCAST_BUILD (default: build). The camera is the test pattern, 160x120.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync,
  rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Process, waitFor } from './process.mjs';
import { accepts, sourceDir } from './stack.mjs';

export { waitFor };

export const tools = path.join(sourceDir, 'tests/tools');

/** For tests that count pictures: on a busy machine the test itself would be a slow viewer. */
export const nobodyIsSlow = '--viewer-lag-max-ms=10000';

const program = path.resolve(sourceDir, process.env.NALCAST_BUILD ?? 'build', 'streamer/nalcastd');

function idOfNobody(flag) {
  return Number(execFileSync('id', [flag, 'nobody']));
}

// What a test that failed left behind: it must neither outlive these tests nor keep them waiting.
const launched = new Set();

process.on('exit', () => {
  for (const daemon of launched) {
    if (daemon.process.running) daemon.process.child.kill('SIGKILL');
    daemon.remove();
  }
});

/** Every wait has a deadline of its own; a child alone is no reason to go on. */
function letGo(child) {
  for (const handle of [child, child.stdin, child.stdout, child.stderr]) handle?.unref();
}

export class Daemon {
  /** wrapper: a command that executes the rest of its arguments. Nothing is started yet. */
  constructor(args = [], { wrapper = [], env = {}, dir = null } = {}) {
    this.dir = dir ?? mkdtempSync(path.join(os.tmpdir(), 'nd-'));
    this.sockets = { stream: `${this.dir}/s`, control: `${this.dir}/c` };
    this.stateDir = `${this.dir}/state`;
    this.args = args;
    this.wrapper = wrapper;
    this.env = env;
    if (dir) return;
    chmodSync(this.dir, 0o755);
    // A copy, because the unprivileged user may not be able to look into the build folder.
    cpSync(program, `${this.dir}/nalcastd`);
    chmodSync(`${this.dir}/nalcastd`, 0o755);
    mkdirSync(this.stateDir);
    if (process.getuid() === 0)
      for (const name of [this.dir, this.stateDir])
        chownSync(name, idOfNobody('-u'), idOfNobody('-g'));
  }

  get command() {
    return [...this.wrapper, `${this.dir}/nalcastd`, '--source=test', '--size=160x120',
      `--stream-socket=${this.sockets.stream}`, `--control-socket=${this.sockets.control}`,
      `--state-dir=${this.stateDir}`, ...this.args];
  }

  launch() {
    this.process = new Process('nalcastd', this.command, { cwd: this.dir, env: this.env });
    letGo(this.process.child);
    launched.add(this);
    return this;
  }

  async ready() {
    await waitFor('nalcastd to accept', async () => {
      this.process.assertRunning();
      return existsSync(this.sockets.control) && await accepts(this.sockets.stream);
    });
    return this;
  }

  get log() {
    return this.process.log;
  }

  /** Starts, expecting it to refuse: gives { code, log }. */
  async refuses() {
    this.launch();
    const exit = await this.exits();
    this.remove();
    return { code: exit.code, log: this.log };
  }

  /** Waits for its end; ends it when that does not come. Gives { code, signal }. */
  async exits() {
    try {
      return await waitFor('its end', () => this.process.exit, 10000);
    } finally {
      if (this.process.running) await this.process.kill('SIGKILL');
    }
  }

  /** One request on the control socket; gives the reply. Viewers here go on meanwhile. */
  async ctl(op, args = {}) {
    const socat = spawn('socat',
      ['-t30', '-T30', '-b65536', '-', `UNIX-CONNECT:${this.sockets.control},type=5`],
      { stdio: ['pipe', 'pipe', 'inherit'] });
    let reply = '';
    socat.stdout.setEncoding('utf8').on('data', (text) => (reply += text));
    socat.stdin.end(JSON.stringify({ v: 1, id: 1, op, args }));
    await once(socat, 'close');
    return JSON.parse(reply);
  }

  /** The result of a request that must succeed. */
  async did(op, args) {
    const reply = await this.ctl(op, args);
    if (!reply.ok) throw new Error(`${op}: ${JSON.stringify(reply)}`);
    return reply.result;
  }

  state() {
    return this.did('state');
  }

  /** A field of /proc/PID/status, as a number. */
  status(field) {
    const text = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return Number(text.match(new RegExp(`^${field}:\\s*(\\d+)`, 'm'))[1]);
  }

  /** Ends and starts it again on the same folder. */
  async restart() {
    await this.process.stop();
    return this.launch().ready();
  }

  remove() {
    launched.delete(this);
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Ends it; fails unless it ends with status 0 and no word from a sanitizer. */
  async stop() {
    try {
      await this.process.stop();
    } finally {
      this.remove();
    }
  }
}

export function startDaemon(args, options) {
  return new Daemon(args, options).launch().ready();
}

/** Connections to the control socket, by number, that stay open; see tests/tools/seqpacket.pl. */
export class Packets {
  constructor(daemon) {
    this.lines = [];
    this.child = spawn('perl', [path.join(tools, 'seqpacket.pl'), daemon.sockets.control],
      { stdio: ['pipe', 'pipe', 'inherit'] });
    letGo(this.child);
    let rest = '';
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      this.lines.push(...lines);
    });
  }

  /** verb: open, send, fill, shut, close. */
  tell(number, verb, rest = '') {
    this.child.stdin.write(`${number} ${verb} ${rest}\n`);
  }

  request(number, op, args = {}, envelope = { v: 1, id: number }) {
    this.tell(number, 'send', JSON.stringify({ ...envelope, op, args }));
  }

  closed(number) {
    return waitFor(`the end of connection ${number}`,
      () => this.lines.includes(`${number} closed`));
  }

  /** Waits for a reply on that connection and takes it; no more comes than was asked for. */
  async reply(number, timeoutMs) {
    const at = await waitFor(`a reply on connection ${number}`, () =>
      1 + this.lines.findIndex((line) => line.startsWith(`${number} packet `)), timeoutMs);
    const [line] = this.lines.splice(at - 1, 1);
    return JSON.parse(line.slice(line.indexOf('{')));
  }

  end() {
    this.child.stdin.end();
  }
}

/**
 * A recording of noise: 480x360, an IDR every second at 15 fps, some 160 kB a picture, so that a
 * socket holds less than one. Gives the options that show it.
 */
export function noise(dir) {
  const file = path.join(dir, 'noise.h264');
  execFileSync('ffmpeg', ['-loglevel', 'error', '-f', 'lavfi', '-i',
    'nullsrc=s=480x360:r=15,geq=random(1)*255:128:128', '-frames:v', '30', '-c:v', 'libx264',
    '-profile:v', 'baseline', '-preset', 'ultrafast', '-qp', '18', '-g', '15', '-sc_threshold', '0',
    '-bsf:v', 'filter_units=remove_types=6', file], { stdio: 'inherit' });
  chmodSync(file, 0o644);
  return [`--source=file:${file}`, '--fps=15'];
}
