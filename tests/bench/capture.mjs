// What a camera costs nalcastd: CPU of all of its threads for a picture, and the time from capture to
// publish, in the camera laboratory's guest (tests/vm). An emulated processor is several times
// slower than ours, so only the rows can be compared, with each other. Printed, not judged.
//
// Usage: node capture.mjs [--quick] [JSON]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { daemonPath, options, printTable, run, writeJson } from './links.mjs';

const { quick, file } = options();
const PICTURES = quick ? 30 : 300;
const build = path.dirname(path.dirname(daemonPath));
const here = path.dirname(fileURLToPath(import.meta.url));

function boot(out) {
  return spawnSync(path.join(here, '../vm/boot'), ['-o', out, '-t', '900', 'sh',
    path.join(here, 'capture.sh'), build, String(PICTURES)], { stdio: ['ignore', 2, 2] }).status;
}

function readRows(text) {
  return text.trim().split('\n').map((line) => {
    const [camera, format, ...numbers] = line.split(' ');
    const [width, height, fps, pictures, cpuUs, p50, p99] = numbers.map(Number);
    return { camera, format, size: `${width}x${height}`, fps, pictures,
      cpu_ms_per_picture: cpuUs / 1000, p50_ms: p50, p99_ms: p99 };
  });
}

await run(() => {
  const out = mkdtempSync(path.join(tmpdir(), 'nalcast-capture-'));
  process.on('exit', () => rmSync(out, { recursive: true, force: true }));
  const status = boot(out);
  if (status === 77) {
    console.log('capture: not measured: there is no virtual machine.');
    return;
  }
  if (status !== 0) throw new Error(`the guest ended with ${status}`);
  const rows = readRows(readFileSync(path.join(out, 'capture'), 'utf8'));
  console.log(`capture: cameras in an emulated guest, ${PICTURES} pictures each, one viewer`);
  printTable({ camera: 'camera', format: 'format', size: 'size', fps: 'fps',
    cpu_ms_per_picture: 'CPU ms a picture', p50_ms: 'to publish p50 ms', p99_ms: 'p99 ms' }, rows);
  writeJson(file, { guest: true, rows });
});
