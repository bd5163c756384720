// scripts/demo as a child: started with some options, waited for, ended with the test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { sourceDir, waitFor } from './stack.mjs';

const build = path.join(sourceDir, 'build');
const running = new Set();

/** { child, out, exited, ended, code } of a demo that was started. */
export function demo(...options) {
  const child = spawn(path.join(sourceDir, 'scripts/demo'),
    ['--no-install', `--build-dir=${build}`, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  const self = { child, out: '', exited: once(child, 'close').then(([code]) => code) };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (self.out += text));
  running.add(child);
  self.exited.then((code) => { running.delete(child); self.ended = true; self.code = code; });
  return self;
}

/** { url, dir } once the page can be opened. */
export async function ready(started) {
  const text = await waitFor('the demo', () => {
    if (started.ended) throw Object.assign(new Error(started.out), { final: true });
    return /Ctrl-C ends it/.test(started.out) && started.out;
  }, 300000);
  return { url: text.match(/Open (\S+)/)[1], dir: text.match(/Logs: (\S+)\./)[1] };
}

/** Ends those that still run; gives when they have ended. */
export async function endDemos() {
  await Promise.all([...running].map((child) => {
    child.kill('SIGTERM');
    return once(child, 'close');
  }));
}
