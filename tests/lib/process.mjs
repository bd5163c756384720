// One child process of a test: started unprivileged, watched, ended, its stderr kept.
// When the test itself is killed, the kernel ends the child (setpriv --pdeathsig).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';

const root = process.getuid() === 0;
const unprivileged = root
  ? ['--reuid=nobody', `--regid=${process.env.NALCAST_TEST_GROUP ?? 'nogroup'}`, '--clear-groups']
  : [];
const sanitizerReport =
  /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w+Sanitizer|runtime error: /;

/** Waits until `probe` gives something true; it is tried again at every turn of a short timer. */
export async function waitFor(what, probe, timeoutMs = 20000) {
  const end = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      const found = await probe();
      if (found) return found;
    } catch (error) {
      if (error.final) throw error;
      last = error;
    }
    if (Date.now() > end)
      throw new Error(`waited ${timeoutMs} ms for ${what}${last ? `: ${last.message}` : ''}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

export class Process {
  constructor(name, command, { env = {}, cwd } = {}) {
    this.name = name;
    this.command = command;
    this.env = env;
    this.cwd = cwd;
    this.log = '';
    this.start();
  }

  start() {
    const [program, ...args] = this.command;
    this.child = spawn(
      'setpriv',
      [...unprivileged, '--pdeathsig=TERM', '--', program, ...args],
      { env: { ...process.env, ...this.env }, cwd: this.cwd, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.exit = null;
    this.exited = once(this.child, 'close').then(([code, signal]) => {
      this.exit = { code, signal };
      return this.exit;
    });
    this.child.stdout.setEncoding('utf8').on('data', (text) => (this.log += text));
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.log += text));
  }

  get pid() {
    return this.child.pid;
  }

  get running() {
    return this.exit === null;
  }

  /** Throws, for use within waitFor, when the process is gone. */
  assertRunning() {
    if (this.running) return;
    const error = new Error(`${this.name} ended (${JSON.stringify(this.exit)}):\n${this.log}`);
    error.final = true;
    throw error;
  }

  /** Sends a signal and waits for the end; gives { code, signal }. */
  async kill(signal = 'SIGKILL', deadlineMs = 10000) {
    if (this.running) this.child.kill(signal);
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, deadlineMs, null)));
    const exit = await Promise.race([this.exited, late]);
    clearTimeout(timer);
    if (exit) return exit;
    this.child.kill('SIGKILL');
    await this.exited;
    throw new Error(`${this.name} did not end within ${deadlineMs} ms of ${signal}:\n${this.log}`);
  }

  /** Stops it where it is; waits until the last of its threads stands still. */
  async pause() {
    const tasks = `/proc/${this.pid}/task`;
    this.child.kill('SIGSTOP');
    await waitFor(`${this.name} to stand still`, () => readdirSync(tasks).every((task) =>
      / T [^)]*$/.test(readFileSync(`${tasks}/${task}/stat`, 'latin1'))));
  }

  resume() {
    this.child.kill('SIGCONT');
  }

  /** Ends it as an owner would, and insists on a clean end: status 0, nothing from a sanitizer. */
  async stop(deadlineMs = 10000) {
    const wasRunning = this.running;
    const exit = await this.kill('SIGTERM', deadlineMs);
    if (wasRunning && exit.code !== 0)
      throw new Error(`${this.name} ended with ${JSON.stringify(exit)}:\n${this.log}`);
    this.assertNoSanitizerReport();
  }

  assertNoSanitizerReport() {
    if (sanitizerReport.test(this.log)) throw new Error(`${this.name}, sanitizer:\n${this.log}`);
  }
}
